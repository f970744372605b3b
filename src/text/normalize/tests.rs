//! The front end as a whole.

use super::*;

fn spoken(text: &str) -> String {
    normalize(text, &NormalizeOptions::default()).text
}

/// The pieces of a text lie end to end, in the text and in what is spoken.
fn check(text: &str, normalized: &Normalized) {
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
    for lists in [zh::RULES, en::RULES] {
        Rules::new(lists).unwrap();
        for rule in lists.iter().flat_map(|list| list.iter()) {
            let plain = rule.pattern.replace(r"\+", "").replace(r"\*", "").replace("[+", "[");
            let unbounded = plain.contains('*') || plain.contains('+') || plain.contains(",}");
            assert!(!unbounded, "{}: {} repeats without a limit", rule.name, rule.pattern);
            regex::Regex::new(rule.pattern).unwrap();
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
        ("café naïve", "cafe naive"),
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
