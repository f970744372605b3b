//! What a model takes of a card's memory: no more as time goes on, and nothing once it is gone.
#![cfg(feature = "cuda-emulator")]

use std::ops::ControlFlow;
use std::sync::Mutex;

use chattts_rs::cuda::{emulate, emulated_bytes};
use chattts_rs::pipeline::{Limits, Line, run};
use chattts_rs::{ChatTts, DeviceChoice, LoadOptions, ModelSource, Request, SamplingParams};

// One test, since the memory of all cards together is counted.
#[test]
fn memory_stays_the_same_and_is_given_back() {
    emulate(1, 1 << 30);
    let options = LoadOptions { device: DeviceChoice::Cuda(0), batch_size: 3, ..LoadOptions::default() };
    let source: ModelSource = "demo".parse().unwrap();
    for _ in 0..50 {
        let tts = ChatTts::load(&source, options).unwrap();
        assert!(emulated_bytes() > 1 << 20);
        drop(tts);
        assert_eq!(emulated_bytes(), 0);
    }

    let mut tts = ChatTts::load(&source, options).unwrap();
    let line = |index: usize| {
        let sampling = SamplingParams { max_tokens: 4, min_tokens: 4, ..SamplingParams::speech() };
        let request = Request { seed: index as u64, sampling, ..Request::new("") };
        Line { index, pieces: vec![format!("第{index}行。").into()], request, voices: Vec::new() }
    };
    let mut speak = |from: usize, to: usize| {
        let failed = Mutex::new(0);
        let deliver = |outcome: chattts_rs::pipeline::Outcome| {
            *failed.lock().unwrap() += usize::from(outcome.result.is_err());
        };
        run(&mut tts, (from..to).map(line), Limits::default(), &deliver, |_| ControlFlow::Continue(()))
            .unwrap();
        assert_eq!(*failed.lock().unwrap(), 0);
        emulated_bytes()
    };
    let after_few = speak(0, 12);
    assert_eq!(speak(12, 150), after_few);
    drop(tts);
    assert_eq!(emulated_bytes(), 0);
}
