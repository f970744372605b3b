//! Requests in, events out: continuous batching over a fixed number of slots.
//!
//! Each step runs every new position of every live slot through the model at once; a sequence that ends
//! frees its slot for the next. The scheduler knows requests and events and no tensor; a backend knows
//! tensors and no request; between them lies [`Batch`].

pub(crate) mod batch;
mod hiddens;
mod request;
mod scheduler;
mod sequence;

pub use batch::{Batch, BatchRow, Drawn, Head, Input, RowOutput, SlotStart, Step};
pub use hiddens::{Hiddens, OnDevice};
pub use request::{CODEBOOKS, Codes, DEFAULT_SPEED, Decoder, FinishReason, Refine, Refined, Request};
pub use scheduler::{CodesSoFar, Event, PAGE, RequestId, Scheduler};
pub use sequence::{Goal, Vocabulary};

use crate::error::Result;

/// Drives a scheduler and its step. Call [`EngineCore::step`] until [`EngineCore::is_idle`]; between two calls
/// requests may be added, cancelled or dropped.
pub struct EngineCore<S> {
    vocabulary: Vocabulary,
    scheduler: Scheduler,
    step: S,
    // Kept from step to step.
    batch: Batch,
    outputs: Vec<RowOutput>,
}

impl<S: Step> EngineCore<S> {
    /// Makes an engine over `slots` sequences, as many as the step was made for.
    pub fn new(vocabulary: Vocabulary, slots: usize, step: S) -> Self {
        EngineCore {
            vocabulary,
            scheduler: Scheduler::new(slots),
            step,
            batch: Batch::default(),
            outputs: Vec::new(),
        }
    }

    /// Queues a request; its events will carry `id`.
    pub fn submit(&mut self, id: RequestId, goal: Goal, request: Request) {
        self.scheduler.submit(id, goal, request);
    }

    /// Queues a request that keeps its place in a device's memory before others do, where that is short.
    pub fn submit_urgent(&mut self, id: RequestId, goal: Goal, request: Request) {
        self.scheduler.submit_urgent(id, goal, request);
    }

    /// Returns true if nothing is left to do.
    pub fn is_idle(&self) -> bool {
        self.scheduler.is_idle()
    }

    /// Returns how many requests have no slot yet.
    pub fn waiting(&self) -> usize {
        self.scheduler.waiting()
    }

    /// Returns how many requests hold a slot.
    pub fn running(&self) -> usize {
        self.scheduler.running()
    }

    /// Returns how many requests can run at once.
    pub fn slots(&self) -> usize {
        self.scheduler.slots()
    }

    /// Returns how many pages of keys and values the running requests have begun.
    pub fn pages(&self) -> usize {
        self.scheduler.pages()
    }

    /// Drops one request, waiting or running, of which no event follows; false if there is none of this id.
    /// The next step gives its slot to another.
    pub fn cancel(&mut self, id: RequestId) -> bool {
        self.scheduler.cancel(id)
    }

    /// Returns the codes that a running request has drawn so far and their hidden states, (steps, hidden) row
    /// by row; none before its speech has started.
    ///
    /// # Errors
    /// An error of the device, which may have kept the states.
    pub fn codes(&mut self, id: RequestId) -> Result<Option<CodesSoFar<'_>>> {
        self.scheduler.codes(id, self.vocabulary.hidden, &mut self.step)
    }

    /// Drops all requests, running and waiting.
    pub fn clear(&mut self) {
        self.scheduler.clear();
    }

    /// Runs one step and returns what happened in it.
    ///
    /// # Errors
    /// If the device fails, which ends the work of every live request; what concerns one request alone is
    /// an [`Event::Failed`].
    pub fn step(&mut self) -> Result<Vec<Event>> {
        let mut events = Vec::new();
        self.scheduler.schedule(&self.vocabulary, &mut self.batch, &mut events);
        if self.batch.rows.is_empty() {
            return Ok(events);
        }
        self.step.run(&self.batch, &mut self.outputs).inspect_err(|_| self.scheduler.clear())?;
        self.scheduler
            .apply(&mut self.outputs, &self.vocabulary, &mut self.step, &mut events)
            .inspect_err(|_| self.scheduler.clear())?;
        Ok(events)
    }

    #[cfg(test)]
    fn step_ref(&self) -> &S {
        &self.step
    }

    #[cfg(test)]
    fn step_mut(&mut self) -> &mut S {
        &mut self.step
    }

    /// Lends the vocabulary and the step to a caller that schedules by itself.
    pub(crate) fn parts_mut(&mut self) -> (&Vocabulary, &mut S) {
        (&self.vocabulary, &mut self.step)
    }

    /// Returns the tokenizer and the model's sizes.
    pub fn vocabulary(&self) -> &Vocabulary {
        &self.vocabulary
    }
}
