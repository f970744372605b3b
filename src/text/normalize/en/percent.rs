//! Percentages in English.

use super::amount::{Amount, begins};
use crate::text::normalize::rule::{Found, Rule};

pub const RULES: &[Rule] = &[
    Rule {
        name: "percent",
        pattern: concat!(
            "(?P<from>[+-]?",
            number!(),
            r") ?% ?[-–—~] ?(?P<to>[+-]?",
            number!(),
            ") ?(?P<sign>%)"
        ),
        read: range,
    },
    Rule {
        name: "percent",
        pattern: concat!(amount!(), " ?(?P<sign>[%‰‱])(?:-(?P<ahead>[a-z]))?"),
        read: percent,
    },
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

#[cfg(test)]
mod tests {
    use crate::text::normalize::en::tests::check;

    #[test]
    fn percentages() {
        check(&[
            ("50%", "fifty percent"),
            ("1%", "one percent"),
            ("100 %", "one hundred percent"),
            ("0.5%", "zero point five percent"),
            (".5%", "point five percent"),
            ("-3%", "minus three percent"),
            ("+2.5%", "plus two point five percent"),
            ("10-20%", "ten to twenty percent"),
            ("10–20 %", "ten to twenty percent"),
            ("10%-20%", "ten to twenty percent"),
            ("1,000%", "one thousand percent"),
            ("5‰", "five per mille"),
            ("12½%", "twelve and a half percent"),
            ("５０％", "fifty percent"),
            ("Sales rose 12.5% in May.", "Sales rose twelve point five percent in May."),
            ("(up 3%)", "up three percent,"),
            ("a 20%-off sale", "a twenty percent off sale"),
            ("It fell by 0.25%, then by 1%.", "It fell by zero point two five percent, then by one percent."),
        ]);
    }
}
