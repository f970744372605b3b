use std::collections::{BTreeMap, HashSet};
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::LoadOptions;
use crate::chat_tts::AnyStep;
use crate::engine::{Batch, RowOutput, Step};
use crate::hub::DemoSize;
use crate::model::{Checkpoint, DEMO_SEED, Input};
use crate::sampling::SamplingParams;
use crate::voice::SeedKind;

const SLOTS: usize = 3;
const LINES: usize = 60;

/// A device on which something happens before each step.
struct Rigged<F>(AnyStep, F);

impl<F: FnMut(&Batch) -> Result<()>> Step for Rigged<F> {
    fn run(&mut self, batch: &Batch, outputs: &mut Vec<RowOutput>) -> Result<()> {
        (self.1)(batch)?;
        self.0.run(batch, outputs)
    }

    fn hiddens(&mut self, slot: u32, steps: Range<usize>, to: &mut Vec<f32>) -> Result<()> {
        self.0.hiddens(slot, steps, to)
    }
}

struct Nothing;

impl Step for Nothing {
    fn run(&mut self, _: &Batch, _: &mut Vec<RowOutput>) -> Result<()> {
        Ok(())
    }

    fn hiddens(&mut self, _: u32, _: Range<usize>, _: &mut Vec<f32>) -> Result<()> {
        Ok(())
    }
}

fn rigged(name: &str, before: impl FnMut(&Batch) -> Result<()> + Send + 'static) -> ChatTts {
    let options = LoadOptions { batch_size: SLOTS, ..LoadOptions::default() };
    let mut tts = ChatTts::open(Checkpoint::demo(DemoSize::Tiny, DEMO_SEED).unwrap(), options).unwrap();
    tts.set_device_name(name);
    let (_, step) = tts.engine_mut().parts_mut();
    let inner = std::mem::replace(step, Box::new(Nothing));
    *step = Box::new(Rigged(inner, before));
    tts
}

fn device(name: &str) -> ChatTts {
    rigged(name, |_| Ok(()))
}

/// Fails once so many outcomes are delivered.
fn failing(name: &str, delivered: &Arc<AtomicUsize>, at: usize) -> ChatTts {
    let (delivered, reason) = (Arc::clone(delivered), format!("{name} is hot"));
    rigged(name, move |_| match delivered.load(Ordering::SeqCst) >= at {
        true => Err(Error::Device(reason.clone())),
        false => Ok(()),
    })
}

/// Lines of all lengths, some of several pieces.
fn line(index: usize) -> Line {
    let texts = ["你好", "今天天气很好", "Hello", "一二三四五六七八九十"];
    let pieces = if index % 5 == 4 { 3 } else { 1 };
    let pieces = (0..pieces).map(|piece| texts[(index + piece) % texts.len()].to_string().into()).collect();
    let mut request = Request::new("");
    request.seed = index as u64;
    request.sampling = SamplingParams { max_tokens: 3 + index * 7 % 23, ..SamplingParams::speech() };
    Line { index, pieces, request, voices: Vec::new() }
}

/// What was delivered and said.
#[derive(Default)]
struct Heard {
    outcomes: BTreeMap<usize, Result<Spoken>>,
    /// Devices that failed and how many lines others took from them.
    failed: Vec<(String, usize)>,
    ids: Vec<u64>,
    result: Option<Result<()>>,
}

impl Heard {
    /// The waves' bits, of lines that were spoken.
    fn waves(&self) -> BTreeMap<usize, Vec<Vec<u32>>> {
        let bits = |speech: &Speech| speech.wave.iter().map(|sample| sample.to_bits()).collect();
        let spoken = self.outcomes.iter().filter_map(|(index, result)| Some((*index, result.as_ref().ok()?)));
        spoken.map(|(index, spoken)| (index, spoken.pieces.iter().map(bits).collect())).collect()
    }

    fn result(&mut self) -> Result<()> {
        self.result.take().unwrap()
    }
}

/// Runs lines to their end; each outcome must come once.
fn speak(models: &mut [ChatTts], lines: Vec<Line>, limits: Limits, delivered: &AtomicUsize) -> Heard {
    let outcomes = Mutex::new(BTreeMap::new());
    let mut heard = Heard::default();
    let deliver = |outcome: Outcome| {
        let before = outcomes.lock().unwrap().insert(outcome.index, outcome.result);
        assert!(before.is_none(), "line {} came twice", outcome.index);
        delivered.fetch_add(1, Ordering::SeqCst);
    };
    let observe = |notice: Notice<'_>| {
        match notice {
            Notice::Event(Event::Started { id, .. }) => heard.ids.push(*id),
            Notice::DeviceFailed { device, error, lines } => {
                assert_eq!(error.to_string(), format!("device: {device} is hot"));
                heard.failed.push((device.into(), lines));
            }
            Notice::Event(_) => {}
        }
        ControlFlow::Continue(())
    };
    heard.result = Some(run_all(models, lines.into_iter(), limits, &deliver, observe));
    heard.outcomes = outcomes.into_inner().unwrap();
    heard
}

fn lines() -> Vec<Line> {
    (0..LINES).map(line).collect()
}

/// What one device makes of the lines.
fn alone(lines: Vec<Line>) -> BTreeMap<usize, Vec<Vec<u32>>> {
    let mut heard = speak(&mut [device("one")], lines, Limits::default(), &AtomicUsize::new(0));
    heard.result().unwrap();
    heard.waves()
}

#[test]
fn two_devices_speak_what_one_would() {
    let mut models = [device("a"), device("b")];
    let mut heard = speak(&mut models, lines(), Limits::default(), &AtomicUsize::new(0));
    heard.result().unwrap();
    let (waves, expected) = (heard.waves(), alone(lines()));
    assert!(waves.len() == LINES && waves == expected);
    assert!(heard.failed.is_empty());
    let ids: HashSet<_> = heard.ids.iter().collect();
    assert!(ids.len() == heard.ids.len() && ids.len() >= LINES);
    // Nothing is left behind: the same models may go on.
    let mut again = speak(&mut models, lines(), Limits::default(), &AtomicUsize::new(0));
    again.result().unwrap();
    assert!(again.waves() == waves);
}

#[test]
fn the_lines_of_a_device_that_fails_are_spoken_by_the_other() {
    for fails_first in [true, false] {
        let delivered = Arc::default();
        let mut models = [failing("bad", &delivered, 10), device("good")];
        if !fails_first {
            models.reverse();
        }
        let mut heard = speak(&mut models, lines(), Limits { ahead: Some(16) }, &delivered);
        heard.result().unwrap();
        assert!(heard.waves() == alone(lines()));
        let [(name, lines)] = &heard.failed[..] else { panic!("{:?}", heard.failed) };
        assert!(name == "bad" && *lines > 0, "{lines}");
    }
}

#[test]
fn a_device_that_waits_takes_what_comes_back() {
    let steps = Arc::new(AtomicUsize::new(0));
    // Whoever gets the line fails of it, when the other has long been waiting.
    let first_fails = |name: &str| {
        let (steps, reason) = (Arc::clone(&steps), format!("{name} is hot"));
        rigged(name, move |_| match steps.fetch_add(1, Ordering::SeqCst) {
            0 => {
                std::thread::sleep(Duration::from_millis(50));
                Err(Error::Device(reason.clone()))
            }
            _ => Ok(()),
        })
    };
    let mut models = [first_fails("a"), first_fails("b")];
    let mut heard = speak(&mut models, vec![line(7)], Limits::default(), &AtomicUsize::new(0));
    heard.result().unwrap();
    assert!(heard.waves() == alone(vec![line(7)]));
    assert!(matches!(&heard.failed[..], [(_, 1)]), "{:?}", heard.failed);
}

#[test]
fn when_all_fail_the_last_error_is_the_run_s_and_what_was_finished_is_delivered() {
    let delivered = Arc::default();
    let mut models = [failing("a", &delivered, 8), failing("b", &delivered, 20)];
    let mut heard = speak(&mut models, lines(), Limits::default(), &delivered);
    let error = heard.result().unwrap_err();
    let [(name, _)] = &heard.failed[..] else { panic!("{:?}", heard.failed) };
    let last = if name == "a" { "b" } else { "a" };
    assert_eq!(error.to_string(), format!("device: {last} is hot"));
    let (waves, expected) = (heard.waves(), alone(lines()));
    assert!(waves.len() >= 20 && waves.len() < LINES, "{}", waves.len());
    assert!(waves.iter().all(|(index, wave)| expected[index] == *wave));

    let delivered = Arc::default();
    let mut one = [failing("only", &delivered, 8)];
    let mut heard = speak(&mut one, lines(), Limits::default(), &delivered);
    assert_eq!(heard.result().unwrap_err().to_string(), "device: only is hot");
    assert!(heard.failed.is_empty() && heard.outcomes.values().all(Result::is_ok));
    let none = run_all(&mut [], lines().into_iter(), Limits::default(), &|_| {}, |_| ControlFlow::Break(()));
    assert!(matches!(none, Err(Error::Device(_))));
}

#[test]
fn a_slow_device_gets_fewer_lines() {
    let begun: [Arc<AtomicUsize>; 2] = Default::default();
    let counting = |name: &str, counter: &Arc<AtomicUsize>, pause: Duration| {
        let counter = Arc::clone(counter);
        rigged(name, move |batch| {
            std::thread::sleep(pause);
            let prompts = batch.rows.iter().filter(|row| row.position == 0).count();
            counter.fetch_add(prompts, Ordering::SeqCst);
            Ok(())
        })
    };
    let mut models =
        [counting("slow", &begun[0], Duration::from_millis(50)), counting("fast", &begun[1], Duration::ZERO)];
    let mut heard = speak(&mut models, lines(), Limits::default(), &AtomicUsize::new(0));
    heard.result().unwrap();
    assert_eq!(heard.outcomes.len(), LINES);
    let [slow, fast] = begun.map(|counter| counter.load(Ordering::SeqCst));
    assert!(slow > 0 && 2 * slow < fast, "{slow} and {fast}");
}

#[test]
fn no_device_runs_too_far_ahead() {
    const AHEAD: usize = 5;
    let delivered = Mutex::new(HashSet::new());
    let first_missing = || {
        let delivered = delivered.lock().unwrap();
        (0..LINES).find(|index| !delivered.contains(index)).unwrap_or(LINES)
    };
    // One line is looked at before it is known to be within reach.
    let taken = lines().into_iter().inspect(|line| assert!(line.index <= first_missing() + AHEAD + 1));
    let slow = rigged("slow", |_| {
        std::thread::sleep(Duration::from_millis(3));
        Ok(())
    });
    let deliver = |outcome: Outcome| {
        std::thread::sleep(Duration::from_millis(outcome.index as u64 % 4 * 3));
        delivered.lock().unwrap().insert(outcome.index);
    };
    let limits = Limits { ahead: Some(AHEAD) };
    run_all(&mut [slow, device("fast")], taken, limits, &deliver, |_| ControlFlow::Continue(())).unwrap();
    assert_eq!(first_missing(), LINES);
}

#[test]
fn an_interruption_stops_all_and_keeps_what_is_finished() {
    let outcomes = Mutex::new(BTreeMap::new());
    let deliver = |outcome: Outcome| {
        outcomes.lock().unwrap().insert(outcome.index, outcome.result);
    };
    let mut calls_after = 0;
    let mut broken = false;
    let result =
        run_all(&mut [device("a"), device("b")], lines().into_iter(), Limits::default(), &deliver, |_| {
            calls_after += usize::from(broken);
            broken |= outcomes.lock().unwrap().len() >= 12;
            if broken { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
    assert!(matches!(result, Err(Error::Interrupted)) && calls_after == 0);
    let heard = Heard { outcomes: outcomes.into_inner().unwrap(), ..Heard::default() };
    let (waves, expected) = (heard.waves(), alone(lines()));
    assert!(waves.len() >= 12 && waves.len() < LINES, "{}", waves.len());
    assert!(waves.iter().all(|(index, wave)| expected[index] == *wave));
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
    let mut models = [poisoned("a"), poisoned("b"), poisoned("c")];
    let mut lines = lines();
    lines[POISON].request.voice = models[0].speaker(SeedKind::TorchF32, 1).unwrap().into();
    let expected = alone(lines.clone());
    let mut heard = speak(&mut models, lines, Limits::default(), &AtomicUsize::new(0));
    heard.result().unwrap();
    assert_eq!(heard.outcomes.len(), LINES);
    assert_eq!(heard.failed.len(), 2, "{:?}", heard.failed);
    let error = heard.outcomes[&POISON].as_ref().unwrap_err().to_string();
    assert!(error.ends_with("is hot"), "{error}");
    let waves = heard.waves();
    assert!(waves.len() > LINES / 2 && waves.iter().all(|(index, wave)| expected[index] == *wave));
}

#[test]
fn a_line_whose_pieces_all_fail_is_delivered_once() {
    let mut lines = lines();
    for line in &mut lines {
        // Too long for the model, twice, in voices of their own.
        line.pieces = (0..2).map(|voice| Text { text: "好".repeat(5000), speed: None, voice }).collect();
        line.voices = vec![Voice::default()];
    }
    lines.truncate(6);
    let mut models = [device("a"), device("b")];
    let mut heard = speak(&mut models, lines, Limits { ahead: Some(2) }, &AtomicUsize::new(0));
    heard.result().unwrap();
    assert!(heard.outcomes.len() == 6 && heard.outcomes.values().all(Result::is_err));
}

#[test]
fn a_panic_is_passed_on_and_nobody_waits_for_ever() {
    for panics_first in [true, false] {
        let mut models = [rigged("bad", |_| panic!("this is a test")), device("good")];
        if !panics_first {
            models.reverse();
        }
        let spoken = catch_unwind(AssertUnwindSafe(|| {
            speak(&mut models, lines(), Limits { ahead: Some(4) }, &AtomicUsize::new(0))
        }));
        assert!(spoken.is_err());
    }
}
