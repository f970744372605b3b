//! What is read digit by digit: telephone numbers, codes, rooms, trains, plates.

use super::context;
use super::number::{digits, integer, telephone};
use crate::text::normalize::rule::{Found, Rule};

/// Number plates, which begin with a letter.
pub const LATIN: &[Rule] =
    &[Rule { name: "plate", pattern: r"[A-HJ-NP-Z][·.•\- ]?[A-HJ-NP-Z0-9]{5,6}", read: plate }];

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
    Rule { name: "telephone", pattern: r"[48]00[0-9]{7}", read: phone },
    Rule { name: "telephone", pattern: r"[0-9]{3,4}[- ][0-9]{4}", read: called },
    Rule { name: "telephone", pattern: r"[0-9]{3,12}", read: called },
    // Bank cards and identity cards.
    Rule {
        name: "digits",
        pattern: r"[0-9]{4}(?: [0-9]{4}){2,4}(?: [0-9]{1,3})?",
        read: |found| found.stands_alone().then(|| digits(found.all())),
    },
    Rule { name: "digits", pattern: r"[1-9][0-9]{16}(?<last>[0-9Xx])", read: identity },
    Rule { name: "digits", pattern: r"[0-9]{3,4}", read: named },
    Rule { name: "digits", pattern: r"[0-9]{1,24}", read: code },
    // 85折 is 8.5折.
    Rule {
        name: "digits",
        pattern: r"[1-9][1-9](?<ahead>折)",
        read: |found| {
            (!found.previous().is_some_and(|c| c.is_ascii_digit() || c == '.')).then(|| digits(found.all()))
        },
    },
];

const PROVINCES: &str =
    "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼使领滬遼魯蘇贛閩貴粵寧瓊";

/// Before a number that is called.
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
/// After a number that is called.
const CALLED: &[&str] = &[
    "热线",
    "客服",
    "报警",
    "接警",
    "急救",
    "火警",
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

/// Before a code.
const CODES: &[&str] = &[
    "编号",
    "编码",
    "密码",
    "验证码",
    "账号",
    "帐号",
    "卡号",
    "学号",
    "工号",
    "车牌",
    "车牌号",
    "邮编",
    "邮政编码",
    "邮政",
    "QQ",
    "QQ号",
    "QQ群",
    "微信",
    "房间",
    "房间号",
    "代码",
    "号码",
    "尾号",
    "单号",
    "订单号",
    "订单",
    "身份证",
    "身份证号",
    "口令",
    "ID",
    "序列号",
    "航班",
    "航班号",
    "车次",
    "型号",
    "编號",
    "編號",
    "密碼",
    "驗證碼",
    "帳號",
    "郵編",
    "口令码",
    "邀请码",
    "取件码",
    "提取码",
    "门牌号",
    "批号",
    "证号",
    "学籍号",
    "流水号",
    "暗号",
    "证券代码",
    "股票代码",
    "識別碼",
    "波音",
    "空客",
    "麒麟",
    "骁龙",
    "天玑",
    "酷睿",
    "锐龙",
    "区号",
    "门牌",
    "群号",
    "机号",
    "条形码",
    "邮箱",
    "房号",
    "包厢",
    "骁龍",
    "代号",
    "动车",
    "高铁",
];
/// After a room, a road, a train.
const NUMBERED: &[&str] = &[
    "室",
    "房",
    "号房",
    "號房",
    "教室",
    "房间",
    "房間",
    "号室",
    "宿舍",
    "寝室",
    "病房",
    "包间",
    "包厢",
    "会议室",
    "国道",
    "省道",
    "县道",
    "国道",
    "高地",
    "次列车",
    "次航班",
    "次高铁",
    "次动车",
    "路公交",
    "路车",
    "路电车",
    "路公共",
    "路",
    "医院",
    "部队",
    "特别",
    "班列",
    "航班",
    "客机",
    "飞机",
    "中学",
    "工程",
    "大学",
    "高校",
    "院校",
    "学校",
    "厂",
    "晚会",
    "工作制",
    "政策",
    "加班",
];
/// Numbers that are names.
const NAMES: &[(&str, &[&str])] = &[
    ("985", &["、", "和", "/", "211", "，", "毕", "的", "名"]),
    ("211", &["、", "和", "/", "985", "，", "双", "毕", "的", "名"]),
    ("996", &["、", "的", "是", "福", "007"]),
    ("007", &[]),
    ("315", &["消", "打假", "曝光", "当"]),
    ("618", &["大促", "购物", "活动", "期间", "促销", "年中", "电商"]),
    ("520", &["表白", "快乐", "情人", "告白", "当天"]),
    ("1314", &[]),
    ("404", &["错误", "页面", "not", "报错"]),
    ("911", &["事件", "恐"]),
    ("918", &["事变"]),
    ("301", &["医院", "总医院"]),
    ("731", &["部队"]),
    ("502", &["胶", "错误"]),
    ("361", &["度"]),
    ("1080", &["P", "p"]),
    ("720", &["P", "p"]),
    ("1440", &["P", "p"]),
    ("2160", &["P", "p"]),
];

fn alone(found: &Found) -> bool {
    let part = |text: &str| {
        text.strip_prefix(['.', '-', '/', ':', ','])
            .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
    };
    let unit = found.next().is_some_and(|c| "%‰°²³^×+*=~".contains(c));
    found.stands_alone()
        && !part(found.after())
        && !unit
        && !found.before().ends_with(['.', '/', '=', '+', '×', '¥', '$', '~'])
}

fn phone(found: &Found) -> Option<String> {
    // Something longer goes on.
    if !found.stands_alone()
        || context::measure_follows(found.after())
            && !found.all().contains(['-', ' ', '+'])
            && !found.after().starts_with(['来', '打', '发', '多'])
    {
        return None;
    }
    let plus = if found.all().starts_with('+') { "加" } else { "" };
    Some(format!("{plus}{}", telephone(found.all())))
}

/// What stands before a number and its colon.
fn label(before: &str) -> &str {
    before.trim_end_matches([
        ' ', ':', '：', '是', '为', '為', '“', '"', '(', '（', '「', '了', '【', '就', '请',
    ])
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
    let short = before
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
    let known = KNOWN.contains(&text);
    (!counted && (cued || long || short || known)).then(|| telephone(text))
}

fn identity(found: &Found) -> Option<String> {
    let spoken = digits(found.all());
    let last = if found.get("last").eq_ignore_ascii_case("x") { "X" } else { "" };
    found.stands_alone().then(|| spoken + last)
}

/// A number that says which room, road or school.
fn named(found: &Found) -> Option<String> {
    let text = found.all();
    let p = found.next().is_some_and(|c| matches!(c, 'P' | 'p'))
        && !found.previous().is_some_and(|c| c.is_ascii_alphanumeric());
    if !p && !alone(found) {
        return None;
    }
    let name = NAMES.iter().any(|(name, after)| {
        *name == text && (context::starts_with_any(found.after(), after) || after.is_empty())
    });
    let round = text.ends_with("00");
    let room = !round
        && context::starts_with_any(found.after(), NUMBERED)
        && !context::starts_with_any(found.after(), &["房产", "路人", "厂家", "房屋", "路口", "路程"]);
    (name || room).then(|| digits(text))
}

fn code(found: &Found) -> Option<String> {
    let text = found.all();
    if text.len() < 2 || !alone(found) {
        return None;
    }
    let coded =
        context::ends_with_any(label(found.before()), CODES) && !context::measure_follows(found.after());
    // 京A is followed by a plate's number even without its letters.
    let train =
        found.before().ends_with(|c: char| "GDCZTKYLS".contains(c)) && found.after().starts_with("次");
    if train && text.len() <= 2 {
        return Some(integer(text));
    }
    (coded || train).then(|| digits(text))
}

fn plate(found: &Found) -> Option<String> {
    let text = found.all();
    let numbers = text.chars().filter(char::is_ascii_digit).count();
    if !found.previous().is_some_and(|c| PROVINCES.contains(c))
        || numbers < 2
        || found.next().is_some_and(|c| c.is_ascii_alphanumeric())
    {
        return None;
    }
    let mut spoken = String::new();
    let mut letter_before = false;
    for c in text.chars() {
        if c.is_ascii_alphabetic() {
            if letter_before {
                spoken.push(' ');
            }
            spoken.push(c);
        } else {
            spoken += &telephone(c.encode_utf8(&mut [0; 4]));
        }
        letter_before = c.is_ascii_alphabetic();
    }
    Some(spoken)
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
            ("请拨打110", "请拨打幺幺零"),
            ("火警电话是119", "火警电话是幺幺九"),
            ("快打120！", "快打幺二零。"),
            ("客服热线95588", "客服热线九五五八八"),
            ("在12306上买票", "在幺二三零六上买票"),
            ("拨打10086查询", "拨打幺零零八六查询"),
            ("110报警中心", "幺幺零报警中心"),
            ("110个", "一百一十个"),
            ("120元", "一百二十元"),
            ("打10分", "打十分"),
            ("電話：2345-6789", "電話，二三四五六七八九"),
            ("联系电话：87654321", "联系电话，八七六五四三二幺"),
            ("有问题请致电400-800-8820。", "有问题请致电四零零八零零八八二零。"),
        ]);
    }

    #[test]
    fn codes_are_read() {
        check(&[
            ("身份证号110101199003077513", "身份证号一一零一零一一九九零零三零七七五一三"),
            ("11010119900307751X", "一一零一零一一九九零零三零七七五一X"),
            ("验证码是8848", "验证码是八八四八"),
            ("密码：123456", "密码，一二三四五六"),
            ("邮编100871", "邮编一零零八七一"),
            ("301室", "三零一室"),
            ("1208房间", "一二零八房间"),
            ("3号楼2单元501室", "三号楼二单元五零一室"),
            ("房间302", "房间三零二"),
            ("318国道", "三一八国道"),
            ("乘坐302路公交", "乘坐三零二路公交"),
            ("G1234次列车", "G一二三四次列车"),
            ("CA1501航班", "CA一五零一航班"),
            ("京A12345", "京A幺二三四五"),
            ("粤B·8D123", "粤B八D幺二三"),
            ("沪AD12345", "沪A D幺二三四五"),
            ("波音737", "波音七三七"),
            ("985和211大学", "九八五和二一一大学"),
            ("996工作制", "九九六工作制"),
            ("1080P", "一零八零P"),
            ("股票代码600519", "股票代码六零零五一九"),
            ("卡号6222 0212 3456 7890", "卡号六二二二零二一二三四五六七八九零"),
            ("尾号1234的卡", "尾号一二三四的卡"),
            ("QQ号12345678", "QQ号一二三四五六七八"),
            ("RTX 4090显卡", "RTX 四零九零显卡"),
            ("双11", "双十一"),
        ]);
    }
}
