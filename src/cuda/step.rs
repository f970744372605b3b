//! Steps on a card: rows in, drawn tokens out. Hidden states stay there until they are asked for.

use std::ops::Range;

use super::driver::Buffer;
use super::llama::{CardCache, CardLlama, Space};
use super::program::{CODES, Kept, Number, Row, SPEAKER, TEXT};
use super::sampler::{DeviceSampler, Setup, Shape};
use crate::engine::{Drawn, Plan, PlannedRow, RowOutput, Step};
use crate::error::{Error, Result};
use crate::model::{GptConfig, Head, Input};
use crate::sampling::Draw;

/// Rows that go through the model at once; a step of more takes several passes.
const PASS_ROWS: usize = 256;

/// Runs plans on one card.
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
    picked: Buffer<u32>,
    kept: Buffer<Kept>,
    drawn: Vec<Result<Draw>>,
    slots: usize,
}

/// Hidden states and logits of the rows that want one head.
struct Outputs {
    head: Head,
    hidden: Buffer<f32>,
    logits: Buffer<f32>,
}

impl Outputs {
    fn new(model: &CardLlama, slots: usize, head: Head) -> Result<Self> {
        let driver = model.program().driver();
        Ok(Outputs {
            head,
            hidden: Buffer::new(driver, slots * model.config().hidden)?,
            logits: Buffer::new(driver, slots * model.embed().width(head))?,
        })
    }
}

/// How many sequences a card works on.
#[derive(Clone, Copy, Debug)]
pub struct Slots {
    /// As many as are asked for.
    pub wanted: usize,
    /// Fewer will do if the memory holds no more.
    pub fewer: bool,
    /// The share of the free memory that may be taken, 0 to 1.
    pub memory_fraction: f64,
}

impl CardStep {
    /// Over a model that lies on its card.
    ///
    /// # Errors
    /// [`Error::Device`] if the memory does not hold the sequences that are wanted, or not even one.
    pub fn new(model: CardLlama, slots: Slots) -> Result<Self> {
        let driver = std::sync::Arc::clone(model.program().driver());
        let space = model.space(PASS_ROWS)?;
        let slots = fit(&model, slots)?;
        let GptConfig { hidden, max_positions, .. } = *model.config();
        let codes = codes_shape(&model);
        let text = Shape { heads: 1, vocab: model.embed().text_tokens() };
        Ok(CardStep {
            cache: CardCache::new(&model, slots)?,
            sampler: DeviceSampler::new(&driver, slots, codes, text)?,
            codes: Outputs::new(&model, slots, Head::Codes)?,
            text: None,
            hiddens: Buffer::new(&driver, slots * max_positions * hidden)?,
            picked: Buffer::new(&driver, slots)?,
            kept: Buffer::new(&driver, slots)?,
            drawn: Vec::with_capacity(slots),
            space,
            model,
            slots,
        })
    }

    /// Sequences it works on.
    pub fn slots(&self) -> usize {
        self.slots
    }

    /// One pass: the rows of `plan` in `range`, and the outputs of those that are wanted.
    fn pass(&mut self, plan: &Plan, range: Range<usize>, outputs: &mut [RowOutput]) -> Result<()> {
        let mut speakers = Vec::new();
        let rows = plan.rows[range.clone()]
            .iter()
            .map(|row| self.row(row, &mut speakers))
            .collect::<Result<Vec<_>>>()?;
        let hidden = self.model.config().hidden;
        let seen: Vec<(usize, usize)> = match plan.layers {
            true => plan.wanted_in(range.clone()).collect(),
            false => Vec::new(),
        };
        plan.wanted_in(range.clone()).for_each(|(index, _)| outputs[index] = RowOutput::default());
        self.model.run(&self.space, &rows, &speakers, &self.cache, &mut |x| {
            for (index, row) in &seen {
                let layers = &mut outputs[*index].layers;
                let before = layers.len();
                layers.resize(before + hidden, 0.0);
                x.download((row - range.start) * hidden, &mut layers[before..])?;
            }
            Ok(())
        })?;

        if self.text.is_none() && plan.wanted.iter().any(|(_, head)| *head == Head::Text) {
            self.text = Some(Outputs::new(&self.model, self.slots, Head::Text)?);
        }
        for part in [Some(&self.codes), self.text.as_ref()].into_iter().flatten() {
            let wanted: Vec<(usize, usize)> = plan
                .wanted
                .iter()
                .enumerate()
                .filter(|(_, (row, head))| range.contains(row) && *head == part.head)
                .map(|(index, (row, _))| (index, *row))
                .collect();
            if wanted.is_empty() {
                continue;
            }
            let picked: Vec<u32> = wanted.iter().map(|(_, row)| (row - range.start) as u32).collect();
            let slots: Vec<u32> = wanted.iter().map(|(_, row)| plan.rows[*row].slot).collect();
            let count = picked.len();
            self.picked.upload(0, &picked)?;
            self.model.finish(&self.space, &self.picked, count, part.head, [&part.hidden, &part.logits])?;
            let width = self.model.embed().width(part.head);
            if plan.logits {
                let states = part.hidden.to_vec(count * hidden)?;
                let logits = part.logits.to_vec(count * width)?;
                for (row, (index, _)) in wanted.iter().enumerate() {
                    let output = &mut outputs[*index];
                    output.logits = logits[row * width..][..width].to_vec();
                    output.hidden = states[row * hidden..][..hidden].to_vec();
                }
                continue;
            }
            if part.head == Head::Codes {
                let kept: Vec<Kept> = wanted
                    .iter()
                    .zip(&slots)
                    .map(|((index, _), slot)| Kept { slot: *slot, index: plan.drawn[*index] as u32 })
                    .collect();
                self.kept.upload(0, &kept)?;
                self.model.program().keep_rows(
                    part.hidden.address(),
                    self.kept.address(),
                    count as u32,
                    self.hiddens.address(),
                    [hidden as u32, self.model.config().max_positions as u32],
                )?;
            }
            self.sampler.draw(part.logits.address(), &slots, &mut self.drawn)?;
            for ((index, _), drawn) in wanted.iter().zip(self.drawn.drain(..)) {
                outputs[*index].drawn = Some(match drawn {
                    Ok(draw) => Drawn::Draw(draw),
                    Err(Error::NotANumber) => Drawn::NotANumber,
                    Err(error) => return Err(error),
                });
            }
        }
        Ok(())
    }

    /// A row as the card takes it; a speaker's vector joins the others.
    fn row(&self, row: &PlannedRow, speakers: &mut Vec<f32>) -> Result<Row> {
        self.model.embed().check(&row.input)?;
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
    fn run(&mut self, plan: &Plan, outputs: &mut Vec<RowOutput>) -> Result<()> {
        outputs.resize_with(plan.wanted.len(), RowOutput::default);
        if !plan.logits {
            for begun in &plan.begun {
                let setup = Setup {
                    params: &begun.sampling,
                    shape: Shape { heads: begun.heads, vocab: begun.tokens },
                    end_token: begun.end,
                };
                self.sampler.begin(begun.slot, setup, begun.noise)?;
            }
        }
        let total = plan.rows.len();
        for start in (0..total).step_by(PASS_ROWS) {
            self.pass(plan, start..(start + PASS_ROWS).min(total), outputs)?;
        }
        Ok(())
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

/// How many sequences fit into what is free once the weights are there.
fn fit(model: &CardLlama, slots: Slots) -> Result<usize> {
    let memory = model.program().driver().memory()?;
    let config = model.config();
    let outputs = 4 * (config.hidden + model.embed().width(Head::Codes));
    let each = CardCache::slot_bytes(config, model.kind())
        + 4 * config.max_positions * config.hidden
        + outputs
        + DeviceSampler::slot_bytes(codes_shape(model));
    let allowed = (memory.free as f64 * slots.memory_fraction) as u64;
    let fitting = (allowed / each as u64) as usize;
    let mebibytes = |bytes: u64| format!("{:.0} MiB", bytes as f64 / 1048576.0);
    let state = || {
        format!(
            "a text takes {} ({} positions in {}), and of the {} that {} has free ({} in all) {} may be taken",
            mebibytes(each as u64),
            config.max_positions,
            kind_name(model.kind()),
            mebibytes(memory.free),
            model.program().driver().name(),
            mebibytes(memory.total),
            mebibytes(allowed),
        )
    };
    match fitting {
        0 => Err(Error::Device(format!(
            "not even one text fits: {}; free some memory, raise --memory-fraction, or use another device",
            state()
        ))),
        fitting if fitting < slots.wanted && !slots.fewer => Err(Error::Device(format!(
            "{} texts at once do not fit: {}; --batch-size {fitting} fits",
            slots.wanted,
            state()
        ))),
        fitting => Ok(fitting.min(slots.wanted.max(1))),
    }
}

fn codes_shape(model: &CardLlama) -> Shape {
    Shape { heads: model.embed().codebooks(), vocab: model.embed().code_tokens() }
}

fn kind_name(kind: Number) -> &'static str {
    match kind {
        Number::F32 => "f32",
        Number::F16 => "f16",
        Number::Bf16 => "bf16",
    }
}
