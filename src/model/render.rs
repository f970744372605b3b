//! The boundary between whoever wants a wave and the devices that compute one. Sees no tensor.

use super::mel_decoder::MEL_CHANNELS;
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

/// Borrows what a growing wave is made from: all of it so far.
#[derive(Clone, Copy, Debug)]
pub enum Growing<'a> {
    /// Hidden states, (steps, hidden) row by row.
    Hiddens(&'a [f32]),
    /// Codes, one per codebook and step.
    Codes(&'a [Vec<u32>]),
}

/// Runs the networks after the Llama on one device: the decoder, the DVAE's decoding half and the vocoder.
/// Shared by threads.
pub trait Render: Send + Sync {
    /// Renders sequences of hidden states, each (steps, hidden) row by row and not empty.
    ///
    /// # Errors
    /// An error of the device.
    fn render_hiddens(&self, sequences: &[&[f32]]) -> Result<Vec<Rendered>>;

    /// Renders sequences of codes, one row per codebook each.
    ///
    /// # Errors
    /// If rows are missing, of unequal length, or a code is out of range; an error of the device.
    fn render_codes(&self, sequences: &[&[Vec<u16>]]) -> Result<Vec<Rendered>>;

    /// Returns the log mel of one sequence of hidden states.
    ///
    /// # Errors
    /// An error of the device.
    fn mel_of_hiddens(&self, hiddens: &[f32]) -> Result<Mel>;

    /// Returns the log mel of one sequence of codes, one row per codebook.
    ///
    /// # Errors
    /// As [`Render::render_codes`].
    fn mel_of_codes(&self, codes: &[Vec<u16>]) -> Result<Mel>;

    /// Returns the wave of one sequence's log mel, (frames, 100) row by row.
    ///
    /// # Errors
    /// An error of the device.
    fn wave_of(&self, mel: &[f32]) -> Result<Vec<f32>>;

    /// Returns how many frames to each side a mel frame made from hidden states depends on.
    fn reach_of_hiddens(&self) -> usize;

    /// Returns how many frames to each side a mel frame made from codes depends on.
    ///
    /// # Errors
    /// If the DVAE, which is read when it is first asked for, cannot be loaded.
    fn reach_of_codes(&self) -> Result<usize>;

    /// Returns how many frames to each side a frame of the spectrum depends on.
    fn wave_reach(&self) -> usize;
}
