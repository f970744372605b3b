//! The engine for its users: a handle with which any number of threads speak, for each device a worker that
//! steps the model and one that renders beside it, a queue, and a stream of events per request.
//!
//! These are the only threads and channels of the crate, except for the thread team of the processor's kernels.

mod active;
mod batch;
mod channel;
mod handle;
mod model;
mod options;
mod render;
mod speech;
mod state;
mod stats;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
mod worker;

pub use batch::{Limits, Outcome, Spoken};
pub use handle::Engine;
pub(crate) use handle::first_sound;
pub use model::Model;
pub use options::{BatchSize, EngineOptions, Notice};
pub use speech::{Canceller, Event, Speech, Stages, Summary, Trace, Wave};
pub use stats::{DeviceStats, Stats, Timing};

pub(crate) use render::render_codes;
