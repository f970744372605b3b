//! The attributes of a tag.

use std::ops::Range;

use quick_xml::events::BytesStart;

use super::tags::Tag;
use super::{MarkupError, shown};
use crate::text::entity::referenced;

/// Holds a bit of an attribute's value.
pub enum Bit<'a> {
    /// Text, and where it begins in the file.
    Text(&'a str, usize),
    /// A character, and the entity that stands for it.
    Reference(char, Range<usize>),
}

/// Holds the attributes of a tag, as they stand in the file.
pub struct Attributes<'a> {
    /// Each one's name, its raw value, and where that begins.
    values: Vec<(&'static str, &'a str, usize)>,
}

impl<'a> Attributes<'a> {
    /// Reads the attributes of the tag at byte `at`.
    pub fn read(source: &'a str, tag: Tag, xml: &BytesStart, at: usize) -> Result<Self, MarkupError> {
        let error = |offset: usize, message: String| MarkupError::new(source, offset, message);
        // Behind `<`.
        let base = at + 1;
        let raw: &str = xml;
        let mut values: Vec<(&'static str, &'a str, usize)> = Vec::new();
        for attribute in xml.attributes().with_checks(false) {
            let attribute = attribute.map_err(|broken| error(at, format!("<{}>: {broken}", tag.name())))?;
            let name = attribute.key.as_ref();
            let name_at = base + offset_in(raw, name);
            if tag == Tag::Speak && is_namespace(name) {
                continue;
            }
            let Some(known) = tag.attributes().iter().find(|known| **known == name) else {
                let known = tag.attributes().join(", ");
                let message =
                    format!("<{}> does not support `{}`; supported: {known}", tag.name(), shown(name));
                return Err(error(name_at, message));
            };
            if values.iter().any(|(before, ..)| before == known) {
                return Err(error(name_at, format!("<{}> has `{known}` twice", tag.name())));
            }
            let value_at = base + offset_in(raw, &attribute.value);
            let Some(value) = source.get(value_at..value_at + attribute.value.len()) else { continue };
            for bit in bits(value, value_at) {
                bit.map_err(|message| error(value_at, message))?;
            }
            values.push((known, value, value_at));
        }
        Ok(Attributes { values })
    }

    fn find(&self, name: &str) -> Option<(&'a str, usize)> {
        self.values.iter().find(|(known, ..)| *known == name).map(|(_, value, at)| (*value, *at))
    }

    /// Returns the value of an attribute, if it is there.
    pub fn get(&self, name: &str) -> Option<String> {
        let mut text = String::new();
        for bit in self.bits(name) {
            match bit {
                Bit::Text(bit, _) => text.push_str(bit),
                Bit::Reference(c, _) => text.push(c),
            }
        }
        self.find(name).map(|_| text)
    }

    /// Returns the value of an attribute that has to be there.
    pub fn need(&self, tag: Tag, name: &str) -> Result<String, String> {
        self.get(name).ok_or_else(|| format!("<{}> needs `{name}`", tag.name()))
    }

    /// Returns the value of an attribute bit by bit, with where each bit stands in the file.
    pub fn bits(&self, name: &str) -> impl Iterator<Item = Bit<'a>> + use<'a> {
        let (value, at) = self.find(name).unwrap_or_default();
        // Broken ones were refused.
        bits(value, at).flatten()
    }
}

/// Tells whether an attribute is about the file, not about the speech.
fn is_namespace(name: &str) -> bool {
    name == "xmlns" || name.starts_with("xmlns:") || name.starts_with("xsi:")
}

/// Returns where `part`, which was cut out of `whole`, begins in it.
fn offset_in(whole: &str, part: &str) -> usize {
    (part.as_ptr() as usize).saturating_sub(whole.as_ptr() as usize).min(whole.len())
}

/// Cuts a value into text and entities.
fn bits(value: &str, at: usize) -> impl Iterator<Item = Result<Bit<'_>, String>> {
    let mut start = 0;
    std::iter::from_fn(move || {
        let rest = value.get(start..).filter(|rest| !rest.is_empty())?;
        let from = at + start;
        if !rest.starts_with('&') {
            let len = rest.find('&').unwrap_or(rest.len());
            start += len;
            return Some(Ok(Bit::Text(&rest[..len], from)));
        }
        let len = rest.find(';').map_or(rest.len(), |end| end + 1);
        start += len;
        let entity = &rest[..len];
        Some(match entity.ends_with(';') {
            true => referenced(entity).map(|c| Bit::Reference(c, from..from + len)),
            false => Err("an entity that does not end with a semicolon; write &amp; for the sign &".into()),
        })
    })
}
