//! Patterns for file names.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::str::FromStr;

use unicode_normalization::UnicodeNormalization;

use super::name::{FILLER, check, components, is_allowed, tidy};
use crate::error::{Error, Result};
use crate::message::cut;

/// The number of the key's digits that `{hash}` shows.
const HASH_DIGITS: usize = 12;
/// The number of digits of the index where it replaces a missing id.
const INDEX_WIDTH: usize = 5;
/// The widest number that a template may ask for; the longest seed has 20 digits.
const MAX_WIDTH: usize = 20;
/// The number of the text's characters that `{text}` shows.
const SLUG_CHARS: usize = 40;
/// The most bytes that one field may fill, so that it leaves room for its neighbours.
const MAX_VALUE: usize = 200;

const FIELDS: [(&str, Field); 6] = [
    ("index", Field::Index),
    ("id", Field::Id),
    ("seed", Field::Seed),
    ("role", Field::Role),
    ("hash", Field::Hash),
    ("text", Field::Text),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    Index,
    Id,
    Seed,
    Role,
    Hash,
    Text,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Literal(String),
    /// A field, and the number of digits to which zeros pad it.
    Field(Field, usize),
}

/// A pattern for file names such as `{index:05}-{id}.wav`, read with [`FromStr`].
///
/// The fields are `index` and `seed`, which may ask for leading zeros as in `{index:05}`, `id` (the index if
/// the line has none), `role`, `hash` (the first 12 digits of the line's content key) and `text` (its first
/// 40 characters, letters and digits only). `{{` and `}}` are braces; `/` makes sub-folders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameTemplate {
    parts: Vec<Part>,
}

/// Holds the values from which a line's name is made.
#[derive(Clone, Copy, Debug)]
pub struct NameFields<'a> {
    /// The line's number.
    pub index: usize,
    /// The id it was given.
    pub id: Option<&'a str>,
    /// The generation seed.
    pub seed: u64,
    /// The voice that speaks, in short.
    pub role: Option<&'a str>,
    /// The content key, in hexadecimal digits.
    pub key: &'a str,
    /// The text.
    pub text: &'a str,
}

impl NameTemplate {
    /// Tells whether a name depends on nothing but the line's number and id, which are known of every line unread.
    pub fn is_of_line(&self) -> bool {
        let is_of_line =
            |part: &Part| matches!(part, Part::Literal(_) | Part::Field(Field::Index | Field::Id, _));
        self.parts.iter().all(is_of_line)
    }
}

impl FromStr for NameTemplate {
    type Err = Error;

    /// Reads a template.
    ///
    /// # Errors
    /// [`Error::Parameter`] for an unknown field, a brace without its partner, or a path that leads out of
    /// the output folder or is no name on some system.
    fn from_str(text: &str) -> Result<Self> {
        let refuse = |reason: String| Error::parameter("name", reason);
        let mut parts = Vec::new();
        let mut literal = String::new();
        let mut rest = text;
        while let Some(at) = rest.find(['{', '}']) {
            literal.push_str(&rest[..at]);
            let (brace, after) = rest[at..].split_at(1);
            if let Some(after) = after.strip_prefix(brace) {
                literal.push_str(brace);
                rest = after;
                continue;
            }
            let end = after.find(['{', '}']).filter(|end| brace == "{" && after[*end..].starts_with('}'));
            let Some(end) = end else {
                return Err(refuse(format!(
                    "`{brace}` in {text} has no partner; `{brace}{brace}` is a brace"
                )));
            };
            if !literal.is_empty() {
                parts.push(Part::Literal(std::mem::take(&mut literal)));
            }
            parts.push(field(&after[..end]).map_err(refuse)?);
            rest = &after[end + 1..];
        }
        literal.push_str(rest);
        if !literal.is_empty() {
            parts.push(Part::Literal(literal));
        }
        let template = NameTemplate { parts };
        // No value is empty, begins with a dot or holds a slash, so what is wrong shows with any value.
        check(&template.fill(|_, _| "x".into())).map_err(refuse)?;
        Ok(template)
    }
}

fn field(text: &str) -> Result<Part, String> {
    let (name, width) = match text.split_once(':') {
        Some((name, width)) => (name, Some(width)),
        None => (text, None),
    };
    let Some((_, field)) = FIELDS.iter().find(|(known, _)| *known == name) else {
        return Err(format!("unknown field {{{}}}; known: {}", name.escape_debug(), known()));
    };
    let Some(width) = width else { return Ok(Part::Field(*field, 0)) };
    if !matches!(field, Field::Index | Field::Seed) {
        return Err(format!("{{{text}}}: only index and seed are numbers that take a width"));
    }
    let digits = width.strip_prefix('0').filter(|digits| digits.chars().all(|c| c.is_ascii_digit()));
    match digits.and_then(|digits| digits.parse().ok()).filter(|width| (1..=MAX_WIDTH).contains(width)) {
        Some(width) => Ok(Part::Field(*field, width)),
        None => Err(format!("{{{text}}}: a width is written as in {{{name}:05}}, 01 to 0{MAX_WIDTH}")),
    }
}

fn known() -> String {
    FIELDS.map(|(name, _)| format!("{{{name}}}")).join(", ")
}

impl NameTemplate {
    /// Tells whether the template shows that field; with `uses("seed")`, every newly drawn seed makes new
    /// names.
    pub fn uses(&self, field: &str) -> bool {
        self.parts.iter().any(|part| match part {
            Part::Field(used, _) => FIELDS.contains(&(field, *used)),
            Part::Literal(_) => false,
        })
    }

    /// Returns the name that these values make: a relative path that [`super::checked_out`] accepts.
    pub fn render(&self, fields: &NameFields) -> PathBuf {
        PathBuf::from(self.name(fields))
    }

    pub(super) fn name(&self, fields: &NameFields) -> String {
        let filled = self.fill(|field, width| match field {
            Field::Index => format!("{:0width$}", fields.index),
            Field::Seed => format!("{:0width$}", fields.seed),
            Field::Id => match fields.id {
                Some(id) => value(id),
                None => format!("{:0INDEX_WIDTH$}", fields.index),
            },
            Field::Role => value(fields.role.unwrap_or("none")),
            Field::Hash => value(fields.key.get(..HASH_DIGITS).unwrap_or(fields.key)),
            Field::Text => slug(fields.text),
        });
        let parts: Vec<String> = components(&filled).map(tidy).collect();
        parts.join("/")
    }

    fn fill(&self, mut value: impl FnMut(Field, usize) -> String) -> String {
        self.parts.iter().fold(String::new(), |mut name, part| {
            // Writing to a string cannot fail.
            let _ = match part {
                Part::Literal(text) => name.write_str(text),
                Part::Field(field, width) => name.write_str(&value(*field, *width)),
            };
            name
        })
    }
}

/// Returns a value as it may stand in a component: never empty, and without characters that change the path.
fn value(text: &str) -> String {
    let dots = text.len() - text.trim_start_matches('.').len();
    let clean = |(at, c): (usize, char)| if at < dots || !is_allowed(c) { FILLER } else { c };
    let clean: String = text.char_indices().map(clean).collect();
    match cut(clean.trim(), MAX_VALUE) {
        "" => FILLER.into(),
        value => value.into(),
    }
}

/// Returns the first letters and digits of a text, of any script, with one `-` in place of all characters
/// between them.
fn slug(text: &str) -> String {
    let mut slug = String::new();
    let mut chars = 0;
    let mut between = false;
    // Composed, so that an accent written by itself does not fall out of its letter.
    for c in text.nfc() {
        if !c.is_alphanumeric() {
            between = true;
            continue;
        }
        let dash = std::mem::take(&mut between) && chars > 0;
        chars += 1 + usize::from(dash);
        if chars > SLUG_CHARS || slug.len() + c.len_utf8() + usize::from(dash) > MAX_VALUE {
            break;
        }
        if dash {
            slug.push('-');
        }
        slug.push(c);
    }
    if slug.is_empty() {
        slug.push(FILLER);
    }
    slug
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIELDS: NameFields = NameFields {
        index: 7,
        id: Some("greeting"),
        seed: 42,
        role: Some("2222"),
        key: "0123456789abcdef0123",
        text: "Hello, world!  你好。",
    };

    fn render(template: &str, fields: &NameFields) -> String {
        template.parse::<NameTemplate>().unwrap().name(fields)
    }

    fn refused(template: &str) -> String {
        match template.parse::<NameTemplate>() {
            Err(Error::Parameter { name: "name", reason }) => reason,
            other => panic!("{template}: {other:?}"),
        }
    }

    #[test]
    fn fields_and_braces_are_filled_in() {
        let cases = [
            ("{index:05}-{id}.wav", "00007-greeting.wav"),
            ("{index}.wav", "7.wav"),
            ("{seed:010}_{hash}.wav", "0000000042_0123456789ab.wav"),
            ("{role}/{text}.wav", "2222/Hello-world-你好.wav"),
            ("{{{id}}}.wav", "{greeting}.wav"),
            ("./a//b.wav", "a/b.wav"),
        ];
        for (template, name) in cases {
            assert_eq!(render(template, &FIELDS), name);
        }
    }

    #[test]
    fn values_that_are_not_there_have_a_stand_in() {
        let none = NameFields { id: None, role: None, key: "", text: "…", ..FIELDS };
        assert_eq!(render("{id}-{role}-{hash}-{text}.wav", &none), "00007-none-_-_.wav");
        assert_eq!(render("{id}.wav", &NameFields { id: Some(" "), ..FIELDS }), "_.wav");
    }

    #[test]
    fn no_value_leads_out_of_its_folder() {
        let values = [
            "..",
            "../../etc/passwd",
            "/etc/passwd",
            "..\\..\\x",
            "C:\\x",
            ".chattts-rs",
            ".chattts-rs/ledger.jsonl",
            "nul",
            "a\0b",
            "x.",
            "x ",
            "\u{202e}gpj",
            "~",
            "",
            "   .. ",
            "com1.wav",
            "a\nb",
        ];
        let long = "长".repeat(300);
        for value in values.into_iter().chain([long.as_str()]) {
            let fields = NameFields { id: Some(value), role: Some(value), text: value, key: value, ..FIELDS };
            for template in
                ["{id}", "{id}/{role}.wav", "{text}{role}{id}.wav", "{hash}.wav", "a/{id}/b.wav", "c{id}"]
            {
                let name = render(template, &fields);
                assert_eq!(check(&name).as_deref(), Ok(name.as_str()), "{template} {value:?}");
                let slashes = |text: &str| text.matches('/').count();
                assert_eq!(slashes(&name), slashes(template), "{template} {value:?}");
            }
        }
        assert_eq!(render("co{id}", &NameFields { id: Some("n"), ..FIELDS }), "_con");
    }

    #[test]
    fn a_slug_ends_between_characters() {
        let fields = |text| NameFields { text, ..FIELDS };
        let long = "语".repeat(50);
        assert_eq!(render("{text}", &fields(&long)), "语".repeat(40));
        let full = format!("{} b", "a".repeat(39));
        assert_eq!(render("{text}", &fields(&full)), "a".repeat(39));
        assert_eq!(render("{text}", &fields("--cafe\u{301}?? 9--")), "café-9");
    }

    #[test]
    fn templates_that_cannot_be_are_refused_with_the_reason() {
        let cases = [
            ("{name}.wav", "{index}, {id}, {seed}, {role}, {hash}, {text}"),
            ("{}.wav", "unknown field"),
            ("{index.wav", "no partner"),
            ("{index{id}}.wav", "no partner"),
            ("index}.wav", "no partner"),
            ("{id:05}.wav", "take a width"),
            ("{index:5}.wav", "{index:05}"),
            ("{index:021}.wav", "{index:05}"),
            ("{index:0+5}.wav", "{index:05}"),
            ("../{id}.wav", "leads out"),
            ("/tmp/{id}.wav", "absolute"),
            ("C:/{id}.wav", "cannot hold"),
            ("{id}\\{index}.wav", "backslash"),
            (".chattts-rs/{id}.wav", "the program's own"),
            ("{id}/", "folder"),
            ("", "empty"),
        ];
        for (template, reason) in cases {
            let found = refused(template);
            assert!(found.contains(reason), "{template}: {found}");
        }
    }

    #[test]
    fn a_template_knows_its_fields() {
        let template: NameTemplate = "seed-{index:05}.wav".parse().unwrap();
        assert!(template.uses("index") && !template.uses("seed"));
    }
}
