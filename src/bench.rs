//! Measurements of a loaded model: its speed, and the distance of a weight type from single precision. Measures
//! and counts; prints nothing and knows no flags.
//!
//! # Measured
//!
//! On two cores of an Intel Xeon (AVX-512 with VNNI, 25 GB/s from memory, shared with others), random weights of the
//! published shapes, 128 tokens a line. Beside it the Python program (ChatTTS 0.2.5, torch 2.8) in turns in the same
//! run: `python benches/reference.py --ours target/release/chattts-rs --model DIR --rounds 3`, medians.
//!
//! | | Python | f32 | | q8 | |
//! |---|--:|--:|--:|--:|--:|
//! | one line: tokens per second | 20.6 | 28.7 | 1.4 × | 109 | 5.3 × |
//! | one line: compute time ÷ audio time | 2.29 | 1.64 | 1.4 × | 0.45 | 5.1 × |
//! | one line: peak memory, MiB | 1881 | 933 | ½ | 290 | ⅙ |
//! | 16 lines at once: tokens per second | 102 | 177 | 1.7 × | 445 | 4.4 × |
//! | 16 lines at once: seconds of audio a second | 2.16 | 3.41 | 1.6 × | 8.76 | 4.1 × |
//! | 16 lines at once: peak memory, MiB | 2372 | 1253 | ½ | 470 | ⅕ |
//! | from the start of the process to two tokens spoken, s | 6.56 | 0.25 | 26 × | 0.13 | 52 × |
//!
//! On the same machine llama.cpp makes 64 steps of the language model alone for one line and 153 to 183 over 16, in
//! its Q8_0 (`llama-bench -t 2 -p 0 -n 128`, `llama-batched-bench -t 2 -npp 64 -ntg 128 -npl 16`, ggml 0.25.3); here
//! it makes 117 to 127 and 523 to 672 with heads and sampling (`chattts-rs bench --model DIR`). Mel and wave are 5 and
//! 21 % of all the time.
//!
//! For one line the weights are read once a token: 755 MB in f32, 200 MB in q8, and both go at the memory's speed. The
//! first sound of a stream comes 0.6 s after the request, the first step begins 20 ms after the start of the process
//! once the weights are packed, 170 ms the first time after a pause (`chattts-rs bench --model DIR`).
//!
//! What q8 costs (`chattts-rs bench --model DIR --precision`): fed the same codes, the likeliest next code is that of
//! f32 in 95 of 100 cases, the distributions differ by 0.002 nats, and the wave made from the same hidden states has
//! 37 dB between signal and error. Random weights leave many codes nearly equal; real ones should agree more often.
//!
//! What f16-kv8 costs, with the demo's voice on an emulated card (`chattts-rs bench --model demo --precision --device
//! cuda --dtype f16,f16-kv8 --tokens 48 --recogniser …`): the likeliest next code is that of f32 in 99.5 of 100 cases
//! (f16: 100), hidden states are off by 0.35 % (0.06 %), the distributions by 0.00002 nats, and of 161 words spoken none
//! was misheard (f16: 2.5 %, f32 1.2 %, which is chance).
//!
//! No real card has been measured yet; `benches/gpu.sh` does it in ten minutes: what must hold, speed at 1 to 256
//! texts, each kernel's time, a thousand lines to WAV files, the switches in turn, and, where PyTorch and the package
//! ChatTTS are there, the Python program on the same card (`benches/reference.py --device cuda`). It ends with tables
//! for this place.

mod access;
mod distance;
mod machine;
mod precision;
#[cfg(feature = "cuda-kernels")]
mod profile;
mod speed;
mod summary;
mod words;

pub use machine::{Machine, peak_memory};
pub use precision::{Agreement, Deviation, Divergence, Reference, Sharing};
#[cfg(feature = "cuda-kernels")]
pub use profile::{KernelTime, PartTime, Profile, ProfileTest};
pub use speed::{Run, SpeedTest};
pub use summary::{Process, Spread, Summary};
pub use words::{WordErrors, recognise, sentences};

use crate::backend::{HOP, SAMPLE_RATE};

/// The tokens of one second of speech: each becomes two frames of the mel.
pub const TOKENS_PER_SECOND: f64 = SAMPLE_RATE as f64 / (2 * HOP) as f64;

/// The seed of the voice that is used for measuring.
const VOICE: u64 = 2222;
