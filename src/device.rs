//! Where models run, and how that is written.

use std::str::FromStr;

use candle_core::Device;

use crate::error::{Error, Result};

/// Where the model runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DeviceChoice {
    /// The best there is.
    #[default]
    Auto,
    /// The processor.
    Cpu,
    /// An NVIDIA card by its number.
    Cuda(usize),
}

impl DeviceChoice {
    /// The device and what it is called.
    pub(crate) fn open(self) -> Result<(Device, String)> {
        match self {
            DeviceChoice::Auto | DeviceChoice::Cpu => Ok((Device::Cpu, "cpu".into())),
            DeviceChoice::Cuda(_) => Err(no_cuda()),
        }
    }
}

/// Where models run that share their work: `auto`, `cpu`, `cuda`, `cuda:1`, `cuda:0,1` or `cuda:all`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Devices {
    /// The best there is.
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
    /// One by one; never none.
    ///
    /// # Errors
    /// [`Error::Device`] if every card is asked for and there is none; [`Error::Parameter`] for a list of no
    /// card.
    pub fn choices(&self) -> Result<Vec<DeviceChoice>> {
        match self {
            Devices::Auto => Ok(vec![DeviceChoice::Auto]),
            Devices::Cpu => Ok(vec![DeviceChoice::Cpu]),
            Devices::Cuda(cards) if cards.is_empty() => {
                Err(Error::parameter("device", "a list of cards that names none"))
            }
            Devices::Cuda(cards) => Ok(cards.iter().copied().map(DeviceChoice::Cuda).collect()),
            Devices::CudaAll => Err(no_cuda()),
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

fn no_cuda() -> Error {
    Error::Device("this build has no CUDA support; use `--device cpu` or `--device auto`".into())
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
        let errors = [Devices::CudaAll.choices().unwrap_err(), DeviceChoice::Cuda(0).open().unwrap_err()];
        for error in errors {
            assert!(error.to_string().contains("no CUDA support"), "{error}");
        }
    }
}
