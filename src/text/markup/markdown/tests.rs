//! Texts as a whole.

use super::*;
use crate::text::markup::tests::check;
use crate::text::normalize::{Change, NormalizeOptions};

/// Returns the text without its signs.
fn plain(source: &str) -> String {
    let script = markdown(source);
    check(source, &script, &NormalizeOptions::default());
    script.spans[0].text.text().to_string()
}

fn spoken(source: &str) -> String {
    check(source, &markdown(source), &NormalizeOptions::default()).remove(0).text
}

#[test]
fn signs_vanish_and_text_stays() {
    for (source, text) in [
        ("", ""),
        ("plain text", "plain text"),
        ("some *emphasis*, __strong__ and ***both***", "some emphasis, strong and both"),
        ("这是**重点**，那~~不是~~", "这是重点，那不是"),
        ("un*believ*able", "unbelievable"),
        ("[a *link*](http://example.com/x?y=1 \"title\") here", "a link here"),
        ("see [the docs][1].\n\n[1]: http://example.com", "see the docs."),
        ("<http://example.com>", "http://example.com"),
        ("![a cat](cat.png) sits", "a cat sits"),
        ("[![badge](b.svg)](http://x)", "badge"),
        ("use `let x = 1;` here", "use let x = 1; here"),
        ("`` a`b ``", "a`b"),
        ("a \\*star\\* \\[x\\]", "a *star* [x]"),
        ("Tom &amp; Jerry &copy; &#20320;", "Tom & Jerry © 你"),
        ("a note[^1] here\n\n[^1]: The note.", "a note here\n\nThe note."),
        ("x <b>bold</b> <!-- no --> y", "x bold y"),
        ("one<br>two", "one\ntwo"),
        ("\u{feff}# Title", "Title"),
        ("hard  \nbreak\\\nhere", "hard\nbreak\nhere"),
        ("你好，\n世界", "你好，世界"),
        ("soft\nbreak", "soft break"),
        ("a\r\nb\r\n\r\nc", "a b\n\nc"),
    ] {
        assert_eq!(plain(source), text, "{source:?}");
    }
}

#[test]
fn blocks_end_as_sentences_do() {
    for (source, text) in [
        ("# Title #\ntext\n\nmore\n", "Title\n\ntext\n\nmore"),
        ("Title\n=====\n\ntext", "Title\n\ntext"),
        ("a\n\n---\n\nb\n***\nc", "a\n\nb\n\nc"),
        ("> a quote\n> goes on\n>> deeper\n\nout", "a quote goes on\n\ndeeper\n\nout"),
        ("- one\n- two\n  - inner\n  - more\n- three\n\nend", "one\ntwo\ninner\nmore\nthree\n\nend"),
        ("1. one\n2. two", "1. one\n2. two"),
        ("3) one\n\n4) two\n\n   still two", "3) one\n\n4) two\n\nstill two"),
        ("- [ ] open\n- [x] done", "open\ndone"),
        ("| a | b |\n|---|:-:|\n| 1 | 2 |\n| **3** | |\n\nend", "a, b\n1, 2\n3\n\nend"),
        ("| a \\| b | c |\n|---|---|", "a | b, c"),
        ("```rust\nlet a = 1;\n\n  b();\n```\nend", "let a = 1;\nb();\n\nend"),
        ("    code\n      more\n\nend", "code\nmore\n\nend"),
        ("> ```\n> a\n> b\n> ```", "a\nb"),
        ("- a\n\n      code\n\n  text", "a\n\ncode\n\ntext"),
        (
            "<div class=\"x\">\n  <p>one</p>\n  two &amp; &nbsp;3 < 4\n</div>\n\nend",
            "one\n\ntwo & 3 < 4\n\nend",
        ),
        ("<script>\nlet a = 1;\n</script>\n\nend", "end"),
        ("<!-- a\nb -->\nc\n\nend", "c\n\nend"),
        ("<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>", "a, b\nc"),
        ("---\ntitle: x\ntags: [a]\n---\n# Text", "Text"),
        ("---\nno yaml\n---\n", "no yaml"),
    ] {
        assert_eq!(plain(source), text, "{source:?}");
    }
}

#[test]
fn control_tokens_survive() {
    for (source, text) in [
        ("好[laugh]的[uv_break]吧", "好[laugh]的[uv_break]吧"),
        ("*[uv_break]* [lbreak][laugh] [speed_5]", "[uv_break] [lbreak][laugh] [speed_5]"),
        ("- [laugh] a\n- [ ] b", "[laugh] a\nb"),
        ("[laugh](真的) *x*", "[laugh](真的) x"),
        ("*[laugh](真的)*\n\nb", "[laugh](真的)\n\nb"),
        ("a_b [break_6]_c_ [uv_break]_d", "a_b [break_6]c [uv_break]_d"),
    ] {
        assert_eq!(plain(source), text, "{source:?}");
    }
    assert_eq!(spoken("好[laugh]的**[uv_break]**吧"), "好[laugh]的[uv_break]吧");
}

#[test]
fn signs_between_numbers_mean_something() {
    for (source, text) in [
        ("2*3*4", "2*3*4"),
        ("3*5=15，4*6=24", "3*5=15，4*6=24"),
        ("2**3**4", "2**3**4"),
        ("3~5个，7~9个", "3~5个，7~9个"),
        ("~~3~~ 4", "3 4"),
        ("第*3*个", "第3个"),
        ("*3*5", "*3*5"),
    ] {
        assert_eq!(plain(source), text, "{source:?}");
    }
}

#[test]
fn it_is_spoken_in_sentences() {
    assert_eq!(spoken("# title\n\nsome *text*\n\n- one\n- two"), "title.\n\nsome text.\n\none.\ntwo");
    assert_eq!(
        spoken("# 标题\n\n正文。\n\n| 甲 | 乙 |\n|--|--|\n| 丙 | 丁 |"),
        "标题。\n\n正文。\n\n甲，乙。\n丙，丁"
    );
}

#[test]
fn what_vanishes_is_accounted_for() {
    let source = "**你**好 [a](b)";
    let reading = check(source, &markdown(source), &NormalizeOptions::default()).remove(0);
    let found: Vec<_> = reading.pieces.iter().map(|p| (&source[p.source.clone()], p.change)).collect();
    assert_eq!(
        found,
        [
            ("**", Change::Mapped),
            ("你", Change::Kept),
            ("**", Change::Mapped),
            ("好", Change::Kept),
            (" ", Change::Kept),
            ("[", Change::Mapped),
            ("a", Change::Kept),
            ("](b)", Change::Mapped),
        ]
    );
    let source = "- a \u{1f600}\n- **\u{1f600}**";
    let reading = check(source, &markdown(source), &NormalizeOptions::default()).remove(0);
    assert_eq!(reading.dropped(source).iter().map(|d| d.offset).collect::<Vec<_>>(), [4, 13]);
}

#[test]
fn what_is_nested_too_deep_is_text() {
    let deep = format!("{}a\n{}b", "> ".repeat(60), "- ".repeat(60));
    assert_eq!(nesting::limited(&deep).matches('>').count(), 50);
    assert_eq!(plain(&deep), "a\n\nb");
    let numbers = format!("{}x", "1. ".repeat(60));
    assert_eq!(nesting::limited(&numbers).matches('.').count(), 34);
    assert_eq!(plain(&numbers).matches('1').count(), 60);
    for kept in ["-".repeat(300), "1".repeat(300), "> a\n".repeat(300), format!("a {}", "> ".repeat(300))] {
        assert!(matches!(nesting::limited(&kept), std::borrow::Cow::Borrowed(_)));
    }
}

#[test]
fn megabytes_of_anything_take_linear_time() {
    const MEGABYTE: usize = 1 << 20;
    let units = [
        "<",
        ">",
        "> ",
        "&",
        "&amp;",
        "[",
        "]",
        "[]",
        "[a](",
        "![",
        "[a]: b\n",
        "[^a]",
        "[^a]: b\n",
        "*",
        "**a",
        "*a_",
        "_",
        "_a ",
        "~",
        "~~a",
        "`",
        "`a",
        "``a`",
        "- ",
        "- a\n",
        "1. ",
        "1. a\n",
        "a\n",
        "我\n",
        "\n",
        "# a\n",
        "|",
        "| a ",
        "|a|b|\n",
        "|a|\n|-|\n",
        "<a",
        "<a>",
        "<div>\n",
        "<!--",
        "<!-- a -->\n",
        "<?",
        "<![CDATA[",
        "```\n",
        "```\na\n",
        "    a\n",
        "---\n",
        "===\n",
        "a\n---\n",
        "\\",
        "\t",
        " ",
        "  \n",
        "[laugh]",
        "[laugh](a)",
        "- [ ] a\n",
        "3*5*",
        "a <b>c</b>",
        "<p>a &lt;",
        "</",
        "<script>",
        "*a **a ",
        "a**b",
        "[a](<b",
        "[a][b",
        "\u{1f600}*",
    ];
    let starts = ["", "<div>\n", "| a | b |\n|---|---|\n", "---\na: b\n"];
    let sources = starts.iter().flat_map(|start| {
        let repeated = |unit: &&str| format!("{start}{}", unit.repeat(MEGABYTE / 8 / unit.len()));
        units.iter().map(repeated).collect::<Vec<_>>()
    });
    let largest = ["<", "&", "[", "*", "_", "`", "> ", "- ", "[a](", "<!--", "|"];
    let largest = largest.iter().map(|unit| unit.repeat(MEGABYTE / unit.len()));
    let tails = ["\n", " \n", "\na", "\n\na", "\n- a", "\n> a"].into_iter().flat_map(|tail| {
        ["> ", "- ", "1. ", "> - ", "*", "[", "    "].map(|unit| {
            let unit = unit.repeat(MEGABYTE / 16 / unit.len());
            format!("{unit}a{}\n\nb", tail.repeat(MEGABYTE / 16 / tail.len()))
        })
    });
    for source in sources.chain(largest).chain(tails) {
        let begin = std::time::Instant::now();
        check(&source, &markdown(&source), &NormalizeOptions::default());
        // Generous, for a busy machine and a debug build; quadratic time would take far longer.
        let time = begin.elapsed();
        assert!(time.as_secs() < 20, "{:?} took {time:?}", source.chars().take(40).collect::<String>());
    }
}
