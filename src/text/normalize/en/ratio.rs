//! Ratios, odds and scores in English.

use super::amount::{begins, ends, has_word, last_word, word_after, word_before};
use crate::text::normalize::rule::{Found, Rule, rule};
use crate::text::normalize::table::Words;

pub const RULES: &[Rule] = &[
    rule("odds", "(?P<first>[0-9]{1,4})[-–/](?P<second>[0-9]{1,3})", odds),
    rule("ratio", "{ratio}", ratio),
    rule("score", r"(?P<first>[0-9]{1,3}) ?[-–—] ?(?P<second>[0-9]{1,3})", score),
    rule("score", r"(?P<first>[0-9]{1,3}(?:\.[0-9])?)/(?P<second>100|10|20|5)", out_of),
    rule("blood pressure", "{blood_pressure}", blood_pressure),
];

/// Words near a ratio.
static RATIO: Words = Words::new("en/words", "ratio: ratio");
/// Words before a score.
static BEFORE_SCORE: Words = Words::new("en/words", "ratio: before score");
/// Words somewhere before a score that stands behind a name or ends its clause.
static NEAR_SCORE: Words = Words::new("en/words", "ratio: near score");
/// Words after a score.
static AFTER_SCORE: Words = Words::new("en/words", "ratio: after score");
/// Words before so many of so many points.
static BEFORE_RATING: Words = Words::new("en/words", "ratio: before rating");

/// Words after odds.
static BETS: Words = Words::new("en/words", "ratio: bets");

/// Reads odds of 10/1, a 50-1 outsider: ten to one.
fn odds(found: &Found) -> Option<String> {
    let goes_on = |c: char| matches!(c, '-' | '–' | '/' | ':' | '%');
    let whole = begins(found) && ends(found) && !found.next().is_some_and(goes_on);
    (whole && !found.previous().is_some_and(|c| goes_on(c) || matches!(c, '.' | ','))).then_some(())?;
    // A 50/50 shot.
    (found.get("first") != found.get("second")).then_some(())?;
    let head = found.before().trim_end();
    let link = [" of", " at", " are", " were", " is"].iter().find_map(|link| head.strip_suffix(link));
    let before = last_word(link.unwrap_or(head)) == "odds";
    // A man of odds and ends may have a 1/2 shot of rum.
    let after = BETS.contains(word_after(found)) && found.get("second") != "2" || word_after(found) == "odds";
    let favourite = word_after(found).starts_with("favo");
    (before || after || favourite).then_some(())?;
    found.say("{cardinal:first} to {cardinal:second}")
}

fn ratio(found: &Found) -> Option<String> {
    (begins(found)
        && ends(found)
        && !found.after().starts_with(':')
        && !found.before().ends_with([':', '.']))
    .then_some(())?;
    let second = found.get("second").replace(',', "");
    let whole = second.split('.').next().unwrap_or_default();
    let near = has_word(found.before(), &RATIO) || RATIO.contains(word_after(found));
    // No time of day: its minutes have two digits.
    let no_time =
        whole.len() != 2 && !found.has("third") && !found.all().contains(' ') && found.get("first") != "0";
    (near || no_time).then_some(())?;
    found.say("{number:first} to {number:second}[ to {number:third}]")
}

fn score(found: &Found) -> Option<String> {
    let goes_on = |c: char| matches!(c, '-' | '–' | '/' | ':' | '%' | '"' | '″' | '”');
    (begins(found)
        && ends(found)
        && !found.next().is_some_and(goes_on)
        && !found.previous().is_some_and(goes_on))
    .then_some(())?;
    let before = BEFORE_SCORE.contains(word_before(found).as_str());
    let nearby = has_word(found.before(), &NEAR_SCORE);
    let after = AFTER_SCORE.contains(word_after(found));
    let by_name =
        nearby && matches!(word_after(found), "" | "in" | "on" | "at" | "after" | "with" | "and" | "to");
    (before || after || by_name).then_some(())?;
    found.say("{cardinal:first} to {cardinal:second}")
}

fn out_of(found: &Found) -> Option<String> {
    (begins(found) && ends(found) && !found.after().starts_with('/')).then_some(())?;
    let rating = BEFORE_RATING.contains(word_before(found).as_str())
        || word_before(found) == "a" && word_after(found).is_empty();
    let near = has_word(found.before(), &["score", "scores", "rating", "grade", "rated"]);
    let rating = rating || matches!(word_after(found), "rating" | "score" | "grade" | "stars");
    (near || rating || found.get("first").contains('.')).then_some(())?;
    found.say("{number:first} out of {cardinal:second}")
}

/// Reads a blood pressure: one twenty over eighty.
fn blood_pressure(found: &Found) -> Option<String> {
    let meant = found.has("unit") || has_word(found.before(), &["BP", "pressure"]);
    (begins(found) && ends(found) && meant && !found.after().starts_with('/')).then_some(())?;
    found.say("{year:over} over {year:under}[ millimeters of mercury{if:unit}]")
}
