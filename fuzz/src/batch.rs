//! What steers bulk work: manifests, tables, names of files, the ledger of an output folder.

use std::path::{Component, Path};

use chattts_rs::ModelSource;
use chattts_rs::batch::manifest::{Row, csv_rows, is_csv, json_rows};
use chattts_rs::batch::{DirLock, Ledger, NameFields, NameTemplate, beside, checked_out};
use serde_json::json;

use crate::{assert_message, assert_visible, place};

/// Asserts that a path stays inside the folder that it is joined to.
fn assert_inside(path: &Path) {
    let mut parts = path.components();
    assert!(parts.all(|part| matches!(part, Component::Normal(_))), "{} leads out", path.display());
    assert!(path.file_name().is_some());
}

fn row(line: &str) {
    let row = match Row::parse(line) {
        Ok(row) => row,
        Err(error) => return assert_message(&error),
    };
    if let Some(out) = &row.out {
        let path = checked_out(out).expect("what the manifest takes");
        assert_inside(&path);
        assert_inside(&beside(&path, "srt"));
    }
    let mut written = json!({ "text": row.text });
    for (key, value) in [("id", &row.id), ("out", &row.out)] {
        if let Some(value) = value {
            written[key] = json!(value);
        }
    }
    let again = Row::parse(&written.to_string()).expect("what was read");
    assert_eq!((again.text, again.id, again.out), (row.text, row.id, row.out));
    if let Err(error) = row.overrides.validate() {
        assert_message(&error.to_string());
    }
}

/// Reads the lines of a JSON Lines file.
pub fn manifest(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    for line in text.lines().take(16) {
        row(line);
    }
}

/// Reads tables: CSV with commas, semicolons or tabs, and an array of JSON objects.
pub fn table(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    is_csv(text);
    let lines = text.lines().count();
    if text.trim_start().starts_with('[') {
        match json_rows(text) {
            Ok(rows) => {
                let elements: Vec<String> = rows.into_iter().filter_map(|(_, row)| row.ok()).collect();
                let again = json_rows(&format!("[{}]", elements.join(","))).expect("what was read");
                assert!(again.iter().map(|(_, row)| row.as_ref()).eq(elements.iter().map(Ok)));
                elements.iter().take(16).for_each(|element| row(element));
            }
            Err(error) => assert_message(&error),
        }
        return;
    }
    let rows = match csv_rows(text) {
        Ok(rows) => rows,
        Err(error) => return assert_message(&error),
    };
    let mut again = String::from("text\n");
    let mut texts = Vec::new();
    for (line, read) in rows {
        assert!((1..=lines + 1).contains(&line), "a row on line {line} of {lines}");
        match read {
            Ok(object) => {
                row(&object);
                let value: serde_json::Value = serde_json::from_str(&object).expect("an object");
                if let Some(text) = value["text"].as_str() {
                    again += &format!("\"{}\"\n", text.replace('"', "\"\""));
                    texts.push(text.to_string());
                }
            }
            Err(error) => assert_message(&error),
        }
    }
    let read = csv_rows(&again).expect("a table in quotes");
    let read = read.into_iter().map(|(_, row)| {
        let value: serde_json::Value = serde_json::from_str(&row.expect("a row")).expect("an object");
        value["text"].as_str().map(str::to_string).expect("a text")
    });
    assert!(read.eq(texts), "other texts are read from {again:?}");
}

/// Reads a template of file names, an output's name and a model's name; the lines are a template and its values.
pub fn names(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let mut lines = text.split('\n');
    let mut next = || lines.next().unwrap_or_default();
    let (template, id, role, key) = (next(), next(), next(), next());
    // What is wrong is said with all of the template, which its user wrote.
    match template.parse::<NameTemplate>() {
        Ok(template) => {
            let fields = NameFields { index: 7, id: Some(id), seed: u64::MAX, role: Some(role), key, text };
            let name = template.render(&fields);
            assert_inside(&name);
            let name = name.to_str().expect("a name in UTF-8");
            assert_eq!(checked_out(name).ok().as_deref(), Some(Path::new(name)), "{name:?}");
        }
        Err(error) => assert_visible(&error.to_string()),
    }
    match checked_out(id) {
        Ok(path) => assert_inside(&path),
        Err(error) => assert_visible(&error.to_string()),
    }
    match role.parse::<ModelSource>() {
        Ok(source @ ModelSource::Hub { .. }) => {
            assert_eq!(source.to_string().parse::<ModelSource>().ok(), Some(source));
        }
        Ok(_) => {}
        Err(error) => assert_visible(&error.to_string()),
    }
}

/// Opens an output folder whose ledger somebody else wrote.
pub fn ledger(data: &[u8]) {
    let folder = place::folder().join("out");
    let state = folder.join(chattts_rs::batch::STATE_DIR);
    let open = || DirLock::acquire(&folder).and_then(Ledger::open);
    if !state.is_dir() {
        open().expect("an empty ledger");
    }
    let path = state.join("ledger.jsonl");
    std::fs::write(&path, data).expect("a file in memory");
    let first = open().expect("any ledger can be opened");
    let lines = data.split(|byte| *byte == b'\n').count();
    assert!(first.len() + first.unreadable() <= lines);
    let found = (first.len(), first.is_empty());
    drop(first);
    let mut second = open().expect("a ledger that was opened");
    assert_eq!((second.len(), second.is_empty()), found, "opening a ledger twice changes it");
    let outside = place::file("outside", b"x");
    second.prune(&Default::default()).expect("nothing to delete");
    assert!(outside.exists(), "a file outside of the folder is deleted");
}
