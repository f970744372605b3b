//! A wave on the processor whose tokens come by and by: every layer keeps the frames that its next ones depend on, so
//! that nothing is computed twice.

use std::sync::Arc;

use super::pass::{Kept, Pass};
use super::render::{Networks, probe};
use crate::backend::networks::{Dvae, HOP};
use crate::backend::render::{Fresh, Grow, Mel, Rendered};
use crate::error::Result;

/// Makes one wave.
pub struct CpuWave {
    networks: Arc<Networks>,
    /// What the layers up to the mel keep, and those after it.
    before_mel: Vec<Kept>,
    after_mel: Vec<Kept>,
    /// Rows of the spectrum that samples to come are overlapped by, and the frame that the first is.
    spectra: Vec<f32>,
    first: usize,
    /// Samples that were returned; whole hops until the end.
    taken: usize,
}

impl CpuWave {
    /// Begins a wave.
    pub fn new(networks: Arc<Networks>) -> Self {
        let (before_mel, after_mel, spectra) = (Vec::new(), Vec::new(), Vec::new());
        CpuWave { networks, before_mel, after_mel, spectra, first: 0, taken: 0 }
    }
}

impl Grow for CpuWave {
    fn take(&mut self, fresh: Fresh, finished: bool) -> Result<Rendered> {
        let Networks { hidden, decoder, vocos, .. } = &*self.networks;
        let pass = &mut Pass::growing(&mut self.before_mel, finished);
        let mel = match fresh {
            Fresh::Hiddens(rows) => {
                let tokens = rows.len() / hidden;
                probe(2 * tokens)?;
                decoder.forward(rows.to_vec(), &[tokens], pass)
            }
            Fresh::Codes(steps) => {
                let Dvae { quantizer, stack } = self.networks.dvae()?;
                probe(2 * steps.len())?;
                let features = match steps {
                    [] => Vec::new(),
                    _ => quantizer.features(&[&Fresh::by_codebook(steps)])?.0,
                };
                stack.forward(features, &[steps.len()], pass)
            }
        };
        let values = mel.rows.clone();
        let spectra = vocos.spectra(mel, &mut Pass::growing(&mut self.after_mel, finished));
        self.spectra.extend_from_slice(&spectra.rows);

        let frames = self.first + self.spectra.len() / vocos.head.outputs;
        // A sample is overlapped by the frames up to two hops before and one after it.
        let end = HOP * frames.saturating_sub(if finished { 1 } else { 2 });
        let mut samples = Vec::new();
        if end > self.taken {
            let wave = vocos.istft.waves(&self.spectra, &[frames - self.first])?.concat();
            samples.extend_from_slice(&wave[self.taken - HOP * self.first..end - HOP * self.first]);
            self.taken = end;
            let first = (end / HOP).saturating_sub(1);
            self.spectra.drain(..(first - self.first) * vocos.head.outputs);
            self.first = first;
        }
        Ok(Rendered { mel: Mel { values }, wave: samples })
    }
}
