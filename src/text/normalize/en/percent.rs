//! Percentages in English.

use super::amount::{Amount, begins};
use crate::text::normalize::rule::{Found, Rule, rule};

pub const RULES: &[Rule] = &[
    rule("percent", "(?P<from>[+-]?{number}) ?% ?[-–—~] ?(?P<to>[+-]?{number}) ?(?P<sign>%)", range),
    rule("percent", "{amount} ?(?P<sign>[%‰‱])(?:-(?P<ahead>[a-z]))?", percent),
];

fn percent(found: &Found) -> Option<String> {
    let amount = Amount::of(found.get("amount"))?;
    begins(found).then(|| format!("{} {}", amount.words, name(found.get("sign"))))
}

fn range(found: &Found) -> Option<String> {
    let (from, to) = (Amount::of(found.get("from"))?, Amount::of(found.get("to"))?);
    begins(found).then(|| format!("{} {}", Amount::range(&from, &to).words, name(found.get("sign"))))
}

fn name(sign: &str) -> &'static str {
    match sign {
        "‰" => "per mille",
        "‱" => "per ten thousand",
        _ => "percent",
    }
}
