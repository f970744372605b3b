use std::ops::Range;

use super::*;
use crate::backend::{Checkpoint, NOISE_SEED};
use crate::engine::batch::{Drawn, Head};
use crate::engine::{EngineCore, Refine};
use crate::sampling::{NoiseMode, SamplingParams};
use crate::{hub::NoiseSize, text::Tokenizer};

/// Stands in for the model: code `position % 600` is all but certain, so what a sequence draws shows at
/// which positions it was fed.
struct Fake {
    codes: usize,
    text: usize,
    /// Live rows of each step.
    steps: Vec<usize>,
    started: usize,
    /// Every other step comes later.
    late: bool,
    /// The step in which the last sequence is put back.
    puts_back: Option<usize>,
    fail: bool,
}

impl Step for Fake {
    fn run(&mut self, batch: &Batch, outputs: &mut Vec<RowOutput>) -> Result<()> {
        if self.fail {
            return Err(Error::NotANumber);
        }
        self.steps.push(batch.wanted.len());
        self.started += batch.started.len();
        if self.late && self.steps.len() % 2 == 1 {
            let later = RowOutput { drawn: Some(Drawn::Later), ..RowOutput::default() };
            *outputs = vec![later; batch.wanted.len()];
            return Ok(());
        }
        let output = |(row, head): &(usize, Head)| {
            let (heads, width) = match head {
                Head::Codes => (4, self.codes),
                Head::Text => (1, self.text),
            };
            let mut logits = vec![0.0; heads * width];
            for head in 0..heads {
                logits[head * width + batch.rows[*row].position as usize % 600] = 1000.0;
            }
            RowOutput { logits, hidden: vec![0.0; 64], ..RowOutput::default() }
        };
        *outputs = batch.wanted.iter().map(output).collect();
        if self.puts_back == Some(self.steps.len()) {
            let last = batch.wanted.len() - 1;
            let hidden = vec![0.0; 64 * batch.drawn_before(last)];
            outputs[last] = RowOutput { hidden, drawn: Some(Drawn::PutBack), ..RowOutput::default() };
        }
        Ok(())
    }

    fn hiddens(&mut self, _: u32, _: Range<usize>, _: &mut Vec<f32>) -> Result<()> {
        Err(Error::NotANumber)
    }
}

fn engine(slots: usize) -> EngineCore<Fake> {
    let checkpoint = Checkpoint::noise(NoiseSize::Tiny, NOISE_SEED).unwrap();
    let tokenizer = Tokenizer::from_json(&checkpoint.tokenizer.1, &checkpoint.tokenizer.0).unwrap();
    let text_tokens = tokenizer.size();
    let vocabulary = Vocabulary {
        tokenizer,
        codebooks: 4,
        code_tokens: 626,
        text_tokens,
        hidden: 64,
        max_positions: 40,
        refines: true,
    };
    let fake = Fake {
        codes: 626,
        text: text_tokens,
        steps: Vec::new(),
        started: 0,
        late: false,
        puts_back: None,
        fail: false,
    };
    EngineCore::new(vocabulary, slots, fake)
}

fn request(text: &str, max_tokens: usize) -> Request {
    let mut request = Request::new(text);
    request.sampling = SamplingParams { max_tokens, repetition_penalty: 1.0, ..SamplingParams::speech() };
    request
}

fn run(engine: &mut EngineCore<Fake>) -> Vec<Event> {
    let mut events = Vec::new();
    while !engine.is_idle() {
        events.extend(engine.step().unwrap());
    }
    events
}

fn spoken(events: &[Event]) -> Vec<(RequestId, &Codes)> {
    events
        .iter()
        .filter_map(|e| if let Event::Spoken { id, codes } = e { Some((*id, &**codes)) } else { None })
        .collect()
}

#[test]
fn a_freed_slot_goes_to_the_next_request_at_once_and_positions_start_anew() {
    let mut engine = engine(2);
    for (id, tokens) in [(0, 3), (1, 9), (2, 2), (3, 4)] {
        engine.submit(id, Goal::Speak, request("你好", tokens));
    }
    let events = run(&mut engine);
    let done = spoken(&events);
    assert_eq!(done.iter().map(|(id, _)| *id).collect::<Vec<_>>(), [0, 2, 3, 1]);
    for (_, codes) in done {
        // [Stts][empty_spk][speed_5]你好[Ptts] ends at position 5.
        assert_eq!(codes.input_ids.len(), 6);
        let drawn: Vec<u32> = codes.tokens.iter().map(|t| t[0]).collect();
        assert_eq!(drawn, (5..5 + codes.tokens.len() as u32).collect::<Vec<_>>());
    }
    assert_eq!(engine.step_ref().steps, [2, 2, 2, 2, 2, 2, 2, 2, 2]);
}

#[test]
fn a_bad_request_fails_alone() {
    let mut engine = engine(1);
    engine.submit(0, Goal::Speak, request("", 3));
    engine.submit(1, Goal::Speak, request("你好", 0));
    engine.submit(2, Goal::Speak, request(&"好".repeat(60), 3));
    engine.submit(3, Goal::Speak, request("你好", 3));
    let events = run(&mut engine);
    let failed: Vec<_> =
        events
            .iter()
            .filter_map(|e| {
                if let Event::Failed { id, error } = e { Some((*id, error.to_string())) } else { None }
            })
            .collect();
    assert_eq!(failed.iter().map(|(id, _)| *id).collect::<Vec<_>>(), [0, 1, 2]);
    assert!(failed[2].1.contains("64 tokens of prompt, at most 39"), "{failed:?}");
    assert_eq!(spoken(&events).len(), 1);
}

#[test]
fn a_full_context_ends_the_speech_and_says_so() {
    let mut engine = engine(1);
    engine.submit(0, Goal::Speak, request("你好", 1000));
    let events = run(&mut engine);
    let codes = spoken(&events)[0].1;
    assert_eq!(codes.finish, crate::engine::FinishReason::ContextFull);
    assert_eq!(codes.input_ids.len() + codes.tokens.len(), 41);
}

#[test]
fn refining_and_speech_follow_each_other_in_one_slot() {
    let mut engine = engine(1);
    let mut refining = request("你好", 3);
    let sampling = SamplingParams { max_tokens: 2, ..SamplingParams::refine() };
    refining.refine = Some(Refine { tags: "[oral_2]".into(), sampling });
    engine.submit(7, Goal::Speak, refining);
    let events = run(&mut engine);
    // [Sbreak]你好[Pbreak][oral_2] ends at position 4.
    let codes = spoken(&events)[0].1;
    assert_eq!(codes.refined.as_ref().unwrap().tokens, [4, 5]);
    assert_eq!(codes.tokens.len(), 3);
}

#[test]
fn a_step_that_comes_later_leaves_all_as_it_was() {
    let spoken_by = |late: bool| {
        let mut engine = engine(2);
        engine.step_mut().late = late;
        for (id, tokens) in [(0, 3), (1, 5), (2, 4)] {
            engine.submit(id, Goal::Speak, request("你好", tokens));
        }
        let events = run(&mut engine);
        let advanced = events.iter().filter(|e| matches!(e, Event::Advanced { .. })).count();
        let codes: Vec<Codes> = spoken(&events).into_iter().map(|(_, codes)| codes.clone()).collect();
        (codes, advanced, engine.step_ref().started, engine.step_ref().steps.len())
    };
    let (codes, advanced, started, steps) = spoken_by(false);
    assert_eq!(spoken_by(true), (codes, advanced, started, 2 * steps));
}

#[test]
fn what_is_put_back_goes_in_again_and_draws_on() {
    let spoken_by = |puts_back: Option<usize>, refine: Option<Refine>| {
        let mut engine = engine(2);
        engine.step_mut().puts_back = puts_back;
        for (id, tokens) in [(0, 9), (1, 5)] {
            let request = Request { refine: refine.clone(), ..request("你好", tokens) };
            engine.submit(id, Goal::Speak, request);
        }
        let events = run(&mut engine);
        let codes: Vec<Codes> = spoken(&events).into_iter().map(|(_, codes)| codes.clone()).collect();
        (codes, engine.step_ref().started)
    };
    let sampling = SamplingParams { max_tokens: 4, ..SamplingParams::refine() };
    let refine = Refine { tags: String::new(), sampling };
    for refine in [None, Some(refine)] {
        let expected = spoken_by(None, refine.clone());
        assert!(expected.0.len() == 2 && expected.0[0].hiddens.len() == 5 * 64);
        for step in 1..5 {
            assert!(spoken_by(Some(step), refine.clone()) == expected, "put back in step {step}");
        }
    }
}

#[test]
fn urgent_requests_keep_their_memory_before_others() {
    let mut engine = engine(3);
    engine.submit(0, Goal::Speak, request("你好", 3));
    engine.submit_urgent(1, Goal::Speak, request("你好", 3));
    engine.submit(2, Goal::Speak, request("你好", 3));
    engine.step().unwrap();
    let batch = &engine.batch;
    assert_eq!((0..3).map(|index| batch.is_urgent(index)).collect::<Vec<_>>(), [false, true, false]);
    assert!(batch.rank(1) < batch.rank(0) && batch.rank(0) < batch.rank(2));
}

#[test]
fn a_cancelled_request_frees_its_slot_and_leaves_its_neighbours_alone() {
    // At this temperature the noise decides what is drawn.
    let sampled = |id: RequestId, tokens: usize| Request {
        seed: id,
        noise: NoiseMode::Stream,
        sampling: SamplingParams { temperature: vec![1e4], ..request("", tokens).sampling },
        ..request("你好", tokens)
    };
    let spoken_beside = |cancelled: bool| {
        let mut engine = engine(2);
        assert_eq!((engine.slots(), engine.running()), (2, 0));
        for (id, tokens) in [(0, 30), (1, 9), (2, 9), (3, 4)] {
            engine.submit(id, Goal::Speak, sampled(id, tokens));
        }
        let mut events = Vec::new();
        for _ in 0..3 {
            events.extend(engine.step().unwrap());
        }
        assert_eq!((engine.running(), engine.waiting()), (2, 2));
        if cancelled {
            assert!(engine.cancel(0), "it runs");
            assert_eq!((engine.running(), engine.waiting()), (1, 2));
            assert!(engine.cancel(2), "it waits");
            assert_eq!((engine.running(), engine.waiting()), (1, 1));
            assert!(!engine.cancel(0) && !engine.cancel(2) && !engine.cancel(7));
            events = engine.step().unwrap();
            assert!(matches!(events[0], Event::Started { id: 3, .. }), "{events:?}");
            assert_eq!(engine.running(), 2);
        }
        events.extend(run(&mut engine));
        let mut codes = spoken(&events);
        codes.sort_by_key(|(id, _)| *id);
        codes.into_iter().map(|(id, codes)| (id, codes.tokens.clone())).collect::<Vec<_>>()
    };
    let mut all = spoken_beside(false);
    all.retain(|(id, _)| *id == 1 || *id == 3);
    assert_eq!(spoken_beside(true), all);
}

#[test]
fn a_failing_device_is_an_error_and_leaves_nothing_behind() {
    let mut engine = engine(1);
    engine.step_mut().fail = true;
    engine.submit(0, Goal::Speak, request("你好", 3));
    assert!(engine.step().is_err());
    assert!(engine.is_idle());
}
