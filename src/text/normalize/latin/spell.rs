//! Letters one by one, and words that were run together.

use crate::text::normalize::rule::is_digit;

/// Spells `FBI` as `F B I`.
pub fn spell(letters: &str) -> String {
    let mut spelled = String::with_capacity(2 * letters.len());
    for letter in letters.chars() {
        if !spelled.is_empty() {
            spelled.push(' ');
        }
        spelled.push(letter.to_ascii_uppercase());
    }
    spelled
}

/// Returns the words of `ThrowbackThursday` or `HTMLPage2`: a capital begins a word, but a row of capitals is
/// one word, and its last letter belongs to the small letters after it. Digits are words of their own.
pub fn split_words(text: &str) -> Vec<&str> {
    let bytes = text.as_bytes();
    let mut words = Vec::new();
    let mut start = 0;
    for (i, pair) in bytes.windows(2).enumerate() {
        let &[a, b] = pair else { continue };
        let at = i + 1;
        let small_after = bytes.get(at + 1).is_some_and(u8::is_ascii_lowercase);
        let begins = match (a, b) {
            (a, b) if a.is_ascii_digit() != b.is_ascii_digit() => true,
            (a, b) if a.is_ascii_lowercase() && b.is_ascii_uppercase() => true,
            // A plural `s` does not take the last capital with it.
            (a, b) if a.is_ascii_uppercase() && b.is_ascii_uppercase() && small_after => {
                bytes.get(at + 1..).is_none_or(|rest| rest != b"s")
            }
            _ => false,
        };
        if begins {
            words.extend(text.get(start..at));
            start = at;
        }
    }
    words.extend(text.get(start..).filter(|word| !word.is_empty()));
    words
}

/// Reads words that were run together: those of digits in one way, those of letters in another.
pub fn read_words(
    text: &str,
    digits: impl Fn(&str) -> String,
    letters: impl Fn(&str) -> String,
) -> Vec<String> {
    let words = split_words(text).into_iter();
    words.map(|word| if word.starts_with(is_digit) { digits(word) } else { letters(word) }).collect()
}

/// Tells whether a word has a letter that can be its vowel.
pub fn has_vowel(word: &str) -> bool {
    word.bytes().any(|b| b"aeiouyAEIOUY".contains(&b))
}

/// Joins what is said; two Han characters need no space between them.
pub fn join(parts: &[String]) -> String {
    let mut joined = String::new();
    for part in parts {
        let latin = |c: Option<char>| c.is_some_and(|c| c.is_ascii());
        if latin(joined.chars().next_back()) && latin(part.chars().next()) {
            joined.push(' ');
        }
        joined.push_str(part);
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capitals_begin_words() {
        for (text, words) in [
            ("ThrowbackThursday", "Throwback Thursday"),
            ("HTMLPage2", "HTML Page 2"),
            ("lowercase", "lowercase"),
            ("CEOs", "CEOs"),
            ("iOS", "i OS"),
            ("A1B2", "A 1 B 2"),
            ("", ""),
        ] {
            assert_eq!(split_words(text).join(" "), words);
        }
    }
}
