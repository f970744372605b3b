//! What a model takes of a card's memory: no more as time goes on, and nothing once it is gone. On an emulated
//! card, or, where CHATTTS_RS_TEST_DEVICE is `cuda`, on the first real one.
#![cfg(feature = "cuda-kernels")]

use std::ops::ControlFlow;
use std::sync::Mutex;

use chattts_rs::backend::cuda::CardInfo;
use chattts_rs::engine::Request;
use chattts_rs::speech::Line;
use chattts_rs::{BatchSize, Devices, Engine, EngineOptions, Limits, Outcome, SamplingParams};

/// Other programs, and the driver itself, take and give back a little.
const SLACK: u64 = 64 << 20;

/// Bytes that are taken, and how many more or less are the same.
fn taken() -> (u64, u64) {
    #[cfg(feature = "cuda-emulator")]
    if std::env::var_os("CHATTTS_RS_TEST_DEVICE").is_none() {
        return (chattts_rs::backend::cuda::emulated_bytes() as u64, 0);
    }
    let memory = CardInfo::of(0).unwrap().memory().unwrap();
    (memory.total - memory.free, SLACK)
}

fn is_real() -> bool {
    std::env::var("CHATTTS_RS_TEST_DEVICE").is_ok_and(|device| device == "cuda")
}

// One test, since the memory of all cards together is counted.
#[test]
fn memory_stays_the_same_and_is_given_back() {
    #[cfg(feature = "cuda-emulator")]
    if !is_real() {
        chattts_rs::backend::cuda::emulate(1, 1 << 30);
    }
    if cfg!(not(feature = "cuda-emulator")) && !is_real() {
        eprintln!("not run: neither an emulated card nor CHATTTS_RS_TEST_DEVICE=cuda");
        return;
    }
    let open = || {
        let mut options = EngineOptions::new("noise");
        options.devices = Devices::Cuda(vec![0]);
        options.batch_size = BatchSize::Fixed(3);
        Engine::open(options).unwrap()
    };
    // The first time the driver takes some for itself.
    drop(open());
    let (before, slack) = taken();
    for _ in 0..50 {
        let engine = open();
        assert!(taken().0 > before + (1 << 20));
        drop(engine);
        assert!(taken().0 <= before + slack, "{} bytes, before {before}", taken().0);
    }

    let engine = open();
    let line = |index: usize| {
        let sampling = SamplingParams { max_tokens: 4, min_tokens: 4, ..SamplingParams::speech() };
        let text = format!("第{index}行。");
        (index, Line::of_request(Request { seed: index as u64, sampling, ..Request::new(text) }))
    };
    let speak = |from: usize, to: usize| {
        let failed = Mutex::new(0);
        let deliver = |outcome: Outcome| *failed.lock().unwrap() += usize::from(outcome.result.is_err());
        engine
            .speak_all((from..to).map(line), Limits::default(), &deliver, || ControlFlow::Continue(()))
            .unwrap();
        assert_eq!(*failed.lock().unwrap(), 0);
        taken().0
    };
    let lines = std::env::var("CHATTTS_RS_TEST_LINES").map_or(150, |lines| lines.parse().unwrap());
    let after_few = speak(0, 12);
    let after_all = speak(12, lines);
    assert!(after_all <= after_few + slack, "{after_all} bytes after {lines} lines, {after_few} after 12");
    drop(engine);
    assert!(taken().0 <= before + slack);
}
