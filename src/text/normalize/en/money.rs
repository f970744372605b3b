//! Money and percentages in English.

use super::amount::{Amount, begins, ends, is_adjective, is_noun, word_after};
use super::cardinal::sign;
use super::number::{cardinal, plural};
use crate::text::normalize::numbers;
use crate::text::normalize::rule::{Found, Rule, is_capital, rule};
use crate::text::normalize::table::{self, Table, Words};

pub const RULES: &[Rule] = &[
    // $25 US
    rule("money", "(?P<sign>[+-])?(?P<currency>[$]) ?{sum}(?P<us> US)(?:(?P<ahead>[ .,;:!?)])|$)", money),
    // $20 to $30 million
    rule("money", "{shared_scale}", shared_scale),
    // Ten dollars of a country: $10 USD.
    rule("money", "(?P<sign>[+-])?(?:[A-Z]{1,2})?[$€£] ?{sum} ?(?P<currency>[A-Z]{3})", money),
    // A comma before the cents.
    rule("money", "(?P<currency>€) ?{euros}", with_comma),
    rule("money", "{sum_in_currency}", money),
    rule("money", "{euros} ?(?P<currency>€)", with_comma),
    rule("money", "(?P<sign>[+-])?{sum} ?(?P<currency>[A-Z]{1,2}[$]|[A-Z]{3}|{currency_sign})", money),
    rule("money", "(?P<number>{number}) ?(?P<cents>¢|p)", cents),
    rule("percent", "{percents} ?(?P<sign>[%‰‱])(?:-(?P<ahead>[a-z]))?", percent),
];

/// Holds how a currency is written, and the names of one, of a hundredth and of several hundredths.
struct Currency {
    written: Vec<&'static str>,
    one: &'static str,
    hundredth: Option<(&'static str, &'static str)>,
}

static CURRENCIES: Table<Currency> = Table::new("currencies", |cells| match cells {
    [written, one, hundredth, hundredths, ..] => Some(Currency {
        written: table::forms(written).collect(),
        one: table::value(one)?,
        hundredth: table::value(hundredth).zip(table::value(hundredths)),
    }),
    _ => None,
});

/// Nouns that a sum stands before in the singular.
static SINGULAR_BEFORE: Words = Words::new("en/words", "money: singular before");

fn money(found: &Found) -> Option<String> {
    let written = found.get("currency").trim_end_matches([' ', '.']).replace(' ', "");
    // A company of the country is no money of it.
    let country = found.has("us") && !is_noun(word_after(found));
    (!found.has("us") || country).then_some(())?;
    let currency = currency(if country { "US$" } else { &written })?;
    // EUR/USD 1.07 is a rate.
    let rate = found.before().strip_suffix('/').is_some_and(|word| word.ends_with(is_capital));
    (begins(found) && ends(found) && !(rate && written.len() == 3)).then_some(())?;
    let number = found.get("number");
    let spoken = if found.has("to") {
        range(found, currency)?
    } else if found.has("scale") {
        let unit = if is_adjective(found) || SINGULAR_BEFORE.contains(word_after(found)) {
            currency.one.to_string()
        } else {
            plural(currency.one)
        };
        format!("{} {} {unit}", Amount::of(number)?.words, scale(found.get("scale"))?)
    } else {
        whole(number, currency, found)?
    };
    let sign = if found.has("inner") { "minus " } else { sign(found) };
    Some(format!("{sign}{spoken}"))
}

fn with_comma(found: &Found) -> Option<String> {
    (begins(found) && ends(found) && !found.goes_on(",.")).then_some(())?;
    whole(
        &format!("{}.{}", found.get("units").replace('.', ""), found.get("hundredths")),
        currency(found.get("currency"))?,
        found,
    )
}

fn currency(written: &str) -> Option<&'static Currency> {
    CURRENCIES.iter().find(|currency| currency.written.contains(&written))
}

fn scale(written: &str) -> Option<String> {
    let written = written.trim_start_matches([' ', '-']).to_ascii_lowercase();
    Some(numbers::scale(&written).map_or(written, |(_, english)| english.to_string()))
}

/// Reads a sum without a scale: dollars, and cents if it has them.
fn whole(number: &str, currency: &Currency, found: &Found) -> Option<String> {
    let one = currency.one;
    let Some((units, hundredths)) = number.split_once('.').filter(|_| hundredths(number, currency)) else {
        let amount = Amount::of(number)?;
        if SINGULAR_BEFORE.contains(word_after(found)) || is_adjective(found) {
            return Some(format!("{} {one}", amount.words));
        }
        return Some(amount.of_unit(one));
    };
    let units = if units.is_empty() { String::new() } else { super::amount::plain(units)? };
    let hundredths: u8 = format!("{hundredths:0<2}").parse().ok()?;
    let few = |count: &str, one: &str, many: &str| {
        Some(if count == "1" { format!("one {one}") } else { format!("{} {many}", cardinal(count)?) })
    };
    let (hundredth, several) = currency.hundredth?;
    let small = few(&hundredths.to_string(), hundredth, several)?;
    let none = units.trim_start_matches('0').is_empty();
    match (none, hundredths) {
        (_, 0) => few(if none { "0" } else { &units }, one, &plural(one)),
        (true, _) => Some(small),
        _ => Some(format!("{} {small}", few(&units, one, &plural(one))?)),
    }
}

/// Tells whether a decimal is one of hundredths: $1.50, not $1.255.
fn hundredths(number: &str, currency: &Currency) -> bool {
    let places = number.split_once('.').map_or(0, |(_, places)| places.len());
    let plain = number.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b','));
    plain && currency.hundredth.is_some() && matches!(places, 1 | 2)
}

/// Reads a range of sums: five to ten million dollars; five hundred thousand to two million dollars.
fn range(found: &Found, currency: &Currency) -> Option<String> {
    let (from, to) = (Amount::of(found.get("number"))?, Amount::of(found.get("to"))?);
    let cents = [found.get("number"), found.get("to")]
        .map(|number| number.contains('.') && hundredths(number, currency));
    if cents.contains(&true) && !found.has("scale") && !found.has("to_scale") {
        let [from, to] = [found.get("number"), found.get("to")].map(|number| whole(number, currency, found));
        return Some(format!("{} to {}", from?, to?));
    }
    let scaled = |amount: &Amount, group: &str| -> Option<String> {
        Some(match found.get(group) {
            "" => amount.words.clone(),
            written => format!("{} {}", amount.words, scale(written)?),
        })
    };
    let single = SINGULAR_BEFORE.contains(word_after(found)) || is_adjective(found);
    let unit = |of: &Currency| if single { of.one.to_string() } else { plural(of.one) };
    let other = self::currency(found.get("again"));
    // Both are named where both are written, unless they share what follows: $5-$10 million.
    let shared = found.has("to_scale") && !found.has("scale");
    let (first, second) = (scaled(&from, "scale")?, scaled(&to, "to_scale")?);
    match other.filter(|other| !shared && !single || other.one != currency.one && found.get("again") != "$") {
        Some(other) => {
            let first_unit =
                if from.is_one() && !found.has("scale") { currency.one.into() } else { unit(currency) };
            Some(format!("{first} {first_unit} to {second} {}", unit(other)))
        }
        None => Some(format!("{first} to {second} {}", unit(currency))),
    }
}

/// Reads sums that share the scale of the second: from $20 to $30 million.
fn shared_scale(found: &Found) -> Option<String> {
    let same = found.get("currency") == found.get("again");
    let value = |group: &str| found.get(group).replace(',', "").parse::<f64>().ok();
    let rises = value("number").zip(value("to")).is_some_and(|(from, to)| from < to);
    (same && rises && begins(found) && ends(found)).then_some(())?;
    let (from, to) = (Amount::of(found.get("number"))?, Amount::of(found.get("to"))?);
    let (link, scale) = (found.get("link"), scale(found.get("to_scale"))?);
    let one = currency(found.get("currency"))?.one;
    Some(format!("{} {link} {} {scale} {}", from.words, to.words, plural(one)))
}

fn cents(found: &Found) -> Option<String> {
    let number = found.get("number");
    let (one, many) = if found.get("cents") == "¢" { ("cent", "cents") } else { ("penny", "pence") };
    (begins(found) && ends(found)).then_some(())?;
    // A page, a picture of 720 lines.
    (!(one == "penny"
        && (number.len() > 2 || found.all().contains(' ') || !number.bytes().all(|b| b.is_ascii_digit()))))
    .then_some(())?;
    let amount = Amount::of(number)?;
    Some(format!("{} {}", amount.words, if amount.is_one() { one } else { many }))
}

fn percent(found: &Found) -> Option<String> {
    let name = match found.get("sign") {
        "‰" => "per mille",
        "‱" => "per ten thousand",
        _ => "percent",
    };
    let amount = Amount::of(found.get("amount"))?;
    begins(found).then(|| format!("{} {name}", amount.words))
}
