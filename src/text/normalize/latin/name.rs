//! Names with signs in them, of things that programmers and shoppers know.

use crate::text::Language;
use crate::text::normalize::rule::Found;
use crate::text::normalize::table::{self, Table, value};

pub const NAME: &str = r"(?:{name}|[A-GJcf]#|[A-Z]&[A-Z]|[A-Z]\+)";

/// Names as they are written, in Chinese and in English.
static NAMES: Table<(&str, &str, &str)> = Table::new("latin/names", table::triple);

pub fn name(found: &Found) -> Option<String> {
    let name = found.all();
    (found.stands_alone() && !found.next().is_some_and(|c| "+#&@".contains(c))).then_some(())?;
    if let Some((_, chinese, english)) = NAMES.iter().find(|(written, ..)| *written == name) {
        return value(found.either(chinese, english)).filter(|_| !found.goes_on("/.-")).map(str::to_string);
    }
    if let Some(letter) = name.strip_suffix('+') {
        // It may be a group of blood.
        let typed = ["type ", "Type ", "group "].iter().any(|word| found.before().ends_with(word));
        if found.language() == Language::English && (typed || found.after().starts_with(" blood")) {
            return Some(format!("{letter} positive"));
        }
        return found
            .next()
            .is_none_or(|c| !c.is_ascii_digit())
            .then(|| format!("{letter}{}", found.either("加", " plus")));
    }
    if let Some(letter) = name.strip_suffix('#') {
        return Some(format!("{letter} sharp"));
    }
    let (before, after) = name.split_once('&')?;
    Some(format!("{before} and {after}"))
}
