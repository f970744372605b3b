//! Steps on the processor: a batch in, logits and hidden states out.

use std::ops::Range;

use super::kernel::{Matrix, RopeTable};
use super::kv_cache::KvCache;
use super::llama::Workspace;
use super::{CpuLayout, WeightType};
use crate::backend::networks::{Embed, Llama};
use crate::backend::weights::Checkpoint;
use crate::engine::{Batch, Head, RowOutput, Step};
use crate::error::{Error, Result};

/// Rows that go through the model at once; a step of more takes several passes.
const PASS_ROWS: usize = 256;

/// Runs batches through the model on the processor.
pub struct CpuStep {
    layout: CpuLayout,
    embed: Embed,
    llama: Llama<CpuLayout>,
    rope: RopeTable,
    cache: KvCache,
    space: Workspace,
    codes: Outputs,
    /// Made when the first text is refined.
    text: Option<Outputs>,
    slots: usize,
    places: Vec<(u32, u32)>,
    picked: Vec<usize>,
}

/// Holds a head, and hidden states and logits of the rows that want it.
struct Outputs {
    head: Head,
    matrix: Matrix,
    /// (slots, hidden).
    hidden: Vec<f32>,
    /// (slots, width of the head).
    logits: Vec<f32>,
}

impl Outputs {
    fn new(embed: &Embed, slots: usize, head: Head, layout: &CpuLayout) -> Result<Self> {
        Ok(Outputs {
            head,
            matrix: embed.head(head, layout)?,
            hidden: vec![0.0; slots * embed.sizes.hidden],
            logits: vec![0.0; slots * embed.sizes.width(head)],
        })
    }
}

impl CpuStep {
    /// Loads the language model of a checkpoint, its layers' weights in a type, and takes memory for `slots` sequences.
    ///
    /// # Errors
    /// A missing tensor or one of another shape; [`Error::Memory`].
    pub fn load(checkpoint: &Checkpoint, kind: WeightType, slots: usize) -> Result<Self> {
        let (layout, config) = (CpuLayout(kind), &checkpoint.config);
        let (llama, embed) = rayon::join(
            || Llama::load(&checkpoint.gpt, config, &layout),
            || {
                let embed = Embed::load(&checkpoint.embed, config.hidden)?;
                let codes = Outputs::new(&embed, slots, Head::Codes, &layout)?;
                Ok::<_, Error>((embed, codes))
            },
        );
        let (embed, codes) = embed?;
        Ok(CpuStep {
            layout,
            rope: RopeTable::new(config.head_size(), config.max_positions, config.rope_theta),
            cache: KvCache::new(config, slots, kind)?,
            space: Workspace::new(config, PASS_ROWS.max(slots)),
            codes,
            text: None,
            embed,
            llama: llama?,
            slots,
            places: Vec::new(),
            picked: Vec::new(),
        })
    }

    /// Runs one pass: the rows of `batch` in `range`, and the outputs of those that are wanted.
    fn pass(&mut self, batch: &Batch, range: Range<usize>, outputs: &mut [RowOutput]) -> Result<()> {
        let rows = &batch.rows[range.clone()];
        self.embed.embed(rows.iter().map(|row| &row.input), &mut self.space.x)?;
        self.places.clear();
        self.places.extend(rows.iter().map(|row| (row.slot, row.position)));
        let hidden = self.embed.sizes.hidden;
        if batch.layers {
            batch.wanted_in(range.clone()).for_each(|(index, _)| outputs[index].layers.clear());
        }
        let mut after = |x: &[f32]| {
            for (index, row) in batch.wanted_in(range.clone()).filter(|_| batch.layers) {
                outputs[index].layers.extend_from_slice(&x[(row - range.start) * hidden..][..hidden]);
            }
            Ok(())
        };
        self.llama.run(&mut self.space, &self.places, &self.rope, &mut self.cache, &mut after)?;

        if self.text.is_none() && batch.wanted.iter().any(|(_, head)| *head == Head::Text) {
            self.text = Some(Outputs::new(&self.embed, self.slots, Head::Text, &self.layout)?);
        }
        for part in std::iter::once(&mut self.codes).chain(&mut self.text) {
            let wanted =
                || batch.wanted_in(range.clone()).filter(|(index, _)| batch.wanted[*index].1 == part.head);
            self.picked.clear();
            self.picked.extend(wanted().map(|(_, row)| row - range.start));
            if self.picked.is_empty() {
                continue;
            }
            let Outputs { matrix, hidden: states, logits, .. } = part;
            self.llama.finish(&mut self.space, &self.picked, matrix, states, logits);
            let width = self.embed.sizes.width(part.head);
            for (row, (index, _)) in wanted().enumerate() {
                let output = &mut outputs[index];
                output.drawn = None;
                output.hidden.clear();
                output.hidden.extend_from_slice(&states[row * hidden..][..hidden]);
                output.logits.clear();
                output.logits.extend_from_slice(&logits[row * width..][..width]);
            }
        }
        Ok(())
    }
}

impl Step for CpuStep {
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
