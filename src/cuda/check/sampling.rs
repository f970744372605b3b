//! The processor's sampler beside the card's, on the same logits: they must draw the same.

use super::{Finding, Random};
use crate::cuda::driver::Buffer;
use crate::cuda::program::Program;
use crate::cuda::sampler::{DeviceSampler, Setup, Shape};
use crate::error::{Error, Result};
use crate::sampling::{Draw, ExponentialNoise, NoiseMode, Sampler, SamplingParams};

/// How often a first draw that ends at once is drawn again when the noise runs on.
const FIRST_DRAWS: usize = 64;
const CODES: Shape = Shape { heads: 4, vocab: 626 };
const TEXT: Shape = Shape { heads: 1, vocab: 21178 };
const MODES: [NoiseMode; 2] = [NoiseMode::Repeat, NoiseMode::Stream];

/// A sequence on the processor.
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

/// Sequences on the card and their twins.
struct Pairs {
    card: DeviceSampler,
    twins: Vec<Option<(Twin, Shape)>>,
}

impl Pairs {
    fn new(program: &Program, slots: usize, codes: Shape, text: Shape) -> Result<Self> {
        let card = DeviceSampler::new(program.driver(), slots, codes, text)?;
        Ok(Pairs { card, twins: (0..slots).map(|_| None).collect() })
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

    /// A step of slots, in their order; the rows that differ.
    fn step(
        &mut self,
        program: &Program,
        slots: &[usize],
        mut row: impl FnMut(Shape) -> Vec<f32>,
    ) -> Result<usize> {
        let mut logits = Vec::new();
        let mut expected = Vec::new();
        for slot in slots {
            let Some((twin, shape)) = &mut self.twins[*slot] else { continue };
            let own: Vec<f32> = row(*shape);
            expected.push(twin.draw(&own));
            logits.extend(own);
        }
        let logits = Buffer::from_slice(program.driver(), &logits)?;
        let slots: Vec<u32> = slots.iter().map(|slot| *slot as u32).collect();
        let mut found = Vec::new();
        self.card.draw(logits.address(), &slots, &mut found)?;
        let differ = |(expected, found): (&Result<Draw>, &Result<Draw>)| match (expected, found) {
            (Ok(expected), Ok(found)) => expected != found,
            (Err(Error::NotANumber), Err(Error::NotANumber)) => false,
            _ => true,
        };
        Ok(expected.iter().zip(&found).filter(|pair| differ(*pair)).count()
            + expected.len().abs_diff(found.len()))
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
        top_k: pick(random, &[1, 3, 5, 20, 100, 100_000]),
        repetition_penalty: pick(random, &[1.0, 1.05, 1.5, 0.8, 10.0]),
        max_tokens: 1000,
        min_tokens: pick(random, &[0, 0, 2, 100]),
    }
}

/// Rows of many a kind: spread out, all but equal, with many equals, some of them no numbers.
fn row(random: &mut Random, shape: Shape) -> Vec<f32> {
    let spread = pick(random, &[0.01, 1.0, 3.0, 10.0, 1e4]);
    let kind = random.below(8);
    let mut row: Vec<f32> = (0..shape.width())
        .map(|_| match kind {
            0 => random.below(4) as f32 * spread,
            1 => -(random.below(2) as f32) * 0.0,
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

/// Steps of three slots of a shape, in any order.
fn steps(
    program: &Program,
    random: &mut Random,
    shape: Shape,
    mode: NoiseMode,
    rounds: [usize; 2],
) -> Result<usize> {
    let mut pairs = Pairs::new(program, 3, shape, TEXT)?;
    let end_token = shape.vocab as u32 - 1;
    let mut differ = 0;
    for _ in 0..rounds[0] {
        for slot in 0..3 {
            let params = params(random, shape.heads);
            pairs.begin(slot, Setup { params: &params, shape, end_token }, Some((random.next(), mode)))?;
        }
        for _ in 0..rounds[1] {
            let first = random.below(3);
            let order: Vec<usize> = (0..=random.below(3)).map(|i| (first + i) % 3).collect();
            differ += pairs.step(program, &order, |shape| row(random, shape))?;
        }
    }
    Ok(differ)
}

/// Text and then speech in the same slot, whose noise goes on.
fn refined(program: &Program, random: &mut Random, mode: NoiseMode) -> Result<usize> {
    let mut pairs = Pairs::new(program, 2, CODES, TEXT)?;
    let mut differ = 0;
    let refine = SamplingParams { min_tokens: 2, ..SamplingParams::refine() };
    let text = Setup { params: &refine, shape: TEXT, end_token: 21137 };
    pairs.begin(1, text, Some((random.next(), mode)))?;
    for _ in 0..2 {
        differ += pairs.step(program, &[1], |shape| row(random, shape))?;
    }
    let speech = SamplingParams::speech();
    pairs.begin(1, Setup { params: &speech, shape: CODES, end_token: 625 }, None)?;
    for _ in 0..4 {
        differ += pairs.step(program, &[1], |shape| row(random, shape))?;
    }
    Ok(differ)
}

pub fn check(program: &Program, random: &mut Random) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    let mut add = |kernel: String, shapes, differ: usize| {
        findings.push(Finding { kernel, shapes, worst: differ as f64, allowed: 0.0 });
    };
    for mode in MODES {
        let differ = steps(program, random, CODES, mode, [5, 8])?;
        add(format!("draw_tokens, codes, {mode:?}"), 5, differ);
        let differ = refined(program, random, mode)?;
        add(format!("draw_tokens, text and codes, {mode:?}"), 2, differ);
    }
    Ok(findings)
}
