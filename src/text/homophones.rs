//! A user's table of characters that are misread.

use std::collections::HashMap;

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
        let entries: HashMap<String, String> = serde_json::from_str(json)
            .map_err(|e| format!("not a JSON object of one-character strings: {e}"))?;
        let mut table = HashMap::with_capacity(entries.len());
        for (from, to) in &entries {
            let (Some(from), Some(to)) = (only_char(from), only_char(to)) else {
                return Err(format!(
                    "the entry {from:?}: {to:?} must lead from one character to one character"
                ));
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
            (r#"{"ab": "c"}"#, "\"ab\""),
            (r#"{"a": ""}"#, "\"a\""),
            (r#"{"": "a"}"#, "\"\""),
            (r#"{"a": 1}"#, "integer"),
            ("[]", "object"),
            ("", "EOF"),
        ] {
            let error = Homophones::from_json(json).unwrap_err();
            assert!(error.contains(word), "{json}: {error}");
        }
    }
}
