//! The model's control tokens, and the tags that steer refining and speech.

use crate::error::{Error, Result};

/// BERT's own special tokens, the first of the vocabulary.
pub const SPECIAL_TOKENS: [&str; 5] = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];

/// The control tokens in the order of their ids, which are the vocabulary's last.
pub const CONTROL_TOKENS: [&str; 50] = [
    "[Sasr]",
    "[Pasr]",
    "[Easr]",
    "[Stts]",
    "[Ptts]",
    "[Etts]",
    "[Sbreak]",
    "[Pbreak]",
    "[Ebreak]",
    "[uv_break]",
    "[v_break]",
    "[lbreak]",
    "[llbreak]",
    "[undefine]",
    "[laugh]",
    "[spk_emb]",
    "[empty_spk]",
    "[music]",
    "[pure]",
    "[break_0]",
    "[break_1]",
    "[break_2]",
    "[break_3]",
    "[break_4]",
    "[break_5]",
    "[break_6]",
    "[break_7]",
    "[laugh_0]",
    "[laugh_1]",
    "[laugh_2]",
    "[oral_0]",
    "[oral_1]",
    "[oral_2]",
    "[oral_3]",
    "[oral_4]",
    "[oral_5]",
    "[oral_6]",
    "[oral_7]",
    "[oral_8]",
    "[oral_9]",
    "[speed_0]",
    "[speed_1]",
    "[speed_2]",
    "[speed_3]",
    "[speed_4]",
    "[speed_5]",
    "[speed_6]",
    "[speed_7]",
    "[speed_8]",
    "[speed_9]",
];

/// Returns the control token that begins at byte `at`, if one does.
pub fn control_token_at(text: &str, at: usize) -> Option<&'static str> {
    let rest = text.get(at..)?;
    // Most brackets are none.
    rest.as_bytes().get(1).filter(|b| b.is_ascii_alphabetic())?;
    CONTROL_TOKENS.into_iter().find(|token| rest.starts_with(token))
}

/// The likeness to a control token from which a word in brackets is taken for a misspelling of it; 1 is the same.
const LIKENESS: f64 = 0.88;

/// Finds words in brackets that are no control tokens but look as if they should be: the place of each in bytes,
/// the word with its brackets, and the token that is nearest to it.
pub fn misspelt_tokens(text: &str) -> Vec<(usize, &str, &'static str)> {
    let mut found = Vec::new();
    for (at, _) in text.match_indices('[') {
        let rest = &text[at + 1..];
        let length = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
        let (word, after) = rest.split_at(length);
        // Before a parenthesis it is a link of Markdown.
        let is_tag = after.starts_with(']') && !after.starts_with("](");
        if !is_tag || control_token_at(text, at).is_some() {
            continue;
        }
        let plain = word.to_ascii_lowercase();
        let likeness =
            |token: &str| strsim::jaro_winkler(&plain, &token[1..token.len() - 1].to_ascii_lowercase());
        let nearest = CONTROL_TOKENS.into_iter().max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
        if let Some(nearest) = nearest.filter(|token| likeness(token) >= LIKENESS) {
            found.push((at, &text[at..at + length + 2], nearest));
        }
    }
    found
}

/// Families of numbered tags, how many each has, and what it does.
const FAMILIES: [(&str, u32, Steers); 4] = [
    ("oral", 10, Steers::Refining),
    ("laugh", 3, Steers::Refining),
    ("break", 8, Steers::Refining),
    ("speed", 10, Steers::Speech),
];

#[derive(Clone, Copy, PartialEq)]
enum Steers {
    Refining,
    Speech,
}

/// Holds the control tags that a user asked for, sorted by what they steer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ControlTags {
    /// `[oral_N]`, `[laugh_N]`, `[break_N]`, in the order given; empty if none.
    pub refining: String,
    /// `[speed_N]`, if given.
    pub speech: Option<String>,
}

impl ControlTags {
    /// Reads a row of tags such as `[oral_2][laugh_0][break_6][speed_4]`; blanks and commas between them
    /// are ignored, and with them the brackets may be left out: `oral_2 speed_4`.
    ///
    /// # Errors
    /// [`Error::UnknownTag`] that lists the known ones; [`Error::Parameter`] if one family comes twice.
    pub fn parse(text: &str) -> Result<Self> {
        let mut tags = ControlTags::default();
        let mut seen: Vec<&str> = Vec::new();
        let mut rest = text.trim_start_matches(is_separator);
        while !rest.is_empty() {
            let end = match rest.starts_with('[') {
                true => rest.find(']').map_or(rest.len(), |i| i + 1),
                false => rest.find(|c| is_separator(c) || c == '[').unwrap_or(rest.len()),
            };
            let (written, others) = rest.split_at(end);
            rest = others.trim_start_matches(is_separator);
            let tag = &match written.starts_with('[') {
                true => written.to_string(),
                false => format!("[{written}]"),
            };
            let Some((family, steers)) = family_of(tag) else {
                return Err(Error::UnknownTag { tag: written.trim_end().to_string(), known: known() });
            };
            if seen.contains(&family) {
                return Err(Error::parameter(
                    "prompt",
                    format!("[{family}_N] is given twice; once is enough"),
                ));
            }
            seen.push(family);
            match steers {
                Steers::Refining => tags.refining.push_str(tag),
                Steers::Speech => tags.speech = Some(tag.to_string()),
            }
        }
        Ok(tags)
    }
}

fn is_separator(c: char) -> bool {
    c.is_whitespace() || c == ','
}

fn family_of(tag: &str) -> Option<(&'static str, Steers)> {
    let (name, number) = tag.strip_prefix('[')?.strip_suffix(']')?.rsplit_once('_')?;
    let (family, count, steers) = FAMILIES.iter().find(|(family, ..)| *family == name)?;
    // As the vocabulary writes it: one digit, no sign, no leading zero.
    let known = (0..*count).any(|n| n.to_string() == number);
    known.then_some((*family, *steers))
}

fn known() -> String {
    let families: Vec<String> =
        FAMILIES.iter().map(|(family, count, _)| format!("[{family}_0]…[{family}_{}]", count - 1)).collect();
    families.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_sorted_by_what_they_steer() {
        let tags = ControlTags::parse(" [oral_2][speed_4], [laugh_0] [break_6]").unwrap();
        assert_eq!(tags.refining, "[oral_2][laugh_0][break_6]");
        assert_eq!(tags.speech.as_deref(), Some("[speed_4]"));
        assert_eq!(ControlTags::parse("").unwrap(), ControlTags::default());
        for bare in ["oral_2 speed_4 laugh_0 break_6", "oral_2,speed_4, [laugh_0]break_6"] {
            assert_eq!(ControlTags::parse(bare).unwrap(), tags, "{bare}");
        }
    }

    #[test]
    fn unknown_tags_are_refused_with_the_known_ones() {
        for bad in [
            "[speed_10]",
            "[oral_02]",
            "[break_8]",
            "[foo]",
            "oral2",
            "speed_10",
            "[oral_2",
            "[laugh_-1]",
            "[oral_]",
            "[laugh]",
        ] {
            let e = ControlTags::parse(bad).unwrap_err().to_string();
            assert!(e.contains(bad) && e.contains("[oral_0]…[oral_9]") && e.contains("[break_7]"), "{e}");
        }
        assert!(ControlTags::parse("[oral_1][oral_2]").unwrap_err().to_string().contains("twice"));
    }

    #[test]
    fn a_misspelt_token_is_found_with_its_place_and_the_nearest_one() {
        for (word, nearest) in [
            ("[uv_brake]", "[uv_break]"),
            ("[UV_BREAK]", "[uv_break]"),
            ("[uvbreak]", "[uv_break]"),
            ("[lauhg]", "[laugh]"),
            ("[laughs]", "[laugh]"),
            ("[lbrake]", "[lbreak]"),
        ] {
            let text = format!("好{word}.");
            assert_eq!(misspelt_tokens(&text), [(3, word, nearest)]);
        }
        for text in
            ["[uv_break]", "[1]", "[sic]", "[note]", "[laughs](a.html)", "[uv_brake", "[ laughs ]", "[]"]
        {
            assert_eq!(misspelt_tokens(text), [], "{text}");
        }
    }

    #[test]
    fn every_family_is_in_the_vocabulary() {
        for (family, count, _) in FAMILIES {
            for n in 0..count {
                assert!(CONTROL_TOKENS.contains(&format!("[{family}_{n}]").as_str()));
            }
        }
    }
}
