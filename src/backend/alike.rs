//! Compares what a device computes with what the processor does, on a small model.

use super::cpu::{CpuRenderer, CpuStep, WeightType};
use super::render::{Render, Source, Wanted};
use super::weights::Checkpoint;
use super::{NOISE_SEED, open};
use crate::device::{BackendChoice, DeviceChoice, LoadOptions, Precision};
use crate::engine::{Codes, EngineCore, Event, Goal, Hiddens, Request, Step};
use crate::error::{Error, Result};
use crate::hub::NoiseSize;
use crate::sampling::{NoiseMode, SamplingParams};

/// Lines that are worked on together.
pub const SLOTS: usize = 3;
/// Steps of each line: several graphs' worth on a card, of unequal lengths.
const LENGTHS: [usize; 4] = [41, 25, 33, 9];
/// The largest error of a mel and of a wave in single precision, relative to their size.
const RENDERED: [f64; 2] = [1e-4, 1e-3];

/// Runs a small model by a backend on a device, in single precision, beside the processor's kernels; returns the name
/// of what was tried.
///
/// # Errors
/// [`Error::Device`] with what differs, or if the device cannot be used.
pub fn check(device: DeviceChoice, backend: BackendChoice) -> Result<String> {
    let checkpoint = Checkpoint::noise(NoiseSize::Tiny, NOISE_SEED)?;
    let opened = open(device, backend)?;
    let options = LoadOptions { device, backend, batch_size: SLOTS, ..LoadOptions::default() };
    let parts = opened.load(&checkpoint, Precision::F32, &options)?;
    speaking(&checkpoint, parts.step)?;
    rendering(&checkpoint, &*parts.renderer)?;
    Ok(opened.name())
}

/// Speaks some short lines and returns their codes, in order.
///
/// # Errors
/// An error of the device.
pub fn speak(checkpoint: &Checkpoint, step: impl Step) -> Result<Vec<Codes>> {
    speak_after(checkpoint, step, "")
}

/// Speaks some lines that begin alike and returns their codes, in order.
///
/// # Errors
/// An error of the device.
pub fn speak_after(checkpoint: &Checkpoint, step: impl Step, beginning: &str) -> Result<Vec<Codes>> {
    let mut engine = EngineCore::new(checkpoint.vocabulary()?, SLOTS, step);
    for (id, steps) in (0..).zip(LENGTHS) {
        let mut request = Request::new(format!("{beginning}第{id}行"));
        request.sampling =
            SamplingParams { max_tokens: steps, min_tokens: steps, ..SamplingParams::speech() };
        (request.seed, request.noise) = (id, NoiseMode::Stream);
        engine.submit(id, Goal::Speak, request);
    }
    let mut spoken = Vec::new();
    while !engine.is_idle() {
        for event in engine.step()? {
            match event {
                Event::Spoken { id, codes } => spoken.push((id, *codes)),
                Event::Failed { error, .. } => return Err(error),
                _ => {}
            }
        }
    }
    spoken.sort_by_key(|(id, _)| *id);
    Ok(spoken.into_iter().map(|(_, codes)| codes).collect())
}

/// Speaks what the processor speaks in single precision, or says that it does not, and returns it. Hidden states differ in
/// the last digits from device to device, so tokens are compared.
///
/// # Errors
/// [`Error::Device`] if it speaks otherwise; an error of the device.
pub fn speaking(checkpoint: &Checkpoint, step: impl Step) -> Result<Vec<Codes>> {
    let found = speak(checkpoint, step)?;
    let expected = speak(checkpoint, CpuStep::load(checkpoint, WeightType::F32, SLOTS)?)?;
    let tokens = |codes: &'_ [Codes]| codes.iter().map(|codes| codes.tokens.clone()).collect::<Vec<_>>();
    match tokens(&found) == tokens(&expected) {
        true => Ok(found),
        false => Err(Error::Device("speaks other tokens than a processor".into())),
    }
}

/// Compares mels, waves and the codes of a wave with those of the processor.
///
/// # Errors
/// [`Error::Device`] with what differs; an error of the device.
pub fn rendering(checkpoint: &Checkpoint, renderer: &dyn Render) -> Result<()> {
    let hidden = checkpoint.config.hidden;
    let rows: Vec<f32> = (0..29 * hidden).map(|i| ((i * 7919 + 13) % 1009) as f32 / 300.0 - 1.7).collect();
    let [long, short] = [rows.len(), 3 * hidden].map(|end| Hiddens::from(rows[..end].to_vec()));
    let source = &[&long, &short];
    let source = Source::Hiddens(source);
    let found = renderer.render(source, Wanted::Both)?;
    let processor = CpuRenderer::load(checkpoint, WeightType::F32)?;
    let expected = processor.render(source, Wanted::Both)?;
    for (found, expected) in found.iter().zip(&expected) {
        let pairs = [(&found.mel.values, &expected.mel.values), (&found.wave, &expected.wave)];
        for ((what, (found, expected)), allowed) in ["a mel", "a wave"].iter().zip(pairs).zip(RENDERED) {
            let error = distance(found, expected);
            if error.is_nan() || error > allowed {
                return Err(Error::Device(format!("renders {what} wrongly, {error:.1e} off")));
            }
        }
    }
    let wave: Vec<f32> = (0..12_000).map(|i| (i as f32 * 0.05).sin() * 0.3).collect();
    let [found, expected] = [renderer, &processor].map(|renderer| renderer.encode(&wave));
    let (found, expected) = (found?.concat(), expected?.concat());
    // One that lies between two codes may become either.
    let same = found.iter().zip(&expected).filter(|(found, expected)| found == expected).count();
    match found.len() == expected.len() && same * 20 >= expected.len() * 19 {
        true => Ok(()),
        false => Err(Error::Device(format!("encodes {same} of {} codes as a processor", expected.len()))),
    }
}

/// Returns how far numbers are from those that are expected, relative to their size.
fn distance(found: &[f32], expected: &[f32]) -> f64 {
    if found.len() != expected.len() {
        return f64::NAN;
    }
    let square = |values: &mut dyn Iterator<Item = f32>| values.map(|v| f64::from(v).powi(2)).sum::<f64>();
    let apart = square(&mut found.iter().zip(expected).map(|(f, e)| f - e));
    (apart / square(&mut expected.iter().copied()).max(1e-30)).sqrt()
}
