//! The DVAE's codebooks: grouped residual finite scalar quantisation (Mentzer et al., 2023).

use super::convnext::Linear;
use super::layout::Layout;
use crate::backend::weights::{ANY, WeightFile};
use crate::error::{Error, Result};

/// Scalars of a code.
pub const DIGITS: usize = 4;
/// Values of a scalar.
const LEVELS: u32 = 5;
/// Codes that refine each other within a group; each at a quarter of the scale before.
const RESIDUALS: usize = 2;
const RESIDUAL_SCALE: f32 = 1.0 / (LEVELS - 1) as f32;
/// Values are squeezed into ± this before they are rounded: half the levels, and a thousandth of room.
const BOUND: f32 = 2.002;

/// Turns codes into features.
pub struct Quantizer<L: Layout> {
    /// Of each group a layer from its scalars to its part of the features.
    pub groups: Vec<Linear<L>>,
}

/// Loads a layer of every group, `rvqs.{i}.{name}`; told by its weight.
fn groups<L: Layout>(
    file: &WeightFile,
    name: &str,
    layout: &L,
    shape: impl Fn(usize) -> (usize, usize),
) -> Result<Vec<Linear<L>>> {
    let weights = file.root().at("vq_layer.quantizer");
    let count = weights.count("rvqs", &format!("{name}.weight")).max(1);
    let (outputs, inputs) = shape(count);
    let group = |i| Linear::load(&weights.at(format!("rvqs.{i}.{name}")), outputs, inputs, true, layout);
    (0..count).map(group).collect()
}

impl<L: Layout> Quantizer<L> {
    /// Loads `rvqs.{i}.project_out` for every group, together `features` wide.
    ///
    /// # Errors
    /// A missing tensor or one of another shape; an error of the layout.
    pub fn load(file: &WeightFile, features: usize, layout: &L) -> Result<Self> {
        file.root().at("vq_layer.quantizer.rvqs.0.project_out").check("weight", &[ANY, DIGITS])?;
        Ok(Quantizer { groups: groups(file, "project_out", layout, |count| (features / count, DIGITS))? })
    }

    /// Returns how many codebooks there are: group 0 level 0, group 0 level 1, group 1 level 0, …
    pub fn codebooks(&self) -> usize {
        self.groups.len() * RESIDUALS
    }

    /// Returns how many codes a codebook has (625); the end token is not among them.
    pub fn code_tokens(&self) -> u32 {
        LEVELS.pow(DIGITS as u32)
    }

    /// Returns the scalars of the codes of several sequences, one row per codebook each: for each group (tokens, 4), and
    /// the tokens of each sequence.
    ///
    /// # Errors
    /// [`Error::Speaker`] if a row or a code is missing or out of range.
    pub fn scalars(&self, sequences: &[&[Vec<u16>]]) -> Result<(Vec<Vec<f32>>, Vec<usize>)> {
        let lengths: Vec<usize> = sequences.iter().map(|codes| codes.first().map_or(0, Vec::len)).collect();
        for (codes, length) in sequences.iter().zip(&lengths) {
            self.check(codes, *length)?;
        }
        let tokens: usize = lengths.iter().sum();
        let of_group = |group: usize| {
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
            scalars
        };
        Ok(((0..self.groups.len()).map(of_group).collect(), lengths))
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

/// Turns features into codes.
pub struct CodeFinder<L: Layout> {
    /// Of each group a layer from its part of the features to its scalars.
    pub groups: Vec<Linear<L>>,
}

impl<L: Layout> CodeFinder<L> {
    /// Loads `rvqs.{i}.project_in` for every group, together `features` wide.
    ///
    /// # Errors
    /// A missing tensor or one of another shape; an error of the layout.
    pub fn load(file: &WeightFile, features: usize, layout: &L) -> Result<Self> {
        Ok(CodeFinder { groups: groups(file, "project_in", layout, |count| (DIGITS, features / count))? })
    }
}

/// Returns the codes of each group's scalars, (tokens, 4): one row per codebook, in the order of
/// [`Quantizer::codebooks`].
///
/// # Errors
/// [`Error::NotANumber`] if they hold NaN.
pub fn codes_of(groups: Vec<Vec<f32>>) -> Result<Vec<Vec<u16>>> {
    let mut codes = Vec::with_capacity(groups.len() * RESIDUALS);
    for mut residuals in groups {
        if residuals.iter().any(|v| v.is_nan()) {
            return Err(Error::NotANumber);
        }
        // Once here and once more at each level: so the quantiser the model was trained with has it.
        residuals.iter_mut().for_each(|v| *v = bounded(*v));
        let mut scale = 1.0;
        for _ in 0..RESIDUALS {
            codes.push(residuals.chunks_exact_mut(DIGITS).map(|row| take_code(row, scale)).collect());
            scale *= RESIDUAL_SCALE;
        }
    }
    Ok(codes)
}

fn bounded(value: f32) -> f32 {
    value.tanh() * BOUND
}

/// Returns the code nearest to `row` at a scale, and takes its value off the row.
fn take_code(row: &mut [f32], scale: f32) -> u16 {
    let half = (LEVELS / 2) as f32;
    let mut code = 0;
    for scalar in row.iter_mut().rev() {
        let digit = bounded(*scalar / scale).round_ties_even();
        *scalar -= digit / half * scale;
        code = code * LEVELS + (digit + half) as u32;
    }
    code as u16
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

    #[test]
    fn a_code_leaves_the_rest_to_the_next() {
        let z = |digit: f32| (digit / BOUND).atanh();
        let mut row = [z(1.4), z(-2.001), z(-0.6), 30.0];
        let rest = [row[0] - 0.5, row[1] + 1.0, row[2] + 0.5, 29.0];
        assert_eq!(take_code(&mut row, 1.0), 3 + 25 + 4 * 125);
        assert_eq!(row, rest);
        // A quarter of the scale sees the rest four times as large: 1.5, −13, 0.8, 116.
        assert_eq!(take_code(&mut row, 0.25), 4 + 3 * 25 + 4 * 125);
        assert_eq!(row[3], 28.75);
    }

    #[test]
    fn values_of_a_code_are_nearest_to_that_code() {
        for code in 0..625 {
            let mut row = [0.0; DIGITS];
            add_digits(code, 1.0, &mut row);
            // tanh(0.5)·2.002 rounds to 1, tanh(1)·2.002 to 2: the values themselves are fixed points.
            assert_eq!(take_code(&mut row, 1.0) as u32, code);
            assert_eq!(row, [0.0; DIGITS]);
        }
    }
}
