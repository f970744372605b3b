//! Telephone numbers: digit by digit, 幺 for 1.

use super::context;
use super::digits::{alone, label};
use super::number::telephone;
use crate::text::normalize::rule::{Found, Rule};

pub const RULES: &[Rule] = &[
    // 13812345678, 138-1234-5678, +86 138 1234 5678
    Rule {
        name: "telephone",
        pattern: r"(?:(?<plus>[+])?(?:86|852|853|886)[- ]?)?1[3-9][0-9](?:[0-9]{8}|-[0-9]{4}-[0-9]{4}| [0-9]{4} [0-9]{4})",
        read: phone,
    },
    Rule { name: "telephone", pattern: r"[+][0-9]{1,3}(?:[- ]?[0-9]{2,5}){2,4}", read: phone },
    // 010-12345678, (021)87654321-123
    Rule {
        name: "telephone",
        pattern: r"(?:[+]?86[- ]?)?(?:\(0[0-9]{2,3}\) ?|0(?:10|2[0-9]|[3-9][0-9]{2})[- ])[1-9](?:[0-9]{6,7}|[0-9]{2,3}[- ][0-9]{4})(?:-[0-9]{1,5})?",
        read: phone,
    },
    Rule {
        name: "telephone",
        pattern: r"[48]00[- ](?:[0-9]{3}[- ][0-9]{4}|[0-9]{4}[- ][0-9]{3}|[0-9]{7}|[0-9]{2}[- ][0-9]{5})",
        read: phone,
    },
    Rule { name: "telephone", pattern: r"[48]00(?:[0-9]{7}|[0-9]-[0-9]{3}-[0-9]{3})", read: phone },
    // (+86)10-12345678
    Rule { name: "telephone", pattern: r"\((?<plus>[+])[0-9]{1,3}\)(?:[- ]?[0-9]{2,11}){1,3}", read: phone },
    Rule { name: "telephone", pattern: r"[0-9]{3,4}[- ][0-9]{4}", read: called },
    Rule { name: "telephone", pattern: r"[0-9]{3,12}", read: called },
];

/// Words before a number that is called.
const CALLS: &[&str] = &[
    "电话",
    "手机",
    "热线",
    "拨打",
    "致电",
    "座机",
    "传真",
    "拨",
    "来电",
    "呼叫",
    "电话号码",
    "手机号",
    "手机号码",
    "联系方式",
    "客服",
    "總機",
    "總机",
    "总机",
    "分机",
    "電話",
    "手機",
    "熱線",
    "撥打",
    "撥",
    "專線",
    "专线",
    "TEL",
    "Tel",
    "tel",
    "固话",
    "咨询",
    "报警",
    "短信至",
    "发送至",
    "号码",
    "急救",
    "求助",
    "查询",
    "打",
    "打了",
    "拨打了",
    "拨通",
    "打给",
    "通过",
];
/// Words after a number that is called.
const CALLED: &[&str] = &[
    "热线",
    "客服",
    "报警",
    "接警",
    "急救",
    "火警",
    "消防",
    "投诉",
    "匪警",
    "民警",
    "警情",
    "专线",
    "指挥中心",
    "服务热线",
    "电话",
    "警察",
    "出警",
    "平台",
    "熱線",
    "電話",
    "救护车",
    "查号",
    "报案",
    "求助",
    "网站",
    "官网",
    "购票",
    "上买",
    "上购",
    "订票",
    "網站",
];
/// Numbers for emergencies, services and companies.
const SERVICES: &[&str] = &[
    "110", "119", "120", "122", "114", "911", "12306", "12315", "12345", "12333", "12348", "12366", "12320",
    "12355", "12123", "12329", "12369", "12328", "12319", "12318", "12388", "10086", "10010", "10000",
    "10001", "10099", "95588", "95533", "95599", "95566", "95555", "95559", "95518", "95511", "95338",
    "95598", "96110", "999", "96777", "95017",
];
/// Services that are known by their numbers alone.
const KNOWN: &[&str] = &["12306", "12315", "10086", "10010", "12123", "95588"];

fn phone(found: &Found) -> Option<String> {
    // Something longer goes on.
    if !found.stands_alone()
        || context::measure_follows(found.after())
            && !found.all().contains(['-', ' ', '+'])
            && !found.after().starts_with(['来', '打', '发', '多'])
    {
        return None;
    }
    let plus = if found.all().starts_with(['+', '(']) && found.all().contains('+') { "加" } else { "" };
    Some(format!("{plus}{}", telephone(found.all())))
}

fn called(found: &Found) -> Option<String> {
    let text = found.all();
    if !alone(found) {
        return None;
    }
    let label = label(found.before());
    let service = SERVICES.contains(&text);
    let counted = context::measure_follows(found.after()) && !found.after().starts_with(['来', '发', '打']);
    let before = context::ends_with_any(label, CALLS);
    let near = context::sentence_before(found.before());
    let cued = service
        && (context::contains_any(
            near,
            &[
                "拨", "电话", "报警", "急救", "客服", "热线", "求助", "电话", "呼叫", "打给", "撥", "電話",
                "救护",
            ],
        ) || context::starts_with_any(found.after(), CALLED)
            || context::ends_with_any(label, &["打", "打了", "找", "叫"]));
    let long = text.len() >= 5
        && before
        && !context::ends_with_any(label, &["通过", "咨询", "查询", "打", "求助", "呼叫"]);
    let extension =
        label.strip_suffix('转').is_some_and(|number| number.ends_with(|c: char| c.is_ascii_digit()));
    let short = extension
        || before
            && context::ends_with_any(
                label,
                &[
                    "电话",
                    "拨打",
                    "热线",
                    "致电",
                    "总机",
                    "分机",
                    "客服",
                    "電話",
                    "撥打",
                    "熱線",
                    "拨",
                    "分机号",
                    "TEL",
                    "Tel",
                ],
            );
    // Alone it is no amount either.
    let only = matches!(text, "110" | "119") && found.before().is_empty() && found.after().is_empty();
    let known = KNOWN.contains(&text) || only;
    (!counted && (cued || long || short || known)).then(|| telephone(text))
}

#[cfg(test)]
mod tests {
    use crate::text::normalize::zh::check;

    #[test]
    fn telephone_numbers_are_read() {
        check(&[
            ("13812345678", "幺三八幺二三四五六七八"),
            ("手机号：13900001111", "手机号，幺三九零零零零幺幺幺幺"),
            ("138-1234-5678", "幺三八幺二三四五六七八"),
            ("138 1234 5678", "幺三八幺二三四五六七八"),
            ("+86 13812345678", "加八六幺三八幺二三四五六七八"),
            ("010-12345678", "零幺零幺二三四五六七八"),
            ("021-87654321", "零二幺八七六五四三二幺"),
            ("0755-26668888", "零七五五二六六六八八八八"),
            ("(010)62345678", "零幺零六二三四五六七八"),
            ("400-123-4567", "四零零幺二三四五六七"),
            ("4008123123", "四零零八幺二三幺二三"),
            ("800-810-1234", "八零零八幺零幺二三四"),
            ("4008-123-123", "四零零八幺二三幺二三"),
            ("(+86)10-12345678", "加八六幺零幺二三四五六七八"),
            ("请拨打110", "请拨打幺幺零"),
            ("火警电话是119", "火警电话是幺幺九"),
            ("快打120！", "快打幺二零。"),
            ("客服热线95588", "客服热线九五五八八"),
            ("在12306上买票", "在幺二三零六上买票"),
            ("拨打10086查询", "拨打幺零零八六查询"),
            ("119消防", "幺幺九消防"),
            ("110指挥中心接到报警", "幺幺零指挥中心接到报警"),
            ("打12345市民热线", "打幺二三四五市民热线"),
            ("电话：010-88886666转8001", "电话，零幺零八八八八六六六六转八零零幺"),
            ("110", "幺幺零"),
            ("110报警中心", "幺幺零报警中心"),
            ("110个", "一百一十个"),
            ("120元", "一百二十元"),
            ("打10分", "打十分"),
            ("電話：2345-6789", "電話，二三四五六七八九"),
            ("联系电话：87654321", "联系电话，八七六五四三二幺"),
            ("有问题请致电400-800-8820。", "有问题请致电四零零八零零八八二零。"),
        ]);
    }
}
