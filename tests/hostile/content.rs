//! Hostile content: texts, values, damage to bytes.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;

use super::random::Random;

/// Pieces that texts are made of.
const PIECES: &[&str] = &[
    "你好，世界。",
    "Hello there. ",
    "\u{1b}[31mred\u{1b}[0m",
    "\u{1b}]0;title\u{7}",
    "\u{9b}2J",
    "\r",
    "\u{7f}\u{8}\u{8}",
    "\0",
    "\u{202e}txet\u{202c}",
    "\u{2066}\u{200f}\u{2069}",
    "\u{2028}\u{2029}",
    "\u{feff}",
    "\u{fffd}\u{ffff}",
    "e\u{301}\u{301}\u{301}\u{301}",
    "👩‍👩‍👧‍👦🏳️‍🌈",
    "99999999999999999999999999999999999999999999",
    "-0.000000000000000000000000000000000000001e-999",
    "1/0 0/0 31/02/9999 25:61:61 ",
    "$1,000,000,000,000,000.999 ",
    "١٢٣٤٥ ⅷ ① ½ ",
    "[uv_break][laugh][lbreak]",
    "[uv_break",
    "][[]]",
    "[spk_emb][Stts][Ptts]",
    "[speed_99][oral_-1]",
    "<speak>",
    "</speak>",
    "<break time=\"1e309s\"/>",
    "<break time=\"-5ms\"/><break time='",
    "<prosody rate=\"NaN\">",
    "<say-as interpret-as=\"date\" format=\"\">99999999999-13-32</say-as>",
    "<voice name=\"/proc/self/environ\">x</voice>",
    "<!DOCTYPE a [<!ENTITY b SYSTEM \"file:///etc/passwd\"><!ENTITY c \"&c;\">]>&b;&c;",
    "<![CDATA[ ]]> &#x1b; &#0; &#1114112; &bogus;",
    "# **bold _it* `code\n\n|a|b|\n|-|\n> > > >",
    "[x](javascript:\u{1b}[1m) ![](",
    "http://a.b/?q=%ff%00#\u{202e}",
    "a@b.c +86 10 1234 5678 ISBN 978-3-16-148410-0",
    "{\"text\": \"x\"}",
    "\"unclosed, \"\"csv\"\"\n",
    "\t\u{b}\u{c}\u{85}\u{a0}\u{3000}",
    "ＡＢＣ１２３％！？",
    "℃ ㎏ № ™ … — ～ ￥ § ¶",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "'; rm -rf / #",
    "%s%n%d {} {0} {{",
    "../../../../etc/passwd",
    "-",
    "--",
    "-o",
    "--out=../x",
];

/// Returns a text of a few pieces.
pub fn text(random: &mut Random) -> String {
    let count = 1 + random.below(4);
    let mut text: String = (0..count).map(|_| random.pick(PIECES)).collect();
    if random.one_in(12) {
        text = text.repeat(1 + random.below(200));
    }
    text
}

/// Returns the bytes of a file of texts, not all of which are a text.
pub fn bytes(random: &mut Random) -> Vec<u8> {
    let text =
        |random: &mut Random| (0..1 + random.below(4)).map(|_| text(random) + "\n").collect::<String>();
    match random.below(12) {
        0 => random.bytes(2000),
        1 => [&b"\xff\xfe"[..], &text(random).encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>()]
            .concat(),
        2 => [&b"\xef\xbb\xbf"[..], text(random).as_bytes()].concat(),
        3 => b"\0".repeat(1 + random.below(5000)),
        4 => [text(random).as_bytes(), b"\xff\xc0\xaf\xed\xa0\x80\n", text(random).as_bytes()].concat(),
        5 => text(random).replace('\n', "\r\n").into_bytes(),
        6 => Vec::new(),
        7 => {
            let mut bytes = text(random).into_bytes();
            damage(random, &mut bytes);
            bytes
        }
        _ => text(random).into_bytes(),
    }
}

/// Returns a text of up to a megabyte.
pub fn long(random: &mut Random) -> Vec<u8> {
    let unit = *random.pick(&[
        &"9",
        &"1.",
        &"a",
        &"你",
        &"[",
        &"<p>",
        &"(",
        &"\u{301}",
        &"*",
        &"&",
        &"一二三。",
        &" ",
    ]);
    let end = ["", "\n", "。"][random.below(3)];
    (unit.repeat((1 << (10 + random.below(11))) / unit.len()) + end).into_bytes()
}

/// Returns a value that some flag or key may not expect.
pub fn value(random: &mut Random) -> OsString {
    const VALUES: &[&str] = &[
        "",
        " ",
        "0",
        "-0",
        "-0.0",
        "1",
        "-1",
        "2",
        "3",
        "7",
        "0.5",
        "1.5",
        "1e308",
        "-1e308",
        "1e-320",
        "inf",
        "-inf",
        "NaN",
        "nan",
        "1_000",
        "0x10",
        "１２",
        "255",
        "256",
        "65535",
        "65536",
        "4294967295",
        "4294967296",
        "2147483648",
        "9223372036854775807",
        "9223372036854775808",
        "18446744073709551615",
        "18446744073709551616",
        "1e400",
        "auto",
        "none",
        "off",
        "true",
        "null",
        "cpu",
        "cuda",
        "cuda:0",
        "cuda:99999999999",
        "all",
        "f32,q8",
        "1,2,4",
        ",",
        "-",
        "--",
        "noise",
        "demo",
        "2222",
        "mix:2222*0.5+4099*0.5",
        "mix:",
        "mix:1*NaN+2*inf",
        "mix:2222*1e308+1*-1e308",
        "torch-f16:18446744073709551616",
        "cuda:-1",
        "forge:1",
        "torch-f32:",
        "anna",
        "[oral_2]",
        "oral_9 laugh_2",
        "[break_8]",
        "{index}",
        "{index:99999999}",
        "{text}{text}{text}",
        "{",
        "}",
        "{bogus}",
        "{id}/{seed}/../{hash}",
        "/etc/passwd",
        "/dev/null",
        "/dev/zero",
        "/proc/self/environ",
        ".",
        "..",
        "/",
        "a/b/c",
        "made",
        "a.wav",
        "a.flac",
        "a.ulaw",
        "a.raw",
        "a.mp3",
        "owner/name",
        "owner/name@main",
        "../outside/secret.txt",
        "\u{1b}[31m",
        "\u{202e}",
        "\r",
        "%n",
        "voice.pt",
        "voice.npy",
        "sample.wav",
        "codes.safetensors",
        "text.txt",
        "rows.jsonl",
        "roles.toml",
        "menu.csv",
        "model",
        "packed.safetensors",
    ];
    match random.below(20) {
        0 => OsString::from_vec(random.bytes(40).into_iter().map(|b| b.max(1)).collect()),
        1 => "9".repeat(random.below(5000)).into(),
        2 => "a/".repeat(random.below(3000)).into(),
        3 => text(random).replace('\0', "").into(),
        _ => random.pick(VALUES).into(),
    }
}

/// Damages bytes as a disk, a transfer or an enemy does.
pub fn damage(random: &mut Random, bytes: &mut Vec<u8>) {
    let at = random.below(bytes.len());
    match random.below(9) {
        0 => bytes.truncate(at),
        1 => bytes.truncate(random.below(64)),
        2 => bytes.clear(),
        3 if !bytes.is_empty() => {
            for _ in 0..1 + random.below(8) {
                let at = random.below(bytes.len());
                bytes[at] ^= 1 << random.below(8);
            }
        }
        // Where headers are.
        4 if !bytes.is_empty() => {
            for _ in 0..1 + random.below(4) {
                let at = random.below(bytes.len().min(256));
                bytes[at] = random.next() as u8;
            }
        }
        5 => {
            let end = bytes.len().min(at + 1 + random.below(4096));
            bytes[at..end].fill(if random.one_in(2) { 0 } else { 0xff });
        }
        6 => bytes.extend(random.bytes(1000)),
        7 => {
            let more = random.bytes(17);
            bytes.splice(at..at, more);
        }
        _ => {
            let end = bytes.len().min(at + random.below(100));
            bytes.drain(at..end);
        }
    }
}

/// Puts an extreme in the place of a number or a word of a text such as JSON or TOML.
pub fn distort(random: &mut Random, text: &str) -> String {
    const EXTREMES: &[&str] = &[
        "0",
        "-1",
        "1e999",
        "-1e308",
        "1e-999",
        "NaN",
        "18446744073709551616",
        "9223372036854775807",
        "4294967296",
        "null",
        "true",
        "\"\"",
        "\"x\"",
        "[]",
        "{}",
        "[[[[[[[[]]]]]]]]",
        "\"\\u0000\"",
        "\"\\ud800\"",
        "\"\\u001b[31m\"",
        "",
    ];
    let word = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_');
    let starts: Vec<usize> = text
        .char_indices()
        .zip(std::iter::once(' ').chain(text.chars()))
        .filter(|((_, c), before)| word(*c) && !word(*before))
        .map(|((at, _), _)| at)
        .collect();
    let Some(start) = starts.get(random.below(starts.len())).copied() else { return text.to_string() };
    let end = text[start..].find(|c| !word(c)).map_or(text.len(), |length| start + length);
    format!("{}{}{}", &text[..start], random.pick(EXTREMES), &text[end..])
}
