//! Ratios, odds and scores in English.

use super::amount::{begins, ends, has_word, last_word, word_after, word_before};
use super::number::{cardinal, decimal, year};
use crate::text::normalize::rule::{Found, Rule};

pub const RULES: &[Rule] = &[
    Rule { name: "odds", pattern: "(?P<first>[0-9]{1,4})[-–/](?P<second>[0-9]{1,3})", read: odds },
    Rule {
        name: "ratio",
        pattern: r"(?P<first>[0-9]{1,4}(?:\.[0-9]{1,3})?) ?: ?(?P<second>[0-9]{1,3}(?:,[0-9]{3}){1,3}|[0-9]{1,9})(?P<point>\.[0-9]{1,3})?(?: ?: ?(?P<third>[0-9]{1,4}))?",
        read: ratio,
    },
    Rule { name: "score", pattern: r"(?P<first>[0-9]{1,3}) ?[-–—] ?(?P<second>[0-9]{1,3})", read: score },
    Rule {
        name: "score",
        pattern: r"(?P<first>[0-9]{1,3}(?:\.[0-9])?)/(?P<second>100|10|20|5)",
        read: out_of,
    },
    Rule {
        name: "blood pressure",
        pattern: r"(?P<over>[12]?[0-9]{2})/(?P<under>1?[0-9]{2})(?P<unit> ?mm ?Hg)?",
        read: blood_pressure,
    },
];

/// Words near a ratio.
const RATIO: &[&str] = &[
    "ratio",
    "ratios",
    "odds",
    "scale",
    "aspect",
    "mix",
    "mixture",
    "proportion",
    "proportions",
    "diluted",
    "leverage",
];
/// Words before a score.
const BEFORE_SCORE: &[&str] = &[
    "won", "win", "wins", "winning", "beat", "beats", "beating", "lost", "lose", "loses", "losing", "score",
    "scores", "scored", "tied", "tie", "drew", "draw", "defeated", "defeat", "lead", "leads", "led",
    "leading", "trailing", "final", "finished", "ended",
];
/// Words somewhere before a score that stands behind a name or ends its clause.
const NEAR_SCORE: &[&str] = &[
    "won", "beat", "lost", "defeated", "beats", "score", "tied", "drew", "passed", "approved", "edged",
    "topped", "downed", "routed", "rejected",
];
/// Words after a score.
const AFTER_SCORE: &[&str] = &[
    "win",
    "wins",
    "victory",
    "defeat",
    "loss",
    "lead",
    "draw",
    "tie",
    "score",
    "vote",
    "decision",
    "record",
    "advantage",
];
/// Words before so many of so many points.
const BEFORE_RATING: &[&str] = &[
    "rated", "rate", "rating", "ratings", "scored", "score", "scores", "got", "grade", "gave", "give", "it",
    "solid", "perfect", "pain",
];

/// Words after odds.
const BETS: &[&str] = &[
    "odds",
    "favourite",
    "favorite",
    "favourites",
    "favorites",
    "outsider",
    "outsiders",
    "shot",
    "longshot",
    "underdog",
    "underdogs",
];

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
    let after =
        BETS.contains(&word_after(found)) && found.get("second") != "2" || word_after(found) == "odds";
    let favourite = word_after(found).starts_with("favo");
    (before || after || favourite).then_some(())?;
    Some(format!("{} to {}", cardinal(found.get("first"))?, cardinal(found.get("second"))?))
}

fn ratio(found: &Found) -> Option<String> {
    if found.all() == "50:50" && begins(found) && ends(found) {
        return Some("fifty fifty".into());
    }
    if !begins(found)
        || !ends(found)
        || found.after().starts_with(':')
        || found.before().ends_with([':', '.'])
    {
        return None;
    }
    let (first, second) = (found.get("first"), found.get("second").replace(',', ""));
    let near = has_word(found.before(), RATIO) || RATIO.contains(&word_after(found));
    // No time of day: its minutes have two digits.
    let no_time = second.len() != 2 && !found.has("third") && !found.all().contains(' ') && first != "0";
    if !near && !no_time {
        return None;
    }
    let mut spoken = format!("{} to {}", number(first)?, number(&format!("{second}{}", found.get("point")))?);
    if found.has("third") {
        spoken = format!("{spoken} to {}", number(found.get("third"))?);
    }
    Some(spoken)
}

fn score(found: &Found) -> Option<String> {
    let goes_on = |c: char| matches!(c, '-' | '–' | '/' | ':' | '%');
    if !begins(found)
        || !ends(found)
        || found.next().is_some_and(goes_on)
        || found.previous().is_some_and(goes_on)
    {
        return None;
    }
    let before = BEFORE_SCORE.contains(&word_before(found).as_str());
    let nearby = has_word(found.before(), NEAR_SCORE);
    let after = AFTER_SCORE.contains(&word_after(found));
    let by_name =
        nearby && matches!(word_after(found), "" | "in" | "on" | "at" | "after" | "with" | "and" | "to");
    (before || after || by_name).then_some(())?;
    Some(format!("{} to {}", cardinal(found.get("first"))?, cardinal(found.get("second"))?))
}

fn out_of(found: &Found) -> Option<String> {
    if !begins(found) || !ends(found) || found.after().starts_with('/') {
        return None;
    }
    let rating = BEFORE_RATING.contains(&word_before(found).as_str())
        || word_before(found) == "a" && word_after(found).is_empty();
    let near = has_word(found.before(), &["score", "scores", "rating", "grade", "rated"]);
    let rating = rating || matches!(word_after(found), "rating" | "score" | "grade" | "stars");
    (near || rating || found.get("first").contains('.')).then_some(())?;
    Some(format!("{} out of {}", number(found.get("first"))?, cardinal(found.get("second"))?))
}

/// Reads a blood pressure: one twenty over eighty.
fn blood_pressure(found: &Found) -> Option<String> {
    let meant = found.has("unit") || has_word(found.before(), &["BP", "pressure"]);
    (begins(found) && ends(found) && meant && !found.after().starts_with('/')).then_some(())?;
    let unit = if found.has("unit") { " millimeters of mercury" } else { "" };
    Some(format!("{} over {}{unit}", year(found.get("over"))?, year(found.get("under"))?))
}

fn number(text: &str) -> Option<String> {
    match text.split_once('.') {
        Some((whole, fraction)) => decimal(whole, fraction),
        None => cardinal(text),
    }
}

#[cfg(test)]
mod tests {
    use crate::text::normalize::en::tests::check;

    #[test]
    fn ratios_and_scores() {
        check(&[
            ("3:1", "three to one"),
            ("a ratio of 16:9", "a ratio of sixteen to nine"),
            ("a 16:10 aspect ratio", "a sixteen to ten aspect ratio"),
            ("a scale of 1:100", "a scale of one to one hundred"),
            ("1:50,000", "one to fifty thousand"),
            ("split it 50:50", "split it fifty fifty"),
            ("a 2:1 mixture", "a two to one mixture"),
            ("mix at a ratio of 1:2:3", "mix at a ratio of one to two to three"),
            ("a ratio of 1.5:1", "a ratio of one point five to one"),
            ("a score of 70/100", "a score of seventy out of one hundred"),
            ("They won 3-2.", "They won three to two."),
            ("a 3-2 victory", "a three to two victory"),
            ("The final score was 21-14.", "The final score was twenty one to fourteen."),
            ("beat Chelsea 4–0", "beat Chelsea four to zero"),
            ("lost 5-3 to Spain", "lost five to three to Spain"),
            ("a 7/10 rating", "a seven out of ten rating"),
            ("I rate it 8/10", "I rate it eight out of ten"),
            ("scored 98/100", "scored ninety eight out of one hundred"),
            (
                "They beat the Celtics 112-108 in overtime.",
                "They beat the Celtics one hundred and twelve to one hundred and eight in overtime.",
            ),
            ("It passed 218-213.", "It passed two hundred and eighteen to two hundred and thirteen."),
            ("odds of 10/1", "odds of ten to one"),
            ("at 5/2 odds", "at five to two odds"),
            ("a 100-1 outsider", "a one hundred to one outsider"),
            ("the 7/2 favourite", "the seven to two favourite"),
            ("a 50/50 shot", "a fifty fifty shot"),
            ("a 1/2 shot of rum", "a one half shot of rum"),
            ("a blood pressure of 120/80", "a blood pressure of one twenty over eighty"),
            ("120/80 mmHg", "one twenty over eighty millimeters of mercury"),
            ("a rating of 4.5/5", "a rating of four point five out of five"),
        ]);
    }
}
