//! Addresses of machines, versions, chapters, and other mixes of letters and digits.

use super::number::{digits, integer, number};
use crate::text::normalize::rule::{Found, Rule};
use crate::text::normalize::table::Words;

pub const LATIN: &[Rule] = &[
    // No.5
    Rule { name: "code", pattern: r"(?:NO|No|no)\. ?(?<n>[0-9]{1,4})|No(?<m>[0-9]{1,4})", read: ordinal },
    Rule {
        name: "code",
        pattern: r"[Pp]\.(?<n>[0-9]{1,4})",
        read: |found| found.stands_alone().then(|| format!("第{}页", integer(found.get("n")))),
    },
    Rule { name: "code", pattern: r"(?<a>[A-Z])2(?<b>[A-Z])", read: to },
    // Vol.3, in which the point is not heard
    Rule {
        name: "code",
        pattern: r"(?<word>Vol|VOL|vol|Fig|FIG|fig|Ver|ver|Ep|EP)\. ?(?<ahead>[0-9])",
        read: |found| {
            (!found.previous().is_some_and(|c| c.is_ascii_alphanumeric()))
                .then(|| format!("{} ", found.get("word")))
        },
    },
    // Ⅷ, which has become VIII
    Rule { name: "roman", pattern: r"[IVXL]{1,7}", read: roman },
];

pub const RULES: &[Rule] = &[
    Rule {
        name: "address",
        pattern: r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?::(?<port>[0-9]{1,5}))?(?:/(?<mask>[0-9]{1,2}))?",
        read: address,
    },
    Rule { name: "version", pattern: r"[0-9]{1,6}(?:\.[0-9]{1,6}){2,6}", read: version },
    // §3.2
    Rule {
        name: "code",
        pattern: r"§ ?(?<n>[0-9]{1,3}(?:\.[0-9]{1,3}){0,3})",
        read: |found| {
            let parts: Vec<_> = found.get("n").split('.').map(integer).collect();
            Some(format!("第{}节", parts.join("点")))
        },
    },
    // 1st
    Rule {
        name: "code",
        pattern: r"(?<n>[0-9]{1,3})(?:st|nd|rd|th)",
        read: |found| found.stands_alone().then(|| format!("第{}", integer(found.get("n")))),
    },
    // ISO 9001:2015
    Rule { name: "code", pattern: r"(?<n>[0-9]{3,6})[-:](?<y>(?:19|20)[0-9]{2})", read: standard },
    // 5★
    Rule {
        name: "code",
        pattern: r"(?<n>[1-9](?:\.[0-9])?) ?[★☆⭐]",
        read: |found| found.stands_alone().then(|| number(found.get("n")) + "星"),
    },
    // 5#楼
    Rule {
        name: "code",
        pattern: r"(?<n>[0-9]{1,4})#",
        read: |found| found.stands_alone().then(|| integer(found.get("n")) + "号"),
    },
];

fn standard(found: &Found) -> Option<String> {
    let named = super::context::latin_before(found.before()).is_some();
    let alone = !found.next().is_some_and(|c| c.is_ascii_alphanumeric());
    (named && alone).then(|| format!("{}，{}", digits(found.get("n")), digits(found.get("y"))))
}

fn address(found: &Found) -> Option<String> {
    let plain = found.all().split([':', '/']).next()?;
    let goes_on =
        found.after().strip_prefix('.').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    if goes_on
        || !found.stands_alone()
        || plain.split('.').any(|part| part.parse().is_ok_and(|n: u16| n > 255))
    {
        return None;
    }
    let mut spoken = plain.split('.').map(digits).collect::<Vec<_>>().join("点");
    if found.has("port") {
        spoken += &format!("，{}", digits(found.get("port")));
    }
    if found.has("mask") {
        spoken += &format!("，{}", integer(found.get("mask")));
    }
    Some(spoken)
}

fn version(found: &Found) -> Option<String> {
    let part = |part: &str| if part.len() > 3 { digits(part) } else { integer(part) };
    let inside = found.next().is_some_and(|c| c.is_ascii_digit());
    (!inside).then(|| found.all().split('.').map(part).collect::<Vec<_>>().join("点"))
}

/// Reads B2B, in which the number is a word.
fn to(found: &Found) -> Option<String> {
    static KNOWN: Words = Words::new("zh/words", "codes: known");
    (found.stands_alone() && KNOWN.contains(found.all()))
        .then(|| format!("{} to {}", found.get("a"), found.get("b")))
}

fn ordinal(found: &Found) -> Option<String> {
    let n = if found.has("n") { found.get("n") } else { found.get("m") };
    found.stands_alone().then(|| format!("第{}", integer(n)))
}

/// Reads Roman numerals where no word can stand: 第Ⅷ章, II期.
fn roman(found: &Found) -> Option<String> {
    const AFTER: &[char] =
        &['期', '型', '级', '類', '类', '章', '部', '卷', '度', '代', '級', '篇', '区', '階', '阶'];
    let text = found.all();
    let ordinal = found.previous() == Some('第');
    let plain = text.len() > 1 || text == "I";
    let named = found.next().is_some_and(|c| AFTER.contains(&c));
    if !found.stands_alone() || !(ordinal || plain && named) {
        return None;
    }
    let value = |c: char| match c {
        'I' => 1,
        'V' => 5,
        'X' => 10,
        _ => 50u64,
    };
    let mut total = 0;
    let mut last = 0;
    for n in text.chars().rev().map(value) {
        total = if n < last { total - n.min(total) } else { total + n };
        last = last.max(n);
    }
    Some(integer(&total.to_string()))
}
