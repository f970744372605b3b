//! Signs of units, and their names.

use crate::text::normalize::table::{self, Table, Words};

static UNITS: Table<(Vec<&str>, &str)> = Table::new("units", |cells| match cells {
    [english, _, chinese, name] => {
        let written = if *chinese == "=" { english } else { chinese };
        Some((table::forms(written).collect(), table::value(name)?))
    }
    _ => None,
});

/// Units that are often written in other cases.
static ANY_CASE: Words = Words::new("zh/words", "units: any case");

/// Units written in Chinese that things are counted or sold by.
pub static CHINESE: Words = Words::new("zh/words", "units: chinese");

/// Returns the name of a unit's sign, as in `m2` 平方米; none if it is no unit.
pub fn name(sign: &str) -> Option<String> {
    if let Some(name) = plain(sign) {
        return Some(name.into());
    }
    let (base, power) = if let Some(base) = sign.strip_suffix(['²', '2']) {
        (base, "平方")
    } else {
        (sign.strip_suffix(['³', '3'])?, "立方")
    };
    let base = plain(base.strip_suffix('^').unwrap_or(base))?;
    match base {
        "秒" if power == "平方" => Some("二次方秒".into()),
        base if base.ends_with('米') || base.ends_with("英寸") || base.ends_with("英尺") => {
            Some(format!("{power}{base}"))
        }
        _ => None,
    }
}

fn plain(sign: &str) -> Option<&'static str> {
    let find = |is: &dyn Fn(&str) -> bool| {
        UNITS.iter().find(|(forms, _)| forms.iter().any(|form| is(form))).map(|(_, name)| *name)
    };
    find(&|written| written == sign).or_else(|| {
        let loose = ANY_CASE.contains(&sign.to_ascii_lowercase());
        find(&|written| loose && written.eq_ignore_ascii_case(sign))
    })
}
