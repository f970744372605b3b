//! Steps on a card: rows in, drawn tokens out. Hidden states stay there until they are asked for.

use std::ops::Range;

use super::ahead::{Ahead, Means};
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
    drawn: Vec<Result<Draw>>,
    ahead: Ahead,
    slots: usize,
}

/// Hidden states and logits of the rows that want one head.
struct Outputs {
    head: Head,
    hidden: Buffer<f32>,
    logits: Buffer<f32>,
    /// Which rows of a pass they are.
    picked: Buffer<u32>,
    /// Where the hidden states are kept.
    kept: Buffer<Kept>,
}

/// The rows of a pass that want one head.
struct Wanted {
    head: Head,
    /// Their numbers among the plan's wanted rows.
    indices: Vec<usize>,
    /// Their numbers in the pass.
    picked: Vec<u32>,
    slots: Vec<u32>,
    kept: Vec<Kept>,
}

impl Wanted {
    fn of(plan: &Plan, range: Range<usize>, head: Head) -> Self {
        let mut wanted =
            Wanted { head, indices: Vec::new(), picked: Vec::new(), slots: Vec::new(), kept: Vec::new() };
        for (index, row) in plan.wanted_in(range.clone()).filter(|(index, _)| plan.wanted[*index].1 == head) {
            let slot = plan.rows[row].slot;
            wanted.indices.push(index);
            wanted.picked.push((row - range.start) as u32);
            wanted.slots.push(slot);
            wanted.kept.push(Kept { slot, index: plan.drawn.get(index).copied().unwrap_or(0) as u32 });
        }
        wanted
    }
}

impl Outputs {
    fn new(model: &CardLlama, slots: usize, head: Head) -> Result<Self> {
        let driver = model.program().driver();
        Ok(Outputs {
            head,
            hidden: Buffer::new(driver, slots * model.config().hidden)?,
            logits: Buffer::new(driver, slots * model.embed().width(head))?,
            picked: Buffer::new(driver, slots)?,
            kept: Buffer::new(driver, slots)?,
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
        let text = text_shape(&model);
        Ok(CardStep {
            cache: CardCache::new(&model, slots)?,
            sampler: DeviceSampler::new(&driver, slots, codes, text)?,
            codes: Outputs::new(&model, slots, Head::Codes)?,
            text: None,
            hiddens: Buffer::new(&driver, slots * max_positions * hidden)?,
            drawn: Vec::with_capacity(slots),
            ahead: Ahead::new(&driver, slots, PASS_ROWS.min(slots), codes.heads)?,
            space,
            model,
            slots,
        })
    }

    /// Sequences it works on.
    pub fn slots(&self) -> usize {
        self.slots
    }

    /// All rows of a plan, so many at a time.
    fn passes(&mut self, plan: &Plan, outputs: &mut [RowOutput]) -> Result<()> {
        let total = plan.rows.len();
        for start in (0..total).step_by(PASS_ROWS) {
            self.pass(plan, start..(start + PASS_ROWS).min(total), outputs)?;
        }
        Ok(())
    }

    /// The next step of sequences that have drawn codes, by their numbers among the wanted rows; several steps
    /// of those that have none waiting.
    fn go_on(&mut self, plan: &Plan, going: &[usize], outputs: &mut [RowOutput]) -> Result<()> {
        let mut rows = Vec::with_capacity(going.len());
        for index in going {
            let row = self.row(&plan.rows[plan.wanted[*index].0], &mut Vec::new())?;
            rows.push((*index, row));
        }
        let (ready, wanting): (Vec<_>, Vec<_>) =
            rows.iter().partition(|(_, row)| self.ahead.waiting(row.slot) > 0);
        if !wanting.is_empty() {
            let steps = self.ahead.steps_beside(ready.iter().map(|(_, row)| row.slot));
            for part in wanting.chunks(PASS_ROWS) {
                let rows: Vec<Row> = part.iter().map(|(_, row)| *row).collect();
                let kept = |(index, row): &(usize, Row)| Kept {
                    slot: row.slot,
                    index: plan.drawn.get(*index).copied().unwrap_or(0) as u32,
                };
                let kept: Vec<Kept> = part.iter().map(kept).collect();
                let mut means = Means {
                    model: &mut self.model,
                    cache: &self.cache,
                    space: &self.space,
                    sampler: &mut self.sampler,
                    hidden: &self.codes.hidden,
                    logits: &self.codes.logits,
                    hiddens: &self.hiddens,
                };
                self.ahead.run(&mut means, &rows, &kept, steps)?;
            }
        }
        let codebooks = self.model.embed().codebooks();
        for (index, row) in &rows {
            let drawn = self.ahead.take(row, codebooks)?;
            let nothing = || Error::Device(format!("slot {} has drawn nothing", row.slot));
            outputs[*index] =
                RowOutput { drawn: Some(drawn_of(drawn.ok_or_else(nothing)?)?), ..RowOutput::default() };
        }
        Ok(())
    }

    /// One pass: the rows of `plan` in `range`, and the outputs of those that are wanted.
    fn pass(&mut self, plan: &Plan, range: Range<usize>, outputs: &mut [RowOutput]) -> Result<()> {
        let mut speakers = Vec::new();
        let rows = plan.rows[range.clone()]
            .iter()
            .map(|row| self.row(row, &mut speakers))
            .collect::<Result<Vec<_>>>()?;
        let is_text = |(_, head): &(usize, Head)| *head == Head::Text;
        if self.text.is_none() && plan.wanted.iter().any(is_text) {
            self.text = Some(Outputs::new(&self.model, self.slots, Head::Text)?);
        }
        // Copies wait for what is under way, so all are made before anything is.
        let mut parts = Vec::new();
        for part in [Some(&self.codes), self.text.as_ref()].into_iter().flatten() {
            let wanted = Wanted::of(plan, range.clone(), part.head);
            if !wanted.indices.is_empty() {
                part.picked.upload(0, &wanted.picked)?;
                part.kept.upload(0, &wanted.kept)?;
                parts.push(wanted);
            }
        }
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
        parts.iter().try_for_each(|wanted| self.finish(wanted, plan.logits, outputs))
    }

    /// Logits of the rows that want one head, and what is drawn from them.
    fn finish(&mut self, wanted: &Wanted, logits: bool, outputs: &mut [RowOutput]) -> Result<()> {
        let Some(part) = Some(&self.codes).filter(|part| part.head == wanted.head).or(self.text.as_ref())
        else {
            return Ok(());
        };
        let (hidden, width) = (self.model.config().hidden, self.model.embed().width(part.head));
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
                self.ahead.forget(begun.slot);
            }
        }
        if plan.logits || plan.layers {
            return self.passes(plan, outputs);
        }
        let (going, beginning) = split(plan);
        if !beginning.plan.rows.is_empty() {
            let mut drawn = vec![RowOutput::default(); beginning.indices.len()];
            self.passes(&beginning.plan, &mut drawn)?;
            for (index, drawn) in beginning.indices.into_iter().zip(drawn) {
                outputs[index] = drawn;
            }
        }
        self.go_on(plan, &going, outputs)
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

/// A part of a plan, and the numbers of its wanted rows in the whole.
struct Part {
    plan: Plan,
    indices: Vec<usize>,
}

/// The wanted rows of sequences that do nothing but go on from codes they drew; and all others, as a plan.
fn split(plan: &Plan) -> (Vec<usize>, Part) {
    let mut going = Vec::new();
    let mut others = Part { plan: Plan::default(), indices: Vec::new() };
    let mut start = 0;
    for (index, (row, head)) in plan.wanted.iter().enumerate() {
        let rows = &plan.rows[start..=*row];
        start = row + 1;
        let drawn = plan.drawn.get(index).copied().unwrap_or(0);
        let goes_on = matches!(rows, [PlannedRow { input: Input::Codes(_), .. }]);
        if goes_on && *head == Head::Codes && drawn > 0 {
            going.push(index);
            continue;
        }
        others.plan.rows.extend_from_slice(rows);
        others.plan.wanted.push((others.plan.rows.len() - 1, *head));
        others.plan.drawn.push(drawn);
        others.indices.push(index);
    }
    (going, others)
}

/// How many sequences fit into what is free once the weights are there.
fn fit(model: &CardLlama, slots: Slots) -> Result<usize> {
    let memory = model.program().driver().memory()?;
    let config = model.config();
    let embed = model.embed();
    // What refining takes is taken when it is first asked for, and must be there then.
    let outputs = 4 * (2 * config.hidden + embed.width(Head::Codes) + embed.width(Head::Text));
    let each = CardCache::slot_bytes(config, model.kind())
        + 4 * config.max_positions * config.hidden
        + outputs
        + DeviceSampler::slot_bytes(codes_shape(model))
        + DeviceSampler::slot_bytes(text_shape(model));
    let head_text = 4 * (embed.width(Head::Text) * config.hidden) as u64;
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

fn text_shape(model: &CardLlama) -> Shape {
    Shape { heads: 1, vocab: model.embed().text_tokens() }
}

fn kind_name(kind: Number) -> &'static str {
    match kind {
        Number::F32 => "f32",
        Number::F16 => "f16",
        Number::Bf16 => "bf16",
    }
}
