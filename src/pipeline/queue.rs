//! The lines that are still to be spoken, shared by the devices that speak them.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::iter::Peekable;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use super::Line;
use crate::error::{Error, Result};

/// Deals lines to devices, one by one to whoever asks, and takes them back from a device that fails.
pub(super) struct Queue<'a> {
    state: Mutex<State<'a>>,
    /// What a device that waits for a line may want to know.
    changed: Condvar,
    ahead: Option<usize>,
    stopped: AtomicBool,
}

struct State<'a> {
    lines: Peekable<&'a mut (dyn Iterator<Item = Line> + Send)>,
    /// Lines that were given back, which go first.
    returned: BTreeMap<usize, Line>,
    /// Lines that were ever given back.
    suspects: HashSet<usize>,
    /// Lines that were ever dealt and are not delivered.
    open: BTreeSet<usize>,
    /// Lines that are dealt and neither finished nor given back.
    held: usize,
    /// Devices that have not failed.
    devices: usize,
    /// Why the run ended before its end.
    error: Option<Error>,
}

/// What a device gets that asks for a line.
#[derive(Debug)]
pub(super) enum Next {
    /// A line.
    Line(Box<Line>),
    /// None now: the next one is out of reach, or there may be one that is given back.
    Later,
    /// None any more.
    Over,
}

/// What became of the lines that a device gave back.
pub(super) struct GivenBack {
    /// How many others will take.
    pub returned: usize,
    /// Those that were given back before, which are to be finished: they may be what devices fail of.
    pub refused: Vec<usize>,
    /// Whether there are others.
    pub others: bool,
}

impl<'a> Queue<'a> {
    pub fn new(
        lines: &'a mut (dyn Iterator<Item = Line> + Send),
        ahead: Option<usize>,
        devices: usize,
    ) -> Self {
        let state = State {
            lines: lines.peekable(),
            returned: BTreeMap::new(),
            suspects: HashSet::new(),
            open: BTreeSet::new(),
            held: 0,
            devices,
            error: None,
        };
        let (changed, stopped) = (Condvar::new(), AtomicBool::new(false));
        Queue { state: Mutex::new(state), changed, ahead, stopped }
    }

    /// The next line, if there is one now.
    pub fn take(&self) -> Next {
        match self.is_stopped() {
            true => Next::Over,
            false => self.lock().next(self.ahead),
        }
    }

    /// The next line, which may be one that another device gives back; none when the run is over. To be
    /// asked by a device that holds no line.
    pub fn wait(&self) -> Option<Box<Line>> {
        let mut state = self.lock();
        while !self.is_stopped() {
            match state.next(self.ahead) {
                Next::Line(line) => return Some(line),
                Next::Over => return None,
                Next::Later => {
                    state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
                }
            }
        }
        None
    }

    /// A line is on its way to be delivered.
    pub fn finished(&self) {
        let mut state = self.lock();
        state.held = state.held.saturating_sub(1);
        if state.held == 0 {
            self.changed.notify_all();
        }
    }

    /// A line is delivered.
    pub fn delivered(&self, index: usize) {
        let mut state = self.lock();
        state.open.remove(&index);
        if self.ahead.is_some() {
            self.changed.notify_all();
        }
    }

    /// A device fails, with these lines begun.
    pub fn give_back(&self, lines: impl IntoIterator<Item = Line>) -> GivenBack {
        let mut state = self.lock();
        let mut given = GivenBack { returned: 0, refused: Vec::new(), others: false };
        for line in lines {
            if state.suspects.insert(line.index) {
                given.returned += 1;
                state.held = state.held.saturating_sub(1);
                state.returned.insert(line.index, line);
            } else {
                given.refused.push(line.index);
            }
        }
        given.refused.sort_unstable();
        state.devices = state.devices.saturating_sub(1);
        given.others = state.devices > 0;
        self.changed.notify_all();
        given
    }

    /// Ends the run for all devices, unless that was done before.
    pub fn stop(&self, error: Error) {
        let mut state = self.lock();
        state.error.get_or_insert(error);
        // Under the lock, so that nobody falls asleep between its look at this and its wait.
        self.stopped.store(true, Ordering::Relaxed);
        self.changed.notify_all();
    }

    pub fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    /// How the run ended.
    pub fn result(self) -> Result<()> {
        let state = self.state.into_inner().unwrap_or_else(PoisonError::into_inner);
        state.error.map_or(Ok(()), Err)
    }

    fn lock(&self) -> MutexGuard<'_, State<'a>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State<'_> {
    fn next(&mut self, ahead: Option<usize>) -> Next {
        let line = match self.returned.pop_first() {
            Some((_, line)) => line,
            None => {
                let Some(index) = self.lines.peek().map(|line| line.index) else {
                    return if self.held == 0 { Next::Over } else { Next::Later };
                };
                let first = self.open.first().copied().unwrap_or(index);
                if ahead.is_some_and(|ahead| index.saturating_sub(first) > ahead) {
                    return Next::Later;
                }
                let Some(line) = self.lines.next() else { return Next::Over };
                self.open.insert(index);
                line
            }
        };
        self.held += 1;
        Next::Line(Box::new(line))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Request;

    fn line(index: usize) -> Line {
        Line { index, pieces: Vec::new(), request: Request::new(""), voices: Vec::new() }
    }

    fn index(next: Next) -> Option<usize> {
        if let Next::Line(line) = next { Some(line.index) } else { None }
    }

    #[test]
    fn lines_that_are_given_back_go_first_and_in_order() {
        let mut lines = (0..4).map(line);
        let queue = Queue::new(&mut lines, None, 3);
        let taken: Vec<_> = (0..3).filter_map(|_| index(queue.take())).collect();
        assert_eq!(taken, [0, 1, 2]);
        let given = queue.give_back([line(2), line(0)]);
        assert!(given.returned == 2 && given.refused.is_empty() && given.others);
        assert_eq!((0..3).filter_map(|_| index(queue.take())).collect::<Vec<_>>(), [0, 2, 3]);
        let given = queue.give_back([line(3), line(2), line(0)]);
        assert!(given.returned == 1 && given.refused == [0, 2] && given.others);
        assert!(!queue.give_back([]).others);
    }

    #[test]
    fn it_is_over_when_no_line_can_come_back() {
        let mut lines = (0..2).map(line);
        let queue = Queue::new(&mut lines, None, 2);
        queue.take();
        queue.take();
        assert!(matches!(queue.take(), Next::Later));
        queue.finished();
        assert!(matches!(queue.take(), Next::Later));
        queue.finished();
        assert!(matches!(queue.take(), Next::Over) && queue.wait().is_none());
        queue.result().unwrap();
    }

    #[test]
    fn reach_counts_from_the_first_line_that_is_not_delivered() {
        let mut lines = [3, 4, 6, 9].into_iter().map(line);
        let queue = Queue::new(&mut lines, Some(2), 2);
        assert_eq!([index(queue.take()), index(queue.take())], [Some(3), Some(4)]);
        queue.finished();
        queue.delivered(4);
        assert!(matches!(queue.take(), Next::Later));
        queue.give_back([line(3)]);
        assert_eq!(index(queue.take()), Some(3));
        assert!(matches!(queue.take(), Next::Later));
        queue.finished();
        assert!(matches!(queue.take(), Next::Later), "finished is not delivered");
        queue.delivered(3);
        assert_eq!(index(queue.take()), Some(6));
        queue.finished();
        queue.delivered(6);
        assert_eq!(index(queue.take()), Some(9));
    }

    #[test]
    fn a_device_that_waits_is_woken() {
        let mut lines = (0..1).map(line);
        let queue = Queue::new(&mut lines, None, 2);
        queue.take();
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| queue.wait().map(|line| line.index));
            queue.give_back([line(0)]);
            assert_eq!(waiting.join().unwrap(), Some(0));
            let waiting = scope.spawn(|| queue.wait().is_none());
            queue.stop(Error::Interrupted);
            assert!(waiting.join().unwrap());
        });
        queue.stop(Error::Device("too late".into()));
        assert!(matches!(queue.result(), Err(Error::Interrupted)));
    }
}
