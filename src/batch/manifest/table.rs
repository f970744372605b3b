//! Manifests in the forms that tables are exported in: CSV with a header, and an array of JSON objects.

use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::Row;
use crate::error::Visible;
use crate::message::{cut, unknown};
use crate::speech::field::found;

/// The characters between fields, by the programs that export tables.
const DELIMITERS: [char; 3] = [',', ';', '\t'];
/// The most bytes of a header that a message shows.
const MAX_HEADER: usize = 200;
/// The keys whose values are text, even where they look like a number.
const TEXTS: [&str; 10] =
    ["text", "id", "out", "speaker", "role", "role_text", "prompt", "voice", "voice_codes", "voice_text"];

/// A row of a table as the JSON object that [`Row::parse`] reads, or the reason why it is none, and the number of
/// the line on which it begins, from 1.
pub type TableRow = (usize, Result<String, String>);

/// Reads the rows of a CSV file (RFC 4180) whose header names the keys, `text` among them. Fields are separated by
/// commas, semicolons or tabs; an empty field is an absent key, and an empty row is none.
///
/// # Errors
/// A sentence with the line: a header without `text` or with an unknown key, or a quote out of place.
pub fn csv_rows(text: &str) -> Result<Vec<TableRow>, String> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let delimiter = delimiter(text);
    let mut records = Records { rest: text, line: 1, delimiter };
    let Some((_, header)) = records.next_filled()? else { return Ok(Vec::new()) };
    let keys: Vec<String> = header.iter().map(|name| key(name)).collect();
    if !keys.iter().any(|key| key == "text") {
        let header = header.join(", ");
        let shown = cut(&header, MAX_HEADER);
        let dots = if shown.len() < header.len() { "…" } else { "" };
        return Err(format!("the header names no column `text`; it is {}{dots}", Visible(shown)));
    }
    for (at, key) in keys.iter().enumerate().filter(|(_, key)| !key.is_empty()) {
        if !Row::keys().contains(&key.as_str()) {
            return Err(format!("the header: {}", unknown(key, &Row::keys())));
        }
        if keys[..at].contains(key) {
            return Err(format!("the header: `{key}` is given twice"));
        }
    }
    let mut rows = Vec::new();
    while let Some((line, fields)) = records.next_filled()? {
        rows.push((line, object(&keys, &fields)));
    }
    Ok(rows)
}

/// Reads the records of a CSV file (RFC 4180) whose fields are separated by commas, each with the number of the line on
/// which it begins. Empty records are left out.
///
/// # Errors
/// A sentence with the line: a quote out of place.
pub fn csv_records(text: &str) -> Result<Vec<(usize, Vec<String>)>, String> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut records = Records { rest: text, line: 1, delimiter: ',' };
    let mut found = Vec::new();
    while let Some(record) = records.next_filled()? {
        found.push(record);
    }
    Ok(found)
}

/// Tells whether a text begins as a CSV file with a column `text` does.
pub fn is_csv(text: &str) -> bool {
    let first = text.trim_start_matches('\u{feff}').lines().next().unwrap_or_default();
    DELIMITERS.iter().any(|delimiter| has_text(first, *delimiter))
}

/// Reads the elements of a JSON array.
///
/// # Errors
/// A sentence with the place at which it is no array.
pub fn json_rows(text: &str) -> Result<Vec<TableRow>, String> {
    let elements: Vec<&RawValue> = serde_json::from_str(text).map_err(|e| format!("no JSON array: {e}"))?;
    let line = |element: &RawValue| {
        let before = element.get().as_ptr().addr() - text.as_ptr().addr();
        1 + text[..before].matches('\n').count()
    };
    Ok(elements.into_iter().map(|element| (line(element), Ok(element.get().to_string()))).collect())
}

fn delimiter(text: &str) -> char {
    let first = text.lines().next().unwrap_or_default();
    DELIMITERS.into_iter().find(|delimiter| has_text(first, *delimiter)).unwrap_or(',')
}

fn has_text(header: &str, delimiter: char) -> bool {
    header.split(delimiter).any(|name| key(name.trim().trim_matches('"')) == "text")
}

fn key(name: &str) -> String {
    name.trim().to_lowercase().replace(['-', ' '], "_")
}

fn object(keys: &[String], fields: &[String]) -> Result<String, String> {
    if fields.len() != keys.len() {
        return Err(format!("{} fields; the header has {}", fields.len(), keys.len()));
    }
    let mut object = Map::new();
    for (key, field) in keys.iter().zip(fields).filter(|(_, field)| !field.trim().is_empty()) {
        if key.is_empty() {
            return Err(format!("{} stands in a column without a name", found(&field.as_str().into())));
        }
        object.insert(key.clone(), value(key, field));
    }
    Ok(Value::Object(object).to_string())
}

/// Returns a field as the type that it looks like.
fn value(key: &str, field: &str) -> Value {
    let plain = field.trim();
    match plain.to_lowercase().as_str() {
        _ if TEXTS.contains(&key) => field.into(),
        "true" => true.into(),
        "false" => false.into(),
        _ => serde_json::from_str(plain).unwrap_or_else(|_| plain.into()),
    }
}

/// Reads the records of a CSV file one by one.
struct Records<'a> {
    rest: &'a str,
    /// Number of the line on which `rest` begins.
    line: usize,
    delimiter: char,
}

impl Records<'_> {
    /// Returns the next record in which anything stands, and the line on which it begins.
    fn next_filled(&mut self) -> Result<Option<(usize, Vec<String>)>, String> {
        while !self.rest.is_empty() {
            let line = self.line;
            let fields = self.record()?;
            if fields.iter().any(|field| !field.trim().is_empty()) {
                return Ok(Some((line, fields)));
            }
        }
        Ok(None)
    }

    fn record(&mut self) -> Result<Vec<String>, String> {
        let mut fields = Vec::new();
        loop {
            fields.push(match self.rest.strip_prefix('"') {
                Some(rest) => self.quoted(rest)?,
                None => self.bare()?,
            });
            if let Some(rest) = self.rest.strip_prefix(self.delimiter) {
                self.rest = rest;
                continue;
            }
            let end = self.rest.strip_prefix("\r\n").or_else(|| self.rest.strip_prefix('\n'));
            self.rest = end.unwrap_or_default();
            self.line += usize::from(end.is_some());
            return Ok(fields);
        }
    }

    fn bare(&mut self) -> Result<String, String> {
        let end = self.rest.find([self.delimiter, '\n', '"']).unwrap_or(self.rest.len());
        let (field, rest) = self.rest.split_at(end);
        if rest.starts_with('"') {
            let line = self.line;
            return Err(format!(
                "line {line}: a quote inside a field; write the field in quotes, and this one twice"
            ));
        }
        // The carriage return is the line end's.
        let field = if rest.starts_with('\n') { field.strip_suffix('\r').unwrap_or(field) } else { field };
        self.rest = &self.rest[field.len()..];
        Ok(field.to_string())
    }

    fn quoted(&mut self, inside: &str) -> Result<String, String> {
        let opened = self.line;
        let mut field = String::new();
        let mut at = 0;
        loop {
            let Some(end) = inside[at..].find('"').map(|end| at + end) else {
                return Err(format!("line {opened}: the quote that opens a field here is never closed"));
            };
            field.push_str(&inside[at..end]);
            at = end + 1;
            if !inside[at..].starts_with('"') {
                break;
            }
            field.push('"');
            at += 1;
        }
        self.line += inside[..at].matches('\n').count();
        // Counted from the end, since `inside` begins behind the first quote of `rest`.
        self.rest = &self.rest[self.rest.len() - (inside.len() - at)..];
        let ended = self.rest.is_empty()
            || self.rest.starts_with([self.delimiter, '\n'])
            || self.rest.starts_with("\r\n");
        match ended {
            true => Ok(field),
            false => Err(format!("line {}: text behind the quote that closes a field", self.line)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(text: &str) -> Vec<(usize, String)> {
        csv_rows(text).unwrap().into_iter().map(|(line, row)| (line, row.unwrap())).collect()
    }

    #[test]
    fn quotes_line_ends_and_types_are_read() {
        let csv = "\u{feff}ID,Text,seed,refine,temperature,role\r\n\
                   007,\"Hello, \"\"you\"\".\r\nAgain.\",42,TRUE,\"[0.1, 0.2, 0.3, 0.4]\",2222\r\n\
                   ,,,,,\r\n\
                   \r\n\
                   b,12,,,0.3,\r\n\
                   c,last,,,,anna";
        let found = rows(csv);
        let first = Row::parse(&found[0].1).unwrap();
        assert_eq!((first.id.as_deref(), first.text.as_str()), (Some("007"), "Hello, \"you\".\r\nAgain."));
        assert_eq!(first.overrides.sampling.seed, Some(42));
        assert_eq!(first.overrides.sampling.temperature, Some(vec![0.1, 0.2, 0.3, 0.4]));
        assert_eq!((first.overrides.refine, first.overrides.role.as_deref()), (Some(true), Some("2222")));
        let second = Row::parse(&found[1].1).unwrap();
        assert_eq!((second.text.as_str(), second.overrides.sampling.temperature), ("12", Some(vec![0.3])));
        assert_eq!(Row::parse(&found[2].1).unwrap().overrides.role.as_deref(), Some("anna"));
        assert_eq!(found.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [2, 6, 7]);
    }

    #[test]
    fn a_header_without_texts_is_shown_in_short_and_visibly() {
        let error = csv_rows(&format!("a\u{9b}2J,{}\n1,2\n", "长".repeat(300))).unwrap_err();
        assert!(error.contains("a\\u{9b}2J, 长") && error.ends_with('…') && error.len() < 300, "{error}");
        let error = csv_rows("text,\nhi,a\u{202e}b\n").unwrap().remove(0).1.unwrap_err();
        assert!(error.contains("without a name") && !error.contains('\u{202e}'), "{error:?}");
    }

    #[test]
    fn semicolons_and_tabs_separate_too() {
        for csv in ["text;id\na,b;1\n", "text\tid\na,b\t1\n", "\"text\";\"id\"\n\"a,b\";1"] {
            assert!(is_csv(csv));
            assert_eq!(rows(csv), [(2, r#"{"id":"1","text":"a,b"}"#.to_string())], "{csv:?}");
        }
        assert_eq!(rows("text\n\n"), []);
        assert_eq!(rows(""), []);
        assert!(!is_csv("hello, world\n") && !is_csv("{\"text\": \"a\"}"));
    }

    #[test]
    fn what_is_no_csv_is_refused_with_its_line() {
        for (csv, reason) in [
            ("name,words\na,b\n", "no column `text`; it is name, words"),
            ("text,speaker_role\na,b\n", "the header: unknown key `speaker_role`"),
            ("text,Text\na,b\n", "`text` is given twice"),
            ("text\n\"a\n\nb\n", "line 2: the quote that opens a field here is never closed"),
            ("text,id\na \"b\",1\n", "line 2: a quote inside a field"),
            ("text\n\"a\nb\"c\n", "line 3: text behind the quote"),
        ] {
            let error = csv_rows(csv).unwrap_err();
            assert!(error.contains(reason), "{csv:?}: {error}");
        }
        let short = csv_rows("text,id\na\nb,1\nc,2,3\n").unwrap();
        assert_eq!(short[0], (2, Err("1 fields; the header has 2".into())));
        assert!(short[1].1.is_ok() && short[2].1.is_err());
        let nameless = csv_rows("text,\na,\nb,c\n").unwrap();
        assert!(nameless[0].1.is_ok() && nameless[1].1.is_err());
    }

    #[test]
    fn an_array_is_read_element_by_element() {
        let found = json_rows("[\n {\"text\": \"a\"},\n\n {\"text\":\n \"b\"}, 5]\n").unwrap();
        let lines: Vec<usize> = found.iter().map(|(line, _)| *line).collect();
        assert_eq!(lines, [2, 4, 5]);
        assert_eq!(Row::parse(found[1].1.as_ref().unwrap()).unwrap().text, "b");
        assert!(Row::parse(found[2].1.as_ref().unwrap()).is_err());
        assert!(json_rows("[1,").unwrap_err().contains("line 1"));
    }
}
