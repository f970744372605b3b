//! Units of measure: how they are written, and what one of them is called.

use std::collections::HashMap;
use std::sync::OnceLock;

use crate::text::normalize::table::{self, Table};

static UNITS: Table<(&str, &str)> = Table::new("units", |cells| match cells {
    [written, one, ..] => Some((table::value(written)?, table::value(one)?)),
    _ => None,
});

/// Units that are only written after a slash.
const ONLY_PER: &[(&str, &str)] = &[
    ("d", "day"),
    ("y", "year"),
    ("w", "week"),
    ("pp", "person"),
    ("gal", "gallon"),
    ("sq ft", "square foot"),
];

/// Words before a unit of length that make an area or a volume of it.
const POWERS: &[(&str, &str)] = &[("sq", "square "), ("cu", "cubic "), ("fl", "fluid ")];

/// Units in full, which a short power may stand before: sq. feet.
const AFTER_POWER: &[(&str, &str)] = &[
    ("foot, feet", "foot"),
    ("inch, inches", "inch"),
    ("yard, yards", "yard"),
    ("mile, miles", "mile"),
    ("meter, meters, metres", "meter"),
    ("kilometer, kilometers", "kilometer"),
    ("ounce, ounces", "ounce"),
];

/// Returns the name of one of a unit: `km²`, `cm3`, `sq. ft`.
pub fn name(written: &str) -> Option<String> {
    let (written, power) = match written.strip_suffix(['²', '2']) {
        Some(base) => (base, "square "),
        None => match written.strip_suffix(['³', '3']) {
            Some(base) => (base, "cubic "),
            None => (written, ""),
        },
    };
    let written = written.trim_end_matches('^');
    let before = POWERS.iter().find_map(|(short, long)| {
        let rest = written.strip_prefix(short)?.strip_prefix(['.', ' '])?;
        Some((rest.trim_start_matches([' ', '.']), *long))
    });
    let (written, power) = before.unwrap_or((written, power));
    let in_full = || look_up(AFTER_POWER, written).filter(|_| before.is_some());
    let name = units().get(written).copied().or_else(in_full)?;
    // A square second is none that one could see.
    if name == "second" && !power.is_empty() {
        return Some(format!("second {}", if power == "square " { "squared" } else { "cubed" }));
    }
    Some(format!("{power}{name}"))
}

/// Returns the name of a unit after a slash: $5/mo, km/h; a word in full is itself.
pub fn per(written: &str) -> Option<String> {
    if let Some(name) = look_up(ONLY_PER, written).map(str::to_string).or_else(|| name(written)) {
        return Some(name);
    }
    let word = written.len() > 2 && written.bytes().all(|b| b.is_ascii_lowercase());
    word.then(|| written.to_string())
}

/// Returns what one of a unit is called, by each way of writing it.
fn units() -> &'static HashMap<&'static str, &'static str> {
    static NAMES: OnceLock<HashMap<&str, &str>> = OnceLock::new();
    NAMES.get_or_init(|| {
        UNITS.iter().flat_map(|(written, name)| table::forms(written).map(|form| (form, *name))).collect()
    })
}

fn look_up(table: &[(&'static str, &'static str)], written: &str) -> Option<&'static str> {
    table.iter().find(|(forms, _)| forms.split(", ").any(|form| form == written)).map(|(_, name)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_units() {
        for (written, expected) in [
            ("km", Some("kilometer")),
            ("km²", Some("square kilometer")),
            ("m2", Some("square meter")),
            ("cm³", Some("cubic centimeter")),
            ("sq ft", Some("square foot")),
            ("sq. m", Some("square meter")),
            ("sq. feet", Some("square foot")),
            ("fl oz", Some("fluid ounce")),
            ("people", None),
            ("", None),
        ] {
            assert_eq!(name(written).as_deref(), expected, "{written}");
        }
        assert_eq!(per("mo").as_deref(), Some("month"));
        assert_eq!(per("user").as_deref(), Some("user"));
        assert_eq!(per("XY"), None);
    }
}
