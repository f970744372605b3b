//! The boundary between whoever wants a wave and the devices that compute one. Sees no tensor.

use std::sync::OnceLock;

use super::networks::MEL_CHANNELS;
use crate::engine::{Decoder, Hiddens};
use crate::error::Result;

/// Holds a log mel spectrogram.
#[derive(Clone, Debug, PartialEq)]
pub struct Mel {
    /// Frames of 256 samples, row by row: (frames, 100).
    pub values: Vec<f32>,
}

impl Mel {
    /// Returns how many frames it has.
    pub fn frames(&self) -> usize {
        self.values.len() / MEL_CHANNELS
    }

    /// Returns it channel by channel, (100, frames), as the reference lays it out.
    pub fn by_channel(&self) -> Vec<f32> {
        (0..MEL_CHANNELS)
            .flat_map(|channel| self.values.iter().skip(channel).step_by(MEL_CHANNELS).copied())
            .collect()
    }
}

/// Holds a wave and the mel it was made from.
#[derive(Clone, Debug, PartialEq)]
pub struct Rendered {
    /// The log mel.
    pub mel: Mel,
    /// Samples at 24 kHz, about −1 to 1.
    pub wave: Vec<f32>,
}

/// Borrows the tokens by which a sequence has grown.
#[derive(Clone, Copy, Debug)]
pub enum Fresh<'a> {
    /// Hidden states, (steps, hidden) row by row.
    Hiddens(&'a [f32]),
    /// Codes, one per codebook and step.
    Codes(&'a [Vec<u32>]),
}

impl Fresh<'_> {
    /// Returns codes as one row per codebook.
    pub(super) fn by_codebook(steps: &[Vec<u32>]) -> Vec<Vec<u16>> {
        let books = steps.first().map_or(0, Vec::len);
        (0..books).map(|book| steps.iter().map(|step| step[book] as u16).collect()).collect()
    }
}

/// Borrows what sequences are rendered from, none of them empty.
#[derive(Clone, Copy, Debug)]
pub enum Source<'a> {
    /// Hidden states, (steps, hidden) row by row.
    Hiddens(&'a [&'a Hiddens]),
    /// Codes, one row per codebook.
    Codes(&'a [&'a [Vec<u16>]]),
    /// Log mels, (frames, 100) row by row.
    Mels(&'a [&'a [f32]]),
}

/// Says what a caller wants of what is rendered; the rest may be left empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// The mel.
    Mel,
    /// The wave.
    Wave,
    /// Both.
    Both,
}

/// Runs the networks after the Llama on one device: the decoder, the DVAE both ways and the vocoder. Shared by threads.
pub trait Render: Send + Sync {
    /// Renders sequences.
    ///
    /// # Errors
    /// If rows of codes are missing, of unequal length, or a code is out of range; an error of the device.
    fn render(&self, source: Source, wanted: Wanted) -> Result<Vec<Rendered>>;

    /// Encodes a wave (24 kHz, mono) as one row of codes per codebook, each a code per 512 samples.
    ///
    /// # Errors
    /// [`Error::Speaker`](crate::Error::Speaker) if the wave is too short to hold a code or holds a value that is not a
    /// number; [`Error::NotANumber`](crate::Error::NotANumber) if the weights are damaged.
    fn encode(&self, wave: &[f32]) -> Result<Vec<Vec<u16>>>;

    /// Says how waves grow with their tokens.
    ///
    /// # Errors
    /// If the DVAE, which is read when it is first asked for, cannot be loaded.
    fn growth(&self, decoder: Decoder) -> Result<Growth>;
}

/// Says how a device makes a wave whose tokens come by and by.
pub enum Growth {
    /// It keeps what every layer needs for the frames to come.
    Kept(Box<dyn Grow>),
    /// The frames within reach of new ones are computed again.
    Repeated {
        /// How many frames to each side a mel frame depends on.
        mel_reach: usize,
        /// How many frames to each side a frame of the spectrum depends on.
        wave_reach: usize,
    },
}

/// Makes one wave, whose tokens come by and by.
pub trait Grow: Send {
    /// Takes the tokens that have come since the last call and returns the frames of the mel and the samples that have
    /// become final, the same to the bit as those of the whole; all that are left if the sequence is finished.
    ///
    /// # Errors
    /// As [`Render::render`].
    fn take(&mut self, fresh: Fresh, finished: bool) -> Result<Rendered>;
}

/// Holds a network that most runs never need: it is loaded when it is first asked for.
pub struct Later<T>(OnceLock<T>);

impl<T> Default for Later<T> {
    fn default() -> Self {
        Later(OnceLock::new())
    }
}

impl<T> Later<T> {
    /// Returns it if it is loaded.
    #[cfg_attr(
        not(feature = "cuda-kernels"),
        expect(dead_code, reason = "only cards take memory for it beforehand")
    )]
    pub fn loaded(&self) -> Option<&T> {
        self.0.get()
    }

    /// Returns it, loaded if nobody asked for it before.
    ///
    /// # Errors
    /// That of `load`.
    pub fn get(&self, load: impl FnOnce() -> Result<T>) -> Result<&T> {
        match self.0.get() {
            Some(network) => Ok(network),
            None => {
                let network = load()?;
                Ok(self.0.get_or_init(|| network))
            }
        }
    }
}
