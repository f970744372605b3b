//! Gives slots to requests and makes each step of their sequences. Sees no tensor.

use std::collections::VecDeque;

use super::batch::{Batch, BatchRow, RowOutput, Step};
use super::request::{Codes, Refined, Request};
use super::sequence::{Goal, Progress, Sequence, Vocabulary};
use crate::error::{Error, Result};

/// Names a request in the events about it; chosen by whoever submits it.
pub type RequestId = u64;

/// The positions of a page of keys and values.
pub const PAGE: usize = 128;

/// Borrows the codes that a running request has drawn, step by step, and their hidden states, (steps, hidden)
/// row by row.
pub type CodesSoFar<'a> = (&'a [Vec<u32>], &'a [f32]);

/// Says what happened to a request.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event {
    /// It holds a slot; its prompt goes in with the next step.
    Started {
        /// The request that holds a slot now.
        id: RequestId,
        /// Positions its prompt takes.
        prompt: usize,
    },
    /// Its text was rewritten; speech follows.
    Refined {
        /// The request that goes on to speech.
        id: RequestId,
        /// The text as it was rewritten.
        refined: Refined,
    },
    /// Its text was rewritten, which is all that was asked for.
    Refinement {
        /// The request that is done.
        id: RequestId,
        /// The text as it was rewritten.
        refined: Refined,
    },
    /// It drew one more token.
    Advanced {
        /// The request that goes on.
        id: RequestId,
        /// Tokens drawn so far.
        tokens: usize,
    },
    /// It is spoken.
    Spoken {
        /// The request that is done.
        id: RequestId,
        /// Its codes and hidden states.
        codes: Box<Codes>,
    },
    /// It could not be spoken; the others go on.
    Failed {
        /// The request that is given up.
        id: RequestId,
        /// The reason.
        error: Error,
    },
}

struct Live {
    id: RequestId,
    sequence: Sequence,
}

/// Holds the requests that wait, and those that run in a slot.
pub struct Scheduler {
    waiting: VecDeque<(RequestId, Goal, Request)>,
    slots: Vec<Option<Live>>,
    /// Slots in the order of the last batch's wanted rows.
    planned: Vec<usize>,
}

impl Scheduler {
    /// Makes a scheduler over a fixed number of slots.
    pub fn new(slots: usize) -> Self {
        Scheduler {
            waiting: VecDeque::new(),
            slots: (0..slots.max(1)).map(|_| None).collect(),
            planned: Vec::new(),
        }
    }

    /// Queues a request.
    pub fn submit(&mut self, id: RequestId, goal: Goal, request: Request) {
        self.waiting.push_back((id, goal, request));
    }

    /// Returns true if nothing waits and nothing runs.
    pub fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.slots.iter().all(Option::is_none)
    }

    /// Returns how many requests wait for a slot.
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Returns how many requests hold a slot.
    pub fn running(&self) -> usize {
        self.slots.iter().flatten().count()
    }

    /// Returns how many pages of keys and values the running requests have begun.
    pub fn pages(&self) -> usize {
        self.slots.iter().flatten().map(|live| live.sequence.positions().div_ceil(PAGE)).sum()
    }

    /// Returns how many requests can run at once.
    pub fn slots(&self) -> usize {
        self.slots.len()
    }

    /// Returns the codes that a running request has drawn so far and their hidden states, (steps, hidden).
    ///
    /// # Errors
    /// An error of the device, which may have kept the states.
    pub fn codes(
        &mut self,
        id: RequestId,
        hidden: usize,
        step: &mut impl Step,
    ) -> Result<Option<CodesSoFar<'_>>> {
        let mut live = self.slots.iter_mut().enumerate();
        let found =
            live.find_map(|(slot, live)| live.as_mut().filter(|live| live.id == id).map(|l| (slot, l)));
        let Some((slot, live)) = found else { return Ok(None) };
        if let Some((tokens, hiddens)) = live.sequence.codes_mut() {
            fetch(step, slot, tokens.len(), hidden, hiddens)?;
        }
        Ok(live.sequence.codes())
    }

    /// Drops one request, waiting or running, of which no event follows; false if there is none of this id.
    /// Its slot is free for the next [`Scheduler::schedule`].
    pub fn cancel(&mut self, id: RequestId) -> bool {
        if let Some(at) = self.waiting.iter().position(|(waiting, ..)| *waiting == id) {
            self.waiting.remove(at);
            return true;
        }
        let mut slots = self.slots.iter_mut();
        let found = slots.find(|slot| slot.as_ref().is_some_and(|live| live.id == id));
        found.is_some_and(|slot| slot.take().is_some())
    }

    /// Drops everything that waits or runs.
    pub fn clear(&mut self) {
        self.waiting.clear();
        self.slots.fill_with(|| None);
    }

    /// Fills free slots and lays out the next step; an empty batch means that there is nothing to do.
    pub fn schedule(&mut self, vocabulary: &Vocabulary, batch: &mut Batch, events: &mut Vec<Event>) {
        for slot in self.slots.iter_mut().filter(|slot| slot.is_none()) {
            while let Some((id, goal, request)) = self.waiting.pop_front() {
                match Sequence::new(request, goal, vocabulary) {
                    Ok(sequence) => {
                        events.push(Event::Started { id, prompt: sequence.pending().1.len() });
                        *slot = Some(Live { id, sequence });
                        break;
                    }
                    Err(error) => events.push(Event::Failed { id, error }),
                }
            }
        }
        batch.rows.clear();
        batch.wanted.clear();
        batch.drawn.clear();
        batch.started.clear();
        self.planned.clear();
        for (slot, live) in self.slots.iter_mut().enumerate() {
            let Some(live) = live else { continue };
            batch.started.extend(live.sequence.started(slot as u32));
            batch.drawn.push(live.sequence.generated());
            let (start, inputs) = live.sequence.pending();
            batch.rows.extend(inputs.iter().enumerate().map(|(i, input)| BatchRow {
                slot: slot as u32,
                position: (start + i) as u32,
                input: input.clone(),
            }));
            batch.wanted.push((batch.rows.len() - 1, live.sequence.head()));
            self.planned.push(slot);
        }
    }

    /// Hands the outputs of the last batch's wanted rows to their sequences.
    ///
    /// # Errors
    /// An error of the device, which may have kept hidden states.
    pub fn apply(
        &mut self,
        outputs: &mut [RowOutput],
        vocabulary: &Vocabulary,
        step: &mut impl Step,
        events: &mut Vec<Event>,
    ) -> Result<()> {
        for (slot, output) in self.planned.drain(..).zip(outputs) {
            let Some(Live { id, mut sequence }) = self.slots[slot].take() else { continue };
            match sequence.advance(output, vocabulary) {
                Ok(Progress::Waiting) => self.slots[slot] = Some(Live { id, sequence }),
                Ok(Progress::Running) => {
                    events.push(Event::Advanced { id, tokens: sequence.generated() });
                    self.slots[slot] = Some(Live { id, sequence });
                }
                Ok(Progress::Refined(refined)) => {
                    events.push(Event::Refined { id, refined });
                    self.slots[slot] = Some(Live { id, sequence });
                }
                Ok(Progress::Refinement(refined)) => events.push(Event::Refinement { id, refined }),
                Ok(Progress::Spoken(mut codes)) => {
                    fetch(step, slot, codes.tokens.len(), vocabulary.hidden, &mut codes.hiddens)?;
                    events.push(Event::Spoken { id, codes });
                }
                Err(error) => events.push(Event::Failed { id, error }),
            }
        }
        Ok(())
    }
}

/// Completes the hidden states of a slot's steps with those that the device has kept.
fn fetch(
    step: &mut impl Step,
    slot: usize,
    steps: usize,
    hidden: usize,
    hiddens: &mut Vec<f32>,
) -> Result<()> {
    let there = hiddens.len() / hidden;
    if there < steps {
        step.hiddens(slot as u32, there..steps, hiddens)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::ops::Range;

    use super::*;
    use crate::backend::{Checkpoint, NOISE_SEED};
    use crate::engine::batch::{Drawn, Head};
    use crate::sampling::{NoiseMode, SamplingParams};
    use crate::{engine::EngineCore, hub::NoiseSize, text::Tokenizer};

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
        let fake =
            Fake { codes: 626, text: text_tokens, steps: Vec::new(), started: 0, late: false, fail: false };
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
        let failed: Vec<_> = events
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
        refining.refine = Some(crate::engine::Refine { tags: "[oral_2]".into(), sampling });
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
}
