//! Checkpoint files: tensors by the names the checkpoint gives them, their shapes checked as they are read.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use candle_core::{DType, Device, Tensor};
use memmap2::Mmap;
use safetensors::{Dtype, SafeTensors};

use crate::backend::cpu::kernel::{Matrix, Shape};
use crate::backend::memory;
use crate::error::{Error, Result};

/// In an expected shape: a size that this tensor may decide.
pub const ANY: usize = usize::MAX;

/// Reads one file of a checkpoint; its clones share it.
#[derive(Clone)]
pub struct WeightFile {
    path: PathBuf,
    source: Arc<dyn TensorSource>,
    /// Keeps what is read, to be written as a packed file.
    recorder: Option<Arc<dyn Recorder>>,
}

/// Gives the tensors of a file, by name.
pub(super) trait TensorSource: Send + Sync {
    /// Returns a tensor's shape; none if there is no such tensor.
    fn shape(&self, name: &str) -> Option<Vec<usize>>;

    /// Reads a tensor; none if it is missing or of no type that a model has.
    fn tensor(&self, name: &str) -> Result<Option<Tensor>>;

    /// Returns a tensor's type if that is what keeps it from being read.
    fn unread_type(&self, _name: &str) -> Option<String> {
        None
    }

    /// Returns where a tensor lies in a mapped file, if it does.
    fn place(&self, _name: &str) -> Option<Place> {
        None
    }

    /// Returns true if matrices lie packed in it, in place of the tensors that they are made of.
    fn is_packed(&self) -> bool {
        false
    }

    /// Returns a packed matrix; none if there is no such matrix.
    fn matrix(&self, _name: &str) -> Option<Matrix> {
        None
    }
}

/// Locates a tensor in a mapped file.
pub(super) struct Place {
    pub map: Arc<Mmap>,
    pub dtype: Dtype,
    pub range: Range<usize>,
}

/// Keeps what is read of a file.
pub(super) trait Recorder: Send + Sync {
    /// Keeps a tensor's shape.
    fn shape(&self, name: &str, shape: &[usize]);

    /// Keeps a tensor's values.
    ///
    /// # Errors
    /// [`Error::Io`].
    fn values(&self, name: &str, shape: &[usize], values: &[f32]) -> Result<()>;

    /// Keeps a matrix as it is packed.
    ///
    /// # Errors
    /// [`Error::Io`].
    fn matrix(&self, name: &str, matrix: &Matrix) -> Result<()>;
}

/// Maps a safetensors file into memory.
pub(super) struct Mapped {
    pub map: Arc<Mmap>,
    pub metadata: safetensors::tensor::Metadata,
    /// The file, as it was opened.
    pub file: std::fs::File,
    /// The place where the tensors' data begin.
    pub start: usize,
}

impl Mapped {
    /// Maps a file and reads its header.
    ///
    /// # Errors
    /// [`Error::Io`] if it cannot be opened, [`Error::BadFile`] if it is truncated or something else.
    pub fn open(path: &Path) -> Result<Self> {
        let file = std::fs::File::open(path).map_err(Error::io("read", path))?;
        let meta = file.metadata().map_err(Error::io("read", path))?;
        if meta.is_dir() {
            return Err(Error::bad_file(path, "is a folder, not a safetensors file"));
        }
        let bad = |reason: String| {
            let length = meta.len();
            Error::bad_file(
                path,
                format!(
                    "truncated or not a safetensors file ({reason}); {length} bytes long; download it again"
                ),
            )
        };
        // SAFETY: the map is only read. As with every mapped file, another program that shortens the file
        // while it is mapped makes a read fail with SIGBUS, which the command line reports; this program
        // replaces its own files and never writes them in place.
        let map = unsafe { Mmap::map(&file) }.map_err(|e| match e.kind() {
            std::io::ErrorKind::OutOfMemory => {
                Error::memory(path.display().to_string(), meta.len().try_into().unwrap_or(usize::MAX))
            }
            _ => bad(e.to_string()),
        })?;
        // Checks that the tensors lie in the file, one after another.
        SafeTensors::deserialize(&map).map_err(|e| bad(e.to_string()))?;
        let (header, metadata) = SafeTensors::read_metadata(&map).map_err(|e| bad(e.to_string()))?;
        Ok(Mapped { map: Arc::new(map), metadata, file, start: header + size_of::<u64>() })
    }

    /// Returns a tensor's type, shape and place in the map.
    pub fn find(&self, name: &str) -> Option<(Dtype, &[usize], Range<usize>)> {
        let info = self.metadata.info(name)?;
        let (from, to) = info.data_offsets;
        Some((info.dtype, &info.shape, self.start + from..self.start + to))
    }
}

impl TensorSource for Mapped {
    fn shape(&self, name: &str) -> Option<Vec<usize>> {
        self.find(name).map(|(_, shape, _)| shape.to_vec())
    }

    fn tensor(&self, name: &str) -> Result<Option<Tensor>> {
        let Some((dtype, shape, range)) = self.find(name) else { return Ok(None) };
        let dtype = match dtype {
            Dtype::F32 => DType::F32,
            Dtype::F16 => DType::F16,
            Dtype::BF16 => DType::BF16,
            _ => return Ok(None),
        };
        Ok(Some(Tensor::from_raw_buffer(&self.map[range], dtype, shape, &Device::Cpu)?))
    }

    fn unread_type(&self, name: &str) -> Option<String> {
        self.find(name).map(|(dtype, ..)| format!("{dtype:?}").to_lowercase())
    }

    fn place(&self, name: &str) -> Option<Place> {
        self.find(name).map(|(dtype, _, range)| Place { map: self.map.clone(), dtype, range })
    }
}

/// Holds rows of single precision that are looked up one by one: in memory, or where they lie in a file.
pub enum Table {
    /// In memory.
    Owned(Vec<f32>),
    /// In a mapped file; aligned as f32 are.
    #[doc(hidden)]
    Mapped(Arc<Mmap>, Range<usize>),
}

impl Table {
    /// Returns all of it.
    pub fn values(&self) -> &[f32] {
        match self {
            Table::Owned(values) => values,
            Table::Mapped(map, range) => {
                // SAFETY: any bits are an f32; what is not aligned was put aside when the table was made,
                // and is empty here.
                let (_, values, _) = unsafe { map[range.clone()].align_to::<f32>() };
                values
            }
        }
    }
}

impl WeightFile {
    /// Maps a safetensors file into memory and reads its header; no tensor is read yet.
    ///
    /// # Errors
    /// [`Error::Io`] if it cannot be opened, [`Error::BadFile`] if it is truncated or something else.
    pub fn open(path: &Path) -> Result<Self> {
        Ok(WeightFile::new(path.to_path_buf(), Arc::new(Mapped::open(path)?)))
    }

    /// Wraps a source of tensors; errors name it by `path`.
    pub(super) fn new(path: PathBuf, source: Arc<dyn TensorSource>) -> Self {
        WeightFile { path, source, recorder: None }
    }

    /// Returns the same file, of which a recorder keeps what is read.
    pub(super) fn recorded_by(&self, recorder: Arc<dyn Recorder>) -> Self {
        WeightFile { recorder: Some(recorder), ..self.clone() }
    }

    /// Returns where the file is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns true if the file holds a tensor of this name.
    pub fn contains(&self, name: &str) -> bool {
        self.shape(name).is_ok()
    }

    /// Returns a tensor's shape, from the header.
    ///
    /// # Errors
    /// [`Error::MissingTensor`].
    pub fn shape(&self, name: &str) -> Result<Vec<usize>> {
        let shape = self.source.shape(name).ok_or_else(|| self.missing(name))?;
        if let Some(recorder) = &self.recorder {
            recorder.shape(name, &shape);
        }
        Ok(shape)
    }

    fn missing(&self, name: &str) -> Error {
        Error::MissingTensor { file: self.path.clone(), tensor: name.to_string() }
    }

    /// Checks a tensor's shape, in which [`ANY`] stands for any size, and returns it.
    fn check(&self, name: &str, expected: &[usize]) -> Result<Vec<usize>> {
        let found = self.shape(name)?;
        let fits = found.len() == expected.len()
            && found.iter().zip(expected).all(|(f, e)| *f > 0 && (*e == ANY || f == e));
        if fits { Ok(found) } else { Err(self.misshapen(name, expected, found)) }
    }

    fn misshapen(&self, name: &str, expected: &[usize], found: Vec<usize>) -> Error {
        Error::TensorShape {
            file: self.path.clone(),
            tensor: name.to_string(),
            expected: describe(expected),
            found,
        }
    }

    /// Reads a tensor whose shape must be `expected` (where `ANY` stands for any size), in single precision.
    ///
    /// # Errors
    /// [`Error::MissingTensor`], [`Error::TensorShape`], [`Error::TensorType`].
    pub fn tensor(&self, name: &str, expected: &[usize]) -> Result<Tensor> {
        self.check(name, expected)?;
        let tensor = self.read(name)?;
        if let Some(recorder) = &self.recorder {
            let values = tensor.flatten_all()?.to_vec1::<f32>()?;
            recorder.values(name, tensor.dims(), &values)?;
        }
        Ok(tensor)
    }

    fn read(&self, name: &str) -> Result<Tensor> {
        // Read, and then converted or packed.
        let count = self.source.shape(name).unwrap_or_default().into_iter().fold(1, usize::saturating_mul);
        memory::probe(count.saturating_mul(2 * size_of::<f32>()), &|| {
            format!("the tensor `{name}` of {}", self.path.display())
        })?;
        if let Some(tensor) = self.source.tensor(name)? {
            return Ok(tensor.to_dtype(DType::F32)?);
        }
        Err(match self.source.unread_type(name) {
            Some(found) => Error::TensorType { file: self.path.clone(), tensor: name.to_string(), found },
            None => self.missing(name),
        })
    }

    /// Returns the rows of a table (rows, width), where they lie if that is possible.
    fn table(&self, name: &str, expected: &[usize]) -> Result<Table> {
        self.check(name, expected)?;
        let table = match self.source.place(name) {
            Some(Place { map, dtype: Dtype::F32, range })
                if cfg!(target_endian = "little")
                    && (map.as_ptr() as usize + range.start).is_multiple_of(align_of::<f32>()) =>
            {
                Table::Mapped(map, range)
            }
            _ => Table::Owned(self.read(name)?.flatten_all()?.to_vec1()?),
        };
        if let Some(recorder) = &self.recorder {
            recorder.values(name, &self.shape(name)?, table.values())?;
        }
        Ok(table)
    }

    /// Returns a matrix as the kernels read it: the packed one of this name, or else what `make` makes,
    /// packed.
    fn matrix(
        &self,
        name: &str,
        Shape { outputs, inputs, kind }: Shape,
        make: impl FnOnce() -> Result<Tensor>,
    ) -> Result<Matrix> {
        let matrix = if self.source.is_packed() {
            self.source.matrix(name).ok_or_else(|| self.missing(name))?
        } else {
            let weight = make()?;
            let (outputs, inputs) = weight.dims2()?;
            let weight = weight.flatten_all()?.to_vec1::<f32>()?;
            Matrix::pack(&weight, Shape { outputs, inputs, kind })?
        };
        let found = matrix.shape();
        if outputs != found.outputs || inputs != found.inputs {
            return Err(self.misshapen(name, &[outputs, inputs], vec![found.outputs, found.inputs]));
        }
        if let Some(recorder) = &self.recorder {
            recorder.matrix(name, &matrix)?;
        }
        Ok(matrix)
    }

    /// Returns the folder-like view that a network loads itself from.
    pub fn root(&self) -> Weights<'_> {
        Weights { file: self, prefix: String::new() }
    }
}

fn describe(expected: &[usize]) -> String {
    let sizes: Vec<String> =
        expected.iter().map(|n| if *n == ANY { "_".into() } else { n.to_string() }).collect();
    format!("[{}]", sizes.join(", "))
}

/// Reads tensors of one file under one name prefix, in single precision.
#[derive(Clone)]
pub struct Weights<'a> {
    file: &'a WeightFile,
    prefix: String,
}

impl<'a> Weights<'a> {
    /// Returns the tensors under `prefix.name.`.
    pub fn at(&self, name: impl std::fmt::Display) -> Weights<'a> {
        Weights { prefix: format!("{}{name}.", self.prefix), file: self.file }
    }

    /// Returns the path of the file.
    pub fn path(&self) -> &'a Path {
        self.file.path()
    }

    fn name(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    /// Reads a tensor of the given shape; see [`WeightFile::tensor`].
    ///
    /// # Errors
    /// As [`WeightFile::tensor`].
    pub fn tensor(&self, name: &str, expected: &[usize]) -> Result<Tensor> {
        self.file.tensor(&self.name(name), expected)
    }

    /// Reads the numbers of a tensor of one dimension.
    ///
    /// # Errors
    /// As [`WeightFile::tensor`].
    pub fn numbers(&self, name: &str, expected: usize) -> Result<Vec<f32>> {
        Ok(self.tensor(name, &[expected])?.to_vec1()?)
    }

    /// Reads a tensor that goes into a matrix; as [`Weights::tensor`], but a packed file does not keep it.
    ///
    /// # Errors
    /// As [`WeightFile::tensor`].
    pub fn raw(&self, name: &str, expected: &[usize]) -> Result<Tensor> {
        let name = self.name(name);
        self.file.check(&name, expected)?;
        self.file.read(&name)
    }

    /// Reads rows that are looked up one by one; see [`WeightFile::tensor`].
    ///
    /// # Errors
    /// As [`WeightFile::tensor`].
    pub fn table(&self, name: &str, expected: &[usize]) -> Result<Table> {
        self.file.table(&self.name(name), expected)
    }

    /// Returns a weight matrix (outputs, inputs) in the layout of the processor's kernels, under a name of its own:
    /// what `make` makes of the checkpoint's tensors, unless the file holds it packed.
    ///
    /// # Errors
    /// As [`WeightFile::tensor`].
    pub fn matrix(&self, name: &str, shape: Shape, make: impl FnOnce() -> Result<Tensor>) -> Result<Matrix> {
        self.file.matrix(&self.name(name), shape, make)
    }

    /// Checks a tensor's shape and returns it; see [`WeightFile::tensor`].
    ///
    /// # Errors
    /// As [`WeightFile::tensor`].
    pub fn check(&self, name: &str, expected: &[usize]) -> Result<Vec<usize>> {
        self.file.check(&self.name(name), expected)
    }

    /// Returns true if there is such a tensor.
    pub fn contains(&self, name: &str) -> bool {
        self.file.contains(&self.name(name))
    }

    /// Counts the numbered parts `{name}.0.…`, `{name}.1.…`, told by a tensor that each has.
    pub fn count(&self, name: &str, tensor: &str) -> usize {
        (0..).take_while(|i| self.contains(&format!("{name}.{i}.{tensor}"))).count()
    }
}
