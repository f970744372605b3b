//! WAV files, also those with wrong sizes, which an interrupted recorder leaves behind.

use std::io::{BufRead, Read};
use std::path::Path;

use super::{CONVERT, Mono, Recording};
use crate::audio::g711::{from_alaw, from_ulaw};
use crate::error::{Error, Result};

/// The WAVE_FORMAT_… tags (RFC 2361).
const PCM: u16 = 1;
const FLOAT: u16 = 3;
const ALAW: u16 = 6;
const ULAW: u16 = 7;
const EXTENSIBLE: u16 = 0xfffe;

/// The bytes of the `fmt ` chunk that are used.
const FORMAT_SIZE: u64 = 40;
/// Frames that are decoded at once.
const FRAMES: usize = 4096;

/// Says how samples are stored.
struct Stored {
    tag: u16,
    channels: u16,
    sample_rate: u32,
    /// Bytes of one sample.
    width: u16,
}

/// Reads a file from its first byte on.
pub(super) fn read(file: &mut impl BufRead, path: &Path) -> Result<Recording> {
    let riff = bytes(file, 12, path)?;
    let riff_size = u32_at(&riff, 4).unwrap_or_default();
    let mut stored = None;
    loop {
        let header = bytes(file, 8, path)?;
        let (Some(id), Some(size)) = (header.get(..4), u32_at(&header, 4)) else {
            return Err(Error::bad_file(path, "is a WAV file that ends before its samples; copy it again"));
        };
        // What a program writes that does not know the length yet.
        let is_open = size == u32::MAX || (size == 0 && matches!(riff_size, 0 | u32::MAX));
        match id {
            b"fmt " => {
                let body = bytes(file, u64::from(size).min(FORMAT_SIZE), path)?;
                stored = Some(format(&body, path)?);
                let rest = u64::from(size) - body.len() as u64;
                skip(file, rest + u64::from(size % 2), path)?;
            }
            b"data" => {
                let stored = stored
                    .ok_or_else(|| Error::bad_file(path, damaged("has no format before its samples")))?;
                return samples(file, &stored, (!is_open).then_some(size), path);
            }
            _ => skip(file, u64::from(size) + u64::from(size % 2), path)?,
        }
    }
}

fn format(body: &[u8], path: &Path) -> Result<Stored> {
    let fields = (u16_at(body, 0), u16_at(body, 2), u32_at(body, 4), u16_at(body, 12));
    let (Some(tag), Some(channels), Some(sample_rate), Some(frame)) = fields else {
        return Err(Error::bad_file(path, damaged("has an incomplete format")));
    };
    // The extension's GUID begins with the tag it stands for.
    let tag = if tag == EXTENSIBLE { u16_at(body, 24).unwrap_or(tag) } else { tag };
    let Some(width) = frame.checked_div(channels).filter(|width| width * channels == frame) else {
        let reason = damaged(&format!("says that {channels} channels take {frame} bytes"));
        return Err(Error::bad_file(path, reason));
    };
    match (tag, width) {
        (PCM, 1..=4) | (FLOAT, 4 | 8) | (ALAW | ULAW, 1) => Ok(Stored { tag, channels, sample_rate, width }),
        _ => {
            let coding = match tag {
                PCM => format!("PCM of {} bits", u32::from(width) * 8),
                FLOAT => format!("float of {} bits", u32::from(width) * 8),
                0x02 | 0x11 => "ADPCM".into(),
                0x50 | 0x55 => "MPEG in WAV".into(),
                _ => format!("coding {tag:#06x}"),
            };
            Err(Error::bad_file(
                path,
                format!(
                    "is a WAV file of {coding}; 8- to 32-bit PCM, 32- and 64-bit float, A-law and µ-law are read. \
                     {CONVERT}"
                ),
            ))
        }
    }
}

/// Reads the samples; up to the file's end without a size in bytes.
fn samples(file: &mut impl Read, stored: &Stored, size: Option<u32>, path: &Path) -> Result<Recording> {
    let mut mono = Mono::new(path, stored.sample_rate, stored.channels.into())?;
    let width = usize::from(stored.width);
    let frame = width * usize::from(stored.channels);
    let mut data = file.take(size.map_or(u64::MAX, u64::from));
    loop {
        let block = bytes(&mut data, (FRAMES * frame) as u64, path)?;
        if block.is_empty() {
            let promised = size.map(|size| u64::from(size) / frame as u64);
            return Ok(mono.finish(promised, None));
        }
        mono.push(block.chunks_exact(width).map(|sample| value(stored.tag, sample)))?;
    }
}

/// Returns the value of a stored sample, −1 to 1 at full scale. Integers of fewer bits than their bytes have
/// are in the upper ones.
fn value(tag: u16, sample: &[u8]) -> f32 {
    match (tag, sample) {
        (ALAW, [code]) => from_alaw(*code) as f32 / 32_768.0,
        (ULAW, [code]) => from_ulaw(*code) as f32 / 32_768.0,
        (FLOAT, [a, b, c, d]) => f32::from_le_bytes([*a, *b, *c, *d]),
        (FLOAT, [a, b, c, d, e, f, g, h]) => f64::from_le_bytes([*a, *b, *c, *d, *e, *f, *g, *h]) as f32,
        // Of all, 8-bit samples alone are without a sign.
        (_, [a]) => (f32::from(*a) - 128.0) / 128.0,
        (_, [a, b]) => f32::from(i16::from_le_bytes([*a, *b])) / 32_768.0,
        (_, [a, b, c]) => integer([0, *a, *b, *c]),
        (_, [a, b, c, d]) => integer([*a, *b, *c, *d]),
        _ => 0.0,
    }
}

fn integer(bytes: [u8; 4]) -> f32 {
    (f64::from(i32::from_le_bytes(bytes)) / 2_147_483_648.0) as f32
}

/// Reads so many bytes, or fewer at the end of the file.
fn bytes(file: &mut impl Read, count: u64, path: &Path) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(count).read_to_end(&mut bytes).map_err(Error::io("read", path))?;
    Ok(bytes)
}

fn skip(file: &mut impl Read, count: u64, path: &Path) -> Result<()> {
    std::io::copy(&mut file.take(count), &mut std::io::sink()).map_err(Error::io("read", path))?;
    Ok(())
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().copied().map(u16::from_le_bytes)
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().copied().map(u32::from_le_bytes)
}

fn damaged(what: &str) -> String {
    format!("is a damaged WAV file: it {what}; copy or export it again")
}
