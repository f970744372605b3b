//! Documents as a whole: spans, what is spoken, where it comes from, and what is refused.

use super::*;
use crate::text::normalize::{Change, NormalizeOptions, Normalized};

/// Reads all spans, and checks that their pieces lie end to end in the file and in what is spoken.
fn read(source: &str, options: &NormalizeOptions) -> Vec<Normalized> {
    let script = ssml(source).unwrap_or_else(|e| panic!("{source}: {e}"));
    crate::text::markup::tests::check(source, &script, options)
}

/// Returns what is spoken, with a bar between spans.
fn spoken_in(source: &str, language: Option<Language>) -> String {
    let options = NormalizeOptions { language, ..Default::default() };
    let texts: Vec<String> = read(source, &options).into_iter().map(|normalized| normalized.text).collect();
    texts.join("|")
}

fn spoken(body: &str) -> String {
    spoken_in(&format!("<speak>{body}</speak>"), None)
}

fn refused(source: &str) -> String {
    ssml(source).map(|script| panic!("{source} is {script:?}")).unwrap_err().to_string()
}

#[test]
fn white_space_is_a_space_and_makes_no_pause() {
    let document = "\u{feff}<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!-- a -- comment -->\n\
        <speak version=\"1.0\" xmlns=\"http://www.w3.org/2001/10/synthesis\"\n  xmlns:xsi=\"x\" xsi:schemaLocation=\"y\">\n  \
        Hello\n  there,\r\n\tbig <!-- no -->\n world.\n</speak>\n<!-- end -->\n";
    assert_eq!(spoken_in(document, None), "Hello there, big world.");
    assert_eq!(spoken("\n你好，\n  世界\n和平\n"), "你好，世界和平");
    assert_eq!(spoken("un<!-- x -->even"), "uneven");
}

#[test]
fn paragraphs_and_sentences_end() {
    assert_eq!(spoken("<p>one</p><p>two</p>"), "one.\n\ntwo");
    assert_eq!(spoken("<p>\n<s>one</s>\n<s>two.</s>\n</p>\n<p>three</p>"), "one.\ntwo.\n\nthree");
    assert_eq!(spoken("<s>你好</s><s>再见</s>"), "你好。\n再见");
    assert_eq!(spoken("前<p>中</p>后"), "前。\n\n中。\n\n后");
    assert_eq!(spoken("<p/><s/>好<s></s><p> </p>"), "好");
}

#[test]
fn entities_and_cdata_are_text() {
    assert_eq!(spoken("Tom &amp; Jerry"), "Tom and Jerry");
    assert_eq!(spoken("&#x4f60;&#22909;&#33;"), "你好。");
    assert_eq!(spoken("<![CDATA[a <b> & c]]>"), "a, b, and c");
    assert_eq!(spoken("a&#10;&#32;b"), "a b");
    let source = "<speak>好&#x1F600;<s>&#128512;\u{1f600}</s></speak>";
    let reading = read(source, &NormalizeOptions::default()).remove(0);
    let dropped: Vec<_> = reading.dropped(source).iter().map(|d| (d.character, d.offset)).collect();
    assert_eq!(dropped, [('\u{1f600}', 10), ('\u{1f600}', 22), ('\u{1f600}', 31)]);
}

#[test]
fn breaks_are_control_tokens_or_end_the_span() {
    assert_eq!(spoken("好<break time=\"200ms\"/>吗"), "好[uv_break]吗");
    assert_eq!(spoken("好<break></break>吗<break strength=\"none\"/>的"), "好[lbreak]吗的");
    assert_eq!(spoken("好<break time='2s'/>吗"), "好|吗");
    let source = "<speak><break time=\"1s\"/>好<break time=\"2s\"/> <break time=\"1.5s\"/>吗<break time='3s'/> </speak>";
    let spans = ssml(source).unwrap().spans;
    let found: Vec<_> = spans.iter().map(|span| (span.text.text(), span.silence)).collect();
    assert_eq!(found, [("", 1.0), ("好", 3.5), ("吗", 3.0)]);
    read(source, &NormalizeOptions::default());
    let change = read("<speak>好<break/>吗</speak>", &NormalizeOptions::default())[0].pieces[2].clone();
    assert_eq!((change.source, change.change), (10..18, Change::Pause));
}

#[test]
fn silence_in_a_row_has_a_limit() {
    let e = refused("<speak>a<break time=\"40s\"/>\n<break time=\"40s\"/></speak>");
    assert_eq!(e, "line 2, column 1: 80 s of silence in a row; at most 60 s are accepted");
}

#[test]
fn voice_pace_and_language_cut_the_text() {
    let source = "<speak xml:lang=\"zh-CN\">一<voice name=\"Anna\"> 二 <prosody rate=\"fast\">三\
        <prosody rate=\"default\">四</prosody></prosody></voice>\
        <voice name=\"Bob\"><voice name=\"Anna\"><s xml:lang=\"en\">five</s></voice></voice> 六<voice name='x'></voice>七</speak>";
    let spans = ssml(source).unwrap().spans;
    let found: Vec<_> = spans
        .iter()
        .map(|s| (s.text.text(), s.voice.as_deref().unwrap_or("-"), s.speed, s.language))
        .collect();
    let (zh, en) = (Some(Language::Chinese), Some(Language::English));
    assert_eq!(
        found,
        [
            ("一", "-", None, zh),
            ("二", "Anna", None, zh),
            ("三", "Anna", Some(7), zh),
            ("四", "Anna", None, zh),
            ("five", "Anna", None, en),
            ("六七", "-", None, zh)
        ]
    );
    read(source, &NormalizeOptions::default());
}

#[test]
fn the_language_of_the_markup_goes_before_the_option() {
    let source = "<speak>12<s xml:lang=\"zh\">12</s></speak>";
    assert_eq!(spoken_in(source, Some(Language::English)).split_once('|').unwrap().1, "十二");
    // A number alone goes with the words around it.
    let source = "<speak>你好<voice name=\"a\">12</voice><voice name=\"b\">34</voice></speak>";
    let spans = ssml(source).unwrap().spans;
    assert!(spans[1..].iter().all(|span| span.around == Some(Language::Chinese)));
    assert_eq!(spoken_in(source, None), "你好|十二|三十四");
    let fixed = source.replace("12", "<say-as interpret-as='digits'>12</say-as>");
    assert_eq!(spoken_in(&fixed, None), "你好|一二|三十四");
    let first = "<speak><say-as interpret-as='digits'>12</say-as><voice name=\"a\">你好</voice></speak>";
    assert_eq!(spoken_in(first, None), "一二|你好");
}

#[test]
fn characters_are_spelled() {
    for (text, english, chinese) in [
        ("ABC", "A B C", "A B C"),
        ("usb3", "U S B three", "U S B三"),
        ("A-1_b", "A dash one underscore B", "A杠一下划线B"),
        ("a@b.cn", "A at B dot C N", "A艾特B点C N"),
        ("é１", "E one", "E一"),
        (" a\n b ", "A B", "A B"),
        ("[laugh]", "open bracket L A U G H close bracket", "左方括号L A U G H右方括号"),
        ("&amp;&#65;", "ampersand A", "和号A"),
    ] {
        for kind in ["characters", "spell-out", "verbatim"] {
            let source = format!("<speak><say-as interpret-as=\"{kind}\">{text}</say-as></speak>");
            assert_eq!(spoken_in(&source, Some(Language::English)), english);
            assert_eq!(spoken_in(&source, Some(Language::Chinese)), chinese);
        }
    }
    assert_eq!(spoken("请按<say-as interpret-as=\"characters\">A1</say-as>键"), "请按A一键");
    assert_eq!(spoken("press <say-as interpret-as=\"characters\">a1</say-as> now."), "press A one now.");
    assert_eq!(spoken("ab<say-as interpret-as=\"characters\">cd</say-as>ef"), "ab C D ef");
}

#[test]
fn digits_are_read_one_by_one() {
    for (text, english, chinese) in [
        ("120", "one two zero", "一二零"),
        ("3.14", "three point one four", "三点一四"),
        ("A1-2", "A one two", "A一二"),
        ("二〇", "二零", "二零"),
    ] {
        let source = format!("<speak><say-as interpret-as=\"digits\">{text}</say-as></speak>");
        assert_eq!(spoken_in(&source, Some(Language::English)), english, "{text}");
        assert_eq!(spoken_in(&source, Some(Language::Chinese)).replace(' ', ""), chinese, "{text}");
    }
    let long = "1".repeat(50);
    let source =
        format!("<speak>1<say-as interpret-as=\"number\" format=\"digits\">{long}</say-as>1</speak>");
    assert_eq!(spoken_in(&source, Some(Language::Chinese)).chars().count(), 52);
}

#[test]
fn the_kind_and_the_source_of_a_reading_are_told() {
    let source = "<speak>请按<say-as interpret-as=\"digits\">1<!-- -->2</say-as>键</speak>";
    let reading = read(source, &NormalizeOptions::default()).remove(0);
    let found: Vec<_> = reading
        .pieces
        .iter()
        .map(|p| (&source[p.source.clone()], &reading.text[p.spoken.clone()], p.change))
        .collect();
    assert_eq!(
        found,
        [
            ("<speak>", "", Change::Mapped),
            ("请按", "请按", Change::Kept),
            ("<say-as interpret-as=\"digits\">", "", Change::Mapped),
            ("1", "一", Change::Read("digits")),
            ("<!-- -->", "", Change::Mapped),
            ("2", "二", Change::Read("digits")),
            ("</say-as>", "", Change::Mapped),
            ("键", "键", Change::Kept),
            ("</speak>", "", Change::Mapped),
        ]
    );
    let at = reading.text.find("一").unwrap();
    assert_eq!(&source[reading.source(at..at + 3)], "1");
}

#[test]
fn what_is_not_of_its_kind_is_read_like_any_text() {
    assert_eq!(spoken("<say-as interpret-as=\"date\" format=\"mdy\">tomorrow</say-as>"), "tomorrow");
    assert_eq!(spoken("on <say-as interpret-as=\"time\">noon</say-as>day"), "on noon day");
    let source = "<speak>你好<say-as interpret-as=\"unit\">\u{1f600}</say-as></speak>";
    assert_eq!(read(source, &NormalizeOptions::default())[0].dropped(source).len(), 1);
    // Numbers do not run into each other, and nothing is lost.
    assert_eq!(
        spoken_in("<speak>1<say-as interpret-as=\"currency\">2</say-as>3</speak>", Some(Language::Chinese)),
        "一二三"
    );
    assert_eq!(spoken("a<say-as interpret-as=\"cardinal\"> </say-as>b"), "a b");
}

#[test]
fn an_alias_is_read_in_place_of_the_text() {
    assert_eq!(spoken("<sub alias=\"World Wide Web\">W3C &amp; co</sub> rules"), "World Wide Web rules");
    assert_eq!(spoken("用<sub alias=\"&#x4e07;&#x7ef4;\n网\">WWW</sub>吧"), "用万维网吧");
    assert_eq!(spoken("a<sub alias=\"\">b</sub>c"), "ac");
    assert_eq!(spoken("好<sub alias='[laugh]'>哈</sub>"), "好[laugh]");
    let source = "<speak>a <sub alias=\"\u{1f600}b\">x</sub></speak>";
    let reading = read(source, &NormalizeOptions::default()).remove(0);
    assert_eq!(reading.dropped(source).iter().map(|d| d.offset).collect::<Vec<_>>(), [21]);
    assert_eq!(reading.text, "a b");
}

#[test]
fn control_tokens_pass() {
    assert_eq!(spoken("好[laugh]的[uv_break]"), "好[laugh]的[uv_break]");
    assert_eq!(spoken("好[<s>laugh]</s>"), "好。\nlaugh,");
}

#[test]
fn what_is_wrong_says_where() {
    for (source, message) in [
        (
            "<speak>\n  你<emphasis>好</emphasis></speak>",
            "line 2, column 4: unknown tag <emphasis>; known: <speak>, <p>, <s>, <break>, <say-as>, <sub>, <prosody>, <voice>",
        ),
        ("<speak><mstts:silence/></speak>", "line 1, column 8: unknown tag <mstts:silence>"),
        ("<speak><ssml:p/></speak>", "unknown tag <ssml:p>"),
        ("<Speak/>", "line 1, column 1: unknown tag <Speak>"),
        (
            "<speak><p>a</s></speak>",
            "line 1, column 12: </s> where </p> is expected, for the tag of line 1, column 8",
        ),
        ("<speak>\n<p>a</speak>", "line 2, column 5: </speak> where </p> is expected"),
        ("<speak>\n <p>a", "line 2, column 2: <p> is never closed"),
        ("<speak>a</speak>\n</p>", "line 2, column 1: </p> closes nothing"),
        ("<speak>a</speak> b", "line 1, column 18: text outside of <speak>"),
        ("你好", "line 1, column 1: text outside of <speak>"),
        ("&amp;<speak/>", "line 1, column 1: text outside of <speak>"),
        ("", "line 1, column 1: no <speak>"),
        (" \n<!-- x -->", "no <speak>"),
        ("<p>a</p>", "line 1, column 1: <p> stands outside of <speak>"),
        ("<speak/><speak/>", "line 1, column 9: a second <speak>"),
        ("<speak><speak/></speak>", "<speak> within <speak>"),
        ("<!DOCTYPE speak [<!ENTITY a \"b\">]><speak/>", "line 1, column 1: a DOCTYPE is not accepted"),
        ("<speak>a\u{a0}&nbsp;b</speak>", "line 1, column 10: unknown entity &nbsp;; known: &amp;"),
        ("<speak>&#0;</speak>", "unknown entity &#0;"),
        ("<speak>&#xD800;</speak>", "unknown entity &#xD800;"),
        ("<speak>&#+65;</speak>", "unknown entity &#+65;"),
        ("<speak>a & b</speak>", "line 1, column 10: an entity that does not end"),
        ("<speak>1 < 2</speak>", "unknown tag <>"),
        ("<speak>a <b", "line 1, column 10: a tag that does not end"),
        ("<speak><!-- a</speak>", "line 1, column 8: comment not closed"),
        (
            "<speak><s foo=\"1\">a</s></speak>",
            "line 1, column 11: <s> does not support `foo`; supported: xml:lang",
        ),
        ("<speak><s xml:lang='zh' xml:lang='en'/></speak>", "line 1, column 25: <s> has `xml:lang` twice"),
        ("<speak><s xml:lang=zh/></speak>", "line 1, column 8: <s>:"),
        ("<speak><s xml:lang/></speak>", "line 1, column 8: <s>:"),
        ("<speak xml:lang=\"ja\"/>", "line 1, column 1: xml:lang=\"ja\": Chinese"),
        ("<speak><sub>a</sub></speak>", "<sub> needs `alias`"),
        ("<speak><sub alias=\"&foo;\">a</sub></speak>", "line 1, column 20: unknown entity &foo;"),
        ("<speak><sub alias=\"a & b\">a</sub></speak>", "line 1, column 20: an entity that does not end"),
        (
            "<speak><sub alias=\"a\"><s>a</s></sub></speak>",
            "line 1, column 23: <s> within <sub>, which can hold only text",
        ),
        ("<speak><say-as>a</say-as></speak>", "<say-as> needs `interpret-as`"),
        ("<speak><say-as interpret-as=\"address\">a</say-as></speak>", "known: characters, spell-out"),
        ("<speak><say-as interpret-as=\"digits\"><break/></say-as></speak>", "<break> within <say-as>"),
        ("<speak><break>a</break></speak>", "line 1, column 15: text within <break>"),
        ("<speak><break time=\"90s\"/></speak>", "at most 60 s"),
        (
            "<speak><prosody pitch=\"high\">a</prosody></speak>",
            "line 1, column 17: <prosody> does not support `pitch`; supported: rate",
        ),
        ("<speak><prosody>a</prosody></speak>", "<prosody> needs `rate`"),
        (
            "<speak><voice required=\"name\" name=\"a\"/></speak>",
            "<voice> does not support `required`; supported: name",
        ),
        ("<speak><voice/></speak>", "<voice> needs `name`"),
        ("<speak><voice name=\" \"/></speak>", "the name is empty"),
    ] {
        let e = refused(source);
        assert!(e.contains(message), "{source}\n{e}");
    }
}

#[test]
fn the_offset_of_an_error_is_in_bytes() {
    let e = ssml("\u{feff}<speak>你<x/></speak>").unwrap_err();
    assert_eq!((e.line, e.column, e.offset), (1, 9, 13));
    let e = ssml("\u{feff}\u{feff}<x/>").unwrap_err();
    assert_eq!(e.offset, 6);
}

#[test]
fn depth_has_a_limit() {
    let deep = |n: usize| format!("<speak>{}a{}</speak>", "<s>".repeat(n), "</s>".repeat(n));
    assert_eq!(spoken_in(&deep(255), None), "a");
    assert!(refused(&deep(256)).contains("more than 256 deep"));
}

#[test]
fn megabytes_of_anything_take_linear_time() {
    const MEGABYTE: usize = 1 << 20;
    let units = [
        "<",
        ">",
        "&",
        "&amp;",
        "&#65;",
        "[",
        "a ",
        "我\n",
        "</",
        "<s>",
        "<s/>",
        "<s>a</s>",
        "<p>a</p>",
        "]]>",
        "<![CDATA[",
        "<![CDATA[]]>",
        "<!--",
        "<!-- -->",
        "<?a?>",
        "<a b='",
        "\"",
        "<break/>",
        "<voice name='b'>a</voice>a",
        "<s xml:lang='zh'>1</s>a",
        "<say-as interpret-as='characters'>a1</say-as>",
        "<sub alias='a&amp;'>b</sub>",
        "<say-as interpret-as='date' format='mdy'>1/2/3456</say-as>",
        "\u{1f600}",
        "&#x1f600;",
    ];
    let attributes = format!("<speak><p {}/></speak>", "xml:lang='zh' ".repeat(MEGABYTE / 14));
    let spaces = format!("<speak {}/>", "xmlns:a='b' ".repeat(MEGABYTE / 12));
    let alias = format!("<speak><sub alias='{}'>a</sub></speak>", "&amp; a".repeat(MEGABYTE / 7));
    let entity = format!("<speak><sub alias='{}'>a</sub></speak>", "&".repeat(MEGABYTE));
    let documents = units.iter().map(|unit| format!("<speak>{}</speak>", unit.repeat(MEGABYTE / unit.len())));
    for document in documents.chain([attributes, spaces, alias, entity]) {
        let start = std::time::Instant::now();
        if let Ok(script) = ssml(&document) {
            crate::text::markup::tests::check(&document, &script, &NormalizeOptions::default());
        }
        // Generous, for a busy machine and a debug build; quadratic time would take far longer.
        let time = start.elapsed();
        assert!(time.as_secs() < 20, "{} took {time:?}", document.chars().take(60).collect::<String>());
    }
}
