//! A wave as it grows: the samples that later tokens can no longer change, the same to the bit as those of the whole.

use std::sync::Arc;

use super::networks::{HOP, MEL_CHANNELS};
use super::render::{Fresh, Grow, Growth, Mel, Render, Rendered, Source, Wanted};
use crate::engine::{Decoder, Hiddens};
use crate::error::{Error, Result};

/// Makes one wave, whose tokens come by and by.
pub struct WaveStream(Box<dyn Grow>);

impl WaveStream {
    /// Begins a wave of sequences of this width.
    pub(super) fn new(networks: &Arc<dyn Render>, hidden: usize, decoder: Decoder) -> Result<Self> {
        Ok(WaveStream(match networks.growth(decoder)? {
            Growth::Kept(wave) => wave,
            Growth::Repeated { mel_reach, wave_reach } => Box::new(Windows {
                networks: Arc::clone(networks),
                hidden,
                reach: (mel_reach, wave_reach),
                hiddens: Vec::new(),
                codes: Vec::new(),
                tokens: 0,
                first_token: 0,
                mel: Vec::new(),
                frames: 0,
                taken: 0,
            }),
        }))
    }

    /// Takes the tokens that have come since the last call and returns the frames of the mel and the samples that have
    /// become final; all that are left if the sequence is finished.
    ///
    /// # Errors
    /// As [`Renderer::from_hiddens`](super::Renderer::from_hiddens) and
    /// [`Renderer::from_codes`](super::Renderer::from_codes).
    pub fn take(&mut self, fresh: Fresh, finished: bool) -> Result<Rendered> {
        let rendered = self.0.take(fresh, finished)?;
        match rendered.wave.iter().all(|sample| sample.is_finite()) {
            true => Ok(rendered),
            false => Err(Error::NotANumber),
        }
    }
}

/// Computes the frames within reach of new ones again. Every convolution sees a bounded number of frames, so those
/// are enough.
struct Windows {
    networks: Arc<dyn Render>,
    hidden: usize,
    /// How many frames to each side a frame of the mel and one of the spectrum depend on.
    reach: (usize, usize),
    /// Tokens within reach of mel frames to come, of the one kind or the other.
    hiddens: Vec<f32>,
    codes: Vec<Vec<u32>>,
    /// Tokens that have come, and how many of them are held no longer.
    tokens: usize,
    first_token: usize,
    /// The last frames of the mel, from which the next samples are made, and how many frames there were.
    mel: Vec<f32>,
    frames: usize,
    /// Samples that were returned; whole hops until the end.
    taken: usize,
}

impl Windows {
    /// Renders what is held, as if it began there.
    fn render(&self, source: Source, wanted: Wanted) -> Result<Rendered> {
        let none = || Error::Device("nothing was rendered of a sequence".into());
        self.networks.render(source, wanted)?.into_iter().next().ok_or_else(none)
    }
}

impl Grow for Windows {
    fn take(&mut self, fresh: Fresh, finished: bool) -> Result<Rendered> {
        match fresh {
            Fresh::Hiddens(rows) => {
                self.hiddens.extend_from_slice(rows);
                self.tokens += rows.len() / self.hidden;
            }
            Fresh::Codes(steps) => {
                self.codes.extend_from_slice(steps);
                self.tokens += steps.len();
            }
        }
        let (mel_reach, wave_reach) = self.reach;
        let frames = 2 * self.tokens;
        // A sample is overlapped by the frames up to two hops before and one after it; those are computed
        // from the mel frames within the vocoder's reach, of which the new ones come from tokens within the decoder's.
        let first_mel = (self.taken / HOP).saturating_sub(1 + wave_reach);
        let last_mel = if finished { frames } else { frames.saturating_sub(mel_reach) };
        let end = match finished {
            true => HOP * frames.saturating_sub(1),
            false => HOP * last_mel.saturating_sub(wave_reach + 2),
        };
        if end <= self.taken {
            return Ok(Rendered { mel: Mel { values: Vec::new() }, wave: Vec::new() });
        }
        let mel = match fresh {
            Fresh::Hiddens(_) => {
                let hiddens = Hiddens::from(self.hiddens.clone());
                self.render(Source::Hiddens(&[&hiddens]), Wanted::Mel)?.mel
            }
            Fresh::Codes(_) => {
                self.render(Source::Codes(&[&Fresh::by_codebook(&self.codes)]), Wanted::Mel)?.mel
            }
        };
        let skipped = self.frames - 2 * self.first_token;
        let values = mel.values[skipped * MEL_CHANNELS..][..(last_mel - self.frames) * MEL_CHANNELS].to_vec();
        let first_kept = self.frames - self.mel.len() / MEL_CHANNELS;
        self.mel.drain(..(first_mel - first_kept) * MEL_CHANNELS);
        self.mel.extend_from_slice(&values);
        let wave = self.render(Source::Mels(&[&self.mel]), Wanted::Wave)?.wave;
        let offset = HOP * first_mel;
        let wave = wave[self.taken - offset..end - offset].to_vec();
        self.taken = end;
        self.frames = last_mel;

        let first_token = last_mel.saturating_sub(mel_reach) / 2;
        let spare = first_token - self.first_token;
        self.hiddens.drain(..(spare * self.hidden).min(self.hiddens.len()));
        self.codes.drain(..spare.min(self.codes.len()));
        self.first_token = first_token;
        Ok(Rendered { mel: Mel { values }, wave })
    }
}
