//! Text that comes in bits between the marks, put together.

use std::ops::Range;

use crate::text::derived::Derived;
use crate::text::language::is_han;

/// Parts two bits of text, the weaker gaps first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Gap {
    Space,
    /// A space where a line was wrapped, which is none between Chinese characters.
    Wrap,
    /// The next cell of a row.
    Cell,
    Line,
    Paragraph,
}

impl Gap {
    fn as_str(self) -> &'static str {
        match self {
            Gap::Space | Gap::Wrap => " ",
            Gap::Cell => ", ",
            Gap::Line => "\n",
            Gap::Paragraph => "\n\n",
        }
    }
}

/// Holds a gap, and where it is in the file.
struct Between {
    gap: Gap,
    source: Range<usize>,
    /// Whether it is the space that stands there.
    copied: bool,
}

/// Holds a text while it grows. Gaps wait until something follows, and of several the strongest counts; there
/// is none at the beginning and at the end.
#[derive(Default)]
pub struct Flow {
    text: Derived,
    between: Option<Between>,
    /// Where what was added last ends in the file.
    end: usize,
}

impl Flow {
    /// Adds `text`, which stands at byte `at` of the file, with its runs of white space as gaps.
    pub fn copy(&mut self, text: &str, at: usize) {
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            let from = at + text.len() - rest.len();
            let is_space = |c: char| matches!(c, ' ' | '\t' | '\r' | '\n');
            let len = if is_space(first) {
                let len = rest.find(|c| !is_space(c)).unwrap_or(rest.len());
                let gap = if rest[..len].contains('\n') { Gap::Wrap } else { Gap::Space };
                self.part(Between { gap, source: from..from + 1, copied: first == ' ' });
                len
            } else {
                let len = rest.find(is_space).unwrap_or(rest.len());
                self.close_gap(first);
                self.text.push_copy(&rest[..len], from);
                self.end = from + len;
                len
            };
            rest = &rest[len..];
        }
    }

    /// Adds what stands for `source`.
    pub fn made(&mut self, made: &str, source: Range<usize>) {
        match made.chars().next() {
            None => {}
            Some(' ' | '\t' | '\r' | '\n') => self.gap(Gap::Space, source),
            Some(first) => {
                self.close_gap(first);
                self.end = source.end;
                self.text.push_made(made, source);
            }
        }
    }

    /// Parts what was added from what will be added next.
    pub fn gap(&mut self, gap: Gap, source: Range<usize>) {
        self.part(Between { gap, source, copied: false });
    }

    fn part(&mut self, between: Between) {
        if self.between.as_ref().is_none_or(|before| between.gap > before.gap) {
            self.between = Some(between);
        }
    }

    fn close_gap(&mut self, next: char) {
        let Some(Between { gap, source, copied }) = self.between.take() else { return };
        let Some(previous) = self.text.text().chars().next_back() else { return };
        match gap {
            Gap::Wrap if is_wide(previous) && is_wide(next) => {}
            Gap::Space | Gap::Wrap if copied => self.text.push_copy(gap.as_str(), source.start),
            _ => self.text.push_made(gap.as_str(), source),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.text.text().is_empty()
    }

    pub fn text(&self) -> &str {
        self.text.text()
    }

    /// Returns the text's length in bytes.
    pub fn len(&self) -> usize {
        self.text.text().len()
    }

    /// Returns where what was added last ends in the file.
    pub fn end(&self) -> usize {
        self.end
    }

    /// Returns where the next character, which is `next`, will stand in the text.
    pub fn start_of(&mut self, next: char) -> usize {
        self.close_gap(next);
        self.len()
    }

    pub fn finish(self) -> Derived {
        self.text
    }
}

/// Tells whether a character is as wide as a Chinese one.
fn is_wide(c: char) -> bool {
    is_han(c) || matches!(c, '\u{3000}'..='\u{303f}' | '\u{3400}'..='\u{4dbf}' | '\u{ff01}'..='\u{ff60}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_wait_for_what_follows() {
        let mut flow = Flow::default();
        flow.gap(Gap::Paragraph, 0..1);
        flow.copy("  a  b\n c", 10);
        flow.gap(Gap::Line, 20..21);
        flow.gap(Gap::Space, 21..22);
        flow.made("d", 30..35);
        flow.gap(Gap::Cell, 36..37);
        flow.copy("e\t", 40);
        assert_eq!(flow.finish().text(), "a b c\nd, e");
    }

    #[test]
    fn a_wrapped_line_of_chinese_has_no_space() {
        let mut flow = Flow::default();
        flow.copy("你好，\n  世界 是\nA", 0);
        assert_eq!(flow.finish().text(), "你好，世界 是 A");
    }
}
