//! Signs and letters that no rule has read: pauses, names, plain letters.

use unicode_normalization::UnicodeNormalization;
use unicode_segmentation::UnicodeSegmentation;

use super::Reason;
use super::table::{self, Table};
pub use super::writer::Pause;
use crate::text::Language;
use crate::text::language::is_han;
use crate::text::normalize::rule::{is_capital, is_digit, is_letter, is_letter_or_digit, is_small};

/// The longest quotation that is spoken without pauses around it, in characters.
const SHORT_QUOTE: usize = 12;

/// Contractions that are other words without their apostrophe.
const MISTAKABLE: [&str; 10] =
    ["we're", "we'll", "i'll", "he'll", "she'll", "i'd", "we'd", "she'd", "who're", "he'd"];
/// Words that begin with an apostrophe.
const CLIPPED: [&str; 8] = ["til", "cause", "em", "bout", "round", "tis", "twas", "n"];

/// Says what a sign becomes.
pub enum Sign {
    Pause(Pause),
    /// Its name.
    Say(String),
    /// Letters of the word it stands in.
    Letters(String),
    /// Nothing, within a word.
    Join,
    Space,
    /// The end of a line.
    Line,
    /// It has no look and no sound.
    Unseen,
    Drop(Reason),
}

/// Shows what a sign stands in, as far as it may look: see [`super::rule::before`].
pub struct Around<'a> {
    pub before: &'a str,
    pub after: &'a str,
    /// Whether no line is wrapped.
    pub hard_lines: bool,
    pub language: Language,
    /// Whether a straight quote was opened before.
    pub quote_open: &'a mut bool,
}

impl Around<'_> {
    fn previous(&self) -> Option<char> {
        self.before.chars().next_back()
    }

    fn next(&self) -> Option<char> {
        self.after.chars().next()
    }

    /// Tells whether it stands between two characters that are spoken, without a space.
    fn within(&self) -> bool {
        self.previous().is_some_and(char::is_alphanumeric) && self.next().is_some_and(char::is_alphanumeric)
    }

    /// Tells whether it stands between two Latin letters.
    fn within_word(&self) -> bool {
        let letter = |c: char| c.is_alphabetic() && !is_han(c);
        self.previous().is_some_and(letter) && self.next().is_some_and(letter)
    }

    /// Tells whether something is spoken before and after it, with at most a space between.
    fn between(&self) -> bool {
        let spoken = |c: char| c.is_alphanumeric();
        let before = self.before.strip_suffix(' ').unwrap_or(self.before);
        let after = self.after.strip_prefix(' ').unwrap_or(self.after);
        before.chars().next_back().is_some_and(spoken) && after.chars().next().is_some_and(spoken)
    }

    /// Tells whether an apostrophe here stands for what is left out: '69, 'til.
    fn leaves_out(&self) -> bool {
        let apart = !self.previous().is_some_and(char::is_alphanumeric);
        let rest = self.after.split(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or_default();
        let clipped = CLIPPED.iter().any(|word| word.eq_ignore_ascii_case(rest));
        apart && (clipped || self.next().is_some_and(is_digit))
    }

    /// Tells whether it is one of three and more of its kind: a line that is drawn, a bar of a chart.
    fn is_in_row(&self, c: char) -> bool {
        let same = |other: &char| *other == c;
        let before = self.before.chars().rev().take_while(same).count();
        c.is_ascii_punctuation() && before + self.after.chars().take_while(same).count() > 1
    }

    /// Tells whether it only begins a line: an item of a list, a heading.
    fn is_bullet(&self, c: char) -> bool {
        let head = self.before.trim_end_matches([c, ' ', '\t']);
        let first = head.is_empty() || head.ends_with('\n');
        let rest = self.after.trim_start_matches(c).strip_prefix(' ');
        let text = rest.is_some_and(|rest| rest.trim_start().starts_with(char::is_alphabetic));
        matches!(c, '+' | '#' | '%' | '$') && first && text
    }

    /// Tells whether a digit stands beside it, perhaps behind a space.
    fn touches_digit(&self) -> bool {
        self.before.trim_end_matches(' ').ends_with(is_digit)
            || self.after.trim_start_matches(' ').starts_with(is_digit)
    }

    /// Tells whether it stands before a word or a number as part of it: `!foo`, `!1153`.
    fn is_prefix(&self) -> bool {
        let apart = self.previous().is_none_or(|c| c.is_whitespace() || "([`'\"".contains(c));
        apart && self.next().is_some_and(is_letter_or_digit)
    }

    /// Tells whether it is the plus of `10 insertions(+)`.
    fn counts_lines(&self) -> bool {
        let counted = ["insertions(", "insertion(", "插入(", "新增(", "添加("];
        self.after.starts_with(')') && counted.iter().any(|word| self.before.ends_with(word))
    }

    fn say(&self, chinese: &str, english: &str) -> Sign {
        Sign::Say(if self.chinese() { chinese } else { english }.into())
    }

    fn chinese(&self) -> bool {
        self.language == Language::Chinese
    }
}

/// Returns what `c` becomes, which is neither a Han character nor an ASCII letter.
pub fn sign(c: char, around: Around) -> Sign {
    match c {
        '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}' => line(c, &around),
        c if c.is_whitespace() => Sign::Space,
        '，' | '：' | '；' | ',' | ':' | ';' | '—' | '–' | '―' | '|' | '｜' | '¦' | '⸺' => {
            Sign::Pause(Pause::Clause)
        }
        '、' | '﹑' | '､' => Sign::Pause(Pause::Item),
        '!' if around.is_prefix() => Sign::Space,
        '。' | '！' | '？' | '!' | '?' | '｡' | '．' | '‼' | '⁇' | '⁈' | '⁉' | '‽' | '।' => {
            sentence_mark(&around)
        }
        '¿' | '¡' => Sign::Unseen,
        '.' => dot(&around),
        '…' | '⋯' | '‥' => ellipsis(&around),
        '\'' | '’' | '‘' | '＇' | 'ʼ' | '`' | '´' if around.within_word() => apostrophe(&around),
        '\'' | '’' | '‘' if around.leaves_out() => Sign::Unseen,
        '"' | '＂' => straight_quote(around),
        '\'' | '’' | '”' | '」' | '』' | '》' | '〉' | '»' | '›' | '＇' => closing_quote(&around),
        '‘' | '“' | '「' | '『' | '《' | '〈' | '«' | '‹' | '„' | '‚' => {
            opening_quote(&around)
        }
        '(' | ')' | '[' | ']' | '{' | '}' | '（' | '）' | '【' | '】' | '〔' | '〕' | '〖' | '〗' | '［'
        | '］' | '｛' | '｝' | '⟨' | '⟩' | '<' | '>' => Sign::Pause(Pause::Clause),
        '-' | '‐' | '‑' | '‒' | '－' | '﹘' | '﹣' => hyphen(&around),
        '~' | '～' | '〜' | '∼' => Sign::Pause(Pause::Clause),
        '/' | '／' | '⁄' => slash(&around),
        '·' | '・' | '‧' | '•' | '●' | '○' | '◆' | '◇' | '■' | '□' | '▪' | '▫' | '►' | '▶' | '★' | '☆'
        | '※' | '✓' | '✔' | '✅' | '➤' | '◦' | '‣' => bullet(c, &around),
        '_' | '\\' | '＿' | '＼' => Sign::Space,
        // Formatting, for the eye alone.
        '*' | '`' | '´' | '^' | '¨' | '¯' | '®' | '™' | '©' | '℠' | '†' | '‡' | '¶' => {
            mark_only(c, &around)
        }
        c if is_unseen(c) => Sign::Unseen,
        c if c.is_control() => Sign::Drop(Reason::Control),
        c => named(c, &around),
    }
}

fn line(c: char, around: &Around) -> Sign {
    if c == '\r' && around.next() == Some('\n') {
        return Sign::Space;
    }
    // A hard-wrapped English sentence goes on in lower case.
    let goes_on = !around.hard_lines
        && around.next().is_some_and(|next| next.is_ascii_lowercase())
        && around
            .before
            .trim_end()
            .chars()
            .next_back()
            .is_some_and(|c| c.is_ascii_alphanumeric() || c == ',');
    if goes_on { Sign::Space } else { Sign::Line }
}

/// Ends the sentence, but not within a quotation that goes on in lower case: "Really?" she said.
fn sentence_mark(around: &Around) -> Sign {
    let rest = around.after.trim_start_matches(['!', '?']);
    let rest = rest.strip_prefix(['"', '\'', '”', '’', '»']).map(|rest| rest.trim_start_matches(' '));
    let goes_on = rest.is_some_and(|rest| rest.starts_with(is_small));
    Sign::Pause(if goes_on { Pause::Clause } else { Pause::Sentence })
}

/// Makes one word of a contraction, as the Python package does, unless that would be another word: we're,
/// I'll.
fn apostrophe(around: &Around) -> Sign {
    let letters = |c: &char| c.is_ascii_alphabetic();
    let mut head: Vec<char> = around.before.chars().rev().take_while(letters).take(4).collect();
    head.reverse();
    let tail = around.after.chars().take_while(letters).take(4);
    let word: String = head.into_iter().chain(['\'']).chain(tail).flat_map(char::to_lowercase).collect();
    if MISTAKABLE.contains(&word.as_str()) { Sign::Space } else { Sign::Join }
}

fn dot(around: &Around) -> Sign {
    if around.next() == Some('.') || around.previous() == Some('.') {
        return ellipsis(around);
    }
    match around.next() {
        Some(c) if c.is_ascii_alphanumeric() => around.say("点", "dot"),
        _ => Sign::Pause(Pause::Sentence),
    }
}

/// Trails off, or ends a sentence where another one or nothing follows.
fn ellipsis(around: &Around) -> Sign {
    let rest = around.after.trim_start_matches(['.', '…', '⋯', ' ']);
    let ends = rest.is_empty()
        || rest.starts_with(['\n', '\r'])
        || rest.starts_with(is_capital) && !rest.starts_with("I ");
    Sign::Pause(if ends { Pause::Sentence } else { Pause::Clause })
}

fn straight_quote(around: Around) -> Sign {
    let opens = match (around.previous(), around.next()) {
        (None, _) => true,
        (_, None) => false,
        _ => !*around.quote_open,
    };
    *around.quote_open = opens;
    if opens { opening_quote(&around) } else { closing_quote(&around) }
}

/// Begins a long quotation with a pause, and a word in quotes without one.
fn opening_quote(around: &Around) -> Sign {
    quote(around.after.chars(), "”’\"'」』》〉»›")
}

fn closing_quote(around: &Around) -> Sign {
    quote(around.before.chars().rev(), "“‘\"'「『《〈«‹")
}

/// Pauses unless one of the other quotes is near.
fn quote(quoted: impl Iterator<Item = char>, others: &str) -> Sign {
    let short = quoted.take(SHORT_QUOTE + 1).take_while(|c| !is_break(*c)).any(|c| others.contains(c));
    if short { Sign::Space } else { Sign::Pause(Pause::Clause) }
}

/// Tells whether a mark opens what follows it.
pub fn is_opening(c: char) -> bool {
    "‘“「『《〈«‹„‚([{（【〔〖［｛⟨".contains(c)
}

fn is_break(c: char) -> bool {
    matches!(c, '，' | '。' | '！' | '？' | '：' | '；' | ',' | '.' | '!' | '?' | ';' | ':' | '\n' | '…')
}

fn hyphen(around: &Around) -> Sign {
    let doubled = around.next() == Some('-') || around.previous() == Some('-');
    if around.within() && !doubled { Sign::Space } else { Sign::Pause(Pause::Clause) }
}

fn slash(around: &Around) -> Sign {
    let spaced = around.before.strip_suffix(' ').zip(around.after.strip_prefix(' '));
    if spaced.is_some_and(|(before, after)| before.ends_with(is_digit) && after.starts_with(is_digit)) {
        return around.say("除以", "divided by");
    }
    match (around.within_word(), around.between()) {
        (true, _) => Sign::Space,
        (_, true) => Sign::Pause(Pause::Item),
        _ => Sign::Pause(Pause::Clause),
    }
}

/// Joins the parts of a name, between which a point is not heard; elsewhere it is a pause.
fn bullet(c: char, around: &Around) -> Sign {
    let point = matches!(c, '·' | '・' | '‧' | '•');
    if point && around.within() { Sign::Space } else { Sign::Pause(Pause::Clause) }
}

fn mark_only(c: char, around: &Around) -> Sign {
    match c {
        '*' | '^' | '`' | '´' | '¨' | '¯' if around.within() => Sign::Space,
        // Emphasis and code, as people type them in plain text.
        '*' | '`' => Sign::Unseen,
        _ => Sign::Drop(Reason::Sign),
    }
}

/// Tells whether a character is invisible and only steers how others look.
fn is_unseen(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}'
        | '\u{e0000}'..='\u{e0fff}')
}

/// Reads signs with a name and letters with accents, and drops what is left.
fn named(c: char, around: &Around) -> Sign {
    if around.is_in_row(c) || around.is_bullet(c) || c == '+' && around.counts_lines() {
        return Sign::Pause(Pause::Clause);
    }
    // A variable or the prompt of a shell.
    if c == '$' && !around.touches_digit() {
        return match around.next() {
            Some(' ') if !around.previous().is_some_and(char::is_alphanumeric) => Sign::Pause(Pause::Clause),
            _ => around.say("美元符", "dollar"),
        };
    }
    // What a topic stands between in Chinese: #话题#.
    let beside_han = around.previous().is_some_and(is_han) || around.next().is_some_and(is_han);
    if c == '#' && around.chinese() && beside_han && !around.touches_digit() {
        return Sign::Pause(Pause::Clause);
    }
    if let Some(name) = name(c, around.language) {
        return Sign::Say(name.to_string());
    }
    if let Some(letters) = plain_letters(c) {
        return Sign::Letters(letters);
    }
    if is_combining(c) {
        return Sign::Unseen;
    }
    // Parts of emoji: flags' letters, skin tones, keys' frames.
    let part = matches!(c, '\u{1f1e6}'..='\u{1f1ff}' | '\u{1f3fb}'..='\u{1f3ff}' | '\u{20e3}');
    Sign::Drop(match c.is_alphanumeric() {
        _ if part => Reason::Emoji,
        true => Reason::Script,
        false => Reason::Sign,
    })
}

/// Returns the emoji that a text begins with, all of its characters, and its English name.
pub fn emoji(text: &str) -> Option<(&str, &'static str)> {
    let cluster = text.graphemes(true).next()?;
    let emoji = emojis::get(cluster)?;
    // Digits, marks, bullets and signs that also have an emoji form.
    let plain = cluster.chars().all(|c| c.is_ascii() || "‼⁉▶◀▪▫✔✅".contains(c))
        || NAMES.iter().any(|(sign, ..)| cluster.chars().eq([*sign]));
    (!plain).then_some((cluster, emoji.name()))
}

/// Returns an emoji's name in plain letters.
pub fn emoji_name(name: &str) -> String {
    let letters = name.nfd().map(|c| if c.is_ascii_alphabetic() { c } else { ' ' });
    letters.collect::<String>().split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Returns the name of a sign that has one.
pub fn name(c: char, language: Language) -> Option<&'static str> {
    let (_, chinese, english) = NAMES.iter().find(|(sign, ..)| *sign == c)?;
    Some(if language == Language::Chinese { chinese } else { english })
}

/// Returns a Latin letter with an accent as the letters it is read as.
pub fn plain_letters(c: char) -> Option<String> {
    let special = |(forms, _): &&(&'static str, &str)| table::forms(forms).any(|form| form.chars().eq([c]));
    if let Some((_, letters)) = LETTERS.iter().find(special) {
        return Some((*letters).into());
    }
    let letters: String = c.nfkd().filter(|c| !is_combining(*c)).collect();
    (!letters.is_empty() && letters.chars().all(is_letter)).then_some(letters)
}

fn is_combining(c: char) -> bool {
    unicode_normalization::char::is_combining_mark(c)
}

/// Signs, and their names in Chinese and English.
static NAMES: Table<(char, &str, &str)> = Table::new("signs", table::sign);
/// Letters that are no other one with an accent.
static LETTERS: Table<(&str, &str)> = Table::new("letters", table::pair);
