//! Tables of words, units, currencies and the like, which are extended without a look at the code.
//!
//! A table is a file in `data/`: cells with tabs between them, the columns' names in the first row. A line that
//! begins with `# ` is a comment, an empty one nothing. `-` is a cell without a value.

use std::collections::HashSet;
use std::ops::Deref;
use std::sync::OnceLock;

/// Includes tables by their names.
macro_rules! files {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!("data/", $name, ".tsv")))),*]
    };
}

/// Every table, by its name.
const FILES: &[(&str, &str)] = files![
    "currencies",
    "units",
    "scales",
    "signs",
    "spelling",
    "letters",
    "patterns",
    "latin/addresses",
    "latin/domains",
    "latin/names",
    "latin/words",
    "en/abbreviations",
    "en/books",
    "en/dotted",
    "en/months",
    "en/operators",
    "en/ordinals",
    "en/plurals",
    "en/rules",
    "en/sides",
    "en/states",
    "en/units",
    "en/weekdays",
    "en/words",
    "zh/emoji",
    "zh/names",
    "zh/no_units",
    "zh/rules",
    "zh/words",
];

/// Holds a row's cells, in the order of the columns.
pub type Cells = [&'static str];

/// Returns the rows of a table below the one with the columns' names, each with the number of its line.
///
/// A row with too many or too few cells, which a test rules out, is left out.
fn rows(file: &str) -> impl Iterator<Item = (usize, Vec<&'static str>)> {
    let text = FILES.iter().find(|(name, _)| *name == file).map_or("", |(_, text)| *text);
    let kept = |line: &&str| !line.is_empty() && !line.starts_with("# ");
    let mut lines = text.lines().enumerate().filter(move |(_, line)| kept(line));
    let columns = lines.next().map_or(0, |(_, line)| line.split('\t').count());
    lines
        .map(|(i, line)| (i + 1, line.split('\t').collect::<Vec<_>>()))
        .filter(move |(_, cells)| cells.len() == columns)
}

/// Holds the rows of a table, which are read when they are first needed.
pub struct Table<T: 'static> {
    file: &'static str,
    row: fn(&Cells) -> Option<T>,
    rows: OnceLock<Vec<T>>,
}

impl<T> Table<T> {
    /// Takes a table's name, and what reads a row; a row without a value is left out.
    pub const fn new(file: &'static str, row: fn(&Cells) -> Option<T>) -> Self {
        Table { file, row, rows: OnceLock::new() }
    }
}

impl<T> Deref for Table<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        self.rows.get_or_init(|| rows(self.file).filter_map(|(_, cells)| (self.row)(&cells)).collect())
    }
}

/// Holds a list of words: all rows of a table of words that begin with its name.
pub struct Words {
    file: &'static str,
    name: &'static str,
    list: OnceLock<Vec<&'static str>>,
    set: OnceLock<HashSet<&'static str>>,
}

impl Words {
    /// Takes the table's name and that of the list.
    pub const fn new(file: &'static str, name: &'static str) -> Self {
        Words { file, name, list: OnceLock::new(), set: OnceLock::new() }
    }

    /// Tells whether a word is in the list.
    pub fn contains(&self, word: &str) -> bool {
        self.set.get_or_init(|| self.iter().copied().collect()).contains(word)
    }
}

impl Deref for Words {
    type Target = [&'static str];

    fn deref(&self) -> &[&'static str] {
        self.list.get_or_init(|| {
            let rows = rows(self.file).filter(|(_, cells)| cells.first() == Some(&self.name));
            rows.filter_map(|(_, cells)| cells.get(1).copied()).flat_map(forms).collect()
        })
    }
}

/// Returns the values of a cell that holds several, with a comma and a space between them.
pub fn forms(cell: &'static str) -> impl Iterator<Item = &'static str> {
    cell.split(", ").filter(|form| *form != "-")
}

/// Returns a cell's value.
pub fn value(cell: &'static str) -> Option<&'static str> {
    Some(cell).filter(|cell| *cell != "-")
}

/// Reads a row of two cells.
pub fn pair(cells: &Cells) -> Option<(&'static str, &'static str)> {
    let [a, b] = cells else { return None };
    Some((*a, *b))
}

/// Reads a row of three cells.
pub fn triple(cells: &Cells) -> Option<(&'static str, &'static str, &'static str)> {
    let [a, b, c] = cells else { return None };
    Some((*a, *b, *c))
}

/// Reads a row of a sign and its names in Chinese and English.
pub fn sign(cells: &Cells) -> Option<(char, &'static str, &'static str)> {
    let [sign, chinese, english] = cells else { return None };
    Some((sign.parse().ok()?, *chinese, *english))
}

/// Reads a row of a value and several others.
pub fn list(cells: &Cells) -> Option<(&'static str, Vec<&'static str>)> {
    let [value, others] = cells else { return None };
    Some((*value, forms(others).collect()))
}

/// Returns a pattern with the tables and parts that it names in place: `{month}` is any month's name.
pub fn pattern(pattern: &str) -> String {
    let mut built = String::with_capacity(pattern.len());
    let mut rest = pattern;
    while let Some(start) = rest.find('{') {
        let (before, named) = rest.split_at(start);
        built += before;
        let name = named[1..].split('}').next().unwrap_or_default();
        // A brace with digits is a count, one after a backslash a sign.
        let word = name.starts_with(|c: char| c.is_ascii_lowercase()) && !before.ends_with('\\');
        match word.then(|| part(name)).flatten() {
            Some(part) => {
                built += &part;
                rest = &named[name.len() + 2..];
            }
            None => {
                built.push('{');
                rest = &named[1..];
            }
        }
    }
    built + rest
}

/// Returns a part of patterns by its name.
fn part(name: &str) -> Option<String> {
    static PARTS: Table<(&str, &str)> = Table::new("patterns", pair);
    let part = PARTS.iter().find(|(known, _)| *known == name).map(|(_, part)| pattern(part));
    part.or_else(|| alternation(name).map(str::to_string))
}

/// Returns a pattern of all that a table holds.
fn alternation(name: &str) -> Option<&'static str> {
    static BUILT: OnceLock<Vec<(&'static str, String)>> = OnceLock::new();
    let built = BUILT.get_or_init(|| {
        let column = |file: &str, columns: &[usize]| -> Vec<&'static str> {
            let cells = |(_, cells): (usize, Vec<&'static str>)| -> Vec<&'static str> {
                columns.iter().filter_map(|column| cells.get(*column).copied()).collect()
            };
            rows(file).flat_map(cells).flat_map(forms).collect()
        };
        let letter = |c: char| c.is_ascii_alphabetic();
        let written = column("currencies", &[0]);
        let currencies = |keep: fn(bool, bool) -> bool| {
            written.iter().copied().filter(move |form| keep(form.contains(letter), !form.chars().all(letter)))
        };
        let short_days = column("en/weekdays", &[1]);
        let starters = rows("en/words").filter(|(_, cells)| cells.first() == Some(&"context: starters"));
        let starters = starters.filter_map(|(_, cells)| cells.get(1).copied()).flat_map(forms);
        vec![
            ("currency_code", any(currencies(|letters, signs| letters && !signs))),
            ("currency_sign", any(currencies(|letters, signs| signs && !letters))),
            ("currency_mixed", any(currencies(|letters, signs| letters && signs))),
            ("domain", any(column("latin/domains", &[0]).into_iter())),
            ("name", any(column("latin/names", &[0]).into_iter())),
            ("starter", any(starters)),
            ("month", format!("(?i-u:{})", any(column("en/months", &[0, 1]).into_iter()))),
            ("weekday", format!("(?i-u:{})", any(short_days.into_iter()))),
        ]
    });
    built.iter().find(|(known, _)| *known == name).map(|(_, words)| words.as_str())
}

/// Returns a pattern that matches any of some words, the longest of them first.
fn any(words: impl Iterator<Item = &'static str>) -> String {
    let mut words: Vec<&str> = words.collect();
    words.sort_by_key(|word| std::cmp::Reverse(word.len()));
    let escaped: Vec<String> = words.iter().map(|word| regex::escape(word)).collect();
    format!("(?:{})", escaped.join("|"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;

    use super::*;

    #[test]
    fn every_row_has_a_cell_for_every_column() {
        let mut wrong = String::new();
        for (file, text) in FILES {
            let mut columns = None;
            for (i, line) in text.lines().enumerate().filter(|(_, l)| !l.is_empty() && !l.starts_with("# ")) {
                let cells: Vec<&str> = line.split('\t').collect();
                let blank = cells.iter().any(|cell| cell.is_empty() || cell.split(", ").any(str::is_empty));
                if cells.len() != *columns.get_or_insert(cells.len()) || blank {
                    wrong += &format!("\ndata/{file}.tsv:{}: {line:?}", i + 1);
                }
            }
        }
        assert!(wrong.is_empty(), "{wrong}");
    }

    #[test]
    fn nothing_that_is_looked_up_stands_twice() {
        let mut wrong = String::new();
        for (file, _) in FILES.iter().filter(|(file, _)| !file.ends_with("words") && !file.ends_with("rules"))
        {
            let mut seen = BTreeSet::new();
            for (line, cells) in rows(file) {
                for form in forms(cells[0]).filter(|form| !seen.insert(*form)) {
                    wrong += &format!("\ndata/{file}.tsv:{line}: {form} stands twice");
                }
            }
        }
        assert!(wrong.is_empty(), "{wrong}");
    }

    #[test]
    fn the_code_names_every_list_of_words_and_no_other() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/text/normalize");
        let mut named = BTreeSet::new();
        for folder in ["en", "zh", "latin"] {
            for entry in fs::read_dir(root.join(folder)).unwrap() {
                let code = fs::read_to_string(entry.unwrap().path()).unwrap();
                for call in code.split("Words::new(").skip(1) {
                    let strings: Vec<&str> = call.split('"').collect();
                    named.insert((strings[1].to_string(), strings[3].to_string()));
                }
            }
        }
        let known: BTreeSet<_> = FILES
            .iter()
            .filter(|(file, _)| file.ends_with("words"))
            .flat_map(|(file, _)| rows(file).map(|(_, cells)| (file.to_string(), cells[0].to_string())))
            .collect();
        assert_eq!(named, known);
    }

    #[test]
    fn patterns_name_tables() {
        let months = pattern("(?P<month>{month}) [0-9]{1,2}");
        assert!(months.starts_with("(?P<month>(?i-u:(?:september|") && months.ends_with(") [0-9]{1,2}"));
        assert_eq!(pattern("{nothing}"), "{nothing}");
        assert!(pattern("{currency_sign}").contains('€'));
    }
}
