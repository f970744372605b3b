//! A whole checkpoint, opened: headers read, no tensor yet.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::file::{ANY, Recorder, WeightFile};
use super::packed::{Packed, Packer};
use crate::backend::cpu::{self, WeightType};
use crate::backend::networks::{EmbedSizes, GptConfig};
use crate::engine::Vocabulary;
use crate::error::{Error, Result};
use crate::hub::ModelFiles;
use crate::text::Tokenizer;
use crate::voice::SpeakerStats;

/// Holds the files of a model; its clones share them.
#[derive(Clone)]
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
    /// In which type its matrices are packed, if they are.
    pub packed: Option<WeightType>,
}

/// Names in a packed file.
pub(super) const CONFIG: &str = "gpt/config.json";
const TOKENIZER: &str = "tokenizer/tokenizer.json";
const TYPE: &str = "type";
const STATS: &str = "spk_stat";

impl Checkpoint {
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
            packed: None,
        })
    }

    /// Opens a packed file.
    ///
    /// # Errors
    /// [`Error::BadFile`] if it is no packed model, damaged, or of another version.
    pub fn open_packed(path: &Path) -> Result<Self> {
        let packed = Arc::new(Packed::open(path)?);
        let kind = match packed.fact(TYPE) {
            Some("f32") => WeightType::F32,
            Some("q8") => WeightType::Q8,
            _ => {
                return Err(Error::bad_file(
                    path,
                    "its type of weights is not known; convert the model again",
                ));
            }
        };
        let part = |name| packed.part(name);
        let stats = part(STATS);
        Ok(Checkpoint {
            config: GptConfig::parse(packed.text(CONFIG)?, path)?,
            gpt: part("gpt"),
            embed: part("embed"),
            decoder: part("decoder"),
            dvae: part("dvae"),
            vocos: part("vocos"),
            tokenizer: (path.to_path_buf(), packed.text(TOKENIZER)?.to_string()),
            stats: if stats.contains("std") { Some(SpeakerStats::of(&stats)?) } else { None },
            packed: Some(kind),
        })
    }

    /// Reads the tokenizer and what else an engine knows of the model.
    ///
    /// # Errors
    /// [`Error::Tokenizer`] if it is invalid or of another model; a missing tensor or one of another shape.
    pub fn vocabulary(&self) -> Result<Vocabulary> {
        let (path, text) = &self.tokenizer;
        let tokenizer = Tokenizer::from_json(text, path)?;
        let sizes = EmbedSizes::read(&self.embed, self.config.hidden)?;
        if tokenizer.size() > sizes.text_tokens {
            return Err(Error::Tokenizer {
                file: path.clone(),
                reason: format!(
                    "it has {} tokens, {} embeds {}; they are not of one model",
                    tokenizer.size(),
                    self.embed.path().display(),
                    sizes.text_tokens
                ),
            });
        }
        Ok(Vocabulary {
            tokenizer,
            codebooks: sizes.codebooks,
            code_tokens: sizes.code_tokens,
            text_tokens: sizes.text_tokens,
            hidden: self.config.hidden,
            max_positions: self.config.max_positions,
            refines: self.config.refines,
        })
    }

    /// Writes the model as one file with its weights as the kernels want them, for [`Checkpoint::open_packed`].
    /// A file that is there is replaced once the new one is whole.
    ///
    /// # Errors
    /// [`Error::Io`]; a tensor that is missing or of another shape.
    pub fn pack(&self, path: &Path, kind: WeightType) -> Result<()> {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        std::fs::create_dir_all(folder).map_err(Error::io("create", folder))?;
        let file = unfinished(folder)?;
        let handle = file.as_file().try_clone().map_err(Error::io("write", file.path()))?;
        let packer = Packer::create(file.path(), handle)?;
        let part = |file: &WeightFile, part: &str| file.recorded_by(Arc::new(packer.part(part)));
        let recorded = Checkpoint {
            gpt: part(&self.gpt, "gpt"),
            embed: part(&self.embed, "embed"),
            decoder: part(&self.decoder, "decoder"),
            dvae: part(&self.dvae, "dvae"),
            vocos: part(&self.vocos, "vocos"),
            ..self.clone()
        };
        cpu::lay_out(&recorded, kind)?;
        // It holds the packer as well.
        drop(recorded);
        packer.text(CONFIG, &self.config.to_json())?;
        packer.text(TOKENIZER, &self.tokenizer.1)?;
        if let Some(stats) = &self.stats {
            let part = packer.part(STATS);
            for (name, values) in [("std", stats.std()), ("mean", stats.mean())] {
                let values: Vec<f32> = values.iter().map(|value| value.to_f32()).collect();
                part.shape(name, &[values.len()]);
                part.values(name, &[values.len()], &values)?;
            }
        }
        packer.fact(TYPE, kind.name());
        packer.finish()?;
        file.persist(path).map_err(|e| Error::io("write", path)(e.error))?;
        Ok(())
    }
}

/// The start of the name of a file that is being packed; six letters and digits follow.
const UNFINISHED: &str = ".packing-";
/// The most times that a file which another run swept away is begun again.
const BEGINNINGS: usize = 8;

/// Creates a file to pack into, locked for as long as it is open, and removes those of runs that were killed.
fn unfinished(folder: &Path) -> Result<tempfile::NamedTempFile> {
    sweep(folder);
    let mut builder = tempfile::Builder::new();
    // As readable as any file; the system takes away what the user does not want to share.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut create = || builder.prefix(UNFINISHED).tempfile_in(folder).map_err(Error::io("write", folder));
    for _ in 0..BEGINNINGS {
        let file = create()?;
        // Where the file system has no locks, nobody sweeps either.
        let _ = file.as_file().lock();
        // Until it was locked another run may have taken it for a dead one's.
        if file.path().exists() {
            return Ok(file);
        }
    }
    create()
}

/// Removes what runs that were killed have left unfinished: such files are locked by nobody. What cannot be
/// removed stays.
fn sweep(folder: &Path) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let rest = name.to_str().and_then(|name| name.strip_prefix(UNFINISHED));
        let is_ours =
            rest.is_some_and(|rest| rest.len() == 6 && rest.chars().all(|c| c.is_ascii_alphanumeric()));
        if !is_ours || !entry.file_type().is_ok_and(|kind| kind.is_file()) {
            continue;
        }
        let path = entry.path();
        if let Ok(file) = std::fs::File::open(&path)
            && file.try_lock().is_ok()
        {
            let _ = std::fs::remove_file(&path);
        }
    }
}

impl SpeakerStats {
    /// Reads `spk_stat.safetensors`.
    fn read(path: &Path) -> Result<Self> {
        SpeakerStats::of(&WeightFile::open(path)?)
    }

    /// Takes `std` and `mean` of a file.
    fn of(file: &WeightFile) -> Result<Self> {
        let read = |name| -> Result<Vec<half::f16>> {
            Ok(file.root().numbers(name, ANY)?.into_iter().map(half::f16::from_f32).collect())
        };
        SpeakerStats::new(read("std")?, read("mean")?)
    }

    pub(super) fn write(&self, path: &Path) -> Result<()> {
        let tensor = |values: &[half::f16]| candle_core::Tensor::new(values, &candle_core::Device::Cpu);
        let tensors =
            std::collections::HashMap::from([("std", tensor(self.std())?), ("mean", tensor(self.mean())?)]);
        candle_core::safetensors::save(&tensors, path).map_err(|e| Error::bad_file(path, e.to_string()))
    }
}
