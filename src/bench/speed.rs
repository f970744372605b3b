//! Lines of a fixed length, spoken and timed stage by stage.

use std::ops::ControlFlow;
use std::time::Instant;

use serde::{Deserialize, Serialize};

use super::access;
use crate::backend::GROUP_STEPS;
use crate::engine::{Codes, Request};
use crate::error::{Error, Result};
use crate::loading::LoadedModel;
use crate::runtime::first_sound;

/// The text of every line: a sentence of common length in each of the model's languages.
pub(super) const TEXT: &str =
    "今天我们去了城里的老书店，买了三本书，回家的路上下起了小雨。we read by the window until dark.";

/// Times of one pass over all lines, in seconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// Positions of one line's prompt.
    pub positions: usize,
    /// Time of one line's prefill.
    pub prefill: f64,
    /// Tokens drawn after each line had its first one.
    pub decode_tokens: usize,
    /// Time of the decode steps that drew them.
    pub decode: f64,
    /// Time of rendering the mels and waves of all lines.
    pub render: f64,
    /// Time from the requests to the last wave.
    pub total: f64,
    /// Time from a request to the first samples of its stream, in a process that has spoken this line before;
    /// for a single line only.
    pub first_sound: Option<f64>,
}

/// Speaks the same lines again and again, as many as the model works on together.
pub struct SpeedTest<'a> {
    model: &'a mut LoadedModel,
    requests: Vec<Request>,
    tokens: usize,
}

impl<'a> SpeedTest<'a> {
    /// Makes a test with lines of `tokens` tokens each, at least 2; line i draws with `seed + i`.
    ///
    /// # Errors
    /// [`Error::Parameter`] for fewer tokens.
    pub fn new(model: &'a mut LoadedModel, tokens: usize, seed: u64) -> Result<Self> {
        if tokens < 2 {
            return Err(Error::parameter("tokens", "a rate takes at least 2"));
        }
        let mut request = access::request(model, TEXT);
        request.sampling.min_tokens = tokens;
        request.sampling.max_tokens = tokens;
        let line = |i: usize| Request { seed: seed.wrapping_add(i as u64), ..request.clone() };
        let requests = (0..model.batch_size()).map(line).collect();
        Ok(SpeedTest { model, requests, tokens })
    }

    /// Speaks all lines once. `go_on` is asked at every step.
    ///
    /// # Errors
    /// [`Error::Interrupted`] if `go_on` breaks, [`Error::Parameter`] if the lines do not fit the model's
    /// context; an error of the device.
    pub fn run(&mut self, go_on: &dyn Fn() -> ControlFlow<()>) -> Result<Run> {
        let lines = self.requests.len();
        let start = Instant::now();
        access::submit(self.model, self.requests.iter().cloned());
        let (mut prompts, mut first_tokens) = (0, 0);
        let mut codes = Vec::with_capacity(lines);
        while first_tokens < lines && !access::is_idle(self.model) {
            let stepped = self.step(go_on)?;
            prompts += stepped.prompts;
            first_tokens += stepped.tokens;
            codes.extend(stepped.spoken.into_iter().map(|(_, codes)| codes));
        }
        let prefilled = start.elapsed();
        let mut decode_tokens = 0;
        while !access::is_idle(self.model) {
            let stepped = self.step(go_on)?;
            decode_tokens += stepped.tokens;
            codes.extend(stepped.spoken.into_iter().map(|(_, codes)| codes));
        }
        let spoken = start.elapsed();
        let positions = prompts / lines;
        self.check(&codes, positions)?;
        // As the renderer's thread groups them.
        for group in codes.chunks(GROUP_STEPS.div_ceil(self.tokens)) {
            if go_on().is_break() {
                return Err(Error::Interrupted);
            }
            access::render(self.model, &group.iter().collect::<Vec<_>>())?;
        }
        let total = start.elapsed();

        Ok(Run {
            positions,
            prefill: self.prefill(go_on)?,
            decode_tokens,
            decode: (spoken - prefilled).as_secs_f64(),
            render: (total - spoken).as_secs_f64(),
            total: total.as_secs_f64(),
            first_sound: self.first_sound(go_on)?,
        })
    }

    fn step(&mut self, go_on: &dyn Fn() -> ControlFlow<()>) -> Result<access::Stepped> {
        match go_on() {
            ControlFlow::Continue(()) => access::step(self.model),
            ControlFlow::Break(()) => Err(Error::Interrupted),
        }
    }

    fn check(&self, codes: &[Codes], positions: usize) -> Result<()> {
        match codes.iter().find(|codes| codes.tokens.len() != self.tokens) {
            None => Ok(()),
            Some(short) => Err(Error::parameter(
                "tokens",
                format!(
                    "{} and {positions} of the prompt do not fit this model's context, which is full after {}",
                    self.tokens,
                    short.tokens.len()
                ),
            )),
        }
    }

    /// Measures the prefill of one line alone.
    fn prefill(&mut self, go_on: &dyn Fn() -> ControlFlow<()>) -> Result<f64> {
        let start = Instant::now();
        access::submit(self.model, self.requests.first().cloned());
        while self.step(go_on)?.tokens == 0 {}
        Ok(start.elapsed().as_secs_f64())
    }

    fn first_sound(&mut self, go_on: &dyn Fn() -> ControlFlow<()>) -> Result<Option<f64>> {
        match self.requests.as_slice() {
            [one] => Ok(Some(first_sound(self.model, one, go_on)?.as_secs_f64())),
            _ => Ok(None),
        }
    }
}
