//! From what the Llama computed to a wave: decoder or DVAE, then the vocoder, on whichever device has them.

use std::sync::Arc;

use super::memory;
use super::networks::{HOP, MEL_CHANNELS};
use super::render::{Fresh, Mel, Render, Rendered, Source, Wanted};
use super::wave_stream::WaveStream;
use crate::engine::{Decoder, Hiddens};
use crate::error::{Error, Result};
use crate::voice::VoicePrompt;

/// Turns hidden states or codes into a mel and that into a wave. Shared by threads; each call is on its own.
pub struct Renderer {
    hidden: usize,
    networks: Arc<dyn Render>,
}

impl Renderer {
    /// Renders hidden states of the given width by the networks of some backend.
    pub(crate) fn new(hidden: usize, networks: Box<dyn Render>) -> Self {
        Renderer { hidden, networks: networks.into() }
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
    pub fn from_hiddens(&self, sequences: &[&Hiddens]) -> Result<Vec<Rendered>> {
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
        let mut stream = self.grow(Decoder::Codes)?;
        let mut parts = steps.chunks(group).peekable();
        while let Some(part) = parts.next() {
            let finished = parts.peek().is_none();
            let Rendered { mel: fresh, wave: samples } = stream.take(Fresh::Codes(part), finished)?;
            wave.extend(samples);
            mel.extend(fresh.values);
        }
        Ok(Rendered { mel: Mel { values: mel }, wave })
    }

    /// Begins a wave whose tokens come by and by.
    ///
    /// # Errors
    /// If the DVAE, which is read when it is first asked for, cannot be loaded.
    pub fn grow(&self, decoder: Decoder) -> Result<WaveStream> {
        WaveStream::new(&self.networks, self.hidden, decoder)
    }

    /// Returns the codes of a spoken sample (24 kHz, mono), one per 512 samples.
    ///
    /// # Errors
    /// [`Error::Speaker`] if the sample is too short to hold a code or holds a value that is not a number.
    pub fn encode(&self, wave: &[f32]) -> Result<VoicePrompt> {
        VoicePrompt::new(self.networks.encode(wave)?)
    }
}

fn one(rendered: Vec<Rendered>) -> Result<Rendered> {
    let none = || Error::Device("nothing was rendered of a sequence".into());
    rendered.into_iter().next().ok_or_else(none)
}
