//! The threads that compute: as many as were asked for, or as many as the system gives.
//!
//! Rayon's pool of the process can be made once only, and panics for ever if a thread of it cannot be had. So its
//! threads are started first, and the pool gets those that are there.

use std::io;
use std::num::NonZero;
use std::sync::OnceLock;
use std::sync::mpsc::{Sender, channel};
use std::thread::JoinHandle;

use crate::error::{Error, Result};

/// The number of threads that are left to others where there are few: a worker, its renderer, those that write,
/// look-ups of names.
pub(crate) const SPARE: usize = 6;

/// A thread that waits for its work.
struct Waiting {
    work: Sender<rayon::ThreadBuilder>,
    thread: JoinHandle<()>,
}

/// Starts the threads that compute, once for the process: `wanted`, or one per core.
///
/// # Errors
/// [`Error::Threads`] if the system gives none; [`Error::Parameter`] if as many as are wanted cannot be had, or the
/// process already computes with another number.
pub(crate) fn start(wanted: Option<usize>) -> Result<()> {
    static FEW: OnceLock<Option<io::ErrorKind>> = OnceLock::new();
    let few = *FEW.get_or_init(|| build(wanted.unwrap_or_else(usual)));
    // Without a thread there is no pool to ask.
    if let Some(kind) = few {
        return Err(Error::Threads(kind.into()));
    }
    match (wanted, rayon::current_num_threads()) {
        (Some(wanted), is) if is != wanted => Err(Error::parameter(
            "threads",
            format!("{wanted}; this process computes with {is}, or the system gives no more"),
        )),
        _ => Ok(()),
    }
}

/// Returns the number of threads that rayon would choose.
fn usual() -> usize {
    let set = std::env::var("RAYON_NUM_THREADS").ok().and_then(|number| number.parse().ok());
    let cores = || std::thread::available_parallelism().map_or(1, NonZero::get);
    set.filter(|number| *number > 0).unwrap_or_else(cores)
}

/// Makes the pool; returns the reason if there is no thread for it.
fn build(wanted: usize) -> Option<io::ErrorKind> {
    let crew = match gather(wanted, &spawn) {
        Ok(crew) => crew,
        Err(error) => return Some(error.kind()),
    };
    let count = crew.len();
    let mut crew = crew.into_iter();
    let pool = rayon::ThreadPoolBuilder::new().num_threads(count).spawn_handler(move |thread| {
        let next = crew.next().and_then(|waiting| waiting.work.send(thread).ok());
        next.ok_or_else(|| io::ErrorKind::WouldBlock.into())
    });
    // A pool that is there already keeps its size.
    let _ = pool.build_global();
    None
}

fn spawn() -> io::Result<Waiting> {
    let (work, given) = channel::<rayon::ThreadBuilder>();
    let body = move || {
        if let Ok(thread) = given.recv() {
            thread.run();
        }
    };
    let thread = std::thread::Builder::new().spawn(body)?;
    Ok(Waiting { work, thread })
}

/// Starts so many threads, at least one; fewer where the system does not give them and [`SPARE`] more.
fn gather(wanted: usize, spawn: &dyn Fn() -> io::Result<Waiting>) -> io::Result<Vec<Waiting>> {
    let mut crew = Vec::new();
    let mut failure = None;
    while crew.len() < wanted + SPARE && failure.is_none() {
        match spawn() {
            Ok(waiting) => crew.push(waiting),
            Err(error) => failure = Some(error),
        }
    }
    let kept = match failure {
        None => wanted,
        Some(error) if crew.is_empty() => return Err(error),
        Some(_) => to_keep(wanted, crew.len()),
    };
    for Waiting { work, thread } in crew.split_off(kept) {
        drop(work);
        // It had nothing to do, so it cannot have panicked; its place must be free for others.
        let _ = thread.join();
    }
    Ok(crew)
}

/// Returns how many of the threads that can be had are kept, at least one. Kernels have a team of as many beside
/// the pool, the caller's thread among them.
fn to_keep(wanted: usize, had: usize) -> usize {
    ((had + 1).saturating_sub(SPARE) / 2).clamp(1, wanted.max(1))
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    /// Gathers where the system gives so many threads.
    fn gathered(wanted: usize, given: usize) -> io::Result<usize> {
        let left = Cell::new(given);
        let crew = gather(wanted, &|| {
            left.set(left.get().checked_sub(1).ok_or(io::ErrorKind::WouldBlock)?);
            spawn()
        })?;
        Ok(crew.len())
    }

    #[test]
    fn fewer_threads_than_were_wanted_are_enough() {
        assert_eq!(gathered(8, 100).unwrap(), 8);
        assert_eq!(gathered(8, 8 + SPARE).unwrap(), 8);
        assert_eq!(gathered(8, 7 + SPARE).unwrap(), 4);
        for given in 1..=SPARE + 1 {
            assert_eq!(gathered(8, given).unwrap(), 1, "of {given}");
        }
    }

    #[test]
    fn no_thread_at_all_is_an_error() {
        assert_eq!(gathered(8, 0).unwrap_err().kind(), io::ErrorKind::WouldBlock);
    }
}
