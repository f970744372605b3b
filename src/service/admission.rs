//! Admission: which request is worked on next, and which waits or is refused.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use super::Client;
use crate::speech::Priority;

/// Admits as many requests as the engine has slots. The others wait, interactive ones before bulk ones, and of each
/// kind one of every client in turn. No more than a number of them may wait; where all places are taken, the last
/// request of a client with many of them makes room for one of a client with fewer.
pub struct Admission {
    state: Mutex<State>,
}

/// The refusal of a request because too many wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

struct State {
    /// Number of requests that may still be admitted.
    free: usize,
    /// The most requests that wait.
    places: usize,
    waiting: usize,
    interactive: VecDeque<Queue>,
    bulk: VecDeque<Queue>,
    next: u64,
}

/// The waiting requests of one client.
struct Queue {
    client: Client,
    requests: VecDeque<Waiting>,
}

struct Waiting {
    number: u64,
    admit: oneshot::Sender<Result<Permit, Full>>,
}

/// An admitted request; dropping it admits the next one.
pub struct Permit(Arc<Admission>);

/// A place in the queue, which is given up when it is dropped.
struct Place<'a> {
    admission: &'a Admission,
    number: u64,
}

impl Admission {
    /// Makes an admission that admits nothing yet and lets this many requests wait.
    pub fn new(places: usize) -> Arc<Self> {
        let state = State {
            free: 0,
            places,
            waiting: 0,
            interactive: VecDeque::new(),
            bulk: VecDeque::new(),
            next: 0,
        };
        Arc::new(Admission { state: Mutex::new(state) })
    }

    /// Lets this many more requests be admitted at once.
    pub fn open(self: &Arc<Self>, slots: usize) {
        for _ in 0..slots {
            drop(Permit(Arc::clone(self)));
        }
    }

    /// Returns the number of requests that wait.
    pub fn waiting(&self) -> usize {
        self.lock().waiting
    }

    /// Tells whether a request of this client would be refused now.
    pub fn is_full(&self, client: Client) -> bool {
        let state = self.lock();
        state.free == 0 && state.waiting >= state.places && state.longest(client).is_none()
    }

    /// Waits for its turn. Dropping the future gives up the place.
    ///
    /// # Errors
    /// [`Full`], at once if no place is free, or later if the place goes to a client that has fewer of them.
    pub async fn admit(self: &Arc<Self>, client: Client, priority: Priority) -> Result<Permit, Full> {
        let (admit, admitted) = oneshot::channel();
        let (number, displaced) = {
            let mut state = self.lock();
            if state.free > 0 {
                state.free -= 1;
                return Ok(Permit(Arc::clone(self)));
            }
            let mut displaced = None;
            if state.waiting >= state.places {
                displaced = Some(state.displace(client).ok_or(Full)?);
            }
            let number = state.next;
            state.next += 1;
            state.push(client, priority, Waiting { number, admit });
            (number, displaced)
        };
        if let Some(displaced) = displaced {
            // One whose client has gone at this moment hears nothing, and need not.
            let _ = displaced.admit.send(Err(Full));
        }
        let _place = Place { admission: self, number };
        admitted.await.unwrap_or(Err(Full))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn lane(&mut self, priority: Priority) -> &mut VecDeque<Queue> {
        match priority {
            Priority::Interactive => &mut self.interactive,
            Priority::Bulk => &mut self.bulk,
        }
    }

    fn push(&mut self, client: Client, priority: Priority, waiting: Waiting) {
        self.waiting += 1;
        let lane = self.lane(priority);
        match lane.iter_mut().find(|queue| queue.client == client) {
            Some(queue) => queue.requests.push_back(waiting),
            None => lane.push_back(Queue { client, requests: VecDeque::from([waiting]) }),
        }
    }

    /// Takes the next request, and puts its client behind the others.
    fn pop(&mut self) -> Option<Waiting> {
        let lane = if self.interactive.is_empty() { &mut self.bulk } else { &mut self.interactive };
        let mut queue = lane.pop_front()?;
        let waiting = queue.requests.pop_front();
        if !queue.requests.is_empty() {
            lane.push_back(queue);
        }
        self.waiting -= usize::from(waiting.is_some());
        waiting
    }

    fn remove(&mut self, number: u64) {
        for lane in [&mut self.interactive, &mut self.bulk] {
            for queue in lane.iter_mut() {
                if let Some(at) = queue.requests.iter().position(|waiting| waiting.number == number) {
                    queue.requests.remove(at);
                    self.waiting -= 1;
                }
            }
            lane.retain(|queue| !queue.requests.is_empty());
        }
    }

    fn held_by(&self, client: Client) -> usize {
        let queues = self.interactive.iter().chain(&self.bulk);
        queues.filter(|queue| queue.client == client).map(|queue| queue.requests.len()).sum()
    }

    /// Returns the client with the most places, if they are more than this one would have.
    fn longest(&self, client: Client) -> Option<Client> {
        let queues = self.interactive.iter().chain(&self.bulk);
        let longest = queues.map(|queue| queue.client).max_by_key(|other| self.held_by(*other))?;
        (self.held_by(longest) > self.held_by(client) + 1).then_some(longest)
    }

    /// Takes the last request of the client with the most places.
    fn displace(&mut self, client: Client) -> Option<Waiting> {
        let longest = self.longest(client)?;
        // Bulk work waits longer anyway.
        for lane in [&mut self.bulk, &mut self.interactive] {
            if let Some(queue) = lane.iter_mut().find(|queue| queue.client == longest) {
                let waiting = queue.requests.pop_back();
                lane.retain(|queue| !queue.requests.is_empty());
                self.waiting -= usize::from(waiting.is_some());
                return waiting;
            }
        }
        None
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let next = {
            let mut state = self.0.lock();
            let next = state.pop();
            state.free += usize::from(next.is_none());
            next
        };
        if let Some(next) = next {
            // One whose client has gone at this moment drops it, and so passes it on.
            let _ = next.admit.send(Ok(Permit(Arc::clone(&self.0))));
        }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.admission.lock().remove(self.number);
    }
}

#[cfg(test)]
#[path = "admission_tests.rs"]
mod tests;
