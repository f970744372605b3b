//! The bookkeeping of many lines spoken into one folder: the name of each file, the files that are done, and
//! the half-written files of killed runs.
//!
//! A run takes the folder's [`DirLock`], gives every line its name with [`Names`], asks the [`Ledger`]
//! which of them are done under their [key](crate::speech::Content::key), and [stores](Ledger::store) the others. Nothing
//! here knows a model, a flag or a thread.
//!
//! ```
//! use chattts_rs::batch::manifest::Row;
//! use chattts_rs::batch::{DirLock, Entry, Ledger, NameFields, Names, sweep};
//! use chattts_rs::engine::Request;
//! use chattts_rs::speech::Content;
//! use chattts_rs::audio;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let scratch = tempfile::tempdir()?;
//! # let dir = scratch.path();
//! let mut ledger = Ledger::open(DirLock::acquire(dir)?)?;
//! let mut names = Names::new("{index:05}-{id}.wav".parse()?);
//! let row = Row::parse(r#"{"id": "hello", "text": "你好，世界。", "seed": 42}"#)?;
//! let mut request = Request::new(&row.text);
//! request.seed = row.overrides.sampling.seed.unwrap_or_default();
//! let encoding = "wav s16 24000".to_string();
//! let key = Content { encoding, model: "demo".into(), ..Content::of(&request) }.key();
//! let (id, text, seed) = (row.id.as_deref(), row.text.as_str(), request.seed);
//! let fields = NameFields { index: 0, id, seed, role: None, key: &key, text };
//! let name = match &row.out {
//!     Some(out) => names.explicit(out, "lines.jsonl:1")?,
//!     None => names.name(&fields, "lines.jsonl:1"),
//! };
//! for folder in names.folders() {
//!     sweep(&dir.join(folder))?;
//! }
//! if !ledger.is_done(&name, &key) {
//!     let file = audio::wav(&[0.0; 24_000], 24_000)?;
//!     ledger.store(Entry::new(&name, &*key, &file, 1.0, seed)?, &file, false)?;
//! }
//! assert!(dir.join("00000-hello.wav").is_file() && ledger.is_done(&name, &key));
//! # Ok(())
//! # }
//! ```

mod append;
#[cfg(feature = "object-store")]
mod bucket;
mod entry;
mod file;
mod folder;
mod ledger;
mod lock;
pub mod manifest;
mod name;
mod names;
pub mod report;
mod shard;
mod state;
mod store;
mod template;

pub use entry::Entry;
pub use file::{part_file, sweep, write_file};
pub use folder::is_full;
pub use ledger::Ledger;
pub use lock::{DirLock, host};
pub use name::{beside, checked_out};
pub use names::Names;
pub use shard::Shard;
pub use state::{ShardState, Standing, report_name, standing};
pub use store::{Content, Made, Store, is_address};
pub use template::{NameFields, NameTemplate};

/// The folder inside an output folder that holds the ledger and the lock; no line may write there.
pub const STATE_DIR: &str = ".chattts-rs";
