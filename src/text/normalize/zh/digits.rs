//! Numbers that are read digit by digit: codes, rooms, trains, plates.

use super::context;
use super::number::{digits, integer, telephone};
use crate::text::language::is_han;
use crate::text::normalize::rule::{Found, Rule};

/// Number plates, which begin with a letter.
pub const LATIN: &[Rule] =
    &[Rule { name: "plate", pattern: r"[A-HJ-NP-Z][·.•\- ]?[A-HJ-NP-Z0-9]{5,6}", read: plate }];

pub const RULES: &[Rule] = &[
    // Bank cards and identity cards.
    Rule {
        name: "digits",
        pattern: r"[0-9]{4}(?: [0-9]{4}){2,4}(?: [0-9]{1,3})?",
        read: |found| found.stands_alone().then(|| digits(found.all())),
    },
    // 会议号 886 123 456
    Rule {
        name: "digits",
        pattern: r"[0-9]{2,4}(?:(?: [0-9]{2,4}){1,4}|(?:-[0-9]{2,4}){2,4})",
        read: grouped,
    },
    // ISBN
    Rule {
        name: "digits",
        pattern: r"97[89][- ]?[0-9](?:[- ]?[0-9]{2,8}){2,3}[- ]?[0-9Xx]",
        read: |found| {
            let named = label(found.before()).ends_with("ISBN");
            (named && found.stands_alone()).then(|| digits(found.all()))
        },
    },
    Rule { name: "digits", pattern: r"[1-9][0-9]{16}(?<last>[0-9Xx])", read: identity },
    Rule { name: "digits", pattern: r"[0-9]{3,4}", read: named },
    Rule { name: "digits", pattern: r"[0-9]{1,24}", read: code },
    Rule {
        name: "digits",
        pattern: r"211/985|985/211",
        read: |found| {
            let (a, b) = found.all().split_once('/')?;
            found.stands_alone().then(|| format!("{}，{}", digits(a), digits(b)))
        },
    },
    // 贵州茅台(600519), 00700.HK
    Rule { name: "digits", pattern: r"[0-9]{4,6}", read: stock },
    Rule {
        name: "digits",
        pattern: r"88(?<ahead>VIP)",
        read: |found| (!found.previous().is_some_and(|c| c.is_ascii_alphanumeric())).then(|| "八八".into()),
    },
    // Cheers and laughs of the net: 简直666, 23333.
    Rule { name: "digits", pattern: r"6{3,8}|23{2,8}|88{1,3}|5201314|1314520|520|1314", read: net },
    // 95式 and 99A坦克, by the year.
    Rule {
        name: "digits",
        pattern: r"[0-9]{2}(?<ahead>式|A(?:坦克|主战|型坦克))",
        read: |found| {
            (!found.previous().is_some_and(|c| c.is_ascii_alphanumeric())).then(|| digits(found.all()))
        },
    },
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

/// Words before digits that cheer or laugh.
const CHEERS: &[&str] = &[
    "简直",
    "真是",
    "真的",
    "太",
    "操作",
    "这波",
    "这波操作",
    "老铁",
    "直呼",
    "扣",
    "刷",
    "哈哈",
    "笑死",
    "拜拜",
    "爱你",
    "纯属",
];

fn net(found: &Found) -> Option<String> {
    let cheers = context::ends_with_any(found.before().trim_end_matches(['，', ' ', '“']), CHEERS);
    let counts = context::measure_follows(found.after())
        || found.next().is_some_and(|c| c.is_ascii_alphanumeric() || ".%‰:/-".contains(c));
    let vows = matches!(found.all(), "5201314" | "1314520");
    (found.stands_alone() && (cheers || vows) && !counts).then(|| digits(found.all()))
}

/// Beginnings of the codes of Chinese stocks.
const STOCKS: &[&str] = &["600", "601", "603", "605", "688", "000", "001", "002", "003", "300", "301"];

/// Reads the code of a stock, after its name and in brackets or before its exchange.
fn stock(found: &Found) -> Option<String> {
    let text = found.all();
    let exchange = context::starts_with_any(found.after(), &[".SH", ".SZ", ".SS", ".BJ", ".HK"]);
    let name = found.before().strip_suffix(['(', '（']).and_then(|before| before.chars().next_back());
    let bracketed = name.is_some_and(is_han) && found.after().starts_with([')', '）']);
    let listed = text.len() == 6 && context::starts_with_any(text, STOCKS) && !text.ends_with("0000");
    let alone = !found.next().is_some_and(|c| c.is_ascii_digit()) && !found.before().ends_with(['.', ',']);
    (alone && (exchange || bracketed && listed)).then(|| digits(text))
}

/// Words before a code.
const CODES: &[&str] = &[
    "编号",
    "端口",
    "端口号",
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
    "会议号",
    "会议ID",
    "會議號",
    "条形码",
    "邮箱",
    "房号",
    "包厢",
    "骁龍",
    "代号",
    "动车",
    "高铁",
];
/// Words after the number of a room, a road, a train.
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
    "高地",
    "端口",
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
    "大楼",
    "忠狗",
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
    ("1024", &["程序员"]),
    ("404", &["错误", "页面", "not", "报错"]),
    ("911", &["事件", "恐"]),
    ("918", &["事变"]),
    ("301", &["医院", "总医院"]),
    ("731", &["部队"]),
    ("999", &["足金", "感冒", "黄金"]),
    ("737", &["MAX", " MAX"]),
    ("502", &["胶", "错误"]),
    ("361", &["度"]),
    ("1080", &["P", "p"]),
    ("720", &["P", "p"]),
    ("1440", &["P", "p"]),
    ("2160", &["P", "p"]),
];

pub fn alone(found: &Found) -> bool {
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

/// Returns what stands before a number and its colon.
pub fn label(before: &str) -> &str {
    before.trim_end_matches([
        ' ', ':', '：', '是', '为', '為', '“', '"', '(', '（', '「', '了', '【', '就', '请',
    ])
}

fn identity(found: &Found) -> Option<String> {
    let spoken = digits(found.all());
    let last = if found.get("last").eq_ignore_ascii_case("x") { "X" } else { "" };
    found.stands_alone().then(|| spoken + last)
}

/// Reads a number that says which room, road or school.
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
    // 2单元303
    let door = context::ends_with_any(found.before(), &["单元", "栋", "幢", "楼", "座"])
        && !context::measure_follows(found.after());
    (name || room || door).then(|| digits(text))
}

fn grouped(found: &Found) -> Option<String> {
    let coded = context::ends_with_any(label(found.before()), CODES);
    (coded && alone(found) && !context::measure_follows(found.after())).then(|| digits(found.all()))
}

fn code(found: &Found) -> Option<String> {
    let text = found.all();
    if !alone(found) {
        return None;
    }
    let coded =
        context::ends_with_any(label(found.before()), CODES) && !context::measure_follows(found.after());
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
    fn codes_are_read() {
        check(&[
            ("简直666", "简直六六六"),
            ("这波操作666啊", "这波操作六六六啊"),
            ("贵州茅台(600519)跌2%", "贵州茅台，六零零五一九，跌百分之二"),
            ("宁德时代（300750.SZ）", "宁德时代，三零零七五零点S Z，"),
            ("腾讯00700.HK大涨", "腾讯零零七零零点H K大涨"),
            ("参赛人数(300000)", "参赛人数，三十万，"),
            ("88VIP会员", "八八V I P会员"),
            ("5201314", "五二零一三一四"),
            ("5201314元", "五百二十万一千三百一十四元"),
            ("花了666元", "花了六百六十六元"),
            ("身份证号110101199003077513", "身份证号一一零一零一一九九零零三零七七五一三"),
            ("11010119900307751X", "一一零一零一一九九零零三零七七五一X"),
            ("验证码是8848", "验证码是八八四八"),
            ("密码：123456", "密码，一二三四五六"),
            ("邮编100871", "邮编一零零八七一"),
            ("301室", "三零一室"),
            ("1208房间", "一二零八房间"),
            ("3号楼2单元501室", "三号楼二单元五零一室"),
            ("1栋2单元303", "一栋二单元三零三"),
            ("房间302", "房间三零二"),
            ("A座1203", "A座一二零三"),
            ("318国道", "三一八国道"),
            ("乘坐302路公交", "乘坐三零二路公交"),
            ("G1234次列车", "G一二三四次列车"),
            ("D2次列车", "D二次列车"),
            ("K字头的Z38次", "K字头的Z三十八次"),
            ("CA1501航班", "CA一五零一航班"),
            ("京A12345", "京A幺二三四五"),
            ("粤B·8D123", "粤B八D幺二三"),
            ("沪AD12345", "沪A D幺二三四五"),
            ("95式步枪", "九五式步枪"),
            ("99A坦克", "九九A坦克"),
            ("1024程序员节", "一零二四程序员节"),
            ("端口号为3306", "端口号为三三零六"),
            ("999足金", "九九九足金"),
            ("404错误", "四零四错误"),
            ("MH370", "MH三七零"),
            ("101大楼", "一零一大楼"),
            ("波音737", "波音七三七"),
            ("985和211大学", "九八五和二一一大学"),
            ("985/211毕业", "九八五，二一一毕业"),
            ("996工作制", "九九六工作制"),
            ("1080P", "一零八零P"),
            ("股票代码600519", "股票代码六零零五一九"),
            ("卡号6222 0212 3456 7890", "卡号六二二二零二一二三四五六七八九零"),
            ("尾号1234的卡", "尾号一二三四的卡"),
            ("QQ号12345678", "QQ号一二三四五六七八"),
            ("RTX 4090显卡", "RTX 四零九零显卡"),
            ("双11", "双十一"),
            ("房间301-305", "房间三百零一到三百零五"),
            ("会议号：886 123 456", "会议号，八八六一二三四五六"),
            ("订单 3 - 5 天送达", "订单 三到五 天送达"),
            ("ISBN 978-7-111-12345-6", "ISBN 九七八七一一一一二三四五六"),
        ]);
    }
}
