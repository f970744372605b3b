//! Conversations as people write them down: who speaks, a colon, and what is said.

use super::CONTROL_TOKENS;

/// The most characters and words of a speaker's name; what is longer is a sentence with a colon in it.
const MAX_CHARS: usize = 40;
const MAX_WORDS: usize = 4;
/// The most letters of an abbreviation in a name, such as `Prof.`.
const MAX_ABBREVIATION: usize = 4;

/// One turn of a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turn {
    /// The name of who speaks, as it was written.
    pub speaker: String,
    /// The text that is said.
    pub text: String,
}

/// A turn or the reason why there is none, and the number of the line on which it begins, from 1.
pub type FoundTurn = (usize, Result<Turn, String>);

/// Reads the turns of a conversation: `Anna: text`, with a full-width colon too, `**Anna:** text`, `[Anna] text`,
/// `Anna (laughing): text`. A line that names nobody goes on with the turn before it, or, behind a blank line, is the
/// next turn of the same speaker. Headings and rules of Markdown are passed over.
pub fn turns(text: &str) -> Vec<FoundTurn> {
    let mut found: Vec<FoundTurn> = Vec::new();
    let mut speaker: Option<String> = None;
    let mut is_apart = false;
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() {
            is_apart = true;
            continue;
        }
        if is_heading(line) || is_rule(line) {
            continue;
        }
        if let Some((name, said)) = named(line) {
            speaker = Some(name.to_string());
            found.push((number + 1, Ok(Turn { speaker: name.into(), text: said.into() })));
        } else if let Some(name) = &speaker {
            match found.last_mut() {
                Some((_, Ok(turn))) if !is_apart || turn.text.is_empty() => go_on(&mut turn.text, line),
                _ => found.push((number + 1, Ok(Turn { speaker: name.clone(), text: line.into() }))),
            }
        } else {
            let reason = "nobody is named who says this; a turn is written `Anna: text`";
            found.push((number + 1, Err(reason.into())));
        }
        is_apart = false;
    }
    for (_, turn) in &mut found {
        if let Ok(Turn { speaker, text }) = turn
            && text.is_empty()
        {
            *turn = Err(format!("{speaker} says nothing"));
        }
    }
    found
}

/// Splits a line into the name of a speaker and what is said, if it begins with a name.
pub fn named(line: &str) -> Option<(&str, &str)> {
    let line = ["- ", "* ", "> "].iter().find_map(|mark| line.strip_prefix(mark)).unwrap_or(line).trim();
    for (open, close) in [("**", "**"), ("__", "__")] {
        if let Some((inside, rest)) = line.strip_prefix(open).and_then(|rest| rest.split_once(close)) {
            let name = inside.trim().strip_suffix([':', '：']);
            let rest = rest.trim_start();
            return match (name, rest.strip_prefix([':', '：'])) {
                (Some(name), _) => Some((name_of(name)?, rest.trim())),
                (None, Some(rest)) => Some((name_of(inside)?, rest.trim())),
                (None, None) => None,
            };
        }
    }
    for (open, close) in [('[', ']'), ('【', '】')] {
        if let Some((inside, rest)) = line.strip_prefix(open).and_then(|rest| rest.split_once(close)) {
            // `[laugh]` stands in a text and is nobody.
            let is_token = CONTROL_TOKENS.iter().any(|token| token.trim_matches(['[', ']']) == inside)
                || inside.contains('_');
            let name = Some(inside).filter(|_| !is_token).and_then(name_of)?;
            let rest = rest.trim_start();
            return Some((name, rest.strip_prefix([':', '：']).unwrap_or(rest).trim()));
        }
    }
    let at = line.find([':', '：'])?;
    let colon = line[at..].chars().next()?;
    let rest = &line[at + colon.len_utf8()..];
    // A time, an address of the web.
    if colon == ':' && rest.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '/' | '\\' | ':')) {
        return None;
    }
    Some((name_of(&line[..at])?, rest.trim()))
}

/// Returns what is the name in the words before a colon, without the manner in brackets behind it.
fn name_of(words: &str) -> Option<&str> {
    let words = words.trim().trim_matches('*').trim();
    let name = match words.find(['(', '（']) {
        Some(at) if words.ends_with([')', '）']) => words[..at].trim(),
        _ => words,
    };
    let is_abbreviation = |word: &str| {
        let letters = word.trim_end_matches('.');
        letters.chars().count() <= MAX_ABBREVIATION && letters.starts_with(char::is_uppercase)
    };
    let is_word = |word: &str| {
        let marked = |c: char| ",;!?。，！？；、\"“”()（）[]<>{}=|".contains(c);
        !word.contains(marked) && (!word.contains('.') || is_abbreviation(word))
    };
    let count = name.chars().count();
    let is_name = (1..=MAX_CHARS).contains(&count)
        && name.contains(char::is_alphanumeric)
        && name.split_whitespace().count() <= MAX_WORDS
        && name.split_whitespace().all(is_word);
    is_name.then_some(name)
}

fn is_heading(line: &str) -> bool {
    let rest = line.trim_start_matches('#');
    rest.len() < line.len() && (rest.is_empty() || rest.starts_with(char::is_whitespace))
}

fn is_rule(line: &str) -> bool {
    let is_of = |mark: char| line.chars().all(|c| c == mark || c.is_whitespace());
    line.chars().count() >= 3 && ['-', '*', '_', '='].into_iter().any(is_of)
}

/// Appends a line to a text; between Han characters no space belongs.
fn go_on(text: &mut String, line: &str) {
    let is_wide = |c: char| u32::from(c) >= 0x2e80;
    let is_joined = text.is_empty() || text.ends_with(is_wide) && line.starts_with(is_wide);
    if !is_joined {
        text.push(' ');
    }
    text.push_str(line);
}

/// Returns the silence in seconds that parts a turn from the next: a question is answered sooner, what trails off is
/// left to itself, who is cut short is followed at once, and a long turn takes a breath more.
pub fn pause_after(text: &str, seconds: f64) -> f64 {
    const BREATH: f64 = 0.03;
    const LONGEST_BREATH: f64 = 0.3;
    let text = text.trim_end().trim_end_matches(['"', '”', '’', '\'', ')', '）', '」', '』', '*', ' ']);
    let mark = match text {
        _ if text.ends_with("...") || text.ends_with('…') => 0.8,
        _ if text.ends_with(['—', '–', '-']) => 0.1,
        _ if text.ends_with(['?', '？']) => 0.35,
        _ if text.ends_with([',', '，', '、', ';', '；', ':', '：']) => 0.25,
        _ if text.ends_with(['!', '！']) => 0.4,
        _ => 0.5,
    };
    let breath = if mark > 0.1 { (BREATH * seconds).min(LONGEST_BREATH) } else { 0.0 };
    // Whole milliseconds, as people would give them.
    ((mark + breath) * 1e3_f64).round() / 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<(usize, String)> {
        let shown = |turn: Result<Turn, String>| match turn {
            Ok(Turn { speaker, text }) => format!("{speaker}|{text}"),
            Err(reason) => format!("! {reason}"),
        };
        turns(text).into_iter().map(|(line, turn)| (line, shown(turn))).collect()
    }

    #[test]
    fn a_name_is_found_however_it_is_written() {
        for line in [
            "Anna: Hi, you.",
            "Anna：Hi, you.",
            "Anna:Hi, you.",
            "**Anna:** Hi, you.",
            "**Anna**: Hi, you.",
            "- **Anna：** Hi, you.",
            "__Anna__ : Hi, you.",
            "[Anna] Hi, you.",
            "[Anna]: Hi, you.",
            "【Anna】：Hi, you.",
            "Anna (laughing): Hi, you.",
            "Anna（笑）：Hi, you.",
            "  > Anna:   Hi, you.  ",
        ] {
            assert_eq!(read(line), [(1, "Anna|Hi, you.".to_string())], "{line}");
        }
        for (line, name) in
            [("Dr. Li: x", "Dr. Li"), ("Speaker 1: x", "Speaker 1"), ("小明：x", "小明"), ("旁白: x", "旁白")]
        {
            assert_eq!(named(line), Some((name, "x")), "{line}");
        }
    }

    #[test]
    fn a_sentence_with_a_colon_names_nobody() {
        for line in [
            "At 10:30 we leave.",
            "https://example.org is it.",
            "He told us, quite calmly: no.",
            "This is what we said to all of them: no.",
            "I waited. He said: no.",
            "[laugh] That is funny.",
            "[uv_break] Well.",
            ": nobody",
            "!?: nobody",
            "**Really** it is.",
        ] {
            assert_eq!(named(line), None, "{line}");
        }
    }

    #[test]
    fn turns_go_on_over_lines_and_part_at_blank_ones() {
        let text = "# Talk\n\nAnna: One\ntwo.\n---\n\nThree.\nBob：四，\n五。\n\nAnna:\nSix.\n";
        let expected = [(3, "Anna|One two."), (7, "Anna|Three."), (8, "Bob|四，五。"), (11, "Anna|Six.")];
        assert_eq!(read(text), expected.map(|(line, turn)| (line, turn.to_string())));
    }

    #[test]
    fn what_is_wrong_costs_its_own_turn() {
        let found = read("Once upon a time.\nAnna: Hi.\nBob:\n\nAnna: Bye.");
        assert!(found[0].1.starts_with("! nobody is named"), "{found:?}");
        assert_eq!(found[1..3], [(2, "Anna|Hi.".into()), (3, "! Bob says nothing".into())]);
        assert_eq!((found.len(), read("").len(), read("\n # x\n").len()), (4, 0, 0));
    }

    #[test]
    fn pauses_follow_marks_and_length() {
        let order = ["Wait —", "And then,", "Is it?", "No!", "Yes.", "Well..."];
        let pauses: Vec<f64> = order.iter().map(|text| pause_after(text, 1.0)).collect();
        assert!(pauses.is_sorted() && pauses[0] == 0.1 && pauses[5] == 0.83, "{pauses:?}");
        assert_eq!(pause_after("是吗？”", 0.0), 0.35);
        assert_eq!(pause_after("Long.", 60.0), 0.8);
        assert_eq!(pause_after("", 0.0), 0.5);
    }
}
