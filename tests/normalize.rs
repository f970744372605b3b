//! The front end through the command line.

mod common;

use std::fs;

use common::{Program, wav};
use serde_json::{Value, json};

fn record(line: &str) -> Value {
    serde_json::from_str(line).unwrap()
}

#[test]
fn texts_files_and_pipes_come_out_line_by_line() {
    let p = Program::new();
    let out = p.ok(&["normalize", "总价是123元？", "It costs $5!"]).out;
    assert_eq!(out, "总价是一百二十三元。\nIt costs five dollars.\n");
    fs::write(p.path("a.txt"), "气温-5℃。\r\n\nOn 5/1/2024.\n").unwrap();
    let out = p.ok(&["normalize", "--file", "a.txt"]).out;
    assert_eq!(out, "气温零下五摄氏度。\nOn may first, twenty twenty four.\n");
    assert_eq!(p.run_with_input(&["normalize"], "共3个\n".as_bytes()).out, "共三个\n");
    assert_eq!(p.ok(&["normalize", "第一行\n第二行"]).out, "第一行。 第二行\n");
}

#[test]
fn the_readme_shows_what_is_printed() {
    let p = Program::new();
    let out =
        p.ok(&["normalize", "总价是123.5元，比2023年涨了12%。", "Dr. Smith paid $5.20 at 8:05 pm."]).out;
    let readme = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    let readme = readme.split_whitespace().collect::<Vec<_>>().join(" ");
    for line in out.lines() {
        assert!(readme.contains(&format!("`{line}`")), "{line}");
    }
}

#[test]
fn a_record_tells_every_replacement_and_every_character_that_is_not_spoken() {
    let p = Program::new();
    let out = p.ok(&["normalize", "--json", "“好”😀共3个！"]);
    assert!(out.err.is_empty(), "the record tells it: {}", out.err);
    let record = record(&out.out);
    assert_eq!(record["text"], "好 共三个。");
    assert_eq!(record["source"], "text");
    assert_eq!(record["dropped"], json!([{"start": 3, "end": 4, "text": "😀", "reason": "an emoji"}]));
    let replacements = record["replacements"].as_array().unwrap();
    let number = json!({"start": 5, "end": 6, "kind": "number", "from": "3", "to": "三"});
    assert!(replacements.contains(&number), "{replacements:?}");
    let mark = json!({"start": 7, "end": 8, "kind": "pause", "from": "！", "to": "。"});
    assert!(replacements.contains(&mark), "{replacements:?}");
    assert_eq!(replacements.len(), 4, "{replacements:?}");
}

#[test]
fn a_long_text_is_cut_into_pieces_that_lead_back_to_what_was_written() {
    let p = Program::new();
    let sentence =
        "Dr. Li said: “It is 3.5 km to St. Mary's! Isn't it?” They paid $1,234.56 at 8:05 p.m. on 5/1/2024. ";
    let text = format!(
        "{}\n\n{}",
        sentence.repeat(4),
        "她说：“今天是3.5度。真的吗？”然后，他花了1,234.5元。".repeat(5)
    );
    let record = record(&p.ok(&["normalize", "--json", &text]).out);
    let characters: Vec<char> = text.chars().collect();
    let segments = record["segments"].as_array().unwrap();
    assert!(segments.len() >= 4, "{segments:#?}");
    let mut end = 0;
    for segment in segments {
        let at = |key: &str| segment[key].as_u64().unwrap() as usize;
        assert!(at("start") >= end && at("end") > at("start"), "{segment}");
        let between: String = characters[end..at("start")].iter().collect();
        assert!(!between.contains(char::is_alphanumeric), "{between:?} is lost");
        end = at("end");
        let written: String = characters[at("start")..end].iter().collect();
        // No sentence of it, nor a number or an abbreviation, is torn.
        let written = written.trim_end_matches(['”', ' ']);
        let whole = ["2024.", "Isn't it?", "mean it?", "元。", "真的吗？"];
        assert!(whole.iter().any(|ending| written.ends_with(ending)), "{written:?}");
    }
    assert_eq!(end, characters.len());
}

#[test]
fn strict_fails_the_line_that_has_a_character_that_is_not_spoken_and_no_other() {
    let p = Program::new();
    fs::write(p.path("a.txt"), "好😀\n共3个\n").unwrap();
    let ran = p.run(&["normalize", "--strict", "--file", "a.txt"]);
    assert_eq!((ran.code, ran.out.as_str()), (Some(1), "共三个\n"), "{ran:?}");
    assert!(
        ran.err.contains("a.txt:1: 1 character is not spoken: 😀 (U+1F600) at character 2 (an emoji)"),
        "{ran:?}"
    );

    let speak = [
        "synth",
        "--model",
        "noise",
        "--seed",
        "1",
        "--max-tokens",
        "8",
        "--out-dir",
        "d",
        "--file",
        "a.txt",
    ];
    let ran = p.run(&[&speak[..], &["--strict"]].concat());
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.err.contains("a.txt:1: 1 character is not spoken"), "{ran:?}");
    assert!(!p.path("d/00000.wav").exists() && p.path("d/00001.wav").exists());
    let ran = p.run(&speak);
    assert!(ran.err.contains("warning: a.txt:1: 1 character is not spoken"), "{ran:?}");
    assert!(p.path("d/00000.wav").exists());
}

#[test]
fn the_language_is_each_sentences_own_unless_it_is_given() {
    let p = Program::new();
    let text = "共3个。I have 3.";
    assert_eq!(p.ok(&["normalize", text]).out, "共三个。I have three.\n");
    assert_eq!(p.ok(&["normalize", "--lang", "zh", text]).out, "共三个。I have 三。\n");
    assert_eq!(p.ok(&["normalize", "--lang", "en", "3"]).out, "three\n");
    assert_eq!(p.ok(&["normalize", "--lang", "zh", "3"]).out, "三\n");
    assert_eq!(p.run(&["normalize", "--lang", "de", "3"]).code, Some(2));
}

#[test]
fn homophones_are_spoken_in_place_of_what_is_misread() {
    let p = Program::new();
    fs::write(p.path("h.json"), r#"{"後": "后"}"#).unwrap();
    assert_eq!(p.ok(&["normalize", "--homophones", "h.json", "以後"]).out, "以后\n");
    fs::write(p.path("bad.json"), r#"{"後": "后面"}"#).unwrap();
    let ran = p.run(&["normalize", "--homophones", "bad.json", "以後"]);
    assert_eq!(ran.code, Some(1));
    assert!(
        ran.err.contains("bad.json") && ran.err.contains("entry 1") && !ran.err.contains("后面"),
        "{ran:?}"
    );
    let ran = p.run(&["normalize", "--homophones", "gone.json", "以後"]);
    assert!(ran.err.contains("cannot read gone.json"), "{ran:?}");
}

#[test]
fn a_users_own_readings_go_before_all_rules() {
    let p = Program::new();
    fs::write(
        p.path("w.tsv"),
        "# mine\nnguyen\twin\nSQL\tsequel\nMay\tmaai\nv2\tversion 2\n重庆\t崇庆\nC++\tsee plus\n",
    )
    .unwrap();
    let read = |text: &str| p.ok(&["normalize", "--pronounce", "w.tsv", text]).out;
    assert_eq!(read("Dr. Nguyen's SQL, not sql or MySQL."), "doctor wins sequel, not sql or My S Q L.\n");
    assert_eq!(
        read("On 5 May 2024 v2 of C++ came."),
        "On five maai twenty twenty four version two of see plus came.\n"
    );
    assert_eq!(read("重庆的SQL有3个v2。"), "崇庆的sequel有三个version 二。\n");
    let out = p.ok(&["normalize", "--pronounce", "w.tsv", "--json", "我在重庆。"]).out;
    assert_eq!(
        record(&out)["replacements"],
        json!([{"start": 2, "end": 4, "kind": "pronunciation", "from": "重庆", "to": "崇庆"}])
    );
    let out = p.ok(&["normalize", "--pronounce", "w.tsv", "--explain", "My SQL"]).out;
    assert_eq!(out, "My sequel\n  SQL → sequel (pronunciation)\n    or SQL → S Q L (initialism)\n");
    let ssml = "<speak>SQL <sub alias='SQL'>x</sub> <say-as interpret-as='characters'>SQL</say-as></speak>";
    assert_eq!(p.ok(&["normalize", "--pronounce", "w.tsv", "--ssml", ssml]).out, "sequel sequel S Q L\n");

    for (rows, reason) in
        [("a\tb\nword\n", "line 2: expected a word, a tab"), ("a\tb\nA\t-\n", "line 2: nothing is spoken")]
    {
        fs::write(p.path("bad.tsv"), rows).unwrap();
        let ran = p.run(&["normalize", "--pronounce", "bad.tsv", "x"]);
        assert_eq!(ran.code, Some(2), "{ran:?}");
        assert!(ran.err.contains("bad.tsv") && ran.err.contains(reason), "{ran:?}");
    }
    let ran = p.run(&["normalize", "--pronounce", "gone.tsv", "x"]);
    assert!(ran.err.contains("cannot read gone.tsv"), "{ran:?}");
    let ran = p.run(&["synth", "--no-normalize", "--pronounce", "w.tsv", "x"]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
}

#[test]
fn own_readings_change_a_lines_speech_and_its_subtitles_show_what_was_written() {
    let p = Program::new();
    fs::write(p.path("w.tsv"), "重庆\t崇庆\n").unwrap();
    let synth = |out: &str, more: &[&str], text: &str| {
        let args = [
            "synth",
            "--model",
            "noise",
            "--seed",
            "4",
            "--max-tokens",
            "20",
            "--subtitles",
            "srt",
            "--out",
            out,
        ];
        p.ok(&[&args, more, &[text]].concat());
        fs::read(p.path(out)).unwrap()
    };
    let said = synth("a.wav", &["--pronounce", "w.tsv"], "我在重庆。");
    assert_eq!(said, synth("b.wav", &[], "我在崇庆。"));
    assert_ne!(said, synth("c.wav", &[], "我在重庆。"));
    assert_eq!(synth("d.wav", &["--pronounce", "w.tsv"], "我在。"), synth("e.wav", &[], "我在。"));
    assert!(fs::read_to_string(p.path("a.srt")).unwrap().contains("我在重庆。"));
}

#[test]
fn a_manifests_line_has_readings_of_its_own_and_what_they_change_is_done_again() {
    let p = Program::new();
    fs::write(p.path("w.tsv"), "重庆\t崇庆\n").unwrap();
    let write = |words: &str| {
        let line = |text: &str, own: Value| json!({"text": text, "pronounce": own}).to_string() + "\n";
        fs::write(p.path("m.jsonl"), line("重庆a", json!({"a": words})) + &line("重庆b", Value::Null))
            .unwrap();
    };
    let synth = "synth -m noise --max-tokens 20 -f m.jsonl --out-dir d --resume --pronounce w.tsv";
    let synth: Vec<&str> = synth.split(' ').collect();
    let planned = || {
        let out = p.ok(&[&synth[..], &["--dry-run"]].concat()).out;
        out.lines().map(|line| line.split('\t').next().unwrap().to_string()).collect::<Vec<_>>()
    };
    write("one");
    assert_eq!(planned(), ["speak", "speak"]);
    p.spoken(&synth);
    assert_eq!(planned(), ["skip", "skip"]);
    write("two");
    assert_eq!(planned(), ["speak", "skip"]);
    fs::write(p.path("w.tsv"), "庆\t青\n").unwrap();
    assert_eq!(planned(), ["speak", "speak"]);
    for (row, reason) in [
        (r#"{"text": "a", "pronounce": {"a": 1}}"#, "expected an object of words"),
        (r#"{"text": "a", "pronounce": {"a": ""}}"#, "nothing is spoken for the word"),
        (r#"{"text": "a", "pronounce": {"a": "b"}, "normalize": false}"#, "so it takes no `pronounce`"),
    ] {
        fs::write(p.path("bad.jsonl"), row).unwrap();
        let ran = p.run(&["synth", "--model", "noise", "--file", "bad.jsonl", "--out-dir", "e"]);
        assert!(ran.code == Some(1) && ran.err.contains(reason), "{ran:?}");
    }
}

#[test]
fn what_is_not_read_goes_to_the_tokenizer_as_it_is() {
    let p = Program::new();
    let ran = p.run(&["synth", "--model", "noise", "--no-normalize", "--strict", "--out", "a.wav", "好"]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    let ran = p.run(&["normalize", "？！"]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.err.contains("nothing in the text is spoken"), "{ran:?}");
}

#[test]
fn what_is_spoken_does_not_depend_on_how_it_is_written() {
    let p = Program::new();
    let speak = |out: &str, text: &str| {
        p.ok(&["synth", "--model", "noise", "--seed", "4", "--max-tokens", "20", "--out", out, text]);
        wav(&fs::read(p.path(out)).unwrap()).1
    };
    let words = speak("a.wav", "总价是一百二十三元。");
    assert_eq!(speak("b.wav", "总价是123元！"), words);
    assert_eq!(speak("c.wav", "总价是１２３元。"), words);
    assert_ne!(speak("d.wav", "总价是124元。"), words);
}

#[test]
fn ssml_says_what_is_read_how() {
    let p = Program::new();
    let ssml = r#"<speak>你好<break time="2s"/><say-as interpret-as="digits">12</say-as><prosody rate="fast">快</prosody></speak>"#;
    let out = p.ok(&["normalize", "--ssml", "--json", ssml]).out;
    let spans = record(&out)["spans"].as_array().unwrap().clone();
    assert_eq!(spans[0], json!({"text": "你好", "silence": 2.0}));
    assert_eq!(spans[1]["text"], "一二");
    assert_eq!((&spans[2]["text"], spans[2]["speed"].as_u64()), (&json!("快"), Some(7)));

    let ran = p.run(&["normalize", "--ssml", "<speak>a\n<audio/></speak>"]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.err.contains("2:1") || ran.err.contains("line 2"), "{ran:?}");
    assert!(ran.err.contains("audio") && ran.err.contains("say-as"), "{ran:?}");
}

#[test]
fn ssml_is_spoken_with_its_silence_and_its_voices() {
    let p = Program::new();
    let speak = |out: &str, ssml: &str| {
        p.ok(&[
            "synth",
            "--model",
            "noise",
            "--ssml",
            "--seed",
            "4",
            "--max-tokens",
            "20",
            "--out",
            out,
            ssml,
        ]);
        wav(&fs::read(p.path(out)).unwrap()).1
    };
    let plain = speak("a.wav", "<speak>你好</speak>");
    assert_eq!(speak("b.wav", "<speak>\n  你好\n</speak>\n"), plain);
    let paused = speak("c.wav", r#"<speak>你好<break time="2s"/></speak>"#);
    assert_eq!(paused.len(), plain.len() + 48_000);
    assert_ne!(speak("d.wav", r#"<speak><prosody rate="x-fast">你好</prosody></speak>"#), plain);
    let other = speak("e.wav", r#"<speak><voice name="4099">你好</voice></speak>"#);
    assert_ne!(other, plain);
    // The other voice does not touch what the first says.
    let both = speak("f.wav", r#"<speak>你好<break time="2s"/><voice name="4099">你好</voice></speak>"#);
    assert_eq!(both[..paused.len()], paused[..]);
    let ran = p.run(&[
        "synth",
        "--model",
        "noise",
        "--ssml",
        "--out",
        "g.wav",
        r#"<speak><voice name="?">a</voice></speak>"#,
    ]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
}

#[test]
fn markdown_is_read_without_its_signs_and_a_file_of_it_is_one_text() {
    let p = Program::new();
    fs::write(p.path("a.md"), "# 标题\n\n*好*，[这里](http://a.b)有3个。\n").unwrap();
    let out = p.ok(&["normalize", "--markdown", "--file", "a.md"]).out;
    assert_eq!(out, "标题。 好，这里有三个。\n");
}

#[test]
fn a_manifests_line_says_how_it_is_read() {
    let p = Program::new();
    let lines = [
        json!({"text": "3", "lang": "zh"}),
        json!({"text": "3", "lang": "en"}),
        json!({"text": "<speak>三</speak>", "ssml": true}),
        json!({"text": "好😀", "strict": true}),
    ];
    let mut manifest: String = lines.iter().map(|line| format!("{line}\n")).collect();
    manifest.push_str("{\"text\": \"\\ud800\"}\n");
    fs::write(p.path("m.jsonl"), manifest).unwrap();
    let ran = p.run(&[
        "synth",
        "--model",
        "noise",
        "--json-input",
        "--file",
        "m.jsonl",
        "--out-dir",
        "d",
        "--seed",
        "4",
        "--max-tokens",
        "20",
        "--report",
        "r.jsonl",
    ]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    let file = |name: &str| fs::read(p.path("d").join(name)).unwrap();
    assert_eq!(file("00000.wav"), file("00002.wav"));
    assert_ne!(file("00000.wav"), file("00001.wav"));
    assert!(ran.err.contains("m.jsonl:4: 1 character is not spoken"), "{ran:?}");
    assert!(ran.err.contains("m.jsonl:5: not JSON: "), "{ran:?}");
}

#[test]
fn subtitles_show_what_was_written() {
    let p = Program::new();
    let text = "“总价”是123元。走吧！";
    p.ok(&[
        "synth",
        "--model",
        "noise",
        "--seed",
        "4",
        "--max-tokens",
        "20",
        "--subtitles",
        "srt",
        "--out",
        "a.wav",
        text,
    ]);
    let srt = fs::read_to_string(p.path("a.srt")).unwrap();
    let shown: Vec<&str> = srt.lines().filter(|line| line.contains(['元', '走'])).collect();
    assert_eq!(shown.concat(), text, "{srt}");
}

/// The reference's cleaning, as the other tests have it.
mod cleaning {
    use chattts_rs::text::{Homophones, Language};

    use super::common::clean::{CleanOptions, Cleaned, Dropped, clean};

    const FIXTURE: &str = include_str!("fixtures/normalize.json");
    const MEGABYTE: usize = 1 << 20;

    fn in_language(text: &str, language: Option<Language>) -> Cleaned {
        clean(text, &CleanOptions { language, homophones: None })
    }

    fn dropped(text: &str) -> Vec<(usize, char)> {
        in_language(text, None).dropped.iter().map(|d| (d.offset, d.character)).collect()
    }

    #[test]
    fn it_agrees_with_the_reference() {
        let cases: Vec<super::Value> = serde_json::from_str(FIXTURE).unwrap();
        assert!(cases.len() >= 150, "only {} cases", cases.len());
        for case in &cases {
            let language = match case["lang"].as_str() {
                Some("zh") => Some(Language::Chinese),
                Some("en") => Some(Language::English),
                other => {
                    assert_eq!(other, None, "{case}");
                    None
                }
            };
            let ours = in_language(case["text"].as_str().unwrap(), language).text;
            assert_eq!(ours, case["normalized"].as_str().unwrap(), "{case}");
        }
    }

    #[test]
    fn homophones_are_replaced_outside_and_inside_tags() {
        let table = Homophones::from_json(r#"{"後": "后", "來": "来"}"#).unwrap();
        let options = CleanOptions { language: None, homophones: Some(&table) };
        let golden = clean("[laugh]真的吗？！[uv_break]“好”（是）：後來。", &options);
        assert_eq!(golden.text, "[laugh]真的吗。[uv_break]好，是，，后来。");
        assert_eq!(clean("[後]來", &options).text, "[后]来");
    }

    #[test]
    fn a_homophone_is_cleaned_like_any_character_and_reported_as_it_stood() {
        let table = Homophones::from_json(r#"{"①": "一", "好": "二", "a": "3"}"#).unwrap();
        let options = CleanOptions { language: None, homophones: Some(&table) };
        let cleaned = clean("①好a", &options);
        assert_eq!(cleaned.text, "一二");
        assert_eq!(cleaned.dropped, [Dropped { character: 'a', offset: 6 }]);
    }

    #[test]
    fn dropped_characters_carry_their_offset_in_the_input() {
        assert_eq!(dropped("总价是123元？"), [(9, '1'), (10, '2'), (11, '3'), (15, '？')]);
        assert_eq!(dropped("it's: 5!"), [(2, '\''), (6, '5')]);
        assert_eq!(dropped("我\n好"), [(3, '\n')]);
    }

    #[test]
    fn what_becomes_a_pause_or_stands_in_a_tag_is_not_dropped() {
        assert_eq!(dropped("你好！（是）：[break_6][什么？]"), []);
    }

    #[test]
    fn a_bracket_without_its_partner_is_dropped_in_the_order_of_the_input() {
        assert_eq!(
            dropped("1[a!2[b]3]"),
            [(0, '1'), (1, '['), (2, 'a'), (3, '!'), (4, '2'), (8, '3'), (9, ']')]
        );
        assert_eq!(dropped("a[b"), [(1, '['), (2, 'b')]);
    }

    #[test]
    fn a_tag_lost_to_a_lone_bracket_is_reported() {
        let cleaned = in_language("]]b[x]？", Some(Language::Chinese));
        assert_eq!(cleaned.text, "b");
        assert_eq!(dropped("]]b[x]？"), [(0, ']'), (1, ']'), (3, '['), (4, 'x'), (5, ']'), (6, '？')]);
    }

    #[test]
    fn text_and_dropped_characters_add_up_to_the_input() {
        let cases: Vec<super::Value> = serde_json::from_str(FIXTURE).unwrap();
        for case in &cases {
            let text = case["text"].as_str().unwrap();
            let cleaned = in_language(text, None);
            assert_eq!(cleaned.text.chars().count() + cleaned.dropped.len(), text.chars().count(), "{case}");
            assert!(cleaned.dropped.windows(2).all(|pair| pair[0].offset < pair[1].offset), "{case}");
            for d in &cleaned.dropped {
                assert_eq!(text[d.offset..].chars().next(), Some(d.character), "{case}");
            }
        }
    }

    #[test]
    fn megabytes_of_anything_take_linear_time() {
        for unit in ["[", "]", "[]", "[[a", "[a", "a", "a ", "我", "，", "1", "\u{1f600}", "-[!"] {
            let text = unit.repeat(MEGABYTE / unit.len());
            let start = std::time::Instant::now();
            let cleaned = in_language(&text, None);
            // Generous, for a busy machine and a debug build; quadratic time would take far longer.
            assert!(start.elapsed().as_secs() < 5, "{unit:?} took {:?}", start.elapsed());
            assert_eq!(cleaned.text.chars().count() + cleaned.dropped.len(), text.chars().count());
        }
    }
}

#[test]
fn an_explanation_names_the_rule_of_every_part_and_other_readings() {
    let p = Program::new();
    let out = p.ok(&["normalize", "--explain", "On 9/11 he paid $5.", "好"]).out;
    let expected = "On nine eleven he paid five dollars.\n  9/11 → nine eleven (name)\n    or 9/11 → nine elevenths (fraction)\n";
    assert!(out.starts_with(expected), "{out}");
    assert!(out.contains("\n  $5 → five dollars (money)\n"), "{out}");
    assert!(out.ends_with("\n好\n"), "{out}");
    assert_eq!(p.run(&["normalize", "--explain", "--json", "5"]).code, Some(2));
}
