//! Voices by their names, and the register of roles.

mod common;

use std::fs;

use common::{Program, write_sample};

const DEMO: [&str; 4] = ["--model", "noise", "--seed", "4"];

/// An empty folder, also for the user's settings.
fn program() -> Program {
    let p = Program::new();
    let config = p.path("config");
    p.env("XDG_CONFIG_HOME", config.to_str().unwrap())
}

fn speak(p: &Program, extra: &[&str]) -> Vec<u8> {
    let fixed = ["synth", "-t", "你好，世界。", "-o", "-", "--max-tokens", "20"];
    p.ok(&[&fixed[..], &DEMO, extra].concat()).stdout
}

#[test]
fn roles_are_added_shown_and_removed() {
    let p = program();
    let list = p.ok(&["roles", "list"]).out;
    assert!(list.lines().any(|line| line.starts_with("2222\ttorch-f32:2222\tshipped\t")), "{list}");
    p.ok(&["roles", "add", "anna", "torch-f16:2222", "--note", "calm"]);
    p.ok(&["roles", "add", "7", "mix:anna*0.7+4099*0.3"]);
    let list = p.ok(&["roles", "list"]).out;
    assert!(list.contains("anna\ttorch-f16:2222\t") && list.contains("\tcalm\n"), "{list}");
    assert!(list.contains("7\tmix:anna*0.7+4099*0.3\t"), "{list}");
    let ran = p.run(&["roles", "add", "anna", "5"]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.err.contains("anna is already") && ran.err.contains("--replace"), "{ran:?}");
    p.ok(&["roles", "add", "anna", "torch-f16:2222", "--note", "calm"]);
    p.ok(&["roles", "add", "anna", "torch-f32:5", "--replace"]);
    let shown: serde_json::Value = serde_json::from_str(&p.ok(&["roles", "show", "anna"]).out).unwrap();
    assert_eq!((&shown["name"], &shown["voice"]), (&"anna".into(), &"torch-f32:5".into()));
    assert_eq!(shown["speaker"].as_array().unwrap().len(), 4);
    p.ok(&["roles", "remove", "anna"]);
    assert!(!p.ok(&["roles", "list"]).out.contains("anna\ttorch"));
    assert_eq!(p.run(&["roles", "remove", "anna"]).code, Some(1));
    assert_eq!(p.run(&["roles", "show", "anna"]).code, Some(1));
    for bad in ["a b", "-x", "none", "torch-f32:3", "40000"] {
        assert_ne!(p.run(&["roles", "add", "--", bad, "5"]).code, Some(0), "{bad}");
    }
}

#[test]
fn a_role_speaks_as_what_it_stands_for() {
    let p = program();
    p.ok(&["roles", "add", "anna", "torch-f16:2222"]);
    p.ok(&["roles", "add", "7", "torch-f16:2222"]);
    let expected = speak(&p, &["--role", "torch-f16:2222"]);
    assert_eq!(speak(&p, &["--role", "anna"]), expected);
    assert_eq!(speak(&p, &["--role", "7"]), expected, "a number is a role before it is a seed");
    assert_eq!(speak(&p, &["--role", "mix:anna"]), expected);
    assert_ne!(speak(&p, &["--role", "mix:anna*0.5+4099*0.5"]), expected);
    p.ok(&["roles", "--roles", "project.toml", "add", "anna", "4099"]);
    assert_eq!(speak(&p, &["--role", "anna", "--roles", "project.toml"]), speak(&p, &["--role", "4099"]));
    assert_eq!(speak(&p, &["--role", "anna"]), expected, "the project's file is no one else's");
    let all: Vec<Vec<u8>> = ["cuda:2222", "forge:2222", "torch-f32:2222", "2222"]
        .iter()
        .map(|r| speak(&p, &["--role", r]))
        .collect();
    assert!(all[0] != all[1] && all[1] != all[2] && all[2] == all[3]);
    let ran = p.run(&["synth", "--model", "noise", "-t", "x", "-o", "a.wav", "--role", "nobody"]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.err.contains("nobody") && ran.err.contains("roles list"), "{ran:?}");
}

#[test]
fn voices_travel_as_strings_and_files() {
    let p = program();
    p.ok(&["roles", "export", "2222", "--out", "a.txt"]);
    let string = fs::read_to_string(p.path("a.txt")).unwrap();
    assert_eq!(p.ok(&["roles", "export", "2222"]).out, string);
    p.ok(&["roles", "import", "a.txt", "--name", "bob"]);
    assert_eq!(p.ok(&["roles", "export", "bob"]).out, string);
    let ran = p.run_with_input(&["roles", "import", "-", "--name", "piped"], string.as_bytes());
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_eq!(p.ok(&["roles", "export", "piped"]).out, string);
    for file in ["f16.pt", "string.pt"] {
        let path = common::fixtures().join("voices").join(file);
        p.ok(&["roles", "import", path.to_str().unwrap(), "--name", "pt", "--replace"]);
        assert!(p.ok(&["roles", "export", "pt"]).out.trim().chars().count() > 800, "{file}");
    }
    p.ok(&[
        "roles",
        "--roles",
        "other.toml",
        "import",
        p.path("config/chattts-rs/roles.toml").to_str().unwrap(),
    ]);
    assert_eq!(p.ok(&["roles", "--roles", "other.toml", "export", "bob"]).out, string);
    p.write("short.csv", "1,2,3");
    let ran = p.run(&["roles", "import", "short.csv"]);
    assert!(ran.code == Some(1) && ran.err.contains("short.csv"), "{ran:?}");
}

#[test]
fn a_sample_becomes_a_voice() {
    let p = program();
    write_sample(&p, "s.wav", 4.0);
    let clone =
        ["roles", "clone", "--model", "noise", "--wav", "s.wav", "--text", "一共3个！", "--name", "anna"];
    let ran = p.ok(&clone);
    assert!(ran.err.contains("anna (") && ran.err.contains("registered"), "{ran:?}");
    let anna = speak(&p, &["--role", "anna"]);
    assert_ne!(anna, speak(&p, &["--role", "none"]));
    assert_eq!(speak(&p, &["--role", "s.wav", "--role-text", "一共3个！"]), anna);
    assert_eq!(
        speak(&p, &["--role", "s.wav", "--role-text", "一共三个。"]),
        anna,
        "its words are read as a text is"
    );
    p.ok(&["roles", "preview", "anna", "--model", "noise", "--out", "p.wav"]);
    assert!(common::wav(&fs::read(p.path("p.wav")).unwrap()).1.len() > 1000);
    // The string carries the codes.
    let string = p.ok(&["roles", "export", "anna"]).out;
    assert_eq!(speak(&p, &["--role", string.trim(), "--role-text", "一共三个。"]), anna);

    let ran = p.run(&["synth", "--model", "noise", "-t", "x", "-o", "a.wav", "--role", "s.wav"]);
    assert!(ran.code == Some(2) && ran.err.contains("--role-text"), "{ran:?}");
    write_sample(&p, "short.wav", 1.5);
    let ran = p.run(&[&clone[..5], &["short.wav", "--text", "x", "--name", "b"]].concat());
    assert!(ran.code == Some(1) && ran.err.contains("3 to 30 s"), "{ran:?}");
    p.write("no.wav", "hello");
    let ran = p.run(&[&clone[..5], &["no.wav", "--text", "x", "--name", "b"]].concat());
    assert!(ran.code == Some(1) && ran.err.contains("no.wav"), "{ran:?}");
}

#[test]
fn all_texts_sound_like_the_first_if_asked() {
    let p = program();
    let lines = "第一行文字。\n第二行文字。\n第三行文字。\n";
    p.write("a.txt", lines);
    let run = |dir: &str, extra: &[&str]| {
        let fixed = ["synth", "--file", "a.txt", "--max-tokens", "25", "--out-dir", dir];
        let ran = p.spoken(&[&fixed[..], &DEMO, extra].concat());
        let file = |name: &str| fs::read(p.path(dir).join(name)).unwrap();
        (ran, [file("00000.wav"), file("00001.wav"), file("00002.wav")])
    };
    let (_, plain) = run("plain", &[]);
    let (_, first) = run("first", &["--voice-from-first", "--resume"]);
    assert_eq!(first[0], plain[0]);
    assert!(first[1] != plain[1] && first[2] != plain[2]);
    let (_, wide) = run("wide", &["--voice-from-first", "--batch-size", "3", "--threads", "2"]);
    let (_, narrow) = run("narrow", &["--voice-from-first", "--batch-size", "1"]);
    assert!(wide == first && narrow == first);
    // What is missing is made again from the same voice, though the first line is not spoken again.
    fs::remove_file(p.path("first/00001.wav")).unwrap();
    let (ran, again) = run("first", &["--voice-from-first", "--resume"]);
    assert_eq!(again, first);
    assert!(ran.out.contains("00001.wav") && !ran.out.contains("00000.wav"), "{ran:?}");
    // Another first line is another voice for all.
    p.write("a.txt", lines.replace("第一行", "首先是"));
    let (_, other) = run("first", &["--voice-from-first", "--resume"]);
    assert!(other[1] != first[1] && other[2] != first[2]);
}

#[test]
fn a_voice_string_is_not_written_under_the_name_of_a_sound() {
    let p = program();
    for out in ["a.wav", "a.FLAC", "a.mp3"] {
        let ran = p.run(&["roles", "export", "2222", "--out", out]);
        assert!(ran.code == Some(2) && ran.err.contains(out) && ran.err.contains(".txt"), "{ran:?}");
        assert!(!p.path(out).exists(), "{out}");
    }
    p.ok(&["roles", "export", "2222", "--out", "a.txt"]);
}
