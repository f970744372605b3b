//! All that measuring asks of the engine and the renderer.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use super::VOICE;
use crate::chat_tts::ChatTts;
use crate::engine::{Batch, Codes, Event, Goal, Request, RowOutput, Scheduler, Step, Vocabulary};
use crate::error::{Error, Result};
use crate::model::Rendered;
use crate::pipeline::render_codes;
use crate::voice::SeedKind;

/// A request for a text in the measured voice; a model without statistics of voices chooses one.
pub(super) fn request(tts: &ChatTts, text: &str) -> Request {
    let mut request = Request::new(text);
    request.voice = tts.speaker(SeedKind::TorchF32, VOICE).map(Into::into).unwrap_or_default();
    request
}

/// Drops what runs and queues these requests, numbered from 0.
pub(super) fn submit(tts: &mut ChatTts, requests: impl IntoIterator<Item = Request>) {
    let engine = tts.engine_mut();
    engine.clear();
    for (id, request) in (0..).zip(requests) {
        engine.submit(id, Goal::Speak, request);
    }
}

/// Whether nothing is left to step.
pub(super) fn is_idle(tts: &mut ChatTts) -> bool {
    tts.engine_mut().is_idle()
}

/// What one step did.
#[derive(Default)]
pub(super) struct Stepped {
    /// Positions of the prompts that went in.
    pub prompts: usize,
    /// Tokens drawn.
    pub tokens: usize,
    /// What was finished.
    pub spoken: Vec<(u64, Codes)>,
}

/// Steps once.
pub(super) fn step(tts: &mut ChatTts) -> Result<Stepped> {
    digest(tts.engine_mut().step()?)
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

/// From a request to the first samples of its stream.
pub(super) fn first_sound(
    tts: &mut ChatTts,
    request: &Request,
    go_on: &dyn Fn() -> ControlFlow<()>,
) -> Result<Duration> {
    let start = Instant::now();
    let mut first = None;
    let streamed = tts.stream(request, |samples| {
        if samples.is_empty() {
            return go_on();
        }
        first = Some(start.elapsed());
        ControlFlow::Break(())
    });
    match (first, streamed) {
        (Some(first), _) => Ok(first),
        (None, Err(error)) => Err(error),
        (None, Ok(_)) => Err(Error::Audio("a speech without a sample".into())),
    }
}

/// The mels and waves of several speeches.
pub(super) fn render(tts: &ChatTts, all: &[&Codes]) -> Result<Vec<Rendered>> {
    let Some(first) = all.first() else { return Ok(Vec::new()) };
    render_codes(&tts.renderer(), first.decoder, all)
}

/// Steps of which every layer is kept: enough to tell, and no more memory than that takes.
const LAYER_STEPS: usize = 64;

/// A step as it was run: what went in, what came out.
pub(super) struct Recorded {
    pub batch: Batch,
    pub outputs: Vec<RowOutput>,
}

/// Speaks requests, each in the slot of its number, and keeps every step.
pub(super) fn record(
    tts: &mut ChatTts,
    requests: impl IntoIterator<Item = Request>,
    go_on: &dyn Fn() -> ControlFlow<()>,
) -> Result<(Vec<Recorded>, Vec<Codes>)> {
    let slots = tts.batch_size();
    let (vocabulary, model) = tts.engine_mut().parts_mut();
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
pub(super) fn replay(tts: &mut ChatTts, step: &Recorded) -> Result<Vec<RowOutput>> {
    let mut outputs = Vec::new();
    tts.engine_mut().parts_mut().1.run(&step.batch, &mut outputs)?;
    Ok(outputs)
}

/// The model's sizes.
pub(super) fn vocabulary(tts: &mut ChatTts) -> &Vocabulary {
    tts.engine_mut().vocabulary()
}
