//! Long texts cut into pieces for speech.

use std::ops::Range;
use std::time::{Duration, Instant};

use chattts_rs::text::{CONTROL_TOKENS, Pause, SPEAKABLE_SECONDS, split, spoken_seconds};
use unicode_segmentation::UnicodeSegmentation;

const MEGABYTE: usize = 1 << 20;

fn texts(text: &str, limit: f64) -> Vec<&str> {
    split(text, limit).into_iter().map(|segment| segment.text).collect()
}

/// That a text, its sentences marked off by `|`, is cut there and nowhere else where the limit lets the
/// longest stand alone and joins no two.
fn assert_sentences(marked: &str) {
    let expected: Vec<&str> = marked.split('|').map(str::trim).collect();
    let lengths = expected.iter().map(|s| spoken_seconds(s));
    let (least, most) = lengths.fold((f64::MAX, 0f64), |(a, b), s| (a.min(s), b.max(s)));
    assert!(least > most / 4.0, "{marked}: {least} s beside {most} s; they would be joined");
    assert_eq!(texts(&marked.replace('|', ""), most + 0.01), expected);
}

#[test]
fn chinese_sentences_end_at_their_marks_and_line_breaks() {
    for marked in [
        "今天天气不错。|我们出去走走吧！|你说好不好？|好的好的",
        "他说：“今天天气不错。”|我们就出去了。",
        "（你真的要去吗？）|我不知道……|也许去吧",
        "他问：「去不去？！」|我说不去了。。。|然后走了",
        "第一行没有标点|\n第二行也没有|\r\n第三行|\n\n第四段",
        "圆周率是3.14左右。|版本是V2.0吗？|是的没错",
        "他说\"走吧。\"|我们就走了。|\"好吧\"",
        "我爱Rust.|它的速度很快.|你呢",
        "“走吧！”|他说。|“好啊。”",
    ] {
        assert_sentences(marked);
    }
}

#[test]
fn english_sentences_end_at_full_stops_but_abbreviations_do_not() {
    for marked in [
        "This is one. |This is two! |Is this three? |It is.",
        "Dr. Smith met Mr. and Mrs. Jones on St. James St. in town. |Ms. Lee vs. Mr. Kim was at 5 p.m. sharp.",
        "Pi is 3.14 or so. |Version 2.0.1 is out. |It costs 1,000.50 in all.",
        "The U.S. economy grew. |J. R. R. Tolkien wrote it. |So did I. |Then we left.",
        "Bring fruit, e.g. apples, pears, etc. and, i.e. also, a knife. |He came at 9 a.m. with No. 5 in hand.",
        "Is it so? |No. |It is.",
        "He said \"I see it now.\" |\"So do I.\" |(We all do.) |Good for us.",
        "\u{201c}Stop it now!\u{201d} |She did not. |\u{201c}Never ever.\u{201d}",
        "\"Stop!\" he said to her. |\"Why should I?\" she asked.",
        "Well... maybe we should go. |I wonder… |Let us go now.",
        "1. First do the one thing.\n|2. Then do the other thing.",
        "See example.com or mail me@here.org for it. |It is the place to go.",
        "It ends in etc.\n|Then it goes on.",
    ] {
        assert_sentences(marked);
    }
}

#[test]
fn tags_are_whole_and_those_that_are_heard_stay_with_their_sentence() {
    for marked in [
        "你好啊。[uv_break]|我们走吧 。 [lbreak] [laugh]|好的好的[laugh]啊",
        "Hello there my friend. [laugh] |[speed_3]How are you today? [uv_break]|I am well.",
        "[停一下。再说！]你好|\n[oral_2]再见吧",
    ] {
        assert_sentences(marked);
    }
    let text = "[uv_break]啊".repeat(40);
    for segment in split(&text, 2.0) {
        assert!(segment.text.starts_with('[') || segment.text.starts_with('啊'), "{}", segment.text);
        assert!(segment.text.ends_with(']') || segment.text.ends_with('啊'), "{}", segment.text);
    }
}

#[test]
fn pauses_say_what_ends_a_segment() {
    let pauses = |text: &str, limit| split(text, limit).iter().map(|s| s.pause).collect::<Vec<_>>();
    use Pause::{Clause, None, Paragraph, Sentence};
    assert_eq!(pauses("你好", 30.0), [None]);
    assert_eq!(pauses("你好，", 30.0), [Clause]);
    assert_eq!(pauses("你好。”", 30.0), [Sentence]);
    assert_eq!(pauses("你好\n", 30.0), [Sentence]);
    assert_eq!(pauses("标题\n你好。\n \n再见。\r\n\r\n完", 30.0), [Sentence, Paragraph, Paragraph, None]);
    assert_eq!(pauses("春眠不觉晓，处处闻啼鸟。", 1.5), [Clause, Sentence]);
    assert_eq!(pauses("one two three four", 0.75), [None, None]);
    assert!(None < Clause && Clause < Sentence && Sentence < Paragraph);
}

#[test]
fn long_sentences_are_cut_at_clauses_first_into_pieces_of_about_one_length() {
    assert_eq!(
        texts("春眠不觉晓，处处闻啼鸟，夜来风雨声，花落知多少。", 2.5),
        ["春眠不觉晓，处处闻啼鸟，", "夜来风雨声，花落知多少。"]
    );
    assert_eq!(
        texts("他说：“走吧，”然后就慢慢走了，没有回头。", 2.8),
        ["他说：“走吧，”", "然后就慢慢走了，没有回头。"]
    );
    assert_eq!(
        texts("the quick brown fox, which was red — and fast; jumped over the dog", 2.6),
        ["the quick brown fox,", "which was red — and fast;", "jumped over the dog"]
    );
    // A clause that is much too short is no place to cut.
    assert_eq!(
        texts("啊，一二三四五六七八九十一二三四五六七八", 2.5),
        ["啊，一二三四五六七八", "九十一二三四五六七八"]
    );
}

#[test]
fn without_marks_cuts_fall_between_words_and_han_characters() {
    assert_eq!(texts("一二三四五六七八九十", 1.1), ["一二三四五", "六七八九十"]);
    assert_eq!(texts("one two three four five six", 1.1), ["one two three", "four five six"]);
    assert_eq!(texts("我们用Python写程序", 1.2), ["我们用", "Python写程序"]);
    // Never before what closes or after what opens.
    assert_eq!(texts("一二三（四）五六七", 1.0), ["一二三", "（四）五六七"]);
}

#[test]
fn as_a_last_resort_a_word_is_cut_between_grapheme_clusters() {
    let family = "👨‍👩‍👧‍👦";
    let text = family.repeat(30);
    let found = texts(&text, 1.0);
    assert!(found.len() > 2 && found.iter().all(|piece| piece.len() % family.len() == 0), "{found:?}");
    let text = "e\u{301}".repeat(100);
    let found = texts(&text, 1.0);
    assert!(found.len() > 2 && found.iter().all(|piece| piece.starts_with('e')), "{found:?}");
}

#[test]
fn short_sentences_are_joined_up_to_half_the_limit() {
    let sentence = "今天天气好。";
    assert_eq!(spoken_seconds(sentence), 1.1);
    assert_eq!(texts(&sentence.repeat(6), 6.7), vec![sentence.repeat(3); 2]);
    assert_eq!(texts(&sentence.repeat(4), 30.0), [sentence.repeat(4)]);
    assert_eq!(texts("One. Two.  Three.", 30.0), ["One. Two.  Three."]);
    // Not across a paragraph, nor across a line break that is the only pause.
    assert_eq!(texts("一。\n\n二。", 30.0), ["一。", "二。"]);
    assert_eq!(texts("标题\n正文。", 30.0), ["标题", "正文。"]);
    assert_eq!(texts("床前明月光，\n疑是地上霜。", 30.0), ["床前明月光，\n疑是地上霜。"]);
    // Alone, a word would be spoken badly.
    let long = format!("{}。", "长".repeat(100));
    assert_eq!(texts(&format!("好。{long}"), 30.0), [format!("好。{long}")]);
}

#[test]
fn a_text_without_anything_to_say_has_no_blank_segment() {
    for blank in ["", " ", "\n\n \t\r\n", "\u{3000}\u{a0}"] {
        assert!(split(blank, 30.0).is_empty(), "{blank:?}");
    }
    assert_eq!(texts("。。。！", 30.0), ["。。。！"]);
    assert_eq!(texts(" ... \n\n ?! ", 30.0), ["...", "?!"]);
    assert_eq!(texts("，，、", 30.0), ["，，、"]);
    assert_eq!(texts("\"", 30.0), ["\""]);
}

#[test]
fn spoken_length_counts_what_is_heard() {
    for (text, seconds) in [
        ("", 0.0),
        ("你好", 0.4),
        ("hello world", 0.7),
        ("internationalization", 0.35 + 8.0 * 0.05 + 0.35),
        ("你好, world。", 0.95),
        ("don't", 0.35),
        ("[speed_5]你[uv_break]", 0.5),
        ("2024", 0.8),
        (" \n\t", 0.0),
    ] {
        assert!((spoken_seconds(text) - seconds).abs() < 1e-9, "{text}: {}", spoken_seconds(text));
    }
}

/// Where an exact tag stands in a text.
fn tags(text: &str) -> Vec<Range<usize>> {
    let starts = text.match_indices('[');
    starts
        .filter_map(|(i, _)| {
            let tag = CONTROL_TOKENS.iter().find(|tag| text[i..].starts_with(**tag))?;
            Some(i..i + tag.len())
        })
        .collect()
}

fn assert_whole(text: &str, limit: f64) {
    let segments = split(text, limit);
    let mut end = 0;
    for segment in &segments {
        let Range { start, end: next } = segment.range;
        assert_eq!(segment.text, &text[start..next]);
        assert!(start >= end && text[end..start].trim().is_empty(), "{text:?} {limit}: {segment:?}");
        // A space that bears a combining mark is one visible cluster.
        let mut edges = segment.text.graphemes(true);
        let blank = |cluster: Option<&str>| cluster.is_none_or(|cluster| cluster.trim().is_empty());
        let first = edges.next();
        let last = edges.next_back().or(first);
        assert!(!blank(first) && !blank(last), "{text:?}: {segment:?}");
        end = next;
    }
    assert!(text[end..].trim().is_empty(), "{text:?} {limit}: {:?} is lost", &text[end..]);
    let clusters: Vec<usize> =
        text.grapheme_indices(true).map(|(i, _)| i).chain(std::iter::once(text.len())).collect();
    let whole = tags(text);
    for edge in segments.iter().flat_map(|s| [s.range.start, s.range.end]) {
        assert!(clusters.binary_search(&edge).is_ok(), "{text:?} {limit}: a cluster is cut at {edge}");
        assert!(!whole.iter().any(|tag| tag.start < edge && edge < tag.end), "{text:?}: a tag is cut");
    }
    // What may not be cut, of these texts, takes less than this.
    for segment in segments.iter().filter(|_| limit >= 10.0) {
        assert!(spoken_seconds(segment.text) < limit + 1e-6, "{limit}: {segment:?}");
    }
}

#[test]
fn every_byte_is_in_one_segment_or_between_two() {
    let parts = [
        "你",
        "好世界",
        "word",
        "a",
        "I",
        "Dr.",
        "e.g.",
        "3.14",
        "U.S.",
        "12345678901234567890",
        "[uv_break]",
        "[laugh]",
        "[speed_5]",
        "[",
        "]",
        "[x",
        "（",
        "）",
        "“",
        "”",
        "\"",
        "'",
        "。",
        "！",
        "?",
        ".",
        "...",
        "…",
        "，",
        ",",
        ";",
        ":",
        "—",
        "--",
        " ",
        "  ",
        "\n",
        "\r\n",
        "\n\n",
        "\u{3000}",
        "\u{301}",
        "👨‍👩‍👧‍👦",
        "🇩🇪",
        "e\u{301}",
        "\u{200b}",
        "http://a.b/c",
        "don't",
        "antidisestablishmentarianism",
        "\u{feff}",
    ];
    let mut state = 1u64;
    let mut draw = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    for _ in 0..4000 {
        let count = draw(60);
        let text: String = (0..count).map(|_| parts[draw(parts.len())]).collect();
        for limit in [f64::NAN, -1.0, 0.0, 0.1, 1.0, 3.5, 10.0, SPEAKABLE_SECONDS, f64::INFINITY] {
            assert_whole(&text, limit);
        }
    }
}

#[test]
fn megabytes_of_anything_take_linear_time() {
    for unit in [
        "a",
        "a ",
        "1",
        "我",
        "我 ",
        "。",
        ".",
        ". ",
        ".)",
        "\"",
        "'",
        "[",
        "]",
        "[a",
        "[laugh]",
        "[speed_5]",
        " ",
        "\n",
        "，",
        "…",
        "-",
        "a.",
        "A. ",
        "e.g. ",
        "🇩🇪",
        "\u{301}",
        "\u{200d}",
        "（",
        "”",
        "我。",
        "word. ",
        "😀",
        ".\" a",
        "你好，世界",
    ] {
        for text in
            [unit.repeat(MEGABYTE / unit.len()), format!("我.{}b", unit.repeat(MEGABYTE / unit.len()))]
        {
            for limit in [0.0, SPEAKABLE_SECONDS] {
                let start = Instant::now();
                let count = split(&text, limit).len();
                // Generous, for a busy machine and a debug build; quadratic time would take far longer.
                assert!(start.elapsed() < Duration::from_secs(6), "{unit:?}: {:?}", start.elapsed());
                assert!(count <= text.len());
            }
        }
    }
}
