//! Steps on candle's tensors: a batch in, logits and hidden states out.

use std::ops::Range;

use candle_core::Tensor;
use candle_nn::Linear;

use super::CandleLayout;
use super::layers::multiply;
use super::llama::Cache;
use crate::backend::networks::{Embed, Llama};
use crate::backend::weights::Checkpoint;
use crate::engine::{Batch, Head, RowOutput, Step};
use crate::error::{Error, Result};

/// Rows that go through the model at once; a step of more takes several passes.
const PASS_ROWS: usize = 256;

/// Runs batches through the model.
pub struct CandleStep {
    layout: CandleLayout,
    embed: Embed,
    llama: Llama<CandleLayout>,
    cache: Cache,
    head_codes: Linear,
    /// Loaded when the first text is refined.
    head_text: Option<Linear>,
    slots: usize,
}

impl CandleStep {
    /// Loads the language model of a checkpoint, for `slots` sequences.
    ///
    /// # Errors
    /// A missing tensor or one of another shape; an error of the device.
    pub fn load(checkpoint: &Checkpoint, layout: &CandleLayout, slots: usize) -> Result<Self> {
        let embed = Embed::load(&checkpoint.embed, checkpoint.config.hidden)?;
        Ok(CandleStep {
            llama: Llama::load(&checkpoint.gpt, &checkpoint.config, layout)?,
            cache: Cache::new(&checkpoint.config, layout, slots)?,
            head_codes: embed.head(Head::Codes, layout)?,
            head_text: None,
            embed,
            layout: layout.clone(),
            slots,
        })
    }

    /// Runs one pass: the rows of `batch` in `range`, and the outputs of those that are wanted.
    fn pass(&mut self, batch: &Batch, range: Range<usize>, outputs: &mut [RowOutput]) -> Result<()> {
        let rows = &batch.rows[range.clone()];
        let hidden = self.embed.sizes.hidden;
        let mut x = vec![0.0; rows.len() * hidden];
        self.embed.embed(rows.iter().map(|row| &row.input), &mut x)?;
        let x = Tensor::from_vec(x, (rows.len(), hidden), &self.layout.device)?;
        let places: Vec<(u32, u32)> = rows.iter().map(|row| (row.slot, row.position)).collect();
        let most = self.llama.config.max_positions;
        let is_outside =
            |(slot, position): &&(u32, u32)| *slot as usize >= self.slots || *position as usize >= most;
        if let Some((slot, position)) = places.iter().find(is_outside) {
            let slots = self.slots;
            return Err(Error::Device(format!(
                "slot {slot}, position {position} lie outside {slots} slots of {most} positions"
            )));
        }
        batch.wanted_in(range.clone()).for_each(|(index, _)| outputs[index] = RowOutput::default());
        let mut after = |x: &Tensor| {
            for (index, row) in batch.wanted_in(range.clone()).filter(|_| batch.layers) {
                outputs[index].layers.extend(x.get(row - range.start)?.to_vec1::<f32>()?);
            }
            Ok(())
        };
        let x = self.llama.run(x, &places, &mut self.cache, &mut after)?;
        for head in [Head::Codes, Head::Text] {
            let wanted = batch.wanted_in(range.clone()).filter(|(index, _)| batch.wanted[*index].1 == head);
            let (indices, picked): (Vec<usize>, Vec<u32>) =
                wanted.map(|(index, row)| (index, (row - range.start) as u32)).unzip();
            if indices.is_empty() {
                continue;
            }
            let weight = match head {
                Head::Codes => &self.head_codes,
                Head::Text => match &mut self.head_text {
                    Some(weight) => weight,
                    empty => empty.insert(self.embed.head(head, &self.layout)?),
                },
            };
            let states = self.llama.finish(&x, picked)?;
            let logits = multiply(weight, &states)?.to_vec2::<f32>()?;
            for ((index, logits), hidden) in indices.into_iter().zip(logits).zip(states.to_vec2()?) {
                (outputs[index].logits, outputs[index].hidden) = (logits, hidden);
            }
        }
        Ok(())
    }
}

impl Step for CandleStep {
    fn run(&mut self, batch: &Batch, outputs: &mut Vec<RowOutput>) -> Result<()> {
        outputs.resize_with(batch.wanted.len(), RowOutput::default);
        let total = batch.rows.len();
        for start in (0..total).step_by(PASS_ROWS) {
            self.pass(batch, start..(start + PASS_ROWS).min(total), outputs)?;
        }
        Ok(())
    }

    fn hiddens(&mut self, slot: u32, steps: Range<usize>, _: &mut Vec<f32>) -> Result<()> {
        Err(Error::Device(format!("the states of slot {slot}, steps {steps:?}, were handed out, not kept")))
    }
}
