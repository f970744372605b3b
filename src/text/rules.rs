//! The normalizer of a tokenizer.json. A run of rules that each replace one whole word, or a character by what stands
//! beside it, is kept as a table: what thousands of regular expressions say one after another is then looked up.

use std::collections::{BTreeSet, HashMap};
use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use serde_json::value::RawValue;
use tokenizers::normalizers::Precompiled;
use tokenizers::{NormalizedString, Normalizer, NormalizerWrapper};

/// Normalizes as the rules of a tokenizer.json do, in their order.
pub struct Rules(Vec<Rule>);

enum Rule {
    /// Rules `\bword\b` that stand one after another.
    Words(Words),
    /// Rules `(?<=[…])c|c(?=[…])|…` that stand one after another.
    Readings(Readings),
    /// Any other rule.
    Other(NormalizerWrapper),
}

/// Replaces whole words.
#[derive(Default)]
struct Words {
    /// What a word becomes, and the number of its rule: a smaller one comes first.
    table: HashMap<String, (usize, String)>,
    /// The largest number of parts that apostrophes divide a word into.
    parts: usize,
}

/// A stretch of a text, and the rule that replaces it.
struct Match<'a> {
    place: Range<usize>,
    rule: usize,
    content: &'a str,
}

/// Replaces characters where certain others stand beside them.
#[derive(Default)]
struct Readings {
    /// The rules that may replace a character, in their order.
    of: HashMap<char, Vec<usize>>,
    rules: Vec<Reading>,
}

/// What characters become beside others.
struct Reading {
    /// Each with those that must stand on a side of it.
    alternatives: Vec<(char, Side, String)>,
    content: String,
}

#[derive(Clone, Copy, PartialEq)]
enum Side {
    Before,
    After,
}

/// Words as `\b` tells them, with those that apostrophes join to them.
static RUNS: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"\w+(?:'\w+)*").ok());

impl<'de> Deserialize<'de> for Rules {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Sequence {
            normalizers: Vec<Box<RawValue>>,
        }
        let json = Box::<RawValue>::deserialize(deserializer)?;
        // Only a sequence has parts; any other normalizer is a rule by itself.
        let parts = match serde_json::from_str::<Sequence>(json.get()) {
            Ok(sequence) => sequence.normalizers,
            Err(_) => vec![json],
        };
        let mut rules = Vec::new();
        for (number, part) in parts.iter().enumerate() {
            if let Some((word, content)) = replaced_word(part.get()) {
                if !matches!(rules.last(), Some(Rule::Words(_))) {
                    rules.push(Rule::Words(Words::default()));
                }
                if let Some(Rule::Words(words)) = rules.last_mut() {
                    words.add(word, number, content);
                }
            } else if let Some(reading) = Reading::of(part.get()) {
                if !matches!(rules.last(), Some(Rule::Readings(_))) {
                    rules.push(Rule::Readings(Readings::default()));
                }
                if let Some(Rule::Readings(readings)) = rules.last_mut() {
                    readings.add(reading);
                }
            } else {
                check_maps(&serde_json::from_str(part.get()).map_err(D::Error::custom)?)
                    .map_err(D::Error::custom)?;
                rules.push(Rule::Other(serde_json::from_str(part.get()).map_err(D::Error::custom)?));
            }
        }
        Ok(Rules(rules))
    }
}

/// Refuses a rule that is, or has among its parts, a precompiled map that cannot be read: the library panics at it.
fn check_maps(rule: &Value) -> serde_json::Result<()> {
    match rule {
        Value::Object(fields) if fields.get("type").is_some_and(|kind| kind == "Precompiled") => {
            Precompiled::deserialize(rule).map(drop)
        }
        Value::Object(fields) => fields.values().try_for_each(check_maps),
        Value::Array(parts) => parts.iter().try_for_each(check_maps),
        _ => Ok(()),
    }
}

impl Normalizer for Rules {
    fn normalize(&self, text: &mut NormalizedString) -> tokenizers::Result<()> {
        for rule in &self.0 {
            match rule {
                Rule::Words(words) => words.replace(text),
                Rule::Readings(readings) => readings.replace(text),
                Rule::Other(other) => other.normalize(text)?,
            }
        }
        Ok(())
    }
}

impl Words {
    fn add(&mut self, word: String, rule: usize, content: String) {
        self.parts = self.parts.max(word.split('\'').count());
        self.table.entry(word).or_insert((rule, content));
    }

    fn replace(&self, text: &mut NormalizedString) {
        replace_all(text, &self.matches(text.get()));
    }

    /// Returns what is replaced, in the order of the text.
    fn matches(&self, text: &str) -> Vec<Match<'_>> {
        let mut matches = Vec::new();
        for run in RUNS.iter().flat_map(|runs| runs.find_iter(text)) {
            let mut found = self.in_run(text, run.range());
            // As if the rules were applied one after another, each from left to right.
            found.sort_by_key(|found| (found.rule, found.place.start));
            let first = matches.len();
            for found in found {
                let overlaps = |other: &Match<'_>| {
                    other.place.start < found.place.end && found.place.start < other.place.end
                };
                if !matches[first..].iter().any(overlaps) {
                    matches.push(found);
                }
            }
            matches[first..].sort_by_key(|found| found.place.start);
        }
        matches
    }

    /// Returns all that rules match in words that apostrophes join.
    fn in_run(&self, text: &str, run: Range<usize>) -> Vec<Match<'_>> {
        let mut starts = vec![run.start];
        starts.extend(text[run.clone()].match_indices('\'').map(|(i, _)| run.start + i + 1));
        let ends: Vec<usize> = starts.iter().skip(1).map(|start| start - 1).chain([run.end]).collect();
        let mut found = Vec::new();
        for (i, start) in starts.iter().enumerate() {
            for end in ends.iter().skip(i).take(self.parts) {
                if let Some((rule, content)) = self.table.get(&text[*start..*end]) {
                    found.push(Match { place: *start..*end, rule: *rule, content });
                }
            }
        }
        found
    }
}

/// Replaces stretches of a text, which are in its order.
fn replace_all(text: &mut NormalizedString, matches: &[Match<'_>]) {
    if matches.is_empty() {
        return;
    }
    let mut made = Vec::with_capacity(text.get().len());
    let mut at = 0;
    for Match { place, content, .. } in matches {
        made.extend(text.get()[at..place.start].chars().map(|c| (c, 0)));
        // A number of characters more than there were is added at the end of a word, one less is told of its
        // last character.
        let (before, after) = (text.get()[place.clone()].chars().count(), content.chars().count());
        made.extend(content.chars().enumerate().map(|(i, c)| {
            let fewer = if i + 1 == after { before.saturating_sub(after) } else { 0 };
            (c, if i >= before { 1 } else { -(fewer as isize) })
        }));
        at = place.end;
    }
    made.extend(text.get()[at..].chars().map(|c| (c, 0)));
    text.transform(made, 0);
}

impl Readings {
    fn add(&mut self, reading: Reading) {
        for (c, ..) in &reading.alternatives {
            let rules = self.of.entry(*c).or_default();
            if rules.last() != Some(&self.rules.len()) {
                rules.push(self.rules.len());
            }
        }
        self.rules.push(reading);
    }

    /// Applies the rules one after another. What one has replaced is neither replaced by those that follow it nor beside
    /// anything to them, as it is no letter.
    fn replace(&self, text: &mut NormalizedString) {
        let due: BTreeSet<usize> =
            text.get().chars().filter_map(|c| self.of.get(&c)).flatten().copied().collect();
        for rule in due {
            let reading = &self.rules[rule];
            let mut matches = Vec::new();
            let mut before = None;
            let mut rest = text.get().char_indices().peekable();
            while let Some((at, c)) = rest.next() {
                let after = rest.peek().map(|(_, c)| *c);
                let is_beside = |(replaced, side, others): &(char, Side, String)| {
                    let other = if *side == Side::Before { before } else { after };
                    *replaced == c && other.is_some_and(|other| others.contains(other))
                };
                if reading.alternatives.iter().any(is_beside) {
                    matches.push(Match { place: at..at + c.len_utf8(), rule, content: &reading.content });
                }
                before = Some(c);
            }
            replace_all(text, &matches);
        }
    }
}

impl Reading {
    /// Reads a rule that replaces characters beside others by characters of no word; none if it is another rule.
    fn of(json: &str) -> Option<Self> {
        if !json.contains("[") || !json.contains("(?") {
            return None;
        }
        let Replace { r#type: kind, pattern, content } = serde_json::from_str(json).ok()?;
        let alternatives = pattern.regex.split('|').map(|part| {
            let (side, c, others) = match part.strip_prefix("(?<=[") {
                Some(rest) => rest.split_once("])").map(|(others, c)| (Side::Before, c, others))?,
                None => {
                    part.strip_suffix("])")?.split_once("(?=[").map(|(c, others)| (Side::After, c, others))?
                }
            };
            let mut one = c.chars();
            let c = one.next().filter(|_| one.next().is_none())?;
            let are_letters = !others.is_empty() && others.chars().chain([c]).all(char::is_alphabetic);
            are_letters.then(|| (c, side, others.to_string()))
        });
        let alternatives = alternatives.collect::<Option<Vec<_>>>()?;
        (kind == "Replace" && is_content(&content)).then_some(Reading { alternatives, content })
    }
}

#[derive(Deserialize)]
struct Replace {
    r#type: String,
    pattern: Pattern,
    content: String,
}

#[derive(Deserialize)]
struct Pattern {
    #[serde(rename = "Regex")]
    regex: String,
}

/// Reads a rule that replaces one whole word by characters of no word; none if it is another rule.
fn replaced_word(json: &str) -> Option<(String, String)> {
    // As such rules are mostly written, tens of thousands of them.
    let plain = json
        .strip_prefix(r#"{"type":"Replace","pattern":{"Regex":"\\b"#)
        .and_then(|rest| rest.strip_suffix(r#""}"#)?.split_once(r#"\\b"},"content":""#));
    if let Some((word, content)) = plain.filter(|(word, content)| is_word(word) && is_content(content)) {
        return Some((word.into(), content.into()));
    }
    if !json.contains(r"\\b") {
        return None;
    }
    let Replace { r#type: kind, pattern, content } = serde_json::from_str(json).ok()?;
    let word = pattern.regex.strip_prefix(r"\b")?.strip_suffix(r"\b")?;
    (kind == "Replace" && is_word(word) && is_content(&content)).then(|| (word.to_string(), content))
}

fn is_word(word: &str) -> bool {
    word.split('\'').all(|part| !part.is_empty() && part.bytes().all(|c| c.is_ascii_lowercase()))
}

/// Tells whether what a rule writes is no word to the rules that follow it.
fn is_content(content: &str) -> bool {
    !content.is_empty() && content.chars().all(|c| ('\u{e000}'..='\u{f8ff}').contains(&c))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn readings() -> Value {
        let replace = |regex: &str, content: &str| json!({"type": "Replace", "pattern": {"Regex": regex}, "content": content});
        json!({"type": "Sequence", "normalizers": [
            {"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": false, "strip_accents": true, "lowercase": true},
            replace("(?<=[银同])行|行(?=[业a])|(?<=[行])业", "\u{e001}\u{e002}"),
            replace("(?<=[不])行", "\u{e003}"),
            replace("乐(?=[业行曲])|(?<=[行])行", "\u{e004}\u{e005}\u{e006}"),
            replace("行", "\u{e007}"),
            replace("业(?=[行])", "\u{e008}"),
            replace("(?<=[行])a|x(?=[.])", "?"),
        ]})
    }

    fn rules() -> Value {
        let replace = |regex: &str, content: &str| json!({"type": "Replace", "pattern": {"Regex": regex}, "content": content});
        json!({"type": "Sequence", "normalizers": [
            {"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": false, "strip_accents": true, "lowercase": true},
            replace(r"\bdon't\b", "\u{e001}\u{e002}"),
            replace(r"\bt\b", "\u{e003}"),
            replace(r"\bo't'a\b", "\u{e00a}"),
            replace(r"\bdon\b", "\u{e004}\u{e005}\u{e006}\u{e007}\u{e008}"),
            replace(r"\ba\b", "\u{e009}"),
            replace(r"\ba\b", "\u{e00b}"),
            replace("'s", "\u{e00c}"),
            replace(r"\bs\b", "\u{e00d}"),
            replace(r"[a-z']+", "?"),
        ]})
    }

    fn by_table(rules: &Value, text: &str) -> String {
        let rules: Rules = serde_json::from_str(&rules.to_string()).unwrap();
        let mut text = NormalizedString::from(text);
        rules.normalize(&mut text).unwrap();
        text.get().to_string()
    }

    fn one_by_one(rules: Value, text: &str) -> String {
        let rules: NormalizerWrapper = serde_json::from_value(rules).unwrap();
        let mut text = NormalizedString::from(text);
        rules.normalize(&mut text).unwrap();
        text.get().to_string()
    }

    #[test]
    fn words_are_kept_in_tables_and_other_rules_as_they_are() {
        let rules: Rules = serde_json::from_str(&rules().to_string()).unwrap();
        let kinds: Vec<bool> = rules.0.iter().map(|rule| matches!(rule, Rule::Words(_))).collect();
        assert_eq!(kinds, [false, true, false, true, false]);
        let spaced: Rules = serde_json::from_str(&format!("{:#}", self::rules())).unwrap();
        assert_eq!(spaced.0.iter().filter(|rule| matches!(rule, Rule::Words(_))).count(), 2);
        assert_eq!(
            by_table(&self::rules(), "Don't a don"),
            "\u{e001}\u{e002} \u{e009} \u{e004}\u{e005}\u{e006}\u{e007}\u{e008}"
        );
    }

    #[test]
    fn what_stands_beside_a_character_chooses_its_reading() {
        let rules: Rules = serde_json::from_str(&readings().to_string()).unwrap();
        let kinds: Vec<Option<usize>> = rules
            .0
            .iter()
            .map(|rule| if let Rule::Readings(readings) = rule { Some(readings.rules.len()) } else { None })
            .collect();
        assert_eq!(kinds, [None, Some(3), None, Some(1), None]);
        assert_eq!(by_table(&readings(), "银行不行"), "银\u{e001}\u{e002}不\u{e003}");
    }

    #[test]
    fn a_rule_of_a_word_is_told_from_others_however_it_is_written() {
        let rule = |regex: &str, content: &str| {
            format!(r#"{{"type":"Replace","pattern":{{"Regex":"{regex}"}},"content":"{content}"}}"#)
        };
        let found = Some(("don't".to_string(), "\u{e001}".to_string()));
        let plain = rule(r"\\bdon't\\b", "\u{e001}");
        assert_eq!(replaced_word(&plain), found);
        assert_eq!(replaced_word(&plain.replace(':', " : ")), found);
        for (regex, content) in [
            (r"\\ba.c\\b", "\u{e001}"),
            (r"\\ba\\b", ""),
            (r"\\ba\\b", "b"),
            (r"\\b'a\\b", "\u{e001}"),
            ("a", "\u{e001}"),
        ] {
            assert_eq!(replaced_word(&rule(regex, content)), None, "{regex} {content}");
        }
    }

    #[test]
    fn a_normalizer_that_is_no_sequence_is_one_rule() {
        let rules: Rules = serde_json::from_str(r#"{"type": "Lowercase"}"#).unwrap();
        assert_eq!(rules.0.len(), 1);
        assert!(serde_json::from_str::<Rules>(r#"{"type": "Nonsense"}"#).is_err());
    }

    proptest! {
        #[test]
        fn a_table_does_what_its_rules_do_one_by_one(text in "(don|don't|o't'a|a|t|s|'|''|A|é|_|7| |,|你|\u{e001}){0,12}") {
            prop_assert_eq!(by_table(&rules(), &text), one_by_one(rules(), &text));
        }

        #[test]
        fn readings_are_what_their_rules_make_one_by_one(text in "[银同行业不乐曲ax. \u{e001}]{0,12}") {
            prop_assert_eq!(by_table(&readings(), &text), one_by_one(readings(), &text));
        }
    }
}
