//! Inches, which are written as a quote: 14" is a size, unless the quote closes what was quoted.

use super::context;
use super::number::quantity;
use crate::text::normalize::rule::{Found, Rule, is_digit, is_letter_or_digit, rule};
use crate::text::normalize::table::Words;

pub const RULES: &[Rule] = &[rule("measure", r#"(?<a>[0-9]{1,3}(?:\.[0-9]{1,2})?)(?:["”]|'')"#, inches)];

/// Words after the size of a screen.
static SCREENS: Words = Words::new("zh/words", "inches: screens");
/// Words before a size.
static SIZES: Words = Words::new("zh/words", "inches: sizes");
/// The context may begin within a quotation if it is this long, in bytes.
const CUT: usize = 60;

fn inches(found: &Found) -> Option<String> {
    let joined = |c: char| c.is_ascii_alphanumeric() || "'’′.:/".contains(c);
    let after = found.after().trim_start();
    let next_size = found.before().ends_with("\"/");
    ((!found.previous().is_some_and(joined) || next_size) && !found.next().is_some_and(is_letter_or_digit))
        .then_some(())?;
    let before = found.before().trim_end_matches(' ').trim_end_matches(['为', '是', '：', ':']);
    let named = context::starts_with_any(after, &SCREENS) || context::ends_with_any(before, &SIZES);
    let before = context::sentence_before(found.before());
    let quoted = is_open(before)
        // What opens here closes again: 3"好"字.
        || closes(context::sentence_after(found.after()))
        || before.len() >= CUT && !before.contains(['"', '”']) && !named
            && context::latin_before(before).is_none();
    (!quoted || named && !is_open(before)).then(|| quantity(found.get("a")) + "英寸")
}

/// Tells whether a quotation is open at the end; quotes after a number are inches if none is.
fn is_open(before: &str) -> bool {
    let (mut open, mut previous) = (false, ' ');
    for c in before.chars() {
        match c {
            '"' if open => open = false,
            '"' => open = !previous.is_ascii_digit(),
            '“' => open = true,
            '”' => open = false,
            _ => {}
        }
        previous = c;
    }
    open
}

/// Tells whether the next quote closes something: it is no other size.
fn closes(after: &str) -> bool {
    let quote = after.find(['"', '”', '“']);
    let up_to = quote.and_then(|at| after.get(..at)).unwrap_or_default();
    let opens = up_to.ends_with([' ', '：', ':', '，', ','])
        || after.get(up_to.len()..).is_some_and(|q| q.starts_with('“'));
    quote.is_some() && !opens && !up_to.ends_with(is_digit)
}
