//! Numbers by which all samplers draw alike: the processor's, and the card's, for whose kernels the build script
//! writes them into a header.

/// Steps that the repetition penalty looks back on.
pub const PENALTY_WINDOW: usize = 16;
/// Candidates that top-p and top-k always leave.
pub const MIN_KEPT: usize = 3;
/// Draws of a first token at most, where the noise runs on and the draws before end at once; past that the model
/// means it.
pub const FIRST_DRAWS: usize = 64;
