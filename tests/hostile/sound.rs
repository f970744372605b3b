//! Tells whether a file of sound is whole.

use std::path::Path;

/// Reads a file of sound to its end.
///
/// # Errors
/// What is wrong with it.
pub fn check(path: &Path, bytes: &[u8]) -> Result<(), String> {
    match path.extension().and_then(|ending| ending.to_str()) {
        Some("wav") => wav(bytes),
        Some("flac") => flac(bytes),
        _ => Ok(()),
    }
}

fn number(bytes: &[u8], at: usize) -> Result<usize, String> {
    let four = bytes.get(at..at + 4).ok_or_else(|| format!("ends before byte {}", at + 4))?;
    Ok(u32::from_le_bytes(four.try_into().unwrap()) as usize)
}

fn wav(bytes: &[u8]) -> Result<(), String> {
    let is_long = bytes.starts_with(b"RF64");
    if !is_long && !bytes.starts_with(b"RIFF") || bytes.get(8..12) != Some(b"WAVE") {
        return Err("is no WAV file".into());
    }
    if !is_long && number(bytes, 4)? + 8 != bytes.len() {
        return Err(format!("says {} bytes and has {}", number(bytes, 4)? + 8, bytes.len()));
    }
    let (mut at, mut block, mut has_data) = (12, 0, false);
    while at + 8 <= bytes.len() {
        let (name, mut length) = (&bytes[at..at + 4], number(bytes, at + 4)?);
        if name == b"fmt " {
            block = number(bytes, at + 20)? & 0xffff;
        }
        if name == b"data" {
            has_data = true;
            if is_long && length == u32::MAX as usize {
                length = bytes.len() - at - 8;
            }
            if block == 0 || length == 0 || length % block != 0 {
                return Err(format!("has {length} bytes of samples of {block} bytes each"));
            }
        }
        at += 8 + length + length % 2;
    }
    match has_data && (at == bytes.len()) {
        true => Ok(()),
        false => Err(format!("has parts of {at} bytes in {}", bytes.len())),
    }
}

fn flac(bytes: &[u8]) -> Result<(), String> {
    let mut reader = claxon::FlacReader::new(bytes).map_err(|e| e.to_string())?;
    let promised = reader.streaminfo().samples;
    let mut count = 0;
    for sample in reader.samples() {
        sample.map_err(|e| e.to_string())?;
        count += 1;
    }
    match count > 0 && promised.is_none_or(|promised| promised == count) {
        true => Ok(()),
        false => Err(format!("says {promised:?} samples and has {count}")),
    }
}
