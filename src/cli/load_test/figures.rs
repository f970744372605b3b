//! The figures of a step: counts, and quantiles of times.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::{Serialize, Serializer};
use serde_json::Value;

use super::super::bench::table::{NONE, Table, number};
use super::client::{Answer, Outcome};

/// The load of a step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Load {
    /// Requests a second.
    Rate(f64),
    /// Requests at a time.
    Concurrency(u32),
}

impl Load {
    pub fn value(self) -> f64 {
        match self {
            Load::Rate(rate) => rate,
            Load::Concurrency(number) => number.into(),
        }
    }

    pub fn unit(self) -> &'static str {
        match self {
            Load::Rate(_) => "requests/s",
            Load::Concurrency(_) => "at a time",
        }
    }
}

impl fmt::Display for Load {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.value(), self.unit())
    }
}

impl Serialize for Load {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let name = match self {
            Load::Rate(_) => "rate",
            Load::Concurrency(_) => "concurrency",
        };
        BTreeMap::from([(name, self.value())]).serialize(serializer)
    }
}

/// Quantiles, each a value that was measured.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Quantiles {
    pub p50: f64,
    pub p90: f64,
    pub p99: f64,
    pub max: f64,
}

impl Quantiles {
    /// Returns the quantiles of values; None if there are none.
    pub fn of(values: impl Iterator<Item = f64>) -> Option<Self> {
        let mut values: Vec<f64> = values.collect();
        values.sort_by(f64::total_cmp);
        let last = values.len().checked_sub(1)?;
        let at = |share: f64| values[((values.len() as f64 * share).ceil() as usize).clamp(1, last + 1) - 1];
        Some(Quantiles { p50: at(0.5), p90: at(0.9), p99: at(0.99), max: values[last] })
    }
}

/// What one step measured. Times are in seconds.
#[derive(Clone, Debug, Serialize)]
pub struct Step {
    pub load: Load,
    pub sent: usize,
    pub answered: usize,
    /// Requests that the service had no place for.
    pub refused: usize,
    pub failed: usize,
    /// Requests that were refused or failed, by the code of the error.
    pub errors: BTreeMap<String, usize>,
    /// From the first time at which a request was to be sent to the last end of an answer.
    pub seconds: f64,
    pub requests_per_s: f64,
    /// From the time at which a request was to be sent to the end of its answer.
    pub latency_s: Option<Quantiles>,
    /// From the time at which a request was to be sent to the first bytes of its audio.
    pub first_sound_s: Option<Quantiles>,
    /// From sending to the end, divided by the length of the audio.
    pub real_time_factor: Option<Quantiles>,
    pub audio_s: Option<f64>,
    pub audio_s_per_s: Option<f64>,
    /// From sending to the end of a refusal.
    pub refusal_s: Option<Quantiles>,
    /// How much later than planned requests were sent, for want of a connection.
    pub lateness_s: Option<Quantiles>,
    /// The service's own figures before, during and after.
    pub service: Value,
}

impl Step {
    pub fn of(load: Load, answers: &[Answer], service: Value) -> Self {
        let is_spoken = |answer: &&Answer| matches!(answer.outcome, Outcome::Spoken(_));
        let spoken: Vec<&Answer> = answers.iter().filter(is_spoken).collect();
        let mut errors = BTreeMap::new();
        let (mut refused, mut failed) = (0, 0);
        for answer in answers {
            match &answer.outcome {
                Outcome::Refused(code) => {
                    refused += 1;
                    *errors.entry(code.clone()).or_default() += 1;
                }
                Outcome::Failed(code) => {
                    failed += 1;
                    *errors.entry(code.clone()).or_default() += 1;
                }
                Outcome::Spoken(_) | Outcome::GivenUp => {}
            }
        }
        let audio = |answer: &Answer| match answer.outcome {
            Outcome::Spoken(audio) => audio.filter(|audio| *audio > 0.0),
            _ => None,
        };
        let begin = answers.iter().map(|answer| answer.planned).min().unwrap_or_default();
        let end = answers.iter().map(|answer| answer.end).max().unwrap_or_default();
        let seconds = end.saturating_sub(begin).as_secs_f64();
        let per_second = |count: f64| if seconds > 0.0 { count / seconds } else { 0.0 };
        // Where the bytes do not tell, the service does, if nobody else has asked it for anything.
        let counted = |when: &str| service[when]["audio_s"].as_f64();
        let told = counted("after").zip(counted("before")).map(|(after, before)| after - before);
        let measured = spoken.iter().map(|answer| audio(answer)).sum::<Option<f64>>();
        let audio_s = if spoken.is_empty() { None } else { measured.or(told) };
        let between = |from: Duration, to: Duration| to.saturating_sub(from).as_secs_f64();
        let refusals = answers.iter().filter(|answer| matches!(answer.outcome, Outcome::Refused(_)));
        Step {
            load,
            sent: answers.len(),
            answered: spoken.len(),
            refused,
            failed,
            errors,
            seconds,
            requests_per_s: per_second(spoken.len() as f64),
            latency_s: Quantiles::of(spoken.iter().map(|a| between(a.planned, a.end))),
            first_sound_s: Quantiles::of(spoken.iter().filter_map(|a| Some(between(a.planned, a.first?)))),
            real_time_factor: Quantiles::of(
                spoken.iter().filter_map(|a| Some(between(a.sent, a.end) / audio(a)?)),
            ),
            audio_s,
            audio_s_per_s: audio_s.map(per_second),
            refusal_s: Quantiles::of(refusals.map(|a| between(a.sent, a.end))),
            lateness_s: Quantiles::of(answers.iter().map(|a| between(a.planned, a.sent))),
            service,
        }
    }

    /// Returns one of the service's figures during the step.
    fn during(&self, name: &str, of: &str) -> Option<f64> {
        self.service["during"][name][of].as_f64()
    }
}

/// Formats steps as a table, a line each, and what went wrong below.
pub fn table(steps: &[Step]) -> String {
    let unit = steps.first().map_or("", |step| step.load.unit());
    let mut columns = vec![
        ("load", unit),
        ("answered", ""),
        ("refused", ""),
        ("failed", ""),
        ("QPS", ""),
        ("audio", "s/s"),
        ("latency", "P50 ms"),
        ("", "P90"),
        ("", "P99"),
        ("first sound", "P50 ms"),
        ("", "P99"),
        ("RTF", "P50"),
        ("queue", "max"),
        ("slots", "mean"),
    ];
    let has_cards = steps.iter().any(|step| step.during("gpu_utilization", "mean").is_some());
    if has_cards {
        columns.extend([("GPU", "%"), ("memory", "GiB"), ("power", "W")]);
    }
    let mut table = Table::new(&columns);
    for step in steps {
        let show = |value: Option<f64>, scale: f64| value.map_or(NONE.into(), |value| number(value * scale));
        let of = |quantiles: Option<Quantiles>, get: fn(Quantiles) -> f64| quantiles.map(get);
        let mut row = vec![
            step.load.value().to_string(),
            step.answered.to_string(),
            step.refused.to_string(),
            step.failed.to_string(),
            number(step.requests_per_s),
            show(step.audio_s_per_s, 1.0),
            show(of(step.latency_s, |q| q.p50), 1e3),
            show(of(step.latency_s, |q| q.p90), 1e3),
            show(of(step.latency_s, |q| q.p99), 1e3),
            show(of(step.first_sound_s, |q| q.p50), 1e3),
            show(of(step.first_sound_s, |q| q.p99), 1e3),
            show(of(step.real_time_factor, |q| q.p50), 1.0),
            show(step.during("queue", "max"), 1.0),
            show(step.during("slots_held", "mean"), 1.0),
        ];
        if has_cards {
            row.push(show(step.during("gpu_utilization", "mean"), 100.0));
            row.push(show(step.during("gpu_memory_used_bytes", "max"), 1.0 / (1u64 << 30) as f64));
            row.push(show(step.during("gpu_power_watts", "mean"), 1.0));
        }
        table.row(row);
    }
    let mut text = table.print();
    for step in steps {
        let errors: Vec<String> = step.errors.iter().map(|(code, count)| format!("{count} {code}")).collect();
        if !errors.is_empty() {
            text += &format!("\nat {}: {}", step.load, errors.join(", "));
        }
        if let Some(refusal) = step.refusal_s {
            text += &format!("; refused within {} ms (P99)", number(refusal.p99 * 1e3));
        }
        if let Some(late) = step.lateness_s.filter(|late| late.p99 > LATE) {
            text += &format!(
                "\nat {}: requests were sent up to {} s late: all connections were busy",
                step.load,
                number(late.max)
            );
        }
    }
    text
}

/// Seconds from which lateness is told.
const LATE: f64 = 0.05;

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn answer(planned: u64, sent: u64, first: u64, end: u64, outcome: Outcome) -> Answer {
        let time = Duration::from_millis;
        let first = matches!(outcome, Outcome::Spoken(_)).then(|| time(first));
        Answer { planned: time(planned), sent: time(sent), first, end: time(end), outcome }
    }

    #[test]
    fn quantiles_are_values_that_were_measured() {
        let of = |count: usize| Quantiles::of((1..=count).rev().map(|n| n as f64));
        assert_eq!(of(0), None);
        assert_eq!(of(1), Some(Quantiles { p50: 1.0, p90: 1.0, p99: 1.0, max: 1.0 }));
        assert_eq!(of(1000), Some(Quantiles { p50: 500.0, p90: 900.0, p99: 990.0, max: 1000.0 }));
    }

    #[test]
    fn latency_counts_from_the_time_at_which_a_request_was_to_be_sent() {
        let spoken = || Outcome::Spoken(Some(2.0));
        // The service stalls for a second, and the one connection with it.
        let answers = [
            answer(0, 0, 900, 1_000, spoken()),
            answer(100, 1_000, 1_050, 1_100, spoken()),
            answer(200, 1_100, 0, 1_110, Outcome::Refused("queue_full".into())),
            answer(300, 1_110, 0, 1_200, Outcome::Failed("internal".into())),
        ];
        let step = Step::of(Load::Rate(10.0), &answers, json!({}));
        assert_eq!((step.sent, step.answered, step.refused, step.failed), (4, 2, 1, 1));
        assert_eq!(step.latency_s.unwrap().p50, 1.0);
        assert_eq!(step.first_sound_s.unwrap().max, 0.95);
        assert_eq!(step.real_time_factor.unwrap().max, 0.5);
        assert_eq!(step.lateness_s.unwrap().max, 0.9);
        assert_eq!(step.refusal_s.unwrap().max, 0.01);
        assert_eq!((step.seconds, step.audio_s), (1.2, Some(4.0)));
        assert_eq!(step.errors, BTreeMap::from([("internal".into(), 1), ("queue_full".into(), 1)]));
        let shown = table(&[step]);
        assert!(shown.contains("1 internal, 1 queue_full") && shown.contains("late"), "{shown}");
    }

    #[test]
    fn what_the_bytes_do_not_tell_the_service_does() {
        let answers = [answer(0, 0, 10, 1_000, Outcome::Spoken(None))];
        let service = json!({"before": {"audio_s": 3.0}, "after": {"audio_s": 8.0}});
        let step = Step::of(Load::Concurrency(1), &answers, service);
        assert_eq!((step.audio_s, step.audio_s_per_s, step.real_time_factor), (Some(5.0), Some(5.0), None));
        assert_eq!(Step::of(Load::Concurrency(1), &answers, json!({})).audio_s, None);
    }
}
