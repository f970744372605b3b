//! Units of measure: how they are written, and what one of them is called.

use std::collections::HashMap;
use std::sync::OnceLock;

use crate::text::normalize::table::{self, Table};

static UNITS: Table<(&str, &str)> = Table::new("units", |cells| match cells {
    [written, one, ..] => Some((table::value(written)?, table::value(one)?)),
    _ => None,
});

/// Units that are only written in one place: after a slash, or after a short power, as in sq. feet.
static PLACED: Table<(&str, &str, &str)> = Table::new("en/units", table::triple);

/// Words before a unit of length that make an area or a volume of it.
const POWERS: &[(&str, &str)] = &[("sq", "square "), ("cu", "cubic "), ("fl", "fluid ")];

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
    let in_full = || placed("power", written).filter(|_| before.is_some());
    let name = units().get(written).copied().or_else(in_full)?;
    // A square second is none that one could see.
    if name == "second" && !power.is_empty() {
        return Some(format!("second {}", if power == "square " { "squared" } else { "cubed" }));
    }
    Some(format!("{power}{name}"))
}

/// Returns the name of a unit after a slash: $5/mo, km/h; a word in full is itself.
pub fn per(written: &str) -> Option<String> {
    if let Some(name) = placed("slash", written).map(str::to_string).or_else(|| name(written)) {
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

/// Returns the name of a unit that is only written in one place.
fn placed(place: &str, written: &str) -> Option<&'static str> {
    let is = |forms: &'static str| table::forms(forms).any(|form| form == written);
    PLACED.iter().find(|(forms, _, after)| *after == place && is(forms)).map(|(_, name, _)| *name)
}
