//! Markdown; see [`super`].

mod html;
mod nesting;
#[cfg(test)]
mod tests;

use std::ops::Range;

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

use self::html::Html;
use super::flow::{Flow, Gap};
use super::{Script, Span};
use crate::text::tags::control_token_at;

/// Frees a Markdown text of its signs. The script is one span.
///
/// ```
/// use chattts_rs::text::markup::markdown;
///
/// let script = markdown("# 标题\n\n*好*，[这里](http://a.b)有3个。");
/// assert_eq!(script.spans[0].text.text(), "标题\n\n好，这里有3个。");
/// ```
pub fn markdown(source: &str) -> Script {
    let body = front_matter(source);
    let limited = nesting::limited(&source[body..]);
    let options = Options::ENABLE_TABLES
        | Options::ENABLE_FOOTNOTES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_TASKLISTS;
    let mut reader = Reader {
        source,
        flow: Flow::default(),
        html: Html::default(),
        raw: 0..0,
        in_code: false,
        lists: 0,
        numbered: None,
    };
    for (event, range) in Parser::new_ext(&limited, options).into_offset_iter() {
        reader.event(&event, body + range.start..body + range.end);
    }
    let span = Span {
        source: 0..source.len(),
        text: reader.flow.finish(),
        fixed: Vec::new(),
        language: None,
        around: None,
        speed: None,
        voice: None,
        silence: 0.0,
    };
    Script { spans: vec![span] }
}

/// Returns where the text begins: behind a block of YAML between lines of dashes.
fn front_matter(source: &str) -> usize {
    let body = source.trim_start_matches('\u{feff}');
    let start = source.len() - body.len();
    let mut at = start;
    for (i, line) in body.split_inclusive('\n').enumerate() {
        at += line.len();
        let line = line.trim_end();
        match i {
            0 if line != "---" => return start,
            0 => {}
            1 if !is_yaml_key(line) => return start,
            _ if matches!(line, "---" | "...") => return at,
            _ => {}
        }
    }
    start
}

/// Tells whether a line begins with a key and a colon.
fn is_yaml_key(line: &str) -> bool {
    line.split_once(':').is_some_and(|(key, value)| {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
        !key.is_empty() && key.chars().all(plain) && (value.is_empty() || value.starts_with(' '))
    })
}

struct Reader<'a> {
    source: &'a str,
    flow: Flow,
    html: Html,
    /// The part that was taken as it is, marks and all.
    raw: Range<usize>,
    in_code: bool,
    /// The depth of nested lists.
    lists: usize,
    /// The text's length when a list's number had been added.
    numbered: Option<usize>,
}

impl Reader<'_> {
    fn event(&mut self, event: &Event, range: Range<usize>) {
        if self.raw.start <= range.start && range.end <= self.raw.end {
            return;
        }
        match event {
            Event::Start(tag) => self.start(tag, range),
            Event::End(tag) => self.end(*tag, range),
            Event::Text(text) if self.in_code => self.lines(text, range),
            Event::Text(text) | Event::Code(text) => self.text(text, range),
            Event::Html(_) => {
                let raw = &self.source[range.clone()];
                self.html.block(raw, range.start, &mut self.flow);
            }
            Event::InlineHtml(tag) => {
                if let Some(gap) = html::gap_of(tag) {
                    self.flow.gap(gap, range);
                }
            }
            Event::SoftBreak => self.flow.gap(Gap::Wrap, range),
            Event::HardBreak => self.flow.gap(Gap::Line, range),
            Event::Rule => self.gap(Gap::Paragraph, range.end),
            Event::InlineMath(text) | Event::DisplayMath(text) => self.text(text, range),
            Event::FootnoteReference(_) | Event::TaskListMarker(_) => {}
        }
    }

    fn start(&mut self, tag: &Tag, range: Range<usize>) {
        let at = range.start;
        match tag {
            Tag::Item => {
                self.gap(Gap::Line, at);
                self.number(range);
            }
            Tag::List(_) => {
                self.lists += 1;
                self.block(at);
            }
            Tag::TableHead | Tag::TableRow | Tag::DefinitionListTitle | Tag::DefinitionListDefinition => {
                self.gap(Gap::Line, at);
            }
            Tag::Emphasis | Tag::Strong | Tag::Strikethrough => {
                let sign = self.kept_sign(range.clone());
                self.flow.copy(&self.source[at..at + sign], at);
            }
            Tag::Link { .. } => {
                // A control token in front of parentheses looks like a link.
                if control_token_at(self.source, at).is_some() {
                    self.flow.copy(&self.source[range.clone()], at);
                    self.raw = range;
                }
            }
            Tag::CodeBlock(_) => {
                self.block(at);
                self.in_code = true;
            }
            Tag::HtmlBlock => {
                self.block(at);
                self.html = Html::default();
            }
            Tag::Image { .. } | Tag::Superscript | Tag::Subscript | Tag::TableCell => {}
            _ => self.block(at),
        }
    }

    fn end(&mut self, tag: TagEnd, range: Range<usize>) {
        let at = range.end;
        match tag {
            TagEnd::TableCell => self.gap(Gap::Cell, at),
            TagEnd::Item
            | TagEnd::TableHead
            | TagEnd::TableRow
            | TagEnd::DefinitionListTitle
            | TagEnd::DefinitionListDefinition => self.gap(Gap::Line, at),
            TagEnd::Emphasis | TagEnd::Strong | TagEnd::Strikethrough => {
                let start = at - self.kept_sign(range);
                self.flow.copy(&self.source[start..at], start);
            }
            TagEnd::Link | TagEnd::Image | TagEnd::Superscript | TagEnd::Subscript => {}
            TagEnd::List(_) => {
                self.block(at);
                self.lists = self.lists.saturating_sub(1);
            }
            TagEnd::CodeBlock => {
                self.in_code = false;
                self.block(at);
            }
            _ => self.block(at),
        }
    }

    /// Adds a gap that reaches to `at`.
    fn gap(&mut self, gap: Gap, at: usize) {
        self.flow.gap(gap, self.flow.end().min(at)..at);
    }

    /// Adds the gap that a block has at its beginning and its end.
    fn block(&mut self, at: usize) {
        match self.lists {
            // What follows a list's number belongs to it.
            _ if self.numbered == Some(self.flow.len()) => {}
            0 | 1 => self.gap(Gap::Paragraph, at),
            _ => self.gap(Gap::Line, at),
        }
    }

    /// Adds the number of an item of a numbered list.
    fn number(&mut self, item: Range<usize>) {
        let text = &self.source[item.clone()];
        let blank = text.len() - text.trim_start_matches([' ', '\t']).len();
        let digits = text[blank..].bytes().take_while(u8::is_ascii_digit).count();
        if digits > 0 && text[blank + digits..].starts_with(['.', ')']) {
            let at = item.start + blank;
            self.flow.copy(&self.source[at..at + digits + 1], at);
            self.numbered = Some(self.flow.len());
            let end = at + digits + 1;
            self.flow.gap(Gap::Space, end..end);
        }
    }

    /// Returns the length in bytes of the sign around a stretch if it means something, else 0: the stars in
    /// 2*3*4 multiply, and a single tilde stands in a range of numbers more often than it strikes out.
    fn kept_sign(&self, range: Range<usize>) -> usize {
        let (before, rest) = self.source.split_at(range.start);
        let inner = &rest[..range.len()];
        let len = if inner.starts_with("**") || inner.starts_with("~~") { 2 } else { 1 };
        if inner.starts_with('~') {
            return if len == 1 { 1 } else { 0 };
        }
        let digit = |c: Option<&u8>| c.is_some_and(u8::is_ascii_digit);
        let (before, after) = (before.as_bytes(), &rest.as_bytes()[range.len()..]);
        let inner = inner.as_bytes();
        let opens = digit(before.last()) && digit(inner.get(len));
        let closes = digit(after.first()) && digit(inner.iter().rev().nth(len));
        if inner.starts_with(b"*") && (opens || closes) { len } else { 0 }
    }

    /// Adds text that stands within `range`.
    fn text(&mut self, text: &str, range: Range<usize>) {
        let raw = &self.source[range.clone()];
        match raw.find(text) {
            Some(at) => self.flow.copy(text, range.start + at),
            None => self.flow.made(text, range),
        }
    }

    /// Adds lines of code.
    fn lines(&mut self, text: &str, range: Range<usize>) {
        let start = self.source[range.clone()].find(text).map(|at| range.start + at);
        let mut len = 0;
        for line in text.split_inclusive('\n') {
            match start {
                Some(start) => self.flow.copy(line.trim_end(), start + len),
                None => self.flow.made(line.trim(), range.clone()),
            }
            len += line.len();
            if line.ends_with('\n') {
                self.gap(Gap::Line, start.map_or(range.end, |start| start + len));
            }
        }
    }
}
