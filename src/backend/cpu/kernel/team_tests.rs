use std::sync::mpsc::{self, RecvTimeoutError};

use super::*;

/// The time that a team is kept busy by callers that ask at once.
const STRESS: Duration = Duration::from_millis(1500);
/// A test that takes longer waits for something that never comes.
const HANGS: Duration = Duration::from_secs(90);

/// Draws numbers that are the same each time: xorshift64.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 33) as usize % end
    }
}

/// Fails instead of hanging.
fn within_time(body: impl FnOnce() + Send + 'static) {
    let (done, is_done) = mpsc::channel::<()>();
    let thread = std::thread::spawn(move || {
        let _done = done;
        body();
    });
    if is_done.recv_timeout(HANGS) == Err(RecvTimeoutError::Timeout) {
        panic!("somebody waits for ever");
    }
    if let Err(panic) = thread.join() {
        resume_unwind(panic);
    }
}

/// Runs jobs of all sizes until it is time, some with a task that panics, and returns how many did.
fn keep_asking(team: &Team, caller: usize, end: Instant) -> usize {
    let mut random = Random(0x9e37_79b9 + caller as u64);
    let mut panics = 0;
    for round in 0.. {
        if Instant::now() >= end {
            break;
        }
        let tasks = match random.below(24) {
            0 => 5000,
            few => few,
        };
        let fails = Some(random.below(tasks)).filter(|_| round % 3 == 0);
        let (short, long) = (random.below(9), random.below(9));
        let counts: Vec<AtomicUsize> = (0..tasks).map(|_| AtomicUsize::new(0)).collect();
        let ran = catch_unwind(AssertUnwindSafe(|| {
            team.run(tasks, |task| {
                match task % 9 {
                    part if part == short => (0..500).for_each(|_| std::hint::spin_loop()),
                    part if part == long && tasks < 24 => std::thread::sleep(PATIENCE),
                    _ => {}
                }
                counts[task].fetch_add(1, Ordering::Relaxed);
                if fails == Some(task) {
                    // Without a message on standard error.
                    resume_unwind(Box::new((caller, round)));
                }
            });
        }));
        assert!(counts.iter().all(|count| count.load(Ordering::Relaxed) == 1), "{tasks} tasks");
        match ran {
            Ok(()) => assert_eq!(fails, None, "a panic was lost"),
            Err(panic) => {
                assert_eq!(panic.downcast_ref(), Some(&(caller, round)), "another caller's panic");
                panics += 1;
            }
        }
        if random.below(16) == 0 {
            // Long enough for the workers to fall asleep, now and then.
            std::thread::sleep(PATIENCE * random.below(4) as u32);
        }
    }
    panics
}

#[test]
fn callers_that_ask_at_once_each_get_their_own_tasks_done_and_their_own_panics() {
    within_time(|| {
        for threads in [2, 3, 8] {
            let team = Team::new(threads);
            let end = Instant::now() + STRESS;
            let panics: usize = std::thread::scope(|scope| {
                let ask = |caller| {
                    scope.spawn({
                        let team = &team;
                        move || keep_asking(team, caller, end)
                    })
                };
                let callers: Vec<_> = (0..6).map(ask).collect();
                callers.into_iter().map(|caller| caller.join().unwrap()).sum()
            });
            assert!(panics > 0);
        }
    });
}

#[test]
fn a_team_may_be_dropped_at_any_time() {
    within_time(|| {
        let mut random = Random(11);
        let end = Instant::now() + STRESS;
        while Instant::now() < end {
            // Its workers may be starting, looking for work or asleep, and a task may just have panicked.
            let team = Arc::new(Team::new(1 + random.below(5)));
            let ask = |(caller, rounds, pause): (usize, usize, usize)| {
                let team = Arc::clone(&team);
                std::thread::spawn(move || {
                    for round in 0..rounds {
                        let done = AtomicUsize::new(0);
                        let ran = catch_unwind(AssertUnwindSafe(|| {
                            team.run(7, |task| {
                                done.fetch_add(1, Ordering::Relaxed);
                                if (task, round) == (6, caller) {
                                    resume_unwind(Box::new(caller));
                                }
                            });
                        }));
                        assert_eq!((done.into_inner(), ran.is_err()), (7, round == caller));
                    }
                    std::thread::sleep(PATIENCE * pause as u32);
                })
            };
            let callers: Vec<_> =
                (0..3).map(|caller| ask((caller, random.below(4), random.below(3)))).collect();
            drop(team);
            for caller in callers {
                caller.join().unwrap();
            }
        }
    });
}

#[test]
fn every_task_is_done_once() {
    for threads in [1, 2, 3, 8] {
        let team = Team::new(threads);
        for round in 0..2000 {
            let tasks = round % 37;
            let counts: Vec<AtomicUsize> = (0..tasks).map(|_| AtomicUsize::new(0)).collect();
            team.run(tasks, |i| {
                counts[i].fetch_add(1, Ordering::Relaxed);
            });
            assert!(counts.iter().all(|count| count.load(Ordering::Relaxed) == 1), "{threads} {tasks}");
        }
    }
}

#[test]
fn it_wakes_from_sleep() {
    let team = Team::new(3);
    for _ in 0..20 {
        std::thread::sleep(4 * PATIENCE);
        let count = AtomicUsize::new(0);
        team.run(9, |_| {
            std::thread::sleep(PATIENCE);
            count.fetch_add(1, Ordering::Relaxed);
        });
        assert_eq!(count.into_inner(), 9);
    }
}

#[test]
fn several_callers_take_turns() {
    let team = Team::new(2);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..500 {
                    let sum = AtomicUsize::new(0);
                    team.run(10, |i| {
                        sum.fetch_add(i, Ordering::Relaxed);
                    });
                    assert_eq!(sum.into_inner(), 45);
                }
            });
        }
    });
}

#[test]
fn a_panic_reaches_the_caller_and_the_team_lives_on() {
    let team = Team::new(2);
    let done = AtomicUsize::new(0);
    let result = catch_unwind(AssertUnwindSafe(|| {
        team.run(8, |i| {
            assert!(i != 3, "three");
            done.fetch_add(1, Ordering::Relaxed);
        });
    }));
    assert!(result.is_err());
    assert_eq!(done.load(Ordering::Relaxed), 7);
    team.run(8, |_| {
        done.fetch_add(1, Ordering::Relaxed);
    });
    assert_eq!(done.into_inner(), 15);
}
