//! Summaries of measurements.

use serde::{Deserialize, Serialize};

use super::TOKENS_PER_SECOND;
use super::speed::Run;

/// The measurements of one process, which loads the model once and runs it several times. Times are in seconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Process {
    /// Name of the device.
    pub device: String,
    /// The type of the weights.
    pub weights: String,
    /// Time from the start of loading until the model was ready.
    pub load: f64,
    /// Time from the start of the process until the first step began; None where the weights are made in
    /// memory.
    pub cold_start: Option<f64>,
    /// The most memory that the process held, in bytes; None where the system does not tell.
    pub peak_memory: Option<u64>,
    /// The runs after the warm-up runs.
    pub runs: Vec<Run>,
}

/// The median and the extremes of several measurements.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Spread {
    /// The middle value, or the mean of the two in the middle.
    pub median: f64,
    /// The smallest.
    pub min: f64,
    /// The largest.
    pub max: f64,
}

impl Spread {
    /// Summarises measurements in any order; None if there are none.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        let (min, max) = (*values.first()?, *values.last()?);
        let (low, high) = (values[(values.len() - 1) / 2], values[values.len() / 2]);
        Some(Spread { median: (low + high) / 2.0, min, max })
    }
}

/// The results of one weight type and one batch size. Names end in their unit.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// Name of the device.
    pub device: String,
    /// The type of the weights.
    pub weights: String,
    /// Lines that were worked on together.
    pub batch_size: usize,
    /// Tokens of each line.
    pub tokens: usize,
    /// Positions of a line's prompt.
    pub positions: usize,
    /// Time of loading the model.
    pub load_s: Spread,
    /// Time from the start of the process until the first step began.
    pub cold_start_s: Option<Spread>,
    /// Time of one line's prefill.
    pub prefill_s: Spread,
    /// Positions of a prompt per second.
    pub prefill_positions_per_s: Spread,
    /// Tokens of a run that were drawn after each line had its first one.
    pub decode_tokens: usize,
    /// Time of the decode steps that drew them.
    pub decode_s: Spread,
    /// Tokens drawn per second, those of all lines together.
    pub decode_steps_per_s: Spread,
    /// Time of rendering mel and wave, per token.
    pub render_s_per_token: Spread,
    /// Share of rendering in the whole time, 0 to 1.
    pub render_share: Spread,
    /// Time of all lines, from their requests to the last wave.
    pub total_s: Spread,
    /// Compute time ÷ audio time.
    pub real_time_factor: Spread,
    /// Seconds of audio made in a second.
    pub audio_s_per_s: Spread,
    /// Time from a request to the first samples of its stream; for a single line only.
    pub first_sound_s: Option<Spread>,
    /// The most memory that a process held.
    pub peak_memory_bytes: Option<Spread>,
}

impl Summary {
    /// Summarises processes that all measured lines of so many tokens in batches of this size; None if there
    /// are none.
    pub fn of(processes: &[Process], batch_size: usize, tokens: usize) -> Option<Self> {
        let first = processes.first()?;
        let runs = || processes.iter().flat_map(|process| &process.runs);
        let over_runs = |value: &dyn Fn(&Run) -> f64| Spread::of(runs().map(value));
        let Run { positions, decode_tokens, .. } = *runs().next()?;
        let all_tokens = (batch_size * tokens) as f64;
        let audio = all_tokens / TOKENS_PER_SECOND;
        Some(Summary {
            device: first.device.clone(),
            weights: first.weights.clone(),
            batch_size,
            tokens,
            positions,
            load_s: Spread::of(processes.iter().map(|process| process.load))?,
            cold_start_s: Spread::of(processes.iter().filter_map(|process| process.cold_start)),
            prefill_s: over_runs(&|run| run.prefill)?,
            prefill_positions_per_s: over_runs(&|run| positions as f64 / run.prefill)?,
            decode_tokens,
            decode_s: over_runs(&|run| run.decode)?,
            decode_steps_per_s: over_runs(&|run| run.decode_tokens as f64 / run.decode)?,
            render_s_per_token: over_runs(&|run| run.render / all_tokens)?,
            render_share: over_runs(&|run| run.render / run.total)?,
            total_s: over_runs(&|run| run.total)?,
            real_time_factor: over_runs(&|run| run.total / audio)?,
            audio_s_per_s: over_runs(&|run| audio / run.total)?,
            first_sound_s: Spread::of(runs().filter_map(|run| run.first_sound)),
            peak_memory_bytes: Spread::of(
                processes.iter().filter_map(|process| process.peak_memory).map(|bytes| bytes as f64),
            ),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_an_even_number_lies_between_the_two_in_the_middle() {
        assert_eq!(Spread::of([4.0, 1.0, 2.0, 9.0]), Some(Spread { median: 3.0, min: 1.0, max: 9.0 }));
        assert_eq!(Spread::of([5.0]), Some(Spread { median: 5.0, min: 5.0, max: 5.0 }));
        assert_eq!(Spread::of([]), None);
    }

    #[test]
    fn rates_are_tokens_by_time_and_processes_are_taken_together() {
        let run = Run {
            positions: 40,
            prefill: 0.5,
            decode_tokens: 374,
            decode: 3.0,
            render: 1.0,
            total: 8.0,
            first_sound: None,
        };
        let process = |load| Process {
            device: "cpu".into(),
            weights: "f32".into(),
            load,
            cold_start: None,
            peak_memory: Some(10),
            runs: vec![run.clone(), Run { total: 4.0, decode: 2.0, ..run.clone() }],
        };
        let summary = Summary::of(&[process(1.0), process(3.0)], 2, 375).unwrap();
        assert_eq!(summary.load_s.median, 2.0);
        assert_eq!(summary.prefill_positions_per_s.median, 80.0);
        assert_eq!((summary.decode_steps_per_s.max, summary.decode_s.min), (187.0, 2.0));
        // 750 tokens are 16 s.
        assert_eq!((summary.real_time_factor.min, summary.audio_s_per_s.max), (0.25, 4.0));
        assert_eq!((summary.render_share.max, summary.render_s_per_token.max), (0.25, 1.0 / 750.0));
        assert_eq!((summary.first_sound_s, summary.cold_start_s), (None, None));
    }
}
