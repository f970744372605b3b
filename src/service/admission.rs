//! Admission: which request is worked on next, and which waits or is refused.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use super::Client;
use crate::speech::Priority;

/// Admits as many requests as the engine has slots. The others wait, interactive ones before bulk ones, and of each
/// kind one of every client in turn. Slots that bulk requests hold count as free for interactive ones, to which the
/// engine gives them.
///
/// No more than a number of requests may wait; where all places are taken, a bulk request makes room for an
/// interactive one, and the last request of a client with many of them for one of a client with fewer. What goes on
/// where it was admitted before, as the sentences of a dialog do, is neither refused nor behind others.
pub struct Admission {
    state: Mutex<State>,
}

/// The refusal of a request because too many wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

struct State {
    slots: usize,
    /// Number of admitted requests, of both kinds and of those that somebody listens to.
    admitted: usize,
    listened: usize,
    /// The most requests that wait.
    places: usize,
    waiting: usize,
    /// Those that go on.
    going_on: VecDeque<Waiting>,
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
pub struct Permit {
    admission: Arc<Admission>,
    priority: Priority,
}

/// A place in the queue, or an admitted request already. Dropping it gives up either.
pub struct Entry {
    admitted: oneshot::Receiver<Result<Permit, Full>>,
    place: Place,
}

/// A place in the queue, which is given up when it is dropped.
struct Place {
    admission: Arc<Admission>,
    number: u64,
}

impl Admission {
    /// Makes an admission that admits nothing yet and lets this many requests wait.
    pub fn new(places: usize) -> Arc<Self> {
        let state = State {
            slots: 0,
            admitted: 0,
            listened: 0,
            places,
            waiting: 0,
            going_on: VecDeque::new(),
            interactive: VecDeque::new(),
            bulk: VecDeque::new(),
            next: 0,
        };
        Arc::new(Admission { state: Mutex::new(state) })
    }

    /// Lets this many more requests be admitted at once.
    pub fn open(self: &Arc<Self>, slots: usize) {
        self.lock().slots += slots;
        self.admit_waiting();
    }

    /// Returns the number of requests that wait.
    pub fn waiting(&self) -> usize {
        let state = self.lock();
        state.waiting + state.going_on.len()
    }

    /// Tells whether an interactive request of this client would be refused now.
    pub fn is_full(&self, client: Client) -> bool {
        let state = self.lock();
        !state.may_admit(Priority::Interactive)
            && state.waiting >= state.places
            && state.gives_way(client, Priority::Interactive).is_none()
    }

    /// Takes a place in the queue, or a slot where one is free. It never waits.
    ///
    /// # Errors
    /// [`Full`] if there is no place.
    pub fn enter(self: &Arc<Self>, client: Client, priority: Priority) -> Result<Entry, Full> {
        let (admit, admitted) = oneshot::channel();
        let mut state = self.lock();
        let number = state.number();
        if state.may_admit(priority) {
            state.count(priority);
            drop(state);
            let _ = admit.send(Ok(self.permit(priority)));
            return Ok(self.entry(number, admitted));
        }
        let mut displaced = None;
        if state.waiting >= state.places {
            displaced = Some(state.displace(client, priority).ok_or(Full)?);
        }
        state.push(client, priority, Waiting { number, admit });
        drop(state);
        if let Some(displaced) = displaced {
            // One whose client has gone at this moment hears nothing, and need not.
            let _ = displaced.admit.send(Err(Full));
        }
        Ok(self.entry(number, admitted))
    }

    /// Takes a place before all others, for what goes on that was admitted before: a dialog, whose next sentence this
    /// is. How much that is was settled when it was admitted.
    pub fn go_on(self: &Arc<Self>) -> Entry {
        let (admit, admitted) = oneshot::channel();
        let mut state = self.lock();
        let number = state.number();
        state.going_on.push_back(Waiting { number, admit });
        drop(state);
        self.admit_waiting();
        self.entry(number, admitted)
    }

    fn entry(self: &Arc<Self>, number: u64, admitted: oneshot::Receiver<Result<Permit, Full>>) -> Entry {
        Entry { admitted, place: Place { admission: Arc::clone(self), number } }
    }

    fn permit(self: &Arc<Self>, priority: Priority) -> Permit {
        Permit { admission: Arc::clone(self), priority }
    }

    fn admit_waiting(self: &Arc<Self>) {
        loop {
            let Some((next, priority)) = self.lock().pop() else { return };
            // One whose client has gone at this moment drops it, and so passes it on.
            let _ = next.admit.send(Ok(self.permit(priority)));
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entry {
    /// Waits for its turn.
    ///
    /// # Errors
    /// [`Full`] if the place has gone to another request.
    pub async fn permit(self) -> Result<Permit, Full> {
        let Entry { admitted, place: _place } = self;
        admitted.await.unwrap_or(Err(Full))
    }
}

impl State {
    fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    fn may_admit(&self, priority: Priority) -> bool {
        match priority {
            Priority::Interactive => self.listened < self.slots,
            Priority::Bulk => self.admitted < self.slots,
        }
    }

    fn count(&mut self, priority: Priority) {
        self.admitted += 1;
        self.listened += usize::from(priority == Priority::Interactive);
    }

    fn lane(&self, priority: Priority) -> &VecDeque<Queue> {
        match priority {
            Priority::Interactive => &self.interactive,
            Priority::Bulk => &self.bulk,
        }
    }

    fn lane_mut(&mut self, priority: Priority) -> &mut VecDeque<Queue> {
        match priority {
            Priority::Interactive => &mut self.interactive,
            Priority::Bulk => &mut self.bulk,
        }
    }

    fn push(&mut self, client: Client, priority: Priority, waiting: Waiting) {
        self.waiting += 1;
        let lane = self.lane_mut(priority);
        match lane.iter_mut().find(|queue| queue.client == client) {
            Some(queue) => queue.requests.push_back(waiting),
            None => lane.push_back(Queue { client, requests: VecDeque::from([waiting]) }),
        }
    }

    /// Takes the next request that may be admitted, counts it, and puts its client behind the others.
    fn pop(&mut self) -> Option<(Waiting, Priority)> {
        if !self.going_on.is_empty() {
            if !self.may_admit(Priority::Interactive) {
                return None;
            }
            let waiting = self.going_on.pop_front()?;
            self.count(Priority::Interactive);
            return Some((waiting, Priority::Interactive));
        }
        let priority = if self.interactive.is_empty() { Priority::Bulk } else { Priority::Interactive };
        if !self.may_admit(priority) {
            return None;
        }
        let lane = self.lane_mut(priority);
        let mut queue = lane.pop_front()?;
        let waiting = queue.requests.pop_front();
        if !queue.requests.is_empty() {
            lane.push_back(queue);
        }
        let waiting = waiting?;
        self.waiting -= 1;
        self.count(priority);
        Some((waiting, priority))
    }

    fn remove(&mut self, number: u64) {
        self.going_on.retain(|waiting| waiting.number != number);
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

    /// Returns the client whose last request makes room for one of this client, and the kind of that request.
    fn gives_way(&self, client: Client, priority: Priority) -> Option<(Client, Priority)> {
        let longest = |lane: &VecDeque<Queue>| {
            let queue = lane.iter().max_by_key(|queue| queue.requests.len())?;
            Some((queue.client, queue.requests.len()))
        };
        if priority == Priority::Interactive
            && let Some((other, _)) = longest(&self.bulk)
        {
            return Some((other, Priority::Bulk));
        }
        let lane = self.lane(priority);
        let own = lane.iter().find(|queue| queue.client == client).map_or(0, |queue| queue.requests.len());
        let (other, places) = longest(lane)?;
        (places > own + 1).then_some((other, priority))
    }

    fn displace(&mut self, client: Client, priority: Priority) -> Option<Waiting> {
        let (other, kind) = self.gives_way(client, priority)?;
        let lane = self.lane_mut(kind);
        let waiting = lane.iter_mut().find(|queue| queue.client == other)?.requests.pop_back();
        lane.retain(|queue| !queue.requests.is_empty());
        self.waiting -= usize::from(waiting.is_some());
        waiting
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        {
            let mut state = self.admission.lock();
            state.admitted -= 1;
            state.listened -= usize::from(self.priority == Priority::Interactive);
        }
        self.admission.admit_waiting();
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.admission.lock().remove(self.number);
    }
}

#[cfg(test)]
#[path = "admission_tests.rs"]
mod tests;
