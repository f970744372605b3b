//! Tables of readings that were written without a look at the rules, compared up to case, spaces and
//! punctuation.
//!
//! The tables keep what the rules read otherwise, for a reason or as something still to be done: each such row
//! stands in `exceptions.tsv` with what is spoken today. A row may differ only if it stands there, and only in
//! that way; so no reading changes unseen, and no exception outlives its cause.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use super::*;

/// The tables, and the language of each.
const TABLES: [(&str, &str, Language); 8] = [
    ("zh", include_str!("../../../tests/fixtures/reading/zh.tsv"), Language::Chinese),
    ("zh-2", include_str!("../../../tests/fixtures/reading/zh-2.tsv"), Language::Chinese),
    ("zh-3", include_str!("../../../tests/fixtures/reading/zh-3.tsv"), Language::Chinese),
    ("zh-4", include_str!("../../../tests/fixtures/reading/zh-4.tsv"), Language::Chinese),
    ("en", include_str!("../../../tests/fixtures/reading/en.tsv"), Language::English),
    ("en-2", include_str!("../../../tests/fixtures/reading/en-2.tsv"), Language::English),
    ("en-3", include_str!("../../../tests/fixtures/reading/en-3.tsv"), Language::English),
    ("en-4", include_str!("../../../tests/fixtures/reading/en-4.tsv"), Language::English),
];
const EXCEPTIONS: &str = include_str!("../../../tests/fixtures/reading/exceptions.tsv");

/// Returns letters and digits of a text in lower case: what is heard.
fn heard(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// Returns what is spoken today of the rows that differ, by table and text.
fn exceptions() -> BTreeMap<(&'static str, &'static str), &'static str> {
    let rows = EXCEPTIONS.lines().filter(|line| !line.starts_with("# "));
    let mut known = BTreeMap::new();
    for row in rows {
        let cells: Vec<&str> = row.split('\t').collect();
        let [table, text, spoken] = cells[..] else { panic!("{row:?} has no three cells") };
        assert!(known.insert((table, text), spoken).is_none(), "{row:?} stands there twice");
    }
    known
}

#[test]
fn every_row_is_read_as_it_says_or_is_a_known_exception() {
    let mut known = exceptions();
    let mut wrong = String::new();
    for (name, table, language) in TABLES {
        let options = NormalizeOptions { language: Some(language), ..NormalizeOptions::default() };
        for (text, expected) in table.lines().filter_map(|line| line.split_once('\t')) {
            let spoken = normalize(text, &options).text;
            let agrees = heard(&spoken) == heard(expected);
            match known.remove(&(name, text)) {
                None if agrees => {}
                None => wrong += &format!("\nnot as the table says, {expected}:\n{name}\t{text}\t{spoken}"),
                Some(_) if agrees => {
                    wrong += &format!("\nno exception any more, take it out:\n{name}\t{text}");
                }
                Some(before) if before == spoken => {}
                Some(before) => {
                    wrong += &format!("\nread in another way than {before}:\n{name}\t{text}\t{spoken}");
                }
            }
        }
    }
    for (name, text) in known.keys() {
        wrong += &format!("\nan exception to no row:\n{name}\t{text}");
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn paragraphs_are_read_as_they_were() {
    let lines: Vec<&str> = include_str!("../../../tests/fixtures/reading/paragraphs.txt").lines().collect();
    let mut compared = 0;
    for pair in lines.windows(2) {
        let Some(expected) = pair[1].strip_prefix("> ") else { continue };
        assert_eq!(normalize(pair[0], &NormalizeOptions::default()).text, expected);
        compared += 1;
    }
    assert!(compared > 20, "{compared}");
}

/// Returns the examples of a language: each with the file and line that it stands in. `⏎` is a line's end.
fn examples(language: &str) -> Vec<(String, String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/reading").join(language);
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let mut found = Vec::new();
    for file in files {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        for (i, line) in fs::read_to_string(&file).unwrap().lines().enumerate() {
            // What has no tab is a heading.
            if let Some((text, spoken)) = line.split_once('\t') {
                let place = format!("{language}/{name}:{}", i + 1);
                found.push((place, text.replace('⏎', "\n"), spoken.replace('⏎', "\n")));
            }
        }
    }
    found
}

#[test]
fn every_example_is_spoken_as_it_says() {
    let mut wrong = String::new();
    let mut compared = 0;
    for (name, language) in [("zh", Language::Chinese), ("en", Language::English)] {
        let options = NormalizeOptions { language: Some(language), ..NormalizeOptions::default() };
        for (place, text, expected) in examples(name) {
            let spoken = normalize(&text, &options).text;
            if spoken != expected {
                wrong += &format!("\n{place}: {text:?}\n  is    {spoken:?}\n  not   {expected:?}");
            }
            compared += 1;
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    assert!(compared > 1900, "{compared}");
}
