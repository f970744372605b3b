//! The one that owns the device: a plan in, logits and hidden states out.

use candle_core::{Device, Tensor};

use super::scheduler::{Plan, RowOutput, Step};
use crate::error::{Error, Result};
use crate::model::{Embed, Head, Input, KvCache, Llama, Rows};

/// Runs plans through the model on one device.
pub struct ModelStep {
    device: Device,
    embed: Embed,
    llama: Llama,
    cache: KvCache,
}

impl ModelStep {
    /// Over a model and a cache for `slots` sequences.
    ///
    /// # Errors
    /// [`Error::Device`] if the cache does not fit.
    pub fn new(embed: Embed, llama: Llama, slots: usize, device: &Device) -> Result<Self> {
        let cache = KvCache::new(llama.config(), slots, llama.config().max_positions, device)?;
        Ok(ModelStep { device: device.clone(), embed, llama, cache })
    }

    fn logits_of(&self, hidden: &Tensor, plan: &[(usize, Head)], head: Head) -> Result<Vec<Vec<f32>>> {
        let rows: Vec<u32> = (0..plan.len()).filter(|i| plan[*i].1 == head).map(|i| i as u32).collect();
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let hidden = if rows.len() == plan.len() {
            hidden.clone()
        } else {
            hidden.index_select(&Tensor::new(rows, &self.device)?, 0)?
        };
        Ok(self.embed.logits(&hidden, head)?.to_vec2()?)
    }
}

impl Step for ModelStep {
    fn run(&mut self, plan: Plan) -> Result<Vec<RowOutput>> {
        let places: Vec<(u32, u32)> = plan.rows.iter().map(|row| (row.slot, row.position)).collect();
        let inputs: Vec<Input> = plan.rows.into_iter().map(|row| row.input).collect();
        let rows = Rows::new(&places, &self.device)?;
        let hidden = self.llama.forward(&self.embed.embed(&inputs)?, &rows, &mut self.cache)?;

        let last: Vec<u32> = plan.wanted.iter().map(|(row, _)| *row as u32).collect();
        let hidden = if last.len() == inputs.len() {
            hidden
        } else {
            hidden.index_select(&Tensor::new(last, &self.device)?, 0)?
        };
        let mut text = self.logits_of(&hidden, &plan.wanted, Head::Text)?.into_iter();
        let mut codes = self.logits_of(&hidden, &plan.wanted, Head::Codes)?.into_iter();
        let missing = || Error::Device("the model returned fewer rows than were asked for".into());
        plan.wanted
            .iter()
            .zip(hidden.to_vec2::<f32>()?)
            .map(|((_, head), hidden)| {
                let logits = match head {
                    Head::Text => text.next(),
                    Head::Codes => codes.next(),
                };
                Ok(RowOutput { logits: logits.ok_or_else(missing)?, hidden })
            })
            .collect()
    }
}
