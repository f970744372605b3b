//! Fuzz targets: one for every reader of bytes that somebody else wrote.
//!
//! Each takes bytes, reads them as the program would, and asserts what must hold whatever they are. A panic, an
//! overflow, a run of more than ten seconds and memory out of proportion to the input are findings too.

mod batch;
mod hub;
mod memory;
mod model;
mod place;
mod sound;
mod text;
mod voice;

pub use libfuzzer_sys;

/// A target's name, and what it does with an input.
type Target = (&'static str, fn(&[u8]));

const TARGETS: [Target; 20] = [
    ("compose", text::compose),
    ("config", model::config),
    ("homophones", text::homophones),
    ("hub", hub::hub),
    ("ledger", batch::ledger),
    ("manifest", batch::manifest),
    ("markdown", text::markdown),
    ("names", batch::names),
    ("normalize", text::normalize),
    ("packed", model::packed),
    ("roles", voice::roles),
    ("sample", sound::sample),
    ("ssml", text::ssml),
    ("table", batch::table),
    ("tags", text::tags),
    ("tokenizer", text::tokenizer),
    ("torch", voice::torch),
    ("voice_file", voice::voice_file),
    ("voice_string", voice::voice_string),
    ("weights", model::weights),
];

/// Makes a program of one target.
#[macro_export]
macro_rules! target {
    ($name:expr) => {
        $crate::libfuzzer_sys::fuzz_target!(|data: &[u8]| $crate::run($name, data));
    };
}

/// Runs a target.
pub fn run(name: &str, data: &[u8]) {
    let Some((_, target)) = TARGETS.iter().find(|(known, _)| *known == name) else {
        let known: Vec<&str> = TARGETS.iter().map(|(known, _)| *known).collect();
        eprintln!("no target {name:?}; there are {}", known.join(", "));
        std::process::exit(2);
    };
    memory::bounded(data, target);
}

/// The mark that stands for what a file holds and a message must not repeat.
const SECRET: &str = "xyzzy";

/// Asserts that a message can be shown in a terminal.
fn assert_visible(message: &str) {
    let turns = |c: char| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let acts = |c: char| c.is_control() && !matches!(c, '\n' | '\t');
    assert!(!message.contains(|c| turns(c) || acts(c)), "a message holds control characters: {message:?}");
    assert!(!message.is_empty(), "an empty message");
}

/// Asserts that a message can be shown in a terminal, and is one that somebody would read.
fn assert_message(message: &str) {
    assert_visible(message);
    assert!(message.len() < 4096, "a message of {} bytes: {}", message.len(), message.escape_debug());
}

/// Asserts that a message is fit to be shown and repeats nothing of the file that it is about.
fn assert_discreet(message: &str) {
    assert_message(message);
    assert!(!message.contains(SECRET), "a message repeats what the file holds: {message:?}");
}
