//! Changes how fast sound goes by and keeps its pitch: waveform-similarity overlap-add (WSOLA; Verhelst and Roelands,
//! ICASSP 1993).
//!
//! The output is a row of blocks. Each fades from the continuation of what the block before it took from the input to
//! a stretch of input that is due at this time, shifted by as much as makes the two most alike.

use std::ops::RangeInclusive;

use crate::error::{Error, Result};

/// The speeds that are taken: a quarter of the time to four times as fast.
pub const SPEEDS: RangeInclusive<f32> = 0.25..=4.0;

/// Samples of a block: 15 ms at 24 kHz, in which a low voice swings once.
const HOP: usize = 360;
/// The farthest that a stretch of input is shifted, in samples: 10 ms, so that two shifts differ by a period of 50 Hz
/// at most.
const REACH: usize = 240;
/// Sums that run side by side.
const LANES: usize = 8;
/// The energy below which a stretch is not compared.
const NO_ENERGY: f64 = 1e-9;

/// Stretches mono samples at 24 kHz that come in pieces. However the wave is cut, the samples are the same. A wave
/// of n samples becomes one of n ÷ speed samples, rounded, without delay; at speed 1 they are the samples that came.
pub struct Stretcher {
    speed: f64,
    /// The gain of what comes in over a block; of what goes out it is one minus that.
    fade: Vec<f32>,
    /// Samples that may still be looked at, and the number of those before them.
    pending: Vec<f32>,
    dropped: usize,
    /// The place in the input that follows what the last block took.
    next: usize,
    taken: u64,
    given: u64,
}

impl Stretcher {
    /// Makes a stretcher.
    ///
    /// # Errors
    /// [`Error::Parameter`] for a speed outside [`SPEEDS`].
    pub fn new(speed: f32) -> Result<Self> {
        if !SPEEDS.contains(&speed) {
            let taken = format!("{speed}; {} to {} are taken", SPEEDS.start(), SPEEDS.end());
            return Err(Error::parameter("speed", taken));
        }
        let fade = (0..HOP).map(|i| {
            let phase = (i as f32 + 0.5) / HOP as f32;
            0.5 - 0.5 * (std::f32::consts::PI * phase).cos()
        });
        Ok(Stretcher {
            speed: speed.into(),
            fade: fade.collect(),
            pending: Vec::new(),
            dropped: 0,
            next: 0,
            taken: 0,
            given: 0,
        })
    }

    /// Takes samples and returns those that have become ready.
    pub fn push(&mut self, samples: &[f32]) -> Vec<f32> {
        if self.speed == 1.0 {
            return samples.to_vec();
        }
        self.taken += samples.len() as u64;
        self.pending.extend_from_slice(samples);
        let mut output = Vec::new();
        while self.block(&mut output) {}
        output
    }

    /// Returns the samples that are left.
    pub fn finish(mut self) -> Vec<f32> {
        let mut output = Vec::new();
        if self.speed == 1.0 {
            return output;
        }
        let total = (self.taken as f64 / self.speed).round() as u64;
        let left = total.saturating_sub(self.given) as usize;
        while output.len() < left {
            if !self.block(&mut output) {
                self.pending.resize(self.pending.len() + HOP, 0.0);
            }
        }
        output.truncate(left);
        output
    }

    /// Appends the next block, if the input that it takes is there.
    fn block(&mut self, output: &mut Vec<f32>) -> bool {
        let end = self.dropped + self.pending.len();
        let is_first = self.given == 0;
        let due = self.due();
        let (low, high) = match is_first {
            true => (0, 0),
            false => (due.saturating_sub(REACH), due + REACH),
        };
        // No block ends after the whole will, should nothing more come.
        if due.max(high).max(self.next) + HOP > end {
            return false;
        }
        let (start, likeness) = match is_first {
            true => (0, 1.0),
            false => self.likest(low, due, high),
        };
        let old = &self.pending[self.next - self.dropped..][..HOP];
        let new = &self.pending[start - self.dropped..][..HOP];
        // What is alike adds up by its amplitude, what is not by its energy.
        let cross = 2.0 * likeness.clamp(0.0, 1.0) as f32;
        let faded = old.iter().zip(new).zip(&self.fade).map(|((old, new), gain)| {
            let rest = 1.0 - gain;
            (old * rest + new * gain) / (rest * rest + gain * gain + cross * rest * gain).sqrt()
        });
        output.extend(faded);
        self.given += HOP as u64;
        self.next = start + HOP;
        let kept = self.next.min(self.due().saturating_sub(REACH));
        self.pending.drain(..kept - self.dropped);
        self.dropped = kept;
        true
    }

    /// Returns the place in the input of the stretch that the next block is due to fade to. The block's end, where
    /// it has faded, is the middle of what is taken there.
    fn due(&self) -> usize {
        let middle = (self.given as f64 + HOP as f64) * self.speed;
        (middle.round() as usize).saturating_sub(HOP)
    }

    /// Returns the place from `low` to `high` of the stretch that is most like the continuation, and how alike they
    /// are: their correlation, at most 1. Of those that are equally alike it is the nearest to `due`.
    fn likest(&self, low: usize, due: usize, high: usize) -> (usize, f64) {
        let target = &self.pending[self.next - self.dropped..][..HOP];
        let range = &self.pending[low - self.dropped..high + HOP - self.dropped];
        let energies: Vec<f64> = std::iter::once(0.0)
            .chain(range.iter().scan(0.0, |sum, sample| {
                *sum += f64::from(*sample).powi(2);
                Some(*sum)
            }))
            .collect();
        let own = dot(target, target);
        let likeness = |at: usize| {
            let from = at - low;
            let energy = energies[from + HOP] - energies[from];
            let scale = (energy * own).sqrt();
            if scale > NO_ENERGY { dot(target, &range[from..from + HOP]) / scale } else { 0.0 }
        };
        let mut best = (due, likeness(due));
        for shift in 1..=REACH {
            let places = [due.checked_sub(shift).filter(|at| *at >= low), Some(due + shift)];
            for at in places.into_iter().flatten() {
                let found = likeness(at);
                if found > best.1 {
                    best = (at, found);
                }
            }
        }
        best
    }
}

/// Returns the dot product of two stretches of [`HOP`] samples.
fn dot(a: &[f32], b: &[f32]) -> f64 {
    let mut sums = [0.0f32; LANES];
    for (a, b) in a.as_chunks::<LANES>().0.iter().zip(b.as_chunks::<LANES>().0) {
        for lane in 0..LANES {
            sums[lane] += a[lane] * b[lane];
        }
    }
    sums.into_iter().map(f64::from).sum()
}

/// Proves that the lanes leave no sample out.
const _: () = assert!(HOP.is_multiple_of(LANES));

#[cfg(test)]
mod tests {
    use super::*;
    use realfft::RealFftPlanner;
    use std::f64::consts::PI;

    const RATE: f64 = 24_000.0;
    const SOME: [f32; 8] = [0.25, 0.5, 0.75, 0.9, 1.1, 1.25, 2.0, 4.0];

    fn stretch(wave: &[f32], speed: f32) -> Vec<f32> {
        let mut stretcher = Stretcher::new(speed).unwrap();
        let mut output = stretcher.push(wave);
        output.extend(stretcher.finish());
        output
    }

    fn tone(hz: f64, samples: usize) -> Vec<f32> {
        (0..samples).map(|i| (0.5 * (2.0 * PI * hz * i as f64 / RATE).sin()) as f32).collect()
    }

    fn noise(samples: usize) -> Vec<f32> {
        let mut state = 1u32;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state as i32 as f32 / 2f32.powi(32)
        };
        (0..samples).map(|_| next()).collect()
    }

    fn voice(samples: usize) -> Vec<f32> {
        super::super::testing::voice(samples, 24_000)
    }

    /// Returns the frequency of the strongest tone, by the peak of the spectrum.
    fn pitch(wave: &[f32]) -> f64 {
        let size = 16_384;
        let middle = &wave[wave.len() / 2 - size / 2..][..size];
        let window = |i: usize| 0.5 - 0.5 * (2.0 * PI * i as f64 / size as f64).cos();
        let mut input: Vec<f64> = middle.iter().enumerate().map(|(i, s)| f64::from(*s) * window(i)).collect();
        let fft = RealFftPlanner::<f64>::new().plan_fft_forward(size);
        let mut spectrum = fft.make_output_vec();
        fft.process(&mut input, &mut spectrum).unwrap();
        let level = |bin: usize| spectrum[bin].norm_sqr().ln();
        let bin = (1..spectrum.len() - 1).max_by(|a, b| level(*a).total_cmp(&level(*b))).unwrap();
        let (before, at, after) = (level(bin - 1), level(bin), level(bin + 1));
        (bin as f64 + 0.5 * (before - after) / (before - 2.0 * at + after)) * RATE / size as f64
    }

    fn level(wave: &[f32]) -> f64 {
        (wave.iter().map(|s| f64::from(*s).powi(2)).sum::<f64>() / wave.len() as f64).sqrt()
    }

    #[test]
    fn speed_1_changes_no_bit_and_holds_nothing_back() {
        let wave = voice(10_000);
        let mut stretcher = Stretcher::new(1.0).unwrap();
        assert!(stretcher.push(&wave) == wave && stretcher.finish().is_empty());
    }

    #[test]
    fn the_length_is_divided_by_the_speed() {
        for speed in SOME {
            for samples in [0, 1, 2, 359, 360, 361, 5_000, 100_003] {
                let expected = (samples as f64 / f64::from(speed)).round() as usize;
                assert_eq!(stretch(&voice(samples), speed).len(), expected, "{samples} at {speed}");
            }
        }
    }

    #[test]
    fn a_wave_in_pieces_gives_the_same_samples() {
        let wave = voice(30_001);
        for speed in SOME {
            let whole = stretch(&wave, speed);
            for size in [1, 359, 1_024, 20_000] {
                let mut stretcher = Stretcher::new(speed).unwrap();
                let mut pieces: Vec<f32> =
                    wave.chunks(size).flat_map(|piece| stretcher.push(piece)).collect();
                pieces.extend(stretcher.finish());
                assert!(pieces == whole, "{speed} in pieces of {size}");
            }
        }
    }

    #[test]
    fn little_is_held_back() {
        for speed in SOME {
            let mut stretcher = Stretcher::new(speed).unwrap();
            let (mut taken, mut given) = (0.0, 0.0);
            for piece in voice(48_000).chunks(100) {
                taken += piece.len() as f64;
                given += stretcher.push(piece).len() as f64;
                let held = taken / f64::from(speed) - given;
                // A block, a look ahead, and a quarter of a block for each time that a slow one is repeated.
                let bound = HOP as f64 + (HOP + REACH + 100) as f64 / f64::from(speed);
                assert!(held <= bound, "{held} of {bound} at {speed}");
                assert!(
                    stretcher.pending.len() < 5 * (HOP + REACH) + 100,
                    "{} at {speed}",
                    stretcher.pending.len()
                );
            }
        }
    }

    #[test]
    fn the_pitch_of_a_tone_and_its_level_stay() {
        for speed in SOME {
            for hz in [80.0, 440.0, 3_150.0] {
                let output = stretch(&tone(hz, 70_000), speed);
                let found = pitch(&output);
                assert!((found / hz - 1.0).abs() < 0.005, "{hz} Hz at {speed}: {found}");
                let steady = &output[2_000..output.len() - 2_000];
                for part in steady.chunks_exact(600) {
                    let change = level(part) / (0.5 / 2f64.sqrt()) - 1.0;
                    assert!(change.abs() < 0.05, "{hz} Hz at {speed}: {change}");
                }
            }
        }
    }

    #[test]
    fn the_level_of_noise_stays() {
        for speed in SOME {
            let wave = noise(96_000);
            let output = stretch(&wave, speed);
            // Over all blocks, sample by sample of a block: a fade leaves no dent.
            let whole = level(&wave);
            for at in (0..HOP).step_by(40) {
                let parts: Vec<f32> =
                    output[HOP..].as_chunks::<HOP>().0.iter().flat_map(|b| b[at..at + 40].to_vec()).collect();
                let change = level(&parts) / whole - 1.0;
                assert!(change.abs() < 0.08, "sample {at} at {speed}: {change}");
            }
        }
    }

    #[test]
    fn what_happens_happens_at_its_time() {
        // Bursts on silence, a quarter of a second apart.
        let burst = |i: usize| i % 6_000 >= 3_000 && i % 6_000 < 3_960;
        let mut wave = tone(400.0, 60_000);
        wave.iter_mut().enumerate().filter(|(i, _)| !burst(*i)).for_each(|(_, sample)| *sample = 0.0);
        for speed in SOME {
            let output = stretch(&wave, speed);
            let length = 6_000.0 / f64::from(speed);
            let bound = (HOP as f64 / 2.0 + REACH as f64 / 2.0 / f64::from(speed)) / RATE;
            for number in 0..10 {
                let from = number as f64 * length;
                let part = &output[from as usize..((from + length) as usize).min(output.len())];
                let energy: f64 = part.iter().map(|s| f64::from(*s).powi(2)).sum();
                let moment: f64 =
                    part.iter().enumerate().map(|(i, s)| i as f64 * f64::from(*s).powi(2)).sum();
                let expected = 3_480.0 / f64::from(speed);
                let off = (moment / energy - expected) / RATE;
                assert!(off.abs() < bound, "burst {number} at {speed}: {off} s");
            }
        }
    }

    #[test]
    fn other_speeds_are_refused() {
        for speed in [0.0, 0.24, 4.01, -1.0, f32::NAN, f32::INFINITY] {
            let Err(error) = Stretcher::new(speed) else { panic!("{speed}") };
            assert!(error.to_string().contains("0.25 to 4 are taken"), "{error}");
        }
    }
}
