//! What is spoken of a number, a date or an amount says what was written.
//!
//! Each property makes a value, writes it, has it read, and parses the spoken words by grammars that share
//! nothing with the reader's.

use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed};

use super::*;

fn config() -> Config {
    Config {
        cases: 400,
        rng_seed: RngSeed::Fixed(0x2545_f491_4f6c_dd1d),
        failure_persistence: None,
        ..Config::default()
    }
}

fn english(text: &str) -> String {
    let options = NormalizeOptions { language: Some(Language::English), ..NormalizeOptions::default() };
    normalize(text, &options).text
}

fn chinese(text: &str) -> String {
    let options = NormalizeOptions { language: Some(Language::Chinese), ..NormalizeOptions::default() };
    normalize(text, &options).text
}

/// Writes a number with commas between thousands.
fn with_commas(n: u64) -> String {
    let digits = n.to_string();
    let mut written = String::new();
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            written.push(',');
        }
        written.push(c);
    }
    written
}

const ONES: [&str; 20] = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
];
const TENS: [&str; 10] =
    ["", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"];

/// Parses an English cardinal.
fn count(spoken: &str) -> Option<u64> {
    let (mut total, mut group) = (0, 0);
    for word in spoken.split([' ', ',']).filter(|word| !matches!(*word, "" | "and")) {
        let scale = match word {
            "thousand" => 1_000,
            "million" => 1_000_000,
            "billion" => 1_000_000_000,
            "trillion" => 1_000_000_000_000,
            _ => 0,
        };
        if scale > 0 {
            total += group * scale;
            group = 0;
        } else if word == "hundred" {
            group *= 100;
        } else if let Some(n) = ONES.iter().position(|one| *one == word) {
            group += n as u64;
        } else {
            group += 10 * TENS.iter().position(|ten| *ten == word)? as u64;
        }
    }
    Some(total + group)
}

/// Parses an English ordinal below a hundred.
fn rank(spoken: &str) -> Option<u64> {
    let (tens, last) = spoken.rsplit_once(' ').unwrap_or(("", spoken));
    const IRREGULAR: [(&str, u64); 6] =
        [("first", 1), ("second", 2), ("third", 3), ("fifth", 5), ("ninth", 9), ("twelfth", 12)];
    let irregular = IRREGULAR.iter().find(|(word, _)| *word == last).map(|(_, n)| *n);
    let stem = last.strip_suffix("th").unwrap_or_default();
    let regular = || {
        let stem = stem.strip_suffix("ie").map_or(stem.to_string(), |stem| format!("{stem}y"));
        count(&if stem == "eigh" { "eight".into() } else { stem })
    };
    Some(count(tens)? + irregular.or_else(regular)?)
}

/// Parses an English year: twenty twenty four, nineteen o five, two thousand one.
fn year(spoken: &str) -> Option<u64> {
    if spoken.contains("thousand") {
        return count(spoken);
    }
    let words: Vec<&str> = spoken.split(' ').collect();
    (1..words.len()).find_map(|at| {
        let (head, tail) = (count(&words[..at].join(" "))?, words[at..].join(" "));
        let tail = match tail.strip_prefix("o ") {
            Some(digit) => count(digit)?,
            None if tail == "hundred" => 0,
            None => count(&tail).filter(|n| (10..100).contains(n))?,
        };
        (10..100).contains(&head).then_some(head * 100 + tail)
    })
}

const HAN: [char; 10] = ['零', '一', '二', '三', '四', '五', '六', '七', '八', '九'];

fn digit(c: char) -> Option<u64> {
    if c == '两' { Some(2) } else { HAN.iter().position(|han| *han == c).map(|n| n as u64) }
}

/// Parses a Chinese cardinal.
fn han_count(spoken: &str) -> Option<u64> {
    for (unit, worth) in [('亿', 100_000_000), ('万', 10_000)] {
        if let Some((head, tail)) = spoken.rsplit_once(unit) {
            return Some(han_count(head)? * worth + han_count(tail)?);
        }
    }
    let (mut total, mut last) = (0, 0);
    for c in spoken.chars() {
        let worth = match c {
            '千' => 1000,
            '百' => 100,
            '十' => 10,
            c => {
                last = digit(c)?;
                continue;
            }
        };
        // 十二 begins with its unit.
        total += if last == 0 { worth } else { last * worth };
        last = 0;
    }
    Some(total + last)
}

fn han_digits(spoken: &str) -> Option<u64> {
    spoken.chars().try_fold(0, |n, c| Some(n * 10 + digit(c)?))
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn cardinals_say_what_is_written(n in prop_oneof![0u64..3000, 0u64..10_000_000, 0u64..900_000_000_000]) {
        let spoken = english(&format!("They counted {} people", with_commas(n)));
        let number = spoken.strip_prefix("They counted ").and_then(|rest| rest.strip_suffix(" people"));
        prop_assert_eq!(number.and_then(count), Some(n), "{}", spoken);
        let spoken = chinese(&format!("共有{n}人"));
        let number = spoken.strip_prefix("共有").and_then(|rest| rest.strip_suffix("人"));
        prop_assert_eq!(number.and_then(han_count), Some(n), "{}", spoken);
    }

    #[test]
    fn decimals_and_percentages_say_what_is_written(whole in 0u64..100_000, places in 0u64..100) {
        let spoken = english(&format!("a rise of {whole}.{places:02}%"));
        let number = spoken.strip_prefix("a rise of ").and_then(|rest| rest.strip_suffix(" percent"));
        let (head, tail) = number.and_then(|number| number.split_once(" point ")).unwrap_or_default();
        let digits: Vec<u64> = tail.split(' ').filter_map(count).collect();
        prop_assert_eq!((count(head), digits), (Some(whole), vec![places / 10, places % 10]), "{}", spoken);
        let spoken = chinese(&format!("下降-{whole}.{places:02}%"));
        let number = spoken.strip_prefix("下降负百分之").and_then(|rest| rest.split_once('点'));
        let (head, tail) = number.unwrap_or_default();
        let read = (han_count(head), han_digits(tail), tail.chars().count());
        prop_assert_eq!(read, (Some(whole), Some(places), 2), "{}", spoken);
    }

    #[test]
    fn dates_say_what_is_written(y in 1901u64..2099, month in 1usize..13, day in 1u64..29) {
        const MONTHS: [&str; 12] = [
            "january", "february", "march", "april", "may", "june", "july", "august", "september",
            "october", "november", "december",
        ];
        for written in [
            format!("{y}-{month:02}-{day:02}"),
            format!("{month}/{day}/{y}"),
            format!("{} {day}, {y}", &MONTHS[month - 1][..3]),
        ] {
            let spoken = english(&written);
            let (date, said) = spoken.split_once(", ").unwrap_or_default();
            let (name, ordinal) = date.split_once(' ').unwrap_or_default();
            let read = (MONTHS.iter().position(|known| *known == name), rank(ordinal), year(said));
            prop_assert_eq!(read, (Some(month - 1), Some(day), Some(y)), "{} {}", written, spoken);
        }
        for written in [format!("{y}-{month:02}-{day:02}"), format!("{y}年{month}月{day}日"), format!("{y}/{month}/{day}")] {
            let spoken = chinese(&written);
            let (said, date) = spoken.split_once('年').unwrap_or_default();
            let (name, rest) = date.split_once('月').unwrap_or_default();
            let read = (han_digits(said), han_count(name), rest.strip_suffix('日').and_then(han_count));
            prop_assert_eq!(read, (Some(y), Some(month as u64), Some(day)), "{} {}", written, spoken);
        }
    }

    #[test]
    fn sums_say_what_is_written(units in 1u64..1_000_000, cents in 1u64..100) {
        let spoken = english(&format!("It costs ${}.{cents:02}", with_commas(units)));
        let sum = spoken.strip_prefix("It costs ").and_then(|rest| rest.trim_end_matches('s').strip_suffix(" cent"));
        let (head, tail) = sum.and_then(|sum| sum.split_once(" dollar")).unwrap_or_default();
        let read = (count(head), count(tail.trim_start_matches('s').trim_start()));
        prop_assert_eq!(read, (Some(units), Some(cents)), "{}", spoken);
        let spoken = chinese(&format!("售价¥{units}.{cents:02}"));
        let sum = spoken.strip_prefix("售价").and_then(|rest| rest.strip_suffix("元"));
        let (head, tail) = sum.and_then(|sum| sum.split_once('点')).unwrap_or_default();
        prop_assert_eq!((han_count(head), han_digits(tail)), (Some(units), Some(cents)), "{}", spoken);
    }

    #[test]
    fn times_say_what_is_written(hour in 1u64..12, minute in 1u64..60) {
        let spoken = english(&format!("at {hour}:{minute:02} p.m. today"));
        let time = spoken.strip_prefix("at ").and_then(|rest| rest.strip_suffix(" p m today"));
        let (head, tail) = time.and_then(|time| time.split_once(' ')).unwrap_or_default();
        let tail = tail.strip_prefix("o ").unwrap_or(tail);
        prop_assert_eq!((count(head), count(tail)), (Some(hour), Some(minute)), "{}", spoken);
        let spoken = chinese(&format!("下午{hour}:{minute:02}开会"));
        let time = spoken.strip_prefix("下午").and_then(|rest| rest.strip_suffix("分开会"));
        let (head, tail) = time.and_then(|time| time.split_once('点')).unwrap_or_default();
        prop_assert_eq!((han_count(head), han_count(tail)), (Some(hour), Some(minute)), "{}", spoken);
    }

    #[test]
    fn fractions_and_ordinals_say_what_is_written(over in 1u64..20, under in 5u64..20, place in 1u64..100) {
        // A day that is known by its numbers.
        prop_assume!((over, under) != (9, 11));
        let spoken = english(&format!("about {over}/{under} of it"));
        let part = spoken.strip_prefix("about ").and_then(|rest| rest.strip_suffix(" of it"));
        let (head, tail) = part.and_then(|part| part.rsplit_once(' ')).unwrap_or_default();
        let tail = if over > 1 { tail.strip_suffix('s') } else { Some(tail) };
        prop_assert_eq!((count(head), tail.and_then(rank)), (Some(over), Some(under)), "{}", spoken);
        let spoken = chinese(&format!("大约{over}/{under}的人"));
        let part = spoken.strip_prefix("大约").and_then(|rest| rest.strip_suffix("的人"));
        let (below, above) = part.and_then(|part| part.split_once("分之")).unwrap_or_default();
        prop_assert_eq!((han_count(above), han_count(below)), (Some(over), Some(under)), "{}", spoken);
        let ending = match (place % 10, place % 100) {
            (_, 11..=13) => "th",
            (1, _) => "st",
            (2, _) => "nd",
            (3, _) => "rd",
            _ => "th",
        };
        let spoken = english(&format!("the {place}{ending} time"));
        let ordinal = spoken.strip_prefix("the ").and_then(|rest| rest.strip_suffix(" time"));
        prop_assert_eq!(ordinal.and_then(rank), Some(place), "{}", spoken);
    }
}
