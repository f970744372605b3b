//! The files of a model.

use std::fs::{File, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::path::PathBuf;
use std::sync::OnceLock;

use chattts_rs::backend::{Checkpoint, GptConfig, WeightFile, WeightType, lay_out};
use chattts_rs::hub::NoiseSize;
use serde_json::Value;

use crate::{assert_message, place};

/// Reads the sizes of a model.
pub fn config(data: &[u8]) {
    let path = place::file("config.json", data);
    match GptConfig::read(&path) {
        Ok(config) => {
            assert!(config.heads > 0 && config.hidden.is_multiple_of(2 * config.heads));
            assert!(config.layers > 0 && config.max_positions > 0);
            assert!(config.hidden <= 1 << 15 && config.layers <= 1 << 10 && config.max_positions <= 1 << 16);
        }
        Err(error) => assert_message(&error.to_string()),
    }
}

/// Reads a safetensors file: all of its tensors.
pub fn weights(data: &[u8]) {
    let path = place::file("model.safetensors", data);
    let file = match WeightFile::open(&path) {
        Ok(file) => file,
        Err(error) => return assert_message(&error.to_string()),
    };
    let length = data.first_chunk::<8>().map_or(0, |length| u64::from_le_bytes(*length) as usize);
    let header: Value = serde_json::from_slice(&data[8..8 + length]).expect("a header that was read");
    for name in header.as_object().into_iter().flat_map(|header| header.keys()).take(32) {
        let Ok(shape) = file.shape(name) else { continue };
        match file.tensor(name, &shape) {
            Ok(tensor) => assert_eq!(tensor.dims(), shape),
            Err(error) => assert_message(&error.to_string()),
        }
        // Rows that stay where they lie in the file.
        if let [rows, width] = shape[..] {
            let weights = file.root();
            if let Ok(table) = weights.table(name, &[rows, width]) {
                assert_eq!(table.values().len(), rows * width);
            }
        }
    }
}

/// Bytes at the start of a packed file that are kept for its header.
const HEADER: usize = 256 << 10;

struct Whole {
    path: PathBuf,
    header: Value,
    /// Where the checksum of the header lies in the file.
    sum: u64,
}

/// Opens a packed model whose header is changed as the input says, by a JSON merge patch (RFC 7396); its checksums
/// are right.
pub fn packed(data: &[u8]) {
    static WHOLE: OnceLock<Whole> = OnceLock::new();
    let Ok(mut patch) = serde_json::from_slice::<Value>(data) else { return };
    let whole = WHOLE.get_or_init(|| {
        let path = place::folder().join("packed.safetensors");
        let checkpoint = Checkpoint::noise(NoiseSize::Tiny, 0).expect("a model");
        checkpoint.pack(&path, WeightType::Q8).expect("a packed model");
        let bytes = std::fs::read(&path).expect("a packed model");
        let header: Value = serde_json::from_slice(&bytes[8..HEADER]).expect("a header");
        let sum = header["checksums"]["data_offsets"][0].as_u64().expect("the place of the checksums");
        Whole { path, header, sum: HEADER as u64 + sum }
    });
    let mut header = whole.header.clone();
    merge(&mut header, &mut patch);
    let mut bytes = ((HEADER - 8) as u64).to_le_bytes().to_vec();
    bytes.extend(header.to_string().into_bytes());
    if bytes.len() > HEADER {
        return;
    }
    bytes.resize(HEADER, b' ');
    let mut file = OpenOptions::new().write(true).open(&whole.path).expect("the packed model");
    write_at(&mut file, 0, &bytes);
    write_at(&mut file, whole.sum, &crc32fast::hash(&bytes).to_le_bytes());
    // Two files of one length, changed within the clock's tick, have one stamp.
    let _ = std::fs::remove_file(place::folder().join(".packed.safetensors.checked"));
    let loaded = Checkpoint::open_packed(&whole.path).and_then(|checkpoint| {
        let kind = checkpoint.packed.unwrap_or(WeightType::F32);
        lay_out(&checkpoint, kind)
    });
    if let Err(error) = loaded {
        assert_message(&error.to_string());
    }
}

fn write_at(file: &mut File, at: u64, bytes: &[u8]) {
    file.seek(SeekFrom::Start(at)).and_then(|_| file.write_all(bytes)).expect("a file in memory");
}

fn merge(target: &mut Value, patch: &mut Value) {
    let Value::Object(patch) = patch else {
        *target = patch.take();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Default::default());
    }
    let Value::Object(target) = target else { return };
    for (key, value) in patch.iter_mut() {
        match value {
            Value::Null => drop(target.remove(key)),
            value => merge(target.entry(key.clone()).or_insert(Value::Null), value),
        }
    }
}
