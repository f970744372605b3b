//! NVIDIA cards: memory, kernels of our own, and the model on them.
//!
//! Everything between the prompt and the wave runs in kernels of this crate, which need nothing but the
//! driver: no CUDA toolkit on the user's machine, no library of matrix products whose choice of algorithm
//! would make a line's sound depend on the lines beside it.

mod card;
mod check;
mod driver;
#[cfg(feature = "cuda-emulator")]
mod emulated;
mod matrix;
mod program;
mod render_layers;
mod render_networks;
mod render_program;
mod renderer;

pub(crate) use program::{Number, Program};
pub(crate) use renderer::CardRenderer;
