//! A whole checkpoint, opened: headers read, no tensor yet.

use std::path::PathBuf;

use candle_core::{DType, Device};

use super::demo;
use super::dvae_encoder::DvaeEncoder;
use super::llama::GptConfig;
use super::weights::{ANY, WeightFile};
use crate::error::{Error, Result};
use crate::hub::{DemoSize, ModelFiles};
use crate::speaker::SpeakerStats;

/// The files of a model.
pub struct Checkpoint {
    /// The Llama's sizes.
    pub config: GptConfig,
    /// `gpt/model.safetensors`.
    pub gpt: WeightFile,
    /// `Embed.safetensors`.
    pub embed: WeightFile,
    /// `Decoder.safetensors`.
    pub decoder: WeightFile,
    /// `DVAE.safetensors`.
    pub dvae: WeightFile,
    /// `Vocos.safetensors`.
    pub vocos: WeightFile,
    /// `tokenizer/tokenizer.json`: where it is and what it says.
    pub tokenizer: (PathBuf, String),
    /// Statistics of the model's voices, unless the model is of another width than the published one and
    /// brings none.
    pub stats: Option<SpeakerStats>,
}

impl Checkpoint {
    /// The half of the DVAE that turns a spoken sample into codes, on the processor.
    ///
    /// # Errors
    /// A missing tensor or one of another shape.
    pub fn encoder(&self) -> Result<DvaeEncoder> {
        DvaeEncoder::load(&self.dvae, &Device::Cpu)
    }

    /// Opens a checkpoint's files.
    ///
    /// # Errors
    /// An error naming the first file that cannot be used and why.
    pub fn open(files: &ModelFiles) -> Result<Self> {
        let config = GptConfig::read(&files.gpt_config)?;
        let stats = match &files.spk_stat {
            Some(path) => Some(SpeakerStats::read(path)?),
            None => SpeakerStats::published().ok().filter(|stats| stats.width() == config.hidden),
        };
        let tokenizer =
            std::fs::read_to_string(&files.tokenizer).map_err(Error::io("read", &files.tokenizer))?;
        Ok(Checkpoint {
            config,
            gpt: WeightFile::open(&files.gpt)?,
            embed: WeightFile::open(&files.embed)?,
            decoder: WeightFile::open(&files.decoder)?,
            dvae: WeightFile::open(&files.dvae)?,
            vocos: WeightFile::open(&files.vocos)?,
            tokenizer: (files.tokenizer.clone(), tokenizer),
            stats,
        })
    }

    /// The program's own random weights.
    ///
    /// # Errors
    /// None in practice.
    pub fn demo(size: DemoSize, seed: u64) -> Result<Self> {
        demo::checkpoint(size, seed)
    }
}

impl SpeakerStats {
    /// Reads `spk_stat.safetensors`: `std` and `mean`.
    fn read(path: &std::path::Path) -> Result<Self> {
        let file = WeightFile::open(path)?;
        let read = |name| -> Result<Vec<half::f16>> {
            Ok(file.tensor(name, &[ANY], DType::F16, &Device::Cpu)?.to_vec1()?)
        };
        SpeakerStats::new(read("std")?, read("mean")?)
    }

    pub(super) fn write(&self, path: &std::path::Path) -> Result<()> {
        let tensor = |values: &[half::f16]| candle_core::Tensor::new(values, &Device::Cpu);
        let tensors =
            std::collections::HashMap::from([("std", tensor(self.std())?), ("mean", tensor(self.mean())?)]);
        candle_core::safetensors::save(&tensors, path).map_err(|e| Error::bad_file(path, e.to_string()))
    }
}
