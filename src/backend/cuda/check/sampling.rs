//! The processor's sampler beside the card's, on the same logits: they must draw the same.

use super::{Finding, Random};
use crate::backend::cuda::driver::{Address, Buffer, Plain, bytes};
use crate::backend::cuda::kernels::Kernels;
use crate::backend::cuda::sampler::{DeviceSampler, Setup, Shape};
use crate::backend::cuda::shared::{CODES as CODES_IN, Following, Kept, PageOffset, Row, TEXT as TEXT_IN};
use crate::error::{Error, Result};
use crate::sampling::{Draw, ExponentialNoise, FIRST_DRAWS, NoiseMode, Sampler, SamplingParams};

const CODES: Shape = Shape { heads: 4, vocab: 626 };
const TEXT: Shape = Shape { heads: 1, vocab: 21178 };
const MODES: [NoiseMode; 2] = [NoiseMode::Repeat, NoiseMode::Stream];

/// Draws one sequence on the processor.
struct Twin {
    sampler: Sampler,
    noise: ExponentialNoise,
}

impl Twin {
    fn draw(&mut self, logits: &[f32]) -> Result<Draw> {
        let may_redraw = self.sampler.generated() == 0 && self.noise.mode() == NoiseMode::Stream;
        let mut drawn = Draw::End;
        for _ in 0..if may_redraw { FIRST_DRAWS } else { 1 } {
            drawn = self.sampler.draw(&mut logits.to_vec(), self.noise.step(logits.len()))?;
            if drawn != Draw::End {
                break;
            }
        }
        Ok(drawn)
    }
}

/// Counts what was drawn.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    rows: usize,
    /// Rows that gave tokens, ended, and were no numbers.
    tokens: usize,
    ends: usize,
    failures: usize,
    /// Rows that the card drew otherwise.
    differ: usize,
}

/// Holds sequences on the card and their twins.
struct Pairs<'a> {
    kernels: &'a Kernels,
    card: DeviceSampler,
    twins: Vec<Option<(Twin, Shape)>>,
    tally: Tally,
}

impl<'a> Pairs<'a> {
    fn new(kernels: &'a Kernels, slots: usize, codes: Shape, text: Shape) -> Result<Self> {
        let card = DeviceSampler::new(kernels.driver(), slots, codes, text)?;
        Ok(Pairs { kernels, card, twins: (0..slots).map(|_| None).collect(), tally: Tally::default() })
    }

    fn begin(&mut self, slot: usize, setup: Setup, noise: Option<(u64, NoiseMode)>) -> Result<()> {
        self.card.begin(slot as u32, setup, noise)?;
        let Setup { params, shape, end_token } = setup;
        let sampler = Sampler::new(params.clone(), shape.heads, shape.vocab, end_token)?;
        let noise = match (noise, self.twins[slot].take()) {
            (Some((seed, mode)), _) => ExponentialNoise::new(seed, mode),
            (None, Some((twin, _))) => twin.noise,
            (None, None) => return Err(Error::Device(format!("slot {slot} has no twin"))),
        };
        self.twins[slot] = Some((Twin { sampler, noise }, shape));
        Ok(())
    }

    /// Draws one step of slots, in their order.
    fn step(&mut self, slots: &[u32], row: impl FnMut(Shape) -> Vec<f32>) -> Result<()> {
        self.step_by(slots, row, |card, logits| card.launch(logits))
    }

    fn step_by(
        &mut self,
        slots: &[u32],
        mut row: impl FnMut(Shape) -> Vec<f32>,
        launch: impl FnOnce(&DeviceSampler, Address) -> Result<()>,
    ) -> Result<()> {
        let mut logits = Vec::new();
        let mut expected = Vec::new();
        for slot in slots {
            let Some((twin, shape)) = &mut self.twins[*slot as usize] else { continue };
            let own: Vec<f32> = row(*shape);
            expected.push(twin.draw(&own));
            logits.extend(own);
        }
        let logits = Buffer::from_slice(self.kernels.driver(), &logits)?;
        let mut found = Vec::new();
        self.card.place(slots)?;
        launch(&self.card, logits.address())?;
        self.card.read(&mut found)?;
        let tally = &mut self.tally;
        tally.rows += slots.len();
        tally.differ += expected.len().abs_diff(found.len());
        for (expected, found) in expected.iter().zip(&found) {
            tally.differ += usize::from(match (expected, found) {
                (Ok(expected), Ok(found)) => expected != found,
                (Err(Error::NotANumber), Err(Error::NotANumber)) => false,
                _ => true,
            });
            match expected {
                Ok(Draw::Tokens(_)) => tally.tokens += 1,
                Ok(Draw::End) => tally.ends += 1,
                Err(_) => tally.failures += 1,
            }
        }
        Ok(())
    }
}

fn pick<T: Copy>(random: &mut Random, of: &[T]) -> T {
    of[random.below(of.len())]
}

fn params(random: &mut Random, heads: usize) -> SamplingParams {
    let temperatures = if random.below(2) == 0 { 1 } else { heads };
    SamplingParams {
        temperature: (0..temperatures).map(|_| pick(random, &[0.05, 0.3, 0.7, 1.0, 2.0])).collect(),
        top_p: pick(random, &[1.0, 0.95, 0.7, 0.3, 1e-9]),
        top_k: pick(random, &[1, 3, 5, 20, 40, 100_000]),
        repetition_penalty: pick(random, &[1.0, 1.05, 1.5, 0.8, 10.0]),
        max_tokens: 1000,
        min_tokens: pick(random, &[0, 0, 2, 100]),
    }
}

/// Makes rows of many a kind: spread out, all but equal, with many equals, some of them no numbers.
fn row(random: &mut Random, shape: Shape) -> Vec<f32> {
    let spread = pick(random, &[0.01, 1.0, 3.0, 10.0, 1e4]);
    let kind = random.below(8);
    let mut row: Vec<f32> = (0..shape.width())
        .map(|_| match kind {
            0 => random.below(4) as f32 * spread,
            1 => pick(random, &[0.0, -0.0]),
            // Shares that are simple fractions, so that sums meet top-p's bounds.
            3 => (random.below(5) as f32).ln(),
            4 => pick(random, &[0.0, std::f32::consts::LN_2]),
            _ => random.normal() * spread,
        })
        .collect();
    if kind == 2 {
        let odd = pick(random, &[f32::NEG_INFINITY, f32::INFINITY, f32::NAN, f32::MAX, f32::MIN, -0.0]);
        for _ in 0..pick(random, &[1, 3, row.len() / 2]) {
            let place = random.below(row.len());
            row[place] = odd;
        }
    }
    // Now and then nearly all heads end.
    if random.below(6) == 0 {
        for head in row.chunks_mut(shape.vocab) {
            head[shape.vocab - 1] = 5.0 * spread;
        }
    }
    row
}

/// Draws steps of three slots of a shape, in any order.
fn steps(
    kernels: &Kernels,
    random: &mut Random,
    shape: Shape,
    mode: NoiseMode,
    [begun, each]: [usize; 2],
) -> Result<Tally> {
    let mut pairs = Pairs::new(kernels, 3, shape, TEXT)?;
    let end_token = shape.vocab as u32 - 1;
    for _ in 0..begun {
        for slot in 0..3 {
            let params = params(random, shape.heads);
            pairs.begin(slot, Setup { params: &params, shape, end_token }, Some((random.next(), mode)))?;
        }
        for _ in 0..each {
            let first = random.below(3);
            let order: Vec<u32> = (0..=random.below(3)).map(|i| ((first + i) % 3) as u32).collect();
            pairs.step(&order, |shape| row(random, shape))?;
        }
    }
    Ok(pairs.tally)
}

/// Draws text and then speech in the same slot, whose noise goes on, for longer than the window.
fn refined(kernels: &Kernels, random: &mut Random, mode: NoiseMode) -> Result<Tally> {
    let mut pairs = Pairs::new(kernels, 2, CODES, TEXT)?;
    let refine = SamplingParams { min_tokens: 2, ..SamplingParams::refine() };
    let text = Setup { params: &refine, shape: TEXT, end_token: TEXT.vocab as u32 - 1 };
    pairs.begin(1, text, Some((random.next(), mode)))?;
    for _ in 0..2 {
        pairs.step(&[1], |shape| row(random, shape))?;
    }
    let speech = SamplingParams { repetition_penalty: 1.5, ..SamplingParams::speech() };
    let speech = Setup { params: &speech, shape: CODES, end_token: CODES.vocab as u32 - 1 };
    pairs.begin(1, speech, None)?;
    // Few that matter, so that they come again and again.
    for _ in 0..40 {
        pairs.step(&[1], |shape| {
            let likely = |token: usize| if token % shape.vocab < 8 { 4.0 } else { -9.0 };
            (0..shape.width()).map(|token| random.normal() + likely(token)).collect()
        })?;
    }
    Ok(pairs.tally)
}

/// Holds a card's rows while steps are drawn ahead, and what should be in them.
struct AheadRows {
    rows: (Buffer<Row>, Vec<Row>),
    kept: (Buffer<Kept>, Vec<Kept>),
    store: (Buffer<f32>, Vec<f32>),
    /// A page a slot.
    table: Buffer<PageOffset>,
    x: (Buffer<f32>, Vec<f32>),
    log: (Buffer<u32>, Vec<u32>),
    logged: (Buffer<u32>, Vec<u32>),
    codes: (Buffer<f32>, Vec<f32>),
    hidden: usize,
    capacity: u32,
}

impl AheadRows {
    const STEPS: usize = 8;

    /// Lays out rows, row `i` for `slots[i]`. Some come to the end of what a slot holds.
    fn new(kernels: &Kernels, random: &mut Random, slots: &[u32]) -> Result<Self> {
        let (hidden, capacity) = (72, 20);
        let driver = kernels.driver();
        let rows: Vec<Row> = slots
            .iter()
            .map(|slot| {
                let position = random.below(capacity as usize) as u32;
                Row { slot: *slot, position, kind: TEXT_IN, tokens: [7; 8] }
            })
            .collect();
        let kept = slots.iter().map(|slot| Kept { slot: *slot, index: random.below(22) as u32 });
        let kept: Vec<Kept> = kept.collect();
        let slots_end = slots.iter().max().map_or(0, |slot| *slot as usize + 1);
        let store = vec![0.0; slots_end * capacity as usize * hidden];
        let store = (Buffer::from_slice(driver, &store)?, store);
        let page =
            |slot: usize| PageOffset { cache: 0, states: (slot * capacity as usize * hidden * 4) as u64 };
        let table = Buffer::from_slice(driver, &(0..slots_end).map(page).collect::<Vec<_>>())?;
        let x = vec![0.0; rows.len() * hidden];
        let log = vec![0; Self::STEPS * rows.len() * CODES.heads];
        let logged = vec![0; rows.len()];
        let codes = random.normals(CODES.width() * hidden, 1.0);
        Ok(AheadRows {
            rows: (Buffer::from_slice(driver, &rows)?, rows),
            kept: (Buffer::from_slice(driver, &kept)?, kept),
            store,
            table,
            x: (Buffer::from_slice(driver, &x)?, x),
            log: (Buffer::from_slice(driver, &log)?, log),
            logged: (Buffer::from_slice(driver, &logged)?, logged),
            codes: (Buffer::from_slice(driver, &codes)?, codes),
            hidden,
            capacity,
        })
    }

    fn following(&self, hidden_states: &Buffer<f32>) -> Following {
        Following {
            rows: self.rows.0.address(),
            kept: self.kept.0.address(),
            hidden_states: hidden_states.address(),
            base: self.store.0.address(),
            table: self.table.address(),
            codes: self.codes.0.address(),
            x: self.x.0.address(),
            logged: self.logged.0.address(),
            log: self.log.0.address(),
            steps: Self::STEPS as u32,
            hidden: self.hidden as u32,
            codebooks: CODES.heads as u32,
            code_tokens: CODES.vocab as u32,
            slot_pages: 1,
            capacity: self.capacity,
        }
    }

    /// Lays out what a step should leave, of tokens (rows, codebooks) that were drawn from states.
    fn advance(&mut self, states: &[f32], tokens: &[u32]) {
        let (hidden, count) = (self.hidden, self.rows.1.len());
        for (i, drawn) in tokens.chunks_exact(CODES.heads).enumerate() {
            let (row, kept) = (&mut self.rows.1[i], &mut self.kept.1[i]);
            if kept.index < self.capacity {
                let at = (kept.slot * self.capacity + kept.index) as usize * hidden;
                self.store.1[at..][..hidden].copy_from_slice(&states[i * hidden..][..hidden]);
            }
            let logged = &mut self.logged.1[i];
            self.log.1[(*logged as usize * count + i) * CODES.heads..][..CODES.heads].copy_from_slice(drawn);
            *logged = (*logged + 1) % Self::STEPS as u32;
            kept.index += 1;
            row.position = (row.position + 1).min(self.capacity - 1);
            row.kind = CODES_IN;
            let x = &mut self.x.1[i * hidden..][..hidden];
            x.fill(0.0);
            for (book, token) in drawn.iter().enumerate() {
                let token = if (*token as usize) < CODES.vocab { *token } else { 0 };
                row.tokens[book] = token;
                let code = &self.codes.1[(book * CODES.vocab + token as usize) * hidden..][..hidden];
                x.iter_mut().zip(code).for_each(|(x, code)| *x += code);
            }
        }
    }

    /// Counts the buffers that are not to the bit what they should be.
    fn differ(&self) -> Result<usize> {
        fn differs<T: Plain + Default>((found, expected): &(Buffer<T>, Vec<T>)) -> Result<usize> {
            Ok(usize::from(bytes(&found.to_vec(expected.len())?) != bytes(expected)))
        }
        Ok(differs(&self.rows)?
            + differs(&self.kept)?
            + differs(&self.store)?
            + differs(&self.x)?
            + differs(&self.log)?
            + differs(&self.logged)?)
    }
}

/// Draws steps ahead of the same rows and checks all that they leave for the next.
fn steps_ahead(kernels: &Kernels, random: &mut Random, mode: NoiseMode) -> Result<Tally> {
    let mut pairs = Pairs::new(kernels, 4, CODES, TEXT)?;
    let slots = [2, 0, 3];
    for slot in slots {
        let params = params(random, CODES.heads);
        let setup = Setup { params: &params, shape: CODES, end_token: CODES.vocab as u32 - 1 };
        pairs.begin(slot as usize, setup, Some((random.next(), mode)))?;
    }
    let mut ahead = AheadRows::new(kernels, random, &slots)?;
    for _ in 0..AheadRows::STEPS {
        let states = random.normals(slots.len() * ahead.hidden, 1.0);
        let on_card = Buffer::from_slice(kernels.driver(), &states)?;
        let next = ahead.following(&on_card);
        pairs.step_by(&slots, |shape| row(random, shape), |card, logits| card.launch_ahead(logits, &next))?;
        ahead.advance(&states, pairs.card.last_drawn());
        pairs.tally.differ += ahead.differ()?;
    }
    Ok(pairs.tally)
}

pub fn check(kernels: &Kernels, random: &mut Random) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    let mut add = |kernel: &str, mode: NoiseMode, tally: Tally| {
        let kernel = format!("{kernel}, {mode:?}");
        findings.push(Finding { kernel, shapes: tally.rows, worst: tally.differ as f64, allowed: 0.0 });
    };
    for mode in MODES {
        add("draw_tokens codes", mode, steps(kernels, random, CODES, mode, [5, 8])?);
        add("draw_tokens text, then codes", mode, refined(kernels, random, mode)?);
        add("draw_ahead", mode, steps_ahead(kernels, random, mode)?);
    }
    Ok(findings)
}

#[cfg(all(test, feature = "cuda-emulator"))]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::backend::cuda::emulated::Emulated;

    fn kernels() -> Kernels {
        Kernels::new(Arc::new(Emulated::new(0, 1 << 30)))
    }

    fn shape(heads: usize, vocab: usize) -> Shape {
        Shape { heads, vocab }
    }

    const SMALL: Shape = Shape { heads: 2, vocab: 40 };

    fn setup(params: &SamplingParams) -> Setup<'_> {
        Setup { params, shape: SMALL, end_token: 39 }
    }

    #[test]
    fn the_card_draws_what_the_processor_draws() {
        let kernels = kernels();
        let mut random = Random(77);
        // The last ones are sorted part by part.
        let shapes =
            [(4, 626), (1, 1), (1, 2), (2, 4), (3, 5), (8, 33), (5, 64), (7, 512), (1, 4096), (8, 513)];
        let large = [(8, 626), (4, 1025), (1, 4097), (3, 3000), (1, 32768)];
        for mode in MODES {
            for (i, (heads, vocab)) in shapes.into_iter().chain(large).enumerate() {
                let rounds = match (i, vocab) {
                    (0, _) => [15, 20],
                    (_, 32768) => [1, 3],
                    _ => [2, 5],
                };
                let tally = steps(&kernels, &mut random, shape(heads, vocab), mode, rounds).unwrap();
                assert_eq!(tally.differ, 0, "{heads} × {vocab}, {mode:?}: {tally:?}");
                if i == 0 {
                    assert!(tally.tokens > 300 && tally.ends > 40 && tally.failures > 15, "{tally:?}");
                }
            }
            let tally = steps_ahead(&kernels, &mut random, mode).unwrap();
            assert!(tally.differ == 0 && tally.tokens > 5, "{tally:?}");
            let tally = refined(&kernels, &mut random, mode).unwrap();
            assert!(tally.differ == 0 && tally.tokens > 35, "{tally:?}");
        }
    }

    #[test]
    fn a_first_draw_that_ends_is_drawn_again_where_noise_runs_on() {
        let kernels = kernels();
        let mut pairs = Pairs::new(&kernels, 2, SMALL, TEXT).unwrap();
        let params = SamplingParams { temperature: vec![1.0], top_p: 1.0, ..SamplingParams::speech() };
        let row = |end: f32| {
            move |_: Shape| (0..80).map(|token| if token % 40 == 39 { end } else { 0.0 }).collect::<Vec<_>>()
        };
        let mut ends = [0, 0];
        for seed in 0..20 {
            for (slot, mode) in MODES.into_iter().enumerate() {
                let before = pairs.tally.ends;
                pairs.begin(slot, setup(&params), Some((seed, mode))).unwrap();
                pairs.step(&[slot as u32], row(4.0)).unwrap();
                ends[slot] += pairs.tally.ends - before;
                pairs.step(&[slot as u32], row(4.0)).unwrap();
            }
        }
        assert!(ends[0] > 10 && ends[1] == 0, "{ends:?}");
        // Nor is it drawn for ever.
        pairs.begin(1, setup(&params), Some((1, NoiseMode::Stream))).unwrap();
        let before = pairs.tally.ends;
        pairs.step(&[1], row(1e4)).unwrap();
        pairs.step(&[1], row(0.0)).unwrap();
        assert_eq!(pairs.tally.ends, before + 1);
        assert_eq!(pairs.tally.differ, 0);
    }

    #[test]
    fn few_steps_sort_all_logits() {
        let kernels = kernels();
        let mut random = Random(5);
        let mut sorted = |shape: Shape, params: SamplingParams, steps: usize| {
            let mut pairs = Pairs::new(&kernels, 1, CODES, TEXT).unwrap();
            let setup = Setup { params: &params, shape, end_token: shape.vocab as u32 - 1 };
            pairs.begin(0, setup, Some((1, NoiseMode::Repeat))).unwrap();
            for _ in 0..steps {
                pairs.step(&[0], |shape| random.normals(shape.width(), 3.0)).unwrap();
            }
            assert!(pairs.tally.differ == 0 && pairs.tally.failures == 0, "{:?}", pairs.tally);
            pairs.card.sorted(0)
        };
        assert_eq!(sorted(CODES, SamplingParams::speech(), 40), 0);
        assert!(sorted(TEXT, SamplingParams::refine(), 6) <= 1);
        // More than a glance looks for, and as much as it does.
        assert_eq!(sorted(CODES, SamplingParams { top_k: 41, ..SamplingParams::speech() }, 3), 3);
        assert_eq!(sorted(CODES, SamplingParams { top_k: 40, ..SamplingParams::speech() }, 20), 0);
    }

    #[test]
    fn rows_that_are_no_numbers_fail_alone() {
        let kernels = kernels();
        let mut pairs = Pairs::new(&kernels, 3, SMALL, TEXT).unwrap();
        let params = SamplingParams::speech();
        for slot in 0..3 {
            pairs.begin(slot, setup(&params), Some((5, NoiseMode::Stream))).unwrap();
        }
        let mut values = [0.0, f32::NAN, 0.0].into_iter().cycle();
        for _ in 0..3 {
            pairs.step(&[2, 0, 1], |shape| vec![values.next().unwrap(); shape.width()]).unwrap();
        }
        assert!(pairs.tally.differ == 0 && pairs.tally.failures == 3, "{:?}", pairs.tally);
    }

    #[test]
    fn what_the_sampler_is_not_made_for_is_an_error() {
        let kernels = kernels();
        let driver = kernels.driver();
        assert!(DeviceSampler::new(driver, 1, shape(9, 5), TEXT).is_err());
        assert!(DeviceSampler::new(driver, 1, shape(4, 0), TEXT).is_err());
        let mut card = DeviceSampler::new(driver, 2, SMALL, TEXT).unwrap();
        let params = SamplingParams::speech();
        let noise = Some((1, NoiseMode::Repeat));
        assert!(card.begin(0, setup(&params), None).is_err(), "no noise before");
        assert!(card.begin(2, setup(&params), noise).is_err(), "no such slot");
        assert!(card.begin(0, Setup { shape: shape(3, 3), ..setup(&params) }, noise).is_err());
        let bad = SamplingParams { top_k: 0, ..params.clone() };
        assert!(matches!(card.begin(0, setup(&bad), noise), Err(Error::Parameter { .. })));
        card.begin(0, setup(&params), noise).unwrap();
        let text = Setup { shape: TEXT, ..setup(&params) };
        let before = driver.memory().unwrap().free;
        card.begin(1, text, noise).unwrap();
        assert!(driver.memory().unwrap().free < before, "memory for text is taken late");
        let logits = Buffer::<f32>::new(driver, TEXT.width() * 2).unwrap();
        let mut drawn = Vec::new();
        for slots in [[0, 1].as_slice(), &[0, 0], &[2]] {
            assert!(card.draw(logits.address(), slots, &mut drawn).is_err(), "{slots:?}");
        }
        card.draw(logits.address(), &[], &mut drawn).unwrap();
        assert!(drawn.is_empty());
    }
}
