//! A text made out of another, and where each part of it came from.

use std::ops::Range;

/// Holds a text and its way back to the one it was made from. Parts are in the order of both.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Derived {
    text: String,
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Part {
    /// Where it begins in the derived text.
    start: usize,
    /// The stretch of the source that it was made from.
    source: Range<usize>,
    /// Whether it is its source, byte for byte.
    copied: bool,
}

/// Holds a stretch of a derived text that lies within one part of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// Where it is in the derived text.
    pub text: Range<usize>,
    /// The stretch of the source that it was made from.
    pub source: Range<usize>,
    /// Whether it is its source, byte for byte.
    pub copied: bool,
}

impl Derived {
    /// Returns the text as it is.
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

    /// Returns the derived text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns what a stretch of the derived text was made from; an empty stretch where two parts meet
    /// belongs to the later one.
    pub fn source(&self, range: Range<usize>) -> Range<usize> {
        let start = self.source_start(range.start);
        start..self.source_end(range.end).max(start)
    }

    /// Returns the parts that a stretch of the derived text is made of, in order.
    pub fn stretches(&self, range: Range<usize>) -> impl Iterator<Item = Stretch> + '_ {
        let first = self.parts.partition_point(|part| part.start <= range.start).saturating_sub(1);
        let ends = self.parts.iter().skip(first + 1).map(|part| part.start).chain([self.text.len()]);
        let parts = self.parts.iter().skip(first).zip(ends);
        parts.take_while(move |(part, _)| part.start < range.end).filter_map(move |(part, end)| {
            let text = part.start.max(range.start)..end.min(range.end);
            let from = |at: usize| (part.source.start + at - part.start).min(part.source.end);
            let source = if part.copied { from(text.start)..from(text.end) } else { part.source.clone() };
            (text.start < text.end).then_some(Stretch { text, source, copied: part.copied })
        })
    }

    /// Returns where a byte of the source has gone to; what is not there has gone to where the next part
    /// begins.
    pub fn derived_from(&self, at: usize) -> usize {
        let after = self.parts.partition_point(|part| part.source.start <= at);
        match after.checked_sub(1).and_then(|i| self.parts.get(i)) {
            Some(part) if part.copied && at < part.source.end => part.start + at - part.source.start,
            Some(part) if at == part.source.start => part.start,
            _ => self.parts.get(after).map_or(self.text.len(), |part| part.start),
        }
    }

    /// Leads this text, which was made out of `inner`'s, back to what `inner` was made from.
    pub fn over(&self, inner: &Derived) -> Derived {
        let mut whole = Derived::default();
        for outer in self.stretches(0..self.text.len()) {
            if outer.copied {
                for part in inner.stretches(outer.source) {
                    let text = &inner.text[part.text];
                    match part.copied {
                        true => whole.push_copy(text, part.source.start),
                        false => whole.push_made(text, part.source),
                    }
                }
            } else {
                whole.push_made(&self.text[outer.text], inner.source(outer.source));
            }
        }
        whole
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
    fn what_was_made_twice_leads_back_to_the_first() {
        // "x<b>&#65;B</b>c" → "xABc" → "xaBC"
        let mut inner = Derived::default();
        inner.push_copy("x", 0);
        inner.push_made("A", 4..9);
        inner.push_copy("B", 9);
        inner.push_copy("c", 14);
        let mut outer = Derived::default();
        outer.push_copy("x", 0);
        outer.push_made("a", 1..2);
        outer.push_copy("B", 2);
        outer.push_made("C", 3..4);
        let whole = outer.over(&inner);
        assert_eq!(whole.text(), "xaBC");
        let stretches: Vec<_> = whole.stretches(0..4).map(|s| (s.text, s.source, s.copied)).collect();
        assert_eq!(
            stretches,
            [(0..1, 0..1, true), (1..2, 4..9, false), (2..3, 9..10, true), (3..4, 14..15, false)]
        );
        assert_eq!(Derived::copy("xABc").over(&inner), inner);
        let stretches: Vec<_> = inner.stretches(2..3).map(|s| s.source).collect();
        assert_eq!((stretches.len(), &stretches[0]), (1, &(9..10)));
        assert_eq!([0, 3, 4, 9, 14, 15].map(|at| inner.derived_from(at)), [0, 1, 1, 2, 3, 4]);
        assert_eq!(Derived::default().stretches(0..0).count(), 0);
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
