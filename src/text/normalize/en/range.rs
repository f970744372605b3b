//! From one number to another.

use super::amount::last_word;
use super::context::next_word;
use super::date::is_month;
use super::number::number;
use crate::text::normalize::rule::{Found, Rule, is_digit, is_small, rule};

/// The second number is left to the rules that know what follows it, such as a unit.
pub const RULES: &[Rule] =
    &[rule("range", "(?P<from>{count})(?P<percent>%)?(?P<dash> ?[–—~] ?|-| - )(?P<ahead>{count})", range)];

fn range(found: &Found) -> Option<String> {
    let (from, dash) = (found.get("from"), found.get("dash"));
    let text = found.after();
    // All of the second number, and what follows it.
    let rest = text.trim_start_matches(is_digit);
    let fraction = rest.strip_prefix(['.', ',']).filter(|rest| rest.starts_with(is_digit));
    let rest =
        fraction.map_or(rest, |rest| rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == ','));
    let to = text.get(..text.len() - rest.len())?.replace(',', "");
    let (first, last): (f64, f64) = (from.replace(',', "").parse().ok()?, to.parse().ok()?);
    let mut next = rest.chars();
    let part = match (next.next(), next.next()) {
        // Children of 10-12-year-old.
        (Some('-'), Some(c)) if c.is_ascii_lowercase() => false,
        (Some('-' | '–' | '/' | '.' | ':'), Some(c)) => c.is_ascii_digit() || c.is_ascii_alphabetic(),
        (Some('='), _) | (Some(' '), Some('=')) => true,
        _ => false,
    };
    let inside = !found.starts_apart("-–./,+*^_:\\");
    // "pp.3-5".
    let short = found.before().strip_suffix('.').is_some_and(|rest| rest.ends_with(is_small));
    let inside = inside && !short;
    let zeros = from.len() > 1 && from.starts_with('0') && !from.contains('.');
    let backward = first == last || first > last && (dash.contains(' ') || first >= 100.0);
    let label = ["table", "figure", "fig", "exhibit", "section"].contains(&&*last_word(found.before()));
    let backward = backward || label && first > last;
    (!part && !inside && !zeros && !backward).then_some(())?;
    // Version 1.2 - 20 June 2004
    (!(dash.contains(' ') && rest.starts_with(' ') && is_month(next_word(rest)))).then_some(())?;
    let spoken = number(from)?;
    let percent = if found.has("percent") { " percent" } else { "" };
    Some(format!("{spoken}{percent} to"))
}
