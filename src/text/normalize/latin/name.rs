//! Names with signs in them, of things that programmers and shoppers know.

use crate::text::Language;
use crate::text::normalize::rule::Found;
use crate::text::normalize::table::{self, Table};

pub const NAME: &str = concat!(
    r"(?:C\+\+|c\+\+|[A-GJcf]#|\.(?:NET|Net|net)|ASP\.NET|VB\.NET|Wi-?Fi|wi-?fi|WI-?FI|Hi-Fi|Sci-Fi|sci-fi|",
    r"AT&T|R&D|Q&A|R&B|B&B|M&A|P&L|S&P|H&M|P&G|D&D|A&E|T&C|J&J|Notepad\+\+|Disney\+|TCP/IP|I/O|A/C|N/A|n/a|TL;DR|",
    r"PhDs?|VMware|pH|e-?mail|E-?mail|[A-Z]\+|W3C)",
);

/// Names as they are written, in Chinese and in English.
static NAMES: Table<(&str, &str, &str)> = Table::new("latin/names", table::triple);

pub fn name(found: &Found) -> Option<String> {
    let (name, language) = (found.all(), found.language());
    if !found.stands_alone() || found.next().is_some_and(|c| "+#&@".contains(c)) {
        return None;
    }
    if let Some((_, chinese, english)) = NAMES.iter().find(|(written, ..)| *written == name) {
        return Some(if language == Language::Chinese { chinese } else { english }.to_string());
    }
    let plus = if language == Language::Chinese { "加" } else { " plus" };
    if let Some(letter) = name.strip_suffix('+') {
        // It may be a group of blood.
        let typed = ["type ", "Type ", "group "].iter().any(|word| found.before().ends_with(word));
        if language == Language::English && (typed || found.after().starts_with(" blood")) {
            return Some(format!("{letter} positive"));
        }
        return found.next().is_none_or(|c| !c.is_ascii_digit()).then(|| format!("{letter}{plus}"));
    }
    if let Some(letter) = name.strip_suffix('#') {
        return Some(format!("{letter} sharp"));
    }
    let (before, after) = name.split_once('&')?;
    Some(format!("{before} and {after}"))
}
