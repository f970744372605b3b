//! Writes `--dump`: the model's outputs, named and shaped as the reference's, for comparison.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use chattts_rs::backend::Rendered;
use chattts_rs::{Decoder, Refined, Trace, VoicePrompt};
use safetensors::tensor::{Dtype, View, serialize};

use super::output::{create_folder, write_file};

struct Array {
    dtype: Dtype,
    shape: Vec<usize>,
    bytes: Vec<u8>,
}

impl Array {
    fn ints(shape: &[usize], values: impl Iterator<Item = u32>) -> Self {
        let bytes = values.flat_map(|v| (v as i32).to_le_bytes()).collect();
        Array { dtype: Dtype::I32, shape: shape.to_vec(), bytes }
    }

    fn floats(shape: &[usize], values: &[f32]) -> Self {
        let bytes = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        Array { dtype: Dtype::F32, shape: shape.to_vec(), bytes }
    }

    fn rows(rows: &[Vec<u32>]) -> Self {
        let width = rows.first().map_or(0, Vec::len);
        Array::ints(&[rows.len(), width], rows.iter().flatten().copied())
    }
}

impl View for &Array {
    fn dtype(&self) -> Dtype {
        self.dtype
    }

    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        self.bytes.as_slice().into()
    }

    fn data_len(&self) -> usize {
        self.bytes.len()
    }
}

/// A folder of dumps.
pub struct Dump {
    dir: PathBuf,
}

impl Dump {
    /// Creates the folder.
    pub fn new(dir: &Path) -> anyhow::Result<Self> {
        create_folder(dir)?;
        Ok(Dump { dir: dir.to_path_buf() })
    }

    fn write(&self, index: usize, arrays: &[(&str, Array)]) -> anyhow::Result<()> {
        let path = path(&self.dir, index);
        let views = arrays.iter().map(|(name, array)| (*name, array));
        let bytes = serialize(views, None).with_context(|| format!("cannot write {}", path.display()))?;
        write_file(&path, &bytes)
    }

    /// Writes a spoken text: input_ids (T, 4), token_ids (n, 4), hiddens (n, hidden) if the wave was made from
    /// them, mel (100, frames), wav (samples), and the tokens of refining, if there was any.
    pub fn speech(&self, index: usize, trace: &Trace) -> anyhow::Result<()> {
        let codes = &trace.codes;
        let mut arrays =
            vec![("input_ids", Array::rows(&codes.input_ids)), ("token_ids", Array::rows(&codes.tokens))];
        if codes.decoder == Decoder::HiddenStates {
            let steps = codes.tokens.len();
            let shape = [steps, codes.hiddens.len() / steps.max(1)];
            arrays.push(("hiddens", Array::floats(&shape, &codes.hiddens.values()?)));
        }
        arrays.extend(audio(&trace.mel, &trace.wave));
        if let Some(refined) = &codes.refined {
            arrays.push(("refine_input_ids", flat(&refined.input_ids)));
            arrays.push(("refine_token_ids", flat(&refined.tokens)));
        }
        self.write(index, &arrays)
    }

    /// Writes a refined text: input_ids (T), token_ids (n).
    pub fn refined(&self, index: usize, refined: &Refined) -> anyhow::Result<()> {
        self.write(index, &[("input_ids", flat(&refined.input_ids)), ("token_ids", flat(&refined.tokens))])
    }

    /// Writes decoded codes: codes (4, n), mel (100, frames), wav (samples).
    pub fn decoded(&self, codes: &VoicePrompt, rendered: &Rendered) -> anyhow::Result<()> {
        let shape = [codes.codes().len(), codes.frames()];
        let values = codes.codes().iter().flatten().map(|c| u32::from(*c));
        let mut arrays = vec![("codes", Array::ints(&shape, values))];
        arrays.extend(audio(&rendered.mel, &rendered.wave));
        self.write(0, &arrays)
    }
}

/// Returns the file of a text's dump.
pub fn path(dir: &Path, index: usize) -> PathBuf {
    dir.join(format!("{index:05}.safetensors"))
}

fn flat(ids: &[u32]) -> Array {
    Array::ints(&[ids.len()], ids.iter().copied())
}

fn audio(mel: &chattts_rs::backend::Mel, wave: &[f32]) -> [(&'static str, Array); 2] {
    let values = mel.by_channel();
    let frames = mel.frames();
    let channels = values.len() / frames.max(1);
    [("mel", Array::floats(&[channels, frames], &values)), ("wav", Array::floats(&[wave.len()], wave))]
}
