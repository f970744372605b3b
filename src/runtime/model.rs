//! Models whose files are open: headers are read, nothing is computed.

use std::path::{Path, PathBuf};

use super::options::{EngineOptions, Notice};
use crate::backend::{Checkpoint, NOISE_SEED, WeightType, demo_fingerprint};
use crate::device::{BackendChoice, DeviceChoice};
use crate::error::Result;
use crate::hub::{self, ModelFiles, ModelSource, Transfer};
use crate::speech::model_fingerprint;

/// The size in bytes from which a language model's weights take longer to read than to map.
const LARGE: u64 = 64 << 20;

/// An opened model; its clones share the files.
#[derive(Clone)]
pub struct Model {
    /// The files.
    pub checkpoint: Checkpoint,
    /// The model's identity: a fingerprint, or the name of a model without files.
    pub fingerprint: String,
}

impl Model {
    /// Opens the model of these options; one from the hub is downloaded first if it is not in the cache.
    ///
    /// # Errors
    /// [`Error::ModelNotFound`](crate::Error::ModelNotFound) and [`Error::Download`](crate::Error::Download) if
    /// its files cannot be had, else an error naming the invalid file.
    pub fn open(options: &EngineOptions) -> Result<Self> {
        options.set_threads()?;
        match options.model.parse()? {
            ModelSource::Demo => {
                Ok(Model { checkpoint: Checkpoint::demo()?, fingerprint: demo_fingerprint()? })
            }
            source @ ModelSource::Noise(size) => Ok(Model {
                checkpoint: Checkpoint::noise(size, NOISE_SEED)?,
                fingerprint: source.to_string(),
            }),
            ModelSource::Packed(file) => {
                let checkpoint = Checkpoint::open_packed(&file)?;
                Ok(Model { checkpoint, fingerprint: model_fingerprint(&[file])? })
            }
            source => Model::of_files(Model::files(&source, options)?),
        }
    }

    /// Finds a model's files, downloading them first if need be.
    ///
    /// # Errors
    /// As [`Model::open`].
    pub fn files(source: &ModelSource, options: &EngineOptions) -> Result<ModelFiles> {
        match hub::locate(source, &options.hub) {
            Err(_) if matches!(source, ModelSource::Hub { .. }) && !options.hub.offline => {
                options.notify(&Notice::Downloading);
                hub::fetch(source, &options.hub, &mut |event| options.notify(&Notice::Transfer(event)))
            }
            Ok(files) => {
                for warning in hub::differences(source, &options.hub) {
                    options.notify(&Notice::Transfer(Transfer::Warning(warning)));
                }
                Ok(files)
            }
            Err(error) => Err(error),
        }
    }

    /// Opens files that are in place.
    ///
    /// # Errors
    /// An error naming the invalid file.
    pub fn of_files(files: ModelFiles) -> Result<Self> {
        let checkpoint = Checkpoint::open(&files)?;
        let ModelFiles { decoder, dvae, embed, vocos, gpt_config, gpt, tokenizer, spk_stat, .. } = files;
        let all = [decoder, dvae, embed, vocos, gpt_config, gpt, tokenizer];
        let all: Vec<PathBuf> = all.into_iter().chain(spk_stat).collect();
        Ok(Model { checkpoint, fingerprint: model_fingerprint(&all)? })
    }

    /// Returns the same model from the cache folder, where it is packed for processors; it is written there if
    /// it is not yet. A model too small to gain from this stays as it is, and so does one that cannot be kept:
    /// it only takes longer to load.
    pub fn packed(self, device: DeviceChoice, options: &EngineOptions) -> Self {
        let is_for = device == DeviceChoice::Cpu && options.backend != BackendChoice::Candle;
        let kind = match options.backend.precision(device, options.precision) {
            Ok(precision) if is_for => precision.weight_type(),
            _ => return self,
        };
        let size = std::fs::metadata(self.checkpoint.gpt.path()).map_or(0, |meta| meta.len());
        let large = self.checkpoint.packed.is_none() && size >= LARGE;
        let Some(folder) = options.cache.as_deref().filter(|_| large) else { return self };
        let file = folder.join("packed").join(format!("{}-{}.safetensors", self.fingerprint, kind.name()));
        match Checkpoint::open_packed(&file).or_else(|_| self.pack(&file, kind, options)) {
            Ok(checkpoint) => Model { checkpoint, ..self },
            Err(error) => {
                options.notify(&Notice::PackingFailed { error: &error });
                self
            }
        }
    }

    fn pack(&self, file: &Path, kind: WeightType, options: &EngineOptions) -> Result<Checkpoint> {
        options.notify(&Notice::Packing { file: file.to_path_buf() });
        self.checkpoint.pack(file, kind)?;
        Checkpoint::open_packed(file)
    }
}
