//! Voices that clients make.

use std::fs;

use serde_json::Value;

use crate::common::{Program, files_in, sample};
use crate::server::{Answer, Server};

const PATH: &str = "/v1/audio/voices";

/// A form of these fields; `audio_sample` is a file.
fn form(fields: &[Field]) -> (String, Vec<u8>) {
    let mut body = Vec::new();
    for (name, value) in fields {
        let file = if *name == "audio_sample" { "; filename=\"../../s.wav\"" } else { "" };
        body.extend(
            format!("--xyz\r\nContent-Disposition: form-data; name=\"{name}\"{file}\r\n\r\n").bytes(),
        );
        body.extend_from_slice(value);
        body.extend(b"\r\n");
    }
    body.extend(b"--xyz--\r\n");
    ("Content-Type: multipart/form-data; boundary=xyz\r\n".into(), body)
}

type Field<'a> = (&'a str, &'a [u8]);

fn field<'a>(name: &'a str, value: &'a [u8]) -> Field<'a> {
    (name, value)
}

fn send(server: &Server, fields: &[Field]) -> Answer {
    let (headers, body) = form(fields);
    server.request("POST", PATH, &headers, &body)
}

fn wav(seconds: f64) -> Vec<u8> {
    chattts_rs::audio::wav(&sample(seconds, 24_000), 24_000).unwrap()
}

fn speak(server: &Server, voice: &str) -> Answer {
    server.speak(&format!(
        r#"{{"input": "你好，世界。", "voice": "{voice}", "seed": 4, "max_tokens": 20, "response_format": "pcm"}}"#
    ))
}

fn listed(server: &Server) -> Vec<String> {
    let voices = server.get(PATH).json();
    voices["voices"]
        .as_array()
        .unwrap()
        .iter()
        .map(|voice| voice["id"].as_str().unwrap().to_string())
        .collect()
}

#[test]
fn a_sample_becomes_a_voice_at_once_as_roles_clone_makes_it() {
    let server = Server::start(&[]);
    let p = &server.program;
    p.write("s.wav", wav(4.0));
    let clone = ["roles", "--roles", "r.toml", "clone", "--model", "noise", "--wav", "s.wav"];
    p.ok(&[&clone[..], &["--text", "一共3个！", "--name", "anna"]].concat());
    let synth = ["synth", "-m", "noise", "-t", "你好，世界。", "--seed", "4", "--max-tokens", "20"];
    let more = ["--roles", "r.toml", "--role", "anna", "--stream", "--format", "raw"];
    let expected = p.ok(&[&synth[..], &more].concat()).stdout;
    speak(&server, "anna").error(400, "invalid_voice");
    let files = files_in(p.dir.path());
    let sample = wav(4.0);
    let fields = [
        field("name", b"anna"),
        field("audio_sample", &sample),
        field("ref_text", "一共3个！".as_bytes()),
        field("consent", b"cons_1"),
        field("description", b"calm"),
    ];
    let made = send(&server, &fields);
    assert_eq!(made.status, 200, "{}", made.text());
    let made = made.json();
    assert_eq!(
        (&made["id"], &made["origin"], &made["has_sample"]),
        (&"anna".into(), &"created".into(), &true.into())
    );
    assert!(made["created_at"].as_u64() > Some(1_700_000_000) && made["warnings"].is_array(), "{made}");
    assert!(speak(&server, "anna").body == expected);
    assert!(listed(&server).contains(&"anna".to_string()));
    let found = server.get(&format!("{PATH}/anna")).json();
    assert_eq!((&found["description"], &found["origin"]), (&"calm".into(), &"created".into()));
    // The name is taken.
    assert!(send(&server, &fields).error(409, "conflict").contains("delete it first"));
    let deleted = server.request("DELETE", &format!("{PATH}/anna"), "", "").json();
    assert_eq!(deleted["deleted"], true);
    speak(&server, "anna").error(400, "invalid_voice");
    server.request("DELETE", &format!("{PATH}/anna"), "", "").error(404, "voice_not_found");
    server.get(&format!("{PATH}/anna")).error(404, "voice_not_found");
    assert_eq!(send(&server, &fields).status, 200, "the name is free again");
    assert_eq!(files_in(p.dir.path()), files, "it writes no file");
}

#[test]
fn voices_are_written_as_everywhere_and_lead_to_no_other() {
    let program = Program::new();
    program.write("voice.txt", "x");
    let server = Server::start_in(program, &["--model", "noise"]);
    let make =
        |name: &str, voice: &str| server.post(PATH, &format!(r#"{{"name": "{name}", "voice": {voice}}}"#));
    for (name, voice, like) in [
        ("a", "7", "torch-f32:7"),
        ("b", "\"torch-f16:7\"", "torch-f16:7"),
        ("c", "\"2222\"", "2222"),
        ("旁白", "\"alloy\"", "alloy"),
        ("m", "\"mix:a*0.7+alloy*0.3\"", "mix:torch-f32:7*0.7+alloy*0.3"),
    ] {
        let made = make(name, voice);
        assert_eq!(made.status, 200, "{name}: {}", made.text());
        assert!(speak(&server, name).body == speak(&server, like).body, "{name}");
    }
    let before = speak(&server, "m").body;
    assert_eq!(server.request("DELETE", &format!("{PATH}/a"), "", "").status, 200);
    assert!(speak(&server, "m").body == before, "a mix stays when a part of it goes");
    assert_eq!(server.request("DELETE", &format!("{PATH}/%E6%97%81%E7%99%BD"), "", "").status, 200);
    // The string of a sample needs its words.
    let (headers, body) =
        form(&[field("name", b"s"), field("audio_sample", &wav(4.0)), field("text", b"three")]);
    assert_eq!(server.request("POST", PATH, &headers, &body).status, 200);
    for (name, voice, status, code) in [
        ("x", "\"voice.txt\"", 400, "invalid_voice"),
        ("x", "\"./voice.txt\"", 400, "invalid_voice"),
        ("x", "\"/etc/passwd\"", 400, "invalid_voice"),
        ("x", "\"mix:alloy+./voice.txt\"", 400, "invalid_voice"),
        ("x", "\"s.wav\"", 400, "invalid_voice"),
        ("x", "\"nobody\"", 400, "invalid_voice"),
        ("x", "\"none\"", 400, "invalid_voice"),
        ("x", "\"torch-f32:x\"", 400, "invalid_voice"),
        ("x", "[]", 400, "invalid_parameter"),
        ("../x", "7", 400, "invalid_parameter"),
        ("x.pt", "7", 400, "invalid_parameter"),
        ("7", "7", 400, "invalid_parameter"),
        ("alloy", "7", 409, "conflict"),
        ("b", "7", 409, "conflict"),
    ] {
        let message = make(name, voice).error(status, code);
        assert!(!message.contains("no voice string"), "a file was read: {message}");
    }
    for fixed in ["alloy", "2222"] {
        let message = server.request("DELETE", &format!("{PATH}/{fixed}"), "", "").error(409, "conflict");
        assert!(message.contains("was started with"), "{message}");
    }
}

#[test]
fn a_bad_sample_is_told_as_roles_clone_tells_it() {
    let server = Server::start(&[]);
    let (name, text) = (field("name", b"anna"), field("text", b"hello"));
    let (good, short) = (wav(4.0), wav(1.5));
    for (fields, status, code, message) in [
        (vec![name, text], 400, "invalid_parameter", "`audio_sample` is missing"),
        (vec![name, field("audio_sample", &good)], 400, "invalid_parameter", "`text` is missing"),
        (vec![text, field("audio_sample", &good)], 400, "invalid_parameter", "`name` is missing"),
        (
            vec![name, text, field("audio_sample", b"hello")],
            400,
            "invalid_voice",
            "is not audio that is known",
        ),
        (vec![name, text, field("audio_sample", b"")], 400, "invalid_voice", "is empty"),
        (vec![name, text, field("audio_sample", b"OggS....")], 400, "invalid_voice", "an Ogg file"),
        (vec![name, text, field("audio_sample", &short)], 400, "invalid_voice", "3 to 30 s"),
        (vec![name, text, field("sample", &good)], 400, "invalid_parameter", "unknown key `sample`"),
        (vec![name, name, text], 400, "invalid_parameter", "there twice"),
        (vec![name, field("text", b"\xff"), field("audio_sample", &good)], 400, "invalid_parameter", "UTF-8"),
    ] {
        let found = send(&server, &fields).error(status, code);
        assert!(found.contains(message), "{found}");
    }
    let long = vec![0; 11 << 20];
    send(&server, &[name, text, field("audio_sample", &long)]).error(413, "too_large");
    let broken = "Content-Type: multipart/form-data; boundary=xyz\r\n";
    server.request("POST", PATH, broken, "--xyz\r\n").error(400, "invalid_parameter");
    server
        .request("POST", PATH, "Content-Type: multipart/form-data\r\n", "x")
        .error(400, "invalid_parameter");
    server.request("POST", PATH, "Content-Type: text/plain\r\n", "{}").error(415, "invalid_content_type");
    // Another site's page can send a form, but is not meant.
    let (headers, body) = form(&[name, text, field("audio_sample", &good)]);
    let foreign = format!("{headers}Origin: http://evil.example\r\n");
    server.request("POST", PATH, &foreign, &body).error(403, "foreign_origin");
    let own = format!("{headers}Origin: http://test\r\n");
    assert_eq!(server.request("POST", PATH, &own, &body).status, 200);
    server.wait_for("chattts_requests_in_flight", 0.0);
}

/// Writes random weights without the half of the DVAE that encodes.
fn without_encoder(p: &Program) {
    p.ok(&["model", "noise", "m"]);
    let path = p.path("m/asset/DVAE.safetensors");
    let bytes = fs::read(&path).unwrap();
    let all = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let kept = all.tensors().into_iter().filter(|(name, _)| !name.starts_with("downsample_conv"));
    fs::write(&path, safetensors::serialize(kept, None).unwrap()).unwrap();
}

#[test]
fn the_demo_takes_samples_and_a_model_without_an_encoder_says_that_it_does_not() {
    let sample = wav(4.0);
    let fields = [field("name", b"anna"), field("text", b"hello"), field("audio_sample", &sample)];
    let demo = Server::start_in(Program::new(), &["--model", "demo"]);
    assert_eq!(send(&demo, &fields).status, 200);
    assert_eq!(speak(&demo, "anna").status, 200);
    let program = Program::new();
    without_encoder(&program);
    let server = Server::start_in(program, &["--model", "m"]);
    let message = send(&server, &fields).error(400, "invalid_voice");
    assert!(message.contains("this model has no encoder"), "{message}");
    assert_eq!(server.post(PATH, r#"{"name": "anna", "voice": 7}"#).status, 200);
}

#[test]
fn a_file_keeps_the_voices_and_their_number_is_bounded() {
    let start = |program| {
        let flags = ["--model", "noise", "--voices-file", "kept/v.toml", "--max-voices", "2"];
        Server::start_in(program, &flags)
    };
    let mut server = start(Program::new());
    assert_eq!(
        send(&server, &[field("name", b"anna"), field("text", b"hello"), field("audio_sample", &wav(4.0))])
            .status,
        200
    );
    assert_eq!(server.post(PATH, r#"{"name": "bob", "voice": 7}"#).status, 200);
    let full = server.post(PATH, r#"{"name": "eve", "voice": 7}"#).error(409, "conflict");
    assert!(full.contains("2 voices are kept already"), "{full}");
    let (anna, bob) = (speak(&server, "anna").body, speak(&server, "bob").body);
    // It is a file of roles like any other.
    let list = server.program.ok(&["roles", "--roles", "kept/v.toml", "list"]).out;
    assert!(list.contains("bob\ttorch-f32:7"), "{list}");
    let program = std::mem::replace(&mut server.program, Program::new());
    drop(server);
    let server = start(program);
    assert!(speak(&server, "anna").body == anna && speak(&server, "bob").body == bob);
    let found: Value = server.get(&format!("{PATH}/anna")).json();
    assert_eq!((&found["origin"], &found["created_at"]), (&"created".into(), &Value::Null));
    assert_eq!(server.request("DELETE", &format!("{PATH}/anna"), "", "").status, 200);
    let text = fs::read_to_string(server.program.path("kept/v.toml")).unwrap();
    assert!(text.contains("bob") && !text.contains("anna"), "{text}");
    assert_eq!(server.post(PATH, r#"{"name": "eve", "voice": 7}"#).status, 200);
    // What cannot be written is the service's fault, and says nothing of its files.
    fs::write(server.program.path("kept/v.toml"), "no TOML [").unwrap();
    let message = server.request("DELETE", &format!("{PATH}/eve"), "", "").error(500, "internal");
    assert!(!message.contains("v.toml"), "{message}");
    let p = Program::new();
    p.write("v.toml", "no TOML [");
    let ran = p.run(&["serve", "--model", "noise", "--port", "0", "--voices-file", "v.toml"]);
    assert!(ran.code == Some(1) && ran.err.contains("v.toml"), "{ran:?}");
}
