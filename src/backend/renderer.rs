//! From what the Llama computed to a wave: decoder or DVAE, then the vocoder, on whichever device has them.

use super::memory;
use super::networks::{HOP, MEL_CHANNELS};
use super::render::{Growing, Mel, Render, Rendered, Source, Wanted};
use super::wave_stream::WaveStream;
use crate::engine::Decoder;
use crate::error::{Error, Result};
use crate::voice::VoicePrompt;

/// Turns hidden states or codes into a mel and that into a wave. Shared by threads; each call is on its own.
pub struct Renderer {
    hidden: usize,
    networks: Box<dyn Render>,
}

impl Renderer {
    /// Renders hidden states of the given width by the networks of some backend.
    pub(crate) fn new(hidden: usize, networks: Box<dyn Render>) -> Self {
        Renderer { hidden, networks }
    }

    fn render(&self, source: Source, wanted: Wanted) -> Result<Vec<Rendered>> {
        let rendered = self.networks.render(source, wanted)?;
        // They would pass for silence.
        match rendered.iter().all(|one| one.wave.iter().all(|sample| sample.is_finite())) {
            true => Ok(rendered),
            false => Err(Error::NotANumber),
        }
    }

    /// Renders sequences of hidden states, each (steps, hidden) row by row and not empty.
    ///
    /// # Errors
    /// [`Error::Parameter`] if a sequence is empty or of another width; [`Error::NotANumber`] if a sample is none.
    pub fn from_hiddens(&self, sequences: &[&[f32]]) -> Result<Vec<Rendered>> {
        if let Some(bad) = sequences.iter().find(|s| s.is_empty() || !s.len().is_multiple_of(self.hidden)) {
            return Err(Error::parameter(
                "hiddens",
                format!("{} values are no rows of {}", bad.len(), self.hidden),
            ));
        }
        self.render(Source::Hiddens(sequences), Wanted::Both)
    }

    /// Renders sequences of codes, one row per codebook each.
    ///
    /// # Errors
    /// If rows are missing, of unequal length, or a code is out of range; [`Error::NotANumber`] if a sample is none.
    pub fn from_codes(&self, sequences: &[&[Vec<u16>]]) -> Result<Vec<Rendered>> {
        self.render(Source::Codes(sequences), Wanted::Both)
    }

    /// Renders one sequence of codes of any length, one row per codebook, in as little memory as a short one: about
    /// `group` steps at a time. The result is that of [`Renderer::from_codes`] to the bit.
    ///
    /// # Errors
    /// As [`Renderer::from_codes`]; [`Error::Memory`] if there is no room for the wave.
    pub fn from_long_codes(&self, codes: &[Vec<u16>], group: usize) -> Result<Rendered> {
        let length = codes.first().map_or(0, Vec::len);
        if length <= 2 * group || codes.iter().any(|row| row.len() != length) {
            return one(self.from_codes(&[codes])?);
        }
        let what = || format!("the wave of {length} codes");
        let steps: Vec<Vec<u32>> =
            (0..length).map(|step| codes.iter().map(|row| u32::from(row[step])).collect()).collect();
        let frames = 2 * length;
        let mut wave = memory::room(HOP * frames, &what)?;
        let mut mel = memory::room(MEL_CHANNELS * frames, &what)?;
        let mut stream = WaveStream::default();
        let mut end = 0;
        while end < length {
            end = (end + group).min(length);
            let source = Growing::Codes(&steps[..end]);
            let Rendered { mel: fresh, wave: samples } = stream.take_rendered(self, source, end == length)?;
            wave.extend(samples);
            mel.extend(fresh.values);
        }
        Ok(Rendered { mel: Mel { values: mel }, wave })
    }

    /// Returns the codes of a spoken sample (24 kHz, mono), one per 512 samples.
    ///
    /// # Errors
    /// [`Error::Speaker`] if the sample is too short to hold a code or holds a value that is not a number.
    pub fn encode(&self, wave: &[f32]) -> Result<VoicePrompt> {
        VoicePrompt::new(self.networks.encode(wave)?)
    }

    /// Returns how many tokens a growing sequence has.
    pub(super) fn tokens_of(&self, source: Growing) -> usize {
        match source {
            Growing::Hiddens(rows) => rows.len() / self.hidden,
            Growing::Codes(steps) => steps.len(),
        }
    }

    /// Returns how many frames to each side a mel frame and a spectrum frame depend on.
    pub(super) fn reach(&self, source: Growing) -> Result<(usize, usize)> {
        let decoder = match source {
            Growing::Hiddens(_) => Decoder::HiddenStates,
            Growing::Codes(_) => Decoder::Codes,
        };
        Ok((self.networks.mel_reach(decoder)?, self.networks.wave_reach()))
    }

    /// Returns the mel of a growing sequence from a token on, as if it began there.
    pub(super) fn mel_from(&self, source: Growing, token: usize) -> Result<Mel> {
        let rendered = match source {
            Growing::Hiddens(rows) => {
                self.render(Source::Hiddens(&[&rows[token * self.hidden..]]), Wanted::Mel)?
            }
            Growing::Codes(steps) => {
                let books = steps.first().map_or(0, Vec::len);
                let book = |book: usize| steps[token..].iter().map(|step| step[book] as u16).collect();
                let rows: Vec<Vec<u16>> = (0..books).map(book).collect();
                self.render(Source::Codes(&[&rows]), Wanted::Mel)?
            }
        };
        Ok(one(rendered)?.mel)
    }

    /// Returns the wave of one sequence's log mel, (frames, 100) row by row.
    pub(super) fn wave_of(&self, mel: &[f32]) -> Result<Vec<f32>> {
        Ok(one(self.render(Source::Mels(&[mel]), Wanted::Wave)?)?.wave)
    }
}

fn one(rendered: Vec<Rendered>) -> Result<Rendered> {
    let none = || Error::Device("nothing was rendered of a sequence".into());
    rendered.into_iter().next().ok_or_else(none)
}
