//! HTML in Markdown: the text between the tags.

use crate::text::entity::referenced;
use crate::text::markup::flow::{Flow, Gap};

/// The longest entity that is looked for, in bytes.
const MAX_ENTITY: usize = 12;

/// Elements whose text is not for reading.
const HIDDEN: [&str; 3] = ["script", "style", "template"];

/// Returns the gap that a tag, written from `<` on, puts between the texts on its sides.
pub fn gap_of(tag: &str) -> Option<Gap> {
    match name_of(tag).to_ascii_lowercase().as_str() {
        "td" | "th" => Some(Gap::Cell),
        "br" | "li" | "tr" | "dt" | "dd" | "option" | "summary" => Some(Gap::Line),
        "p" | "div" | "h1" | "h2" | "h3" | "h4" | "h5" | "h6" | "ul" | "ol" | "dl" | "table"
        | "blockquote" | "pre" | "hr" | "section" | "article" | "header" | "footer" | "main" | "details"
        | "figure" | "figcaption" | "center" => Some(Gap::Paragraph),
        _ => None,
    }
}

fn name_of(tag: &str) -> &str {
    let name = tag.trim_start_matches('<').trim_start_matches('/');
    &name[..name.bytes().take_while(u8::is_ascii_alphanumeric).count()]
}

/// Goes through a block of HTML, line by line.
#[derive(Default)]
pub struct Html {
    inside: Inside,
}

/// Says what the next line begins in.
#[derive(Clone, Copy, Default)]
enum Inside {
    #[default]
    Text,
    /// A tag; with the name of an element that is hidden from its end on.
    Tag(Option<&'static str>),
    Comment,
    Hidden(&'static str),
}

impl Html {
    /// Adds the text of a line, which stands at byte `at` of the file.
    pub fn block(&mut self, line: &str, at: usize, flow: &mut Flow) {
        let mut rest = line;
        while !rest.is_empty() {
            let from = at + line.len() - rest.len();
            let len = match self.inside {
                Inside::Text => self.text(rest, from, flow),
                Inside::Tag(hidden) => {
                    let end = rest.find('>');
                    if end.is_some() {
                        self.inside = hidden.map_or(Inside::Text, Inside::Hidden);
                    }
                    end.map_or(rest.len(), |end| end + 1)
                }
                Inside::Comment => {
                    let end = rest.find("-->");
                    if end.is_some() {
                        self.inside = Inside::Text;
                    }
                    end.map_or(rest.len(), |end| end + "-->".len())
                }
                Inside::Hidden(element) => {
                    let end = rest.match_indices("</").map(|(i, _)| i);
                    let end = end.into_iter().find(|i| name_of(&rest[*i..]).eq_ignore_ascii_case(element));
                    if end.is_some() {
                        self.inside = Inside::Tag(None);
                    }
                    end.unwrap_or(rest.len())
                }
            };
            rest = &rest[len..];
        }
    }

    /// Adds the text up to the next tag, and enters that.
    fn text(&mut self, text: &str, at: usize, flow: &mut Flow) -> usize {
        let Some(end) = text.find('<') else {
            copy(text, at, flow);
            return text.len();
        };
        copy(&text[..end], at, flow);
        let tag = &text[end..];
        if tag.starts_with("<!--") {
            self.inside = Inside::Comment;
            return end + "<!--".len();
        }
        if !tag[1..].starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '/' | '!' | '?')) {
            flow.copy("<", at + end);
            return end + 1;
        }
        let name = name_of(tag);
        let hidden = HIDDEN.iter().find(|known| known.eq_ignore_ascii_case(name) && !tag.starts_with("</"));
        self.inside = Inside::Tag(hidden.copied());
        if let Some(gap) = gap_of(tag) {
            flow.gap(gap, at + end..at + end + 1);
        }
        end + 1
    }
}

/// Adds text with its entities as what they stand for.
fn copy(text: &str, at: usize, flow: &mut Flow) {
    let mut rest = text;
    while !rest.is_empty() {
        let from = at + text.len() - rest.len();
        let len = match rest.strip_prefix('&') {
            None => rest.find('&').unwrap_or(rest.len()),
            Some(name) => {
                let near = name.bytes().take(MAX_ENTITY).position(|b| b == b';');
                let entity = &rest[..near.map_or(0, |end| end + 2)];
                let c = if entity == "&nbsp;" { Ok(' ') } else { referenced(entity) };
                if let (Ok(c), Some(_)) = (c, near) {
                    flow.made(c.encode_utf8(&mut [0; 4]), from..from + entity.len());
                    rest = &rest[entity.len()..];
                    continue;
                }
                1
            }
        };
        flow.copy(&rest[..len], from);
        rest = &rest[len..];
    }
}
