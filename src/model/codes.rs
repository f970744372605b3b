//! The DVAE's codebooks: grouped residual finite scalar quantisation (Mentzer et al., 2023).

use candle_core::Tensor;

use super::linear::Linear;
use super::ops::Frames;
use super::weights::{ANY, Weights};
use crate::error::{Error, Result};

/// Scalars of a code.
const DIGITS: usize = 4;
/// Values of a scalar.
const LEVELS: u32 = 5;
/// Codes that refine each other within a group; each at a quarter of the scale before.
const RESIDUALS: usize = 2;
const RESIDUAL_SCALE: f32 = 1.0 / (LEVELS - 1) as f32;

/// Codes → features.
pub struct Quantizer {
    groups: Vec<Linear>,
}

impl Quantizer {
    /// `rvqs.{i}.project_out` for every group, together `features` wide.
    pub fn load(weights: &Weights, features: usize) -> Result<Self> {
        let count = weights.count("rvqs", "project_out.weight").max(1);
        weights.at("rvqs.0.project_out").tensor("weight", &[ANY, DIGITS])?;
        let groups = (0..count)
            .map(|i| Linear::load(&weights.at(format!("rvqs.{i}.project_out")), features / count, DIGITS))
            .collect::<Result<Vec<_>>>()?;
        Ok(Quantizer { groups })
    }

    /// Codebooks: group 0 level 0, group 0 level 1, group 1 level 0, …
    pub fn codebooks(&self) -> usize {
        self.groups.len() * RESIDUALS
    }

    /// Codes of a codebook (625).
    pub fn code_tokens(&self) -> u32 {
        LEVELS.pow(DIGITS as u32)
    }

    /// Codes of several sequences, one row per codebook each → features (tokens, width).
    ///
    /// # Errors
    /// [`Error::Speaker`] if a row or a code is missing or out of range.
    pub fn features(&self, sequences: &[&[Vec<u16>]]) -> Result<Frames> {
        let lengths: Vec<usize> = sequences.iter().map(|codes| codes.first().map_or(0, Vec::len)).collect();
        for (codes, length) in sequences.iter().zip(&lengths) {
            self.check(codes, *length)?;
        }
        let tokens: usize = lengths.iter().sum();
        let parts = self
            .groups
            .iter()
            .enumerate()
            .map(|(group, project_out)| {
                let mut scalars = vec![0f32; tokens * DIGITS];
                let mut rows = scalars.chunks_exact_mut(DIGITS);
                for (codes, length) in sequences.iter().zip(&lengths) {
                    for (t, row) in (0..*length).zip(&mut rows) {
                        let mut scale = 1.0;
                        for residual in 0..RESIDUALS {
                            add_digits(codes[group * RESIDUALS + residual][t] as u32, scale, row);
                            scale *= RESIDUAL_SCALE;
                        }
                    }
                }
                let device = project_out.device();
                project_out.forward(&Tensor::from_vec(scalars, (tokens, DIGITS), device)?)
            })
            .collect::<Result<Vec<_>>>()?;
        Ok(Frames { rows: Tensor::cat(&parts, 1)?, lengths: lengths.into() })
    }

    fn check(&self, codes: &[Vec<u16>], length: usize) -> Result<()> {
        if codes.len() != self.codebooks() || codes.iter().any(|row| row.len() != length) || length == 0 {
            return Err(Error::Speaker(format!(
                "codes must be {} rows of one length, at least 1; found rows of {:?}",
                self.codebooks(),
                codes.iter().map(Vec::len).collect::<Vec<_>>()
            )));
        }
        for (book, row) in codes.iter().enumerate() {
            if let Some(t) = row.iter().position(|c| *c as u32 >= self.code_tokens()) {
                return Err(Error::Speaker(format!(
                    "code {} at position {t} of codebook {book}; codes are 0 to {}",
                    row[t],
                    self.code_tokens() - 1
                )));
            }
        }
        Ok(())
    }
}

/// Adds a code's digits, least significant first, each d → (d − 2)/2, times `scale`.
fn add_digits(mut code: u32, scale: f32, row: &mut [f32]) {
    let half = (LEVELS / 2) as f32;
    for scalar in row {
        *scalar += ((code % LEVELS) as f32 - half) / half * scale;
        code /= LEVELS;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_least_significant_first_and_centred() {
        let mut row = [0.0; DIGITS];
        add_digits(4 + 2 * 5 + 125, 1.0, &mut row);
        assert_eq!(row, [1.0, 0.0, -1.0, -0.5]);
        add_digits(0, 0.25, &mut row);
        assert_eq!(row, [0.75, -0.25, -1.25, -0.75]);
    }
}
