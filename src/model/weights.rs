//! Checkpoint files: tensors by the names the checkpoint gives them, their shapes checked as they are read.

use std::path::{Path, PathBuf};

use candle_core::safetensors::{Load, MmapedSafetensors};
use candle_core::{DType, Device, Tensor};
use safetensors::Dtype;

use super::demo::DemoFile;
use crate::error::{Error, Result};

/// In an expected shape: a size that this tensor may decide.
pub const ANY: usize = usize::MAX;

/// One file of a checkpoint.
pub struct WeightFile {
    path: PathBuf,
    source: Source,
}

enum Source {
    Mapped(MmapedSafetensors),
    Demo(DemoFile),
}

impl WeightFile {
    /// Maps a safetensors file into memory and reads its header; no tensor is read yet.
    ///
    /// # Errors
    /// [`Error::Io`] if it cannot be opened, [`Error::BadFile`] if it is truncated or something else.
    pub fn open(path: &Path) -> Result<Self> {
        let meta = std::fs::metadata(path).map_err(Error::io("read", path))?;
        if meta.is_dir() {
            return Err(Error::bad_file(path, "is a folder, not a safetensors file"));
        }
        std::fs::File::open(path).map_err(Error::io("read", path))?;
        // SAFETY: the map is only read. As with every mapped file, another program that shortens the file
        // while it is mapped can make a read fail with SIGBUS; checkpoints are not written in place.
        let mapped = unsafe { MmapedSafetensors::new(path) }.map_err(|e| {
            Error::bad_file(
                path,
                format!(
                    "truncated or not a safetensors file ({}); {} bytes long; download it again",
                    root_cause(&e),
                    meta.len()
                ),
            )
        })?;
        Ok(WeightFile { path: path.to_path_buf(), source: Source::Mapped(mapped) })
    }

    pub(super) fn demo(path: PathBuf, file: DemoFile) -> Self {
        WeightFile { path, source: Source::Demo(file) }
    }

    /// Where the file is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether the file holds a tensor of this name.
    pub fn contains(&self, name: &str) -> bool {
        self.shape(name).is_ok()
    }

    /// A tensor's shape, from the header.
    ///
    /// # Errors
    /// [`Error::MissingTensor`].
    pub fn shape(&self, name: &str) -> Result<Vec<usize>> {
        let shape = match &self.source {
            Source::Mapped(mapped) => mapped.get(name).ok().map(|view| view.shape().to_vec()),
            Source::Demo(file) => file.shape(name).map(<[usize]>::to_vec),
        };
        shape.ok_or_else(|| Error::MissingTensor { file: self.path.clone(), tensor: name.to_string() })
    }

    /// Reads a tensor whose shape must be `expected` (where [`ANY`] stands for any size).
    ///
    /// # Errors
    /// [`Error::MissingTensor`], [`Error::TensorShape`], [`Error::TensorType`].
    pub fn tensor(&self, name: &str, expected: &[usize], dtype: DType, device: &Device) -> Result<Tensor> {
        let found = self.shape(name)?;
        let fits = found.len() == expected.len()
            && found.iter().zip(expected).all(|(f, e)| *f > 0 && (*e == ANY || f == e));
        if !fits {
            return Err(Error::TensorShape {
                file: self.path.clone(),
                tensor: name.to_string(),
                expected: describe(expected),
                found,
            });
        }
        let tensor = match &self.source {
            Source::Mapped(mapped) => {
                let view = mapped.get(name)?;
                if !matches!(view.dtype(), Dtype::F32 | Dtype::F16 | Dtype::BF16) {
                    return Err(Error::TensorType {
                        file: self.path.clone(),
                        tensor: name.to_string(),
                        found: format!("{:?}", view.dtype()).to_lowercase(),
                    });
                }
                view.load(device)?
            }
            Source::Demo(file) => file.tensor(name, device)?,
        };
        Ok(tensor.to_dtype(dtype)?)
    }

    /// The folder-like view that a module loads itself from.
    pub fn root<'a>(&'a self, dtype: DType, device: &'a Device) -> Weights<'a> {
        Weights { file: self, prefix: String::new(), dtype, device }
    }
}

/// The first line of the innermost cause: candle's errors carry backtraces.
fn root_cause(e: &dyn std::error::Error) -> String {
    let mut cause = e;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string().lines().next().unwrap_or_default().to_string()
}

fn describe(expected: &[usize]) -> String {
    let sizes: Vec<String> =
        expected.iter().map(|n| if *n == ANY { "_".into() } else { n.to_string() }).collect();
    format!("[{}]", sizes.join(", "))
}

/// Tensors of one file under one name prefix, to be loaded in one type onto one device.
#[derive(Clone)]
pub struct Weights<'a> {
    file: &'a WeightFile,
    prefix: String,
    dtype: DType,
    device: &'a Device,
}

impl<'a> Weights<'a> {
    /// The tensors under `prefix.name.`.
    pub fn at(&self, name: impl std::fmt::Display) -> Weights<'a> {
        Weights { prefix: format!("{}{name}.", self.prefix), ..self.clone() }
    }

    /// A tensor of the given shape; see [`WeightFile::tensor`].
    ///
    /// # Errors
    /// As [`WeightFile::tensor`].
    pub fn tensor(&self, name: &str, expected: &[usize]) -> Result<Tensor> {
        self.file.tensor(&format!("{}{name}", self.prefix), expected, self.dtype, self.device)
    }

    /// A tensor's shape.
    ///
    /// # Errors
    /// [`Error::MissingTensor`].
    pub fn shape(&self, name: &str) -> Result<Vec<usize>> {
        self.file.shape(&format!("{}{name}", self.prefix))
    }

    /// The same tensors, loaded in another type.
    pub fn to_dtype(&self, dtype: DType) -> Weights<'a> {
        Weights { dtype, ..self.clone() }
    }

    /// How many numbered parts `{name}.0.…`, `{name}.1.…` there are, told by a tensor that each has.
    pub fn count(&self, name: &str, tensor: &str) -> usize {
        (0..).take_while(|i| self.file.contains(&format!("{}{name}.{i}.{tensor}", self.prefix))).count()
    }

    /// Where the tensors go.
    pub fn device(&self) -> &'a Device {
        self.device
    }
}
