//! The two languages.

/// Names a language that the model speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// Mandarin.
    Chinese,
    /// English.
    English,
}

impl Language {
    /// Returns Chinese if `text` holds more Han characters than English words, else English.
    ///
    /// A word is a run of letters, digits and underscores that holds nothing but A–Z and a–z: "don't" is two
    /// words, while "a1", "uv_break", "naïve" and "a我" are none. Tags count like any text: `[laugh]` is a
    /// word.
    pub fn detect(text: &str) -> Self {
        let han = text.chars().filter(|&c| is_han(c)).count();
        let words = text
            .split(|c| !is_word_character(c))
            .filter(|run| !run.is_empty() && run.bytes().all(|b| b.is_ascii_alphabetic()))
            .count();
        if han > words { Self::Chinese } else { Self::English }
    }
}

/// Tells whether `c` is Han as the reference has it: the basic block, without extensions, compatibility forms
/// and 〇.
pub fn is_han(c: char) -> bool {
    matches!(c, '\u{4e00}'..='\u{9fff}')
}

/// Tells whether `c` glues to a word beside it, as Python's `\w` has it.
///
/// Python knows the general category (letter, number), Rust the property Alphabetic. They differ in the
/// circled and squared letters, taken out here, and in vowel signs of scripts such as Arabic and Devanagari:
/// put right behind an English word, these make it none here and leave it one there.
fn is_word_character(c: char) -> bool {
    let symbol = matches!(c, '\u{24b6}'..='\u{24e9}' | '\u{1f130}'..='\u{1f189}');
    c == '_' || (c.is_alphanumeric() && !symbol)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_language_is_chinese_only_with_more_han_characters_than_words() {
        for (text, language) in [
            ("", Language::English),
            ("我", Language::Chinese),
            ("我 word", Language::English),
            ("我我 word", Language::Chinese),
            ("我我 don't", Language::English),
            ("我word", Language::Chinese),
            ("我 uv_break a1 naïve", Language::Chinese),
            ("我 [laugh]", Language::English),
            ("㐀\u{f900}〇か한", Language::English),
        ] {
            assert_eq!(Language::detect(text), language, "{text}");
        }
    }
}
