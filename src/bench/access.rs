//! The functions of the engine and the renderer that measuring needs.

use std::ops::ControlFlow;

use super::VOICE;
use crate::backend::Rendered;
use crate::engine::{Batch, Codes, Event, Goal, Request, RowOutput, Scheduler, Step, Vocabulary};
use crate::error::{Error, Result};
use crate::loading::LoadedModel;
use crate::runtime::render_codes;
use crate::voice::SeedKind;

/// Makes a request for a text in the voice used for measuring; a model without statistics of voices chooses
/// one.
pub(super) fn request(model: &LoadedModel, text: &str) -> Request {
    let mut request = Request::new(text);
    request.voice = model.speaker(SeedKind::TorchF32, VOICE).map(Into::into).unwrap_or_default();
    request
}

/// Drops all running requests and queues these, numbered from 0.
pub(super) fn submit(model: &mut LoadedModel, requests: impl IntoIterator<Item = Request>) {
    let engine = &mut model.engine;
    engine.clear();
    for (id, request) in (0..).zip(requests) {
        engine.submit(id, Goal::Speak, request);
    }
}

/// Tells whether no request is left.
pub(super) fn is_idle(model: &mut LoadedModel) -> bool {
    model.engine.is_idle()
}

/// Says what one step did.
#[derive(Default)]
pub(super) struct Stepped {
    /// Positions of the prompts that the step computed.
    pub prompts: usize,
    /// Number of tokens drawn.
    pub tokens: usize,
    /// The requests that the step finished.
    pub spoken: Vec<(u64, Codes)>,
}

/// Runs one step.
pub(super) fn step(model: &mut LoadedModel) -> Result<Stepped> {
    digest(model.engine.step()?)
}

fn digest(events: Vec<Event>) -> Result<Stepped> {
    let mut stepped = Stepped::default();
    for event in events {
        match event {
            Event::Started { prompt, .. } => stepped.prompts += prompt,
            Event::Advanced { .. } => stepped.tokens += 1,
            Event::Spoken { id, codes } => {
                stepped.tokens += 1;
                stepped.spoken.push((id, *codes));
            }
            Event::Failed { error, .. } => return Err(error),
            Event::Refined { .. } | Event::Refinement { .. } => {}
        }
    }
    Ok(stepped)
}

/// Renders the mels and waves of several sequences of codes.
pub(super) fn render(model: &LoadedModel, all: &[&Codes]) -> Result<Vec<Rendered>> {
    let Some(first) = all.first() else { return Ok(Vec::new()) };
    render_codes(&model.renderer, first.decoder, all)
}

/// The number of steps of which every layer is kept: enough for a comparison, without taking more memory.
const LAYER_STEPS: usize = 64;

/// A step as it was run: its inputs and its outputs.
pub(super) struct Recorded {
    pub batch: Batch,
    pub outputs: Vec<RowOutput>,
}

/// Speaks requests, each in the slot of its number, and records every step.
pub(super) fn record(
    model: &mut LoadedModel,
    requests: impl IntoIterator<Item = Request>,
    go_on: &dyn Fn() -> ControlFlow<()>,
) -> Result<(Vec<Recorded>, Vec<Codes>)> {
    let slots = model.batch_size();
    let (vocabulary, model) = model.engine.parts_mut();
    let mut scheduler = Scheduler::new(slots);
    for (id, request) in (0..).zip(requests) {
        scheduler.submit(id, Goal::Speak, request);
    }
    let (mut steps, mut spoken) = (Vec::new(), Vec::new());
    while !scheduler.is_idle() {
        if go_on().is_break() {
            return Err(Error::Interrupted);
        }
        let mut events = Vec::new();
        let layers = steps.len() < LAYER_STEPS;
        let (mut batch, mut outputs) = (Batch { logits: true, layers, ..Batch::default() }, Vec::new());
        scheduler.schedule(vocabulary, &mut batch, &mut events);
        if !batch.rows.is_empty() {
            model.run(&batch, &mut outputs)?;
            scheduler.apply(&mut outputs.clone(), vocabulary, model, &mut events)?;
            steps.push(Recorded { batch, outputs });
        }
        spoken.extend(digest(events)?.spoken);
    }
    spoken.sort_by_key(|(id, _)| *id);
    Ok((steps, spoken.into_iter().map(|(_, codes)| codes).collect()))
}

/// Runs a recorded step's inputs through this model.
pub(super) fn replay(model: &mut LoadedModel, step: &Recorded) -> Result<Vec<RowOutput>> {
    let mut outputs = Vec::new();
    model.engine.parts_mut().1.run(&step.batch, &mut outputs)?;
    Ok(outputs)
}

/// Returns the model's sizes.
pub(super) fn vocabulary(model: &mut LoadedModel) -> &Vocabulary {
    model.engine.vocabulary()
}
