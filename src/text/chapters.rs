//! Books: texts that are cut into chapters at their headings.

use std::ops::Range;

use pulldown_cmark::{Event, HeadingLevel, Options, Parser, Tag, TagEnd};
use regex::Regex;

/// The most characters of a line of plain text that is a heading.
const MAX_HEADING: usize = 60;

/// A chapter of a book.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chapter {
    /// The number of the line on which it begins, from 1.
    pub line: usize,
    /// Its heading, without marks.
    pub title: String,
    /// All of it, the heading too.
    pub text: String,
}

/// A text in chapters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Book {
    /// Its title: the only heading of the first level, if there are chapters below it.
    pub title: Option<String>,
    /// The chapters.
    pub chapters: Vec<Chapter>,
}

/// A heading and where it stands, in bytes.
struct Heading {
    range: Range<usize>,
    is_first_level: bool,
    title: String,
}

impl Book {
    /// Cuts a text at its headings: those of the first two levels in Markdown; in plain text lines such as `Chapter 7`
    /// and `第七章`. A heading that is followed by another at once is spoken with it. What stands before the first one is
    /// a chapter of the name `front`.
    pub fn read(text: &str, is_markdown: bool, front: &str) -> Self {
        let (body, headings) = if is_markdown { of_markdown(text) } else { (0, of_plain(text)) };
        let mut first_level = headings.iter().filter(|heading| heading.is_first_level);
        let title = match (first_level.next(), first_level.next()) {
            (Some(only), None) if headings.len() > 1 => Some(only.title.clone()),
            _ => None,
        };
        let mut chapters = Vec::new();
        let mut begin = body;
        let mut add = |range: Range<usize>, title: &str| {
            let lead = text[range.clone()].len() - text[range.clone()].trim_start().len();
            let line = 1 + text[..range.start + lead].matches('\n').count();
            let (title, text) = (title.to_string(), text[range].trim().to_string());
            chapters.push(Chapter { line, title, text });
        };
        let start = headings.first().map_or(text.len(), |heading| heading.range.start);
        if !text[body..start].trim().is_empty() {
            add(body..start, front);
            begin = start;
        }
        for (at, heading) in headings.iter().enumerate() {
            let end = headings.get(at + 1).map_or(text.len(), |next| next.range.start);
            let is_bare = text[heading.range.end..end].trim().is_empty();
            if is_bare && end < text.len() {
                continue;
            }
            add(begin.max(start)..end, &heading.title);
            begin = end;
        }
        Book { title, chapters }
    }
}

/// Returns where the text begins, behind what is said about it, and its headings.
fn of_markdown(text: &str) -> (usize, Vec<Heading>) {
    let mut headings: Vec<Heading> = Vec::new();
    let (mut body, mut depth, mut is_inside) = (0, 0, false);
    for (event, range) in Parser::new_ext(text, Options::ENABLE_YAML_STYLE_METADATA_BLOCKS).into_offset_iter()
    {
        match event {
            Event::Start(Tag::Heading { level: level @ (HeadingLevel::H1 | HeadingLevel::H2), .. })
                if depth == 0 =>
            {
                is_inside = true;
                depth += 1;
                headings.push(Heading {
                    range,
                    is_first_level: level == HeadingLevel::H1,
                    title: String::new(),
                });
            }
            Event::Start(Tag::MetadataBlock(_)) => {
                body = range.end;
                depth += 1;
            }
            Event::Start(_) => depth += 1,
            Event::End(end) => {
                is_inside &= !matches!(end, TagEnd::Heading(_));
                depth -= 1;
            }
            Event::Text(part) | Event::Code(part) if is_inside => {
                headings.iter_mut().last().into_iter().for_each(|heading| heading.title.push_str(&part));
            }
            _ => {}
        }
    }
    (body, headings)
}

fn of_plain(text: &str) -> Vec<Heading> {
    const PATTERN: &str = r"(?i)^(?:第\s*[0-9０-９零〇一二三四五六七八九十百千两]+\s*[章回节卷部集]|(?:chapter|part|book)\s+[0-9ivxlc]+\b|(?:chapter|part|book)\s+(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve)\b|(?:prologue|epilogue|preface|序章|序言|楔子|尾声|后记)$)";
    let Ok(pattern) = Regex::new(PATTERN) else { return Vec::new() };
    let mut at = 0;
    let mut headings = Vec::new();
    for line in text.split_inclusive('\n') {
        let title = line.trim();
        if title.chars().count() <= MAX_HEADING
            && !title.ends_with(['.', '。', ',', '，'])
            && pattern.is_match(title)
        {
            let range = at..at + line.len();
            headings.push(Heading { range, is_first_level: false, title: title.into() });
        }
        at += line.len();
    }
    headings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, is_markdown: bool) -> (Option<String>, Vec<(usize, String, String)>) {
        let book = Book::read(text, is_markdown, "front");
        (book.title, book.chapters.into_iter().map(|c| (c.line, c.title, c.text)).collect())
    }

    fn chapter(line: usize, title: &str, text: &str) -> (usize, String, String) {
        (line, title.into(), text.into())
    }

    #[test]
    fn markdown_is_cut_at_its_upper_headings() {
        let text =
            "# The *Sea*\n\n## One\n\nText.\n\n### Inside\n\n```\n# no heading\n```\n\nTwo\n---\nMore.\n";
        let expected = vec![
            chapter(1, "One", "# The *Sea*\n\n## One\n\nText.\n\n### Inside\n\n```\n# no heading\n```"),
            chapter(13, "Two", "Two\n---\nMore."),
        ];
        assert_eq!(read(text, true), (Some("The Sea".into()), expected));
        let parts = "Before.\n# A\na\n# B\n\n# C\nc";
        let expected =
            vec![chapter(1, "front", "Before."), chapter(2, "A", "# A\na"), chapter(4, "C", "# B\n\n# C\nc")];
        assert_eq!(read(parts, true), (None, expected));
    }

    #[test]
    fn plain_text_is_cut_at_lines_that_say_chapter() {
        let text = "Title\n\nChapter 1\nIn chapter 2 we go on.\nChapter 2 is what he reads.\nCHAPTER II: Rain\nIt rains.\n";
        let expected = vec![
            chapter(1, "front", "Title"),
            chapter(3, "Chapter 1", "Chapter 1\nIn chapter 2 we go on.\nChapter 2 is what he reads."),
            chapter(6, "CHAPTER II: Rain", "CHAPTER II: Rain\nIt rains."),
        ];
        assert_eq!(read(text, false), (None, expected));
        let chinese = "第一章 雨\n下雨了。\n\n第12回\n天晴。\n第二天一章也没写。\n";
        let titles: Vec<String> = read(chinese, false).1.into_iter().map(|chapter| chapter.1).collect();
        assert_eq!(titles, ["第一章 雨", "第12回"]);
    }

    #[test]
    fn a_text_without_headings_is_one_chapter() {
        assert_eq!(read("Hello.\n", true), (None, vec![chapter(1, "front", "Hello.")]));
        assert_eq!(read(" \n", false), (None, vec![]));
        assert_eq!(read("---\nby: me\n---\n\n# A\na\n", true), (None, vec![chapter(5, "A", "# A\na")]));
        assert_eq!(read("---\nby: me\n---\nText.", true), (None, vec![chapter(4, "front", "Text.")]));
        assert_eq!(read("# Only\n", true), (None, vec![chapter(1, "Only", "# Only")]));
    }
}
