//! Texts, with markup and without, and what stands beside them: tokenizers, tables of homophones.

use std::ops::Range;
use std::path::Path;
use std::sync::OnceLock;

use chattts_rs::backend::Checkpoint;
use chattts_rs::hub::NoiseSize;
use chattts_rs::speech::{Composer, FileRule, Lang, Overrides, SpeechRequest, Voices, cut};
use chattts_rs::text::markup::{Script, markdown as read_markdown, ssml as read_ssml};
use chattts_rs::text::{
    CONTROL_TOKENS, ControlTags, Homophones, Language, NormalizeOptions, Normalized, SPEAKABLE_SECONDS,
    Tokenizer, misspelt_tokens, normalize as read_aloud, normalize_markup, split, spoken_seconds,
};
use chattts_rs::voice::Registry;

use crate::{assert_discreet, assert_message, place};

const LANGUAGES: [Option<Language>; 3] = [None, Some(Language::Chinese), Some(Language::English)];
/// The most bytes that a byte of text becomes when it is read aloud, such as `㎯` or `℻`; and of the whole text.
const SPOKEN_FACTOR: usize = 48;

fn text(data: &[u8]) -> Option<&str> {
    std::str::from_utf8(data).ok()
}

fn assert_range(range: &Range<usize>, text: &str) {
    assert!(text.get(range.clone()).is_some(), "{range:?} is no stretch of {} bytes of text", text.len());
}

/// Asserts that the pieces of a reading follow one another without a gap, in `share` of the input and in the text.
fn assert_tiled(read: &Normalized, input: &str, share: Range<usize>) {
    let (mut source, mut spoken) = (share.start, 0);
    for piece in &read.pieces {
        assert_range(&piece.source, input);
        assert_range(&piece.spoken, &read.text);
        assert_eq!((piece.source.start, piece.spoken.start), (source, spoken), "a gap before {piece:?}");
        (source, spoken) = (piece.source.end, piece.spoken.end);
    }
    assert_eq!((source, spoken), (share.end, read.text.len()), "the last piece is not the end");
    for dropped in read.dropped(input) {
        assert!(input.is_char_boundary(dropped.offset), "{dropped:?}");
    }
}

/// Asserts that a text holds only what the model can speak.
fn assert_speakable(text: &str) {
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        let speakable = c.is_ascii_alphabetic()
            || "，。、,. \n〇々".contains(c)
            || matches!(c, '\u{3400}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}');
        let token = CONTROL_TOKENS.into_iter().find(|token| text[at..].starts_with(token));
        assert!(speakable || token.is_some(), "{c:?} cannot be spoken, in {text:?}");
        at += token.map_or(c.len_utf8(), str::len);
    }
}

fn assert_script(script: &Script, source: &str) {
    let mut end = 0;
    assert!(!script.spans.is_empty());
    for span in &script.spans {
        assert_eq!(span.source.start, end, "a gap between spans");
        end = span.source.end;
        assert_range(&span.source, source);
        let text = span.text.text();
        assert!(text.len() <= 4 * source.len() + 64, "{} bytes of text", text.len());
        let mut fixed_end = 0;
        for fixed in &span.fixed {
            assert_range(&fixed.range, text);
            assert!(!fixed.range.is_empty() && fixed.range.start >= fixed_end, "{fixed:?}");
            fixed_end = fixed.range.end;
        }
        assert!((0.0..=60.0).contains(&span.silence) && span.speed.is_none_or(|speed| speed <= 9));
        for language in LANGUAGES {
            let read = normalize_markup(span, &NormalizeOptions { language, ..Default::default() });
            assert_tiled(&read, source, span.source.clone());
            assert_speakable(&read.text);
        }
    }
    assert_eq!(end, source.len(), "the last span is not the end");
}

/// Reads SSML, and its spans aloud.
pub fn ssml(data: &[u8]) {
    let Some(source) = text(data) else { return };
    match read_ssml(source) {
        Ok(script) => assert_script(&script, source),
        Err(error) => {
            assert!(source.is_char_boundary(error.offset), "{error:?}");
            assert!(error.line >= 1 && error.column >= 1);
            assert_message(&error.to_string());
        }
    }
}

/// Reads Markdown, and its text aloud.
pub fn markdown(data: &[u8]) {
    let Some(source) = text(data) else { return };
    assert_script(&read_markdown(source), source);
}

/// Reads a text aloud, in either language.
pub fn normalize(data: &[u8]) {
    let Some(source) = text(data) else { return };
    for language in LANGUAGES {
        for name_emoji in [false, true] {
            let read = read_aloud(source, &NormalizeOptions { language, name_emoji, ..Default::default() });
            assert_tiled(&read, source, 0..source.len());
            assert_speakable(&read.text);
            let most = SPOKEN_FACTOR * source.len() + 64;
            assert!(read.text.len() <= most, "{} bytes become {}", source.len(), read.text.len());
            let ranges: Vec<_> = split(&read.text, 6.0).into_iter().map(|segment| segment.range).collect();
            for range in &ranges {
                assert_range(&read.source(range.clone()), source);
            }
            assert_eq!(read.written(source, &ranges).len(), ranges.len());
        }
    }
}

/// Finds control tags, and cuts a text in pieces.
pub fn tags(data: &[u8]) {
    let Some(source) = text(data) else { return };
    match ControlTags::parse(source) {
        Ok(tags) => {
            let written = format!("{}{}", tags.refining, tags.speech.as_deref().unwrap_or_default());
            assert_eq!(ControlTags::parse(&written).ok(), Some(tags));
        }
        Err(error) => assert_message(&error.to_string()),
    }
    for (at, word, _) in misspelt_tokens(source) {
        assert_eq!(source.get(at..at + word.len()), Some(word));
    }
    assert!(spoken_seconds(source).is_finite());
    for limit in [0.0, 1.5, SPEAKABLE_SECONDS] {
        let mut end = 0;
        for segment in split(source, limit) {
            assert_eq!(source.get(segment.range.clone()), Some(segment.text));
            // At its ends there is no white space but what an accent stands on, as one sign.
            assert!(!segment.text.trim().is_empty(), "{segment:?}");
            assert!(source[end..segment.range.start].trim().is_empty(), "words are lost before {segment:?}");
            end = segment.range.end;
        }
        assert!(source[end..].trim().is_empty(), "words are lost at the end");
    }
    for splits in [None, Some(false), Some(true)] {
        for (range, silence) in cut(source, splits) {
            assert_range(&range, source);
            assert!((0.0..=1.0).contains(&silence));
        }
    }
}

/// Composes a request: reads, cuts, finds voices. The first byte says how it is read.
pub fn compose(data: &[u8]) {
    static CHECKPOINT: OnceLock<(Checkpoint, FileRule)> = OnceLock::new();
    let (checkpoint, files) = CHECKPOINT.get_or_init(|| {
        let empty = place::folder().join("empty");
        std::fs::create_dir_all(&empty).expect("a folder");
        (Checkpoint::noise(NoiseSize::Tiny, 0).expect("a model"), FileRule::Under(empty))
    });
    let Some((flags, rest)) = data.split_first() else { return };
    let Some(source) = text(rest) else { return };
    let flag = |bit: u8| flags >> bit & 1 == 1;
    let mut overrides = Overrides::default();
    overrides.markup.ssml = flag(0).then_some(true);
    overrides.markup.markdown = (flag(1) && !flag(0)).then_some(true);
    overrides.split = flag(2).then_some(true);
    overrides.reading.lang = flag(3).then_some(Lang::Zh);
    overrides.reading.strict = flag(6).then_some(true);
    overrides.reading.name_emoji = flag(7).then_some(true);
    // A voice once found is kept for as long as the voices live, which is here one run.
    let mut composer = Composer::new(Voices::new(checkpoint, Registry::shipped()));
    composer.files = files.clone();
    let line = match composer.compose(&SpeechRequest::new(source).with(overrides)) {
        Ok(line) => line,
        Err(error) => return assert_message(&error.to_string()),
    };
    let mut start = 0;
    for piece in &line.pieces {
        assert!(!piece.text.trim().is_empty() && piece.voice < line.voices.len());
        assert!((0.0..=60.0).contains(&piece.silence), "{} s of silence", piece.silence);
        for cue in &piece.cues {
            assert_range(&cue.range, source);
            assert!(cue.range.start >= start, "cues run backwards at {:?}", cue.range);
            assert!(cue.seconds.is_finite() && cue.seconds >= 0.0);
            start = cue.range.start;
        }
    }
    for warning in &line.warnings {
        assert_message(&warning.message);
    }
    assert_eq!(line.content().key().len(), 64);
}

/// Reads a table of homophones.
pub fn homophones(data: &[u8]) {
    let path = place::file("homophones.json", data);
    match chattts_rs::speech::homophones(&path) {
        Ok(table) => {
            for c in String::from_utf8_lossy(data).chars() {
                table.replace(c);
            }
        }
        Err(error) => assert_discreet(&error.to_string()),
    }
    if let Some(json) = text(data)
        && let Ok(table) = Homophones::from_json(json)
    {
        let options = NormalizeOptions { homophones: Some(&table), ..Default::default() };
        assert_tiled(&read_aloud(json, &options), json, 0..json.len());
    }
}

/// The seed that is a whole tokenizer.
const TOKENIZER: &str = include_str!("../seeds/tokenizer/whole.json");

/// Reads a tokenizer's file and encodes with it; what is no JSON object is encoded by a whole one.
pub fn tokenizer(data: &[u8]) {
    static WHOLE: OnceLock<Tokenizer> = OnceLock::new();
    let Some(source) = text(data) else { return };
    let path = Path::new("tokenizer.json");
    if !source.trim_start().starts_with('{') {
        let whole = WHOLE.get_or_init(|| Tokenizer::from_json(TOKENIZER, path).expect("a tokenizer"));
        return assert_encodes(whole, source);
    }
    match Tokenizer::from_json(source, path) {
        Ok(tokenizer) => {
            for text in ["", "今天 hello [uv_break] Ǆ é\u{301} ﬁ 1", "[Stts][spk_emb]啊"] {
                assert_encodes(&tokenizer, text);
            }
        }
        Err(error) => assert_message(&error.to_string()),
    }
}

fn assert_encodes(tokenizer: &Tokenizer, text: &str) {
    match tokenizer.encode(text) {
        Ok(ids) => {
            assert!(ids.len() <= 4 * text.len() + 8, "{} tokens of {} bytes", ids.len(), text.len());
            if let Err(error) = tokenizer.decode(&ids) {
                assert_message(&error.to_string());
            }
            for id in ids.iter().take(16) {
                assert!(tokenizer.token(*id).is_some(), "a token {id} that is not known");
            }
        }
        Err(error) => assert_message(&error.to_string()),
    }
}
