use std::collections::{BTreeMap, HashSet};
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::testing::checkpoint;
use super::*;
use crate::engine::{Batch, Input, Request};
use crate::error::{Error, Result};
use crate::loading::LoadedModel;
use crate::sampling::SamplingParams;
use crate::speech::{Composer, Line, Piece, Priority, Voices};
use crate::voice::{Registry, SeedKind, Voice};

const SLOTS: usize = 3;
const LINES: usize = 60;

fn rigged(name: &str, before: impl FnMut(&Batch) -> Result<()> + Send + 'static) -> LoadedModel {
    testing::rigged(name, SLOTS, before)
}

fn device(name: &str) -> LoadedModel {
    rigged(name, |_| Ok(()))
}

fn slow(name: &str, pause: Duration) -> LoadedModel {
    rigged(name, move |_| {
        std::thread::sleep(pause);
        Ok(())
    })
}

/// Makes a device that fails once so many outcomes are delivered.
fn failing(name: &str, delivered: &Arc<AtomicUsize>, at: usize) -> LoadedModel {
    let (delivered, reason) = (Arc::clone(delivered), format!("{name} is hot"));
    rigged(name, move |_| match delivered.load(Ordering::SeqCst) >= at {
        true => Err(Error::Device(reason.clone())),
        false => Ok(()),
    })
}

type Failures = Arc<Mutex<Vec<(String, usize)>>>;

/// Makes an engine over these devices, and a list of those that fail.
fn engine(models: Vec<LoadedModel>) -> (Engine, Failures) {
    let failures = Failures::default();
    let heard = Arc::clone(&failures);
    let mut options = EngineOptions::new("noise");
    options.observer = Some(Arc::new(move |notice: &Notice| {
        if let Notice::DeviceFailed { device, error, lines } = notice {
            assert_eq!(error.to_string(), format!("device: {device} is hot"));
            heard.lock().unwrap().push((device.to_string(), *lines));
        }
    }));
    let composer = Composer::new(Voices::new(&checkpoint(), Registry::shipped()));
    (Engine::of_models(models, Arc::new(composer), &options).unwrap(), failures)
}

/// Makes lines of all lengths, some of several pieces.
fn line(index: usize) -> Line {
    let texts = ["你好", "今天天气很好", "Hello", "一二三四五六七八九十"];
    let pieces = if index % 5 == 4 { 3 } else { 1 };
    let mut request = Request::new("");
    request.seed = index as u64;
    request.sampling = SamplingParams { max_tokens: 3 + index * 7 % 23, ..SamplingParams::speech() };
    let piece =
        |piece: usize| Piece { text: texts[(index + piece) % texts.len()].into(), ..Piece::default() };
    Line { pieces: (0..pieces).map(piece).collect(), ..Line::of_request(request) }
}

fn lines() -> Vec<Line> {
    (0..LINES).map(line).collect()
}

/// Makes a line that takes long.
fn long(seed: u64) -> Line {
    let mut request = Request::new("一二三四五六七八九十");
    request.seed = seed;
    request.sampling = SamplingParams { max_tokens: 900, min_tokens: 900, ..SamplingParams::speech() };
    Line::of_request(request)
}

/// Holds the outcomes that were delivered.
struct Heard {
    outcomes: BTreeMap<usize, Result<Spoken>>,
    result: Result<()>,
}

fn bits(samples: &[f32]) -> Vec<u32> {
    samples.iter().map(|sample| sample.to_bits()).collect()
}

impl Heard {
    /// Returns the waves' bits of the lines that were spoken.
    fn waves(&self) -> BTreeMap<usize, Vec<u32>> {
        let spoken = self.outcomes.iter().filter_map(|(index, result)| Some((*index, result.as_ref().ok()?)));
        spoken.map(|(index, spoken)| (index, bits(&spoken.samples))).collect()
    }
}

#[test]
fn samples_may_be_taken_while_a_line_grows() {
    let whole = alone(lines());
    let (engine, _) = engine(vec![device("a")]);
    let taken: Mutex<BTreeMap<usize, Vec<u32>>> = Mutex::default();
    let left = AtomicUsize::new(0);
    let grow = |index: usize, samples: &mut Vec<f32>| {
        // Every other line's, so that both ways are gone.
        if index.is_multiple_of(2) {
            taken.lock().unwrap().entry(index).or_default().extend(bits(samples));
            samples.clear();
        }
    };
    let deliver = |outcome: Outcome| {
        let samples = bits(&outcome.result.unwrap().samples);
        left.fetch_add(samples.len(), Ordering::SeqCst);
        taken.lock().unwrap().entry(outcome.index).or_default().extend(samples);
    };
    let lines = lines().into_iter().enumerate();
    let go_on = || ControlFlow::Continue(());
    engine.speak_all_growing(lines, Limits::default(), &grow, &deliver, go_on).unwrap();
    let total: usize = whole.values().map(Vec::len).sum();
    assert!(*taken.lock().unwrap() == whole && left.load(Ordering::SeqCst) < total);
}

/// Runs lines to their end; each outcome must come once.
fn speak(engine: &Engine, lines: Vec<Line>, limits: Limits, delivered: &AtomicUsize) -> Heard {
    let outcomes = Mutex::new(BTreeMap::new());
    let deliver = |outcome: Outcome| {
        let before = outcomes.lock().unwrap().insert(outcome.index, outcome.result);
        assert!(before.is_none(), "line {} came twice", outcome.index);
        delivered.fetch_add(1, Ordering::SeqCst);
    };
    let lines = lines.into_iter().enumerate();
    let result = engine.speak_all(lines, limits, &deliver, || ControlFlow::Continue(()));
    Heard { outcomes: outcomes.into_inner().unwrap(), result }
}

/// Returns the waves of the lines from one device alone.
fn alone(lines: Vec<Line>) -> BTreeMap<usize, Vec<u32>> {
    let (engine, _) = engine(vec![device("one")]);
    let heard = speak(&engine, lines, Limits::default(), &AtomicUsize::new(0));
    heard.result.as_ref().unwrap();
    heard.waves()
}

#[test]
fn two_devices_speak_what_one_would() {
    let (engine, failures) = engine(vec![device("a"), device("b")]);
    let expected = alone(lines());
    // Nothing is left behind: the same engine may go on.
    for _ in 0..2 {
        let heard = speak(&engine, lines(), Limits::default(), &AtomicUsize::new(0));
        heard.result.as_ref().unwrap();
        let waves = heard.waves();
        assert!(waves.len() == LINES && waves == expected);
    }
    assert!(failures.lock().unwrap().is_empty());
    let stats = engine.stats();
    assert_eq!((stats.completed, stats.failed, stats.running, stats.queued), (2 * LINES as u64, 0, 0, 0));
    assert!(stats.steps > 0 && stats.tokens > 0 && stats.audio_seconds > 0.0);
    assert_eq!((stats.devices.len(), stats.queue_time.count), (2, 2 * LINES as u64));
}

#[test]
fn a_stream_gives_the_samples_of_the_whole() {
    let (engine, _) = engine(vec![device("one")]);
    let expected = alone(lines());
    let speeches: Vec<_> = lines().into_iter().map(|line| engine.speak_line(line).unwrap()).collect();
    for (index, speech) in speeches.into_iter().enumerate() {
        let wave = speech.collect_wave().unwrap();
        assert!(bits(&wave.samples) == expected[&index], "line {index}");
    }
    // One that is long enough to come in many parts.
    let mut parts = 0;
    let mut samples = Vec::new();
    for event in engine.speak_line(long(7)).unwrap() {
        let event = event.unwrap();
        parts += usize::from(!event.samples().is_empty());
        samples.extend_from_slice(event.samples());
    }
    let whole = alone(vec![long(7)]);
    assert!(parts > 3 && bits(&samples) == whole[&0], "{parts} parts");
}

#[test]
fn the_lines_of_a_device_that_fails_are_spoken_by_the_other() {
    for fails_first in [true, false] {
        let delivered = Arc::default();
        let mut models = vec![failing("bad", &delivered, 10), device("good")];
        if !fails_first {
            models.reverse();
        }
        let (engine, failures) = engine(models);
        let heard = speak(&engine, lines(), Limits { ahead: Some(16) }, &delivered);
        heard.result.as_ref().unwrap();
        assert!(heard.waves() == alone(lines()));
        let failures = failures.lock().unwrap();
        let [(name, lines)] = &failures[..] else { panic!("{failures:?}") };
        assert!(name == "bad" && *lines > 0, "{lines}");
        assert!(engine.stats().devices.iter().any(|device| device.name == "bad" && device.has_failed));
    }
}

#[test]
fn a_stream_goes_on_where_a_device_failed() {
    let mut pieces = long(3);
    pieces.request.sampling = SamplingParams { max_tokens: 300, min_tokens: 300, ..SamplingParams::speech() };
    pieces.pieces = vec![pieces.pieces[0].clone(); 3];
    let expected = alone(vec![pieces.clone()]);
    // Within each piece, whichever device has it.
    for at in [150, 450, 550] {
        let steps = Arc::new(AtomicUsize::new(0));
        let failing = |name: &str| {
            let (steps, reason) = (Arc::clone(&steps), format!("{name} is hot"));
            rigged(name, move |_| match steps.fetch_add(1, Ordering::SeqCst) == at {
                true => Err(Error::Device(reason.clone())),
                false => Ok(()),
            })
        };
        let (engine, failures) = engine(vec![failing("a"), failing("b")]);
        let mut streamed = Vec::new();
        for event in engine.speak_line(pieces.clone()).unwrap() {
            streamed.extend_from_slice(event.unwrap().samples());
        }
        assert!(bits(&streamed) == expected[&0], "{} of {}", streamed.len(), expected[&0].len());
        assert!(matches!(&failures.lock().unwrap()[..], [(_, 1)]));
    }
}

#[test]
fn when_all_fail_the_last_error_is_the_run_s_and_what_was_finished_is_delivered() {
    let delivered = Arc::default();
    let (two, failures) = engine(vec![failing("a", &delivered, 8), failing("b", &delivered, 20)]);
    let heard = speak(&two, lines(), Limits::default(), &delivered);
    let failures = failures.lock().unwrap();
    let [(name, _)] = &failures[..] else { panic!("{failures:?}") };
    let last = if name == "a" { "b" } else { "a" };
    let error = heard.result.as_ref().unwrap_err().to_string();
    assert_eq!(error, format!("device: {last}: {last} is hot"));
    let (waves, expected) = (heard.waves(), alone(lines()));
    assert!(waves.len() >= 20 && waves.len() < LINES, "{}", waves.len());
    assert!(waves.iter().all(|(index, wave)| expected[index] == *wave));
    // Nothing is taken any more.
    assert_eq!(two.speak_line(line(1)).unwrap_err().to_string(), error);
}

#[test]
fn a_slow_device_gets_fewer_lines() {
    let started: [Arc<AtomicUsize>; 2] = Default::default();
    let counting = |name: &str, counter: &Arc<AtomicUsize>, pause: Duration| {
        let counter = Arc::clone(counter);
        rigged(name, move |batch| {
            std::thread::sleep(pause);
            let prompts = batch.rows.iter().filter(|row| row.position == 0).count();
            counter.fetch_add(prompts, Ordering::SeqCst);
            Ok(())
        })
    };
    let (engine, _) = engine(vec![
        counting("slow", &started[0], Duration::from_millis(50)),
        counting("fast", &started[1], Duration::ZERO),
    ]);
    let heard = speak(&engine, lines(), Limits::default(), &AtomicUsize::new(0));
    heard.result.as_ref().unwrap();
    assert_eq!(heard.outcomes.len(), LINES);
    let [slow, fast] = started.map(|counter| counter.load(Ordering::SeqCst));
    assert!(slow > 0 && 2 * slow < fast, "{slow} and {fast}");
}

#[test]
fn no_device_runs_too_far_ahead_and_lines_are_taken_as_they_are_needed() {
    const AHEAD: usize = 5;
    let delivered = Mutex::new(HashSet::new());
    let first_missing = || {
        let delivered = delivered.lock().unwrap();
        (0..LINES).find(|index| !delivered.contains(index)).unwrap_or(LINES)
    };
    // One line is looked at before it is known to be within reach.
    let taken = lines().into_iter().enumerate();
    let taken = taken.inspect(|(index, _)| assert!(*index <= first_missing() + AHEAD + 1));
    let (engine, _) = engine(vec![slow("slow", Duration::from_millis(3)), device("fast")]);
    let deliver = |outcome: Outcome| {
        std::thread::sleep(Duration::from_millis(outcome.index as u64 % 4 * 3));
        delivered.lock().unwrap().insert(outcome.index);
    };
    let limits = Limits { ahead: Some(AHEAD) };
    engine.speak_all(taken, limits, &deliver, || ControlFlow::Continue(())).unwrap();
    assert_eq!(first_missing(), LINES);
}

#[test]
fn an_iterator_that_waits_holds_up_nobody_else() {
    let (engine, _) = engine(vec![device("one")]);
    let (send, lines) = std::sync::mpsc::channel();
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| {
            let outcomes = AtomicUsize::new(0);
            let deliver = |_: Outcome| {
                outcomes.fetch_add(1, Ordering::SeqCst);
            };
            engine.speak_all(lines, Limits::default(), &deliver, || ControlFlow::Continue(())).unwrap();
            outcomes.into_inner()
        });
        send.send((0, line(0))).unwrap();
        // While it waits for more.
        let heard = speak(&engine, lines_of(10), Limits::default(), &AtomicUsize::new(0));
        assert_eq!(heard.outcomes.len(), 10);
        send.send((1, line(1))).unwrap();
        drop(send);
        assert_eq!(waiting.join().unwrap(), 2);
    });
}

fn lines_of(count: usize) -> Vec<Line> {
    (0..count).map(line).collect()
}

#[test]
fn an_interruption_stops_all_and_keeps_what_is_finished() {
    let outcomes = Mutex::new(BTreeMap::new());
    let deliver = |outcome: Outcome| {
        outcomes.lock().unwrap().insert(outcome.index, outcome.result);
    };
    let models = vec![slow("a", Duration::from_millis(1)), slow("b", Duration::from_millis(1))];
    let (engine, _) = engine(models);
    let go_on = || match outcomes.lock().unwrap().len() >= 12 {
        true => ControlFlow::Break(()),
        false => ControlFlow::Continue(()),
    };
    let result = engine.speak_all((0..10 * LINES).map(|i| (i, line(i))), Limits::default(), &deliver, go_on);
    assert!(matches!(result, Err(Error::Interrupted)));
    let heard = Heard { outcomes: outcomes.into_inner().unwrap(), result };
    let (waves, expected) = (heard.waves(), alone((0..10 * LINES).map(line).collect()));
    assert!(waves.len() >= 12 && waves.len() < 10 * LINES, "{}", waves.len());
    assert!(waves.len() == heard.outcomes.len(), "what was interrupted is no outcome");
    assert!(waves.iter().all(|(index, wave)| expected[index] == *wave));
    // All slots are free again.
    assert_eq!(speak(&engine, lines_of(6), Limits::default(), &AtomicUsize::new(0)).outcomes.len(), 6);
}

#[test]
fn a_line_that_devices_fail_of_does_not_take_all_of_them() {
    const POISON: usize = 20;
    let poisoned = |name: &str| {
        let reason = format!("{name} is hot");
        rigged(name, move |batch| match batch.rows.iter().any(|row| matches!(row.input, Input::Speaker(_))) {
            true => Err(Error::Device(reason.clone())),
            false => Ok(()),
        })
    };
    let mut lines = lines();
    let (engine, failures) = engine(vec![poisoned("a"), poisoned("b"), poisoned("c")]);
    let speaker = engine.composer().voices.speaker(SeedKind::TorchF32, 1).unwrap();
    lines[POISON].voices[0] = speaker.into();
    let expected = alone(lines.clone());
    let heard = speak(&engine, lines, Limits::default(), &AtomicUsize::new(0));
    heard.result.as_ref().unwrap();
    assert_eq!(heard.outcomes.len(), LINES);
    assert_eq!(failures.lock().unwrap().len(), 2);
    let error = heard.outcomes[&POISON].as_ref().unwrap_err().to_string();
    assert!(error.ends_with("is hot"), "{error}");
    let waves = heard.waves();
    assert!(waves.len() > LINES / 2 && waves.iter().all(|(index, wave)| expected[index] == *wave));
}

#[test]
fn a_line_whose_pieces_all_fail_is_delivered_once() {
    let mut lines = lines_of(6);
    for line in &mut lines {
        // Too long for the model, twice, in voices of their own.
        let piece = |voice| Piece { text: "好".repeat(5000), voice, ..Piece::default() };
        line.pieces = (0..2).map(piece).collect();
        line.voices = vec![Voice::default(); 2];
    }
    let (engine, _) = engine(vec![device("a"), device("b")]);
    let heard = speak(&engine, lines, Limits { ahead: Some(2) }, &AtomicUsize::new(0));
    heard.result.as_ref().unwrap();
    assert!(heard.outcomes.len() == 6 && heard.outcomes.values().all(Result::is_err));
    assert_eq!(engine.stats().failed, 6);
}

#[test]
fn nobody_waits_for_a_thread_that_panicked() {
    for panics_first in [true, false] {
        let mut models = vec![rigged("bad", |_| panic!("this is a test")), device("good")];
        if !panics_first {
            models.reverse();
        }
        let composer = Composer::new(Voices::new(&checkpoint(), Registry::shipped()));
        let engine = Engine::of_models(models, Arc::new(composer), &EngineOptions::new("noise")).unwrap();
        let heard = speak(&engine, lines(), Limits { ahead: Some(4) }, &AtomicUsize::new(0));
        heard.result.as_ref().unwrap();
        assert!(heard.waves() == alone(lines()));
    }
    let composer = Composer::new(Voices::new(&checkpoint(), Registry::shipped()));
    let models = vec![rigged("bad", |_| panic!("this is a test"))];
    let engine = Engine::of_models(models, Arc::new(composer), &EngineOptions::new("noise")).unwrap();
    let error = engine.speak_line(line(0)).unwrap().collect_wave().unwrap_err().to_string();
    assert!(error.contains("panicked"), "{error}");
}

#[test]
fn who_listens_goes_before_bulk_and_takes_the_slot_of_the_youngest() {
    let (engine, _) = engine(vec![slow("one", Duration::from_millis(1))]);
    let bulk = |seed| Line { priority: Priority::Bulk, ..long(seed) };
    let expected = alone((0..5).map(|seed| Line { priority: Priority::Bulk, ..long(seed) }).collect());
    let mut waiting: Vec<_> = (0..5).map(|seed| engine.speak_line(bulk(seed)).unwrap()).collect();
    assert!(matches!(waiting[2].next(), Some(Ok(Event::Started { .. }))), "all slots are held");
    let wave = engine.speak_line(line(9)).unwrap().collect_wave().unwrap();
    assert!(engine.stats().completed <= 1, "it waited for bulk lines");
    assert!(bits(&wave.samples) == alone(vec![line(9)])[&0]);
    // What was put back is spoken all the same, and sounds the same.
    for (index, speech) in waiting.into_iter().enumerate() {
        assert!(bits(&speech.collect_wave().unwrap().samples) == expected[&index], "line {index}");
    }
}

#[test]
fn a_reader_who_is_slow_or_gone_holds_up_nobody_else() {
    let (engine, _) = engine(vec![device("one")]);
    // More slow readers than slots, each with far more to hear than may wait.
    let mut pieces = long(1);
    pieces.pieces = vec![pieces.pieces[0].clone(); 6];
    let slow: Vec<_> = (0..2 * SLOTS).map(|_| engine.speak_line(pieces.clone()).unwrap()).collect();
    let heard = speak(&engine, lines(), Limits::default(), &AtomicUsize::new(0));
    assert!(heard.waves() == alone(lines()));
    let expected = alone(vec![pieces.clone()]);
    let mut slow = slow.into_iter();
    let read = slow.next().unwrap().collect_wave().unwrap();
    assert!(bits(&read.samples) == expected[&0]);
    let cancelled = slow.next().unwrap();
    cancelled.cancel();
    assert!(matches!(cancelled.collect_wave(), Err(Error::Interrupted)));
    drop(slow);
    let heard = speak(&engine, lines_of(6), Limits::default(), &AtomicUsize::new(0));
    assert_eq!(heard.outcomes.len(), 6);
    let stats = engine.stats();
    assert_eq!((stats.running, stats.queued, stats.devices[0].slots_held), (0, 0, 0), "{stats:?}");
    assert_eq!(stats.cancelled, 2 * SLOTS as u64 - 1);
}

#[test]
fn dropping_the_engine_ends_what_runs() {
    let (engine, _) = engine(vec![slow("one", Duration::from_millis(1))]);
    let clone = engine.clone();
    let bulk = |seed| Line { priority: Priority::Bulk, ..long(seed) };
    let speak = |seed: usize| engine.speak_line(bulk(seed as u64)).unwrap();
    let waiting: Vec<_> = (0..3 * SLOTS).map(speak).collect();
    drop(engine);
    // A clone still holds it.
    let mut spoken = clone.speak_line(line(3)).unwrap();
    assert!(matches!(spoken.next_within(Duration::from_secs(20)), Some(Ok(_))));
    drop(clone);
    for speech in waiting {
        assert!(matches!(speech.collect_wave(), Err(Error::Interrupted)));
    }
    // It was short, and may have been spoken by then; in any case it ends.
    assert!(matches!(spoken.last(), None | Some(Ok(Event::Done(_)) | Err(Error::Interrupted))));
}
