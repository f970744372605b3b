//! The devices on which models run, and their names.

use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::model::WeightType;

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
}

impl Precision {
    /// Returns the type in which a processor holds weights for it.
    pub fn weight_type(self) -> WeightType {
        match self {
            Precision::F32 => WeightType::F32,
            _ => WeightType::Q8,
        }
    }

    /// Returns its name as users write it.
    pub fn name(self) -> &'static str {
        match self {
            Precision::Auto => "auto",
            Precision::F32 => "f32",
            Precision::Q8 => "q8",
            Precision::F16 => "f16",
            Precision::Bf16 => "bf16",
        }
    }
}

/// Holds the options for loading a model on one device.
#[derive(Clone, Copy, Debug)]
pub struct LoadOptions {
    /// The device.
    pub device: DeviceChoice,
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
            precision: Precision::default(),
            batch_size: 1,
            fewer: false,
            memory_fraction: 0.9,
        }
    }
}

/// Returns the bytes of a device's memory that are free, and all of them.
pub(crate) type MemoryProbe = Arc<dyn Fn() -> Option<(u64, u64)> + Send + Sync>;

/// A device that has been opened.
pub(crate) enum OpenDevice {
    Processor,
    #[cfg(feature = "cuda")]
    Card(Arc<dyn crate::cuda::Driver>),
}

impl OpenDevice {
    /// Returns a probe of the device's own memory, if it has any.
    pub fn memory_probe(&self) -> Option<MemoryProbe> {
        match self {
            OpenDevice::Processor => None,
            #[cfg(feature = "cuda")]
            OpenDevice::Card(driver) => {
                let driver = Arc::clone(driver);
                let probe = move || driver.memory().ok().map(|memory| (memory.free, memory.total));
                Some(Arc::new(probe))
            }
        }
    }
}

impl DeviceChoice {
    /// Returns the device for which [`DeviceChoice::Auto`] stands here: a card if there is one that can be
    /// used, else the processor, with the reason if this build could have used a card.
    pub fn resolve(self) -> (Self, Option<Error>) {
        if self != DeviceChoice::Auto {
            return (self, None);
        }
        #[cfg(feature = "cuda")]
        match first_card() {
            Ok(number) => (DeviceChoice::Cuda(number), None),
            Err(reason) => (DeviceChoice::Cpu, Some(reason)),
        }
        #[cfg(not(feature = "cuda"))]
        (DeviceChoice::Cpu, None)
    }

    /// Returns the type for which [`Precision::Auto`] stands on a device.
    ///
    /// # Errors
    /// [`Error::Parameter`] for a type in which the device does not compute.
    pub fn precision(self, asked: Precision) -> Result<Precision> {
        let is_card = matches!(self, DeviceChoice::Cuda(_));
        match (asked, is_card) {
            (Precision::Auto, true) => Ok(Precision::F16),
            (Precision::Auto, false) => Ok(Precision::Q8),
            (Precision::F16 | Precision::Bf16, false) => Err(Error::parameter(
                "dtype",
                format!("{} is for cards; processors compute in q8 and f32", asked.name()),
            )),
            (asked, _) => Ok(asked),
        }
    }

    /// Opens the device; returns it with its name.
    pub(crate) fn open(self) -> Result<(OpenDevice, String)> {
        match self {
            DeviceChoice::Auto | DeviceChoice::Cpu => Ok((OpenDevice::Processor, "cpu".into())),
            #[cfg(feature = "cuda")]
            DeviceChoice::Cuda(number) => {
                let driver = crate::cuda::open(number)?;
                let name = format!("cuda:{number} ({})", driver.name());
                Ok((OpenDevice::Card(driver), name))
            }
            #[cfg(not(feature = "cuda"))]
            DeviceChoice::Cuda(_) => Err(no_cuda()),
        }
    }
}

/// Returns the first card that the kernels support, or the reason why there is none.
#[cfg(feature = "cuda")]
fn first_card() -> Result<usize> {
    let mut reason = Error::Device("no NVIDIA card was found".into());
    for number in 0..crate::cuda::count()? {
        match crate::cuda::CardInfo::of(number) {
            Ok(card) if card.is_supported() => return Ok(number),
            Ok(card) => {
                reason = Error::Device(format!(
                    "{} (cuda:{}) is older than what is needed, compute capability 8.0",
                    card.name, card.number
                ));
            }
            Err(error) => reason = error,
        }
    }
    Err(reason)
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

impl Devices {
    /// Returns the devices one by one; there is always at least one.
    ///
    /// # Errors
    /// [`Error::Device`] if every card is asked for and there is none; [`Error::Parameter`] for an empty list
    /// of cards.
    pub fn choices(&self) -> Result<Vec<DeviceChoice>> {
        match self {
            Devices::Auto => Ok(vec![DeviceChoice::Auto]),
            Devices::Cpu => Ok(vec![DeviceChoice::Cpu]),
            Devices::Cuda(cards) if cards.is_empty() => {
                Err(Error::parameter("device", "a list of cards that names none"))
            }
            Devices::Cuda(cards) => Ok(cards.iter().copied().map(DeviceChoice::Cuda).collect()),
            #[cfg(feature = "cuda")]
            Devices::CudaAll => match crate::cuda::count()? {
                0 => Err(Error::Device("no NVIDIA card was found; compute on the processor, `cpu`".into())),
                count => Ok((0..count).map(DeviceChoice::Cuda).collect()),
            },
            #[cfg(not(feature = "cuda"))]
            Devices::CudaAll => Err(no_cuda()),
        }
    }
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

#[cfg(not(feature = "cuda"))]
fn no_cuda() -> Error {
    Error::Device("this build has no CUDA support; compute on `cpu` or `auto`".into())
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
    fn there_is_always_a_device_or_an_error() {
        assert_eq!(Devices::default().choices().unwrap(), [DeviceChoice::Auto]);
        assert_eq!(Devices::Cpu.choices().unwrap(), [DeviceChoice::Cpu]);
        let two = Devices::Cuda(vec![2, 0]).choices().unwrap();
        assert_eq!(two, [DeviceChoice::Cuda(2), DeviceChoice::Cuda(0)]);
        assert!(matches!(Devices::Cuda(Vec::new()).choices(), Err(Error::Parameter { .. })));
        assert_eq!(DeviceChoice::Auto.open().unwrap().1, "cpu");
    }

    #[cfg(not(feature = "cuda"))]
    #[test]
    fn cards_are_refused_by_a_build_without_them() {
        let errors = [Devices::CudaAll.choices().err(), DeviceChoice::Cuda(0).open().err()];
        for error in errors {
            assert!(error.unwrap().to_string().contains("no CUDA support"));
        }
        assert!(matches!(DeviceChoice::Auto.resolve(), (DeviceChoice::Cpu, None)));
    }

    #[test]
    fn each_device_has_its_types() {
        let (cpu, card) = (DeviceChoice::Cpu, DeviceChoice::Cuda(1));
        assert_eq!(cpu.precision(Precision::Auto).unwrap(), Precision::Q8);
        assert_eq!(card.precision(Precision::Auto).unwrap(), Precision::F16);
        assert_eq!(card.precision(Precision::Bf16).unwrap(), Precision::Bf16);
        for device in [cpu, card] {
            for both in [Precision::F32, Precision::Q8] {
                assert_eq!(device.precision(both).unwrap(), both);
            }
        }
        for precision in [Precision::F16, Precision::Bf16] {
            let error = cpu.precision(precision).unwrap_err().to_string();
            assert!(error.contains(precision.name()), "{error}");
        }
    }
}
