//! The devices on which models run, and their names.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// The device on which the model runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DeviceChoice {
    /// The best device there is.
    #[default]
    Auto,
    /// The processor.
    Cpu,
    /// An NVIDIA card by its number.
    Cuda(usize),
}

/// What computes on a device.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
pub enum BackendChoice {
    /// Kernels of this program's own
    #[default]
    Auto,
    /// Kernels of this program's own, or an error
    Native,
    /// candle's tensors
    ///
    /// Portable and slow: what the model is, said as plainly as possible, to compare with. The bytes of a line may depend
    /// on the lines beside it.
    Candle,
}

/// In which type the model computes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
pub enum Precision {
    /// What suits the device: q8 on a processor, f16 on a card
    #[default]
    Auto,
    /// Single precision
    F32,
    /// Weights in 8 bits
    ///
    /// What is cached of past positions is in 16 bits: a quarter of the memory, and several times as fast; the
    /// codes differ from those of single precision. On a card the layers' weights alone are of 8 bits, and all
    /// else is as in f16.
    Q8,
    /// Half precision, on cards
    ///
    /// Weights, the inputs of products and what is cached of past positions; sums are in single precision.
    F16,
    /// bfloat16, on cards
    ///
    /// As f16, with a wider range and an eighth of the precision.
    Bf16,
    /// Half precision with keys and values in 8 bits, on cards
    ///
    /// As f16, but what is cached of past positions takes nine bits a value in place of 16, so that a card holds more
    /// texts and many of them are faster; the codes differ from those of f16.
    #[serde(rename = "f16-kv8")]
    #[cfg_attr(feature = "cli", value(name = "f16-kv8"))]
    F16Kv8,
}

impl Precision {
    /// All that can be asked for.
    pub const ALL: [Precision; 6] =
        [Precision::Auto, Precision::F32, Precision::Q8, Precision::F16, Precision::Bf16, Precision::F16Kv8];

    /// Returns its name as users write it.
    pub fn name(self) -> &'static str {
        match self {
            Precision::Auto => "auto",
            Precision::F32 => "f32",
            Precision::Q8 => "q8",
            Precision::F16 => "f16",
            Precision::Bf16 => "bf16",
            Precision::F16Kv8 => "f16-kv8",
        }
    }
}

/// Holds the options for loading a model on one device.
#[derive(Clone, Copy, Debug)]
pub struct LoadOptions {
    /// The device.
    pub device: DeviceChoice,
    /// What computes on it.
    pub backend: BackendChoice,
    /// The type in which it computes.
    pub precision: Precision,
    /// Texts that are worked on together, at least 1.
    pub batch_size: usize,
    /// Whether fewer than `batch_size` are acceptable if a card's memory holds no more.
    pub fewer: bool,
    /// The share of a card's free memory that texts worked on may take, above 0 and at most 1.
    pub memory_fraction: f64,
}

impl Default for LoadOptions {
    fn default() -> Self {
        LoadOptions {
            device: DeviceChoice::default(),
            backend: BackendChoice::default(),
            precision: Precision::default(),
            batch_size: 1,
            fewer: false,
            memory_fraction: 0.9,
        }
    }
}

impl BackendChoice {
    /// Returns the type for which [`Precision::Auto`] stands on a device.
    ///
    /// # Errors
    /// [`Error::Parameter`] for a type in which it does not compute there.
    pub fn precision(self, device: DeviceChoice, asked: Precision) -> Result<Precision> {
        let is_card = matches!(device, DeviceChoice::Cuda(_));
        let is_candle = self == BackendChoice::Candle;
        let reason = match asked {
            Precision::Auto if is_card => return Ok(Precision::F16),
            Precision::Auto if is_candle => return Ok(Precision::F32),
            Precision::Auto => return Ok(Precision::Q8),
            Precision::Q8 | Precision::F16Kv8 if is_candle => {
                "the backend candle computes in f32, f16 and bf16"
            }
            Precision::F16 | Precision::Bf16 | Precision::F16Kv8 if !is_card && !is_candle => {
                "it is for cards; processors compute in q8 and f32"
            }
            asked => return Ok(asked),
        };
        Err(Error::parameter("dtype", format!("{}: {reason}", asked.name())))
    }
}

/// The devices that share the work: `auto`, `cpu`, `cuda`, `cuda:1`, `cuda:0,1` or `cuda:all`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Devices {
    /// The best device there is.
    #[default]
    Auto,
    /// The processor.
    Cpu,
    /// NVIDIA cards by their numbers, each once.
    Cuda(Vec<usize>),
    /// Every NVIDIA card.
    CudaAll,
}

impl From<&[DeviceChoice]> for Devices {
    /// Takes all cards of a list, or its one other device.
    fn from(choices: &[DeviceChoice]) -> Self {
        let card = |choice: &DeviceChoice| match choice {
            DeviceChoice::Cuda(number) => Some(*number),
            _ => None,
        };
        match choices.first() {
            Some(DeviceChoice::Cuda(_)) => Devices::Cuda(choices.iter().filter_map(card).collect()),
            Some(DeviceChoice::Cpu) => Devices::Cpu,
            _ => Devices::Auto,
        }
    }
}

impl FromStr for Devices {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let unknown = || {
            let known = "auto, cpu, cuda, cuda:N, cuda:N,M and cuda:all are known";
            Error::parameter("device", format!("`{text}`: {known}"))
        };
        let cards = match text.split_once(':') {
            None if text == "auto" => return Ok(Devices::Auto),
            None if text == "cpu" => return Ok(Devices::Cpu),
            None if text == "cuda" => return Ok(Devices::Cuda(vec![0])),
            Some(("cuda", "all")) => return Ok(Devices::CudaAll),
            Some(("cuda", cards)) => cards,
            _ => return Err(unknown()),
        };
        let mut numbers = Vec::new();
        for card in cards.split(',') {
            // Rust would take a sign as well.
            let digits = card.bytes().all(|byte| byte.is_ascii_digit());
            let number = card.parse().ok().filter(|_| digits).ok_or_else(unknown)?;
            if numbers.contains(&number) {
                return Err(Error::parameter("device", format!("`{text}`: cuda:{number} is named twice")));
            }
            numbers.push(number);
        }
        Ok(Devices::Cuda(numbers))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_read() {
        let cases = [
            ("auto", Devices::Auto),
            ("cpu", Devices::Cpu),
            ("cuda", Devices::Cuda(vec![0])),
            ("cuda:1", Devices::Cuda(vec![1])),
            ("cuda:0,1", Devices::Cuda(vec![0, 1])),
            ("cuda:10,2,7", Devices::Cuda(vec![10, 2, 7])),
            ("cuda:all", Devices::CudaAll),
        ];
        for (text, devices) in cases {
            assert_eq!(text.parse::<Devices>().unwrap(), devices, "{text}");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        let unknown = [
            "",
            "tpu",
            "CPU",
            "cpu:0",
            "auto,cpu",
            "cuda:",
            "cuda:x",
            "cuda:-1",
            "cuda:+1",
            "cuda: 1",
            "cuda,1",
            "cuda:0,",
            "cuda:,0",
            "cuda:0,,1",
            "cuda:0,all",
            "cuda:all,0",
            "cuda:0:1",
            "cuda:0,cuda:1",
            " cpu",
            "cuda:99999999999999999999999",
        ];
        for text in unknown {
            let error = text.parse::<Devices>().unwrap_err().to_string();
            assert!(error.contains("cuda:all are known"), "{text}: {error}");
        }
        for (text, card) in [("cuda:1,1", 1), ("cuda:0,3,2,3", 3), ("cuda:1,01", 1)] {
            let error = text.parse::<Devices>().unwrap_err().to_string();
            assert!(error.contains(&format!("cuda:{card} is named twice")), "{text}: {error}");
        }
    }

    #[test]
    fn each_device_and_backend_has_its_types() {
        let (cpu, card) = (DeviceChoice::Cpu, DeviceChoice::Cuda(1));
        let (native, candle) = (BackendChoice::Auto, BackendChoice::Candle);
        let autos = [(native, cpu), (native, card), (candle, cpu), (candle, card)]
            .map(|(backend, device)| backend.precision(device, Precision::Auto).unwrap());
        assert_eq!(autos, [Precision::Q8, Precision::F16, Precision::F32, Precision::F16]);
        let taken = [
            (native, cpu, vec![Precision::F32, Precision::Q8]),
            (native, card, Precision::ALL[1..].to_vec()),
            (candle, cpu, vec![Precision::F32, Precision::F16, Precision::Bf16]),
            (candle, card, vec![Precision::F32, Precision::F16, Precision::Bf16]),
        ];
        for (backend, device, taken) in taken {
            for asked in Precision::ALL.into_iter().skip(1) {
                match backend.precision(device, asked) {
                    Ok(found) => assert!(found == asked && taken.contains(&asked), "{backend:?} {asked:?}"),
                    Err(error) => {
                        assert!(!taken.contains(&asked), "{backend:?} {asked:?}");
                        assert!(error.to_string().contains(asked.name()), "{error}");
                    }
                }
            }
        }
    }
}
