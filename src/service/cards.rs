//! Figures of NVIDIA cards, from the driver's management library (NVML), which is looked for at run time.

use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
use std::time::Duration;

use nvml_wrapper::Nvml;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::gauge::ConstGauge;

/// The time between two looks at the cards.
const EVERY: Duration = Duration::from_secs(1);
/// The library's name where only a driver is installed.
const LIBRARY: &str = "libnvidia-ml.so.1";

/// Gives out the figures of all cards of the machine. The first who asks starts the thread that looks at them, and
/// nobody waits for it; where there is no card there are no figures.
#[derive(Debug, Default)]
pub(super) struct Cards {
    seen: Arc<Mutex<Vec<Card>>>,
    looking: OnceLock<()>,
}

/// The figures of a card; it may not tell all of them.
#[derive(Clone, Debug, Default, PartialEq)]
struct Card {
    uuid: String,
    name: String,
    /// Share of the last time in which something ran, 0 to 1.
    utilization: Option<f64>,
    /// Bytes in use, by anybody, and all.
    memory: Option<(u64, u64)>,
    watts: Option<f64>,
}

type Figure = fn(&Card) -> Option<f64>;

/// Names, explanations and values of the gauges.
const GAUGES: [(&str, &str, Figure); 4] = [
    ("gpu_utilization_ratio", "Share of the last second in which the card computed, 0 to 1", |card| {
        card.utilization
    }),
    ("gpu_memory_used_bytes", "Memory of the card that is in use, by whatever process", |card| {
        card.memory.map(|(used, _)| used as f64)
    }),
    ("gpu_memory_bytes", "Memory of the card", |card| card.memory.map(|(_, total)| total as f64)),
    ("gpu_power_watts", "Power that the card takes", |card| card.watts),
];

impl Collector for Cards {
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        self.looking.get_or_init(|| {
            let seen = Arc::downgrade(&self.seen);
            // Without a thread there are no figures.
            let _ = std::thread::Builder::new().name("chattts-cards".into()).spawn(move || look(&seen));
        });
        let cards = self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for (name, help, figure) in GAUGES {
            let found: Vec<_> = cards.iter().filter_map(|card| Some((card, figure(card)?))).collect();
            if found.is_empty() {
                continue;
            }
            let mut gauge = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
            for (card, value) in found {
                let labels = [("gpu_uuid", card.uuid.as_str()), ("gpu_name", card.name.as_str())];
                ConstGauge::new(value).encode(gauge.encode_family(&labels)?)?;
            }
        }
        Ok(())
    }
}

/// Looks at the cards while somebody may ask for them.
fn look(seen: &Weak<Mutex<Vec<Card>>>) {
    let library = Nvml::builder().lib_path(LIBRARY.as_ref()).init();
    let Ok(nvml) = library.or_else(|_| Nvml::init()) else { return };
    while seen.strong_count() > 0 {
        // The library may take its time.
        let cards = cards(&nvml);
        if let Some(seen) = seen.upgrade() {
            *seen.lock().unwrap_or_else(PoisonError::into_inner) = cards;
        }
        std::thread::sleep(EVERY);
    }
}

fn cards(nvml: &Nvml) -> Vec<Card> {
    let card = |number| {
        let device = nvml.device_by_index(number).ok()?;
        Some(Card {
            uuid: device.uuid().ok()?,
            name: device.name().unwrap_or_default(),
            utilization: device.utilization_rates().ok().map(|rates| f64::from(rates.gpu) / 100.0),
            memory: device.memory_info().ok().map(|memory| (memory.used, memory.total)),
            watts: device.power_usage().ok().map(|milliwatts| f64::from(milliwatts) / 1e3),
        })
    };
    (0..nvml.device_count().unwrap_or(0)).filter_map(card).collect()
}
