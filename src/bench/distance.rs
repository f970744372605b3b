//! Distances between numbers and their reference.

/// Returns the Kullback-Leibler divergence of softmax(`other` ÷ t) from softmax(`reference` ÷ t), in nats.
pub(super) fn divergence(reference: &[f32], other: &[f32], temperature: f32) -> f64 {
    let (p, q) = (log_softmax(reference, temperature), log_softmax(other, temperature));
    // Rounding can leave a sum of almost nothing below zero.
    p.iter().zip(&q).map(|(p, q)| p.exp() * (p - q)).sum::<f64>().max(0.0)
}

fn log_softmax(logits: &[f32], temperature: f32) -> Vec<f64> {
    let scaled: Vec<f64> = logits.iter().map(|logit| f64::from(*logit) / f64::from(temperature)).collect();
    let best = scaled.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let sum: f64 = scaled.iter().map(|logit| (logit - best).exp()).sum();
    scaled.iter().map(|logit| logit - best - sum.ln()).collect()
}

/// Returns the index of the largest logit, the first of several.
pub(super) fn arg_max(logits: &[f32]) -> usize {
    let mut best = 0;
    for (index, logit) in logits.iter().enumerate() {
        if *logit > logits[best] {
            best = index;
        }
    }
    best
}

/// Sums of the squares of a signal and of its error.
#[derive(Default)]
pub(super) struct Power {
    signal: f64,
    error: f64,
    count: usize,
    worst: f64,
}

impl Power {
    /// Adds a reference signal and its approximation.
    pub fn add(&mut self, reference: &[f32], other: &[f32]) {
        self.add_around(0.0, reference, other);
    }

    /// Adds a reference signal and its approximation, measured around the reference's mean.
    pub fn add_centred(&mut self, reference: &[f32], other: &[f32]) {
        let sum: f64 = reference.iter().copied().map(f64::from).sum();
        self.add_around(sum / reference.len().max(1) as f64, reference, other);
    }

    fn add_around(&mut self, centre: f64, reference: &[f32], other: &[f32]) {
        for (reference, other) in reference.iter().zip(other) {
            let (reference, other) = (f64::from(*reference), f64::from(*other));
            self.signal += (reference - centre).powi(2);
            self.error += (reference - other).powi(2);
            self.count += 1;
            let difference = (reference - other).abs();
            // A difference that is no number is kept.
            if difference > self.worst || difference.is_nan() {
                self.worst = difference;
            }
        }
    }

    /// Returns the largest difference ÷ the root mean square of the signal.
    pub fn worst(&self) -> f64 {
        if self.worst == 0.0 { 0.0 } else { self.worst / (self.signal / self.count.max(1) as f64).sqrt() }
    }

    /// Returns the root mean square of the error ÷ that of the signal.
    pub fn relative_error(&self) -> f64 {
        if self.error == 0.0 { 0.0 } else { (self.error / self.signal).sqrt() }
    }

    /// Returns the signal-to-noise ratio in dB; None where there is no noise at all.
    pub fn decibels(&self) -> Option<f64> {
        (self.error > 0.0).then(|| 10.0 * (self.signal / self.error).log10())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn divergence_is_that_of_the_distributions() {
        let logits = |p: [f32; 2]| p.map(f32::ln);
        let (p, q) = (logits([0.5, 0.5]), logits([0.25, 0.75]));
        let expected = 0.5 * 2f64.ln() + 0.5 * (0.5f64 / 0.75).ln();
        assert!((divergence(&p, &q, 1.0) - expected).abs() < 1e-6);
        // Half the temperature squares the odds: 0.1 to 0.9.
        let expected = 0.5 * 5f64.ln() + 0.5 * (0.5f64 / 0.9).ln();
        assert!((divergence(&p, &q, 0.5) - expected).abs() < 1e-6);
        assert_eq!(divergence(&q, &q, 0.3), 0.0);
        let shifted = q.map(|logit| logit + 100.0);
        assert!(divergence(&q, &shifted, 1.0) < 1e-6);
    }

    #[test]
    fn the_first_of_equal_logits_is_the_largest() {
        assert_eq!(arg_max(&[0.0, 3.0, 3.0, -1.0]), 1);
    }

    #[test]
    fn the_worst_is_relative_to_the_signal_and_keeps_what_is_no_number() {
        let mut power = Power::default();
        power.add(&[2.0, -2.0, 2.0, -2.0], &[2.0, -1.0, 2.5, -2.0]);
        assert_eq!(power.worst(), 0.5);
        power.add(&[2.0, 2.0], &[f32::NAN, 2.0]);
        assert!(power.worst().is_nan());
    }

    #[test]
    fn a_tenth_of_noise_is_twenty_decibels() {
        let mut power = Power::default();
        power.add(&[1.0, -1.0, 0.0], &[1.1, -0.9, 0.0]);
        assert!((power.decibels().unwrap() - 20.0).abs() < 1e-4);
        assert!((power.relative_error() - 0.1).abs() < 1e-6);
        let mut power = Power::default();
        power.add_centred(&[9.0, 7.0], &[9.1, 7.1]);
        assert!((power.decibels().unwrap() - 20.0).abs() < 1e-3, "the mean of 8 is no signal");
        assert_eq!(Power::default().decibels(), None);
        assert_eq!(Power::default().relative_error(), 0.0);
    }
}
