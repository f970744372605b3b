//! Packed files: a model's weights as the kernels want them, its tokenizer and its sizes, in one file that is
//! mapped into memory, so that a process begins to compute after a few milliseconds.
//!
//! A safetensors file. Its tensors are what the loaders asked for when it was written, under
//! `part/name`: matrices as bytes in the kernels' layout (their sizes in the metadata), all else as it was.
//! Data begin at multiples of 64 bytes. The last tensor holds checksums: of the header, and of each block of data
//! before it. They are compared once, which a stamp beside the file remembers.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use candle_core::Tensor;
use rayon::prelude::*;
use safetensors::Dtype;
use serde_json::{Value, json};

use super::file::{Mapped, Place, Recorder, TensorSource, WeightFile};
use crate::backend::cpu::kernel::{Matrix, Shape, WeightType};
use crate::error::{Error, Result};
use crate::stamp;

/// Raised whenever a file of before can no longer be read as it is.
pub const FORMAT: u32 = 2;
/// The key of the metadata by which a packed file is known; its value is the format.
const FORMAT_KEY: &str = "chattts-rs-packed";
/// Bytes kept free for the header.
const HEADER: usize = 256 << 10;
const ALIGNMENT: u64 = 64;
/// The tensor of checksums: CRC-32, four bytes each.
const CHECKSUMS: &str = "checksums";
/// Bytes of data that have a checksum together.
const BLOCK: usize = 1 << 20;

/// Holds a packed file, mapped.
pub struct Packed {
    path: PathBuf,
    mapped: Mapped,
    facts: BTreeMap<String, String>,
}

impl Packed {
    /// Maps a packed file, and compares its checksums unless that was done before.
    ///
    /// # Errors
    /// [`Error::BadFile`] if it is another kind of file, damaged, or of another version.
    pub fn open(path: &Path) -> Result<Self> {
        let mapped = Mapped::open(path)?;
        // Tells others that it is in use; where locks are not to be had nobody is told.
        let _ = mapped.file.try_lock_shared();
        let facts: BTreeMap<String, String> =
            mapped.metadata.metadata().iter().flatten().map(|(k, v)| (k.clone(), v.clone())).collect();
        match facts.get(FORMAT_KEY) {
            Some(format) if *format == FORMAT.to_string() => {
                let packed = Packed { path: path.to_path_buf(), mapped, facts };
                packed.check_once()?;
                Ok(packed)
            }
            Some(format) => Err(Error::bad_file(
                path,
                format!("packed in format {format}, this version reads {FORMAT}; convert the model again"),
            )),
            None => Err(Error::bad_file(
                path,
                "a safetensors file, but no packed model; `chattts-rs model convert` makes one of a model's \
                 folder",
            )),
        }
    }

    /// Compares the checksums, unless the stamp says that they were right.
    fn check_once(&self) -> Result<()> {
        let meta = self.mapped.file.metadata().map_err(Error::io("read", &self.path))?;
        let known = [format!("whole {FORMAT} {}", stamp::identity(&meta))];
        let name = self.path.file_name().unwrap_or_default().to_string_lossy();
        let beside = self.path.with_file_name(format!(".{name}.checked"));
        if stamp::read(&beside) == known {
            return Ok(());
        }
        if !self.is_whole() {
            return Err(Error::bad_file(
                &self.path,
                "damaged: its checksums are not those of what it holds; convert the model again",
            ));
        }
        // Where it cannot be kept, they are compared each time.
        stamp::write(&beside, &known);
        Ok(())
    }

    fn is_whole(&self) -> bool {
        let map = &self.mapped.map[..];
        let Some((_, _, range)) = self.mapped.find(CHECKSUMS) else { return false };
        if self.mapped.start != HEADER || range.end != map.len() {
            return false;
        }
        let (header, data) = map[..range.start].split_at(HEADER);
        let blocks: Vec<&[u8]> = std::iter::once(header).chain(data.chunks(BLOCK)).collect();
        let (sums, rest) = map[range].as_chunks::<4>();
        rest.is_empty()
            && blocks.len() == sums.len()
            && blocks.par_iter().zip(sums).all(|(block, sum)| crc32fast::hash(block).to_le_bytes() == *sum)
    }

    /// Returns something that is written about the model.
    pub fn fact(&self, name: &str) -> Option<&str> {
        self.facts.get(name).map(String::as_str)
    }

    /// Returns a text that was put in.
    ///
    /// # Errors
    /// [`Error::BadFile`] if it is missing.
    pub fn text(&self, name: &str) -> Result<&str> {
        let bad = || Error::bad_file(&self.path, format!("{name} is missing; convert the model again"));
        let (_, _, range) = self.mapped.find(name).ok_or_else(bad)?;
        std::str::from_utf8(&self.mapped.map[range]).map_err(|_| bad())
    }

    /// Returns one of the checkpoint's files that were packed.
    pub(super) fn part(self: &Arc<Self>, part: &str) -> WeightFile {
        WeightFile::new(
            self.path.clone(),
            Arc::new(Part { file: Arc::clone(self), prefix: format!("{part}/") }),
        )
    }
}

/// Reads one of the checkpoint's files in a packed one.
struct Part {
    file: Arc<Packed>,
    prefix: String,
}

impl Part {
    fn name(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }
}

impl TensorSource for Part {
    fn shape(&self, name: &str) -> Option<Vec<usize>> {
        // What is there as it was speaks for itself; of what was packed there is only the note.
        if let Some((Dtype::F32, shape, _)) = self.file.mapped.find(&self.name(name)) {
            return Some(shape.to_vec());
        }
        let fact = self.file.facts.get(&format!("shape {}", self.name(name)))?;
        fact.split_whitespace().map(|size| size.parse().ok()).collect()
    }

    fn tensor(&self, name: &str) -> Result<Option<Tensor>> {
        self.file.mapped.tensor(&self.name(name))
    }

    fn place(&self, name: &str) -> Option<Place> {
        self.file.mapped.place(&self.name(name))
    }

    fn is_packed(&self) -> bool {
        true
    }

    fn matrix(&self, name: &str) -> Option<Matrix> {
        let name = self.name(name);
        let fact = self.file.facts.get(&format!("matrix {name}"))?;
        let [kind, outputs, inputs] = fact.split(' ').collect::<Vec<_>>()[..] else { return None };
        let kind = match kind {
            "f32" => WeightType::F32,
            "q8" => WeightType::Q8,
            _ => return None,
        };
        let shape = Shape { outputs: outputs.parse().ok()?, inputs: inputs.parse().ok()?, kind };
        let (_, _, range) = self.file.mapped.find(&name)?;
        Matrix::mapped(self.file.mapped.map.clone(), range.start, range.len(), shape)
    }
}

/// Writes a packed file, piece by piece as they come.
pub struct Packer {
    part: String,
    shared: Arc<Mutex<Writer>>,
}

struct Writer {
    path: PathBuf,
    file: BufWriter<File>,
    /// Bytes of data so far.
    length: u64,
    /// Checksums of the whole blocks of data so far, and that of the block which is written.
    sums: Vec<u32>,
    sum: crc32fast::Hasher,
    in_block: usize,
    tensors: BTreeMap<String, Value>,
    facts: BTreeMap<String, String>,
}

impl Packer {
    /// Begins a file, which is empty and open for writing; errors name it by `path`.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn create(path: &Path, file: File) -> Result<Self> {
        let mut writer = Writer {
            path: path.to_path_buf(),
            file: BufWriter::with_capacity(1 << 20, file),
            length: 0,
            sums: Vec::new(),
            sum: crc32fast::Hasher::new(),
            in_block: 0,
            tensors: BTreeMap::new(),
            facts: BTreeMap::from([(FORMAT_KEY.to_string(), FORMAT.to_string())]),
        };
        writer.write(&[0; HEADER])?;
        Ok(Packer { part: String::new(), shared: Arc::new(Mutex::new(writer)) })
    }

    /// Returns the same file, for tensors of one part.
    pub(super) fn part(&self, part: &str) -> Self {
        Packer { part: format!("{part}/"), shared: Arc::clone(&self.shared) }
    }

    fn lock(&self) -> MutexGuard<'_, Writer> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a text in.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn text(&self, name: &str, text: &str) -> Result<()> {
        self.lock().put(name.to_string(), "U8", &[text.len()], text.as_bytes())
    }

    /// Writes something about the model.
    pub fn fact(&self, name: &str, fact: &str) {
        self.lock().facts.insert(name.to_string(), fact.to_string());
    }

    /// Writes the header and all that is left to the disk.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn finish(self) -> Result<()> {
        self.lock().finish()
    }
}

impl Recorder for Packer {
    fn shape(&self, name: &str, shape: &[usize]) {
        let sizes: Vec<String> = shape.iter().map(usize::to_string).collect();
        self.lock().facts.insert(format!("shape {}{name}", self.part), sizes.join(" "));
    }

    fn values(&self, name: &str, shape: &[usize], values: &[f32]) -> Result<()> {
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.lock().put(format!("{}{name}", self.part), "F32", shape, &bytes)
    }

    fn matrix(&self, name: &str, matrix: &Matrix) -> Result<()> {
        let Shape { outputs, inputs, kind } = matrix.shape();
        let kind = kind.name();
        let mut writer = self.lock();
        writer.facts.insert(format!("matrix {}{name}", self.part), format!("{kind} {outputs} {inputs}"));
        writer.put(format!("{}{name}", self.part), "U8", &[matrix.bytes().len()], matrix.bytes())
    }
}

impl Writer {
    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.file.write_all(bytes).map_err(Error::io("write", &self.path))
    }

    /// Writes data, and counts them into the checksums.
    fn write_data(&mut self, bytes: &[u8]) -> Result<()> {
        let mut rest = bytes;
        while !rest.is_empty() {
            let (part, others) = rest.split_at(rest.len().min(BLOCK - self.in_block));
            self.sum.update(part);
            self.in_block += part.len();
            if self.in_block == BLOCK {
                self.end_block();
            }
            rest = others;
        }
        self.write(bytes)
    }

    fn end_block(&mut self) {
        self.sums.push(std::mem::take(&mut self.sum).finalize());
        self.in_block = 0;
    }

    /// Writes a tensor. A name that came before keeps what it has: loaders ask for the same thing more than
    /// once.
    fn put(&mut self, name: String, dtype: &str, shape: &[usize], bytes: &[u8]) -> Result<()> {
        if self.tensors.contains_key(&name) {
            return Ok(());
        }
        self.write_data(bytes)?;
        let end = self.length + bytes.len() as u64;
        let entry = json!({ "dtype": dtype, "shape": shape, "data_offsets": [self.length, end] });
        self.tensors.insert(name, entry);
        self.length = end;
        let missing = end.next_multiple_of(ALIGNMENT) - end;
        if missing > 0 {
            // Data may have no gaps, so what aligns the next tensor is one of its own.
            self.write_data(&[0; ALIGNMENT as usize][..missing as usize])?;
            let entry = json!({ "dtype": "U8", "shape": [missing], "data_offsets": [end, end + missing] });
            self.tensors.insert(format!("padding {end}"), entry);
            self.length = end + missing;
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<()> {
        if self.in_block > 0 {
            self.end_block();
        }
        let bytes = (1 + self.sums.len()) * size_of::<u32>();
        let ends = [self.length, self.length + bytes as u64];
        let entry = json!({ "dtype": "U8", "shape": [bytes], "data_offsets": ends });
        self.tensors.insert(CHECKSUMS.into(), entry);
        let mut header: serde_json::Map<String, Value> =
            self.tensors.iter().map(|(name, entry)| (name.clone(), entry.clone())).collect();
        header.insert("__metadata__".into(), json!(self.facts));
        let mut text = Value::Object(header).to_string();
        let room = HEADER - size_of::<u64>();
        if text.len() > room {
            let reason = format!("a header of {} bytes; {room} are kept for it", text.len());
            return Err(Error::bad_file(&self.path, reason));
        }
        // JSON may end in spaces.
        text.extend(std::iter::repeat_n(' ', room - text.len()));
        let header = [&(room as u64).to_le_bytes(), text.as_bytes()].concat();
        let sums = std::iter::once(crc32fast::hash(&header)).chain(std::mem::take(&mut self.sums));
        self.write(&sums.flat_map(u32::to_le_bytes).collect::<Vec<u8>>())?;
        let io = Error::io("write", &self.path);
        self.file
            .seek(SeekFrom::Start(0))
            .and_then(|_| self.file.write_all(&header))
            .and_then(|()| self.file.flush())
            .and_then(|()| self.file.get_ref().sync_all())
            .map_err(io)
    }
}
