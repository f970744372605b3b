//! Steps on a card: rows in, drawn tokens out. Hidden states stay there until they are asked for.

use std::ops::Range;

use super::driver::Buffer;
use super::kernels::Dtype;
use super::llama::{CardCache, CardLlama, Space};
use super::lookahead::{Lookahead, StepContext};
use super::sampler::{DeviceSampler, Setup, Shape};
use super::shared::{CODES, Kept, Row, SPEAKER, TEXT};
use crate::backend::networks::GptConfig;
use crate::engine::batch::{Batch, BatchRow, Drawn, Head, Input, RowOutput, Step};
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
    /// (slots, positions, hidden): the states that codes were drawn from.
    hiddens: Buffer<f32>,
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

/// Says how many sequences a card works on.
#[derive(Clone, Copy, Debug)]
pub struct Slots {
    /// The number that is asked for.
    pub wanted: usize,
    /// Fewer will do if the memory holds no more.
    pub fewer: bool,
    /// The share of the free memory that may be taken, 0 to 1.
    pub memory_fraction: f64,
}

impl CardStep {
    /// Takes memory for sequences beside a model that lies on its card.
    ///
    /// # Errors
    /// [`Error::Device`] if the memory does not hold the sequences that are wanted, or not even one.
    pub fn new(model: CardLlama, slots: Slots) -> Result<Self> {
        let driver = std::sync::Arc::clone(model.kernels().driver());
        let space = model.space(PASS_ROWS)?;
        let slots = fit(&model, slots)?;
        let GptConfig { hidden, max_positions, .. } = *model.config();
        let codes = codes_shape(&model);
        let text = text_shape(&model);
        Ok(CardStep {
            cache: CardCache::new(&model, slots)?,
            sampler: DeviceSampler::new(&driver, slots, codes, text)?,
            codes: Outputs::new(&model, slots, Head::Codes)?,
            text: None,
            hiddens: Buffer::new(&driver, slots * max_positions * hidden)?,
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

    /// Runs all rows of a batch, so many at a time.
    fn passes(&mut self, batch: &Batch, outputs: &mut [RowOutput]) -> Result<()> {
        let total = batch.rows.len();
        for start in (0..total).step_by(PASS_ROWS) {
            self.pass(batch, start..(start + PASS_ROWS).min(total), outputs)?;
        }
        Ok(())
    }

    /// Runs the next step of sequences that have drawn codes, by their numbers among the wanted rows; several
    /// steps of all if none has one waiting.
    fn go_on(&mut self, batch: &Batch, going: &[usize], outputs: &mut [RowOutput]) -> Result<()> {
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
                    hiddens: &self.hiddens,
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
        let store = (part.head == Head::Codes && !logits).then_some((&part.kept, &self.hiddens));
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
        if !batch.logits {
            for started in &batch.started {
                let setup = Setup {
                    params: &started.sampling,
                    shape: Shape { heads: started.heads, vocab: started.tokens },
                    end_token: started.end,
                };
                self.sampler.begin(started.slot, setup, started.noise)?;
                self.lookahead.forget(started.slot);
            }
        }
        if batch.logits || batch.layers {
            return self.passes(batch, outputs);
        }
        // What begins waits until the others have no drawn steps left and goes through in one pass then, for
        // which the others wait: from there on all go on together. Neither waits twice in a row. Texts that are
        // being refined take a step each time, in a pass of their own unless something begins.
        let Parts { going, refining, beginning } = Parts::of(batch);
        let slot = |index: &usize| batch.rows[batch.wanted[*index].0].slot;
        let drawn_ahead = going.iter().any(|index| self.lookahead.waiting(slot(index)) > 0);
        let may_join = !drawn_ahead && (going.is_empty() || !self.joined);
        let join = may_join && !beginning.is_empty();
        self.joined = join;
        let (mut now, later) = if join { (beginning, &going) } else { (Vec::new(), &beginning) };
        later.iter().for_each(|index| outputs[*index] = answer(Drawn::Later));
        now.extend(refining);
        if !now.is_empty() {
            let mut answers = vec![RowOutput::default(); now.len()];
            self.passes(&part(batch, &now), &mut answers)?;
            for (index, answer) in now.into_iter().zip(answers) {
                outputs[index] = answer;
            }
        }
        if join { Ok(()) } else { self.go_on(batch, &going, outputs) }
    }

    fn hiddens(&mut self, slot: u32, steps: Range<usize>, to: &mut Vec<f32>) -> Result<()> {
        let GptConfig { hidden, max_positions, .. } = *self.model.config();
        if slot as usize >= self.slots || steps.end > max_positions {
            return Err(Error::Device(format!("no states of step {} of slot {slot} are kept", steps.end)));
        }
        let before = to.len();
        to.resize(before + steps.len() * hidden, 0.0);
        let start = (slot as usize * max_positions + steps.start) * hidden;
        self.hiddens.download(start, &mut to[before..])
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

/// Sorts the wanted rows of a batch by what becomes of them.
#[derive(Default)]
struct Parts {
    /// Nothing goes in but codes that the sequence drew.
    going: Vec<usize>,
    /// Nothing but a text token that it drew.
    refining: Vec<usize>,
    /// All others: prompts.
    beginning: Vec<usize>,
}

impl Parts {
    fn of(batch: &Batch) -> Self {
        let mut parts = Parts::default();
        for (index, (_, head)) in batch.wanted.iter().enumerate() {
            let drawn = batch.drawn.get(index).copied().unwrap_or(0);
            let part = match (rows_of(batch, index), head) {
                ([BatchRow { input: Input::Codes(_), .. }], Head::Codes) if drawn > 0 => &mut parts.going,
                ([_], Head::Text) if drawn > 0 => &mut parts.refining,
                _ => &mut parts.beginning,
            };
            part.push(index);
        }
        parts
    }
}

/// Returns the rows of a batch up to a wanted one, from the wanted one before on.
fn rows_of(batch: &Batch, index: usize) -> &[BatchRow] {
    let start = index.checked_sub(1).map_or(0, |before| batch.wanted[before].0 + 1);
    &batch.rows[start..=batch.wanted[index].0]
}

/// Returns some wanted rows of a batch and what goes in before them, as a batch.
fn part(batch: &Batch, indices: &[usize]) -> Batch {
    let mut part = Batch::default();
    for index in indices {
        part.rows.extend_from_slice(rows_of(batch, *index));
        part.wanted.push((part.rows.len() - 1, batch.wanted[*index].1));
        part.drawn.push(batch.drawn.get(*index).copied().unwrap_or(0));
    }
    part
}

/// Returns how many sequences fit into what is free once the weights are there.
fn fit(model: &CardLlama, slots: Slots) -> Result<usize> {
    let memory = model.kernels().driver().memory()?;
    let config = model.config();
    let embed = model.embed();
    // What refining takes is taken when it is first asked for, and must be there then.
    let outputs = 4 * (2 * config.hidden + embed.sizes.width(Head::Codes) + embed.sizes.width(Head::Text));
    let each = CardCache::slot_bytes(config, model.kind())
        + 4 * config.max_positions * config.hidden
        + outputs
        + DeviceSampler::slot_bytes(codes_shape(model))
        + DeviceSampler::slot_bytes(text_shape(model));
    let head_text = 4 * (embed.sizes.width(Head::Text) * config.hidden) as u64;
    let allowed = (memory.free as f64 * slots.memory_fraction) as u64;
    let allowed = allowed.saturating_sub(head_text);
    let fitting = (allowed / each as u64) as usize;
    let mebibytes = |bytes: u64| format!("{:.0} MiB", bytes as f64 / 1048576.0);
    let state = || {
        format!(
            "a text takes {} ({} positions in {}), and of the {} that {} has free ({} in all) {} may be taken",
            mebibytes(each as u64),
            config.max_positions,
            kind_name(model.kind()),
            mebibytes(memory.free),
            model.kernels().driver().name(),
            mebibytes(memory.total),
            mebibytes(allowed),
        )
    };
    match fitting {
        0 => Err(Error::Device(format!(
            "not even one text fits: {}; free some memory, allow a larger share of it, or use another device",
            state()
        ))),
        fitting if fitting < slots.wanted && !slots.fewer => Err(Error::Device(format!(
            "{} texts at once do not fit: {}; a batch size of {fitting} fits",
            slots.wanted,
            state()
        ))),
        fitting => Ok(fitting.min(slots.wanted.max(1))),
    }
}

fn codes_shape(model: &CardLlama) -> Shape {
    Shape { heads: model.embed().sizes.codebooks, vocab: model.embed().sizes.code_tokens }
}

fn text_shape(model: &CardLlama) -> Shape {
    Shape { heads: 1, vocab: model.embed().sizes.text_tokens }
}

fn kind_name(kind: Dtype) -> &'static str {
    match kind {
        Dtype::F32 => "f32",
        Dtype::F16 => "f16",
        Dtype::Bf16 => "bf16",
    }
}

#[cfg(all(test, feature = "cuda-emulator"))]
#[path = "step_tests.rs"]
mod tests;
