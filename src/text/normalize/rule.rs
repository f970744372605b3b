//! Rules: a way of writing, and how it is read.

use std::ops::Range;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use regex::{Captures, Regex, RegexSet, RegexSetBuilder};

pub use super::chars::{is_capital, is_digit, is_letter, is_letter_or_digit, is_small};
use super::numbers::Numbers;
use super::outline::Outline;
use super::table::{Cells, pattern};
use crate::text::language::{Language, is_han};

/// The most of the text around a place that a reading may depend on, in bytes. A limit keeps the time linear.
const CONTEXT: usize = 64;
/// The most of the text that a pattern sees, in bytes.
const REACH: usize = 320;
/// The places at which a language's rules are tried one by one before all of their patterns are compiled into one
/// automaton, which takes as long as a few hundred of them and is many times faster from then on.
const FIRST_PLACES: usize = 300;
/// The most bytes of states that the automaton keeps, of which a text of many kinds needs some megabytes.
const CACHE: usize = 8 << 20;

/// Describes one way of writing something, and how it is read.
///
/// Patterns are tried where a number, a Latin word or a sign begins. They must not use unbounded
/// repetitions (`+`, `*`): a text of megabytes is read in linear time only because every pattern looks at
/// a limited stretch of it. What a pattern's group `ahead` matched is looked at, but not consumed.
#[derive(Debug)]
pub struct Rule {
    /// The kind of thing it reads, in reports: `date`, `money`, …
    pub name: &'static str,
    /// A regular expression, from the place on; ASCII digits only, as full-width ones have been folded. It
    /// may name tables, as in `{month}`.
    pub pattern: &'static str,
    /// The way to read it.
    pub read: Read,
}

/// Says how what a pattern matched is read.
#[derive(Debug)]
pub enum Read {
    /// Returns what is spoken; none lets the rules after it try.
    Code(fn(&Found) -> Option<String>),
    /// Says words, with groups among them as in `{year:y}` (see [`Found::say`]), where it stands `alone`, `apart`,
    /// `clear` or anywhere.
    Words { place: &'static str, spoken: &'static str },
}

/// Returns the rule of a name, a pattern and what reads it.
pub const fn rule(name: &'static str, pattern: &'static str, read: fn(&Found) -> Option<String>) -> Rule {
    Rule { name, pattern, read: Read::Code(read) }
}

/// Reads the row of a rule that needs no code.
pub fn row(cells: &Cells) -> Option<Rule> {
    let [pattern, name, place, spoken] = cells else { return None };
    Some(Rule { name, pattern, read: Read::Words { place, spoken } })
}

/// Holds what a rule's pattern matched, and what stands around it.
pub struct Found<'t> {
    captures: Captures<'t>,
    before: &'t str,
    after: &'t str,
    numbers: &'static Numbers,
}

impl<'t> Found<'t> {
    /// Returns what the group matched; it is empty if the group took no part.
    pub fn get(&self, group: &str) -> &'t str {
        self.captures.name(group).map_or("", |found| found.as_str())
    }

    /// Tells whether the group took part and is not empty.
    pub fn has(&self, group: &str) -> bool {
        !self.get(group).is_empty()
    }

    /// Returns the language that it is read in.
    pub fn language(&self) -> Language {
        self.numbers.language
    }

    /// Returns the one or the other, in that language.
    pub fn either(&self, chinese: &'static str, english: &'static str) -> &'static str {
        if self.language() == Language::Chinese { chinese } else { english }
    }

    /// Returns what reads numbers in that language.
    pub fn numbers(&self) -> &'static Numbers {
        self.numbers
    }

    /// Returns all that was matched, without what is only looked at.
    pub fn all(&self) -> &'t str {
        let whole = self.captures.get_match();
        &whole.as_str()[..self.len()]
    }

    /// Returns the text before it, as far as a rule may look.
    pub fn before(&self) -> &'t str {
        self.before
    }

    /// Returns the text after it, as far as a rule may look.
    pub fn after(&self) -> &'t str {
        self.after
    }

    /// Returns the character right before it.
    pub fn previous(&self) -> Option<char> {
        self.before.chars().next_back()
    }

    /// Returns the character right after it.
    pub fn next(&self) -> Option<char> {
        self.after.chars().next()
    }

    /// Tells whether one of some words stands right before it.
    pub fn follows(&self, words: &[&str]) -> bool {
        words.iter().any(|word| self.before.ends_with(word))
    }

    /// Tells whether one of some words stands right after it.
    pub fn precedes(&self, words: &[&str]) -> bool {
        words.iter().any(|word| self.after.starts_with(word))
    }

    /// Tells whether it goes on behind one of some signs with another digit.
    pub fn goes_on(&self, signs: &str) -> bool {
        let rest = self.after.strip_prefix(|c| signs.contains(c));
        rest.is_some_and(|rest| rest.starts_with(is_digit))
    }

    /// Returns as much of the text before it and after it as is made of some characters.
    pub fn around(&self, part: impl Fn(char) -> bool) -> (&'t str, &'t str) {
        let start = self.before.trim_end_matches(&part).len();
        let end = self.after.len() - self.after.trim_start_matches(&part).len();
        (&self.before[start..], &self.after[..end])
    }

    /// Tells whether it neither begins nor ends inside a Latin word or a number.
    pub fn stands_alone(&self) -> bool {
        self.starts_apart("") && !self.next().is_some_and(is_letter_or_digit)
    }

    /// Tells whether neither a Latin letter, a digit nor one of some signs stands right before it.
    pub fn starts_apart(&self, signs: &str) -> bool {
        !self.previous().is_some_and(|c| c.is_ascii_alphanumeric() || signs.contains(c))
    }

    /// Tells whether neither a Latin letter, a digit, a percent sign nor one of some signs with a digit behind it
    /// follows.
    pub fn ends_apart(&self, signs: &str) -> bool {
        !self.next().is_some_and(|c| c.is_ascii_alphanumeric() || c == '%') && !self.goes_on(signs)
    }

    fn read(&self, how: &Read) -> Option<String> {
        match *how {
            Read::Code(read) => read(self),
            Read::Words { place: "alone", .. } if !self.stands_alone() => None,
            Read::Words { place: "clear", .. } if !self.stands_alone() => None,
            Read::Words { place: "apart" | "clear", .. } if !self.starts_apart("-./,") => None,
            Read::Words { spoken, .. } => self.say(spoken),
        }
    }

    /// Puts groups, each read in the way before its name, into a text. What stands in square brackets is only said
    /// if its group took part; `all` is what was matched.
    pub fn say(&self, text: &str) -> Option<String> {
        let mut spoken = String::new();
        for (i, part) in text.split(['[', ']']).enumerate() {
            let mut slots = part.split('{');
            let mut said = slots.next()?.to_string();
            let mut took_part = true;
            for slot in slots {
                let (slot, rest) = slot.split_once('}')?;
                let (way, group) = slot.split_once(':').unwrap_or(("", slot));
                let written = if group == "all" { self.all() } else { self.get(group) };
                took_part &= !written.is_empty();
                match way {
                    "if" => {}
                    "" => said += written,
                    _ if i % 2 == 1 && !took_part => {}
                    _ => said += &(self.numbers.in_way)(way, written)?,
                }
                said += rest;
            }
            if i % 2 == 0 || took_part {
                spoken += &said;
            }
        }
        Some(spoken)
    }

    fn len(&self) -> usize {
        self.captures.name("ahead").map_or(self.captures.get_match().end(), |ahead| ahead.start())
    }
}

/// Holds the rules of one language in the order they are tried.
pub struct Rules {
    rules: Vec<Known>,
    /// The rules for each kind of first character.
    groups: [Group; FIRSTS.len()],
    numbers: &'static Numbers,
}

/// The kinds of first characters: letters, digits, and all others.
const FIRSTS: [fn(char) -> bool; 3] =
    [|c| c.is_ascii_alphabetic(), |c| c.is_ascii_digit(), |c| !c.is_ascii_alphanumeric()];

/// Holds the rules that may match where one kind of character stands.
///
/// An automaton of these alone has far fewer states than one of all rules.
struct Group {
    rules: Vec<usize>,
    /// Finds the rules that match, which saves trying them one by one; none if it does not compile.
    set: OnceLock<Option<RegexSet>>,
    /// The places at which rules were tried.
    tried: AtomicUsize,
}

/// Holds a rule, and its pattern once it was needed.
struct Known {
    rule: &'static Rule,
    /// Tells where the pattern cannot match; none of a pattern that is too strange for one.
    outline: Option<Outline>,
    regex: OnceLock<Option<Regex>>,
}

/// Tells what a rule made of a stretch of text.
#[derive(Debug, PartialEq, Eq)]
pub struct Reading {
    /// The rule's name.
    pub kind: &'static str,
    /// Bytes that were consumed, at least one.
    pub len: usize,
    /// The spoken text.
    pub spoken: String,
}

impl Rules {
    /// Takes the lists, the first of them first, and what reads numbers in their language.
    ///
    /// A pattern that does not compile, which a test rules out, never matches: it costs its own readings and
    /// some speed, not the language.
    pub fn new(lists: &[&'static [Rule]], numbers: &'static Numbers) -> Self {
        let known = |rule: &'static Rule| Known {
            rule,
            outline: Outline::of(&pattern(rule.pattern)),
            regex: OnceLock::new(),
        };
        let rules: Vec<Known> = lists.iter().flat_map(|list| list.iter()).map(known).collect();
        let groups = FIRSTS.map(|first| {
            let begins = |i: &usize| rules[*i].outline.as_ref().is_none_or(|outline| outline.begins(first));
            let rules = (0..rules.len()).filter(begins).collect();
            Group { rules, set: OnceLock::new(), tried: AtomicUsize::new(0) }
        });
        Rules { rules, groups, numbers }
    }

    /// Returns what reads numbers in the rules' language.
    pub fn numbers(&self) -> &'static Numbers {
        self.numbers
    }

    /// Returns the first reading of what stands at byte `at`; `only` limits the rules by name.
    pub fn read(&self, text: &str, at: usize, only: Option<&[&str]>) -> Option<Reading> {
        self.candidates(text, at).into_iter().find_map(|i| self.reading(i, text, at, only))
    }

    /// Returns every reading of what stands at byte `at`, the one that is taken first.
    pub fn readings(&self, text: &str, at: usize) -> Vec<Reading> {
        self.candidates(text, at).into_iter().filter_map(|i| self.reading(i, text, at, None)).collect()
    }

    /// Returns the rules whose patterns may match what begins at byte `at`.
    fn candidates(&self, text: &str, at: usize) -> Vec<usize> {
        let text = reach(text, at);
        let first = |c: char| FIRSTS.iter().position(|first| first(c));
        let Some(group) = text.chars().next().and_then(first).and_then(|i| self.groups.get(i)) else {
            return Vec::new();
        };
        let set = match group.tried.fetch_add(1, Ordering::Relaxed) {
            ..FIRST_PLACES => group.set.get(),
            _ => Some(self.set(group)),
        };
        let rules = group.rules.iter().copied();
        match set {
            Some(Some(set)) => {
                set.matches(text).into_iter().filter_map(|i| group.rules.get(i).copied()).collect()
            }
            _ => {
                let fits = |known: &Known| known.outline.as_ref().is_none_or(|outline| outline.fits(text));
                rules.filter(|i| fits(&self.rules[*i])).collect()
            }
        }
    }

    fn set<'a>(&self, group: &'a Group) -> &'a Option<RegexSet> {
        group.set.get_or_init(|| {
            let patterns = group.rules.iter().map(|i| anchored(self.rules[*i].rule));
            RegexSetBuilder::new(patterns).dfa_size_limit(CACHE).build().ok()
        })
    }

    /// Returns the reading that a rule has for what begins at byte `at`.
    fn reading(&self, i: usize, text: &str, at: usize, only: Option<&[&str]>) -> Option<Reading> {
        let Known { rule, regex, .. } = self.rules.get(i)?;
        if only.is_some_and(|only| !only.contains(&rule.name)) {
            return None;
        }
        let regex = regex.get_or_init(|| Regex::new(&anchored(rule)).ok()).as_ref()?;
        let captures = regex.captures(reach(text, at))?;
        let mut found = Found { captures, before: before(text, at), after: "", numbers: self.numbers };
        let len = found.len();
        if len == 0 {
            return None;
        }
        found.after = after(text, at + len);
        found.read(&rule.read).map(|spoken| Reading { kind: rule.name, len, spoken })
    }

    /// Reads as [`Rules::read`] does, but all of `text` or nothing.
    pub fn read_all(&self, text: &str, only: Option<&[&str]>) -> Option<String> {
        self.read(text, 0, only).filter(|reading| reading.len == text.len()).map(|reading| reading.spoken)
    }
}

/// Returns as much of the text from `at` on as a pattern sees.
fn reach(text: &str, at: usize) -> &str {
    &text[at..text.floor_char_boundary((at + REACH).min(text.len()))]
}

/// Returns as much of the text before `at` as a decision may depend on.
pub fn before(text: &str, at: usize) -> &str {
    &text[text.ceil_char_boundary(at.saturating_sub(CONTEXT))..at]
}

/// Returns as much of the text from `at` on as a decision may depend on.
pub fn after(text: &str, at: usize) -> &str {
    &text[at..text.floor_char_boundary((at + CONTEXT).min(text.len()))]
}

fn anchored(rule: &Rule) -> String {
    format!("^(?:{})", pattern(rule.pattern))
}

/// Tells whether a rule may begin at `at`: not within a Latin word or a number, not at a space or a Han
/// character.
pub fn is_start(text: &str, at: usize, read_up_to: usize) -> bool {
    let Some(c) = text[at..].chars().next() else { return false };
    if c.is_whitespace() || is_han(c) {
        return false;
    }
    let previous = text[..at].chars().next_back();
    let class = |c: char| match c {
        '0'..='9' => 1,
        c if c.is_ascii_alphabetic() => 2,
        _ => 0,
    };
    at == read_up_to || class(c) == 0 || previous.is_none_or(|previous| class(previous) != class(c))
}

/// Returns the stretch of ASCII digits at byte `at`.
pub fn digits_at(text: &str, at: usize) -> Range<usize> {
    at..at + text.as_bytes()[at..].iter().take_while(|b| b.is_ascii_digit()).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::normalize::{en, rules};

    #[test]
    fn every_pattern_compiles_and_has_an_outline_and_those_of_a_language_compile_together() {
        for language in [Language::Chinese, Language::English] {
            let rules = rules(language);
            for Known { rule, outline, .. } in &rules.rules {
                let compiled = Regex::new(&anchored(rule));
                assert!(compiled.is_ok(), "{language:?}, {}: {}: {compiled:?}", rule.name, rule.pattern);
                assert!(outline.is_some(), "{language:?}, {}: {}", rule.name, rule.pattern);
            }
            let set = RegexSet::new(rules.rules.iter().map(|known| anchored(known.rule)));
            assert!(rules.groups.iter().all(|group| rules.set(group).is_some()), "{language:?}: {set:?}");
        }
    }

    /// Lists the ways to read and the groups that a template names.
    fn slots(template: &str) -> Vec<(&str, &str)> {
        let slots = template.split('{').skip(1).filter_map(|slot| slot.split_once('}')?.0.split_once(':'));
        slots.filter(|(_, group)| group.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')).collect()
    }

    #[test]
    fn templates_name_groups_and_ways_to_read_them() {
        let mut seen = 0;
        for (folder, language) in [("zh", Language::Chinese), ("en", Language::English)] {
            let rules = rules(language);
            let known = |way: &str| {
                let read = |written: &str| (rules.numbers.in_way)(way, written).is_some();
                way == "if" || ["12", "Hz", "Mon", "N"].into_iter().any(read)
            };
            for Known { rule, .. } in &rules.rules {
                let Read::Words { place, spoken } = rule.read else { continue };
                assert!(["alone", "apart", "clear", "anywhere"].contains(&place), "{rule:?}");
                let regex = Regex::new(&anchored(rule)).unwrap();
                for (way, group) in slots(spoken) {
                    let named = group == "all" || regex.capture_names().flatten().any(|name| name == group);
                    assert!(named && known(way), "{rule:?}");
                    seen += 1;
                }
            }
            let folder =
                std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/text/normalize").join(folder);
            for entry in std::fs::read_dir(folder).unwrap() {
                let code = std::fs::read_to_string(entry.unwrap().path()).unwrap();
                for (way, _) in code.split('"').skip(1).step_by(2).flat_map(slots) {
                    assert!(known(way), "{way}");
                    seen += 1;
                }
            }
        }
        assert!(seen > 100, "{seen}");
    }

    #[test]
    fn a_broken_pattern_costs_no_other_rule() {
        const LISTS: [&[Rule]; 1] = [&[
            rule("broken", "(", |_| Some("broken".into())),
            rule("digits", "[0-9]{1,4}", |found| Some((found.numbers().digits)(found.all()))),
        ]];
        let rules = Rules::new(&LISTS, &en::number::NUMBERS);
        for _ in 0..2 {
            let reading = Reading { kind: "digits", len: 2, spoken: "one two".into() };
            assert_eq!(rules.read("a 12 (", 2, None), Some(reading));
            assert_eq!(rules.read("a 12 (", 5, None), None);
            assert!(rules.groups.iter().any(|group| rules.set(group).is_none()));
        }
    }

    /// Returns every text of the tables and examples of readings.
    fn texts() -> Vec<String> {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/reading");
        let mut texts = Vec::new();
        for folder in [folder.clone(), folder.join("en"), folder.join("zh")] {
            for entry in std::fs::read_dir(folder).unwrap() {
                if let Ok(text) = std::fs::read_to_string(entry.unwrap().path()) {
                    texts.extend(text.lines().map(|line| line.split('\t').next().unwrap().to_string()));
                }
            }
        }
        texts
    }

    #[test]
    fn an_outline_fits_wherever_its_pattern_matches_and_seldom_elsewhere() {
        let (mut matched, mut fitted) = (0, 0);
        for language in [Language::Chinese, Language::English] {
            let rules = rules(language);
            let set = RegexSet::new(rules.rules.iter().map(|known| anchored(known.rule))).unwrap();
            for text in texts() {
                for (at, _) in text.char_indices().filter(|(at, _)| is_start(&text, *at, 0)) {
                    let matches = set.matches(reach(&text, at));
                    for (i, Known { rule, outline, .. }) in rules.rules.iter().enumerate() {
                        let fits = outline.as_ref().unwrap().fits(reach(&text, at));
                        assert!(fits || !matches.matched(i), "{}: {:?}", rule.pattern, &text[at..]);
                        matched += usize::from(matches.matched(i));
                        fitted += usize::from(fits);
                    }
                }
            }
        }
        assert!(matched > 10_000 && fitted < 4 * matched, "{fitted} fit where {matched} match");
    }
}
