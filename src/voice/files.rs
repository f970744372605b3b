//! Voices in files of other programs.

use std::path::Path;

use safetensors::{Dtype, SafeTensors};

use super::VoicePrompt;
use crate::error::{Error, Result};

/// The most bytes of a file with codes: hours of speech.
const MAX_BYTES: u64 = 32 << 20;
/// The name of the tensor that holds the codes.
pub(super) const CODES: &str = "codes";

/// Reads codes from the tensor `codes` of a safetensors file: whole numbers of any width, one row per codebook.
///
/// # Errors
/// [`Error::Io`] if the file cannot be read, [`Error::BadFile`], [`Error::MissingTensor`] or
/// [`Error::TensorShape`] if it is not such a file.
pub fn read_codes(path: &Path) -> Result<VoicePrompt> {
    let bytes = crate::files::read_regular(path, MAX_BYTES)?;
    codes_in(path, &open(path, &bytes)?)
}

pub(super) fn open<'a>(path: &Path, bytes: &'a [u8]) -> Result<SafeTensors<'a>> {
    SafeTensors::deserialize(bytes).map_err(|_| Error::bad_file(path, "truncated or not a safetensors file"))
}

/// Reads the codes of an open file.
pub(super) fn codes_in(path: &Path, file: &SafeTensors) -> Result<VoicePrompt> {
    let missing = || {
        Error::bad_file(path, format!("it holds {} tensors, not a tensor named `codes`", file.names().len()))
    };
    let tensor = file.tensor(CODES).map_err(|_| missing())?;
    let &[rows, frames] = tensor.shape() else {
        return Err(Error::TensorShape {
            file: path.to_path_buf(),
            tensor: CODES.into(),
            expected: "[codebooks, frames]".into(),
            found: tensor.shape().to_vec(),
        });
    };
    let values: Vec<i64> = match tensor.dtype() {
        Dtype::U8 => tensor.data().iter().map(|b| i64::from(*b)).collect(),
        Dtype::U16 => numbers(tensor.data(), |b| i64::from(u16::from_le_bytes(b))),
        Dtype::I16 => numbers(tensor.data(), |b| i64::from(i16::from_le_bytes(b))),
        Dtype::U32 => numbers(tensor.data(), |b| i64::from(u32::from_le_bytes(b))),
        Dtype::I32 => numbers(tensor.data(), |b| i64::from(i32::from_le_bytes(b))),
        Dtype::I64 => numbers(tensor.data(), i64::from_le_bytes),
        other => {
            let found = format!("{other:?}").to_lowercase();
            return Err(Error::bad_file(path, format!("`codes` are {found}; whole numbers are read")));
        }
    };
    let codes = values
        .iter()
        .map(|v| {
            u16::try_from(*v)
                .map_err(|_| Error::bad_file(path, format!("{v} is no code; codes are 0 to 624")))
        })
        .collect::<Result<Vec<u16>>>()?;
    if rows == 0 || frames == 0 {
        return Err(Error::bad_file(path, format!("`codes` has shape [{rows}, {frames}] and is empty")));
    }
    VoicePrompt::new(codes.chunks(frames).map(<[u16]>::to_vec).collect())
}

fn numbers<const N: usize>(bytes: &[u8], number: impl Fn([u8; N]) -> i64) -> Vec<i64> {
    bytes.as_chunks::<N>().0.iter().map(|b| number(*b)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use safetensors::tensor::TensorView;

    fn file(name: &str, dtype: Dtype, shape: &[usize], data: &[u8]) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        let view = TensorView::new(dtype, shape.to_vec(), data).unwrap();
        std::fs::write(&file, safetensors::serialize([(name, view)], None).unwrap()).unwrap();
        file
    }

    fn bytes(values: &[i64], width: usize) -> Vec<u8> {
        values.iter().flat_map(|v| v.to_le_bytes()[..width].to_vec()).collect()
    }

    #[test]
    fn codes_of_any_whole_type_are_read() {
        let values = [1, 2, 3, 4, 5, 6];
        for (dtype, width) in [
            (Dtype::U8, 1),
            (Dtype::U16, 2),
            (Dtype::I16, 2),
            (Dtype::U32, 4),
            (Dtype::I32, 4),
            (Dtype::I64, 8),
        ] {
            let file = file("codes", dtype, &[2, 3], &bytes(&values, width));
            assert_eq!(read_codes(file.path()).unwrap().codes(), [vec![1, 2, 3], vec![4, 5, 6]], "{dtype:?}");
        }
    }

    #[test]
    fn other_files_say_what_they_are() {
        let e = |file: tempfile::NamedTempFile| read_codes(file.path()).unwrap_err().to_string();
        assert!(e(file("x", Dtype::U8, &[1, 1], &[1])).contains("not a tensor named `codes`"));
        assert!(
            e(file("codes", Dtype::U8, &[2], &[1, 2])).contains("shape [2], expected [codebooks, frames]")
        );
        assert!(e(file("codes", Dtype::F32, &[1, 1], &[0; 4])).contains("f32"));
        assert!(e(file("codes", Dtype::I32, &[1, 1], &bytes(&[-1], 4))).contains("-1 is no code"));
        assert!(e(file("codes", Dtype::I32, &[4, 0], &[])).contains("empty"));
        let torn = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(&torn, b"hello").unwrap();
        assert!(e(torn).contains("truncated or not a safetensors file"));
        assert!(
            read_codes(Path::new("/nowhere/x")).unwrap_err().to_string().contains("cannot read /nowhere/x")
        );
    }
}
