//! Watches the service's own figures while it is under load.

use std::collections::BTreeMap;
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::thread::{Scope, ScopedJoinHandle};
use std::time::Duration;

use serde::Serialize;
use ureq::Agent;

use super::client::agent;

/// The time between two looks.
const EVERY: Duration = Duration::from_secs(1);

/// The looks at whether the last request has been counted, and the time between them.
const LOOKS: usize = 10;
const MOMENT: Duration = Duration::from_millis(50);

/// The metrics that are read, whether those of several labels are added up, and their names here.
const WATCHED: [(&str, bool, &str); 12] = [
    ("chattts_queue_size", true, "queue"),
    ("chattts_slots_held", true, "slots_held"),
    ("chattts_slots", true, "slots"),
    ("chattts_kv_pages_held", true, "kv_pages_held"),
    ("chattts_requests_in_flight", true, "in_flight"),
    ("chattts_connections", true, "connections"),
    ("chattts_audio_seconds_total", true, "audio_s"),
    ("chattts_steps_total", true, "steps"),
    ("chattts_gpu_utilization_ratio", false, "gpu_utilization"),
    ("chattts_gpu_memory_used_bytes", true, "gpu_memory_used_bytes"),
    ("chattts_gpu_memory_bytes", true, "gpu_memory_bytes"),
    ("chattts_gpu_power_watts", true, "gpu_power_watts"),
];

/// The figures of one look; those that the service does not have are missing.
pub type Figures = BTreeMap<&'static str, f64>;

/// The mean and the maximum of a figure.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Range {
    pub mean: f64,
    pub max: f64,
}

/// Reads the metrics of a service.
pub struct Watch {
    agent: Agent,
    url: String,
}

/// A thread that looks each second.
pub struct Watching<'scope> {
    stop: SyncSender<()>,
    thread: std::io::Result<ScopedJoinHandle<'scope, Vec<Figures>>>,
}

impl Watch {
    pub fn new(url: &str) -> Self {
        Watch { agent: agent(EVERY * 5, 1), url: format!("{}/metrics", url.trim_end_matches('/')) }
    }

    /// Returns the figures of now; none from a service that does not tell.
    pub fn look(&self) -> Figures {
        let answer = self.agent.get(&self.url).call().ok().filter(|answer| answer.status() == 200);
        let text = answer.and_then(|mut answer| answer.body_mut().read_to_string().ok());
        parse(&text.unwrap_or_default())
    }

    /// Returns the figures of when the last request has been counted, which is a moment after it is answered; those
    /// of others are not waited for.
    pub fn look_when_idle(&self) -> Figures {
        for _ in 0..LOOKS {
            let figures = self.look();
            if figures.get("in_flight").is_none_or(|number| *number == 0.0) {
                return figures;
            }
            std::thread::sleep(MOMENT);
        }
        self.look()
    }

    pub fn start<'scope, 'env>(&'env self, scope: &'scope Scope<'scope, 'env>) -> Watching<'scope> {
        let (stop, stopped) = sync_channel(1);
        let thread = std::thread::Builder::new().spawn_scoped(scope, move || {
            let mut seen = Vec::new();
            while stopped.recv_timeout(EVERY) == Err(RecvTimeoutError::Timeout) {
                seen.push(self.look());
            }
            seen
        });
        Watching { stop, thread }
    }
}

impl Watching<'_> {
    /// Ends it, and returns what was seen.
    pub fn stop(self) -> Option<BTreeMap<&'static str, Range>> {
        // It may not have begun.
        let _ = self.stop.try_send(());
        let seen = self.thread.ok()?.join().ok()?;
        let mut ranges = BTreeMap::new();
        for (_, _, name) in WATCHED {
            let values: Vec<f64> = seen.iter().filter_map(|figures| figures.get(name).copied()).collect();
            if !values.is_empty() {
                let mean = values.iter().sum::<f64>() / values.len() as f64;
                ranges.insert(name, Range { mean, max: values.iter().copied().fold(f64::MIN, f64::max) });
            }
        }
        Some(ranges)
    }
}

/// Reads Prometheus's text.
fn parse(text: &str) -> Figures {
    let mut found: BTreeMap<&str, (f64, f64)> = BTreeMap::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let name = line.split(['{', ' ']).next().unwrap_or_default();
        let value = line.rsplit(' ').next().and_then(|value| value.parse::<f64>().ok());
        if let Some(value) = value {
            let (sum, count) = found.entry(name).or_default();
            *sum += value;
            *count += 1.0;
        }
    }
    let figure = |(metric, adds, name): (&str, bool, &'static str)| {
        let (sum, count) = *found.get(metric)?;
        Some((name, if adds { sum } else { sum / count }))
    };
    WATCHED.into_iter().filter_map(figure).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_of_several_cards_become_one() {
        let figures = parse(
            "# TYPE chattts_queue_size gauge\nchattts_queue_size 3\nchattts_gpu_utilization_ratio{gpu_uuid=\"a\",gpu_name=\"A B\"} 0.5\n\
             chattts_gpu_utilization_ratio{gpu_uuid=\"b\",gpu_name=\"A B\"} 1.0\nchattts_gpu_power_watts{gpu_uuid=\"a\"} 100.5\n\
             chattts_gpu_power_watts{gpu_uuid=\"b\"} 50\nchattts_slots_held 2\n# EOF\n",
        );
        let expected =
            [("queue", 3.0), ("gpu_utilization", 0.75), ("gpu_power_watts", 150.5), ("slots_held", 2.0)];
        assert_eq!(figures, expected.into());
        assert!(parse("<html>").is_empty());
    }
}
