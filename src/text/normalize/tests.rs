//! The front end as a whole.

use super::*;

fn spoken(text: &str) -> String {
    normalize(text, &NormalizeOptions::default()).text
}

/// Checks that the pieces of a text lie end to end, in the text and in what is spoken.
pub fn check(text: &str, normalized: &Normalized) {
    let (mut source, mut spoken) = (0, 0);
    for piece in &normalized.pieces {
        assert_eq!(piece.source.start, source, "{text:?} {piece:?}");
        assert_eq!(piece.spoken.start, spoken, "{text:?} {piece:?}");
        (source, spoken) = (piece.source.end, piece.spoken.end);
        if piece.change == Change::Kept {
            assert_eq!(
                text[piece.source.clone()],
                normalized.text[piece.spoken.clone()],
                "{text:?} {piece:?}"
            );
        }
    }
    assert_eq!((source, spoken), (text.len(), normalized.text.len()), "{text:?}");
}

#[test]
fn every_pattern_is_a_regular_expression_with_an_end() {
    for lists in [zh::rules(), en::rules()] {
        for rule in lists.iter().flat_map(|list| list.iter()) {
            let plain = rule.pattern.replace(r"\+", "").replace(r"\*", "").replace("[+", "[");
            let unbounded = plain.contains('*') || plain.contains('+') || plain.contains(",}");
            assert!(!unbounded, "{}: {} repeats without a limit", rule.name, rule.pattern);
            let compiled = regex::Regex::new(&super::table::pattern(rule.pattern));
            assert!(compiled.is_ok(), "{}: {}: {compiled:?}", rule.name, rule.pattern);
        }
    }
}

#[test]
fn marks_become_the_pauses_they_mean() {
    for (text, expected) in [
        ("真的吗？！好…走吧", "真的吗。好，走吧"),
        ("他说：“走吧，我们回家。”然后笑了", "他说，走吧，我们回家。然后笑了"),
        ("所谓“专家”的意见（大概）", "所谓 专家 的意见，大概，"),
        ("Really?! Well-known (maybe) things...", "Really. Well known, maybe, things."),
        ("don't", "dont"),
        ("We're sure I'd go 'til the summer of '69", "We re sure I d go til the summer of sixty nine"),
        ("\"Really?\" she asked. \"Yes.\"", "Really, she asked. Yes."),
        ("数16 / 9", "数十六 除以 九"),
        ("**bold** `code`", "bold code"),
        ("参加#春节快乐#活动", "参加，春节快乐，活动"),
        ("café naïve", "cafe naive"),
        ("a ===== b +++ c++ #### d", "a, b, C plus plus, d"),
        (
            "On 5 May Dr. Li paid $5.20. 你好",
            "On the fifth of may doctor Li paid five dollars twenty cents. 你好",
        ),
        ("He has 3. 你有5。", "He has three. 你有五。"),
        ("你好。1. 打开", "你好。一。打开"),
        ("第一行\n第二行", "第一行。\n第二行"),
        ("wrapped\nline", "wrapped line"),
        ("好[laugh]。[uv_break]嗯[未知]", "好[laugh]。[uv_break]嗯，未知，"),
        ("？？", ""),
    ] {
        let normalized = normalize(text, &NormalizeOptions::default());
        assert_eq!(normalized.text, expected, "{text}");
        check(text, &normalized);
    }
}

#[test]
fn a_stretch_of_speech_leads_back_to_its_source() {
    let text = "总价是１２元。好";
    let normalized = normalize(text, &NormalizeOptions::default());
    assert_eq!(normalized.text, "总价是十二元。好");
    let at = normalized.text.find("十二").unwrap();
    assert_eq!(&text[normalized.source(at..at + 6)], "１２");
    assert_eq!(&text[normalized.source(at + 3..at + 9)], "１２元");
}

#[test]
fn what_is_dropped_says_why() {
    let text = "好😀한\u{1}";
    let dropped = normalize(text, &NormalizeOptions::default()).dropped(text);
    let found: Vec<_> = dropped.iter().map(|d| (d.character, d.offset, d.reason)).collect();
    assert_eq!(found, [('😀', 3, Reason::Emoji), ('한', 7, Reason::Script), ('\u{1}', 10, Reason::Control)]);
    assert_eq!(spoken("好😀"), "好");
}

/// Bits of text that rules and signs look for.
#[rustfmt::skip]
pub const FRAGMENTS: &[&str] = &[
    "0", "1", "2", "12", "05", "100", "1999", "2024", "13800138000", "3.14", ".", ",", ":", "-", "/", "~",
    "–", "%", "‰", "$", "¥", "€", "°C", "℃", "kg", "km/h", "m²", "MB", "am", "pm", "年", "月", "日", "点", "分",
    "第", "个", "元", "万", "亿", "半", "Dr.", "St.", "etc.", "e.g.", "U.S.", "VIII", "ChatTTS", "CEO", "don't",
    "’", "“", "”", "\"", "(", ")", "（", "）", "[", "]", "[laugh]", "[uv_break]", "[x]", "…", "...", "—", "！",
    "？", "?!", "，", "。", "、", "；", "\n", "\r\n", " ", "  ", "\u{3000}", "１２", "Ａ", "½", "①", "Ⅷ", "㎡", "²",
    "+", "=", "×", "<", ">", "@", "#", "&", "*", "_", "\\", "|", "^", "`", "http://a.b/c?d=1", "a@b.com",
    "😀", "👨‍👩‍👧", "é", "ß", "e\u{301}", "α", "한", "か", "ل", "\u{0}", "\u{200b}", "\u{feff}", "〇", "々", "你",
    "好", "the", "and", "January", "May", "5th", "1990s", "12:30", "2024-01-05", "3-2", "1/2",
];

/// Draws numbers that follow from a seed.
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % n as u64) as usize
    }

    /// Makes a text of fragments that rules and signs look for, and of any characters at all.
    fn text(&mut self) -> String {
        let mut text = String::new();
        for _ in 0..self.below(24) {
            if self.below(8) == 0 {
                text.extend(char::from_u32(self.below(0x11_0000) as u32));
            } else {
                text.push_str(FRAGMENTS[self.below(FRAGMENTS.len())]);
            }
        }
        text
    }
}

/// Tells whether a text holds nothing but what the model speaks.
pub fn is_speakable(text: &str) -> bool {
    let known = |c: char| is_han(c) || c.is_ascii_alphabetic() || "，。、,. \n".contains(c);
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let len = control_token_at(rest, 0).map_or(c.len_utf8(), str::len);
        if len == c.len_utf8() && !known(c) {
            return false;
        }
        rest = &rest[len..];
    }
    true
}

#[test]
fn every_character_of_any_text_is_spoken_mapped_or_reported() {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    for round in 0..20_000 {
        let text = random.text();
        let language = [None, Some(Language::Chinese), Some(Language::English)][round % 3];
        let options = NormalizeOptions { language, name_emoji: round % 2 == 0, ..Default::default() };
        let normalized = normalize(&text, &options);
        check(&text, &normalized);
        assert!(is_speakable(&normalized.text), "{text:?} {:?}", normalized.text);
        // A letter or digit that is silent must have been reported.
        for piece in &normalized.pieces {
            let silent = piece.change == Change::Mapped && piece.spoken.is_empty();
            let written = &text[piece.source.clone()];
            assert!(
                !silent || !written.contains(|c: char| c.is_ascii_alphanumeric() || is_han(c)),
                "{text:?}: {written:?} is lost"
            );
        }
        let cut = normalized.text.len() / 2;
        let cut = normalized.text.floor_char_boundary(cut);
        let (first, second) = (normalized.source(0..cut), normalized.source(cut..normalized.text.len()));
        assert!(first.start <= first.end && first.end <= text.len() && second.end <= text.len(), "{text:?}");
        assert!(text.is_char_boundary(first.end) && text.is_char_boundary(second.start), "{text:?}");
    }
}

/// Returns texts of a megabyte that make a careless reader slow.
fn megabytes() -> Vec<String> {
    #[rustfmt::skip]
    let units = [
        "1", "1 ", "12:", "1-", "1.", "1,", "1/", "$", "$1", "¥", "a", "A", "A ", "a.", "AB ", "a@", "@",
        "#", "http://", "www.", "-", "--", ".", "...", "…", "(", "[", "]", "[a", "[laugh]", "“", "\"", "'",
        "a'", " ", "\n", "a\n", "，", "。", "我", "第1", "1年", "12月", "３", "½", "①", "²", "😀", "👨‍👩‍👧",
        "e\u{301}", "\u{301}", "\u{200b}", "\u{0}", "한", "IV", "1st ", "Dr. ", "5kg ", "3%~", "1:2:3:4",
        "2024-01-05 ", "12:30pm ", "+1 (234) 567-8901 ", "今天是2024年1月5日，气温-3.5℃，涨了12.5%。",
        "On January 5, 2024 Dr. Smith paid $12.50 for 3.5 kg at 12:30 pm. ",
    ];
    units.iter().map(|unit| unit.repeat((1 << 20) / unit.len())).collect()
}

#[test]
fn megabytes_of_anything_take_linear_time() {
    for text in megabytes() {
        let unit: String = text.chars().take(40).collect();
        let start = std::time::Instant::now();
        let normalized = normalize(&text, &NormalizeOptions::default());
        let time = start.elapsed();
        // Generous, for a busy machine and a debug build; quadratic time would take minutes.
        assert!(time.as_secs() < 20, "{unit:?} took {time:?}");
        if std::env::var_os("SHOW_TIMES").is_some() {
            eprintln!("{:>8.1} ms {unit:?}", time.as_secs_f64() * 1e3);
        }
        assert_eq!(normalized.pieces.last().map(|piece| piece.source.end), Some(text.len()), "{unit:?}");
    }
}
