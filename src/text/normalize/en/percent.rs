//! Percentages in English.

use super::amount::{Amount, begins};
use crate::text::normalize::rule::{Found, Rule, rule};

pub const RULES: &[Rule] = &[rule("percent", "{amounts} ?(?P<sign>[%‰‱])(?:-(?P<ahead>[a-z]))?", percent)];

fn percent(found: &Found) -> Option<String> {
    let name = match found.get("sign") {
        "‰" => "per mille",
        "‱" => "per ten thousand",
        _ => "percent",
    };
    let amount = Amount::of(found.get("amount"))?;
    begins(found).then(|| format!("{} {name}", amount.words))
}
