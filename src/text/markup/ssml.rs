//! SSML: a subset; see [`super`].

mod attributes;
mod say_as;
mod tags;
#[cfg(test)]
mod tests;

use std::ops::Range;
use std::rc::Rc;

use quick_xml::Reader;
use quick_xml::errors::{Error as XmlError, IllFormedError, SyntaxError};
use quick_xml::events::{BytesStart, Event};

use self::attributes::{Attributes, Bit};
use self::tags::{MAX_SILENCE, Pause, Tag};
use super::flow::{Flow, Gap};
use super::{Fixed, MarkupError, Script, Span};
use crate::text::Language;
use crate::text::entity::referenced;

/// The deepest that tags may be nested.
const MAX_DEPTH: usize = 256;

type Result<T> = std::result::Result<T, MarkupError>;

/// Frees an SSML document of its markup.
///
/// ```
/// use chattts_rs::text::markup::ssml;
/// use chattts_rs::text::{NormalizeOptions, normalize_markup};
///
/// let source = r#"<speak>你好<break time="2s"/><say-as interpret-as="digits">12</say-as></speak>"#;
/// let script = ssml(source)?;
/// assert_eq!(script.spans[0].silence, 2.0);
/// let read = normalize_markup(&script.spans[1], &NormalizeOptions::default());
/// assert_eq!(read.text, "一二");
/// # Ok::<(), chattts_rs::text::markup::MarkupError>(())
/// ```
///
/// # Errors
/// [`MarkupError`] with its place if the document is not well-formed or not in the subset.
pub fn ssml(source: &str) -> Result<Script> {
    Parser::new(source).parse()
}

/// Says who speaks, how fast, in what language.
#[derive(Clone, Default, PartialEq)]
struct Manner {
    language: Option<Language>,
    speed: Option<u8>,
    voice: Option<Rc<str>>,
}

/// Remembers a tag that is open.
struct Open {
    tag: Tag,
    at: usize,
    manner: Manner,
}

/// Remembers a `<say-as>` that is open.
struct SayAs {
    spec: say_as::Spec,
    /// Where its text begins in the span's.
    start: Option<usize>,
}

struct Parser<'a> {
    source: &'a str,
    xml: Reader<&'a [u8]>,
    /// Where the XML begins in the source.
    base: usize,
    open: Vec<Open>,
    rooted: bool,
    say_as: Option<SayAs>,
    spans: Vec<Span>,
    /// The span that grows, and how it is spoken.
    flow: Flow,
    fixed: Vec<Fixed>,
    manner: Manner,
}

impl<'a> Parser<'a> {
    fn new(source: &'a str) -> Self {
        let body = source.trim_start_matches('\u{feff}');
        let mut xml = Reader::from_str(body);
        let config = xml.config_mut();
        // Both are checked here, where it is known which tag was opened where.
        config.check_end_names = false;
        config.allow_unmatched_ends = true;
        Parser {
            source,
            xml,
            base: source.len() - body.len(),
            open: Vec::new(),
            rooted: false,
            say_as: None,
            spans: Vec::new(),
            flow: Flow::default(),
            fixed: Vec::new(),
            manner: Manner::default(),
        }
    }

    fn parse(mut self) -> Result<Script> {
        loop {
            let start = self.position(self.xml.buffer_position());
            let event = self.xml.read_event();
            let range = start..self.position(self.xml.buffer_position());
            match event {
                Ok(Event::Start(tag)) => self.start(&tag, range)?,
                Ok(Event::Empty(tag)) => {
                    self.start(&tag, range.clone())?;
                    self.close(range);
                }
                Ok(Event::End(tag)) => self.end(tag.name().as_ref(), range)?,
                Ok(Event::Text(_)) => self.text(range)?,
                Ok(Event::CData(data)) => {
                    // `<![CDATA[` is nine bytes long.
                    let start = range.start + 9;
                    self.text(start..start + data.len())?;
                }
                Ok(Event::GeneralRef(_)) => {
                    let c = referenced(&self.source[range.clone()])
                        .map_err(|message| self.error(range.start, message))?;
                    self.character(c, range)?;
                }
                Ok(Event::DocType(_)) => {
                    return Err(self.error(start, "a DOCTYPE is not accepted; remove it"));
                }
                Ok(Event::Comment(_) | Event::Decl(_) | Event::PI(_)) => {}
                Ok(Event::Eof) => return self.finish(),
                Err(error) => {
                    let at = self.position(self.xml.error_position());
                    return Err(self.error(at, explain(&error)));
                }
            }
        }
    }

    fn position(&self, offset: u64) -> usize {
        (self.base + usize::try_from(offset).unwrap_or(self.source.len())).min(self.source.len())
    }

    fn error(&self, at: usize, message: impl Into<String>) -> MarkupError {
        MarkupError::new(self.source, at, message)
    }

    fn start(&mut self, xml: &BytesStart, range: Range<usize>) -> Result<()> {
        let at = range.start;
        let name = xml.name();
        let Some(tag) = Tag::named(name.as_ref()) else {
            let known = tags::known();
            return Err(self.error(at, format!("unknown tag <{}>; known: {known}", shown(name.as_ref()))));
        };
        match self.open.last() {
            None if tag != Tag::Speak => {
                return Err(self.error(at, format!("<{}> stands outside of <speak>", tag.name())));
            }
            None if self.rooted => return Err(self.error(at, "a second <speak>; one is the root of all")),
            Some(_) if tag == Tag::Speak => {
                return Err(self.error(at, "<speak> within <speak>; one is the root of all"));
            }
            Some(outer) if matches!(outer.tag, Tag::SayAs | Tag::Sub | Tag::Break) => {
                let holds = if outer.tag == Tag::Break { "nothing" } else { "only text" };
                let message =
                    format!("<{}> within <{}>, which can hold {holds}", tag.name(), outer.tag.name());
                return Err(self.error(at, message));
            }
            _ => {}
        }
        if self.open.len() >= MAX_DEPTH {
            return Err(self.error(at, format!("tags are nested more than {MAX_DEPTH} deep")));
        }
        self.rooted = true;
        let attributes = Attributes::read(self.source, tag, xml, at)?;
        let mut manner = self.open.last().map(|outer| outer.manner.clone()).unwrap_or_default();
        let source = self.source;
        let refused = |message: String| MarkupError::new(source, at, message);
        if let Some(language) = attributes.get("xml:lang") {
            manner.language = tags::language(&language).map_err(refused)?;
        }
        match tag {
            Tag::Speak => {}
            Tag::Paragraph => self.flow.gap(Gap::Paragraph, range),
            Tag::Sentence => self.flow.gap(Gap::Line, range),
            Tag::Prosody => {
                let rate = attributes.need(tag, "rate").map_err(refused)?;
                manner.speed = tags::speed(&rate).map_err(refused)?;
            }
            Tag::Voice => {
                let name = attributes.need(tag, "name").map_err(refused)?;
                manner.voice = Some(tags::voice(&name).map_err(refused)?.into());
            }
            Tag::Break => {
                let (time, strength) = (attributes.get("time"), attributes.get("strength"));
                let pause = tags::pause(time.as_deref(), strength.as_deref()).map_err(refused)?;
                self.pause(pause, range)?;
            }
            Tag::SayAs => {
                let interpret_as = attributes.need(tag, "interpret-as").map_err(refused)?;
                let format = attributes.get("format");
                let spec = say_as::Spec::new(&interpret_as, format.as_deref()).map_err(refused)?;
                self.say_as = Some(SayAs { spec, start: None });
            }
            Tag::Sub => {
                let alias = attributes.need(tag, "alias").map_err(refused)?;
                if alias.chars().any(|c| !is_blank(c)) {
                    self.take_manner(manner.clone());
                }
                for bit in attributes.bits("alias") {
                    match bit {
                        Bit::Text(text, at) => self.flow.copy(text, at),
                        Bit::Reference(c, range) => self.flow.made(c.encode_utf8(&mut [0; 4]), range),
                    }
                }
            }
        }
        self.open.push(Open { tag, at, manner });
        Ok(())
    }

    fn end(&mut self, name: &str, range: Range<usize>) -> Result<()> {
        let Some(open) = self.open.last() else {
            return Err(self.error(range.start, format!("</{}> closes nothing", shown(name))));
        };
        if open.tag.name() != name {
            let opened = MarkupError::new(self.source, open.at, "");
            let message = format!(
                "</{}> where </{}> is expected, for the tag of line {}, column {}",
                shown(name),
                open.tag.name(),
                opened.line,
                opened.column
            );
            return Err(self.error(range.start, message));
        }
        self.close(range);
        Ok(())
    }

    fn close(&mut self, range: Range<usize>) {
        match self.open.pop().map(|open| open.tag) {
            Some(Tag::Paragraph) => self.flow.gap(Gap::Paragraph, range),
            Some(Tag::Sentence) => self.flow.gap(Gap::Line, range),
            Some(Tag::SayAs) => {
                let Some(SayAs { spec, start: Some(start) }) = self.say_as.take() else { return };
                let range = start..self.flow.len();
                let (kind, reading) = spec.reading(&self.flow.text()[range.clone()]);
                if !range.is_empty() {
                    self.fixed.push(Fixed { range, kind, reading });
                }
            }
            _ => {}
        }
    }

    fn text(&mut self, range: Range<usize>) -> Result<()> {
        let source = self.source;
        let text = &source[range.clone()];
        let first = text.find(|c| !is_blank(c)).unwrap_or(text.len());
        let (blank, rest) = text.split_at(first);
        self.flow.copy(blank, range.start);
        if let Some(c) = rest.chars().next()
            && self.takes_text(c, range.start + first)?
        {
            self.flow.copy(rest, range.start + first);
        }
        Ok(())
    }

    /// Adds a character that `range` stands for.
    fn character(&mut self, c: char, range: Range<usize>) -> Result<()> {
        if self.takes_text(c, range.start)? {
            self.flow.made(c.encode_utf8(&mut [0; 4]), range);
        }
        Ok(())
    }

    /// Tells whether text that begins with `c` is spoken, and makes ready for it.
    fn takes_text(&mut self, c: char, at: usize) -> Result<bool> {
        let Some(Open { tag, manner, .. }) = self.open.last() else {
            return Err(self.error(at, "text outside of <speak>"));
        };
        match tag {
            Tag::Sub => return Ok(false),
            Tag::Break => return Err(self.error(at, "text within <break>, which can hold nothing")),
            _ => {}
        }
        let manner = manner.clone();
        self.take_manner(manner);
        if let Some(SayAs { start: start @ None, .. }) = &mut self.say_as
            && !is_blank(c)
        {
            *start = Some(self.flow.start_of(c));
        }
        Ok(true)
    }

    /// Speaks what follows in this manner.
    fn take_manner(&mut self, manner: Manner) {
        if manner != self.manner {
            if !self.flow.is_empty() {
                self.cut(self.flow.end(), 0.0);
            }
            self.manner = manner;
        }
    }

    /// Ends the span at `end`.
    fn cut(&mut self, end: usize, silence: f64) {
        let start = self.spans.last().map_or(0, |last| last.source.end);
        self.spans.push(Span {
            source: start..end,
            text: std::mem::take(&mut self.flow).finish(),
            fixed: std::mem::take(&mut self.fixed),
            language: self.manner.language,
            around: None,
            speed: self.manner.speed,
            voice: self.manner.voice.as_deref().map(str::to_string),
            silence,
        });
    }

    fn pause(&mut self, pause: Option<Pause>, range: Range<usize>) -> Result<()> {
        match pause {
            None => {}
            Some(Pause::Token(token)) => self.flow.made(token, range),
            Some(Pause::Silence(seconds)) => {
                let before = match self.spans.last() {
                    Some(last) if self.flow.is_empty() => last.silence,
                    _ => 0.0,
                };
                let sum = before + seconds;
                if sum > MAX_SILENCE {
                    let message =
                        format!("{sum} s of silence in a row; at most {MAX_SILENCE} s are accepted");
                    return Err(self.error(range.start, message));
                }
                match self.spans.last_mut() {
                    Some(last) if self.flow.is_empty() => {
                        last.silence = sum;
                        last.source.end = range.end;
                    }
                    _ => self.cut(range.end, sum),
                }
            }
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Script> {
        if let Some(open) = self.open.last() {
            return Err(self.error(open.at, format!("<{}> is never closed", open.tag.name())));
        }
        if !self.rooted {
            return Err(self.error(self.source.len(), "no <speak>, which is the root of an SSML document"));
        }
        match self.spans.last_mut() {
            Some(last) if self.flow.is_empty() => last.source.end = self.source.len(),
            _ => self.cut(self.source.len(), 0.0),
        }
        super::know_around(&mut self.spans);
        Ok(Script { spans: self.spans })
    }
}

fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n')
}

/// Cuts what somebody wrote to what a message shows of it.
fn shown(text: &str) -> &str {
    const MOST: usize = 60;
    &text[..text.floor_char_boundary(text.len().min(MOST))]
}

fn explain(error: &XmlError) -> String {
    match error {
        XmlError::Syntax(error) => match error {
            SyntaxError::UnclosedTag
            | SyntaxError::UnclosedSingleQuotedAttributeValue
            | SyntaxError::UnclosedDoubleQuotedAttributeValue => {
                "a tag that does not end; write &lt; for the sign <".into()
            }
            error => error.to_string(),
        },
        XmlError::IllFormed(IllFormedError::UnclosedReference) => {
            "an entity that does not end with a semicolon; write &amp; for the sign &".into()
        }
        error => error.to_string(),
    }
}
