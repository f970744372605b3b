//! The one that owns the device: a batch in, logits and hidden states out.

use std::ops::Range;

use candle_core::{DType, Device, Tensor};

use super::batch::{Batch, RowOutput, Step};
use crate::error::{Error, Result};
use crate::model::{Embed, Fill, Head, KvCache, Llama, Workspace, with_f32s};

/// Rows that go through the model at once; a step of more takes several passes.
const PASS_ROWS: usize = 256;

/// Runs batches through the model on one device.
pub struct ModelStep {
    device: Device,
    embed: Embed,
    llama: Llama,
    cache: KvCache,
    space: Workspace,
    /// (slots, hidden) of the rows that want codes, and their logits.
    codes: Outputs,
    /// Of the rows that want text; made when the first does.
    text: Option<Outputs>,
    places: Vec<(u32, u32)>,
    picked: Vec<usize>,
}

/// Holds hidden states and logits of the rows that want one head.
struct Outputs {
    head: Head,
    /// (slots, hidden).
    hidden: Tensor,
    /// (slots, width of the head).
    logits: Tensor,
}

impl Outputs {
    fn new(embed: &Embed, slots: usize, head: Head, device: &Device) -> Result<Self> {
        Ok(Outputs {
            head,
            hidden: Tensor::zeros((slots, embed.hidden()), DType::F32, device)?,
            logits: Tensor::zeros((slots, embed.width(head)), DType::F32, device)?,
        })
    }
}

impl ModelStep {
    /// Takes memory for `slots` sequences over a model, whose keys and values are held in type `cache`.
    ///
    /// # Errors
    /// [`crate::Error::Device`] if the cache does not fit.
    pub fn new(embed: Embed, llama: Llama, slots: usize, cache: DType, device: &Device) -> Result<Self> {
        let cache = KvCache::new(llama.config(), slots, llama.config().max_positions, cache, device)?;
        Ok(ModelStep {
            device: device.clone(),
            space: llama.workspace(PASS_ROWS.max(slots))?,
            codes: Outputs::new(&embed, slots, Head::Codes, device)?,
            text: None,
            embed,
            llama,
            cache,
            places: Vec::new(),
            picked: Vec::new(),
        })
    }

    /// Runs the layers and keeps what each leaves of the wanted rows.
    fn run_seeing_layers(
        &mut self,
        batch: &Batch,
        range: Range<usize>,
        outputs: &mut [RowOutput],
    ) -> Result<()> {
        let hidden = self.embed.hidden();
        let wanted: Vec<(usize, usize)> = batch.wanted_in(range.clone()).collect();
        wanted.iter().for_each(|(index, _)| outputs[*index].layers.clear());
        self.llama.run_with(&self.space, &self.places, &mut self.cache, &mut |x| {
            with_f32s(x, |x| {
                for (index, row) in &wanted {
                    outputs[*index].layers.extend_from_slice(&x[(row - range.start) * hidden..][..hidden]);
                }
            })?;
            Ok(())
        })
    }

    /// Runs one pass: the rows of `batch` in `range`, and the outputs of those that are wanted.
    fn pass(&mut self, batch: &Batch, range: Range<usize>, outputs: &mut [RowOutput]) -> Result<()> {
        let rows = &batch.rows[range.clone()];
        let embedded = std::cell::RefCell::new(Ok(()));
        self.space.x().inplace_op1(&Fill(|x: &mut [f32]| {
            *embedded.borrow_mut() = self.embed.embed(rows.iter().map(|row| &row.input), x);
        }))?;
        embedded.into_inner()?;
        self.places.clear();
        self.places.extend(rows.iter().map(|row| (row.slot, row.position)));
        if batch.layers {
            self.run_seeing_layers(batch, range.clone(), outputs)?;
        } else {
            self.llama.run(&self.space, &self.places, &mut self.cache)?;
        }

        if self.text.is_none() && batch.wanted.iter().any(|(_, head)| *head == Head::Text) {
            self.text = Some(Outputs::new(&self.embed, self.cache.slots(), Head::Text, &self.device)?);
        }
        let is_here = |(row, _): &(usize, Head)| range.contains(row);
        for part in [Some(&self.codes), self.text.as_ref()].into_iter().flatten() {
            let wanted = || {
                batch.wanted.iter().enumerate().filter(|(_, wanted)| is_here(wanted) && wanted.1 == part.head)
            };
            self.picked.clear();
            self.picked.extend(wanted().map(|(_, (row, _))| row - range.start));
            if self.picked.is_empty() {
                continue;
            }
            self.llama.finish(&self.space, &self.picked, &part.hidden)?;
            self.embed.logits(&part.hidden, part.head, &part.logits, self.picked.len())?;
            let (hidden, width) = (self.embed.hidden(), self.embed.width(part.head));
            with_f32s(&part.hidden, |states| {
                with_f32s(&part.logits, |logits| {
                    for (row, (index, _)) in wanted().enumerate() {
                        let output = &mut outputs[index];
                        output.drawn = None;
                        output.hidden.clear();
                        output.hidden.extend_from_slice(&states[row * hidden..][..hidden]);
                        output.logits.clear();
                        output.logits.extend_from_slice(&logits[row * width..][..width]);
                    }
                })
            })??;
        }
        Ok(())
    }
}

impl Step for ModelStep {
    fn run(&mut self, batch: &Batch, outputs: &mut Vec<RowOutput>) -> Result<()> {
        outputs.resize_with(batch.wanted.len(), RowOutput::default);
        let total = batch.rows.len();
        for start in (0..total).step_by(self.space.rows()) {
            self.pass(batch, start..(start + self.space.rows()).min(total), outputs)?;
        }
        Ok(())
    }

    fn hiddens(&mut self, slot: u32, steps: Range<usize>, _: &mut Vec<f32>) -> Result<()> {
        Err(Error::Device(format!("the states of slot {slot}, steps {steps:?}, were handed out, not kept")))
    }
}
