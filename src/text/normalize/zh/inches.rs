//! Inches, which are written as a quote: 14" is a size, unless the quote closes what was quoted.

use super::context;
use super::number::quantity;
use crate::text::normalize::rule::Found;
use crate::text::normalize::rule::Rule;

pub const RULES: &[Rule] =
    &[Rule { name: "measure", pattern: r#"(?<a>[0-9]{1,3}(?:\.[0-9]{1,2})?)(?:["”]|'')"#, read: inches }];

/// Words after the size of a screen.
const SCREENS: &[&str] = &[
    "液",
    "屏",
    "显",
    "电视",
    "超",
    "曲",
    "笔记本",
    "平板",
    "触",
    "大屏",
    "全面屏",
    "轮",
    "管",
    "LCD",
    "LED",
];
/// Words before a size.
const SIZES: &[&str] = &["屏幕", "尺寸", "显示器", "电视", "对角线", "大小", "直径", "轮毂", "屏幕尺寸"];
/// The context may begin within a quotation if it is this long, in bytes.
const CUT: usize = 60;

fn inches(found: &Found) -> Option<String> {
    let joined = |c: char| c.is_ascii_alphanumeric() || "'’′.:/".contains(c);
    let after = found.after().trim_start();
    let next_size = found.before().ends_with("\"/");
    if found.previous().is_some_and(joined) && !next_size
        || found.next().is_some_and(|c| c.is_ascii_alphanumeric())
    {
        return None;
    }
    let before = found.before().trim_end_matches(' ').trim_end_matches(['为', '是', '：', ':']);
    let named = context::starts_with_any(after, SCREENS) || context::ends_with_any(before, SIZES);
    let before = context::sentence_before(found.before());
    let quoted = is_open(before)
        // What opens here closes again: 3"好"字.
        || closes(context::sentence_after(found.after()))
        || before.len() >= CUT && !before.contains(['"', '”']) && !named
            && context::latin_before(before).is_none();
    (!quoted || named && !is_open(before)).then(|| quantity(found.get("a")) + "英寸")
}

/// Tells whether a quotation is open at the end; quotes after a number are inches if none is.
fn is_open(before: &str) -> bool {
    let (mut open, mut previous) = (false, ' ');
    for c in before.chars() {
        match c {
            '"' if open => open = false,
            '"' => open = !previous.is_ascii_digit(),
            '“' => open = true,
            '”' => open = false,
            _ => {}
        }
        previous = c;
    }
    open
}

/// Tells whether the next quote closes something: it is no other size.
fn closes(after: &str) -> bool {
    let quote = after.find(['"', '”', '“']);
    let up_to = quote.and_then(|at| after.get(..at)).unwrap_or_default();
    let opens = up_to.ends_with([' ', '：', ':', '，', ','])
        || after.get(up_to.len()..).is_some_and(|q| q.starts_with('“'));
    quote.is_some() && !opens && !up_to.ends_with(|c: char| c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use crate::text::normalize::zh::check;

    #[test]
    fn inches_are_read() {
        check(&[
            ("MacBook Pro 14\" 搭载M3芯片", "MacBook Pro 十四英寸 搭载M三芯片"),
            ("24\" 显示器", "二十四英寸 显示器"),
            ("55\"电视", "五十五英寸电视"),
            ("新买了24\"和27\"显示器", "新买了二十四英寸和二十七英寸显示器"),
            ("屏幕尺寸：13.3\"", "屏幕尺寸，十三点三英寸"),
            ("这台电视是65\"的", "这台电视是六十五英寸的"),
            ("19\"/22\"两种", "十九英寸，二十二英寸两种"),
            ("8''蛋糕", "八英寸蛋糕"),
            ("屏幕15.6”，轻薄", "屏幕十五点六英寸，轻薄"),
        ]);
    }

    #[test]
    fn quotes_are_no_inches() {
        check(&[
            ("他说\"共有5\"，然后走了", "他说 共有五，然后走了"),
            ("“我今年14”，他说", "我今年十四，他说"),
            ("写了3\"好\"字", "写了三 好 字"),
            ("这款\"iPhone 15\"很贵", "这款 iPhone 十五 很贵"),
            (
                "他在会上说：\"今年我们公司的目标就是把所有产品的数量都提高到原来的3\"。",
                "他在会上说，今年我们公司的目标就是把所有产品的数量都提高到原来的三。",
            ),
        ]);
    }
}
