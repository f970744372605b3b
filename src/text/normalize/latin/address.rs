//! E-mail and web addresses.

use super::initialism::said_as_word;
use super::spell::{has_vowel, join, spell, split_words};
use crate::text::Language;
use crate::text::normalize::numbers::Numbers;
use crate::text::normalize::rule::Found;

pub const EMAIL: &str =
    r"(?:mailto:)?[A-Za-z0-9][A-Za-z0-9._%\+-]{0,63}@(?:[A-Za-z0-9-]{1,63}\.){1,5}[A-Za-z]{2,12}";

/// An address ends with a letter, a digit or a sign that ends no sentence.
pub const WITH_SCHEME: &str = r"(?i-u:(?:https?|ftp|wss?|file)://|www[0-9]?\.)[-A-Za-z0-9._~:/?#@!$&'()\*\+,;=%]{0,250}[-A-Za-z0-9_~/#=&\+%]";

/// A name with a common ending, and what may follow it.
pub const DOMAIN: &str = concat!(
    r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,40})\.){1,5}",
    r"(?:com|org|net|edu|gov|mil|io|ai|co|cn|uk|de|jp|fr|ru|eu|au|ca|kr|tw|hk|us|info|biz|tv|app|dev|xyz|",
    r"top|club|shop|site|online|blog|gg|fm|ly|cc|me|COM|ORG|NET|EDU|GOV|IO|AI|CN)",
    r"(?::[0-9]{1,5})?(?:/(?:[-A-Za-z0-9._~:/?#@!$&'()\*\+,;=%]{0,200}[-A-Za-z0-9_~/#=&\+%])?)?",
);

/// Signs in addresses and file names, in Chinese and in English.
const SIGNS: &[(char, &str, &str)] = &[
    ('.', "点", "dot"),
    ('@', "艾特", "at"),
    ('/', "斜杠", "slash"),
    ('\\', "反斜杠", "backslash"),
    ('-', "杠", "dash"),
    ('_', "下划线", "underscore"),
    (':', "冒号", "colon"),
    ('?', "问号", "question mark"),
    ('=', "等于", "equals"),
    ('&', "和", "and"),
    ('#', "井号", "hash"),
    ('%', "百分号", "percent"),
    ('+', "加", "plus"),
    ('~', "波浪号", "tilde"),
    ('!', "感叹号", "exclamation mark"),
    ('$', "美元", "dollar"),
    ('*', "星号", "star"),
    (',', "逗号", "comma"),
    (';', "分号", "semicolon"),
];

/// Words that have vowels and are spelled all the same.
const SPELLED: &[&str] = &[
    "io", "ai", "uk", "us", "eu", "au", "ca", "de", "hk", "fm", "ly", "tv", "py", "api", "url", "faq", "ip",
    "id", "ui", "php", "exe", "avi", "iso", "apk", "aac", "ini", "ios", "usa", "ibm", "aol", "ieee", "acm",
    "cia", "fbi", "nyu", "ucla", "bbc", "edu.cn", "sql",
];

/// Endings that are said, in capitals too.
const ENDINGS: &[&str] = &["COM", "ORG", "NET", "GOV", "EDU"];

pub fn email(found: &Found) -> Option<String> {
    if !found.stands_alone() || found.previous().is_some_and(|c| "._%+-".contains(c)) {
        return None;
    }
    let address = found.all();
    speak(address.strip_prefix("mailto:").unwrap_or(address), found.numbers())
}

pub fn web(found: &Found) -> Option<String> {
    if !found.stands_alone() || found.previous().is_some_and(|c| "@._-".contains(c)) {
        return None;
    }
    // "U.S.Co", "3.5.me": a name of nothing but digits and single letters is no address.
    let domain = found.all().split(['/', ':']).next().unwrap_or_default();
    let named = domain.split('.').rev().skip(1).any(|label| label.len() > 1 || domain.len() < 6);
    let numeric = domain.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    (found.all().contains("//") || named && !numeric).then(|| speak(found.all(), found.numbers()))?
}

/// Reads an address or a file name: words as words, signs by their names, digits one by one.
pub fn speak(text: &str, numbers: &Numbers) -> Option<String> {
    let mut parts: Vec<String> = Vec::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let letters = rest.bytes().take_while(|b| b.is_ascii_alphanumeric()).count();
        let (word, after) = rest.split_at(if letters > 0 { letters } else { c.len_utf8() });
        if letters > 0 {
            parts.extend(split_words(word).into_iter().map(|word| say(word, numbers)));
        } else if let Some((_, chinese, english)) = SIGNS.iter().find(|(sign, ..)| *sign == c) {
            parts.push(if numbers.language == Language::Chinese { chinese } else { english }.to_string());
        }
        rest = after;
    }
    (!parts.is_empty()).then(|| join(&parts))
}

/// Reads a word of an address.
fn say(word: &str, numbers: &Numbers) -> String {
    if word.bytes().all(|b| b.is_ascii_digit()) {
        return (numbers.digits)(word);
    }
    let lower = word.to_ascii_lowercase();
    let capitals = word.len() > 1 && word.len() < 6 && word.bytes().all(|b| b.is_ascii_uppercase());
    let spelled = word.len() > 1 && word.len() < 8 && !has_vowel(word) || SPELLED.contains(&&*lower);
    if spelled || capitals && !said_as_word(word) && !ENDINGS.contains(&word) {
        spell(word)
    } else {
        word.to_string()
    }
}

#[cfg(test)]
mod tests {
    use crate::text::normalize::latin::testing::{check, chinese, english};

    #[test]
    fn addresses_are_read_sign_by_sign() {
        check(
            english,
            &[
                ("john.doe@gmail.com", "john dot doe at gmail dot com"),
                ("Mail info@example.org.", "Mail info at example dot org."),
                ("a_b-c+d@mail.co.uk", "a underscore b dash c plus d at mail dot co dot U K"),
                ("bob99@yahoo.com", "bob nine nine at yahoo dot com"),
                ("mailto:me@x.io", "me at x dot I O"),
                ("Write to support@company.com, please.", "Write to support at company dot com, please."),
                ("(jane@site.net)", "jane at site dot net,"),
                ("user@localhost", "user at localhost"),
                ("www.google.com", "W W W dot google dot com"),
                ("Visit www.example.com.", "Visit W W W dot example dot com."),
                ("See example.com, or not.", "See example dot com, or not."),
                ("https://example.com", "H T T P S colon slash slash example dot com"),
                (
                    "https://www.example.com/a-b?x=1",
                    "H T T P S colon slash slash W W W dot example dot com slash a dash b question mark x equals one",
                ),
                ("http://a.org/", "H T T P colon slash slash a dot org slash"),
                ("github.com/foo_bar", "github dot com slash foo underscore bar"),
                (
                    "openai.com/api?key=a&b=c",
                    "openai dot com slash A P I question mark key equals a and b equals c",
                ),
                ("socket.io", "socket dot I O"),
                ("BBC.co.uk", "B B C dot co dot U K"),
                ("Amazon.com Inc", "Amazon dot com incorporated"),
                ("ftp://files.net/x.zip!", "F T P colon slash slash files dot net slash x dot zip."),
                ("at x.com:8080", "at x dot com colon eight zero eight zero"),
                ("WWW.EXAMPLE.COM", "W W W dot EXAMPLE dot COM"),
                ("It ended.Come on", "It ended dot Come on"),
                ("the end. com", "the end. com"),
            ],
        );
    }

    #[test]
    fn addresses_in_chinese_have_chinese_signs() {
        check(
            chinese,
            &[
                ("请发到john.doe@gmail.com。", "请发到john点doe艾特gmail点com。"),
                ("邮箱是zhang_san-1@qq.com", "邮箱是zhang下划线san杠一艾特Q Q点com"),
                ("网址www.baidu.com", "网址W W W点baidu点com"),
                ("打开https://a.cn/b?x=1看看", "打开H T T P S冒号斜杠斜杠a点C N斜杠b问号x等于一看看"),
                ("访问github.com，谢谢", "访问github点com，谢谢"),
            ],
        );
    }
}
