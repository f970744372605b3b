//! Sentences of a text that comes in pieces.

use crate::text::{Pause, SPEAKABLE_SECONDS, Segment, sentences, split, spoken_seconds};

/// A sentence that is shorter, in seconds, waits for the next one: alone it would be spoken badly.
const SHORTEST: f64 = 1.0;
/// The most bytes in which the next sentence is looked for.
const LOOK: usize = 4 << 10;
/// Bytes of a text without a mark that may be too long to be spoken at once.
const LONG: usize = 256;
/// Characters at which a sentence may end.
const MARKS: [char; 10] = ['.', '!', '?', '…', '。', '！', '？', '．', '\n', '\r'];

/// Says where a text that comes in pieces is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cuts {
    /// After each sentence.
    Sentences,
    /// Only where the client says so.
    Flushes,
}

/// A part of a text that is spoken at once.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Sentence {
    pub text: String,
    /// Seconds of silence before the next one.
    pub silence: f64,
}

/// The text that has come and has not been spoken.
pub(super) struct Sentences {
    text: String,
    cuts: Cuts,
}

impl Sentences {
    pub fn new(cuts: Cuts) -> Self {
        Sentences { text: String::new(), cuts }
    }

    /// Takes more of the text.
    pub fn push(&mut self, piece: &str) {
        self.text.push_str(piece);
    }

    /// Takes the next sentence, if it is complete whatever comes: something follows it.
    pub fn next(&mut self) -> Option<Sentence> {
        if self.cuts == Cuts::Flushes || (self.text.len() < LONG && !self.text.contains(MARKS)) {
            return None;
        }
        let look = &self.text[..self.text.floor_char_boundary(LOOK)];
        let found = sentences(look);
        let seconds = |last: &Segment| spoken_seconds(&look[..last.range.end]);
        let ended = found.split_last().and_then(|(_, ended)| ended.iter().find(|s| seconds(s) >= SHORTEST));
        if let Some(last) = ended.filter(|last| seconds(last) <= SPEAKABLE_SECONDS) {
            let (end, pause) = (last.range.end, last.pause);
            return self.take(end, pause);
        }
        if spoken_seconds(look) <= SPEAKABLE_SECONDS {
            return None;
        }
        let (end, pause) = split(look, SPEAKABLE_SECONDS).first().map(|s| (s.range.end, s.pause))?;
        self.take(end, pause)
    }

    /// Takes the next part of all that has come.
    pub fn rest(&mut self) -> Option<Sentence> {
        if let Some(next) = self.next() {
            return Some(next);
        }
        let pause = sentences(&self.text).last().map_or(Pause::None, |last| last.pause);
        let pause = if self.cuts == Cuts::Flushes { Pause::Sentence } else { pause };
        self.take(self.text.len(), pause)
    }

    fn take(&mut self, end: usize, pause: Pause) -> Option<Sentence> {
        let rest = self.text.split_off(end);
        let text = std::mem::replace(&mut self.text, rest);
        let text = if self.cuts == Cuts::Flushes { text } else { text.trim().to_string() };
        (!text.trim().is_empty()).then(|| Sentence { text, silence: pause.seconds() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Feeds a text in pieces of so many characters, and returns what was taken while it came, and at its end.
    fn fed(text: &str, size: usize) -> (Vec<String>, Vec<String>) {
        let mut sentences = Sentences::new(Cuts::Sentences);
        let characters: Vec<char> = text.chars().collect();
        let mut taken = Vec::new();
        for piece in characters.chunks(size) {
            sentences.push(&piece.iter().collect::<String>());
            taken.extend(std::iter::from_fn(|| sentences.next().map(|s| s.text)));
        }
        let rest = std::iter::from_fn(|| sentences.rest().map(|s| s.text)).collect();
        (taken, rest)
    }

    #[test]
    fn sentences_are_taken_when_something_follows_them_however_they_come() {
        let text = "Hello there, my friend. Dr. Smith paid $5.20 for it! 今天天气很好，我们出去。“好吧好吧好吧。”他说\nThe end";
        for size in [1, 2, 3, 7, 1000] {
            let (taken, rest) = fed(text, size);
            assert_eq!(
                taken,
                [
                    "Hello there, my friend.",
                    "Dr. Smith paid $5.20 for it!",
                    "今天天气很好，我们出去。",
                    "“好吧好吧好吧。”",
                ],
                "{size}"
            );
            assert_eq!(rest, ["他说\nThe end"], "{size}");
        }
    }

    #[test]
    fn what_is_very_short_waits_for_the_next_sentence() {
        assert_eq!(
            fed("Hi! How are you today? Fine", 1),
            (vec!["Hi! How are you today?".into()], vec!["Fine".into()])
        );
        assert_eq!(fed("Hi!", 1), (vec![], vec!["Hi!".into()]));
        assert_eq!(fed(" \n ", 1), (vec![], vec![]));
    }

    #[test]
    fn a_text_without_an_end_is_cut_where_it_is_too_long() {
        for (text, size) in
            [("很长，".repeat(400), 5), ("word ".repeat(2_000), 9), ("x".repeat(9_000), 1_000)]
        {
            let (taken, rest) = fed(&text, size);
            assert!(taken.len() > 3 && rest.len() <= 1, "{} of {size}", taken.len());
            assert!(taken.iter().all(|part| spoken_seconds(part) <= SPEAKABLE_SECONDS));
            let spoken: String = taken.concat() + &rest.concat();
            let letters = |text: &str| text.chars().filter(|c| !c.is_whitespace()).collect::<String>();
            assert_eq!(letters(&spoken), letters(&text));
        }
    }

    #[test]
    fn markup_is_cut_only_where_the_client_says_so() {
        let mut sentences = Sentences::new(Cuts::Flushes);
        sentences.push("<speak>One is here. Two");
        assert_eq!(sentences.next(), None);
        sentences.push(" is here.</speak>");
        let whole = sentences.rest().unwrap();
        assert_eq!((whole.text.as_str(), whole.silence), ("<speak>One is here. Two is here.</speak>", 0.3));
        assert_eq!(sentences.rest(), None);
    }
}
