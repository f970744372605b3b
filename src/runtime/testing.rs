//! Devices that tests have in their hands.

use std::ops::Range;

use crate::backend::{Checkpoint, NOISE_SEED};
use crate::device::LoadOptions;
use crate::engine::{Batch, Hiddens, RowOutput, Step};
use crate::error::Result;
use crate::hub::NoiseSize;
use crate::loading::{AnyStep, LoadedModel};

/// A device that calls a function before each step.
struct Rigged<F>(AnyStep, F);

impl<F: FnMut(&Batch) -> Result<()>> Step for Rigged<F> {
    fn run(&mut self, batch: &Batch, outputs: &mut Vec<RowOutput>) -> Result<()> {
        (self.1)(batch)?;
        self.0.run(batch, outputs)
    }

    fn hiddens(&mut self, slot: u32, steps: Range<usize>, to: &mut Vec<f32>) -> Result<()> {
        self.0.hiddens(slot, steps, to)
    }

    fn lend(&mut self, slot: u32, steps: usize) -> Result<Option<Hiddens>> {
        self.0.lend(slot, steps)
    }
}

struct Nothing;

impl Step for Nothing {
    fn run(&mut self, _: &Batch, _: &mut Vec<RowOutput>) -> Result<()> {
        Ok(())
    }

    fn hiddens(&mut self, _: u32, _: Range<usize>, _: &mut Vec<f32>) -> Result<()> {
        Ok(())
    }
}

/// Returns the smallest model of noise.
pub(crate) fn checkpoint() -> Checkpoint {
    Checkpoint::noise(NoiseSize::Tiny, NOISE_SEED).unwrap()
}

/// Returns a device of so many slots that calls a function before each step.
pub(crate) fn rigged(
    name: &str,
    slots: usize,
    before: impl FnMut(&Batch) -> Result<()> + Send + 'static,
) -> LoadedModel {
    let options = LoadOptions { batch_size: slots, ..LoadOptions::default() };
    let mut model = LoadedModel::open(checkpoint(), options).unwrap();
    model.device_name = name.into();
    let (_, step) = model.engine.parts_mut();
    let inner = std::mem::replace(step, Box::new(Nothing));
    *step = Box::new(Rigged(inner, before));
    model
}
