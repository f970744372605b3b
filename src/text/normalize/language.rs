//! The language of each sentence.

use crate::text::language::{Language, is_han};
use crate::text::tags::control_token_at;

/// Holds the language of every sentence, by where it ends in bytes; the last one ends with the text.
///
/// A sentence is Chinese if it has more Han characters, with the wide marks, than Latin words. One without either goes with the
/// sentence before it, or the first that has some; a text without any is English.
pub struct Languages {
    ends: Vec<(usize, Language)>,
    /// Whether a sentence has a word to know its language by.
    known: bool,
    /// The sentence that was asked for last.
    at: usize,
}

impl Languages {
    /// Takes all of the text for one language.
    pub fn all(text: &str, language: Language) -> Self {
        Languages { ends: vec![(text.len(), language)], known: true, at: 0 }
    }

    /// Finds the language of every sentence.
    pub fn detect(text: &str) -> Self {
        let mut sentences: Vec<(usize, Option<Language>)> = Vec::new();
        let (mut han, mut words, mut in_word) = (0usize, 0usize, false);
        let mut chars = text.char_indices().peekable();
        let mut skip_to = 0;
        let mut previous = ' ';
        while let Some((at, c)) = chars.next() {
            if at < skip_to {
                continue;
            }
            if c == '['
                && let Some(token) = control_token_at(text, at)
            {
                skip_to = at + token.len();
                in_word = false;
                continue;
            }
            han += usize::from(is_han(c) || "，、；：。！？".contains(c));
            // A unit behind its number is no word: 50g, 71°C.
            let unit = previous.is_ascii_digit() || previous == '°';
            words += usize::from(c.is_alphabetic() && !is_han(c) && !in_word && !unit);
            previous = c;
            // An address is one word, and its signs end no sentence.
            in_word = c.is_alphabetic() && !is_han(c) || in_word && c.is_ascii_graphic();
            let ends = match c {
                '?' | '!' if in_word => chars.peek().is_none_or(|(_, next)| !next.is_ascii_alphanumeric()),
                '。' | '！' | '？' | '!' | '?' | '\n' | '；' => true,
                '.' => chars.peek().is_none_or(|(_, next)| next.is_whitespace()),
                _ => false,
            };
            if ends {
                sentences.push((at + c.len_utf8(), decide(han, words)));
                (han, words) = (0, 0);
            }
        }
        sentences.push((text.len(), decide(han, words)));
        let first = sentences.iter().find_map(|(_, language)| *language);
        let mut current = first.unwrap_or(Language::English);
        let ends = sentences.into_iter().map(|(end, language)| {
            current = language.unwrap_or(current);
            (end, current)
        });
        let mut merged: Vec<(usize, Language)> = Vec::new();
        for (end, language) in ends {
            match merged.last_mut() {
                Some(last) if last.1 == language => last.0 = end,
                _ => merged.push((end, language)),
            }
        }
        Languages { ends: merged, known: first.is_some(), at: 0 }
    }

    /// Sets the language for a text in which no sentence has a word of its own.
    pub fn set_default(&mut self, language: Language) {
        if !self.known {
            self.ends = self.ends.last().map(|(end, _)| (*end, language)).into_iter().collect();
        }
    }

    /// Returns the language at a byte; it is cheap if bytes are asked for in order.
    pub fn at(&mut self, byte: usize) -> Language {
        while self.at + 1 < self.ends.len() && self.ends[self.at].0 <= byte {
            self.at += 1;
        }
        self.ends[self.at].1
    }
}

fn decide(han: usize, words: usize) -> Option<Language> {
    match (han, words) {
        (0, 0) => None,
        _ if han > words => Some(Language::Chinese),
        _ => Some(Language::English),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Language::{Chinese, English};

    fn languages(text: &str) -> Vec<(&str, Language)> {
        let mut start = 0;
        let slice = |(end, language): &(usize, Language)| {
            let slice = &text[start..*end];
            start = *end;
            (slice, *language)
        };
        Languages::detect(text).ends.iter().map(slice).collect()
    }

    #[test]
    fn every_sentence_has_its_own() {
        assert_eq!(languages("你好。Hello there. 3.5"), [("你好。", Chinese), ("Hello there. 3.5", English)]);
        assert_eq!(languages("12:30"), [("12:30", English)]);
        assert_eq!(languages("12。你好"), [("12。你好", Chinese)]);
        assert_eq!(languages("[laugh]好"), [("[laugh]好", Chinese)]);
        assert_eq!(languages("用 iPhone 拍"), [("用 iPhone 拍", Chinese)]);
        assert_eq!(languages("20%，5%。"), [("20%，5%。", Chinese)]);
        assert_eq!(languages("4S店，3C产品，4G，ABS"), [("4S店，3C产品，4G，ABS", Chinese)]);
        assert_eq!(languages("牛奶 | 10g | 30g"), [("牛奶 | 10g | 30g", Chinese)]);
        assert_eq!(languages("Hello，world"), [("Hello，world", English)]);
    }
}
