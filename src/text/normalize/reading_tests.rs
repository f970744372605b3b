//! Tables of readings that were written without a look at the rules, compared up to case, spaces and
//! punctuation. They may keep what the rules read otherwise for a reason; so not all of a table must agree.

use super::*;

/// Letters and digits of a text, in lower case: what is heard.
fn heard(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// How many pairs of a table are read as it says, and how many there are; the others are printed.
fn agreeing(name: &str, table: &str, language: Language) -> (usize, usize) {
    let options = NormalizeOptions { language: Some(language), ..NormalizeOptions::default() };
    let (mut right, mut all, mut kind) = (0, 0, "");
    for line in table.lines() {
        if let Some(title) = line.strip_prefix("# ") {
            kind = title;
        }
        let Some((text, expected)) = line.split_once('\t') else { continue };
        all += 1;
        let found = normalize(text, &options).text;
        if heard(&found) == heard(expected) {
            right += 1;
        } else {
            println!("{name}, {kind}: {text}\n    {found}\n    not {expected}");
        }
    }
    println!("{name}: {right} of {all}");
    (right, all)
}

#[test]
fn chinese_is_read_as_the_tables_say() {
    for (name, table) in [
        ("zh", include_str!("../../../tests/fixtures/reading/zh.tsv")),
        ("zh-2", include_str!("../../../tests/fixtures/reading/zh-2.tsv")),
        ("zh-3", include_str!("../../../tests/fixtures/reading/zh-3.tsv")),
    ] {
        let (right, all) = agreeing(name, table, Language::Chinese);
        assert!(right * 100 >= all * 95, "{name}: {right} of {all}");
    }
}

#[test]
fn english_is_read_as_the_tables_say() {
    for (name, table) in [
        ("en", include_str!("../../../tests/fixtures/reading/en.tsv")),
        ("en-2", include_str!("../../../tests/fixtures/reading/en-2.tsv")),
        ("en-3", include_str!("../../../tests/fixtures/reading/en-3.tsv")),
    ] {
        let (right, all) = agreeing(name, table, Language::English);
        assert!(right * 100 >= all * 90, "{name}: {right} of {all}");
    }
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
