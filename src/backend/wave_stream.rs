//! A wave as it grows: the samples that later tokens can no longer change, the same to the bit as those of
//! the whole.

use super::networks::{HOP, MEL_CHANNELS};
use super::render::{Growing, Mel, Rendered};
use super::renderer::Renderer;
use crate::error::Result;

/// Remembers how far a growing wave has been taken.
#[derive(Debug, Default)]
pub struct WaveStream {
    /// Samples that were returned; whole hops until the end.
    taken: usize,
    /// Frames of the mel that were returned, and the last of them, from which the next samples are made.
    frames: usize,
    mel: Vec<f32>,
}

impl WaveStream {
    /// Returns the samples that have become final since the last call. Every convolution sees a bounded
    /// number of frames, so only the frames within reach of new samples are computed again.
    ///
    /// # Errors
    /// As [`Renderer::from_hiddens`] and [`Renderer::from_codes`].
    pub fn take(&mut self, renderer: &Renderer, source: Growing, finished: bool) -> Result<Vec<f32>> {
        Ok(self.take_rendered(renderer, source, finished)?.wave)
    }

    /// Returns the samples as [`WaveStream::take`] does, and the frames of the mel that have become final.
    ///
    /// # Errors
    /// As [`WaveStream::take`].
    pub fn take_rendered(
        &mut self,
        renderer: &Renderer,
        source: Growing,
        finished: bool,
    ) -> Result<Rendered> {
        let tokens = renderer.tokens_of(source);
        let frames = 2 * tokens;
        let (mel_reach, vocos_reach) = renderer.reach(source)?;
        // A sample is overlapped by the frames up to two hops before and one after it; those are computed
        // from the mel frames within the vocoder's reach, of which the new ones come from tokens within the decoder's.
        let first_spectrum = (self.taken / HOP).saturating_sub(1);
        let first_mel = first_spectrum.saturating_sub(vocos_reach);
        let first_token = self.frames.saturating_sub(mel_reach) / 2;
        let last_mel = if finished { frames } else { frames.saturating_sub(mel_reach) };
        let end = match finished {
            true => HOP * frames.saturating_sub(1),
            false => HOP * last_mel.saturating_sub(vocos_reach + 2),
        };
        if end <= self.taken {
            return Ok(Rendered { mel: Mel { values: Vec::new() }, wave: Vec::new() });
        }
        let mel = renderer.mel_from(source, first_token)?;
        let skipped = self.frames - 2 * first_token;
        let fresh = mel.values[skipped * MEL_CHANNELS..][..(last_mel - self.frames) * MEL_CHANNELS].to_vec();
        let first_kept = self.frames - self.mel.len() / MEL_CHANNELS;
        self.mel.drain(..(first_mel - first_kept) * MEL_CHANNELS);
        self.mel.extend_from_slice(&fresh);
        let wave = renderer.wave_of(&self.mel)?;
        let offset = HOP * first_mel;
        let samples = wave[self.taken - offset..end - offset].to_vec();
        self.taken = end;
        self.frames = last_mel;
        Ok(Rendered { mel: Mel { values: fresh }, wave: samples })
    }
}
