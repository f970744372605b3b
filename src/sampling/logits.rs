//! From logits to a token: temperature, repetition penalty, top-p, top-k, end mask, draw.

use std::collections::VecDeque;

use super::candidates::Candidates;
use super::constants::PENALTY_WINDOW;
use crate::error::{Error, Result};

/// Steers a draw, by the reference's names and defaults.
#[derive(Clone, Debug, PartialEq)]
pub struct SamplingParams {
    /// Divides the logits; one value for all codebooks, or one per codebook.
    pub temperature: Vec<f32>,
    /// Keep the likeliest tokens that together reach this probability, 0 < p ≤ 1.
    pub top_p: f64,
    /// Keep at most this many tokens (never fewer than three).
    pub top_k: usize,
    /// Above 1: what was drawn in the last 16 steps becomes less likely.
    pub repetition_penalty: f32,
    /// Steps after which generation stops in any case.
    pub max_tokens: usize,
    /// Steps before which the end token cannot be drawn.
    pub min_tokens: usize,
}

impl SamplingParams {
    /// Returns the reference's defaults for speech codes.
    pub fn speech() -> Self {
        SamplingParams {
            temperature: vec![0.3],
            top_p: 0.7,
            top_k: 20,
            repetition_penalty: 1.05,
            max_tokens: 2048,
            min_tokens: 0,
        }
    }

    /// Returns the reference's defaults for refining text.
    pub fn refine() -> Self {
        SamplingParams {
            temperature: vec![0.7],
            repetition_penalty: 1.0,
            max_tokens: 384,
            ..SamplingParams::speech()
        }
    }

    /// Refuses what cannot be sampled with; `heads` is the number of codebooks (4) or 1 for text.
    ///
    /// # Errors
    /// [`Error::Parameter`] naming the parameter and its range.
    pub fn validate(&self, heads: usize) -> Result<()> {
        if self.temperature.len() != 1 && self.temperature.len() != heads {
            return Err(Error::parameter(
                "temperature",
                format!(
                    "{} values given; one, or one per codebook ({heads}), are taken",
                    self.temperature.len()
                ),
            ));
        }
        if let Some(t) = self.temperature.iter().find(|t| !(t.is_finite() && **t > 0.0)) {
            return Err(Error::parameter("temperature", format!("{t} is not a number above 0")));
        }
        if !(self.top_p > 0.0 && self.top_p <= 1.0) {
            return Err(Error::parameter("top-p", format!("{} is not above 0 and at most 1", self.top_p)));
        }
        if self.top_k == 0 {
            return Err(Error::parameter("top-k", "0 leaves no token; at least 1"));
        }
        if !(self.repetition_penalty.is_finite() && self.repetition_penalty > 0.0) {
            return Err(Error::parameter(
                "repetition-penalty",
                format!("{} is not a number above 0 (1 is none)", self.repetition_penalty),
            ));
        }
        if self.max_tokens == 0 {
            return Err(Error::parameter("max-tokens", "0 leaves nothing to speak; at least 1"));
        }
        if self.min_tokens > self.max_tokens {
            return Err(Error::parameter(
                "min-tokens",
                format!("{} is more than max-tokens, {}", self.min_tokens, self.max_tokens),
            ));
        }
        Ok(())
    }
}

/// Says what one step drew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Draw {
    /// One token per codebook (or the one text token).
    Tokens(Vec<u32>),
    /// The end token was among them; the step adds nothing.
    End,
}

/// Draws the tokens of one sequence and remembers what the repetition penalty needs.
///
/// `heads` rows of `vocab` logits come in at each step; each row has its own window of past values.
#[derive(Clone, Debug)]
pub struct Sampler {
    params: SamplingParams,
    heads: usize,
    vocab: usize,
    end_token: u32,
    /// The last values drawn, step by step, `heads` each.
    window: VecDeque<u32>,
    /// The repetition penalty of a value by how often it is in the window.
    penalties: [f32; PENALTY_WINDOW + 1],
    generated: usize,
    candidates: Candidates,
    probs: Vec<f32>,
    counts: Vec<u8>,
}

impl Sampler {
    /// Makes a sampler over `heads` rows of `vocab` logits in which `end_token` ends the sequence.
    ///
    /// # Errors
    /// [`Error::Parameter`] for parameters out of range.
    pub fn new(params: SamplingParams, heads: usize, vocab: usize, end_token: u32) -> Result<Self> {
        params.validate(heads)?;
        Ok(Sampler {
            penalties: std::array::from_fn(|count| params.repetition_penalty.powf(count as f32)),
            params,
            heads,
            vocab,
            end_token,
            window: VecDeque::with_capacity(PENALTY_WINDOW * heads),
            generated: 0,
            candidates: Candidates::default(),
            probs: Vec::new(),
            counts: vec![0; vocab],
        })
    }

    /// Returns how many logits (and draws of noise) one step has: heads × vocabulary.
    pub fn width(&self) -> usize {
        self.heads * self.vocab
    }

    /// Returns what steers it.
    pub fn params(&self) -> &SamplingParams {
        &self.params
    }

    /// Returns how many tokens are drawn at a time.
    pub fn heads(&self) -> usize {
        self.heads
    }

    /// Returns the token that ends a sequence.
    pub fn end_token(&self) -> u32 {
        self.end_token
    }

    /// Returns how many steps were kept so far.
    pub fn generated(&self) -> usize {
        self.generated
    }

    /// Returns true if `max_tokens` are out.
    pub fn is_full(&self) -> bool {
        self.generated >= self.params.max_tokens
    }

    /// Draws one step from `logits` (heads × vocab, changed in place) with `noise` of the same length.
    ///
    /// # Errors
    /// [`Error::NotANumber`] when the logits hold no number to draw from.
    pub fn draw(&mut self, logits: &mut [f32], noise: &[impl Into<f32> + Copy]) -> Result<Draw> {
        debug_assert_eq!(logits.len(), self.width());
        debug_assert_eq!(noise.len(), self.width());
        let mut tokens = Vec::with_capacity(self.heads);
        for (head, (row, noise)) in logits.chunks_mut(self.vocab).zip(noise.chunks(self.vocab)).enumerate() {
            tokens.push(self.draw_row(head, row, noise).ok_or(Error::NotANumber)?);
        }
        let draw = if tokens.contains(&self.end_token) { Draw::End } else { Draw::Tokens(tokens) };
        self.take(&draw);
        Ok(draw)
    }

    /// Goes on as if this had been drawn here.
    pub fn take(&mut self, draw: &Draw) {
        let Draw::Tokens(tokens) = draw else { return };
        if self.window.len() == PENALTY_WINDOW * self.heads {
            self.window.drain(..self.heads);
        }
        self.window.extend(tokens);
        self.generated += 1;
    }

    fn draw_row(&mut self, head: usize, row: &mut [f32], noise: &[impl Into<f32> + Copy]) -> Option<u32> {
        let temperature = match self.params.temperature.as_slice() {
            [one] => *one,
            each => each[head],
        };
        for logit in row.iter_mut() {
            *logit /= temperature;
        }
        self.penalise(head, row);
        // Past this point only the kept candidates have a probability: the others were dropped to −∞.
        let kept = self.candidates.of(row, self.params.top_p, self.params.top_k);
        if self.generated < self.params.min_tokens {
            for (logit, token) in kept.iter_mut() {
                if *token == self.end_token {
                    *logit = f32::NEG_INFINITY;
                }
            }
        }
        let best = kept.iter().fold(f32::NEG_INFINITY, |m, (logit, _)| m.max(*logit));
        // p_i / e_i over the whole softmax: its denominator is common to all and changes no order, but it
        // changes roundings, so it is applied as the reference applies it.
        self.probs.clear();
        self.probs.extend(kept.iter().map(|(logit, _)| (logit - best).exp()));
        let sum: f32 = self.probs.iter().sum();
        let mut drawn: Option<(f32, u32)> = None;
        for ((_, token), p) in kept.iter().zip(&self.probs) {
            let score = p / sum / noise[*token as usize].into();
            if score.is_nan() {
                return None;
            }
            // Of equal scores the first index wins, as in argmax.
            if drawn.is_none_or(|(s, t)| score > s || (score == s && *token < t)) {
                drawn = Some((score, *token));
            }
        }
        drawn.map(|(_, token)| token)
    }

    /// Penalises what was drawn: a logit below zero is multiplied by penalty^count, others divided by it.
    fn penalise(&mut self, head: usize, row: &mut [f32]) {
        if self.params.repetition_penalty == 1.0 {
            return;
        }
        let past = || self.window.iter().skip(head).step_by(self.heads).map(|token| *token as usize);
        for token in past() {
            self.counts[token] += 1;
        }
        for token in past() {
            let count = std::mem::take(&mut self.counts[token]);
            if count > 0 {
                let penalty = self.penalties[usize::from(count)];
                let logit = &mut row[token];
                *logit = if *logit < 0.0 { *logit * penalty } else { *logit / penalty };
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn params() -> SamplingParams {
        SamplingParams {
            temperature: vec![1.0],
            top_p: 1.0,
            repetition_penalty: 1.0,
            ..SamplingParams::speech()
        }
    }

    #[test]
    fn the_smallest_noise_wins_among_equals() {
        let mut sampler = Sampler::new(params(), 1, 5, 4).unwrap();
        let drawn = sampler.draw(&mut [0.0; 5], &[1.0, 0.9, 0.1, 0.8, 0.7]);
        assert_eq!(drawn.unwrap(), Draw::Tokens(vec![2]));
    }

    #[test]
    fn top_k_keeps_at_least_three_and_no_more_than_asked() {
        let logits = [5.0, 4.0, 3.0, 2.0, 1.0, 0.0];
        // Noise that favours one token at a time shows whether it was still in the draw.
        let reachable = |top_k: usize| -> Vec<u32> {
            (0..6)
                .filter(|t| {
                    let mut sampler = Sampler::new(SamplingParams { top_k, ..params() }, 1, 6, 99).unwrap();
                    let mut noise = [1e6; 6];
                    noise[*t as usize] = 1e-6;
                    sampler.draw(&mut logits.clone(), &noise).unwrap() == Draw::Tokens(vec![*t])
                })
                .collect()
        };
        assert_eq!(reachable(1), [0, 1, 2]);
        assert_eq!(reachable(4), [0, 1, 2, 3]);
    }

    #[test]
    fn top_p_drops_the_tail_but_leaves_three() {
        let logits = [10.0, 0.0, 0.1, 0.2, 0.3, 0.4];
        let mut sampler = Sampler::new(SamplingParams { top_p: 0.5, ..params() }, 1, 6, 99).unwrap();
        let mut noise = [1.0; 6];
        noise[1] = 1e-30;
        assert_eq!(sampler.draw(&mut logits.clone(), &noise).unwrap(), Draw::Tokens(vec![0]));
        noise[4] = 1e-30;
        assert_eq!(sampler.draw(&mut logits.clone(), &noise).unwrap(), Draw::Tokens(vec![4]));
    }

    #[test]
    fn repetition_counts_over_sixteen_steps_and_per_codebook() {
        let p = SamplingParams { repetition_penalty: 2.0, max_tokens: 100, ..params() };
        let mut sampler = Sampler::new(p, 2, 4, 99).unwrap();
        let even = [1.0; 8];
        // Row 0 draws token 1 once, row 1 draws token 2 sixteen times after it.
        let mut logits = [0.0, 9.0, 0.0, 0.0, 0.0, 0.0, 9.0, 0.0];
        sampler.draw(&mut logits, &even).unwrap();
        let mut row = [-1.0, 4.0, 1.0, 1.0];
        sampler.penalise(0, &mut row);
        assert_eq!(row, [-1.0, 2.0, 1.0, 1.0]);
        let mut row = [-1.0, 4.0, -1.0, 1.0];
        sampler.penalise(1, &mut row);
        assert_eq!(row, [-1.0, 4.0, -2.0, 1.0]);
        for _ in 0..16 {
            sampler.draw(&mut [9.0, 0.0, 0.0, 0.0, 9.0, 0.0, 0.0, 0.0], &even).unwrap();
        }
        let mut row = [0.5, 4.0, 1.0, 1.0];
        sampler.penalise(0, &mut row);
        assert_eq!(row[1], 4.0, "17 steps ago is forgotten");
    }

    #[test]
    fn the_end_is_masked_until_min_tokens_are_out() {
        let p = SamplingParams { min_tokens: 1, ..params() };
        let mut sampler = Sampler::new(p, 1, 4, 3).unwrap();
        let logits = [1.0, 0.0, 0.0, 9.0];
        assert_eq!(sampler.draw(&mut logits.clone(), &[1.0; 4]).unwrap(), Draw::Tokens(vec![0]));
        assert_eq!(sampler.draw(&mut logits.clone(), &[1.0; 4]).unwrap(), Draw::End);
        assert_eq!(sampler.generated(), 1);
    }

    #[test]
    fn logits_that_are_not_numbers_are_an_error() {
        let mut sampler = Sampler::new(params(), 1, 4, 3).unwrap();
        let nan = f32::NAN;
        assert!(matches!(sampler.draw(&mut [nan; 4], &[1.0; 4]), Err(Error::NotANumber)));
        assert!(matches!(sampler.draw(&mut [0.0, nan, 0.0, 0.0], &[1.0; 4]), Err(Error::NotANumber)));
    }

    #[test]
    fn bad_parameters_are_refused_by_name() {
        let cases = [
            ("temperature", SamplingParams { temperature: vec![0.0], ..params() }),
            ("temperature", SamplingParams { temperature: vec![1.0, 1.0], ..params() }),
            ("temperature", SamplingParams { temperature: vec![f32::NAN], ..params() }),
            ("top-p", SamplingParams { top_p: 1.5, ..params() }),
            ("top-k", SamplingParams { top_k: 0, ..params() }),
            ("repetition-penalty", SamplingParams { repetition_penalty: 0.0, ..params() }),
            ("max-tokens", SamplingParams { max_tokens: 0, ..params() }),
            ("min-tokens", SamplingParams { min_tokens: 9, max_tokens: 8, ..params() }),
        ];
        for (name, bad) in cases {
            match bad.validate(4) {
                Err(Error::Parameter { name: found, .. }) => assert_eq!(found, name),
                other => panic!("{name}: {other:?}"),
            }
        }
    }
}
