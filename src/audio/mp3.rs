//! MP3 (ISO/IEC 11172-3, 13818-3 and MPEG-2.5, layer III), written frame by frame.

use rusty_mp3::encode::lametag::{
    ENCODER_DELAY, TagInfo, TagStats, extra_priming, frames_for, padding_for, tag_frame, tag_header,
};
use rusty_mp3::header::FrameHeader;
use rusty_mp3::{Mp3Encode, encoder_header};

use super::pcm::to_f32;
use crate::error::{Error, Result};

/// The rates that MP3 takes, in Hz.
pub(super) const SAMPLE_RATES: [u32; 9] =
    [8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000];

/// Returns the thousands of bits a second that speech of this rate is coded with.
fn bit_rate(sample_rate: u32) -> u32 {
    match sample_rate {
        ..=12_000 => 48,
        12_001..=16_000 => 64,
        16_001..=24_000 => 96,
        _ => 128,
    }
}

/// An MP3 stream that is being written. Every frame can be decoded by itself, so that it is given out at once.
pub(super) struct Mp3 {
    encoder: Box<Mp3Encode>,
    header: FrameHeader,
    /// The header of the frame that tells of the others.
    tag: FrameHeader,
    stats: TagStats,
    /// Samples that do not fill a frame yet.
    pending: Vec<f32>,
    samples: u64,
}

impl Mp3 {
    pub(super) fn new(sample_rate: u32) -> Result<Self> {
        let mut header = encoder_header(sample_rate, 1, bit_rate(sample_rate)).map_err(failed)?;
        header.original = false;
        let tag = tag_header(&header);
        let stats = TagStats::new(tag.frame_size());
        let encoder = Box::new(Mp3Encode::new());
        Ok(Mp3 { encoder, header, tag, stats, pending: Vec::new(), samples: 0 })
    }

    /// Returns the bytes to leave free in front of a file for its tag.
    pub(super) fn tag_size(&self) -> usize {
        self.tag.frame_size()
    }

    /// Takes samples and returns the frames that have become full.
    pub(super) fn push(&mut self, samples: &[f32]) -> Result<Vec<u8>> {
        self.samples += samples.len() as u64;
        self.pending.extend(samples.iter().map(|sample| to_f32(*sample)));
        self.encode()
    }

    /// Returns the last frames, and the tag of a file: a silent frame that says how many samples before and behind
    /// the sound are not part of it, as LAME writes it.
    pub(super) fn finish(mut self) -> Result<(Vec<u8>, Vec<u8>)> {
        let size = self.header.version.samples_per_frame();
        // Only where not one frame was written.
        let priming = if self.samples < size as u64 { extra_priming(self.samples, size) } else { 0 };
        self.pending.splice(0..0, std::iter::repeat_n(0.0, priming));
        let delay = ENCODER_DELAY + priming;
        let padding = padding_for(self.samples, delay, size) as usize;
        let frames = frames_for(self.samples, delay, size);
        let left = frames.saturating_sub(self.stats.frames().into()) as usize;
        self.pending.resize(left * size, 0.0);
        let rest = self.encode()?;
        let tag = tag_frame(&self.tag, &self.stats, &TagInfo { vbr: false, delay, padding });
        Ok((rest, tag))
    }

    fn encode(&mut self) -> Result<Vec<u8>> {
        let size = self.header.version.samples_per_frame();
        let mut bytes = Vec::new();
        let frames = self.pending.chunks_exact(size);
        let whole = self.pending.len() - frames.remainder().len();
        for frame in frames {
            let frame = self.encoder.encode_frame(&self.header, &[frame], None).map_err(failed)?;
            self.stats.add_frame(&frame);
            bytes.extend(frame);
        }
        self.pending.drain(..whole);
        Ok(bytes)
    }
}

fn failed(e: impl std::fmt::Display) -> Error {
    Error::Audio(format!("cannot write MP3: {e}"))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{signal_to_noise, voice};
    use super::*;
    use crate::audio::{Encoding, Format, Recording, StreamEncoder, encode};

    fn encoded(wave: &[f32], rate: u32) -> Vec<u8> {
        encode(wave, &Encoding::new(Format::Mp3, None, Some(rate)).unwrap()).unwrap()
    }

    /// Decodes a file by another program's decoder.
    fn decode(bytes: &[u8]) -> Recording {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.mp3");
        std::fs::write(&path, bytes).unwrap();
        Recording::read(&path).unwrap()
    }

    #[test]
    fn a_voice_is_decoded_as_it_was() {
        for rate in SAMPLE_RATES {
            let wave = voice(3 * rate as usize, rate);
            let bytes = encoded(&wave, rate);
            let decoded = decode(&bytes);
            assert_eq!((decoded.sample_rate, decoded.damage), (rate, None));
            assert_eq!(decoded.samples.len(), wave.len(), "{rate} Hz");
            let snr = signal_to_noise(&wave, &decoded.samples);
            let bits = bytes.len() as f64 * 8.0 / 3.0;
            assert!(snr > 15.0, "{rate} Hz: {snr:.1} dB");
            assert!(
                (bits / f64::from(1_000 * bit_rate(rate)) - 1.0).abs() < 0.1,
                "{rate} Hz: {bits:.0} bit/s"
            );
        }
    }

    #[test]
    fn the_length_is_kept_to_the_sample() {
        for rate in [8_000, 24_000, 48_000] {
            for samples in [1, 50, 94, 95, 575, 576, 577, 1_151, 1_152, 5_000, 12_345] {
                let decoded = decode(&encoded(&voice(samples, rate), rate));
                assert_eq!(decoded.samples.len(), samples, "{samples} samples at {rate} Hz");
            }
        }
    }

    #[test]
    fn a_stream_is_given_out_frame_by_frame() {
        let wave = voice(48_000, 24_000);
        let mut encoder = StreamEncoder::new(&Encoding::new(Format::Mp3, None, None).unwrap()).unwrap();
        let mut bytes = Vec::new();
        for (number, piece) in wave.chunks(576).enumerate() {
            bytes.extend(encoder.push(piece).unwrap());
            // 96 kbit/s are 288 bytes in 24 ms.
            assert!(bytes.len() >= 288 * number, "{} bytes after {number} frames", bytes.len());
        }
        bytes.extend(encoder.finish().unwrap());
        let decoded = decode(&bytes);
        let delay = ENCODER_DELAY + rusty_mp3::encode::lametag::DECODER_DELAY;
        assert!(decoded.samples.len() >= wave.len() + delay - 576, "{}", decoded.samples.len());
    }

    #[test]
    fn the_same_samples_are_the_same_bytes() {
        let wave = voice(30_000, 24_000);
        assert!(encoded(&wave, 24_000) == encoded(&wave, 24_000));
    }

    #[test]
    fn whatever_a_sample_is_it_is_taken() {
        for wild in [f32::NAN, f32::INFINITY, -1e30, 5.0] {
            let mut wave = voice(9_600, 24_000);
            wave[3_000..3_010].fill(wild);
            let decoded = decode(&encoded(&wave, 24_000)).samples;
            assert_eq!(decoded.len(), 9_600, "{wild}");
            assert!(signal_to_noise(&wave[5_000..], &decoded[5_000..]) > 15.0, "{wild}");
        }
    }
}
