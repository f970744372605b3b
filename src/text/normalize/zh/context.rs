//! The words around a number, and what they say about it.

/// Measure words, before which two is 两.
const MEASURES: &[&str] = &[
    // Things.
    "个",
    "個",
    "位",
    "名",
    "人",
    "只",
    "隻",
    "条",
    "條",
    "件",
    "张",
    "張",
    "本",
    "台",
    "臺",
    "辆",
    "輛",
    "部",
    "家",
    "所",
    "座",
    "间",
    "間",
    "套",
    "份",
    "支",
    "枝",
    "根",
    "棵",
    "颗",
    "顆",
    "粒",
    "片",
    "块",
    "塊",
    "头",
    "頭",
    "匹",
    "群",
    "对",
    "對",
    "双",
    "雙",
    "副",
    "幅",
    "首",
    "篇",
    "章",
    "节",
    "節",
    "门",
    "門",
    "种",
    "種",
    "类",
    "類",
    "项",
    "項",
    "样",
    "樣",
    "组",
    "組",
    "队",
    "隊",
    "场",
    "場",
    "局",
    "盘",
    "盤",
    "户",
    "戶",
    "股",
    "笔",
    "筆",
    "起",
    "宗",
    "批",
    "道",
    "封",
    "朵",
    "串",
    "把",
    "扇",
    "顶",
    "頂",
    "艘",
    "架",
    "列",
    "枚",
    "发",
    "發",
    "款",
    "则",
    "則",
    "段",
    "句",
    "字",
    "行",
    "页",
    "頁",
    "杯",
    "瓶",
    "碗",
    "袋",
    "盒",
    "箱",
    "包",
    "桶",
    "罐",
    "勺",
    "滴",
    "层",
    "層",
    "口",
    "面",
    "边",
    "邊",
    "侧",
    "方面",
    "处",
    "處",
    "地",
    "国",
    "國",
    "省",
    "者",
    "大",
    "科",
    "课时",
    "成",
    "折",
    "金",
    "银",
    "銀",
    "铜",
    "銅",
    "束",
    "排",
    "堆",
    "堂",
    "课",
    "集",
    "季",
    "票",
    "尾",
    "卷",
    "册",
    "冊",
    "岸",
    "代人",
    "剂",
    "劑",
    "针",
    "針",
    "株",
    "桌",
    "餐",
    "碟",
    "壶",
    "筐",
    "捆",
    "管",
    "贴",
    "盆",
    "盏",
    "盞",
    "窝",
    "摞",
    "沓",
    "加仑",
    "盎司",
    "英亩",
    "克拉",
    "毫秒",
    "微秒",
    "纳秒",
    "卢比",
    "法郎",
    "泰铢",
    "澳元",
    "加元",
    "厅",
    "卫",
    "所",
    // Times and turns.
    "次",
    "天",
    "年",
    "周",
    "週",
    "星期",
    "礼拜",
    "小时",
    "小時",
    "分钟",
    "分鐘",
    "秒",
    "刻钟",
    "夜",
    "晚",
    "岁",
    "歲",
    "点",
    "點",
    "时",
    "時",
    "轮",
    "輪",
    "回",
    "遍",
    "趟",
    "下",
    "顿",
    "頓",
    "步",
    "倍",
    "分",
    "世纪",
    "季度",
    "学期",
    "更",
    "拍",
    "声",
    "聲",
    "阵",
    "圈",
    "任",
    // Measures and money.
    "米",
    "公里",
    "千米",
    "厘米",
    "毫米",
    "分米",
    "纳米",
    "微米",
    "英里",
    "英尺",
    "英寸",
    "海里",
    "里",
    "尺",
    "寸",
    "丈",
    "斤",
    "公斤",
    "千克",
    "克",
    "毫克",
    "微克",
    "吨",
    "噸",
    "磅",
    "升",
    "毫升",
    "亩",
    "畝",
    "公顷",
    "平方",
    "平米",
    "立方",
    "度",
    "摄氏度",
    "瓦",
    "千瓦",
    "伏",
    "安",
    "赫兹",
    "元",
    "圆",
    "毛",
    "角",
    "美元",
    "美金",
    "欧元",
    "英镑",
    "日元",
    "港元",
    "港币",
    "人民币",
    "块钱",
    "卢布",
    "韩元",
    "兆",
    "字节",
    "像素",
    "码",
    "卡",
    "千卡",
    "帕",
    "光年",
    "公尺",
    "公分",
    // Larger numbers.
    "百",
    "千",
    "万",
    "萬",
    "亿",
    "億",
    "多",
    "余",
    "餘",
    "来",
    "几",
];

/// Words that begin as a measure, but in which two is 二.
const NOT_MEASURES: &[&str] = &[
    "年级",
    "年級",
    "次方",
    "次元",
    "次函数",
    "次曲线",
    "元一次",
    "元二次",
    "分之",
    "人转",
    "人称",
    "项式",
    "手车",
    "手房",
    "本院校",
    "本线",
    "道贩子",
    "分法",
    "分音符",
    "大爷",
    "银行",
    "銀行",
    "金融",
    "大胜",
    "大勝",
    "大败",
    "大比分",
    "点五",
    "份制",
    "地块",
    "部曲",
    "人世界",
];

/// Words that make the number after them an ordinal.
const ORDINALS: &[&str] = &[
    "第", "初", "星期", "礼拜", "禮拜", "周", "週", "老", "高", "大", "十", "百", "千", "万", "萬", "亿",
    "億", "零", "点", "两", "NO.", "No.", "no.",
];

/// Words for what a number counts in the week, after 周.
const TURNS: &[&str] =
    &["次", "天", "个", "個", "节", "晚", "场", "堂", "小时", "小時", "顿", "篇", "集", "回"];

pub fn ends_with_any(text: &str, words: &[&str]) -> bool {
    words.iter().any(|word| text.ends_with(word))
}

pub fn starts_with_any(text: &str, words: &[&str]) -> bool {
    words.iter().any(|word| text.starts_with(word))
}

pub fn contains_any(text: &str, words: &[&str]) -> bool {
    words.iter().any(|word| text.contains(word))
}

/// Returns what was said before in the same sentence.
pub fn sentence_before(before: &str) -> &str {
    before.rsplit(['。', '！', '？', '；', '\n']).next().unwrap_or(before)
}

/// Returns what follows in the same sentence.
pub fn sentence_after(after: &str) -> &str {
    after.split(['。', '！', '？', '；', '\n']).next().unwrap_or(after)
}

/// Tells whether a measure word follows, maybe after the other end of a range.
pub fn measure_follows(after: &str) -> bool {
    let after = after.trim_start_matches(' ');
    is_measure(after) || range_end(after).is_some_and(is_measure)
}

fn is_measure(after: &str) -> bool {
    // 2室1厅
    let rooms = after
        .strip_prefix('室')
        .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit() || "一两三".contains(c)));
    rooms || starts_with_any(after, MEASURES) && !starts_with_any(after, NOT_MEASURES)
}

/// Returns what follows the second of two numbers.
fn range_end(after: &str) -> Option<&str> {
    const SIGNS: &[char] = &['-', '~', '–', '—', '〜', '至', '到', '、', '或'];
    let rest = after.strip_prefix(SIGNS)?.trim_start_matches(' ');
    let end = rest.trim_start_matches(|c: char| c.is_ascii_digit());
    (end.len() < rest.len()).then(|| end.trim_start_matches(' '))
}

/// Tells whether a unit of time follows.
pub fn is_unit_of_time(after: &str) -> bool {
    starts_with_any(after.trim_start_matches(' '), &["秒", "分", "小时", "小時", "天", "毫秒"])
}

/// Tells whether a number between these says which one, not how many.
pub fn is_ordinal(before: &str, after: &str) -> bool {
    let before = before.trim_end_matches(' ');
    if ends_with_any(before, &["每周", "每週", "每星期", "一周", "一週"])
        && starts_with_any(after.trim_start(), TURNS)
    {
        return false;
    }
    ends_with_any(before, ORDINALS)
}

/// Says how a Latin word stands before a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LatinBefore {
    /// Right before it, or before a hyphen or a point.
    Joined,
    /// With a space between.
    Spaced,
}

/// Returns how a Latin word stands before a number, if one does.
pub fn latin_before(before: &str) -> Option<LatinBefore> {
    let digit = |c: char| c.is_ascii_digit();
    // 1920x1080 is a product.
    let times = |text: &str| text.strip_suffix(['x', 'X']).is_some_and(|number| number.ends_with(digit));
    let letter = |text: &str| text.ends_with(|c: char| c.is_ascii_alphabetic()) && !times(text);
    if letter(before) || before.strip_suffix(['-', '.', '_']).is_some_and(letter) {
        return Some(LatinBefore::Joined);
    }
    // i7-12700
    if let Some(rest) = before.strip_suffix('-')
        && letter(rest.trim_end_matches(digit))
    {
        return Some(LatinBefore::Joined);
    }
    // R9 5900X
    let spaced =
        before.strip_suffix(' ').is_some_and(|word| letter(word) || letter(word.trim_end_matches(digit)));
    spaced.then_some(LatinBefore::Spaced)
}
