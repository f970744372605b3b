//! Money in English.

use super::amount::{Amount, begins, ends, is_adjective, word_after};
use super::number::{cardinal, decimal, plural};
use crate::text::normalize::rule::{Found, Rule};

/// The pattern of an amount of money, with a scale and perhaps up to another one.
macro_rules! sum {
    () => {
        concat!(
            "(?P<number>",
            number!(),
            r")(?P<scale>",
            scale!(),
            ")?",
            r"(?: ?[-–—~] ?(?:US)?[$£€¥]?(?P<to>",
            number!(),
            r")(?P<to_scale>",
            scale!(),
            ")?)?"
        )
    };
}
macro_rules! scale {
    () => {
        r"[ -]?(?:[Hh]undred|[Tt]housand|[Mm]illion|[Bb]illion|[Tt]rillion|[Ll]akh|[Cc]rore|mil|mln|mn|mm|bln|bn|tn)|[kKmMbBTt]"
    };
}

pub const RULES: &[Rule] = &[
    // Ten dollars of a country: $10 USD.
    Rule {
        name: "money",
        pattern: concat!(r"(?P<sign>[+-])?(?:[A-Z]{1,2})?[$€£] ?", sum!(), " ?(?P<currency>[A-Z]{3})"),
        read: money,
    },
    // A comma before the cents.
    Rule {
        name: "money",
        pattern: r"(?P<currency>[€]) ?(?P<units>[0-9]{1,3}(?:\.[0-9]{3}){0,3}),(?P<hundredths>[0-9]{2})",
        read: with_comma,
    },
    Rule {
        name: "money",
        pattern: concat!(
            r"(?P<sign>[+-])?(?P<currency>(?:[A-Z]{2} )?[A-Z]{0,3}[$](?:US|AU|CA|NZ)?|[£€¥₩₹₽₿₪₺₫฿₱₴₦]|[A-Z]{3} ?|Rs\.? ?) ?(?P<inner>-)?",
            sum!()
        ),
        read: money,
    },
    Rule {
        name: "money",
        pattern: r"(?P<units>[0-9]{1,3}(?:\.[0-9]{3}){0,3}),(?P<hundredths>[0-9]{2}) ?(?P<currency>[€])",
        read: with_comma,
    },
    // A scale that is none: $5 metal.
    Rule {
        name: "money",
        pattern: concat!(
            r"(?P<sign>[+-])?(?P<currency>(?:[A-Z]{2} )?[A-Z]{0,3}[$](?:US|AU|CA|NZ)?|[£€¥₩₹₽₿₪₺₫฿₱₴₦]) ?(?P<number>",
            number!(),
            ")"
        ),
        read: money,
    },
    Rule {
        name: "money",
        pattern: concat!(r"(?P<sign>[+-])?", sum!(), r" ?(?P<currency>[A-Z]{3}|[€£$¥₩₹₽₿₪₺₫฿₱₴₦])"),
        read: money,
    },
    Rule { name: "money", pattern: concat!("(?P<number>", number!(), ") ?(?P<cents>¢|p)"), read: cents },
];

/// Holds the written forms of a currency, the name of one, that of a hundredth and that of several
/// hundredths.
struct Currency(&'static str, &'static str, &'static str, &'static str);

/// Written forms (with spaces between them), the name of one, that of a hundredth, and of several hundredths.
#[rustfmt::skip]
const CURRENCIES: &[Currency] = &[
    Currency("$", "dollar", "cent", "cents"),
    Currency("US$ USD $US USD$", "U S dollar", "cent", "cents"),
    Currency("C$ CA$ CAD $CA CAD$", "Canadian dollar", "cent", "cents"),
    Currency("A$ AU$ AUD $AU AUD$", "Australian dollar", "cent", "cents"),
    Currency("NZ$ NZD $NZ NZD$", "New Zealand dollar", "cent", "cents"),
    Currency("HK$ HKD HKD$", "Hong Kong dollar", "cent", "cents"),
    Currency("S$ SG$ SGD SGD$", "Singapore dollar", "cent", "cents"),
    Currency("NT$ TWD", "Taiwan dollar", "cent", "cents"),
    Currency("R$ BRL", "real", "centavo", "centavos"),
    Currency("MX$ MXN", "Mexican peso", "centavo", "centavos"),
    Currency("£ GBP", "pound", "penny", "pence"),
    Currency("€ EUR", "euro", "cent", "cents"),
    Currency("¥", "yen", "", ""),
    Currency("JPY JP¥", "yen", "", ""),
    Currency("CNY RMB CN¥", "yuan", "fen", "fen"),
    Currency("₩ KRW", "won", "", ""),
    Currency("₹ INR Rs", "rupee", "paisa", "paise"),
    Currency("CHF", "Swiss franc", "centime", "centimes"),
    Currency("₽ RUB", "ruble", "kopek", "kopeks"),
    Currency("₿ BTC", "bitcoin", "", ""),
    Currency("₪ ILS", "shekel", "agora", "agorot"),
    Currency("₺", "lira", "kurus", "kurus"),
    Currency("₫ VND", "dong", "", ""),
    Currency("฿ THB", "baht", "satang", "satang"),
    Currency("₱", "peso", "centavo", "centavos"),
    Currency("₴ UAH", "hryvnia", "kopiyka", "kopiykas"),
    Currency("₦ NGN", "naira", "kobo", "kobo"),
    Currency("SEK", "Swedish krona", "ore", "ore"),
    Currency("NOK", "Norwegian krone", "ore", "ore"),
    Currency("DKK", "Danish krone", "ore", "ore"),
    Currency("PLN", "zloty", "grosz", "groszy"),
    Currency("CZK", "Czech koruna", "haler", "halers"),
    Currency("ZAR", "rand", "cent", "cents"),
    Currency("AED", "dirham", "fils", "fils"),
    Currency("SAR", "riyal", "halala", "halalas"),
    Currency("ETH", "ether", "", ""),
];

/// Short forms of scales.
const SCALES: &[(&str, &str)] = &[
    ("k", "thousand"),
    ("m", "million"),
    ("mm", "million"),
    ("mn", "million"),
    ("mil", "million"),
    ("mln", "million"),
    ("b", "billion"),
    ("bn", "billion"),
    ("bln", "billion"),
    ("t", "trillion"),
    ("tn", "trillion"),
];

/// Nouns that a sum stands before in the singular.
#[rustfmt::skip]
const SINGULAR_BEFORE: &[&str] = &[
    "bill", "bills", "note", "notes", "coin", "coins", "bond", "bonds", "check", "checks", "deal", "deals", "contract",
    "contracts", "prize", "prizes", "fine", "fines", "lawsuit", "loan", "loans", "question", "project", "projects",
    "investment", "fund", "bonus", "fee", "fees", "grant", "grants", "donation", "deficit", "bailout", "settlement",
    "mansion", "jackpot", "budget", "bounty", "ransom", "ticket", "tickets", "bid", "offer", "industry", "company",
    "reward", "package", "program", "plan", "bet", "surplus", "discount", "voucher", "rebate", "limit", "cap",
];

fn money(found: &Found) -> Option<String> {
    let written = found.get("currency").trim_end_matches([' ', '.']).replace(' ', "");
    let currency = currency(&written)?;
    if !begins(found) || !ends(found) {
        return None;
    }
    let number = found.get("number");
    let spoken = if found.has("to") {
        range(found, currency)?
    } else if found.has("scale") {
        let unit = if is_adjective(found) || SINGULAR_BEFORE.contains(&word_after(found)) {
            currency.1.to_string()
        } else {
            plural(currency.1)
        };
        format!("{} {} {unit}", Amount::of(number)?.words, scale(found.get("scale"))?)
    } else {
        whole(number, currency, found)?
    };
    let minus = found.get("sign") == "-" || found.has("inner");
    let sign = if minus {
        "minus "
    } else if found.has("sign") {
        "plus "
    } else {
        ""
    };
    Some(format!("{sign}{spoken}"))
}

fn with_comma(found: &Found) -> Option<String> {
    if !begins(found) || !ends(found) || found.after().starts_with([',', '.']) && goes_on(found.after()) {
        return None;
    }
    whole(
        &format!("{}.{}", found.get("units").replace('.', ""), found.get("hundredths")),
        currency(found.get("currency"))?,
        found,
    )
}

fn goes_on(after: &str) -> bool {
    after.chars().nth(1).is_some_and(|c| c.is_ascii_digit())
}

fn currency(written: &str) -> Option<&'static Currency> {
    CURRENCIES.iter().find(|currency| currency.0.split(' ').any(|form| form == written))
}

fn scale(written: &str) -> Option<String> {
    let written = written.trim_start_matches([' ', '-']).to_ascii_lowercase();
    let long = SCALES.iter().find(|(short, _)| *short == written).map(|(_, long)| (*long).to_string());
    Some(long.unwrap_or(written))
}

/// Reads a sum without a scale: dollars, and cents if it has them.
fn whole(number: &str, currency: &Currency, found: &Found) -> Option<String> {
    let Currency(_, one, ..) = currency;
    let Some((units, hundredths)) = number.split_once('.').filter(|_| hundredths(number, currency)) else {
        let amount = Amount::of(number)?;
        if SINGULAR_BEFORE.contains(&word_after(found)) || is_adjective(found) {
            return Some(format!("{} {one}", amount.words));
        }
        return Some(amount.of_unit(one));
    };
    let units = if units.is_empty() { String::new() } else { super::amount::plain(units)? };
    let hundredths: u8 = format!("{hundredths:0<2}").parse().ok()?;
    let few = |count: &str, one: &str, many: &str| {
        Some(if count == "1" { format!("one {one}") } else { format!("{} {many}", cardinal(count)?) })
    };
    let small = few(&hundredths.to_string(), currency.2, currency.3)?;
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
    plain && !currency.2.is_empty() && matches!(places, 1 | 2)
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
    let single = SINGULAR_BEFORE.contains(&word_after(found)) || is_adjective(found);
    let unit = if single { currency.1.to_string() } else { plural(currency.1) };
    Some(format!("{} to {} {unit}", scaled(&from, "scale")?, scaled(&to, "to_scale")?))
}

fn cents(found: &Found) -> Option<String> {
    let number = found.get("number");
    let (one, many) = if found.get("cents") == "¢" { ("cent", "cents") } else { ("penny", "pence") };
    if !begins(found) || !ends(found) {
        return None;
    }
    // A page, a picture of 720 lines.
    if one == "penny"
        && (number.len() > 2 || found.all().contains(' ') || !number.bytes().all(|b| b.is_ascii_digit()))
    {
        return None;
    }
    if let Some((whole, fraction)) = number.split_once('.') {
        return Some(format!("{} {many}", decimal(whole, fraction)?));
    }
    let amount = Amount::of(number)?;
    Some(format!("{} {}", amount.words, if amount.is_one() { one } else { many }))
}

#[cfg(test)]
mod tests {
    use crate::text::normalize::en::tests::check;

    #[test]
    fn dollars_and_cents() {
        check(&[
            ("$5", "five dollars"),
            ("$1", "one dollar"),
            ("$0", "zero dollars"),
            ("$1.01", "one dollar one cent"),
            ("$12.50", "twelve dollars fifty cents"),
            ("$12.5", "twelve dollars fifty cents"),
            ("$12.05", "twelve dollars five cents"),
            ("$0.99", "ninety nine cents"),
            ("$.50", "fifty cents"),
            ("$0.01", "one cent"),
            ("$5.00", "five dollars"),
            ("$1.00", "one dollar"),
            ("$0.125", "zero point one two five dollars"),
            ("$1,234", "one thousand two hundred and thirty four dollars"),
            ("$1,234.56", "one thousand two hundred and thirty four dollars fifty six cents"),
            ("$ 20", "twenty dollars"),
            ("-$5", "minus five dollars"),
            ("$-5", "minus five dollars"),
            ("+$3.20", "plus three dollars twenty cents"),
            ("50¢", "fifty cents"),
            ("1¢", "one cent"),
            ("50p", "fifty pence"),
            ("It costs $5.", "It costs five dollars."),
            ("I paid $20, not $30!", "I paid twenty dollars, not thirty dollars."),
            ("a $20 bill", "a twenty dollar bill"),
            ("$5-off", "five dollars off"),
            ("($7.25)", "seven dollars twenty five cents,"),
        ]);
    }

    #[test]
    fn currencies() {
        check(&[
            ("£5", "five pounds"),
            ("£1", "one pound"),
            ("£3.50", "three pounds fifty pence"),
            ("£1.01", "one pound one penny"),
            ("€10", "ten euros"),
            ("€1.20", "one euro twenty cents"),
            ("10€", "ten euros"),
            ("¥500", "five hundred yen"),
            ("¥1", "one yen"),
            ("₩1,000", "one thousand won"),
            ("₹100", "one hundred rupees"),
            ("Rs. 500", "five hundred rupees"),
            ("US$5", "five U S dollars"),
            ("USD 100", "one hundred U S dollars"),
            ("100 USD", "one hundred U S dollars"),
            ("EUR 10.50", "ten euros fifty cents"),
            ("25 EUR", "twenty five euros"),
            ("GBP 5", "five pounds"),
            ("CHF 20", "twenty Swiss francs"),
            ("C$5", "five Canadian dollars"),
            ("A$1", "one Australian dollar"),
            ("HK$10", "ten Hong Kong dollars"),
            ("R$3", "three reals"),
            ("US $5", "five U S dollars"),
            ("$US5", "five U S dollars"),
            ("$10 USD", "ten U S dollars"),
            ("$5 AUD", "five Australian dollars"),
            ("CAD$10", "ten Canadian dollars"),
            ("5,50 €", "five euros fifty cents"),
            ("€1.234,56", "one thousand two hundred and thirty four euros fifty six cents"),
            ("€1,99", "one euro ninety nine cents"),
            ("200 JPY", "two hundred yen"),
        ]);
    }

    #[test]
    fn scales_ranges_and_rates() {
        check(&[
            ("$1.5 million", "one point five million dollars"),
            ("$1 million", "one million dollars"),
            ("$3bn", "three billion dollars"),
            ("$3B", "three billion dollars"),
            ("$5M", "five million dollars"),
            ("$10k", "ten thousand dollars"),
            ("$2.5K", "two point five thousand dollars"),
            ("£1.2bn", "one point two billion pounds"),
            ("€2 trillion", "two trillion euros"),
            ("US$4.5 billion", "four point five billion U S dollars"),
            ("Rs 5 crore", "five crore rupees"),
            ("$2 mil", "two million dollars"),
            ("10 million USD", "ten million U S dollars"),
            ("a $5-million deal", "a five million dollar deal"),
            ("a $20 ticket", "a twenty dollar ticket"),
            ("$5-10", "five to ten dollars"),
            ("$5-$10", "five to ten dollars"),
            ("a $5-$10 fee", "a five to ten dollar fee"),
            ("$5 – $10", "five to ten dollars"),
            ("$5.50-$6.25", "five dollars fifty cents to six dollars twenty five cents"),
            ("$5-10 million", "five to ten million dollars"),
            ("$500k-$2m", "five hundred thousand to two million dollars"),
            ("$5/month", "five dollars per month"),
            ("$9.99/mo", "nine dollars ninety nine cents per month"),
            ("$15/hr", "fifteen dollars per hour"),
            ("€3/kg", "three euros per kilogram"),
            ("$20 per person", "twenty dollars per person"),
            ("the $64,000 question", "the sixty four thousand dollar question"),
            ("its US$5m deal", "its five million U S dollar deal"),
            ("$5 movie tickets", "five dollars movie tickets"),
            ("$3.2M in 2019", "three point two million dollars in twenty nineteen"),
        ]);
    }

    #[test]
    fn what_is_not_money() {
        check(&[("ISO 9001", "I S O nine thousand one"), ("5 $10 bills", "five ten dollar bills")]);
    }
}
