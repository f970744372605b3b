//! The word errors of `bench --precision`.

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Mutex;

use chattts_rs::audio::wav;
use chattts_rs::bench::{WordErrors, recognise, sentences};
use chattts_rs::{DeviceChoice, Devices, Engine, Limits, Outcome, SpeechRequest};

use super::super::args::{BenchArgs, ModelArgs};
use super::super::options;
use super::Kind;

/// Speaks sentences in one type, has a recogniser listen, and counts what it misheard.
pub fn errors(
    args: &BenchArgs,
    model: &ModelArgs,
    (device, kind): (DeviceChoice, Kind),
    recogniser: &str,
    go_on: &dyn Fn() -> ControlFlow<()>,
) -> anyhow::Result<WordErrors> {
    let mut options = options::quiet_engine(model);
    options.devices = Devices::from([device].as_slice());
    options.backend = kind.backend;
    options.precision = kind.dtype;
    options.memory_fraction = args.memory_fraction;
    let engine = Engine::open(options)?;
    let folder = tempfile::tempdir()?;
    let path = |index: usize| folder.path().join(format!("{index}.wav"));
    let mut lines = Vec::new();
    for (index, sentence) in sentences().enumerate() {
        let mut request = SpeechRequest::new(sentence);
        request.overrides.sampling.seed = Some(args.seed.wrapping_add(index as u64));
        lines.push((index, engine.compose(&request)?));
    }
    let failures = Mutex::new(Vec::new());
    let deliver = |Outcome { index, result }| {
        let written = result.map_err(anyhow::Error::from).and_then(|spoken| {
            Ok(std::fs::write(path(index), wav(&spoken.samples, spoken.summary.sample_rate)?)?)
        });
        if let (Err(error), Ok(mut failures)) = (written, failures.lock()) {
            failures.push(error);
        }
    };
    engine.speak_all(lines, Limits::default(), &deliver, go_on)?;
    if let Some(error) = failures.into_inner().unwrap_or_default().pop() {
        return Err(error);
    }
    let files: Vec<PathBuf> = (0..sentences().count()).map(path).collect();
    let mut sum = WordErrors::default();
    for (written, heard) in sentences().zip(recognise(recogniser, &files)?) {
        sum += WordErrors::between(written, &heard);
    }
    Ok(sum)
}
