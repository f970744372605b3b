//! Steps on a card: rows in, drawn tokens out. Hidden states stay there until they are asked for.

mod admission;

use std::ops::Range;
use std::sync::Arc;

use admission::{Parts, part};

use super::cache::CardCache;
use super::driver::Buffer;
use super::llama::{CardLlama, Space};
use super::lookahead::{Lookahead, StepContext};
use super::plan::{MemoryPlan, Needs, Slots, codes_shape, text_shape};
use super::sampler::{DeviceSampler, Setup, Shape};
use super::shared::{CODES, Kept, Row, SPEAKER, TEXT};
use super::states::StatePool;
use crate::engine::{Batch, BatchRow, Drawn, Head, Hiddens, Input, RowOutput, Step};
use crate::error::{Error, Result};
use crate::sampling::Draw;

/// Rows that go through the model at once; a step of more takes several passes.
const PASS_ROWS: usize = 256;

/// Runs batches on one card.
pub struct CardStep {
    model: CardLlama,
    cache: CardCache,
    space: Space,
    sampler: DeviceSampler,
    codes: Outputs,
    /// Made when the first text is refined.
    text: Option<Outputs>,
    states: Arc<StatePool>,
    /// The draw of each slot from which on the cache has the states.
    kept_from: Vec<usize>,
    drawn: Vec<Result<Draw>>,
    lookahead: Lookahead,
    /// In the last step sequences joined those that go on, which waited for them.
    joined: bool,
    slots: usize,
}

/// Holds hidden states and logits of the rows that want one head.
struct Outputs {
    head: Head,
    hidden: Buffer<f32>,
    logits: Buffer<f32>,
    /// Their rows in a pass.
    picked: Buffer<u32>,
    /// The places in which their hidden states are kept.
    kept: Buffer<Kept>,
}

/// Lists the rows of a pass that want one head.
struct Wanted {
    head: Head,
    /// Their numbers among the batch's wanted rows.
    indices: Vec<usize>,
    /// Their numbers in the pass.
    picked: Vec<u32>,
    slots: Vec<u32>,
    kept: Vec<Kept>,
}

impl Wanted {
    fn of(batch: &Batch, range: Range<usize>, head: Head) -> Self {
        let mut wanted =
            Wanted { head, indices: Vec::new(), picked: Vec::new(), slots: Vec::new(), kept: Vec::new() };
        for (index, row) in batch.wanted_in(range.clone()).filter(|(index, _)| batch.wanted[*index].1 == head)
        {
            let slot = batch.rows[row].slot;
            wanted.indices.push(index);
            wanted.picked.push((row - range.start) as u32);
            wanted.slots.push(slot);
            wanted.kept.push(Kept { slot, index: batch.drawn.get(index).copied().unwrap_or(0) as u32 });
        }
        wanted
    }
}

impl Outputs {
    fn new(model: &CardLlama, slots: usize, head: Head) -> Result<Self> {
        let driver = model.kernels().driver();
        Ok(Outputs {
            head,
            hidden: Buffer::new(driver, slots * model.config().hidden)?,
            logits: Buffer::new(driver, slots * model.embed().sizes.width(head))?,
            picked: Buffer::new(driver, slots)?,
            kept: Buffer::new(driver, slots)?,
        })
    }
}

impl CardStep {
    /// Takes memory for sequences beside a model that lies on its card.
    ///
    /// # Errors
    /// [`Error::Device`] if the memory does not hold the sequences that are wanted, or not even one.
    pub fn new(model: CardLlama, slots: Slots) -> Result<Self> {
        let driver = Arc::clone(model.kernels().driver());
        let space = model.space(PASS_ROWS)?;
        let MemoryPlan { slots, chunks } = MemoryPlan::on_card(&model, slots)?;
        let pages = Needs::of(&model).pages;
        let (block, blocks) = (pages.states / size_of::<f32>(), pages.lent(slots));
        let codes = codes_shape(&model);
        let text = text_shape(&model);
        Ok(CardStep {
            cache: CardCache::new(&driver, model.config(), model.types(), slots, chunks)?,
            sampler: DeviceSampler::new(&driver, slots, codes, text)?,
            codes: Outputs::new(&model, slots, Head::Codes)?,
            text: None,
            states: Arc::new(StatePool::new(&driver, block, blocks)?),
            kept_from: vec![0; slots],
            drawn: Vec::with_capacity(slots),
            lookahead: Lookahead::new(&driver, slots, PASS_ROWS.min(slots), codes.heads)?,
            joined: false,
            space,
            model,
            slots,
        })
    }

    /// Returns how many sequences it works on.
    pub fn slots(&self) -> usize {
        self.slots
    }

    /// Allows so many chunks of pages.
    pub fn limit(&mut self, chunks: usize) {
        self.cache.limit(chunks);
    }

    /// Returns how many pages their positions may take together.
    pub fn pages(&self) -> usize {
        self.cache.pages()
    }

    /// Runs all rows of a batch, so many at a time.
    fn passes(&mut self, batch: &Batch, outputs: &mut [RowOutput]) -> Result<()> {
        self.cache.settle()?;
        self.lookahead.forget_rows();
        let total = batch.rows.len();
        for start in (0..total).step_by(PASS_ROWS) {
            self.pass(batch, start..(start + PASS_ROWS).min(total), outputs)?;
        }
        Ok(())
    }

    /// Runs the next step of sequences that have drawn codes, by their numbers among the wanted rows; several
    /// steps of all if none has one waiting.
    fn go_on(&mut self, batch: &Batch, going: &[usize], outputs: &mut [RowOutput]) -> Result<()> {
        self.cache.settle()?;
        let mut rows = Vec::with_capacity(going.len());
        for index in going {
            let row = self.row(&batch.rows[batch.wanted[*index].0], &mut Vec::new())?;
            rows.push((*index, row));
        }
        if rows.iter().all(|(_, row)| self.lookahead.waiting(row.slot) == 0) {
            for part in rows.chunks(PASS_ROWS) {
                let rows: Vec<Row> = part.iter().map(|(_, row)| *row).collect();
                let kept = |(index, row): &(usize, Row)| Kept {
                    slot: row.slot,
                    index: batch.drawn.get(*index).copied().unwrap_or(0) as u32,
                };
                let kept: Vec<Kept> = part.iter().map(kept).collect();
                let mut context = StepContext {
                    model: &mut self.model,
                    cache: &self.cache,
                    space: &self.space,
                    sampler: &mut self.sampler,
                    hidden: &self.codes.hidden,
                    logits: &self.codes.logits,
                };
                self.lookahead.run(&mut context, &rows, &kept)?;
            }
        }
        let codebooks = self.model.embed().sizes.codebooks;
        for (index, row) in &rows {
            let drawn = self.lookahead.take(row, codebooks)?.map_or(Ok(Drawn::Later), drawn_of)?;
            outputs[*index] = answer(drawn);
        }
        Ok(())
    }

    /// Runs one pass: the rows of `batch` in `range`, and the outputs of those that are wanted.
    fn pass(&mut self, batch: &Batch, range: Range<usize>, outputs: &mut [RowOutput]) -> Result<()> {
        let mut speakers = Vec::new();
        let rows = batch.rows[range.clone()]
            .iter()
            .map(|row| self.row(row, &mut speakers))
            .collect::<Result<Vec<_>>>()?;
        let is_text = |(_, head): &(usize, Head)| *head == Head::Text;
        if self.text.is_none() && batch.wanted.iter().any(is_text) {
            self.text = Some(Outputs::new(&self.model, self.slots, Head::Text)?);
        }
        // Copies wait for what is under way, so all are made before anything is.
        let mut parts = Vec::new();
        for part in [Some(&self.codes), self.text.as_ref()].into_iter().flatten() {
            let wanted = Wanted::of(batch, range.clone(), part.head);
            if !wanted.indices.is_empty() {
                part.picked.upload(0, &wanted.picked)?;
                part.kept.upload(0, &wanted.kept)?;
                parts.push(wanted);
            }
        }
        let hidden = self.model.config().hidden;
        let seen: Vec<(usize, usize)> = match batch.layers {
            true => batch.wanted_in(range.clone()).collect(),
            false => Vec::new(),
        };
        batch.wanted_in(range.clone()).for_each(|(index, _)| outputs[index] = RowOutput::default());
        self.model.run(&self.space, &rows, &speakers, &self.cache, &mut |x| {
            for (index, row) in &seen {
                let layers = &mut outputs[*index].layers;
                let before = layers.len();
                layers.resize(before + hidden, 0.0);
                x.download((row - range.start) * hidden, &mut layers[before..])?;
            }
            Ok(())
        })?;
        parts.iter().try_for_each(|wanted| self.finish(wanted, batch.logits, outputs))
    }

    /// Computes the logits of the rows that want one head, and draws from them.
    fn finish(&mut self, wanted: &Wanted, logits: bool, outputs: &mut [RowOutput]) -> Result<()> {
        let Some(part) = Some(&self.codes).filter(|part| part.head == wanted.head).or(self.text.as_ref())
        else {
            return Ok(());
        };
        let (hidden, width) = (self.model.config().hidden, self.model.embed().sizes.width(part.head));
        let count = wanted.indices.len();
        let store = (part.head == Head::Codes && !logits).then_some((&part.kept, &self.cache));
        self.model.finish(
            &self.space,
            &part.picked,
            count,
            part.head,
            [&part.hidden, &part.logits],
            store,
        )?;
        if logits {
            let states = part.hidden.to_vec(count * hidden)?;
            let logits = part.logits.to_vec(count * width)?;
            for (row, index) in wanted.indices.iter().enumerate() {
                let output = &mut outputs[*index];
                output.logits = logits[row * width..][..width].to_vec();
                output.hidden = states[row * hidden..][..hidden].to_vec();
            }
            return Ok(());
        }
        self.sampler.draw(part.logits.address(), &wanted.slots, &mut self.drawn)?;
        for (index, drawn) in wanted.indices.iter().zip(self.drawn.drain(..)) {
            outputs[*index].drawn = Some(drawn_of(drawn)?);
        }
        Ok(())
    }

    /// Returns a row as the card takes it; a speaker's vector joins the others.
    fn row(&self, row: &BatchRow, speakers: &mut Vec<f32>) -> Result<Row> {
        self.model.embed().sizes.check(&row.input)?;
        let mut tokens = [0; 8];
        let kind = match &row.input {
            Input::Text(id) => {
                tokens[0] = *id;
                TEXT
            }
            Input::Speaker(vector) => {
                tokens[0] = (speakers.len() / vector.len()) as u32;
                speakers.extend_from_slice(vector);
                SPEAKER
            }
            Input::Codes(codes) => {
                tokens.iter_mut().zip(codes).for_each(|(to, code)| *to = *code);
                CODES
            }
        };
        Ok(Row { slot: row.slot, position: row.position, kind, tokens })
    }
}

impl Step for CardStep {
    fn run(&mut self, batch: &Batch, outputs: &mut Vec<RowOutput>) -> Result<()> {
        outputs.resize_with(batch.wanted.len(), RowOutput::default);
        let positions = self.model.config().max_positions;
        let is_outside =
            |row: &&BatchRow| row.slot as usize >= self.slots || row.position as usize >= positions;
        if let Some(BatchRow { slot, position, .. }) = batch.rows.iter().find(is_outside) {
            return Err(Error::Device(format!(
                "slot {slot}, position {position} lie outside {} slots of {positions} positions",
                self.slots
            )));
        }
        for started in &batch.started {
            if batch.logits {
                self.cache.release(started.slot);
                continue;
            }
            let setup = Setup {
                params: &started.sampling,
                shape: Shape { heads: started.heads, vocab: started.tokens },
                end_token: started.end,
            };
            self.sampler.begin(started.slot, setup, started.noise)?;
            self.cache.release(started.slot);
            self.lookahead.forget(started.slot);
        }
        if batch.logits || batch.layers {
            self.give_all(batch)?;
            return self.passes(batch, outputs);
        }
        // What begins waits until the others have no drawn steps left and goes through in one pass then, for
        // which the others wait: from there on all go on together. Neither waits twice in a row. Texts that are
        // being refined take a step each time, in a pass of their own unless something begins.
        let mut parts = Parts::of(batch);
        let drawn_ahead = parts.going.iter().any(|index| self.lookahead.waiting(batch.slot(*index)) > 0);
        self.give_pages(batch, &mut parts, drawn_ahead, outputs)?;
        let may_join = !drawn_ahead && (parts.going.is_empty() || !self.joined);
        let mut now = if may_join { self.admit(batch, &mut parts, outputs)? } else { Vec::new() };
        self.joined = !now.is_empty();
        let later = if self.joined { &parts.going } else { &Vec::new() };
        later.iter().chain(&parts.beginning).for_each(|index| outputs[*index] = answer(Drawn::Later));
        now.extend(parts.refining);
        if !now.is_empty() {
            let mut answers = vec![RowOutput::default(); now.len()];
            self.passes(&part(batch, &now), &mut answers)?;
            for (index, answer) in now.into_iter().zip(answers) {
                outputs[index] = answer;
            }
        }
        if self.joined { Ok(()) } else { self.go_on(batch, &parts.going, outputs) }
    }

    fn hiddens(&mut self, slot: u32, steps: Range<usize>, to: &mut Vec<f32>) -> Result<()> {
        self.cache.states(slot, steps, to)
    }

    fn lend(&mut self, slot: u32, steps: usize) -> Result<Option<Hiddens>> {
        // Of what was put back the pages have the last ones alone.
        if self.kept_from.get(slot as usize) != Some(&0) {
            return Ok(None);
        }
        let lent = self.cache.lend(slot, steps, &self.states)?;
        Ok(lent.map(|states| Hiddens::on(Arc::new(states))))
    }
}

fn drawn_of(drawn: Result<Draw>) -> Result<Drawn> {
    match drawn {
        Ok(draw) => Ok(Drawn::Draw(draw)),
        Err(Error::NotANumber) => Ok(Drawn::NotANumber),
        Err(error) => Err(error),
    }
}

fn answer(drawn: Drawn) -> RowOutput {
    RowOutput { drawn: Some(drawn), ..RowOutput::default() }
}

#[cfg(all(test, feature = "cuda-emulator"))]
#[path = "step_tests.rs"]
mod tests;
