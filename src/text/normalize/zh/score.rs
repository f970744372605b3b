//! Scores and ratios.

use super::context;
use super::number::number;
use crate::text::normalize::rule::{Found, Rule};

pub const RULES: &[Rule] = &[
    Rule {
        name: "ratio",
        pattern: r"(?<a>[0-9]{1,9}(?:\.[0-9]{1,6})?) ?[:∶] ?(?<b>[0-9]{1,9}(?:\.[0-9]{1,6})?)(?: ?[:∶] ?(?<c>[0-9]{1,9}(?:\.[0-9]{1,6})?))?",
        read: ratio,
    },
    Rule { name: "score", pattern: r"(?<a>[0-9]{1,3}) ?[-–—] ?(?<b>[0-9]{1,3})", read: hyphened },
];

const BEFORE: &[&str] = &[
    "比分",
    "战胜",
    "击败",
    "赢",
    "战平",
    "領先",
    "领先",
    "落后",
    "扳成",
    "扳平",
    "平局",
    "逼平",
    "击溃",
    "淘汰",
    "横扫",
    "不敌",
    "败给",
    "惜败",
    "险胜",
    "完胜",
    "半场",
    "首局",
    "次局",
    "末节",
    "决赛",
    "对阵",
    "联赛",
    "戰勝",
    "擊敗",
    "大胜",
    "输给",
    "爆冷",
    "总比分",
    "票数",
    "打成",
    "比赛",
    "主场以",
    "客场以",
    "赛果",
];
const AFTER: &[&str] = &[
    "战胜",
    "击败",
    "获胜",
    "领先",
    "領先",
    "落后",
    "战平",
    "取胜",
    "赢",
    "输给",
    "不敌",
    "逼平",
    "险胜",
    "大胜",
    "惜败",
    "的比分",
    "淘汰",
    "横扫",
    "戰勝",
    "擊敗",
    "完胜",
    "力克",
    "逆转",
    "负于",
    "胜出",
    "完败",
    "轻取",
    "反超",
];
/// Words right before a ratio, and right after one.
const RATIO_BEFORE: &[&str] = &[
    "比例",
    "配比",
    "比为",
    "之比",
    "比值",
    "按",
    "比例为",
    "比例是",
    "按照",
    "稀释",
    "比率",
    "赔率",
    "比",
    "以",
    "几率",
    "屏幕",
    "画面",
    "兑换",
    "换算",
];
const RATIO_AFTER: &[&str] = &[
    "的比例",
    "的比",
    "比例",
    "画面",
    "稀释",
    "配比",
    "的画",
    "的屏",
    "宽",
    "屏",
    "复刻",
    "的成绩",
    "兑换",
    "还原",
    "的优势",
    "的胜",
    "混合",
    "的赔率",
];

/// Teams, and words that end their names.
const TEAMS: &[&str] = &[
    "队",
    "隊",
    "中国",
    "日本",
    "韩国",
    "德国",
    "巴西",
    "法国",
    "英格兰",
    "西班牙",
    "葡萄牙",
    "阿根廷",
    "意大利",
    "荷兰",
    "美国",
    "英国",
    "俄罗斯",
    "澳大利亚",
    "伊朗",
    "沙特",
    "克罗地亚",
    "比利时",
    "瑞典",
    "瑞士",
    "丹麦",
    "波兰",
    "墨西哥",
    "乌拉圭",
    "摩洛哥",
    "国足",
    "女足",
    "男篮",
    "女篮",
    "女排",
    "男排",
    "国安",
    "申花",
    "泰山",
    "鲁能",
    "恒大",
    "上港",
    "海港",
    "皇马",
    "巴萨",
    "曼联",
    "曼城",
    "拜仁",
    "切尔西",
    "利物浦",
    "阿森纳",
    "热刺",
    "尤文",
    "国米",
    "米兰",
    "多特",
    "巴黎",
    "马竞",
    "湖人",
    "勇士",
    "火箭",
    "凯尔特人",
    "热火",
    "公牛",
    "骑士",
    "马刺",
    "快船",
    "太阳",
    "雄鹿",
    "篮网",
    "独行侠",
    "掘金",
    "雷霆",
    "猛龙",
    "尼克斯",
    "开拓者",
    "爵士",
    "国王",
    "森林狼",
    "鹈鹕",
    "老鹰",
    "辽宁",
    "广东",
    "北京",
    "上海",
    "浙江",
    "山东",
    "新疆",
    "EDG",
    "RNG",
    "IG",
    "T1",
    "TES",
    "JDG",
    "BLG",
];

/// Tells whether the words around it say that it is a score or a ratio, not a time.
pub fn is_score(found: &Found) -> bool {
    let before = context::sentence_before(found.before());
    let after = context::sentence_after(found.after());
    let near_before = before.trim_end_matches([' ', '为', '是', '：', ':', '，', '“', '"']);
    let near_after = after.trim_start_matches([' ', '”', '"']);
    // 11-9、11-7、11-5: what is said of one is said of all.
    let score = |c: char| c.is_ascii_digit() || " -:、，和".contains(c);
    let first = before.trim_end_matches(score);
    let last = after.trim_start_matches(score);
    if found.all().contains('-') && (first.ends_with('以') || context::starts_with_any(last, AFTER)) {
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
    context::ends_with_any(near_before, RATIO_BEFORE) && !near_before.ends_with("开始比")
        || context::starts_with_any(near_after, RATIO_AFTER)
        || context::contains_any(before, BEFORE) && !near_after.starts_with(['开', '进', '举', '结', '到'])
        || AFTER.iter().any(|word| near_after.find(word).is_some_and(|at| at <= 9))
        || context::ends_with_any(near_before, TEAMS)
        || context::starts_with_any(near_after, TEAMS) && !near_after.starts_with("队")
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
    let part = |c: &char| c.is_ascii_digit() || "-，、, ".contains(*c);
    let before: String = found.before().chars().rev().take_while(part).collect();
    let before: String = before.chars().rev().collect();
    let after: String = found.after().chars().take_while(part).collect();
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
    if !found.stands_alone() || found.next() == Some(':') || found.previous() == Some(':') || standard {
        return None;
    }
    let (a, b, c) = (found.get("a"), found.get("b"), found.get("c"));
    let time_like = |minutes: &str| minutes.len() == 2 && minutes < "60";
    let clock = a.len() <= 2 && a.parse().is_ok_and(|hour: u8| hour <= 24) && time_like(b);
    if clock && (c.is_empty() || time_like(c)) && !is_score(found) {
        return None;
    }
    let cued = ["用时", "时长", "成绩", "耗时", "配速", "片长", "倒计时"];
    if time_like(b.split('.').next().unwrap_or(b)) && context::contains_any(found.before(), &cued) {
        return None;
    }
    let mut spoken = format!("{}比{}", number(a), number(b));
    if !c.is_empty() {
        spoken += &format!("比{}", number(c));
    }
    Some(spoken)
}

fn hyphened(found: &Found) -> Option<String> {
    if !found.stands_alone()
        || found.after().starts_with(['-', '.', '%', '~'])
        || found.before().ends_with(['-', '.'])
    {
        return None;
    }
    if context::measure_follows(found.after())
        || context::starts_with_any(found.after(), &["月", "日", "号", "年"])
    {
        return None;
    }
    let draw = found.get("a") == found.get("b") && found.after().starts_with('平');
    (draw || one_of_sets(found) || is_score(found))
        .then(|| format!("{}比{}", number(found.get("a")), number(found.get("b"))))
}

#[cfg(test)]
mod tests {
    use crate::text::normalize::zh::check;

    #[test]
    fn scores_and_ratios_are_read() {
        check(&[
            ("比分是3:2", "比分是三比二"),
            ("中国队3:0战胜日本队", "中国队三比零战胜日本队"),
            ("以21:18获胜", "以二十一比十八获胜"),
            ("最终比分110:105", "最终比分一百一十比一百零五"),
            ("湖人3-2勇士", "湖人三比二勇士"),
            ("皇马2-1击败巴萨", "皇马二比一击败巴萨"),
            ("上半场45:38领先", "上半场四十五比三十八领先"),
            ("比分定格在98-96", "比分定格在九十八比九十六"),
            ("1:100", "一比一百"),
            ("按1:50的比例稀释", "按一比五十的比例稀释"),
            ("16:9的屏幕", "十六比九的屏幕"),
            ("画面比例4:3", "画面比例四比三"),
            ("1:2:3", "一比二比三"),
            ("比例尺为1:500000", "比例尺为一比五十万"),
            ("78:96", "七十八比九十六"),
            ("1:1.5", "一比一点五"),
            ("男单11:8, 9:11", "男单十一比八，九比十一"),
            ("6-4，3-6，7-5", "六比四，三比六，七比五"),
            ("0-0平", "零比零平"),
            ("以78-65大胜", "以七十八比六十五大胜"),
            ("1-3、5-7页", "一到三、五到七页"),
            ("3：2", "三比二"),
            ("汇率1:7.2", "汇率一比七点二"),
            ("女排3:1逆转巴西", "女排三比一逆转巴西"),
            ("他以11-9、11-7、11-5连胜三局", "他以十一比九、十一比七、十一比五连胜三局"),
            ("双方2:2战平", "双方二比二战平"),
            ("长宽比为4:3", "长宽比为四比三"),
            ("马龙4-1战胜樊振东", "马龙四比一战胜樊振东"),
            ("客队1:0取胜", "客队一比零取胜"),
            ("男女比例为1.05:1", "男女比例为一点零五比一"),
            ("水和面按2:1混合", "水和面按二比一混合"),
            ("今天12:15吃饭", "今天十二点十五分吃饭"),
            ("比赛将在19:35开始", "比赛将在十九点三十五分开始"),
            ("决赛于20:00举行", "决赛于二十点举行"),
        ]);
    }
}
