//! Steps ahead: what a card draws next it needs nobody for, so it is asked for several steps of the same rows at
//! once, all of them one graph that is replayed again, and the results wait here until they are asked for.
//!
//! A step more than a sequence wants costs its time and harms nothing: rows know nothing of each other, and a
//! slot is overwritten by whoever has it next. All rows are asked for together, so that what begins meanwhile
//! joins them when nothing waits here any more.

use std::collections::VecDeque;
use std::sync::Arc;

use super::cache::CardCache;
use super::driver::{Buffer, Driver, Graph};
use super::llama::{CardLlama, Space};
use super::sampler::DeviceSampler;
use super::shared::Following;
use super::shared::{CODES, Kept, Row};
use super::switches::Switches;
use crate::engine::Head;
use crate::error::{Error, Result};
use crate::sampling::Draw;

/// Steps that are asked for at once.
pub const STEPS: usize = 8;
/// The most that may be asked for.
pub const MOST_STEPS: usize = 64;
/// Graphs that are kept.
const GRAPHS: usize = 32;

/// Holds a drawn step that waits.
struct Drawn {
    /// The position of the input, and the input itself.
    position: u32,
    input: Vec<u32>,
    draw: Result<Draw>,
}

/// Draws several steps ahead, and holds the part of a step that stays the same from one to the next.
pub struct Lookahead {
    rows: Buffer<Row>,
    kept: Buffer<Kept>,
    /// 0, 1, 2, …
    picked: Buffer<u32>,
    /// (steps, rows, codebooks).
    log: Buffer<u32>,
    /// Steps of each row that are in the log; zeros between runs.
    logged: Buffer<u32>,
    /// The rows that the last run has laid out on the card, where their inputs lie too.
    next: Vec<(Row, Kept)>,
    /// By the number of rows: nothing else tells one run from another.
    graphs: VecDeque<(usize, Option<Box<dyn Graph>>)>,
    waiting: Vec<VecDeque<Drawn>>,
    steps: usize,
    records: bool,
}

/// Borrows all that a step is made with.
pub struct StepContext<'a> {
    pub model: &'a mut CardLlama,
    pub cache: &'a CardCache,
    pub space: &'a Space,
    pub sampler: &'a mut DeviceSampler,
    /// (rows, hidden) and (rows, width of the codes' head).
    pub hidden: &'a Buffer<f32>,
    pub logits: &'a Buffer<f32>,
}

impl Lookahead {
    /// Takes memory for so many slots, of at most `rows` at once.
    ///
    /// # Errors
    /// [`Error::Device`] if the card has no memory for it; [`Error::Parameter`] for a switch that is none.
    pub fn new(driver: &Arc<dyn Driver>, slots: usize, rows: usize, codebooks: usize) -> Result<Self> {
        let Switches { steps_ahead: steps, graphs: records, .. } = driver.switches();
        let numbers: Vec<u32> = (0..rows as u32).collect();
        Ok(Lookahead {
            rows: Buffer::new(driver, rows)?,
            kept: Buffer::new(driver, rows)?,
            picked: Buffer::from_slice(driver, &numbers)?,
            log: Buffer::new(driver, MOST_STEPS * rows * codebooks)?,
            logged: Buffer::zeros(driver, rows)?,
            next: Vec::new(),
            graphs: VecDeque::new(),
            waiting: (0..slots).map(|_| VecDeque::new()).collect(),
            steps,
            records,
        })
    }

    /// Forgets what was laid out, since other rows have gone through the model.
    pub fn forget_rows(&mut self) {
        self.next.clear();
    }

    /// Forgets what waits for a slot.
    pub fn forget(&mut self, slot: u32) {
        if let Some(waiting) = self.waiting.get_mut(slot as usize) {
            waiting.clear();
        }
    }

    /// Returns how many steps are asked for at once.
    pub fn steps(&self) -> usize {
        self.steps
    }

    /// Returns how many steps wait for a slot.
    pub fn waiting(&self, slot: u32) -> usize {
        self.waiting.get(slot as usize).map_or(0, VecDeque::len)
    }

    /// Takes what a row drew; none if it was not asked for yet.
    ///
    /// # Errors
    /// [`Error::Device`] if the row is not the one that was.
    pub fn take(&mut self, row: &Row, codebooks: usize) -> Result<Option<Result<Draw>>> {
        let Some(drawn) = self.waiting.get_mut(row.slot as usize).and_then(VecDeque::pop_front) else {
            return Ok(None);
        };
        if drawn.position != row.position || drawn.input != row.tokens[..codebooks] {
            return Err(Error::Device(format!(
                "slot {} was taken ahead from position {} on, not from {}",
                row.slot, drawn.position, row.position
            )));
        }
        Ok(Some(drawn.draw))
    }

    /// Runs the next steps of rows, each of another slot, and keeps what they draw.
    ///
    /// # Errors
    /// An error of the card.
    pub fn run(&mut self, context: &mut StepContext, rows: &[Row], kept: &[Kept]) -> Result<()> {
        let steps = self.steps;
        let codebooks = context.model.embed().sizes.codebooks;
        // So that a step's launches all wait in the stream before the first one runs.
        let steps = if context.model.kernels().driver().times_launches() { 1 } else { steps };
        let slots: Vec<u32> = rows.iter().map(|row| row.slot).collect();
        context.sampler.place(&slots)?;
        // Where the same sequences go on, all that they need is there.
        let is_there = self.next.iter().map(|(row, kept)| (row, kept)).eq(rows.iter().zip(kept));
        self.next.clear();
        if !is_there {
            self.rows.upload(0, rows)?;
            self.kept.upload(0, kept)?;
        }
        // From then on each step leaves what goes in next.
        if !is_there {
            context.model.embed_rows(context.space, &self.rows, rows.len())?;
        }
        self.run_steps(context, rows.len(), steps)?;
        let mut log = vec![0; steps * rows.len() * codebooks];
        self.log.download(0, &mut log)?;
        for (index, row) in rows.iter().enumerate() {
            let waiting = &mut self.waiting[row.slot as usize];
            let mut input = row.tokens[..codebooks].to_vec();
            for step in 0..steps {
                let tokens = &log[(step * rows.len() + index) * codebooks..][..codebooks];
                let draw = context.sampler.draw_of(row.slot, tokens);
                let goes_on = matches!(draw, Ok(Draw::Tokens(_)));
                waiting.push_back(Drawn { position: row.position + step as u32, input, draw });
                if !goes_on {
                    break;
                }
                input = tokens.to_vec();
            }
        }
        let last = log[(steps - 1) * rows.len() * codebooks..].chunks_exact(codebooks);
        let (capacity, vocab) =
            (context.model.config().max_positions as u32, context.model.embed().sizes.code_tokens as u32);
        self.next.extend(rows.iter().zip(kept).zip(last).map(|((row, kept), drawn)| {
            let position = (row.position + steps as u32).min(capacity - 1);
            let mut next = Row { position, kind: CODES, ..*row };
            for (to, token) in next.tokens.iter_mut().zip(drawn) {
                *to = if *token < vocab { *token } else { 0 };
            }
            (next, Kept { index: kept.index + steps as u32, ..*kept })
        }));
        Ok(())
    }

    /// Runs the steps of what was uploaded, replayed if they are captured.
    fn run_steps(&mut self, context: &mut StepContext, rows: usize, steps: usize) -> Result<()> {
        if context.model.kernels().driver().times_launches() {
            return self.launch(context, rows, steps);
        }
        let found = self.graphs.iter().position(|(known, _)| *known == rows);
        match found.and_then(|at| self.graphs.remove(at)) {
            // The latest are in front.
            Some((_, Some(graph))) => {
                let replayed = graph.replay();
                self.graphs.push_front((rows, Some(graph)));
                replayed
            }
            // Worth capturing once it comes again.
            Some((_, None)) if self.records => {
                let driver = Arc::clone(context.model.kernels().driver());
                let Ok(graph) = driver.capture(&mut || self.launch(context, rows, steps)) else {
                    // A driver that records nothing still launches; a card that has failed says so again.
                    self.records = false;
                    return self.launch(context, rows, steps);
                };
                let replayed = graph.replay();
                self.graphs.push_front((rows, Some(graph)));
                replayed
            }
            _ => {
                self.graphs.push_front((rows, None));
                self.graphs.truncate(GRAPHS);
                self.launch(context, rows, steps)
            }
        }
    }

    fn launch(&self, context: &mut StepContext, rows: usize, steps: usize) -> Result<()> {
        (0..steps).try_for_each(|_| self.launch_step(context, rows, steps))
    }

    /// Launches what a step is made of; no argument depends on which step it is.
    fn launch_step(&self, context: &mut StepContext, count: usize, steps: usize) -> Result<()> {
        let StepContext { model, cache, space, sampler, hidden, logits } = context;
        let [base, table] = cache.places();
        model.launch(space, &self.rows, count, cache, &mut |_| Ok(()))?;
        model.finish(space, &self.picked, count, Head::Codes, [*hidden, *logits], None)?;
        let next = Following {
            rows: self.rows.address(),
            kept: self.kept.address(),
            hidden_states: hidden.address(),
            base,
            table,
            codes: model.codes().address(),
            x: space.x().address(),
            logged: self.logged.address(),
            log: self.log.address(),
            steps: steps as u32,
            hidden: model.config().hidden as u32,
            codebooks: model.embed().sizes.codebooks as u32,
            code_tokens: model.embed().sizes.code_tokens as u32,
            slot_pages: cache.slot_pages(),
            capacity: model.config().max_positions as u32,
        };
        sampler.launch_ahead(logits.address(), &next)
    }
}
