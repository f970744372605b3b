//! Scores and ratios.

use super::context;
use crate::text::normalize::rule::{Found, Rule, is_digit, rule};
use crate::text::normalize::table::Words;

pub const RULES: &[Rule] = &[
    rule("ratio", "{ratio_of_numbers}", ratio),
    rule("score", r"(?<a>[0-9]{1,3}) ?[-–—] ?(?<b>[0-9]{1,3})", hyphened),
    // Between the names of two sides: 湖人108/102勇士
    rule("score", r"(?<a>[0-9]{1,3})/(?<b>[0-9]{1,3})", slashed),
];

static BEFORE: Words = Words::new("zh/words", "score: before");
static AFTER: Words = Words::new("zh/words", "score: after");
/// Words right before a ratio, and right after one.
static RATIO_BEFORE: Words = Words::new("zh/words", "score: ratio before");
static RATIO_AFTER: Words = Words::new("zh/words", "score: ratio after");

/// Teams, and words that end their names.
static TEAMS: Words = Words::new("zh/words", "score: teams");

/// Tells whether the words around it say that it is a score or a ratio, not a time.
pub fn is_score(found: &Found) -> bool {
    let until = found.before().strip_suffix(['-', '—', '–', '~', '至', '到']);
    if until.is_some_and(|from| from.ends_with(is_digit)) && found.all().contains(':') {
        return false;
    }
    let before = context::sentence_before(found.before());
    let after = context::sentence_after(found.after());
    let near_before = before.trim_end_matches([' ', '为', '是', '：', ':', '，', '“', '"']);
    let near_after = after.trim_start_matches([' ', '”', '"']);
    // 11-9、11-7、11-5: what is said of one is said of all.
    let score = |c: char| c.is_ascii_digit() || " -:、，和".contains(c);
    let first = before.trim_end_matches(score);
    let last = after.trim_start_matches(score);
    if found.all().contains('-') && (first.ends_with('以') || context::starts_with_any(last, &AFTER)) {
        return true;
    }
    if after_game(before) {
        return true;
    }
    let time = context::ends_with_any(
        near_before,
        &["上午", "下午", "晚上", "早上", "中午", "凌晨", "傍晚", "时间", "日", "号", "于", "在"],
    );
    if time && found.all().contains(':') {
        return false;
    }
    context::ends_with_any(near_before, &RATIO_BEFORE) && !near_before.ends_with("开始比")
        || context::starts_with_any(near_after, &RATIO_AFTER)
        || context::contains_any(before, &BEFORE) && !near_after.starts_with(['开', '进', '举', '结', '到'])
        || AFTER.iter().any(|word| near_after.find(word).is_some_and(|at| at <= 9))
        || context::ends_with_any(near_before, &TEAMS)
        || context::starts_with_any(near_after, &TEAMS) && !near_after.starts_with("队")
}

/// Tells whether `before` ends with another game, as in 11:8, 9:11: what cannot be a time is a score, and so
/// is what follows it.
fn after_game(before: &str) -> bool {
    let games = before.trim_end_matches([' ', ',', '，', '、', '和']);
    let Some(game) = games.rsplit(|c: char| !c.is_ascii_digit() && c != ':').next() else { return false };
    games.len() < before.len() && game.split_once(':').is_some_and(|(a, b)| !a.is_empty() && b.len() == 1)
}

/// Tells whether it is one of 6-4，3-6，7-5: games in a row, of which one falls, as no range does.
fn one_of_sets(found: &Found) -> bool {
    let (before, after) = found.around(|c| c.is_ascii_digit() || "-，、, ".contains(c));
    let row = format!("{before}{}{after}", found.all());
    let games: Vec<_> = row.split(['，', '、', ',', ' ']).filter(|game| !game.is_empty()).collect();
    let value = |text: &str| text.parse::<u8>().ok().filter(|_| text.len() <= 2);
    let mut falls = false;
    for game in &games {
        let Some((Some(a), Some(b))) = game.split_once('-').map(|(a, b)| (value(a), value(b))) else {
            return false;
        };
        falls |= a > b;
    }
    games.len() > 1 && falls
}

fn ratio(found: &Found) -> Option<String> {
    let standard = context::latin_before(found.before()).is_some() && found.get("a").len() > 2;
    (found.stands_alone() && found.next() != Some(':') && found.previous() != Some(':') && !standard)
        .then_some(())?;
    let (a, b, c) = (found.get("a"), found.get("b"), found.get("c"));
    let time_like = |minutes: &str| minutes.len() == 2 && minutes < "60";
    // Of three parts that could be a time it is one: 1:05:09.
    (!(time_like(b) && time_like(c))).then_some(())?;
    let clock = a.len() <= 2 && a.parse().is_ok_and(|hour: u8| hour <= 24) && time_like(b);
    (!clock || !(c.is_empty() || time_like(c)) || is_score(found)).then_some(())?;
    let cued = ["用时", "时长", "成绩", "耗时", "配速", "片长", "倒计时"];
    (!(time_like(b.split('.').next().unwrap_or(b)) && context::contains_any(found.before(), &cued)))
        .then_some(())?;
    found.say("{number:a}比{number:b}[比{number:c}]")
}

fn hyphened(found: &Found) -> Option<String> {
    (found.stands_alone()
        && !found.after().starts_with(['-', '.', '%', '~'])
        && !found.before().ends_with(['-', '.']))
    .then_some(())?;
    (!context::measure_follows(found.after()) && !found.precedes(&["月", "日", "号", "年"])).then_some(())?;
    let draw = found.get("a") == found.get("b") && found.after().starts_with('平');
    (draw || one_of_sets(found) || stands_for_sentence(found) || is_score(found))
        .then(|| found.say("{number:a}比{number:b}"))?
}

/// Tells whether it is all that a sentence says, or all that one begins with that is about a score.
fn stands_for_sentence(found: &Found) -> bool {
    let after = context::sentence_after(found.after());
    let all = found.after().starts_with(['。', '！']) || after.starts_with('，') && after.contains("比分");
    let small = found.get("a").len() < 3 && found.get("b").len() < 3;
    all && small && context::sentence_before(found.before()).trim().is_empty()
}

fn slashed(found: &Found) -> Option<String> {
    let sides = found.follows(&TEAMS) && found.precedes(&TEAMS);
    sides.then(|| found.say("{number:a}比{number:b}"))?
}
