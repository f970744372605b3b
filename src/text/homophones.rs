//! A user's table of characters that are misread.

use std::collections::HashMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::error::Category;

/// Maps characters that the model misreads to the ones to speak in their place; a user brings it.
///
/// We ship none: the reference's own table is AGPL data.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Homophones(HashMap<char, char>);

impl Homophones {
    /// Reads a JSON object of one-character strings, `{"後": "后"}`.
    ///
    /// The error is a sentence for the user, without the file's name.
    pub fn from_json(json: &str) -> Result<Self, String> {
        // What stands in the file is not quoted: it may be another file than the user meant.
        let Entries(entries) = serde_json::from_str(json).map_err(|e| {
            let said = match e.classify() {
                Category::Data => format!("another value at line {} column {}", e.line(), e.column()),
                _ => e.to_string(),
            };
            format!("not a JSON object of one-character strings: {said}")
        })?;
        let mut table = HashMap::with_capacity(entries.len());
        for (i, (from, to)) in entries.iter().enumerate() {
            let (Some(from), Some(to)) = (only_char(from), only_char(to)) else {
                return Err(format!("entry {} must lead from one character to one character", i + 1));
            };
            table.insert(from, to);
        }
        Ok(Self(table))
    }

    /// Returns what to speak in place of `c`: `c` itself if it is not in the table.
    pub fn replace(&self, c: char) -> char {
        self.0.get(&c).copied().unwrap_or(c)
    }
}

/// The entries of a table in their order.
struct Entries(Vec<(String, String)>);

impl<'de> Deserialize<'de> for Entries {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Entries;

            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entries, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Entries(entries))
            }
        }
        from.deserialize_map(Object)
    }
}

fn only_char(text: &str) -> Option<char> {
    let mut chars = text.chars();
    chars.next().filter(|_| chars.next().is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_homophone_table_is_refused_with_the_entry_that_is_wrong() {
        assert_eq!(Homophones::from_json("{}"), Ok(Homophones::default()));
        for (json, word) in [
            (r#"{"a": "b", "ab": "c"}"#, "entry 2"),
            (r#"{"a": ""}"#, "entry 1"),
            (r#"{"": "a"}"#, "entry 1"),
            (r#"{"a": 715}"#, "another value at line 1 column"),
            ("[]", "object"),
            ("", "EOF"),
        ] {
            let error = Homophones::from_json(json).unwrap_err();
            assert!(error.contains(word) && !error.contains("715"), "{json}: {error}");
        }
    }
}
