//! Properties of any text, tried on texts that nobody would write.
//!
//! The texts follow from a fixed seed, so that a failure is not a matter of luck; `PROPTEST_RNG_SEED` and
//! `PROPTEST_CASES` look further.

use std::ops::Range;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, RngSeed};
use unicode_normalization::UnicodeNormalization;
use unicode_segmentation::UnicodeSegmentation;

use super::language::is_han;
use super::markup::tests::check as check_script;
use super::markup::{MarkupError, markdown, ssml};
use super::normalize::tests::{FRAGMENTS, check, is_speakable};
use super::*;

/// Returns a configuration with a fixed seed, for so many texts unless the environment says how many.
fn texts(cases: u32) -> Config {
    let given = Config::default();
    Config {
        cases: if std::env::var_os("PROPTEST_CASES").is_some() { given.cases } else { cases },
        rng_seed: match given.rng_seed {
            RngSeed::Random => RngSeed::Fixed(0x9e37_79b9_7f4a_7c15),
            seed => seed,
        },
        // A text that failed becomes a test with a name.
        failure_persistence: None,
        ..given
    }
}

/// Draws a bit of text that some rule, sign or markup looks for.
fn bit() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => select(FRAGMENTS).prop_map(str::to_string),
        2 => "[0-9]{1,12}",
        1 => "[0-9]{1,3}(,[0-9]{3}){1,3}(\\.[0-9]{1,3})?",
        1 => "[0-9]{1,4}[-/.年][0-9]{1,2}[-/.月][0-9]{1,4}日?",
        1 => "[0-9]{1,2}[:：][0-9]{2}([:：][0-9]{2})?( ?[ap]\\.?m\\.?)?",
        1 => "[$¥€£]-?[0-9]{1,9}(\\.[0-9]{1,2})?[kKMB万亿]?",
        1 => "-?[0-9]{1,4}(\\.[0-9]{1,3})?(%|‰|℃|°C|kg|km/h|m²|MB|元|个|人)",
        1 => "\\+?[0-9]{1,3}[- ]?\\(?[0-9]{3}\\)?[- ][0-9]{3}[- ]?[0-9]{4}",
        1 => "(https?://|www\\.)[a-z]{1,8}\\.(com|cn|org)(/[a-zA-Z0-9/?=&%_-]{0,16})?",
        1 => "[a-z]{1,8}[._]?[a-z0-9]{0,4}@[a-z]{1,6}\\.(com|cn)",
        1 => "[#@][A-Za-z0-9_]{1,12}#?",
        2 => "[A-Za-z]{1,10}",
        1 => "[A-Z]{2,6}s?",
        1 => "[IVXLCDM]{1,6}",
        1 => "[一-龥]{1,6}",
        1 => select(CONTROL_TOKENS.to_vec()).prop_map(str::to_string),
        1 => (0..EMOJI).prop_map(|i| emojis::iter().nth(i).map_or("", |emoji| emoji.as_str()).to_string()),
        1 => select(MARKS).prop_map(str::to_string),
        1 => any::<char>().prop_map(String::from),
    ]
}

/// The number of emoji that are drawn from.
const EMOJI: usize = 1500;

/// Marks of Markdown and of XML.
const MARKS: &[&str] = &[
    "# ", "> ", "- ", "1. ", "**", "*", "_", "~~", "`", "```\n", "[a](b)", "![", "](", "|", "|-|", "---\n",
    "\n\n", "    ", "\t", "<b>", "</b>", "<br>", "<!--", "-->", "<script>", "&amp;", "&#20320;", "&nbsp;",
    "&", "<", ">", "<break/>", "<speak>", "</speak>", "\u{feff}", "[^1]", "\\*",
];

/// Draws any characters at all, and texts of bits.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        1 => vec(any::<char>(), 0..40).prop_map(String::from_iter),
        4 => vec(bit(), 0..20).prop_map(|bits| bits.concat()),
    ]
}

fn language() -> impl Strategy<Value = Option<Language>> {
    select(vec![None, Some(Language::Chinese), Some(Language::English)])
}

fn options() -> impl Strategy<Value = NormalizeOptions<'static>> {
    (language(), any::<bool>()).prop_map(|(language, name_emoji)| NormalizeOptions {
        language,
        name_emoji,
        ..Default::default()
    })
}

/// Checks that a range is one of whole characters of a text.
fn assert_within(text: &str, range: &Range<usize>) {
    assert!(text.get(range.clone()).is_some(), "{range:?} of {text:?}");
}

/// Tells whether a character is a letter or holds Latin ones, as ㎡ does.
fn holds_letter(c: char) -> bool {
    c.is_alphabetic() && !is_han(c) || c.nfkc().any(|c| c.is_ascii_alphabetic())
}

fn without_space(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace()).collect()
}

proptest! {
    #![proptest_config(texts(3000))]

    #[test]
    fn any_text_is_accounted_for_and_what_is_spoken_the_model_knows(
        text in text(), options in options(), replaced in any::<bool>()
    ) {
        let table = Homophones::from_json(r#"{"你": "您", "好": "号", "年": "念", "a": "啊"}"#).unwrap();
        let options = NormalizeOptions { homophones: replaced.then_some(&table), ..options };
        let normalized = normalize(&text, &options);
        check(&text, &normalized);
        prop_assert!(is_speakable(&normalized.text), "{:?}", normalized.text);
        for piece in &normalized.pieces {
            assert_within(&text, &piece.source);
            assert_within(&normalized.text, &piece.spoken);
            let silent = piece.spoken.is_empty() && matches!(piece.change, Change::Mapped | Change::Kept);
            let written = &text[piece.source.clone()];
            let heard = written.contains(|c: char| c.is_ascii_alphanumeric() || is_han(c));
            prop_assert!(!(silent && heard), "{written:?} is lost");
        }
        for dropped in normalized.dropped(&text) {
            let written = &text[dropped.offset..];
            prop_assert!(written.starts_with(dropped.character) || written.starts_with('&'), "{dropped:?}");
        }
    }

    #[test]
    fn any_stretch_of_what_is_spoken_leads_back_to_the_text(
        text in text(), options in options(), from in any::<prop::sample::Index>(), to in any::<prop::sample::Index>()
    ) {
        let normalized = normalize(&text, &options);
        let place = |index: prop::sample::Index| {
            normalized.text.floor_char_boundary(index.index(normalized.text.len() + 1))
        };
        let (from, to) = (place(from).min(place(to)), place(from).max(place(to)));
        let source = normalized.source(from..to);
        assert_within(&text, &source);
        prop_assert!(normalized.source(0..from).end <= source.end, "{source:?}");
    }

    #[test]
    fn what_was_written_of_all_segments_is_the_whole_text(
        text in text(), options in options(), limit in 0.5..8.0
    ) {
        let normalized = normalize(&text, &options);
        let segments: Vec<_> = split(&normalized.text, limit).into_iter().map(|s| s.range).collect();
        let written = normalized.written(&text, &segments);
        prop_assert_eq!(written.len(), segments.len());
        if !segments.is_empty() {
            prop_assert_eq!(without_space(&written.concat()), without_space(&text));
        }
    }

    // A letter that was kept may be a unit beside a number that was read, as in `0m²a`, 零m的平方a; and emoji have
    // names with initialisms.
    #[test]
    fn what_is_spoken_of_a_text_without_letters_is_spoken_as_it_is(
        text in text(), language in select(vec![Language::Chinese, Language::English])
    ) {
        let text: String = text.chars().filter(|c| !holds_letter(*c)).collect();
        let options = NormalizeOptions { language: Some(language), ..NormalizeOptions::default() };
        let once = normalize(&text, &options).text;
        let again = normalize(&once, &options).text;
        prop_assert_eq!(again, once, "{:?}", text);
    }
}

proptest! {
    #![proptest_config(texts(2000))]

    #[test]
    fn segments_hold_all_of_a_text_but_the_space_between_them(text in text(), limit in prop_oneof![
        Just(f64::NAN), Just(f64::INFINITY), -1.0..40.0
    ]) {
        let segments = split(&text, limit);
        let mut end = 0;
        for segment in &segments {
            let Range { start, end: next } = segment.range;
            prop_assert!(start >= end && text[end..start].trim().is_empty(), "{segment:?}");
            prop_assert_eq!(segment.text, &text[start..next]);
            prop_assert!(!segment.text.trim().is_empty(), "{segment:?}");
            end = next;
        }
        prop_assert!(text[end..].trim().is_empty(), "{:?} is lost", &text[end..]);
        let clusters: Vec<usize> = text.grapheme_indices(true).map(|(at, _)| at).chain([text.len()]).collect();
        for edge in segments.iter().flat_map(|s| [s.range.start, s.range.end]) {
            prop_assert!(clusters.binary_search(&edge).is_ok(), "a cluster is cut at {edge}");
        }
        let seconds: f64 = segments.iter().map(|s| spoken_seconds(s.text)).sum();
        prop_assert!(seconds + 1e-6 >= spoken_seconds(&text), "{seconds} s are left");
    }

    #[test]
    fn tags_are_read_or_refused(text in text(), tags in vec(bit(), 0..4)) {
        for text in [text, tags.concat()] {
            if let Ok(tags) = ControlTags::parse(&text) {
                let again = tags.refining.clone() + tags.speech.as_deref().unwrap_or_default();
                prop_assert_eq!(ControlTags::parse(&again).ok(), Some(tags));
            }
        }
    }

    #[test]
    fn no_text_brings_a_token_that_the_prompt_places(
        bits in vec(select(vec!["[Stts]", "[spk_emb]", "[empty_spk]", "[", "]", "S", "tts]", "[spk", "_emb]", "a"]), 0..12)
    ) {
        let prompt = code_prompt(&bits.concat(), "[speed_5]", "", true);
        let placed = prompt.strip_prefix("[Stts][spk_emb]").unwrap_or_default();
        for token in ["[Stts]", "[spk_emb]", "[empty_spk]"] {
            prop_assert!(!placed.contains(token), "{prompt}");
        }
    }
}

/// Writes text so that XML takes it for text.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// Draws SSML that is well formed and in the subset, without its root.
fn element() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        6 => vec(bit(), 1..6).prop_map(|bits| escaped(&bits.concat())),
        1 => "&#x[1-9a-f][0-9a-f]{0,3};".prop_filter("a surrogate is no character", |entity| !entity.starts_with("&#xd")),
        1 => vec(bit(), 0..3).prop_map(|bits| format!("<![CDATA[{}]]>", bits.concat().replace("]]>", ""))),
        1 => "<!-- [a-z ]{0,8} -->",
        1 => "<\\?[a-z]{1,4} [a-z]{0,4}\\?>",
        1 => (0u32..20_000).prop_map(|ms| format!("<break time='{ms}ms'/>")),
        1 => select(vec!["none", "x-weak", "weak", "medium", "strong", "x-strong"])
            .prop_map(|strength| format!("<break strength='{strength}'></break>")),
        2 => (select(KINDS), vec(bit(), 0..3))
            .prop_map(|(kind, bits)| format!("<say-as {kind}>{}</say-as>", escaped(&bits.concat()))),
        1 => (vec(bit(), 0..3), vec(bit(), 0..3)).prop_map(|(alias, bits)| {
            format!("<sub alias=\"{}\">{}</sub>", escaped(&alias.concat()), escaped(&bits.concat()))
        }),
    ];
    leaf.prop_recursive(4, 24, 5, |inner| {
        let inner = vec(inner, 0..5).prop_map(|elements| elements.concat());
        prop_oneof![
            (select(vec!["p", "s", "p xml:lang='zh'", "s xml:lang='en-US'", "s xml:lang=''"]), inner.clone()),
            (
                select(vec!["prosody rate='slow'", "prosody rate='-20%'", "prosody rate='default'"]),
                inner.clone()
            ),
            (select(vec!["voice name='a'", "voice name='好'"]), inner),
        ]
        .prop_map(|(tag, inner)| {
            let name = tag.split(' ').next().unwrap_or_default();
            format!("<{tag}>{inner}</{name}>")
        })
    })
}

/// Values of `interpret-as`, with and without a format.
const KINDS: &[&str] = &[
    "interpret-as='characters'",
    "interpret-as='digits'",
    "interpret-as='cardinal'",
    "interpret-as='ordinal'",
    "interpret-as='number' format='telephone'",
    "interpret-as='fraction'",
    "interpret-as='unit'",
    "interpret-as='currency'",
    "interpret-as='telephone' format='86'",
    "interpret-as='time' format='hms12'",
    "interpret-as='date' format='mdy'",
    "interpret-as='date' detail='1'",
];

/// Checks that an error stands at a place of its source.
fn assert_place(source: &str, error: &MarkupError) {
    assert!(source.is_char_boundary(error.offset), "{error:?} of {source:?}");
    assert!(!error.message.is_empty() && error.line >= 1 && error.column >= 1, "{error:?}");
}

proptest! {
    #![proptest_config(texts(1500))]

    #[test]
    fn ssml_of_the_subset_is_accounted_for(elements in vec(element(), 0..6), options in options()) {
        let source = format!("<speak>{}</speak>", elements.concat());
        match ssml(&source) {
            Ok(script) => {
                for reading in check_script(&source, &script, &options) {
                    prop_assert!(is_speakable(&reading.text), "{:?}", reading.text);
                }
                for span in &script.spans {
                    let mut end = 0;
                    for fixed in &span.fixed {
                        assert_within(span.text.text(), &fixed.range);
                        prop_assert!(fixed.range.start >= end && !fixed.range.is_empty(), "{:?}", span.fixed);
                        end = fixed.range.end;
                    }
                }
            }
            Err(error) => {
                assert_place(&source, &error);
                prop_assert!(error.message.contains("of silence in a row"), "{error}");
            }
        }
    }

    #[test]
    fn a_text_in_ssml_is_read_as_it_is_without(text in text(), options in options()) {
        // Runs of white space are one space there, and a line's end another thing than in plain text.
        let ends = |c: char| c == '\u{feff}' || c.is_whitespace();
        let text: Vec<&str> = text.split(ends).filter(|word| !word.is_empty()).collect();
        let text = text.join(" ");
        let script = ssml(&format!("<speak>{}</speak>", escaped(&text))).unwrap();
        let spoken: Vec<String> = script.spans.iter().map(|span| normalize_markup(span, &options).text).collect();
        prop_assert_eq!(spoken, [normalize(&text, &options).text]);
    }

    #[test]
    fn any_text_as_ssml_is_read_or_refused_with_a_place(text in text(), options in options()) {
        for source in [text.clone(), format!("<speak>{text}</speak>"), format!("<speak>{text}")] {
            match ssml(&source) {
                Ok(script) => drop(check_script(&source, &script, &options)),
                Err(error) => assert_place(&source, &error),
            }
        }
    }

    #[test]
    fn any_text_as_markdown_is_accounted_for(text in text(), options in options()) {
        for reading in check_script(&text, &markdown(&text), &options) {
            prop_assert!(is_speakable(&reading.text), "{:?}", reading.text);
        }
    }
}
