//! Models that are made in memory, in the published layout: read as any checkpoint is, or written to a folder.

use std::borrow::Cow;
use std::collections::HashMap;
use std::f64::consts::PI;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use candle_core::{Device, Tensor};
use safetensors::tensor::{Dtype, View, serialize_to_file};
use serde_json::json;

use super::checkpoint::{CONFIG, Checkpoint};
use super::file::{TensorSource, WeightFile};
use crate::backend::networks::{GptConfig, MEL_CHANNELS};
use crate::error::{Error, Result};
use crate::hub::ModelSource;
use crate::text::CONTROL_TOKENS;
use crate::voice::SpeakerStats;

pub(super) const FFT: usize = 1024;
const SAMPLE_RATE: f64 = 24_000.0;
/// The width of the published model, whose statistics of voices stand beside it and not in its folder.
const PUBLISHED_WIDTH: usize = 768;

/// Gives the tensors of one file of a checkpoint, in single precision.
pub(super) trait Part: Send + Sync {
    /// Returns the tensors' names.
    fn names(&self) -> Vec<String>;

    /// Returns a tensor's shape; none if there is no such tensor.
    fn shape(&self, name: &str) -> Option<Vec<usize>>;

    /// Returns a tensor's numbers; none if there is no such tensor.
    fn numbers(&self, name: &str) -> Vec<f32>;
}

/// Holds a whole model.
pub(super) struct Published {
    pub config: String,
    pub tokenizer: String,
    pub stats: SpeakerStats,
    pub gpt: Arc<dyn Part>,
    pub embed: Arc<dyn Part>,
    pub decoder: Arc<dyn Part>,
    pub dvae: Arc<dyn Part>,
    pub vocos: Arc<dyn Part>,
}

impl Published {
    /// Returns the model as a checkpoint; `source` stands for its folder in errors.
    pub fn checkpoint(self, source: &ModelSource) -> Result<Checkpoint> {
        let name = |file: &str| PathBuf::from(format!("{source}/{file}"));
        let file = |name_in: &str, part| WeightFile::new(name(name_in), Arc::new(PartSource(part)));
        Ok(Checkpoint {
            config: GptConfig::parse(&self.config, &name(CONFIG))?,
            gpt: file("gpt/model.safetensors", self.gpt),
            embed: file("Embed.safetensors", self.embed),
            decoder: file("Decoder.safetensors", self.decoder),
            dvae: file("DVAE.safetensors", self.dvae),
            vocos: file("Vocos.safetensors", self.vocos),
            tokenizer: (name("tokenizer/tokenizer.json"), self.tokenizer),
            stats: Some(self.stats),
            packed: None,
        })
    }

    /// Writes the model into a folder, `dir/asset/…`; one that holds this model already is left as it is.
    ///
    /// # Errors
    /// [`Error::BadFile`] if `dir` holds another model, [`Error::Io`] if it cannot be written.
    pub fn write(&self, dir: &Path) -> Result<PathBuf> {
        let asset = dir.join("asset");
        // Written beside its final place and renamed, so that an interrupted run leaves no half of a model.
        std::fs::create_dir_all(dir).map_err(Error::io("create", dir))?;
        let mut builder = tempfile::Builder::new();
        builder.prefix(".asset-");
        // A temporary folder is its owner's alone unless told otherwise; a model is for whom the umask says.
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o777));
        let partial = builder.tempdir_in(dir).map_err(Error::io("create", dir))?;
        self.write_files(partial.path())?;
        if asset.exists() {
            return match same_files(partial.path(), &asset)? {
                true => Ok(asset),
                false => {
                    Err(Error::bad_file(&asset, "exists already, and is another model; name another folder"))
                }
            };
        }
        let partial = partial.keep();
        std::fs::rename(&partial, &asset).map_err(Error::io("create", &asset))?;
        Ok(asset)
    }

    fn write_files(&self, folder: &Path) -> Result<()> {
        for sub in ["gpt", "tokenizer"] {
            let sub = folder.join(sub);
            std::fs::create_dir_all(&sub).map_err(Error::io("create", &sub))?;
        }
        let text = |name: &str, content: &str| {
            let path = folder.join(name);
            std::fs::write(&path, content).map_err(Error::io("write", &path))
        };
        let tensors = |name: &str, part: &Arc<dyn Part>| {
            let path = folder.join(name);
            let views = part.names().into_iter().map(|name| {
                let shape = part.shape(&name).unwrap_or_default();
                (name.clone(), PartView { part: &**part, name, shape })
            });
            let format = HashMap::from([("format".to_string(), "pt".to_string())]);
            serialize_to_file(views, Some(format), &path)
                .map_err(|e| Error::bad_file(&path, e.to_string()))?;
            share(&path, &folder.join(CONFIG))
        };
        text(CONFIG, &self.config)?;
        text("tokenizer/tokenizer.json", &self.tokenizer)?;
        let names: Vec<_> = CONTROL_TOKENS.iter().collect();
        let special = json!({"additional_special_tokens": names, "unk_token": "[UNK]", "pad_token": "[PAD]",
                             "cls_token": "[CLS]", "sep_token": "[SEP]", "mask_token": "[MASK]"});
        text("tokenizer/special_tokens_map.json", &format!("{special:#}\n"))?;
        let mut config = special;
        config["tokenizer_class"] = json!("BertTokenizer");
        config["do_lower_case"] = json!(true);
        text("tokenizer/tokenizer_config.json", &format!("{config:#}\n"))?;
        tensors("gpt/model.safetensors", &self.gpt)?;
        tensors("Embed.safetensors", &self.embed)?;
        tensors("Decoder.safetensors", &self.decoder)?;
        tensors("DVAE.safetensors", &self.dvae)?;
        tensors("Vocos.safetensors", &self.vocos)?;
        if self.stats.width() != PUBLISHED_WIDTH {
            let path = folder.join("spk_stat.safetensors");
            self.stats.write(&path)?;
            share(&path, &folder.join(CONFIG))?;
        }
        Ok(())
    }
}

/// Gives a file, which is its owner's alone when tensors have been written to it, the rights of another one.
fn share(path: &Path, like: &Path) -> Result<()> {
    let usual = std::fs::metadata(like).map_err(Error::io("read", like))?.permissions();
    std::fs::set_permissions(path, usual).map_err(Error::io("write", path))
}

/// Tells whether every file of a folder is in the other one, with the same bytes.
fn same_files(folder: &Path, other: &Path) -> Result<bool> {
    for entry in std::fs::read_dir(folder).map_err(Error::io("read", folder))? {
        let path = entry.map_err(Error::io("read", folder))?.path();
        let twin = other.join(path.file_name().unwrap_or_default());
        let is_same = match path.is_dir() {
            true => twin.is_dir() && same_files(&path, &twin)?,
            false => {
                let read = |path: &Path| std::fs::read(path).map_err(Error::io("read", path));
                twin.is_file() && read(&path)? == read(&twin)?
            }
        };
        if !is_same {
            return Ok(false);
        }
    }
    Ok(true)
}

struct PartSource(Arc<dyn Part>);

impl TensorSource for PartSource {
    fn shape(&self, name: &str) -> Option<Vec<usize>> {
        self.0.shape(name)
    }

    fn tensor(&self, name: &str) -> Result<Option<Tensor>> {
        let Some(shape) = self.0.shape(name) else { return Ok(None) };
        Ok(Some(Tensor::from_vec(self.0.numbers(name), shape, &Device::Cpu)?))
    }
}

struct PartView<'a> {
    part: &'a dyn Part,
    name: String,
    shape: Vec<usize>,
}

impl View for PartView<'_> {
    fn dtype(&self) -> Dtype {
        Dtype::F32
    }

    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        self.part.numbers(&self.name).iter().flat_map(|n| n.to_le_bytes()).collect::<Vec<u8>>().into()
    }

    fn data_len(&self) -> usize {
        self.shape.iter().product::<usize>() * size_of::<f32>()
    }
}

/// Returns a periodic Hann window: (1024,).
pub(super) fn hann_window() -> Vec<f32> {
    (0..FFT).map(|i| (0.5 - 0.5 * (2.0 * PI * i as f64 / FFT as f64).cos()) as f32).collect()
}

/// Returns HTK mel filters without area normalisation, 0 to half the sample rate: (513, 100).
pub(super) fn mel_filters() -> Vec<f32> {
    let mel = |hz: f64| 2595.0 * (1.0 + hz / 700.0).log10();
    let hz = |mel: f64| 700.0 * (10f64.powf(mel / 2595.0) - 1.0);
    let top = mel(SAMPLE_RATE / 2.0);
    let points: Vec<f64> =
        (0..MEL_CHANNELS + 2).map(|i| hz(top * i as f64 / (MEL_CHANNELS + 1) as f64)).collect();
    let bins = FFT / 2 + 1;
    (0..bins)
        .flat_map(|bin| {
            let frequency = SAMPLE_RATE / 2.0 * bin as f64 / (bins - 1) as f64;
            let points = &points;
            (0..MEL_CHANNELS).map(move |m| {
                let rising = (frequency - points[m]) / (points[m + 1] - points[m]);
                let falling = (points[m + 2] - frequency) / (points[m + 2] - points[m + 1]);
                rising.min(falling).max(0.0) as f32
            })
        })
        .collect()
}
