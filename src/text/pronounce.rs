//! A user's own readings of words.
//!
//! A word is found whole: beside a letter or digit of it there is no other, but Chinese characters need no
//! boundary. Where several words begin at one place, the longest counts. One is found as it is written; one
//! without capitals is found in any case too. What is spoken for it is read like any text, numbers and all, but
//! no word is looked for in it.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::sync::Arc;

use serde::{Serialize, Serializer};

use super::language::is_han;
use super::normalize::{NormalizeOptions, fold, normalize};

/// The most words of a table.
const MAX_WORDS: usize = 20_000;
/// The most characters of a word.
const MAX_WORD: usize = 64;
/// The most characters that are spoken for a word.
const MAX_SPOKEN: usize = 256;

/// Holds words and what is spoken for them; a user brings them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pronounce {
    /// Tables, of which an earlier one goes before a later one.
    tables: Vec<Arc<Table>>,
}

#[derive(Debug, Default, PartialEq)]
struct Table {
    /// What is spoken, by the word as it is written.
    words: BTreeMap<String, String>,
    /// The words as they are written, by their form without capitals.
    forms: HashMap<String, Vec<String>>,
    /// The lengths of words in bytes, the longest first, by their first character without capitals.
    lengths: HashMap<char, Vec<usize>>,
}

/// A word of a text, and what is spoken for it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Word<'a> {
    pub range: Range<usize>,
    pub spoken: &'a str,
}

impl Pronounce {
    /// Takes words, and what is spoken for each.
    ///
    /// # Errors
    /// A sentence about the first word that cannot be used.
    pub fn new(entries: impl IntoIterator<Item = (String, String)>) -> Result<Self, String> {
        let mut table = Table::default();
        for (word, spoken) in entries {
            table.add(&word, &spoken)?;
        }
        Ok(table.into())
    }

    /// Reads a table: a word, a tab and what is spoken in each line. A line that begins with `#` is a comment, a
    /// blank one nothing.
    ///
    /// # Errors
    /// A sentence about the first line that is wrong.
    pub fn from_tsv(text: &str) -> Result<Self, String> {
        let mut table = Table::default();
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        for (i, line) in text.lines().enumerate().filter(|(_, l)| !l.trim().is_empty() && !l.starts_with('#'))
        {
            let at = |reason: String| format!("line {}: {reason}", i + 1);
            let mut cells = line.split('\t');
            let (Some(word), Some(spoken), None) = (cells.next(), cells.next(), cells.next()) else {
                return Err(at("expected a word, a tab and what is spoken".into()));
            };
            table.add(word, spoken).map_err(at)?;
        }
        Ok(table.into())
    }

    /// Lays these words over others, which hold where these say nothing.
    pub fn over(&self, others: &Pronounce) -> Self {
        Pronounce { tables: [&self.tables[..], &others.tables[..]].concat() }
    }

    /// Returns the words of a folded text in their order.
    pub(super) fn find(&self, text: &str) -> Vec<Word<'_>> {
        let small = text.to_ascii_lowercase();
        let mut found = Vec::new();
        let mut end = 0;
        for (at, c) in small.char_indices() {
            if at < end {
                continue;
            }
            // Of the longest the first one counts.
            let longest = self.tables.iter().rev().filter_map(|table| table.find(text, &small, at, c));
            if let Some(word) = longest.max_by_key(|word| word.range.end) {
                end = word.range.end;
                found.push(word);
            }
        }
        found
    }
}

impl From<Table> for Pronounce {
    fn from(table: Table) -> Self {
        Pronounce { tables: vec![table.into()] }
    }
}

impl Serialize for Pronounce {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_map(self.tables.iter().rev().flat_map(|table| &table.words).collect::<BTreeMap<_, _>>())
    }
}

impl Table {
    fn add(&mut self, word: &str, spoken: &str) -> Result<(), String> {
        let (word, spoken) = (word.trim(), spoken.trim());
        let Some(first) = word.chars().next() else { return Err("there is no word".into()) };
        let most = |text: &str, most: usize| text.chars().count() <= most && !text.contains(char::is_control);
        if !most(word, MAX_WORD) {
            return Err(format!("a word has at most {MAX_WORD} characters, and none that steer"));
        }
        if !most(spoken, MAX_SPOKEN) {
            return Err(format!(
                "at most {MAX_SPOKEN} characters are spoken for a word, and none that steer"
            ));
        }
        if !spoken.contains(char::is_alphanumeric) {
            return Err("nothing is spoken for the word".into());
        }
        if spoken.contains(|c: char| !c.is_ascii() && !is_han(c)) {
            let unspoken = normalize(spoken, &NormalizeOptions::default()).dropped(spoken);
            if let Some(dropped) = unspoken.first() {
                return Err(format!("{} is not spoken: {}", dropped.character, dropped.reason.as_str()));
            }
        }
        if self.words.len() == MAX_WORDS {
            return Err(format!("there are more than {MAX_WORDS} words"));
        }
        let word = fold::fold(word).text().to_string();
        let small = word.to_ascii_lowercase();
        let lengths = self.lengths.entry(small.chars().next().unwrap_or(first)).or_default();
        if let Err(place) = lengths.binary_search_by(|len| small.len().cmp(len)) {
            lengths.insert(place, small.len());
        }
        self.forms.entry(small).or_default().push(word.clone());
        match self.words.insert(word, spoken.to_string()) {
            Some(_) => Err("the word stands there twice".into()),
            None => Ok(()),
        }
    }

    /// Returns the longest word that begins with `c` at byte `at`; `small` is the text without capitals.
    fn find(&self, text: &str, small: &str, at: usize, c: char) -> Option<Word<'_>> {
        let lengths = self.lengths.get(&c)?.iter();
        let ranges = lengths.map(|len| at..at + len).filter(|range| stands_alone(text, range));
        ranges
            .filter_map(|range| Some((self.spoken(text.get(range.clone())?, &small[range.clone()])?, range)))
            .next()
            .map(|(spoken, range)| Word { range, spoken })
    }

    fn spoken(&self, written: &str, small: &str) -> Option<&str> {
        let forms = self.forms.get(small)?;
        let form = forms.iter().find(|form| *form == written).or(forms.iter().find(|form| *form == small))?;
        self.words.get(form).map(String::as_str)
    }
}

/// Tells whether a stretch of a text neither begins nor ends within a word or number, but for Chinese ones.
fn stands_alone(text: &str, range: &Range<usize>) -> bool {
    let part = |c: char| c.is_alphanumeric() && !is_han(c);
    let (Some(before), Some(word), Some(after)) =
        (text.get(..range.start), text.get(range.clone()), text.get(range.end..))
    else {
        return false;
    };
    !(before.ends_with(part) && word.starts_with(part) || word.ends_with(part) && after.starts_with(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(entries: &[(&str, &str)]) -> Pronounce {
        Pronounce::new(entries.iter().map(|(word, spoken)| (word.to_string(), spoken.to_string()))).unwrap()
    }

    fn found<'a>(table: &'a Pronounce, text: &'a str) -> Vec<(&'a str, &'a str)> {
        table.find(text).into_iter().map(|word| (&text[word.range], word.spoken)).collect()
    }

    #[test]
    fn whole_words_are_found_and_the_longest_of_them() {
        let table =
            table(&[("new", "a"), ("new york", "b"), ("C++", "c"), ("é", "d"), ("重庆", "e"), ("重", "f")]);
        assert_eq!(found(&table, "new york new"), [("new york", "b"), ("new", "a")]);
        assert_eq!(found(&table, "new yorker renew news new2"), [("new", "a")]);
        assert_eq!(found(&table, "(C++) C++17 café é"), [("C++", "c"), ("C++", "c"), ("é", "d")]);
        assert_eq!(found(&table, "在重庆重2重a"), [("重庆", "e"), ("重", "f"), ("重", "f")]);
        assert_eq!(found(&table, "在new里"), [("new", "a")]);
    }

    #[test]
    fn a_word_is_found_as_it_is_written_and_one_without_capitals_in_any_case() {
        let table = table(&[("us", "a"), ("US", "b"), ("Polish", "c")]);
        assert_eq!(found(&table, "us US Us"), [("us", "a"), ("US", "b"), ("Us", "a")]);
        assert_eq!(found(&table, "polish Polish"), [("Polish", "c")]);
        let over = super::tests::table(&[("us", "x")]).over(&table);
        assert_eq!(found(&over, "us US Polish"), [("us", "x"), ("US", "x"), ("Polish", "c")]);
    }

    #[test]
    fn a_row_that_is_wrong_is_named() {
        assert!(Pronounce::from_tsv("\u{feff}# words\r\n\nNguyen\twin\r\n").is_ok());
        for (text, reason) in [
            ("a\tb\nword", "line 2: expected a word, a tab"),
            ("a\tb\tc", "line 1: expected"),
            ("a\t", "line 1: nothing is spoken"),
            ("\tb", "line 1: there is no word"),
            ("a\tb\n#\nＡ\tc\nA\td", "line 4: the word stands there twice"),
            ("a\tか", "line 1: か is not spoken: the model does not know its script"),
            (&format!("{}\tb", "a".repeat(65)), "line 1: a word has at most 64"),
            (&format!("a\t{}", "b".repeat(257)), "line 1: at most 256"),
        ] {
            let error = Pronounce::from_tsv(text).unwrap_err();
            assert!(error.starts_with(reason), "{text:?}: {error}");
        }
    }
}
