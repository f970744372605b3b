//! Measures how soon a stream sounds, alone and while a batch holds every slot:
//! `cargo run --release --example first_sound -- [MODEL] [STREAMS]`.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use chattts_rs::{Engine, EngineOptions, Event, Limits, SpeechRequest};

const TEXT: &str = "今天我们去了城里的老书店，买了三本书，回家的路上下起了小雨。";
/// Tokens of a bulk line, 10 seconds of speech.
const BULK_TOKENS: usize = 469;

fn request(seed: u64, tokens: usize) -> SpeechRequest {
    let mut request = SpeechRequest::new(TEXT);
    let sampling = &mut request.overrides.sampling;
    (sampling.seed, sampling.min_tokens, sampling.max_tokens) = (Some(seed), Some(tokens), Some(tokens));
    request
}

/// Seconds to the first samples of some streams, one after another, in order of size.
fn first_sounds(engine: &Engine, streams: u64) -> anyhow::Result<Vec<f64>> {
    let mut times = Vec::new();
    for seed in 0..streams {
        let start = Instant::now();
        let mut speech = engine.speak(request(seed, 200))?;
        let sounds = speech.find(|event| !matches!(event, Ok(Event::Started { .. })));
        sounds.transpose()?;
        times.push(start.elapsed().as_secs_f64());
        // What is left of it is not wanted.
        drop(speech);
        std::thread::sleep(Duration::from_millis(300));
    }
    times.sort_by(f64::total_cmp);
    Ok(times)
}

fn show(what: &str, times: &[f64]) {
    let at = |share: f64| 1e3 * times[((times.len() - 1) as f64 * share).round() as usize];
    println!("{what}: first sound after {:.0} ms (median), {:.0} ms (longest)", at(0.5), at(1.0));
}

fn main() -> anyhow::Result<()> {
    let mut args = std::env::args().skip(1);
    let model = args.next().unwrap_or_else(|| "demo".into());
    let streams = args.next().map_or(Ok(9), |count| count.parse())?;
    let engine = Engine::open(EngineOptions::from_env(model))?;
    println!("{:?}", engine);
    first_sounds(&engine, 2)?;
    show("idle", &first_sounds(&engine, streams)?);

    let is_over = AtomicBool::new(false);
    let times = std::thread::scope(|scope| {
        scope.spawn(|| {
            let lines = (0..10_000)
                .filter_map(|index| Some((index, engine.compose(&request(index as u64, BULK_TOKENS)).ok()?)));
            let go_on = || match is_over.load(Ordering::Relaxed) {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            };
            engine.speak_all(lines, Limits::default(), &|_| {}, go_on)
        });
        while engine.stats().devices.iter().any(|device| device.slots_held < device.slots) {
            std::thread::sleep(Duration::from_millis(50));
        }
        // Past the first tokens of all of them.
        std::thread::sleep(Duration::from_secs(3));
        let times = first_sounds(&engine, streams);
        is_over.store(true, Ordering::Relaxed);
        times
    })?;
    show("with all slots held", &times);
    println!("{:?}", engine.stats());
    Ok(())
}
