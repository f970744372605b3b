//! Telephone numbers: digit by digit, 幺 for 1.

use super::context;
use super::digits::{alone, label};
use super::number::telephone;
use crate::text::normalize::rule::{Found, Rule, is_digit, rule};
use crate::text::normalize::table::Words;

pub const RULES: &[Rule] = &[
    // 13812345678, 138-1234-5678, +86 138 1234 5678; 010-12345678, (021)87654321-123; 400-800-1234
    rule("telephone", r"{mobile}|{foreign}|{landline}|{hotline}", phone),
    rule("telephone", r"[0-9]{3,4}[- ](?:[0-9]{7,8}|[0-9]{4})", called),
    rule("telephone", r"[0-9]{3,12}", called),
];

/// Tells whether a text ends with so many last or first digits: 后四位.
fn is_last_digits(label: &str) -> bool {
    let count =
        label.strip_suffix('位').map(|label| label.trim_end_matches(|c| "两二三四五六七八23456".contains(c)));
    count.is_some_and(|label| label.ends_with(['后', '後', '末', '尾', '前']))
}

/// Words before a number that is called.
static CALLS: Words = Words::new("zh/words", "telephone: calls");
/// Words before a number that is called, of which the number may be short.
static SURE: Words = Words::new("zh/words", "telephone: sure");
/// Words near the number of a service.
static NEAR: Words = Words::new("zh/words", "telephone: near");
/// Words after a number that is called.
static CALLED: Words = Words::new("zh/words", "telephone: called");
/// Numbers for emergencies, services and companies.
static SERVICES: Words = Words::new("zh/words", "telephone: services");
/// Services that are known by their numbers alone.
const KNOWN: &[&str] = &["12306", "12315", "10086", "10010", "12123", "95588"];

fn phone(found: &Found) -> Option<String> {
    // Something longer goes on, or it says which one.
    (!found.before().ends_with('第')
        && found.stands_alone()
        && (!context::measure_follows(found.after())
            || found.all().contains(['-', ' ', '+'])
            || found.after().starts_with(['来', '打', '发', '多'])))
    .then_some(())?;
    let plus = if found.all().starts_with(['+', '(']) && found.all().contains('+') { "加" } else { "" };
    Some(format!("{plus}{}", telephone(found.all())))
}

fn called(found: &Found) -> Option<String> {
    let text = found.all();
    alone(found).then_some(())?;
    // 尾号为8011和1102
    let listed = found.before().strip_suffix(['和', '、', '及', '或']);
    let first = listed.map(|first| first.trim_end_matches(is_digit));
    let label =
        label(first.filter(|first| Some(first.len()) < listed.map(str::len)).unwrap_or(found.before()));
    if context::ends_with_any(label, &["尾号", "尾號"]) || is_last_digits(label) {
        return Some(telephone(text));
    }
    let service = SERVICES.contains(text);
    let counted = context::measure_follows(found.after()) && !found.after().starts_with(['来', '发', '打']);
    let before = context::ends_with_any(label, &CALLS);
    let near = context::sentence_before(found.before());
    let cued = service
        && (context::contains_any(near, &NEAR)
            || found.precedes(&CALLED)
            || context::ends_with_any(label, &["打", "打了", "找", "叫"]));
    let long = text.len() >= 5
        && before
        && !context::ends_with_any(label, &["通过", "咨询", "查询", "打", "求助", "呼叫"]);
    let extension = label.strip_suffix('转').is_some_and(|number| number.ends_with(is_digit));
    let short = extension || before && context::ends_with_any(label, &SURE);
    // Alone it is no amount either.
    let only = matches!(text, "110" | "119") && found.before().is_empty() && found.after().is_empty();
    let known = KNOWN.contains(&text) || only;
    (!counted && (cued || long || short || known)).then(|| telephone(text))
}
