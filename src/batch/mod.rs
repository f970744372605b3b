//! The bookkeeping of many lines spoken into one folder: what each file is called, which ones are done, and
//! what is left behind when a run is killed.

mod append;
mod content;
mod digest;
mod file;
mod lock;
pub mod manifest;
mod name;
mod names;
pub mod report;
mod template;

pub use content::{Content, OUTPUT_VERSION, model_fingerprint};
pub use digest::sha256;
pub use file::{sweep, write_file};
pub use lock::DirLock;
pub use name::checked_out;
pub use names::Names;
pub use template::{NameFields, NameTemplate};

/// The folder inside an output folder that holds the ledger and the lock; no line may write there.
pub const STATE_DIR: &str = ".chattts-rs";
