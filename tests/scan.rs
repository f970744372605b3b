//! Scans of voices: heard by the engine that speaks all else, measured, shown and found again.

mod common;

use std::fs;
use std::process::Command;

use common::{Program, finish};
use serde_json::Value;

fn voices(p: &Program, dir: &str) -> Vec<Value> {
    let text = fs::read_to_string(p.path(dir).join("voices.jsonl")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn program() -> Program {
    let p = Program::new();
    let config = p.path("config");
    p.env("XDG_CONFIG_HOME", config.to_str().unwrap())
}

const SCAN: [&str; 8] = ["roles", "scan", "--model", "noise", "--max-tokens", "40", "--takes", "2"];

fn scan<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&SCAN[..], more].concat()
}

#[test]
fn a_scan_is_what_synth_speaks_and_goes_on_where_it_stopped() {
    let p = program();
    p.write("own.txt", "你好，世界。\nHello there.\n");
    let ran = p.ok(&scan(&["--seeds", "1-3,2222", "--out-dir", "scan", "--file", "own.txt"]));
    assert!(ran.out.trim_end().ends_with("index.html") && ran.out.lines().count() == 1, "{ran:?}");
    let found = voices(&p, "scan");
    let names: Vec<&str> = found.iter().map(|voice| voice["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["1", "2", "3", "2222"]);
    assert!(
        found.iter().all(|voice| voice["files"].as_array().unwrap().len() == 4 && voice["failed"] == 0.0)
    );
    // A take is what `synth` makes of it.
    p.spoken(&[
        "synth",
        "--model",
        "noise",
        "--max-tokens",
        "40",
        "-t",
        "Hello there.",
        "--role",
        "2222",
        "--seed",
        "1",
        "-o",
        "one.flac",
    ]);
    assert!(fs::read(p.path("one.flac")).unwrap() == fs::read(p.path("scan/audio/2222-2-1.flac")).unwrap());
    let before = fs::read_to_string(p.path("scan/voices.csv")).unwrap();
    assert!(before.starts_with("name,role,pitch,") && before.lines().count() == 5, "{before}");
    let first = fs::metadata(p.path("scan/audio/1-1-0.flac")).unwrap().modified().unwrap();
    let more =
        p.ok(&scan(&["--seeds", "1-4,2222", "--out-dir", "scan", "--file", "own.txt", "--batch-size", "3"]));
    assert!(more.err.contains("16 done before"), "{}", more.err);
    assert_eq!(fs::metadata(p.path("scan/audio/1-1-0.flac")).unwrap().modified().unwrap(), first);
    let again = voices(&p, "scan");
    assert_eq!((again.len(), &again[0], &again[4]), (5, &found[0], &found[3]));
}

#[test]
fn voices_of_other_kinds_and_files_are_heard_and_what_is_wrong_costs_itself() {
    let p = program();
    fs::create_dir(p.path("mine")).unwrap();
    p.ok(&["roles", "export", "4099", "--out", "mine/anna.txt"]);
    p.write("mine/broken.txt", "no voice at all");
    p.write("mine/readme.md", "nothing");
    p.write("own.txt", "Hello there.\n");
    let ran = p.ok(&scan(&[
        "--voices",
        "mine",
        "--seeds",
        "7",
        "--kind",
        "cuda",
        "--out-dir",
        "scan",
        "--file",
        "own.txt",
    ]));
    let found = voices(&p, "scan");
    let names: Vec<&str> = found.iter().map(|voice| voice["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["cuda-7", "anna.txt", "broken.txt"]);
    let failed: Vec<f64> = found.iter().map(|voice| voice["failed"].as_f64().unwrap()).collect();
    assert_eq!(failed, [0.0, 1.0, 1.0]);
    // The first file is a voice, of a model that is wider than this one; the second is none.
    assert!(
        ran.err.contains("768 values; this model takes 64") && ran.err.contains("broken.txt"),
        "{}",
        ran.err
    );
    assert!(found[2]["label"].as_str().unwrap().contains("100% failed"));
    for (more, reason) in [
        (&["--seeds", "9-1", "--out-dir", "x"][..], "the first one comes first"),
        (&["--voices", "gone", "--out-dir", "x"], "gone"),
        (&["--seeds", "1", "--out-dir", "x", "--file", "gone.txt"], "gone.txt"),
    ] {
        let ran = p.run(&scan(more));
        assert!(ran.code != Some(0) && ran.err.contains(reason), "{more:?}: {ran:?}");
    }
}

/// A scan as it would be of voices that can be told apart.
fn made(p: &Program) {
    let voice = |name: &str, pitch: f64, range: f64, rate: f64, stability: f64, failed: f64| {
        serde_json::json!({
            "name": name, "role": format!("torch-f32:{name}"), "pitch": pitch, "pitch_low": pitch, "pitch_high": pitch,
            "range": range, "rate": rate, "loudness": -20.0, "signal_to_noise": 40.0, "clipped": 0.0, "failed": failed,
            "cut_off": 0.0, "distance": 1.0, "stability": stability, "label": format!("voice {name}"), "files": [],
        })
        .to_string()
    };
    fs::create_dir_all(p.path("scan")).unwrap();
    let lines = [
        voice("10", 100.0, 3.0, 3.5, 0.95, 0.0),
        voice("11", 110.0, 3.0, 4.5, 0.97, 0.5),
        voice("12", 240.0, 8.0, 6.0, 0.90, 0.0),
        voice("13", 165.0, 5.0, 4.5, 0.40, 0.0),
    ];
    p.write("scan/voices.jsonl", lines.join("\n"));
}

#[test]
fn voices_are_found_by_what_was_measured_and_registered_from_there() {
    let p = program();
    made(&p);
    let find = |more: &[&str]| -> Vec<String> {
        let ran = p.ok(&[&["roles", "find"][..], more].concat());
        ran.out.lines().map(|line| line.split('\t').next().unwrap().to_string()).collect()
    };
    // Who fails comes last.
    assert_eq!(find(&[]), ["10", "12", "11", "13"]);
    assert_eq!(find(&["--pitch", "low", "--manner", "calm"]), ["10", "11"]);
    assert_eq!(find(&["--pitch", "high", "--manner", "lively", "--rate", "fast"]), ["12"]);
    assert_eq!(find(&["--pitch", "90-170", "--rate", "4-5"]), ["11", "13"]);
    assert_eq!(find(&["--stable", "0.9", "--heard", "female", "--in", "scan"]), ["12"]);
    assert_eq!(find(&["--heard", "male", "--most", "1"]), ["10"]);
    let none = p.run(&["roles", "find", "--pitch", "high", "--rate", "slow"]);
    assert!(none.code == Some(1) && none.err.contains("no voice in scan is like that"), "{none:?}");
    let wrong = p.run(&["roles", "find", "--pitch", "deep"]);
    assert!(wrong.code == Some(2) && wrong.err.contains("expected low, middle, high"), "{wrong:?}");
    let gone = p.run(&["roles", "find", "--in", "gone"]);
    assert!(gone.code == Some(1) && gone.err.contains("roles scan --seeds 1-500 --out-dir gone"), "{gone:?}");
    p.ok(&["roles", "add", "deep", "10", "--from", "scan"]);
    let shown: Value = serde_json::from_str(&p.ok(&["roles", "show", "deep"]).out).unwrap();
    assert_eq!((shown["voice"].as_str(), shown["note"].as_str()), (Some("torch-f32:10"), Some("voice 10")));
    let ran = p.run(&["roles", "add", "x", "99", "--from", "scan"]);
    assert!(ran.code == Some(1) && ran.err.contains("no voice 99 in scan"), "{ran:?}");
}

#[test]
fn the_catalogue_of_a_leaderboard_becomes_roles() {
    let p = program();
    p.ok(&["roles", "export", "4099", "--out", "soft.txt"]);
    p.write(
        "board.csv",
        "seed_id,rank_long,rank_multi,rank_single,score,gender,age,feature\r\n\
         2115,80.1,91.5%,70,0.9,女:90,青年,\"gentle, warm\"\r\nseed_7,1,20,3,0.1,男,老年,\r\nsoft,1,95,3,0.1,,,\r\n",
    );
    let ran = p.ok(&["roles", "import", "--catalogue", "board.csv"]);
    assert!(ran.err.contains("3 roles are registered"), "{ran:?}");
    let show = |name: &str| -> Value { serde_json::from_str(&p.ok(&["roles", "show", name]).out).unwrap() };
    assert_eq!(show("lb-2115")["voice"], "torch-f32:2115");
    assert_eq!(
        show("lb-2115")["note"],
        "gender 女:90; age 青年; feature gentle, warm; rank_long 80.1; rank_multi 91.5%; rank_single 70; score 0.9"
    );
    assert_eq!(show("lb-7")["voice"], "torch-f32:7");
    assert_eq!(p.ok(&["roles", "export", "lb-soft"]).out, fs::read_to_string(p.path("soft.txt")).unwrap());
    let list = |roles: &str| p.ok(&["roles", "--roles", roles, "list"]).out.matches(roles).count();
    p.ok(&["roles", "--roles", "best.toml", "import", "--catalogue", "board.csv", "--top", "2"]);
    assert_eq!(list("best.toml"), 2);
    p.write("bad.csv", "seed_id\n12\nnobody\n");
    let ran = p.run(&["roles", "import", "--catalogue", "bad.csv"]);
    assert!(ran.code == Some(1) && ran.err.contains("bad.csv:3: `nobody` is no seed"), "{ran:?}");
    assert_eq!(show("lb-12")["voice"], "torch-f32:12");
    p.write("none.csv", "voice\n1\n");
    let ran = p.run(&["roles", "import", "--catalogue", "none.csv"]);
    assert!(ran.code == Some(1) && ran.err.contains("the header names no voice"), "{ran:?}");
}

/// Opens the page of a scan in a browser (CHATTTS_RS_BROWSER, else chromium where there is one), runs a script in it, and
/// returns what it leaves; None without a browser.
fn browsed(p: &Program, script: &str) -> Option<String> {
    let page = fs::read_to_string(p.path("scan/index.html")).unwrap();
    let page = page.replacen("</html>", &format!("<script>{script}</script></html>"), 1);
    p.write("scan/test.html", page);
    let asked = std::env::var("CHATTTS_RS_BROWSER").ok();
    let mut browser = Command::new(asked.as_deref().unwrap_or("chromium"));
    browser.args(["--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=5000", "--dump-dom"]);
    browser.arg(format!("--user-data-dir={}", p.path("browser").display()));
    browser.arg(format!("file://{}", p.path("scan/test.html").display()));
    if let Err(error) = browser.output() {
        assert!(asked.is_none(), "CHATTTS_RS_BROWSER: {error}");
        eprintln!("skipped: there is no chromium here");
        return None;
    }
    Some(finish(browser, b"").out)
}

#[test]
fn the_page_sorts_filters_and_plays_from_a_disk() {
    let p = program();
    p.write("own.txt", "Hello there.\n");
    p.ok(&scan(&["--seeds", "1-4", "--out-dir", "scan", "--file", "own.txt"]));
    let template = fs::read_to_string(p.path("scan/index.html")).unwrap();
    assert!(!template.contains("https://"));
    // Voices that can be told apart, in the place of noise.
    let changes = "voices.forEach((v, i) => { v.pitch = 100 + 50 * i; v.rate = 3 + i; v.range = 3 + 2 * i;\
        v.stability = [0.4, 0.9, 0.6, null][i]; v.failed = 0; v.cut_off = i === 3 ? 0.5 : 0; }); draw();\
        const names = () => [...document.querySelectorAll('#rows code')].map(c => c.textContent).join(',');\
        const out = [];\
        const set = (id, value) => { by(id).value = value; by('filters').dispatchEvent(new Event('input')); out.push(names()); };\
        out.push(names()); document.querySelectorAll('#head button')[1].click(); out.push(names());\
        document.querySelectorAll('#head button')[1].click(); out.push(names());\
        set('stable', 0.5); set('stable', ''); set('high', 160); set('high', ''); set('heard', 'female'); set('heard', '');\
        set('manner', 'lively'); set('manner', ''); set('whole', '1'); set('whole', ''); set('words', 'no-such');\
        set('words', '');\
        out.push(document.querySelectorAll('circle').length);\
        document.querySelector('circle').dispatchEvent(new MouseEvent('click')); out.push(document.querySelectorAll('tr.chosen').length);\
        const b = document.querySelector('td button'); b.click(); out.push(b.className, sound.src.split('/').slice(-2).join('/'));\
        sound.onloadedmetadata = () => { document.body.dataset.seconds = sound.duration; };\
        document.body.dataset.out = out.join(' ');";
    let Some(dom) = browsed(&p, changes) else { return };
    let out = dom
        .split("data-out=\"")
        .nth(1)
        .and_then(|rest| rest.split('"').next())
        .unwrap_or_else(|| panic!("{dom}"));
    let expected = "2,3,1,4 4,3,2,1 1,2,3,4 2,3 1,2,3,4 1,2 1,2,3,4 3,4 1,2,3,4 3,4 1,2,3,4 1,2,3 1,2,3,4  1,2,3,4 4 1 playing audio/1-1-0.flac";
    assert_eq!(out, expected);
    let seconds: f64 =
        dom.split("data-seconds=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap().parse().unwrap();
    assert!(seconds > 0.1, "{seconds}");
}
