//! Opus in Ogg (RFC 6716, RFC 7845), written frame by frame.

use ogg::PacketWriter;
use ogg::writing::PacketWriteEndInfo as End;
use ropus::{Application, Bitrate, Channels, Encoder};

use super::pcm::to_f32;
use crate::error::{Error, Result};

/// The rates that Opus takes, in Hz.
pub(super) const SAMPLE_RATES: [u32; 5] = [8_000, 12_000, 16_000, 24_000, 48_000];

/// The rate in which positions are counted, whatever that of the samples.
const CLOCK: u32 = 48_000;
/// Frames a second: 20 ms each, the codec's own.
const FRAMES_PER_SECOND: u32 = 50;
/// Frames of a page: a stream is a fifth of a second behind.
const PAGE: u64 = 10;
/// The most bytes of a frame.
const MAX_FRAME: usize = 1_275;
/// The number of the stream in its file, which holds no other.
const SERIAL: u32 = 1;
const VENDOR: &str = env!("CARGO_PKG_NAME");

/// Returns the bits a second that speech of this rate is coded with, on average.
fn bit_rate(sample_rate: u32) -> u32 {
    match sample_rate {
        ..=8_000 => 24_000,
        8_001..=16_000 => 32_000,
        _ => 48_000,
    }
}

/// An Opus stream that is being written.
pub(super) struct Opus {
    encoder: Encoder,
    ogg: PacketWriter<'static, Vec<u8>>,
    /// Samples that do not fill a frame yet, and how many do.
    pending: Vec<f32>,
    frame: usize,
    /// Units of [`CLOCK`] in a sample, and before the first sample.
    scale: u64,
    pre_skip: u64,
    samples: u64,
    frames: u64,
}

impl Opus {
    pub(super) fn new(sample_rate: u32) -> Result<Self> {
        let encoder = Encoder::builder(sample_rate, Channels::Mono, Application::Audio)
            .bitrate(Bitrate::Bits(bit_rate(sample_rate)))
            .vbr(true)
            .vbr_constraint(false)
            .complexity(10)
            .build()
            .map_err(failed)?;
        let scale = CLOCK / sample_rate;
        // The encoder counts its delay in its own samples.
        let pre_skip = u16::try_from(encoder.lookahead() * scale).map_err(failed)?;
        let mut ogg = PacketWriter::new(Vec::new());
        ogg.write_packet(head(pre_skip, sample_rate), SERIAL, End::EndPage, 0).map_err(failed)?;
        ogg.write_packet(tags(), SERIAL, End::EndPage, 0).map_err(failed)?;
        Ok(Opus {
            encoder,
            ogg,
            pending: Vec::new(),
            frame: (sample_rate / FRAMES_PER_SECOND) as usize,
            scale: scale.into(),
            pre_skip: pre_skip.into(),
            samples: 0,
            frames: 0,
        })
    }

    /// Takes samples and returns the pages that have become full, the headers first.
    pub(super) fn push(&mut self, samples: &[f32]) -> Result<Vec<u8>> {
        self.samples += samples.len() as u64;
        self.pending.extend(samples.iter().map(|sample| to_f32(*sample)));
        let whole = self.pending.len() / self.frame * self.frame;
        let frames: Vec<f32> = self.pending.drain(..whole).collect();
        for frame in frames.chunks_exact(self.frame) {
            self.write(frame, self.frames % PAGE == PAGE - 1, None)?;
        }
        Ok(std::mem::take(self.ogg.inner_mut()))
    }

    /// Returns the last pages. The samples end within the last frame, which says where.
    pub(super) fn finish(mut self) -> Result<Vec<u8>> {
        let end = self.samples * self.scale + self.pre_skip;
        let clock_per_frame = u64::from(CLOCK / FRAMES_PER_SECOND);
        let frames = end.div_ceil(clock_per_frame);
        // The encoder's delay alone takes part of one more frame.
        while self.frames < frames {
            let mut frame = std::mem::take(&mut self.pending);
            frame.resize(self.frame, 0.0);
            let is_last = self.frames + 1 == frames;
            self.write(&frame, self.frames % PAGE == PAGE - 1, is_last.then_some(end))?;
        }
        Ok(self.ogg.into_inner())
    }

    /// Writes a frame, which ends a page, or the stream at a position within it.
    fn write(&mut self, frame: &[f32], ends_page: bool, ends_stream: Option<u64>) -> Result<()> {
        let mut packet = vec![0; MAX_FRAME];
        let length = self.encoder.encode_float(frame, &mut packet).map_err(failed)?;
        packet.truncate(length);
        self.frames += 1;
        let position = self.frames * u64::from(CLOCK / FRAMES_PER_SECOND);
        let (end, position) = match ends_stream {
            Some(position) => (End::EndStream, position),
            None if ends_page => (End::EndPage, position),
            None => (End::NormalPacket, position),
        };
        self.ogg.write_packet(packet, SERIAL, end, position).map_err(failed)
    }
}

/// Returns the identification header (RFC 7845, section 5.1): mono, without gain.
fn head(pre_skip: u16, sample_rate: u32) -> Vec<u8> {
    let (version, channels, gain, mapping) = (1u8, 1u8, 0i16, 0u8);
    [
        &b"OpusHead"[..],
        &[version, channels],
        &pre_skip.to_le_bytes(),
        &sample_rate.to_le_bytes(),
        &gain.to_le_bytes(),
        &[mapping],
    ]
    .concat()
}

/// Returns the comment header (RFC 7845, section 5.2), without comments.
fn tags() -> Vec<u8> {
    let comments = 0u32;
    [&b"OpusTags"[..], &(VENDOR.len() as u32).to_le_bytes(), VENDOR.as_bytes(), &comments.to_le_bytes()]
        .concat()
}

fn failed(e: impl std::fmt::Display) -> Error {
    Error::Audio(format!("cannot write Opus: {e}"))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{signal_to_noise, voice};
    use super::*;
    use crate::audio::{Encoding, Format, encode, resample};
    use std::io::Cursor;

    /// Decodes a file by another program's decoder, to 48 kHz; returns the samples and the bits a second.
    fn decode(bytes: &[u8]) -> (Vec<f32>, f64) {
        let mut reader = ogg::PacketReader::new(Cursor::new(bytes));
        let head = reader.read_packet_expected().unwrap();
        assert!(head.first_in_stream() && head.data.starts_with(b"OpusHead\x01\x01"));
        let pre_skip = usize::from(u16::from_le_bytes([head.data[10], head.data[11]]));
        assert!(reader.read_packet_expected().unwrap().data.starts_with(b"OpusTags"));
        let mut decoder = opus_rs::OpusDecoder::new(48_000, 1).unwrap();
        let (mut samples, mut end, mut size, mut last) = (Vec::new(), 0, 0, false);
        while let Some(packet) = reader.read_packet().unwrap() {
            let mut frame = [0.0; 960];
            assert_eq!(decoder.decode(&packet.data, 960, &mut frame).unwrap(), 960);
            samples.extend(frame);
            (end, last) = (packet.absgp_page() as usize, packet.last_in_stream());
            size += packet.data.len();
        }
        assert!(last && end <= samples.len() && end + 960 > samples.len(), "{end} of {}", samples.len());
        let seconds = samples.len() as f64 / 48_000.0;
        (samples[pre_skip..end].to_vec(), size as f64 * 8.0 / seconds)
    }

    fn encoded(wave: &[f32], rate: u32) -> Vec<u8> {
        encode(wave, &Encoding::new(Format::Opus, None, Some(rate)).unwrap()).unwrap()
    }

    #[test]
    fn a_voice_is_decoded_as_it_was() {
        for rate in SAMPLE_RATES {
            let wave = voice(3 * rate as usize, rate);
            let (decoded, bits) = decode(&encoded(&wave, rate));
            let snr = signal_to_noise(&resample(&wave, rate, 48_000).unwrap(), &decoded);
            assert!(snr > 15.0, "{rate} Hz: {snr:.1} dB");
            let asked = f64::from(bit_rate(rate));
            assert!(bits > asked / 3.0 && bits < asked * 1.5, "{rate} Hz: {bits:.0} bit/s");
        }
    }

    #[test]
    fn the_length_is_kept_to_the_sample() {
        for rate in SAMPLE_RATES {
            for samples in [0, 1, 100, 159, 160, 479, 480, 481, 960, 9_599, 9_600, 12_345] {
                let (decoded, _) = decode(&encoded(&voice(samples, rate), rate));
                assert_eq!(
                    decoded.len(),
                    samples * (48_000 / rate) as usize,
                    "{samples} samples at {rate} Hz"
                );
            }
        }
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
            assert_eq!(decode(&encoded(&wave, 24_000)).0.len(), 19_200, "{wild}");
        }
    }
}
