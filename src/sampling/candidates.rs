//! Which tokens stay in the draw: top-p, then top-k.
//!
//! Both are defined on the sorted logits, but of hundreds or thousands only some twenty survive, so a
//! glance orders no more than those and adds up the rest. It says nothing where roundings could make it
//! answer otherwise than sorting does; then all are sorted.

use std::cmp::Ordering;
use std::ops::Range;

use super::constants::MIN_KEPT;

/// Logits that share one maximum in a glance.
const GROUP: usize = 8;
/// Sums that run beside each other, so that they are added up many at a time.
const LANES: usize = 16;
/// The distance below the best at which a logit is still told from those farther down; e^-80 is as good as
/// nothing.
const REACH: f32 = 80.0;
/// The probability of a logit at the end of the reach, and more than what a probability too small for a full
/// mantissa loses.
const NOTHING: f64 = 1e-34;
/// Roundings, in units of the last place, of [`exp_roughly`] and of what a sum ends with.
const ROUGHNESS: usize = 256;

/// Finds the kept candidates of one row of logits.
#[derive(Clone, Debug, Default)]
pub struct Candidates {
    /// (logit, token); where it is sorted, ascending, of equals the first token first.
    order: Vec<(f32, u32)>,
    /// The probabilities, where all are sorted.
    probs: Vec<f32>,
    /// The largest logit of each group: of those that lie a whole number of strides apart.
    maxima: Vec<f32>,
    nth: Vec<f32>,
}

impl Candidates {
    /// Returns what is left of a row, ascending.
    pub fn of(&mut self, row: &[f32], top_p: f64, top_k: usize) -> &mut [(f32, u32)] {
        let kept = match self.glance(row, top_p, top_k) {
            Some(kept) => kept,
            None => self.sort(row, top_p, top_k),
        };
        &mut self.order[kept]
    }

    /// Orders all and returns where in the order the kept ones lie.
    fn sort(&mut self, row: &[f32], top_p: f64, top_k: usize) -> Range<usize> {
        let Candidates { order, probs, .. } = self;
        order.clear();
        order.extend(row.iter().zip(0..).map(|(logit, token)| (*logit, token)));
        // Stable, so equal logits keep the order of their indices; NaN sorts last, as in torch.
        order.sort_by(|a, b| a.0.partial_cmp(&b.0).unwrap_or_else(|| a.0.is_nan().cmp(&b.0.is_nan())));
        let n = order.len();
        let floor = n.saturating_sub(MIN_KEPT);

        // Top-p. The reference cumulates f32 probabilities in f64 and compares them as f32.
        let best = order[n - 1].0;
        probs.clear();
        probs.extend(order.iter().map(|(logit, _)| (logit - best).exp()));
        let sum: f32 = probs.iter().sum();
        let dropped_mass = (1.0 - top_p) as f32;
        let mut cumulated = 0f64;
        let mut first = floor;
        for (i, p) in probs[..floor].iter().enumerate() {
            cumulated += (p / sum) as f64;
            if cumulated as f32 > dropped_mass {
                first = i;
                break;
            }
        }

        // Top-k: everything below the k-th largest goes; its equals stay.
        let threshold = order[n - top_k.max(MIN_KEPT).min(n)].0;
        while first < n - 1 && order[first].0 < threshold {
            first += 1;
        }
        first..n
    }

    /// Finds the same as [`Candidates::sort`], but orders the largest `top_k` only; none where that does not
    /// suffice.
    fn glance(&mut self, row: &[f32], top_p: f64, top_k: usize) -> Option<Range<usize>> {
        let k = top_k.max(MIN_KEPT);
        if k > row.len() / GROUP {
            return None;
        }
        let stride = row.len().div_ceil(GROUP).next_multiple_of(LANES);
        let best = self.find_maxima(row, stride)?;

        // k groups reach the k-th largest maximum, so at least k logits do.
        self.nth.clone_from(&self.maxima);
        let (_, reached, _) = self.nth.select_nth_unstable_by(stride - k, compare);
        let reached = *reached;
        // Written in any case and passed over if it stays, since no processor can guess which will.
        self.order.resize(row.len(), (0.0, 0));
        let mut reaching = 0;
        for group in (0..stride).filter(|group| self.maxima[*group] >= reached) {
            for token in (group..row.len()).step_by(stride) {
                self.order[reaching] = (row[token], token as u32);
                reaching += usize::from(row[token] >= reached);
            }
        }
        let order = &mut self.order[..reaching];
        order.sort_unstable_by(|a, b| compare(&a.0, &b.0).then(a.1.cmp(&b.1)));
        let threshold = order[reaching - k].0;
        let mut first = order.partition_point(|(logit, _)| *logit < threshold);

        // A sum's every step may round by half a unit in the last place, and sorting sums in another order.
        let rounding = (row.len() + ROUGHNESS) as f64 * f64::from(f32::EPSILON);
        let nothing = row.len() as f64 * NOTHING;
        let dropped_mass = f64::from((1.0 - top_p) as f32);
        let candidates = order[first..].iter().map(|(logit, _)| exp_roughly(logit - best));
        let mut cumulated = mass_below(row, threshold, best);
        let sum = cumulated + candidates.clone().map(f64::from).sum::<f64>();
        let surely_kept = (dropped_mass + nothing) / (1.0 - rounding) * sum;
        let surely_dropped = (dropped_mass - nothing) / (1.0 + rounding) * sum;
        for p in candidates.rev().skip(MIN_KEPT).rev() {
            cumulated += f64::from(p);
            if cumulated > surely_kept {
                break;
            }
            if cumulated >= surely_dropped {
                return None;
            }
            first += 1;
        }
        Some(first..reaching)
    }

    /// Finds the largest of each group, and of all; none if there is no telling larger from smaller.
    fn find_maxima(&mut self, row: &[f32], stride: usize) -> Option<f32> {
        self.maxima.clear();
        self.maxima.resize(stride, f32::NEG_INFINITY);
        let mut numbers = true;
        for part in row.chunks(stride) {
            for (max, logit) in self.maxima.iter_mut().zip(part) {
                *max = if *logit > *max { *logit } else { *max };
                numbers &= !logit.is_nan();
            }
        }
        let best = self.maxima.iter().fold(f32::NEG_INFINITY, |m, logit| m.max(*logit));
        (numbers && best.is_finite()).then_some(best)
    }
}

/// Sums the mass of what lies below a threshold, on a scale where the best has 1.
fn mass_below(row: &[f32], threshold: f32, best: f32) -> f64 {
    let mass = |logit: f32| if logit < threshold { exp_roughly(logit - best) } else { 0.0 };
    let mut sums = [0f32; LANES];
    let (parts, rest) = row.as_chunks::<LANES>();
    for part in parts {
        for (sum, logit) in sums.iter_mut().zip(part) {
            *sum += mass(*logit);
        }
    }
    sums.into_iter().chain(rest.iter().map(|logit| mass(*logit))).map(f64::from).sum()
}

/// Computes e^x for x ≤ 0 to a hundred-thousandth, without a branch or a call, so that a loop over it is
/// vectorised.
fn exp_roughly(x: f32) -> f32 {
    use std::f32::consts::{LN_2, LOG2_E};
    /// Added to a small number, leaves its nearest integer in the lowest bits.
    const ROUND: f32 = (3 << 22) as f32;
    const MANTISSA_BITS: u32 = f32::MANTISSA_DIGITS - 1;
    let x = if x > -REACH { x } else { -REACH } * LOG2_E;
    let shifted = x + ROUND;
    let y = (x - (shifted - ROUND)) * LN_2;
    let power = 1.0 + y * (1.0 + y * (1.0 / 2.0 + y * (1.0 / 6.0 + y * (1.0 / 24.0 + y * (1.0 / 120.0)))));
    f32::from_bits(power.to_bits().wrapping_add(shifted.to_bits() << MANTISSA_BITS))
}

/// Orders numbers; what is no number has been seen to before.
fn compare(a: &f32, b: &f32) -> Ordering {
    a.partial_cmp(b).unwrap_or(Ordering::Equal)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sampling::Mt19937;

    const TOP_P: [f64; 8] = [1.0, 0.7, 0.5, 0.3, 1e-3, 1e-9, 0.999_999, 1.0 - 1e-12];
    const TOP_K: [usize; 7] = [1, 3, 4, 20, 78, 79, 1000];

    /// Makes a row of many a kind, nasty ones among them.
    fn row(rng: &mut Mt19937) -> Vec<f32> {
        let mut below = |n: usize| rng.next_u32() as usize % n;
        let length = [1, 2, 3, 4, 5, 23, 24, 25, 160, 161, 626, 626, 626, 2000][below(14)];
        let spread = [0.01, 1.0, 10.0, 100.0, 1e4, 1e30, f32::MAX][below(7)];
        let kind = below(8);
        let odd = [f32::NEG_INFINITY, f32::INFINITY, f32::NAN, f32::MAX, f32::MIN, -0.0][below(6)];
        let mut number = || match kind {
            // Few different ones, so that many are equal.
            0 => below(4) as f32 * spread,
            1 => -(below(2) as f32) * 0.0,
            // Shares that are simple fractions, so that sums meet top-p's bounds.
            2 => (below(5) as f32).ln(),
            3 => [0.0, std::f32::consts::LN_2][below(2)],
            _ => {
                let uniform: f32 = (0..4).map(|_| below(1 << 24) as f32 / (1 << 23) as f32 - 1.0).sum();
                uniform * spread
            }
        };
        let mut row: Vec<f32> = (0..length).map(|_| number()).collect();
        if kind > 5 {
            for _ in 0..below(length + 1) {
                let place = below(length);
                row[place] = odd;
            }
        }
        row
    }

    #[test]
    fn a_glance_finds_what_sorting_finds() {
        let mut rng = Mt19937::new(1);
        let (mut glance, mut sort) = (Candidates::default(), Candidates::default());
        let mut seen = 0;
        for _ in 0..20_000 {
            let row = row(&mut rng);
            let top_p = TOP_P[rng.next_u32() as usize % TOP_P.len()];
            let top_k = TOP_K[rng.next_u32() as usize % TOP_K.len()];
            let Some(found) = glance.glance(&row, top_p, top_k) else { continue };
            let sorted = sort.sort(&row, top_p, top_k);
            assert_eq!(glance.order[found], sort.order[sorted], "top-p {top_p}, top-k {top_k} of {row:?}");
            seen += 1;
        }
        assert!(seen > 5_000, "{seen}");
    }

    #[test]
    fn a_glance_suffices_for_speech() {
        let mut rng = Mt19937::new(2);
        let mut candidates = Candidates::default();
        for _ in 0..500 {
            let row: Vec<f32> = (0..626).map(|_| 10.0 * f32::from(rng.exponential())).collect();
            assert!(candidates.glance(&row, 0.7, 20).is_some());
        }
    }

    #[test]
    fn a_rough_power_is_near_enough() {
        for i in 0..80_000 {
            let x = i as f32 * -0.001;
            let exact = f64::from(x).exp();
            let off = (f64::from(exp_roughly(x)) - exact).abs() / exact;
            assert!(off < 1e-5, "e^{x} is off by {off}");
        }
        assert_eq!(exp_roughly(0.0), 1.0);
        assert!(f64::from(exp_roughly(f32::NEG_INFINITY)) < NOTHING);
    }
}
