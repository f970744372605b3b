//! Which parts of the crate may know which others. Arrows point one way: a new one is a decision, and belongs
//! into this table with it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Each part, and the parts it may use.
const ARROWS: [(&str, &[&str]); 22] = [
    ("error", &[]),
    ("message", &[]),
    ("files", &["error"]),
    ("stamp", &[]),
    ("threads", &["error"]),
    ("sampling", &["error"]),
    ("audio", &["error"]),
    ("hub", &["error", "files", "stamp", "threads"]),
    ("text", &["error"]),
    ("voice", &["error", "files", "message", "sampling"]),
    ("device", &["error"]),
    ("engine", &["error", "sampling", "text", "voice"]),
    ("backend", &["device", "engine", "error", "hub", "sampling", "stamp", "text", "threads", "voice"]),
    ("loading", &["backend", "device", "engine", "error", "threads", "voice"]),
    ("speech", &["audio", "backend", "engine", "error", "files", "message", "sampling", "text", "voice"]),
    ("batch", &["error", "files", "message", "speech"]),
    (
        "runtime",
        &[
            "audio", "backend", "device", "engine", "error", "hub", "loading", "speech", "text", "threads",
            "voice",
        ],
    ),
    ("service", &["audio", "batch", "error", "message", "runtime", "speech", "text", "voice"]),
    ("bench", &["backend", "device", "engine", "error", "loading", "runtime", "sampling", "text", "voice"]),
    // The functions for C are a package of their own, and the command line uses what every user of the library has.
    ("capi", &[]),
    ("cli", &[]),
    ("main", &[]),
];

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(sources(&path)),
            false if path.extension().is_some_and(|ending| ending == "rs") => found.push(path),
            false => {}
        }
    }
    found
}

/// A file's own code: neither comments nor tests.
fn code(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
    code.lines().map(|line| line.split("//").next().unwrap()).collect::<Vec<_>>().join("\n")
}

fn is_test(path: &Path) -> bool {
    path.file_stem().is_some_and(|stem| stem.to_str().unwrap().ends_with("tests"))
}

/// The parts that each part uses, with a file that does.
fn used() -> BTreeMap<String, BTreeMap<String, PathBuf>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut used: BTreeMap<String, BTreeMap<String, PathBuf>> = BTreeMap::new();
    for path in sources(&root).into_iter().filter(|path| !is_test(path)) {
        let inside = path.strip_prefix(&root).unwrap();
        let part = inside.components().next().unwrap().as_os_str().to_str().unwrap().trim_end_matches(".rs");
        if part == "lib" {
            continue;
        }
        let uses = used.entry(part.to_string()).or_default();
        for rest in code(&path).split("crate::").skip(1) {
            let name: String = rest.chars().take_while(|c| c.is_ascii_lowercase() || *c == '_').collect();
            // Names of the facade say nothing of where they come from.
            let name = if name.is_empty() { rest.chars().take(12).collect() } else { name };
            if name != part {
                uses.entry(name).or_insert_with(|| inside.to_path_buf());
            }
        }
    }
    used
}

#[test]
fn parts_use_only_those_that_the_table_allows() {
    let mut wrong = Vec::new();
    for (part, uses) in used() {
        let Some((_, allowed)) = ARROWS.iter().find(|(name, _)| *name == part) else {
            wrong.push(format!("{part} is not in the table"));
            continue;
        };
        for (other, file) in uses.iter().filter(|(other, _)| !allowed.contains(&other.as_str())) {
            wrong.push(format!("{part} may not use {other}, as {} does", file.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_table_has_no_circle_and_no_arrow_that_nothing_uses() {
    let used = used();
    for (part, allowed) in ARROWS {
        for other in allowed {
            assert!(used[part].contains_key(*other), "{part} does not use {other} any more");
        }
    }
    // Each part stands below those that use it.
    let mut above: BTreeSet<&str> = BTreeSet::new();
    for (part, allowed) in ARROWS {
        for other in allowed {
            assert!(above.contains(other), "{part} uses {other}, which stands after it");
        }
        above.insert(part);
    }
}

#[test]
fn threads_and_channels_are_the_runtime_s() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let owners = [
        "runtime",
        "service",
        "threads.rs",
        "backend/cpu/kernel/team.rs",
        "backend/cuda",
        "hub",
        "cli",
        "bench",
    ];
    for path in sources(&root).into_iter().filter(|path| !is_test(path)) {
        let inside = path.strip_prefix(&root).unwrap();
        let makes = ["thread::spawn", "thread::scope", "thread::Builder", "mpsc::"];
        let code = code(&path);
        if makes.iter().any(|made| code.contains(made)) {
            assert!(owners.iter().any(|owner| inside.starts_with(owner)), "{}", inside.display());
        }
    }
}
