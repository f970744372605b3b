//! Conversations, subtitles and books: many voices, each at its time, by the engine that speaks everything.

mod common;

use std::fs;
use std::path::Path;

use chattts_rs::audio::Recording;
use common::{Program, wav};
use serde_json::{Value, json};

/// Arguments that every run here begins with: short noise in place of speech.
const SYNTH: [&str; 7] = ["synth", "-m", "noise", "--seed", "1", "--max-tokens", "20"];

fn args<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&SYNTH[..], more].concat()
}

fn samples(path: &Path) -> Vec<i16> {
    wav(&fs::read(path).unwrap()).1
}

fn records(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap();
    let mut records: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    records.sort_by_key(|record| record["index"].as_u64());
    records
}

/// A hundred turns of three speakers, written in every way that is taken.
fn script() -> (String, Vec<(&'static str, String)>) {
    let texts = ["你好，世界。", "hello world, what is this?", "好！", "one two three...", "我们是一个人 —"];
    let turns: Vec<(&str, String)> =
        (0..100).map(|i| (["Anna", "bob", "小明"][i * 7 % 3], texts[i * 11 % 5].to_string())).collect();
    let written = |(i, (speaker, text)): (usize, &(&str, String))| match i % 4 {
        0 => format!("{speaker}: {text}\n"),
        1 => format!("**{speaker}：** {text}\n\n"),
        2 => format!("[{speaker}] {text}\n"),
        _ => format!("{speaker}：{text}\n"),
    };
    (turns.iter().enumerate().map(written).collect(), turns)
}

const CAST: &str = "anna=4099,BOB=torch-f16:77,小明=mix:1*0.5+2*0.5";

#[test]
fn a_conversation_of_a_hundred_turns_is_its_turns_spoken_singly_and_joined() {
    let p = Program::new();
    let (script, turns) = script();
    p.write("talk.txt", &script);
    let roles = |speaker: &str| match speaker {
        "Anna" => "4099",
        "bob" => "torch-f16:77",
        _ => "mix:1*0.5+2*0.5",
    };
    let row = |(speaker, text): &(&str, String)| json!({"text": text, "role": roles(speaker)});
    let rows: String = turns.iter().map(|turn| format!("{}\n", row(turn))).collect();
    p.write("single.jsonl", rows);
    p.spoken(&args(&["-f", "single.jsonl", "--out-dir", "single", "--batch-size", "1", "--threads", "1"]));
    let single: Vec<Vec<i16>> = (0..100).map(|i| samples(&p.path(&format!("single/{i:05}.wav")))).collect();
    let mut expected: Vec<i16> = Vec::new();
    for (i, turn) in single.iter().enumerate() {
        if i > 0 {
            expected.extend(vec![0; 6_000]);
        }
        expected.extend(turn);
    }
    for (batch, threads) in [("1", "2"), ("7", "1"), ("16", "2")] {
        p.ok(&args(&[
            "--dialogue",
            "talk.txt",
            "--cast",
            CAST,
            "--gap",
            "0.25",
            "-o",
            "talk.wav",
            "--batch-size",
            batch,
            "--threads",
            threads,
        ]));
        assert!(samples(&p.path("talk.wav")) == expected, "{batch} {threads}");
    }
    p.spoken(&args(&["--dialogue", "talk.txt", "--cast", CAST, "--out-dir", "turns"]));
    for (i, (speaker, _)) in turns.iter().enumerate() {
        let turn = samples(&p.path(&format!("turns/{i:05}-{speaker}.wav")));
        assert!(turn == single[i], "{i}");
    }
    let streamed =
        args(&["--dialogue", "talk.txt", "--cast", CAST, "--gap", "0.25", "--stream", "--format", "raw"]);
    let streamed = p.ok(&streamed).stdout;
    let streamed: Vec<i16> = streamed.as_chunks().0.iter().map(|two| i16::from_le_bytes(*two)).collect();
    assert!(streamed == expected);
}

#[test]
fn speakers_have_files_of_one_length_subtitles_and_reports_have_their_names() {
    let p = Program::new();
    p.write("talk.txt", "Anna: Hello there?\nBob: Well...\n小明：好。\nAnna: Yes.\n");
    p.ok(&args(&[
        "--dialogue",
        "talk.txt",
        "-o",
        "talk.wav",
        "--stems",
        "stems",
        "--subtitles",
        "srt",
        "--report",
        "r.jsonl",
    ]));
    let whole = samples(&p.path("talk.wav"));
    let mut sum = vec![0i16; whole.len()];
    for name in ["Anna", "Bob", "小明"] {
        let stem = samples(&p.path(&format!("stems/{name}.wav")));
        assert_eq!(stem.len(), whole.len(), "{name}");
        assert!(stem.iter().any(|sample| *sample != 0));
        sum.iter_mut().zip(&stem).for_each(|(sum, sample)| *sum += sample);
    }
    assert!(sum == whole);
    let subtitles = fs::read_to_string(p.path("talk.srt")).unwrap();
    for text in ["\nAnna: Hello there?", "\nBob: Well...", "\n小明：好。", "\nAnna: Yes."] {
        assert!(subtitles.contains(text), "{subtitles}");
    }
    let speakers: Vec<Value> =
        records(&p.path("r.jsonl")).iter().map(|record| record["speaker"].clone()).collect();
    assert_eq!(speakers, ["Anna", "Bob", "小明", "Anna"]);
    // A pause is longer behind what trails off than behind a question.
    let zeros = |from: usize| whole[from..].iter().take_while(|sample| **sample == 0).count();
    assert!(zeros(0) < 100);
}

#[test]
fn voices_that_are_drawn_are_printed_and_the_same_when_they_are_given() {
    let p = Program::new();
    p.write("talk.txt", "Anna: Hello there.\nBob: Hello.\n2222: Hello.\n");
    let ran = p.ok(&args(&["--dialogue", "talk.txt", "-o", "a.wav"]));
    let cast = ran.err.lines().find_map(|line| line.strip_prefix("--cast ")).unwrap().to_string();
    assert!(cast.starts_with("Anna=torch-f32:") && cast.contains(",Bob=torch-f32:"), "{cast}");
    assert!(!cast.contains("2222="), "{cast}");
    p.ok(&args(&["--dialogue", "talk.txt", "-o", "b.wav", "--cast", &cast]));
    assert!(fs::read(p.path("a.wav")).unwrap() == fs::read(p.path("b.wav")).unwrap());
    // A conversation that goes on keeps its voices, and what is done.
    let resume = [
        "synth",
        "-m",
        "noise",
        "--max-tokens",
        "20",
        "--dialogue",
        "talk.txt",
        "--out-dir",
        "out",
        "--resume",
        "--report",
        "r.jsonl",
    ];
    p.spoken(&resume);
    p.write("talk.txt", "Anna: Hello there.\nBob: Hello.\n2222: Hello.\nCarl: Bye.\n");
    p.spoken(&resume);
    let status: Vec<Value> =
        records(&p.path("r.jsonl")).iter().map(|record| record["status"].clone()).collect();
    assert_eq!(status[..3], ["skipped", "skipped", "skipped"]);
}

#[test]
fn what_is_wrong_with_a_turn_costs_no_other() {
    let p = Program::new();
    p.write(
        "talk.txt",
        "It begins.\nAnna: Hello.\nBob:\n\nCarl: Who am I?\nDora: And I?\nEve: Me?\nAnna: Bye.\n",
    );
    p.write("more.toml", "eve = \"nobody.pt\"\n[dora]\nspeed = 1.5\n");
    let ran = p.run(&args(&[
        "--dialogue",
        "talk.txt",
        "--cast",
        "anna=4099",
        "--cast",
        "more.toml",
        "--out-dir",
        "out",
        "--report",
        "r.jsonl",
    ]));
    assert_eq!(ran.code, Some(1), "{ran:?}");
    for message in [
        "talk.txt:1: nobody is named who says this",
        "talk.txt:3: Bob says nothing",
        "talk.txt:5: Carl is neither in the cast (anna, dora, eve) nor a registered role; give Carl a voice there",
        "talk.txt:6: the cast names no voice for Dora",
        "talk.txt:7: role nobody.pt",
    ] {
        assert!(ran.err.to_lowercase().contains(&message.to_lowercase()), "{message}: {}", ran.err);
    }
    assert_eq!(common::files_in(&p.path("out")), 2);
    let status: Vec<Value> =
        records(&p.path("r.jsonl")).iter().map(|record| record["speaker"].clone()).collect();
    assert_eq!(status[3], "Carl");
    for (given, reason) in [
        (&["--cast", "anna=1", "-f", "talk.txt", "-o", "x.wav"][..], "--cast: a cast speaks a conversation"),
        (&["--dialogue", "talk.txt", "--cast", "gone.toml", "-o", "x.wav"], "gone.toml"),
        (&["--dialogue", "talk.txt", "-t", "x", "-o", "x.wav"], "cannot be used with"),
        (&["--dialogue", "gone.txt", "-o", "x.wav"], "cannot read gone.txt"),
    ] {
        let ran = p.run(&args(given));
        assert!(ran.code != Some(0) && ran.err.contains(reason), "{given:?}: {ran:?}");
    }
    p.write("rows.jsonl", "{\"text\": \"hi\", \"speaker\": \"anna\"}\n");
    let ran = p.run(&args(&["-f", "rows.jsonl", "--out-dir", "rows"]));
    assert!(ran.err.contains("give the file as --dialogue"), "{ran:?}");
}

#[test]
fn a_manifest_is_a_conversation_and_a_speaker_has_settings() {
    let p = Program::new();
    p.write(
        "talk.jsonl",
        "{\"speaker\": \"anna\", \"text\": \"Hello there, you.\", \"id\": \"x\"}\n{\"text\": \"nobody\"}\n\
         {\"speaker\": \"bob\", \"text\": \"Hello there, you.\", \"seed\": 9}\n",
    );
    p.write("cast.toml", "bob = 7\n[anna]\nrole = 7\nspeed = 2\nseed = 9\nrefine = true\n");
    let ran = p.run(&args(&[
        "--dialogue",
        "talk.jsonl",
        "--cast",
        "cast.toml",
        "--out-dir",
        "out",
        "--name",
        "{role}",
    ]));
    assert!(ran.code == Some(1) && ran.err.contains("talk.jsonl:2: `speaker` is missing"), "{ran:?}");
    let length = |name: &str| samples(&p.path(name)).len();
    assert!(length("out/anna.wav") > 0 && length("out/anna.wav") != length("out/bob.wav"));
}

#[test]
fn each_speaker_goes_on_in_the_voice_of_their_first_turn() {
    let p = Program::new();
    p.write("talk.txt", "Anna: Hello there.\nBob: Well, hello.\nAnna: How are you?\nBob: Fine.\n");
    p.write("anna.txt", "Hello there.\nHow are you?\n");
    let common = ["synth", "-m", "noise", "--seed", "1", "--max-tokens", "60", "--voice-from-first"];
    p.spoken(
        &[&common[..], &["--dialogue", "talk.txt", "--cast", "anna=4,bob=5", "--out-dir", "talk"]].concat(),
    );
    p.spoken(&[&common[..], &["-f", "anna.txt", "--role", "4", "--out-dir", "alone"]].concat());
    let read = |name: &str| fs::read(p.path(name)).unwrap();
    assert!(read("talk/00000-Anna.wav") == read("alone/00000.wav"));
    assert!(read("talk/00002-Anna.wav") == read("alone/00001.wav"));
}

#[test]
fn subtitles_are_not_written_over_those_that_are_read() {
    let p = Program::new();
    p.write("film.srt", SUBTITLES);
    let ran = p.run(&args(&["--srt-input", "film.srt", "-o", "film.wav", "--subtitles", "srt"]));
    assert!(ran.code == Some(2) && ran.err.contains("film.srt is what --srt-input reads"), "{ran:?}");
    assert_eq!(fs::read_to_string(p.path("film.srt")).unwrap(), SUBTITLES);
    let ran = p.run(&args(&["--srt-input", "film.srt", "-o", "dub.wav", "--length", "1.5"]));
    assert!(ran.code == Some(2) && ran.err.contains("--length: the last cue begins at 1.7 s"), "{ran:?}");
}

const SUBTITLES: &str = "1\n00:00:00,500 --> 00:00:01,200\nHello there, <i>you</i>.\n\n\
                         2\n00:00:00,900 --> 00:00:02,000\nThis overlaps.\n\n\
                         3\n00:00:01,500 --> 00:00:01,650\n好，你好，世界。\n\n\
                         4\n00:00:01,700 --> 00:00:03,000\nAnna: And on.\n";

#[test]
fn subtitles_are_spoken_at_their_times_within_the_length_of_the_video() {
    let p = Program::new();
    p.write("film.srt", SUBTITLES);
    for (more, seconds) in [(&[][..], 3.0), (&["--length", "00:00:04.5", "--sample-rate", "8000"], 4.5)] {
        let more = [
            &["--srt-input", "film.srt", "-o", "dub.wav", "--report", "r.jsonl", "--subtitles", "srt"],
            more,
        ];
        let ran = p.run(&args(&more.concat()));
        assert!(ran.code == Some(1) && ran.err.contains("film.srt:6: it begins at 00:00:00,900"), "{ran:?}");
        let (rate, wave) = wav(&fs::read(p.path("dub.wav")).unwrap());
        assert_eq!(wave.len() as f64 / f64::from(rate), seconds);
        let at = |seconds: f64| (seconds * f64::from(rate)) as usize;
        assert!(wave[..at(0.5)].iter().all(|sample| *sample == 0));
        for start in [0.5, 1.5, 1.7] {
            assert!(wave[at(start)..at(start + 0.02)].iter().any(|sample| *sample != 0), "{start}");
        }
        let records = records(&p.path("r.jsonl"));
        let status: Vec<&str> = records.iter().map(|record| record["status"].as_str().unwrap()).collect();
        assert_eq!((status[1], status[2]), ("failed", "overlapping"), "{records:?}");
        assert!(ran.err.contains("film.srt:10: the speech is") && ran.err.contains("1.35 times its speed"));
        assert!((records[2]["faster"].as_f64().unwrap() - 1.35).abs() < 1e-6);
        let subtitles = fs::read_to_string(p.path("dub.srt")).unwrap();
        assert!(subtitles.contains("00:00:01,500 -->"), "{subtitles}");
    }
}

#[test]
fn a_cue_that_is_a_little_too_long_ends_in_time() {
    let p = Program::new();
    p.write("one.txt", "Hello there.\n");
    p.ok(&args(&["-f", "one.txt", "-o", "one.wav"]));
    let seconds = samples(&p.path("one.wav")).len() as f64 / 24_000.0;
    let room = (seconds / 1.2 * 1e3).floor();
    let next = 1_000.0 + room;
    let time = |ms: f64| format!("00:00:{:06.3}", ms / 1e3).replace('.', ",");
    let cue = |start: f64, end: f64| format!("1\n{} --> {}\nHello there.\n\n", time(start), time(end));
    p.write("film.srt", cue(1_000.0, 1_000.0 + room / 2.0) + &cue(next, next + 5_000.0));
    p.ok(&args(&["--srt-input", "film.srt", "-o", "film.wav", "--report", "r.jsonl"]));
    let records = records(&p.path("r.jsonl"));
    let faster = records[0]["faster"].as_f64().unwrap();
    assert!((faster - seconds * 1e3 / room).abs() < 1e-4 && faster > 1.19, "{records:?}");
    assert!(records[1]["faster"].is_null() && records[0]["status"] != "overlapping");
    // The second cue is as it is spoken alone.
    let (film, one) = (samples(&p.path("film.wav")), samples(&p.path("one.wav")));
    let at = (next * 24.0) as usize;
    assert!(film[at..at + one.len()] == one);
}

const BOOK: &str = "---\nx: y\n---\n\n# The Sea\n\n## One: *Rain*\n\nIt rains. 你好。\n\n## Two\n\nIt stops.\n\n## Three\n\n```\n#\n```\n";

#[test]
fn a_book_becomes_a_file_a_chapter_with_tags_and_a_playlist() {
    for (format, tag) in [("flac", &b"TITLE=Two"[..]), ("opus", b"TITLE=Two"), ("mp3", b"T\x00w\x00o\x00")] {
        let p = Program::new();
        p.write("book.md", BOOK.replace("```\n#\n```", "It ends."));
        let speak = args(&[
            "--chapters",
            "-f",
            "book.md",
            "--out-dir",
            "book",
            "--format",
            format,
            "--resume",
            "--report",
            "r.jsonl",
        ]);
        p.spoken(&speak);
        let name = |title: &str| format!("{title}.{format}");
        let playlist = fs::read_to_string(p.path("book/playlist.m3u8")).unwrap();
        let files: Vec<&str> = playlist.lines().filter(|line| !line.starts_with('#')).collect();
        assert_eq!(files.len(), 3, "{playlist}");
        assert!(
            playlist.starts_with("#EXTM3U\n#EXTALB:The Sea\n#EXTINF:") && playlist.contains(",One: Rain\n")
        );
        let two = files.iter().find(|file| file.contains("Two")).unwrap();
        assert!(two.starts_with("002") && two.ends_with(&name("")), "{two}");
        let bytes = fs::read(p.path("book").join(two)).unwrap();
        assert!(bytes.windows(tag.len()).any(|window| window == tag), "{format}");
        if format == "flac" {
            assert!(!Recording::read(&p.path("book").join(two)).unwrap().samples.is_empty());
        }
        // What is finished is left alone; a new chapter is added to what is there.
        p.write("book.md", BOOK.replace("```\n#\n```", "It ends.\n\n## Four\n\nNo, it goes on."));
        p.spoken(&speak);
        let records = records(&p.path("r.jsonl"));
        let status: Vec<&str> = records.iter().map(|record| record["status"].as_str().unwrap()).collect();
        assert!(status[..3] == ["skipped"; 3] && status[3] != "skipped", "{status:?}");
        let playlist = fs::read_to_string(p.path("book/playlist.m3u8")).unwrap();
        assert_eq!(playlist.lines().filter(|line| !line.starts_with('#')).count(), 4, "{playlist}");
    }
}

#[test]
fn a_plain_text_is_cut_at_its_chapters() {
    let p = Program::new();
    p.write("book.txt", "Chapter 1\nIt rains.\n\nChapter 2\nIt stops.\n");
    let ran = p.spoken(&args(&["--chapters", "-f", "book.txt", "--out-dir", "book", "--album", "Rain"]));
    assert_eq!(ran.out.lines().count(), 2, "{ran:?}");
    let playlist = fs::read_to_string(p.path("book/playlist.m3u8")).unwrap();
    assert!(playlist.contains("#EXTALB:Rain"), "{playlist}");
    let ran = p.run(&args(&["--chapters", "-f", "book.txt", "-o", "x.wav"]));
    assert!(ran.code == Some(2) && ran.err.contains("--chapters: each chapter has a file"), "{ran:?}");
}
