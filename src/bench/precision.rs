//! Compares another weight type with single precision: the same inputs through both, step by step.
//!
//! Two free runs part ways at the first code that differs, and little can be compared from there on. So one
//! model speaks, and the other is given the codes that the first one drew; at each step both are asked for the
//! same code.

use std::ops::ControlFlow;

use serde::Serialize;

use super::access::{self, Recorded};
use super::distance::{Power, arg_max, divergence};
use crate::backend::Rendered;
use crate::engine::{Codes, Request, RowOutput};
use crate::error::{Error, Result};
use crate::loading::LoadedModel;
use crate::sampling::{Draw, ExponentialNoise, NoiseMode, Sampler, SamplingParams};

/// The texts that are spoken: two to three seconds each, in both of the model's languages.
const TEXTS: [&str; Reference::LINES] = [
    "今天天气很好，我们去公园走走。",
    "请把这本书放在桌子上，谢谢。",
    "the train to the coast leaves in ten minutes.",
    "we had a quiet evening by the river.",
];

/// Holds the outputs of single precision for some texts.
pub struct Reference {
    requests: Vec<Request>,
    steps: Vec<Recorded>,
    lines: Vec<Codes>,
    rendered: Vec<Rendered>,
    codebooks: usize,
    codes: usize,
}

/// Says how often two models chose the same code, 0 to 1.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Sharing {
    /// Share over all choices.
    pub overall: f64,
    /// Share of each codebook.
    pub per_codebook: Vec<f64>,
}

/// A Kullback-Leibler divergence (reference ‖ other) of the next code's distribution, in nats.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Divergence {
    /// The temperature, by which the logits are divided.
    pub temperature: f32,
    /// Mean over all steps and codebooks.
    pub mean: f64,
    /// The largest divergence of any step and codebook.
    pub max: f64,
}

/// Says how far some values are from those of the reference, in units of the reference's root mean square.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Deviation {
    /// Name of the values: `layer 0`, …, `hidden`, `logits`.
    pub of: String,
    /// Root mean square of the error.
    pub relative_rms: f64,
    /// The largest error of a value.
    pub worst: f64,
}

/// Says how close a model is to the reference. A signal-to-noise ratio is None where nothing differs at all.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Agreement {
    /// The type of the weights.
    pub weights: String,
    /// Number of steps that were compared, over all lines.
    pub steps: usize,
    /// Sharing of the likeliest code.
    pub arg_max: Sharing,
    /// Sharing of the code that is drawn with the same noise, as in speech.
    pub drawn: Sharing,
    /// The distributions, at temperature 1 and at that of speech.
    pub divergence: Vec<Divergence>,
    /// Output of each layer, from the first on; then the last hidden state and the logits.
    pub layers: Vec<Deviation>,
    /// Root mean square of the hidden states' error ÷ that of the states.
    pub hidden_relative_rms: f64,
    /// Signal-to-noise ratio of the wave in dB, from the same hidden states.
    pub wave_snr_db: Option<f64>,
    /// Signal-to-noise ratio of the log mel around its mean in dB, from the same hidden states.
    pub mel_snr_db: Option<f64>,
}

impl Reference {
    /// The number of texts that are spoken, which the model must be able to work on together.
    pub const LINES: usize = 4;

    /// Speaks the texts, each for at most `tokens` steps.
    ///
    /// # Errors
    /// [`Error::Parameter`] if the model works on fewer than [`Reference::LINES`] texts or `tokens` is 0,
    /// [`Error::Interrupted`] if `go_on` breaks; an error of the device.
    pub fn speak(
        model: &mut LoadedModel,
        tokens: usize,
        seed: u64,
        go_on: &dyn Fn() -> ControlFlow<()>,
    ) -> Result<Self> {
        check_slots(model)?;
        let requests: Vec<Request> = (0..)
            .zip(TEXTS)
            .map(|(i, text)| {
                let mut request = access::request(model, text);
                request.seed = seed.wrapping_add(i);
                // Every step with noise of its own: more is seen of a distribution than one noise shows.
                request.noise = NoiseMode::Stream;
                request.sampling =
                    SamplingParams { max_tokens: tokens, min_tokens: 1, ..SamplingParams::speech() };
                request
            })
            .collect();
        let (steps, lines) = access::record(model, requests.iter().cloned(), go_on)?;
        let rendered = render(model, &lines, go_on)?;
        let vocabulary = access::vocabulary(model);
        let (codebooks, codes) = (vocabulary.codebooks, vocabulary.code_tokens);
        Ok(Reference { requests, steps, lines, rendered, codebooks, codes })
    }

    /// Returns the codes that the reference spoke.
    pub fn lines(&self) -> &[Codes] {
        &self.lines
    }

    /// Compares another model with the reference; `weights` names the type of its weights.
    ///
    /// # Errors
    /// As [`Reference::speak`]; [`Error::Parameter`] if it is a model of other sizes.
    pub fn compare(
        &self,
        model: &mut LoadedModel,
        weights: String,
        go_on: &dyn Fn() -> ControlFlow<()>,
    ) -> Result<Agreement> {
        check_slots(model)?;
        let mut tally = Tally::new(self)?;
        for step in &self.steps {
            if go_on().is_break() {
                return Err(Error::Interrupted);
            }
            let outputs = access::replay(model, step)?;
            for (((row, _), reference), other) in step.batch.wanted.iter().zip(&step.outputs).zip(&outputs) {
                tally.hidden.add(&reference.hidden, &other.hidden);
                tally.all_logits.add(&reference.logits, &other.logits);
                tally.layers(reference, other);
                let slot = step.batch.rows[*row].slot as usize;
                tally.logits(slot, &reference.logits, &other.logits)?;
            }
        }
        let (mut wave, mut mel) = (Power::default(), Power::default());
        for (reference, other) in self.rendered.iter().zip(&render(model, &self.lines, go_on)?) {
            wave.add(&reference.wave, &other.wave);
            mel.add_centred(&reference.mel.values, &other.mel.values);
        }
        Ok(Agreement {
            weights,
            steps: tally.steps,
            arg_max: tally.sharing(&tally.arg_max),
            drawn: tally.sharing(&tally.drawn),
            divergence: tally.divergence(),
            layers: tally.deviations(),
            hidden_relative_rms: tally.hidden.relative_error(),
            wave_snr_db: wave.decibels(),
            mel_snr_db: mel.decibels(),
        })
    }
}

fn check_slots(model: &LoadedModel) -> Result<()> {
    match model.batch_size() < Reference::LINES {
        true => Err(Error::parameter("batch-size", format!("{} texts are compared", Reference::LINES))),
        false => Ok(()),
    }
}

/// Renders one line at a time, because lines that are rendered together need memory for each.
fn render(
    model: &LoadedModel,
    lines: &[Codes],
    go_on: &dyn Fn() -> ControlFlow<()>,
) -> Result<Vec<Rendered>> {
    let mut rendered = Vec::with_capacity(lines.len());
    for codes in lines {
        if go_on().is_break() {
            return Err(Error::Interrupted);
        }
        rendered.extend(access::render(model, &[codes])?);
    }
    Ok(rendered)
}

/// The random draws of one line, as the reference made them.
struct Draws {
    sampler: Sampler,
    noise: ExponentialNoise,
}

struct Tally<'a> {
    reference: &'a Reference,
    /// The draws of each slot.
    draws: Vec<Draws>,
    steps: usize,
    /// Number of equal choices of each codebook.
    arg_max: Vec<usize>,
    drawn: Vec<usize>,
    /// Sums over the choices, at temperature 1 and at that of speech.
    divergences: [Divergence; 2],
    hidden: Power,
    all_logits: Power,
    layers: Vec<Power>,
}

impl<'a> Tally<'a> {
    fn new(reference: &'a Reference) -> Result<Self> {
        let (codebooks, codes) = (reference.codebooks, reference.codes);
        let draws = |request: &Request| {
            let end = codes as u32 - 1;
            Ok(Draws {
                sampler: Sampler::new(request.sampling.clone(), codebooks, codes, end)?,
                noise: ExponentialNoise::new(request.seed, request.noise),
            })
        };
        let own = SamplingParams::speech().temperature.first().copied().unwrap_or(1.0);
        Ok(Tally {
            reference,
            draws: reference.requests.iter().map(draws).collect::<Result<_>>()?,
            steps: 0,
            arg_max: vec![0; codebooks],
            drawn: vec![0; codebooks],
            divergences: [1.0, own].map(|temperature| Divergence { temperature, mean: 0.0, max: 0.0 }),
            hidden: Power::default(),
            all_logits: Power::default(),
            layers: Vec::new(),
        })
    }

    /// Adds the outputs of the layers in one step of a line.
    fn layers(&mut self, reference: &RowOutput, other: &RowOutput) {
        let hidden = reference.hidden.len().max(1);
        let count = reference.layers.len() / hidden;
        self.layers.resize_with(self.layers.len().max(count), Power::default);
        let layers = reference.layers.chunks_exact(hidden).zip(other.layers.chunks_exact(hidden));
        for (power, (reference, other)) in self.layers.iter_mut().zip(layers) {
            power.add(reference, other);
        }
    }

    fn deviations(&self) -> Vec<Deviation> {
        let deviation = |of: String, power: &Power| Deviation {
            of,
            relative_rms: power.relative_error(),
            worst: power.worst(),
        };
        let layers = self.layers.iter().enumerate().map(|(i, power)| deviation(format!("layer {i}"), power));
        let ends = [("hidden", &self.hidden), ("logits", &self.all_logits)];
        layers.chain(ends.map(|(of, power)| deviation(of.into(), power))).collect()
    }

    /// Adds the logits of one step of a line.
    fn logits(&mut self, slot: usize, reference: &[f32], other: &[f32]) -> Result<()> {
        let codes = self.reference.codes;
        if other.len() != reference.len() {
            return Err(Error::parameter("model", "models of different sizes are not compared"));
        }
        self.steps += 1;
        for (book, (p, q)) in reference.chunks_exact(codes).zip(other.chunks_exact(codes)).enumerate() {
            self.arg_max[book] += usize::from(arg_max(p) == arg_max(q));
            for sum in &mut self.divergences {
                let divergence = divergence(p, q, sum.temperature);
                sum.mean += divergence;
                sum.max = sum.max.max(divergence);
            }
        }
        let Some(Draws { sampler, noise }) = self.draws.get_mut(slot) else { return Ok(()) };
        let noise = noise.step(reference.len());
        // Drawn from a copy: what steers the next draw is what the reference drew.
        let theirs = sampler.clone().draw(&mut other.to_vec(), noise)?;
        let ours = sampler.draw(&mut reference.to_vec(), noise)?;
        for (book, equal) in self.drawn.iter_mut().enumerate() {
            let same = match (&ours, &theirs) {
                (Draw::End, Draw::End) => true,
                (Draw::Tokens(ours), Draw::Tokens(theirs)) => ours[book] == theirs[book],
                _ => false,
            };
            *equal += usize::from(same);
        }
        Ok(())
    }

    fn sharing(&self, equal: &[usize]) -> Sharing {
        let of = |equal: usize, all: usize| if all == 0 { 1.0 } else { equal as f64 / all as f64 };
        Sharing {
            overall: of(equal.iter().sum(), self.steps * equal.len()),
            per_codebook: equal.iter().map(|equal| of(*equal, self.steps)).collect(),
        }
    }

    fn divergence(&self) -> Vec<Divergence> {
        let count = (self.steps * self.arg_max.len()).max(1) as f64;
        self.divergences.iter().map(|sum| Divergence { mean: sum.mean / count, ..*sum }).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::{Checkpoint, NOISE_SEED};
    use crate::hub::NoiseSize;
    use crate::{LoadOptions, Precision};

    fn load(precision: Precision) -> LoadedModel {
        let options = LoadOptions { precision, batch_size: Reference::LINES, ..LoadOptions::default() };
        LoadedModel::open(Checkpoint::noise(NoiseSize::Tiny, NOISE_SEED).unwrap(), options).unwrap()
    }

    fn go_on() -> ControlFlow<()> {
        ControlFlow::Continue(())
    }

    #[test]
    fn the_draws_of_the_comparison_are_those_of_the_engine() {
        let mut model = load(Precision::F32);
        let reference = Reference::speak(&mut model, 40, 7, &go_on).unwrap();
        let mut tally = Tally::new(&reference).unwrap();
        let mut drawn: Vec<Vec<Vec<u32>>> = vec![Vec::new(); Reference::LINES];
        for step in &reference.steps {
            for ((row, _), output) in step.batch.wanted.iter().zip(&step.outputs) {
                let slot = step.batch.rows[*row].slot as usize;
                let Draws { sampler, noise } = &mut tally.draws[slot];
                let noise = noise.step(output.logits.len());
                if let Draw::Tokens(tokens) = sampler.draw(&mut output.logits.clone(), noise).unwrap() {
                    drawn[slot].push(tokens);
                }
            }
        }
        let spoken: Vec<_> = reference.lines().iter().map(|codes| codes.tokens.clone()).collect();
        assert_eq!(drawn, spoken);
    }

    #[test]
    fn eight_bits_are_near_and_not_equal() {
        let reference = Reference::speak(&mut load(Precision::F32), 40, 7, &go_on).unwrap();
        let agreement = reference.compare(&mut load(Precision::Q8), "q8".into(), &go_on).unwrap();
        assert!(agreement.hidden_relative_rms > 1e-4 && agreement.hidden_relative_rms < 0.2, "{agreement:?}");
        let of: Vec<&str> = agreement.layers.iter().map(|deviation| deviation.of.as_str()).collect();
        assert_eq!((of[0], &of[of.len() - 2..]), ("layer 0", &["hidden", "logits"][..]));
        let within = |d: &Deviation| 1e-4 < d.relative_rms && d.relative_rms < d.worst && d.worst < 3.0;
        assert!(agreement.layers.iter().all(within), "{agreement:?}");
        assert!(agreement.arg_max.overall > 0.5 && agreement.drawn.overall > 0.5, "{agreement:?}");
        let [one, own] = agreement.divergence[..] else { panic!("{agreement:?}") };
        assert!(0.0 < one.mean && one.mean < one.max, "{agreement:?}");
        assert!(one.mean < own.mean && own.temperature == 0.3, "{agreement:?}");
    }
}
