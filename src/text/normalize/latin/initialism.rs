//! Words in capitals: letter by letter, or as a word.

use super::spell::{has_vowel, spell, split_words};
use super::words::{COMMON, MIXED as SAID_MIXED, SAID, SPELLED};
use crate::text::Language;
use crate::text::normalize::rule::Found;

/// The hyphen before a number is not heard: `GPT-4`.
pub const CAPITALS: &str = r"(?P<word>[A-Z]{2,12})(?P<plural>s)?(?:-(?P<ahead>[0-9]))?";

/// Small letters with capitals behind them, or capitals with small letters behind them.
pub const MIXED: &str =
    r"(?P<word>[A-Za-z]{0,24}(?:[a-z][A-Z]{2}|[A-Z]{2}[a-z])[A-Za-z]{0,24})(?:-(?P<ahead>[0-9]))?";

/// From here on a word in capitals with vowels is said.
const LONG: usize = 5;

/// Tells whether a word in capitals is said rather than spelled, whatever stands around it.
pub fn said_as_word(word: &str) -> bool {
    let long = word.len() >= LONG && has_vowel(word) && !SPELLED.contains(word);
    SAID.contains(word) || COMMON.contains(word) || long
}

/// Reads a word of a name: spelled if it is an initialism.
pub fn said(word: &str) -> String {
    let (capitals, plural) = match word.strip_suffix('s') {
        Some(capitals) if capitals.len() > 1 => (capitals, "s"),
        _ => (word, ""),
    };
    let initialism = capitals.len() > 1 && capitals.bytes().all(|b| b.is_ascii_uppercase());
    if initialism && !said_as_word(capitals) { spell(capitals) + plural } else { word.to_string() }
}

pub fn capitals(found: &Found) -> Option<String> {
    if found.previous().is_some_and(|c| c.is_ascii_alphabetic())
        || found.next().is_some_and(|c| c.is_ascii_alphabetic())
    {
        return None;
    }
    let word = found.get("word");
    let shouted = found.language() == Language::English && is_shouted(found);
    let spelled = match SPELLED.contains(word) {
        true => {
            let a_word = shouted && matches!(word, "IT" | "US" | "WHO" | "AM" | "LA" | "BIT" | "SAP");
            !(a_word || is_verb(found))
        }
        false => !said_as_word(word) && (!shouted || !has_vowel(word)),
    };
    let hyphen = found.all().ends_with('-');
    match (spelled, hyphen) {
        (true, _) => Some(spell(word) + found.get("plural")),
        (_, true) => Some(word.to_string() + found.get("plural")),
        _ => None,
    }
}

/// Tells whether it is the verb of `I AM`, which is no time of the day.
fn is_verb(found: &Found) -> bool {
    found.get("word") == "AM" && found.before().ends_with("I ")
}

/// Tells whether the words around it are in capitals too; other initialisms do not count.
fn is_shouted(found: &Found) -> bool {
    let words = |text: &str| -> Vec<bool> {
        let long = text.split(|c: char| !c.is_ascii_alphabetic()).filter(|word| word.len() > 2);
        let capital = |word: &str| word.bytes().all(|b| b.is_ascii_uppercase());
        long.filter(|word| !capital(word) || said_as_word(word)).map(capital).collect()
    };
    let sentence = |c: char| matches!(c, '.' | '!' | '?' | '\n');
    let before = words(found.before().rsplit(sentence).next().unwrap_or_default());
    let after = words(found.after().split(sentence).next().unwrap_or_default());
    let near: Vec<bool> = before.iter().rev().take(2).chain(after.iter().take(2)).copied().collect();
    !near.is_empty() && near.iter().all(|capital| *capital)
}

pub fn mixed(found: &Found) -> Option<String> {
    let word = found.get("word");
    if !found.stands_alone() && found.next().is_none_or(|c| !c.is_ascii_digit()) || SAID_MIXED.contains(&word)
    {
        return None;
    }
    // "McDONALD" and "YouTube" have no initialism in them.
    let parts: Vec<String> = split_words(word).into_iter().map(said).collect();
    let spoken = parts.join(" ");
    let changed = parts.concat() != word;
    match (changed, found.all().ends_with('-')) {
        (true, _) => Some(spoken),
        (false, true) => Some(word.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use crate::text::normalize::latin::testing::{check, chinese, english};

    #[test]
    fn initialisms_are_spelled() {
        check(
            english,
            &[
                ("FBI", "F B I"),
                ("The CEO of IBM", "The C E O of I B M"),
                ("USA", "U S A"),
                ("HTML and CSS", "H T M L and C S S"),
                ("CEOs", "C E Os"),
                ("the FBI's case", "the F B Is case"),
                ("NASA and NATO", "NASA and NATO"),
                ("UNESCO, UNICEF, OPEC", "UNESCO, UNICEF, OPEC"),
                ("a JPEG file", "a JPEG file"),
                ("GPT-4", "G P T four"),
                ("COVID-19", "COVID nineteen"),
                ("GPUs and CPUs", "G P Us and C P Us"),
                ("the IT department", "the I T department"),
                ("US troops", "U S troops"),
                ("THIS IS A TEST", "THIS IS A TEST"),
                ("GIVE IT TO US NOW", "GIVE IT TO US NOW"),
                ("THE FBI IS HERE", "THE F B I IS HERE"),
                ("I am NOT happy", "I am NOT happy"),
                ("It is VERY GOOD", "It is VERY GOOD"),
                ("I REALLY mean it", "I REALLY mean it"),
                ("STOP!", "STOP."),
                ("OK", "OK"),
                ("I AM HERE", "I AM HERE"),
                ("MP3", "M P three"),
                ("A TV show", "A T V show"),
                ("UCLA students", "U C L A students"),
                ("a PIN code", "a PIN code"),
                ("his PhD", "his P H D"),
                ("Vitamin C", "Vitamin C"),
                ("XML", "X M L"),
                ("HTTPS", "H T T P S"),
                ("USB-C", "U S B C"),
                ("CD-ROM", "C D ROM"),
                ("TCP/UDP", "T C P U D P"),
                ("DNA test", "D N A test"),
            ],
        );
    }

    #[test]
    fn capitals_inside_a_word_are_spelled() {
        check(
            english,
            &[
                ("ChatTTS", "Chat T T S"),
                ("ChatGPT", "Chat G P T"),
                ("iOS", "i O S"),
                ("macOS", "mac O S"),
                ("iPhone, iPad", "iPhone, iPad"),
                ("eBay and YouTube", "eBay and YouTube"),
                ("GitHub", "GitHub"),
                ("MySQL", "My S Q L"),
                ("PostgreSQL", "Postgre S Q L"),
                ("OpenAI", "Open A I"),
                ("McDonald", "McDonald"),
                ("JavaScript", "JavaScript"),
                ("PyTorch", "PyTorch"),
                ("IPv6", "IPv six"),
                ("LaTeX", "LaTeX"),
                ("HTMLElement", "H T M L Element"),
                ("DeepSeek-V3", "DeepSeek V three"),
                ("ChatGPT-4", "Chat G P T four"),
                ("WeChat", "WeChat"),
                ("LinkedIn", "LinkedIn"),
            ],
        );
    }

    #[test]
    fn initialisms_in_chinese_are_spelled() {
        check(
            chinese,
            &[
                ("CEO说", "C E O说"),
                ("下载APP", "下载APP"),
                ("他是VIP", "他是V I P"),
                ("做PPT去KTV", "做P P T去K T V"),
                ("NBA总决赛", "N B A总决赛"),
                ("OK的", "OK的"),
                ("DIY手工", "D I Y手工"),
                ("AI技术", "A I技术"),
                ("IT行业", "I T行业"),
                ("我国GDP", "我国G D P"),
                ("加入WTO", "加入W T O"),
                ("NASA发射", "NASA发射"),
                ("用ChatTTS合成", "用Chat T T S合成"),
                ("iOS系统", "i O S系统"),
                ("GPT-4模型", "G P T四模型"),
                ("MP3播放器", "M P三播放器"),
                ("T恤", "T恤"),
                ("买iPhone", "买iPhone"),
                ("CEO和CFO", "C E O和C F O"),
            ],
        );
    }
}
