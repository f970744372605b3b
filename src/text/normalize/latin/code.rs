//! Things that programs write: versions of packages, placeholders, the bars of a summary of changes.

use super::spell::{has_vowel, join, read_words, spell};
use crate::text::normalize::rule::{Found, is_digit, is_letter};

/// `1:2.30.2-1`, `2.0~rc1-1+deb12u1`
pub const PACKAGE: &str = concat!(
    r"(?:(?P<epoch>[0-9]{1,2}):)?(?P<version>[0-9]{1,8}(?:\.[0-9]{1,8}){1,5})(?P<tag>(?:alpha|beta|rc|pre|dev|[ab])[0-9]{0,3})?",
    r"(?P<rest>(?:[~\+-][0-9A-Za-z]{1,20}(?:\.[0-9A-Za-z]{1,12}){0,3}){0,4})",
);

/// `%1$s`, `%2$08.3f`
pub const PLACEHOLDER: &str =
    r"%(?P<n>[0-9]{1,2})\$[-\+ #]{0,2}[0-9]{0,2}(?:\.[0-9]{1,2})?(?P<letters>l{0,2}[A-Za-z@])";

/// `00:1A:2B:3C:4D:5E`
pub const HARDWARE: &str = "(?:[0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}|(?:[0-9A-F]{2}-){5}[0-9A-F]{2}";

/// `192.168.0.1:8080`, `10.0.0.0/8`
pub const IP_ADDRESS: &str =
    r"(?P<ip>[0-9]{1,3}(?:\.[0-9]{1,3}){3})(?::(?P<port>[0-9]{1,5}))?(?:/(?P<mask>[0-9]{1,2}))?";

/// `fe80::1`, `2001:db8:0:1::7`
pub const LONG_ADDRESS: &str = "(?:[0-9A-Fa-f]{1,4}:){1,7}(?::?[0-9A-Fa-f]{1,4}){1,7}";

/// `0x7f`
pub const HEXADECIMAL: &str = "0[xX][0-9A-Fa-f]{1,16}";

/// `10 ++++---`
pub const CHANGES: &str = r"(?P<lines>[0-9]{1,6}) [\+-]{1,80}";

/// Reads the version of a package; the number behind the dash is that of the packager.
pub fn package(found: &Found) -> Option<String> {
    let (version, tag, rest) = (found.get("version"), found.get("tag"), found.get("rest"));
    let letters = rest.bytes().any(|b| b.is_ascii_alphabetic());
    // 10.0.0.1-10.0.0.9
    let range = !letters && rest.contains('.');
    // 2.0~rc1, but 5.5~5.6g
    let is_candidate = rest.split('~').skip(1).any(|part| part.starts_with(is_letter));
    let release = found.after().strip_prefix(") ").and_then(|rest| rest.split_whitespace().next());
    let bracketed = found.before().ends_with('(') && release.is_some_and(|word| word.ends_with(';'));
    let parts = version.matches('.').count() > 1 && !rest.is_empty();
    let meant = parts || tag.len() > 1 || is_candidate || bracketed && !rest.is_empty();
    (found.stands_alone()
        && (!range || bracketed)
        && meant
        && !found.previous().is_some_and(|c| "$€£¥.:/-".contains(c)))
    .then_some(())?;
    let mut parts = Vec::new();
    if found.has("epoch") {
        parts.push((found.numbers().digits)(found.get("epoch")));
        parts.push(found.either("冒号", "colon").into());
    }
    let text = format!("{version}{tag}{rest}");
    let mut rest = text.as_str();
    while let Some(sign) = rest.chars().next() {
        let word = rest.bytes().take_while(u8::is_ascii_alphanumeric).count();
        let (head, tail) = rest.split_at(word.max(1));
        let number = tail.starts_with(is_digit);
        match sign {
            '.' => parts.push(found.either("点", "point").into()),
            '-' if number => parts.push(found.either("杠", "dash").into()),
            '+' => parts.push(found.either("加", "plus").into()),
            '~' | '-' => {}
            _ => parts.extend(read_words(
                head,
                |number| found.numbers().number(number),
                |word| if has_vowel(word) && word.len() > 1 { word.into() } else { spell(word) },
            )),
        }
        rest = tail;
    }
    Some(join(&parts))
}

/// Reads the address of a card of the network, two characters after another.
pub fn hardware(found: &Found) -> Option<String> {
    let joined = |c: char| ":-".contains(c);
    let inside = found.previous().is_some_and(joined) || found.next().is_some_and(joined);
    let pairs: Vec<String> = found.all().split([':', '-']).map(|pair| told(pair, found)).collect();
    let pause = found.either("，", ", ");
    (found.stands_alone() && !inside).then(|| pairs.join(pause))
}

/// Reads an address of the internet, its port and how many bits are those of the network.
pub fn ip_address(found: &Found) -> Option<String> {
    let parts: Vec<&str> = found.get("ip").split('.').collect();
    let small = parts.iter().all(|part| part.parse::<u32>().is_ok_and(|n| n < 256));
    let apart = found.stands_alone() && found.starts_apart("./$€£#=") && !found.goes_on(".");
    // 12.3.2.3. begins a chapter.
    let heads = found.before().trim_end_matches(' ').is_empty() || found.before().ends_with('\n');
    let chapter =
        heads && found.after().starts_with(". ") || found.after().trim_start().starts_with(['节', '節']);
    (small && apart && !chapter).then_some(())?;
    let parts: Vec<String> = parts.into_iter().map(|part| told(part, found)).collect();
    let mut spoken = parts.join(found.either("点", " dot "));
    if found.has("port") {
        spoken = spoken + found.either("，", " colon ") + &told(found.get("port"), found);
    }
    if found.has("mask") {
        spoken = spoken + found.either("，", " slash ") + &found.numbers().number(found.get("mask"));
    }
    Some(spoken)
}

/// Reads an address of the sixth version of the internet protocol.
pub fn long_address(found: &Found) -> Option<String> {
    let text = found.all();
    let colons = text.matches(':').count();
    let meant = text.matches("::").count() == 1 && text.bytes().any(|b| b.is_ascii_digit())
        || colons == 7 && !text.contains("::");
    (found.stands_alone() && meant && found.next() != Some(':') && !found.before().ends_with([':', '.']))
        .then_some(())?;
    let colon = found.either("冒号", "colon");
    let mut parts = Vec::new();
    for (i, group) in text.split(':').enumerate() {
        if i > 0 {
            parts.push(colon.to_string());
        }
        if !group.is_empty() {
            parts.push(told(group, found));
        }
    }
    Some(join(&parts))
}

/// Reads a number to the base of sixteen.
pub fn hexadecimal(found: &Found) -> Option<String> {
    let zero = (found.numbers().digits)("0");
    let digits = told(found.all().get(2..)?, found);
    found.stands_alone().then(|| join(&[zero, "X".into(), digits]))
}

/// Tells letters and digits one by one; zero is the letter in English.
fn told(text: &str, found: &Found) -> String {
    join(&read_words(text, |digits| (found.numbers().digits)(digits).replace("zero", "o"), spell))
}

/// Reads where a program puts one of several values.
pub fn placeholder(found: &Found) -> Option<String> {
    let percent = found.either("百分号", "percent");
    Some(join(&[percent.into(), found.numbers().number(found.get("n")), found.get("letters").into()]))
}

/// Reads how many lines of a file were changed; the bar behind it is for the eye.
pub fn changes(found: &Found) -> Option<String> {
    let ends = found.next().is_none_or(char::is_whitespace);
    let pause = found.either("，", ",");
    (ends && found.before().trim_end().ends_with('|'))
        .then(|| found.numbers().number(found.get("lines")) + pause)
}
