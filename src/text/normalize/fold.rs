//! Forms of one character that are read alike become one form.

use unicode_normalization::UnicodeNormalization;

use crate::text::derived::Derived;

/// Returns the text with full-width letters and digits, ligatures, squared units and the like in their plain
/// form.
///
/// Punctuation keeps its width, but between digits it is a point, a colon or a slash of its own width.
/// Fractions, superscripts and circled numbers stay, as they are read by rules.
pub fn fold(text: &str) -> Derived {
    if text.is_ascii() {
        return Derived::copy(text);
    }
    let mut folded = Derived::default();
    let mut previous = None;
    let mut chars = text.char_indices().peekable();
    let mut kept = 0;
    while let Some((at, c)) = chars.next() {
        let next = chars.peek().map(|(_, c)| *c);
        let form = if c.is_ascii() { None } else { form(c, previous, next) };
        if let Some(form) = form {
            folded.push_copy_if_any(&text[kept..at], kept);
            folded.push_made(&form, at..at + c.len_utf8());
            kept = at + c.len_utf8();
        }
        previous = Some(c);
    }
    folded.push_copy_if_any(&text[kept..], kept);
    folded
}

impl Derived {
    fn push_copy_if_any(&mut self, stretch: &str, at: usize) {
        if !stretch.is_empty() {
            self.push_copy(stretch, at);
        }
    }
}

/// Returns the plain form of a character that has one.
fn form(c: char, previous: Option<char>, next: Option<char>) -> Option<String> {
    let digit = |c: Option<char>| c.is_some_and(|c| matches!(c, '0'..='9' | '０'..='９'));
    let between_digits = digit(previous) && digit(next);
    let plain = match c {
        '．' | '：' | '／' if between_digits => half_width(c)?.to_string(),
        '－' | '＋' if digit(next) => half_width(c)?.to_string(),
        '０'..='９' | 'Ａ'..='Ｚ' | 'ａ'..='ｚ' => half_width(c)?.to_string(),
        '％' | '＝' | '＃' | '＆' | '＠' | '＊' | '＋' | '＜' | '＞' | '～' | '＄' | '＿' | '＾' => {
            half_width(c)?.to_string()
        }
        '￥' => "¥".into(),
        '￡' => "£".into(),
        '〇' => "零".into(),
        '⅓' | '⅔' | '⅕'..='⅞' | '¼'..='¾' => return None,
        '①'..='⑳' | '⁰'..='₎' | '²' | '³' | '¹' => return None,
        // Spaces of all widths, but not those that are lines' ends.
        '\u{a0}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}' => " ".into(),
        // Minus and the hyphens that are not dashes.
        '\u{2212}' | '\u{2010}' | '\u{2011}' | '\u{fe63}' => "-".into(),
        // Micro, which is no Greek letter in a unit.
        'μ' => "µ".into(),
        // Ligatures, letter-like signs, numbers with a point, Roman numerals, squared units, kangxi
        // radicals and compatibility characters, mathematical alphabets.
        '\u{fb00}'..='\u{fb06}'
        | '\u{2100}'..='\u{2121}'
        | '\u{2123}'..='\u{214f}'
        | '\u{2160}'..='\u{2188}'
        | '\u{2474}'..='\u{249b}'
        | '\u{2e80}'..='\u{2fdf}'
        | '\u{3300}'..='\u{33ff}'
        | '\u{f900}'..='\u{faff}'
        | '\u{1d400}'..='\u{1d7ff}'
        | '\u{2f800}'..='\u{2fa1f}' => {
            let plain: String = c.nfkc().collect();
            let plain = plain.replace('\u{2044}', "/");
            return (plain.chars().ne([c])).then_some(plain);
        }
        _ => return None,
    };
    Some(plain)
}

/// Returns the ASCII form of a full-width character.
fn half_width(c: char) -> Option<char> {
    const OFFSET: u32 = 0xfee0;
    char::from_u32(u32::from(c).checked_sub(OFFSET)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_become_plain() {
        for (text, plain) in [
            ("plain, 你好。", "plain, 你好。"),
            ("Ａ４纸１２％", "A4纸12%"),
            ("１０：３０，好：是", "10:30，好：是"),
            ("３．５－２", "3.5-2"),
            ("㎡℃№Ⅷ", "m2°CNoVIII"),
            ("ﬁne\u{a0}x", "fine x"),
            ("½²①", "½²①"),
            ("二〇二四年", "二零二四年"),
            ("−5", "-5"),
        ] {
            assert_eq!(fold(text).text(), plain);
        }
    }

    #[test]
    fn a_folded_text_leads_back() {
        let folded = fold("共３㎡");
        assert_eq!(folded.text(), "共3m2");
        assert_eq!(folded.source(3..4), 3..6);
        assert_eq!(folded.source(4..6), 6..9);
    }
}
