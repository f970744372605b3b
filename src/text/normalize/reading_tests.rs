//! Tables of readings that were written before the rules were read, as a measure of them.

use super::{NormalizeOptions, normalize};
use crate::text::Language;

/// A reading without case, spaces and punctuation.
fn letters(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// Compares a table's readings, and asserts that at least `percent` of them are as expected: a table may keep
/// readings that are right but not ours.
fn compare(table: &str, language: Language, percent: usize) {
    let options = NormalizeOptions { language: Some(language), ..Default::default() };
    let (mut kind, mut right, mut all) = ("", 0, 0);
    for line in table.lines() {
        let Some((written, expected)) = line.split_once('\t') else {
            kind = line.trim_start_matches("# ");
            continue;
        };
        let spoken = normalize(written, &options).text;
        all += 1;
        if letters(&spoken) == letters(expected) {
            right += 1;
        } else {
            eprintln!("{kind}: {written:?}\n    {spoken:?}\n    expected {expected:?}");
        }
    }
    eprintln!("{right} of {all}");
    assert!(right * 100 >= all * percent, "{right} of {all}");
}

#[test]
fn english_is_read_as_tables_expect() {
    compare(include_str!("../../../tests/fixtures/reading/en.tsv"), Language::English, 90);
    compare(include_str!("../../../tests/fixtures/reading/en-2.tsv"), Language::English, 90);
}
