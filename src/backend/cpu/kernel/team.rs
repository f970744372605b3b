//! Threads that work on one thing together, many times a second.
//!
//! A decode step is some hundred parallel parts of a few dozen microseconds each, so a part must begin
//! within about a microsecond: threads that wait look for work for a short while before they sleep. Tasks
//! are taken one by one, so a thread that the system has taken off its processor is not waited for unless
//! it is in the middle of a task, and whoever waits goes to sleep soon: on a shared machine the loss is what
//! the others take, not a multiple.

use std::any::Any;
use std::cell::UnsafeCell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering, fence};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

/// The time that a thread looks for work, or for the end of it, before it sleeps.
const PATIENCE: Duration = Duration::from_micros(60);
/// Looks between two glances at the clock.
const LOOKS: usize = 64;
/// Bits of the number of a task.
const TASK_BITS: u32 = 20;
const TASK_MASK: u64 = (1 << TASK_BITS) - 1;

/// Owns a number of threads, the caller's among them.
pub struct Team {
    shared: Arc<Shared>,
    /// Held by the caller whose work is being done.
    caller: Mutex<()>,
    threads: usize,
    workers: Vec<std::thread::JoinHandle<()>>,
}

struct Shared {
    /// The number of the job, how many tasks it has, the next of them that nobody has: what is taken by a
    /// change of this is taken by one thread alone.
    state: AtomicU64,
    job: UnsafeCell<Job>,
    /// Tasks of the job that are done.
    done: AtomicUsize,
    sleepers: AtomicUsize,
    /// Whether the caller sleeps.
    caller_sleeps: AtomicBool,
    lock: Mutex<()>,
    wake_workers: Condvar,
    wake_caller: Condvar,
    panic: Mutex<Option<Box<dyn Any + Send>>>,
    closing: AtomicBool,
}

/// Borrows a `Fn(usize)`, which outlives its tasks because the caller waits for them.
#[derive(Clone, Copy)]
struct Job {
    data: *const (),
    call: unsafe fn(*const (), usize),
}

// SAFETY: `job` is written only while no task of it is left or being done, and read only by whoever holds a
// task of it; it points to something `Sync`.
unsafe impl Sync for Shared {}
// SAFETY: as above.
unsafe impl Send for Shared {}

impl Team {
    /// Returns the team of this process: as many threads as rayon's pool has.
    pub fn global() -> &'static Team {
        static TEAM: OnceLock<Team> = OnceLock::new();
        TEAM.get_or_init(|| Team::new(rayon::current_num_threads()))
    }

    /// Starts a team of so many threads, at least 1. If the system gives fewer, it is smaller.
    pub fn new(threads: usize) -> Self {
        unsafe fn nothing(_: *const (), _: usize) {}
        let shared = Arc::new(Shared {
            state: AtomicU64::new(0),
            job: UnsafeCell::new(Job { data: std::ptr::null(), call: nothing }),
            done: AtomicUsize::new(0),
            sleepers: AtomicUsize::new(0),
            caller_sleeps: AtomicBool::new(false),
            lock: Mutex::new(()),
            wake_workers: Condvar::new(),
            wake_caller: Condvar::new(),
            panic: Mutex::new(None),
            closing: AtomicBool::new(false),
        });
        let spawn = |i: usize| {
            let shared = Arc::clone(&shared);
            let name = format!("compute-{i}");
            std::thread::Builder::new().name(name).spawn(move || shared.work()).ok()
        };
        let workers: Vec<_> = (1..threads).map_while(spawn).collect();
        let short = threads.saturating_sub(workers.len() + 1);
        let team = Team { shared, caller: Mutex::new(()), threads: workers.len() + 1, workers };
        // The last threads that there are belong to those without whom nothing works.
        match short {
            0 => team,
            _ => {
                let fewer = team.threads.saturating_sub(crate::threads::SPARE).max(1);
                drop(team);
                Team::new(fewer)
            }
        }
    }

    /// Returns how many threads it has, the caller's among them.
    pub fn threads(&self) -> usize {
        self.threads
    }

    /// Runs `task(0)` to `task(tasks − 1)`, each once, on any of the threads, and returns when all are done.
    /// If one panics, so does this; where several threads work, after the others are done. A task must not
    /// call `run` of its own team.
    pub fn run<F: Fn(usize) + Sync>(&self, tasks: usize, task: F) {
        unsafe fn call<F: Fn(usize)>(data: *const (), index: usize) {
            // SAFETY: `run` keeps the closure until all tasks are done.
            unsafe { (*data.cast::<F>())(index) }
        }
        if tasks <= 1 || self.threads == 1 || tasks as u64 > TASK_MASK {
            (0..tasks).for_each(task);
            return;
        }
        let turn = lock(&self.caller);
        let shared = &*self.shared;
        // SAFETY: all tasks of the job before are done (that is when its `run` returned), so nobody reads it.
        unsafe { *shared.job.get() = Job { data: (&raw const task).cast(), call: call::<F> } };
        shared.done.store(0, Ordering::Relaxed);
        let number = (shared.state.load(Ordering::Relaxed) >> (2 * TASK_BITS)).wrapping_add(1);
        shared.state.store(number << (2 * TASK_BITS) | (tasks as u64) << TASK_BITS, Ordering::Release);
        // Pairs with the fence of a thread that goes to sleep: either it sees the job or we see it sleep.
        fence(Ordering::SeqCst);
        if shared.sleepers.load(Ordering::Relaxed) > 0 {
            drop(lock(&shared.lock));
            shared.wake_workers.notify_all();
        }
        while shared.take() {}
        shared.wait_until_done(tasks);
        // Before the next caller's turn, whose panics are its own.
        let panic = lock(&shared.panic).take();
        drop(turn);
        if let Some(panic) = panic {
            resume_unwind(panic);
        }
    }
}

impl Drop for Team {
    fn drop(&mut self) {
        self.shared.closing.store(true, Ordering::SeqCst);
        drop(lock(&self.shared.lock));
        self.shared.wake_workers.notify_all();
        for worker in self.workers.drain(..) {
            // A worker catches the panics of tasks and has none of its own.
            let _ = worker.join();
        }
    }
}

impl Shared {
    /// Takes a task and does it; false if none is left.
    fn take(&self) -> bool {
        let mut state = self.state.load(Ordering::Acquire);
        loop {
            let (tasks, next) = (state >> TASK_BITS & TASK_MASK, state & TASK_MASK);
            if next >= tasks {
                return false;
            }
            match self.state.compare_exchange_weak(state, state + 1, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => {
                    // SAFETY: this thread holds a task of the job, which therefore stays.
                    let job = unsafe { *self.job.get() };
                    // SAFETY: as above.
                    let call = AssertUnwindSafe(|| unsafe { (job.call)(job.data, next as usize) });
                    if let Err(panic) = catch_unwind(call) {
                        *lock(&self.panic) = Some(panic);
                    }
                    self.finish(tasks as usize);
                    return true;
                }
                Err(found) => state = found,
            }
        }
    }

    fn finish(&self, tasks: usize) {
        if self.done.fetch_add(1, Ordering::SeqCst) + 1 == tasks && self.caller_sleeps.load(Ordering::SeqCst)
        {
            drop(lock(&self.lock));
            self.wake_caller.notify_all();
        }
    }

    fn wait_until_done(&self, tasks: usize) {
        let is_done = || self.done.load(Ordering::SeqCst) >= tasks;
        if patiently(is_done) {
            return;
        }
        let mut guard = lock(&self.lock);
        self.caller_sleeps.store(true, Ordering::SeqCst);
        while !is_done() {
            guard = self.wake_caller.wait(guard).unwrap_or_else(PoisonError::into_inner);
        }
        self.caller_sleeps.store(false, Ordering::SeqCst);
    }

    fn work(&self) {
        let has_work = || {
            let state = self.state.load(Ordering::Acquire);
            (state & TASK_MASK) < (state >> TASK_BITS & TASK_MASK)
        };
        let is_closing = || self.closing.load(Ordering::SeqCst);
        while !is_closing() {
            while self.take() {}
            if patiently(|| has_work() || is_closing()) {
                continue;
            }
            let mut guard = lock(&self.lock);
            self.sleepers.fetch_add(1, Ordering::SeqCst);
            fence(Ordering::SeqCst);
            while !has_work() && !is_closing() {
                guard = self.wake_workers.wait(guard).unwrap_or_else(PoisonError::into_inner);
            }
            self.sleepers.fetch_sub(1, Ordering::SeqCst);
        }
    }
}

/// Looks for a while; whether it came.
fn patiently(has_come: impl Fn() -> bool) -> bool {
    let start = Instant::now();
    loop {
        for _ in 0..LOOKS {
            if has_come() {
                return true;
            }
            std::hint::spin_loop();
        }
        if start.elapsed() > PATIENCE {
            return false;
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
#[path = "team_tests.rs"]
mod tests;
