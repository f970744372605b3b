//! A text made out of another, and where each part of it came from.

use std::ops::Range;

/// A text and its way back to the one it was made from. Parts are in the order of both.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Derived {
    text: String,
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Part {
    /// Where it begins in the derived text.
    start: usize,
    /// What it was made from.
    source: Range<usize>,
    /// Whether it is its source, byte for byte.
    copied: bool,
}

impl Derived {
    /// The text as it is.
    pub fn copy(text: &str) -> Self {
        let mut derived = Derived::default();
        derived.push_copy(text, 0);
        derived
    }

    /// Adds a stretch of the source that begins at byte `at` of it.
    pub fn push_copy(&mut self, stretch: &str, at: usize) {
        let source = at..at + stretch.len();
        match self.parts.last_mut() {
            Some(last) if last.copied && last.source.end == at => last.source.end = source.end,
            _ => self.parts.push(Part { start: self.text.len(), source, copied: true }),
        }
        self.text.push_str(stretch);
    }

    /// Adds what stands for `source`; it may be empty.
    pub fn push_made(&mut self, made: &str, source: Range<usize>) {
        self.parts.push(Part { start: self.text.len(), source, copied: false });
        self.text.push_str(made);
    }

    /// The derived text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What a stretch of the derived text was made from; an empty stretch where two parts meet belongs to
    /// the later one.
    pub fn source(&self, range: Range<usize>) -> Range<usize> {
        let start = self.source_start(range.start);
        start..self.source_end(range.end).max(start)
    }

    fn source_start(&self, at: usize) -> usize {
        let after = self.parts.partition_point(|part| part.start <= at);
        match after.checked_sub(1).and_then(|i| self.parts.get(i)) {
            Some(part) if part.copied => (part.source.start + at - part.start).min(part.source.end),
            Some(part) if at >= self.text.len() && at > part.start => part.source.end,
            Some(part) => part.source.start,
            None => 0,
        }
    }

    fn source_end(&self, at: usize) -> usize {
        let after = self.parts.partition_point(|part| part.start < at);
        match after.checked_sub(1).and_then(|i| self.parts.get(i)) {
            Some(part) if part.copied => (part.source.start + at - part.start).min(part.source.end),
            Some(part) => part.source.end,
            None => self.parts.first().map_or(0, |part| part.source.start),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stretch_leads_back_to_what_it_was_made_from() {
        // "a&amp;b" → "a&b"
        let mut derived = Derived::default();
        derived.push_copy("a", 0);
        derived.push_made("&", 1..6);
        derived.push_copy("b", 6);
        assert_eq!(derived.text(), "a&b");
        assert_eq!(derived.source(0..1), 0..1);
        assert_eq!(derived.source(1..2), 1..6);
        assert_eq!(derived.source(2..3), 6..7);
        assert_eq!(derived.source(0..3), 0..7);
        assert_eq!(derived.source(3..3), 7..7);
    }

    #[test]
    fn copies_that_meet_are_one_part() {
        let mut derived = Derived::default();
        derived.push_copy("ab", 0);
        derived.push_copy("cd", 2);
        assert_eq!(derived.parts.len(), 1);
        assert_eq!(derived.source(1..3), 1..3);
    }
}
