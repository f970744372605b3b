//! Gives slots to requests and makes each step of their sequences. Sees no tensor.

use std::collections::VecDeque;

use super::batch::{BULK, Batch, BatchRow, RowOutput, Step};
use super::hiddens::Hiddens;
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
    rank: u64,
}

struct Waiting {
    id: RequestId,
    goal: Goal,
    request: Request,
    rank: u64,
}

/// Holds the requests that wait, and those that run in a slot.
pub struct Scheduler {
    waiting: VecDeque<Waiting>,
    slots: Vec<Option<Live>>,
    /// Slots in the order of the last batch's wanted rows.
    planned: Vec<usize>,
    submitted: u64,
}

impl Scheduler {
    /// Makes a scheduler over a fixed number of slots.
    pub fn new(slots: usize) -> Self {
        Scheduler {
            waiting: VecDeque::new(),
            slots: (0..slots.max(1)).map(|_| None).collect(),
            planned: Vec::new(),
            submitted: 0,
        }
    }

    /// Queues a request.
    pub fn submit(&mut self, id: RequestId, goal: Goal, request: Request) {
        let rank = BULK | self.next_rank();
        self.waiting.push_back(Waiting { id, goal, request, rank });
    }

    /// Queues a request that keeps its memory before others do, where it is short.
    pub fn submit_urgent(&mut self, id: RequestId, goal: Goal, request: Request) {
        let rank = self.next_rank();
        self.waiting.push_back(Waiting { id, goal, request, rank });
    }

    fn next_rank(&mut self) -> u64 {
        self.submitted += 1;
        self.submitted
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
        if let Some(at) = self.waiting.iter().position(|waiting| waiting.id == id) {
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
            while let Some(Waiting { id, goal, request, rank }) = self.waiting.pop_front() {
                match Sequence::new(request, goal, vocabulary) {
                    Ok(sequence) => {
                        events.push(Event::Started { id, prompt: sequence.pending().1.len() });
                        *slot = Some(Live { id, sequence, rank });
                        break;
                    }
                    Err(error) => events.push(Event::Failed { id, error }),
                }
            }
        }
        batch.rows.clear();
        batch.wanted.clear();
        batch.drawn.clear();
        batch.ranks.clear();
        batch.started.clear();
        self.planned.clear();
        for (slot, live) in self.slots.iter_mut().enumerate() {
            let Some(live) = live else { continue };
            batch.started.extend(live.sequence.started(slot as u32));
            batch.drawn.push(live.sequence.generated());
            batch.ranks.push(live.rank);
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
            let Some(Live { id, mut sequence, rank }) = self.slots[slot].take() else { continue };
            match sequence.advance(output, vocabulary) {
                Ok(Progress::Waiting) => self.slots[slot] = Some(Live { id, sequence, rank }),
                Ok(Progress::Running) => {
                    events.push(Event::Advanced { id, tokens: sequence.generated() });
                    self.slots[slot] = Some(Live { id, sequence, rank });
                }
                Ok(Progress::Refined(refined)) => {
                    events.push(Event::Refined { id, refined });
                    self.slots[slot] = Some(Live { id, sequence, rank });
                }
                Ok(Progress::Refinement(refined)) => events.push(Event::Refinement { id, refined }),
                Ok(Progress::Spoken(mut codes)) => {
                    let steps = codes.tokens.len();
                    if codes.hiddens.len() < steps * vocabulary.hidden {
                        codes.hiddens = keep(step, slot, steps, vocabulary.hidden, &codes.hiddens)?;
                    }
                    events.push(Event::Spoken { id, codes });
                }
                Err(error) => events.push(Event::Failed { id, error }),
            }
        }
        Ok(())
    }
}

/// Returns all hidden states of a slot's steps, of which some may have come to memory before.
fn keep(step: &mut impl Step, slot: usize, steps: usize, hidden: usize, before: &Hiddens) -> Result<Hiddens> {
    if before.is_empty()
        && let Some(lent) = step.lend(slot as u32, steps)?
    {
        return Ok(lent);
    }
    let mut all = before.values()?.into_owned();
    fetch(step, slot, steps, hidden, &mut all)?;
    Ok(all.into())
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
#[path = "scheduler_tests.rs"]
mod tests;
