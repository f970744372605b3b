//! The service, as its clients see it.

mod batch;
#[path = "../common/mod.rs"]
mod common;
mod grpc;
mod http2;
mod load;
mod others;
mod server;
mod stream;
mod talk;
mod tls;
mod voices;
mod watch;
mod wyoming;

use std::collections::BTreeSet;
use std::fs;

use base64::Engine as _;
use chattts_rs::service::voices::ALIASES;
use chattts_rs::service::{MODELS, http::ROUTES};
use common::{Program, files_in};
use serde_json::Value;
use server::Server;

const TEXT: &str = "你好，世界。Dr. Smith paid $5.";

fn body(rest: &str) -> String {
    format!(r#"{{"model": "tts-1", "input": "{TEXT}", "seed": 5, "max_tokens": 80, {rest}}}"#)
}

#[test]
fn speech_is_that_of_synth_to_the_byte() {
    let server = Server::start(&[]);
    let p = &server.program;
    let synth = ["synth", "-m", "noise", "-t", TEXT, "--seed", "5", "--max-tokens", "80"];
    for (flags, fields) in [
        (&[][..], r#""voice": null"#),
        (&["--role", "torch-f16:7", "--prompt", "speed_3"], r#""voice": "torch-f16:7", "prompt": "speed_3""#),
        (&["--sample-rate", "8000", "--split"], r#""sample_rate": 8000, "split": true"#),
        (&["--role", "mix:2222*0.5+4099"], r#""voice": {"id": "mix:alloy*0.5+4099"}"#),
        (&["--speed", "1.25"], r#""speed": 1.25"#),
    ] {
        let with = |more: &[&'static str]| [&synth[..], flags, more].concat();
        let raw = p.ok(&with(&["--stream", "--format", "raw"])).stdout;
        let wav = p.ok(&with(&["--stream"])).stdout;
        assert!(raw.len() > 2_000);
        for (format, content_type, expected) in [("pcm", "audio/pcm", raw), ("wav", "audio/wav", wav)] {
            let answer = server.speak(&body(&format!(r#""response_format": "{format}", {fields}"#)));
            assert_eq!(answer.status, 200, "{}", answer.text());
            assert!(answer.is_whole && answer.body == expected, "{format} {fields}");
            assert_eq!(answer.header("content-type").as_deref(), Some(content_type));
            assert_eq!(answer.header("x-seed").as_deref(), Some("5"));
        }
    }
    for (format, content_type) in [("mp3", "audio/mpeg"), ("opus", "audio/ogg; codecs=opus")] {
        let expected = p.ok(&[&synth[..], &["--stream", "--format", format]].concat()).stdout;
        let answer = server.speak(&body(&format!(r#""response_format": "{format}""#)));
        assert!(answer.body == expected, "{format}");
        assert_eq!(answer.header("content-type").as_deref(), Some(content_type));
    }
    p.ok(&[&synth[..], &["-o", "a.flac"]].concat());
    let answer = server.speak(&body(r#""response_format": "flac""#));
    assert!(answer.body == fs::read(p.path("a.flac")).unwrap());
    // What is levelled comes when it is whole.
    p.ok(&[&synth[..], &["--trim", "--normalize-loudness", "-16", "-o", "a.raw"]].concat());
    let answer = server.speak(&body(r#""response_format": "pcm", "trim": true, "normalize_loudness": -16"#));
    assert!(answer.body == fs::read(p.path("a.raw")).unwrap());
}

#[test]
fn a_seed_that_is_drawn_is_told_and_speaks_the_same_again() {
    let server = Server::start(&[]);
    let speak = |seed: &str| {
        server.speak(&format!(r#"{{"input": "hi", "response_format": "pcm", "max_tokens": 40 {seed}}}"#))
    };
    let drawn = speak("");
    let seed = drawn.header("x-seed").unwrap();
    assert!(speak(&format!(r#", "seed": {seed}"#)).body == drawn.body);
    assert_ne!(speak("").header("x-seed"), Some(seed));
}

#[test]
fn events_carry_the_same_bytes_and_how_much_it_took() {
    let server = Server::start(&[]);
    let plain = server.speak(&body(r#""min_tokens": 80, "response_format": "wav""#)).body;
    for stream in [r#""stream_format": "sse""#, r#""stream": true"#] {
        let answer = server.speak(&body(&format!(r#""min_tokens": 80, "response_format": "wav", {stream}"#)));
        assert_eq!(answer.header("content-type").as_deref(), Some("text/event-stream"));
        let text = answer.text();
        let events: Vec<Value> = text
            .split_terminator("\n\n")
            .map(|event| serde_json::from_str(event.strip_prefix("data: ").unwrap()).unwrap())
            .collect();
        let (done, deltas) = events.split_last().unwrap();
        let mut bytes = Vec::new();
        for delta in deltas {
            assert_eq!(delta["type"], "speech.audio.delta");
            let audio = delta["audio"].as_str().unwrap();
            bytes.extend(base64::engine::general_purpose::STANDARD.decode(audio).unwrap());
        }
        assert!(bytes == plain && deltas.len() > 1, "{} deltas", deltas.len());
        assert_eq!(done["type"], "speech.audio.done");
        let usage = |key: &str| done["usage"][key].as_u64().unwrap();
        assert!(usage("input_tokens") > 5 && usage("output_tokens") > 5, "{done}");
        assert_eq!(usage("total_tokens"), usage("input_tokens") + usage("output_tokens"));
    }
}

#[test]
fn what_is_wrong_is_told_as_openai_tells_it() {
    let program = Program::new();
    program.write("LICENSE", "a file that is no voice");
    let server = Server::start_in(program, &["--model", "noise", "--max-input", "20"]);
    let wrong = |fields: &str, code: &str| {
        server.speak(&format!(r#"{{"input": "hi", "response_format": "pcm", {fields}}}"#)).error(400, code)
    };
    assert!(wrong(r#""tempreature": 1"#, "invalid_parameter").contains("did you mean `temperature`?"));
    assert!(wrong(r#""response_format": "aac""#, "invalid_parameter").contains("aac"));
    assert!(wrong(r#""speed": 9"#, "invalid_parameter").contains("0.25 to 4"));
    assert!(wrong(r#""sample_rate": 7"#, "invalid_parameter").contains("4000 to 384000"));
    assert!(wrong(r#""prompt": "[sing_1]""#, "invalid_parameter").contains("[sing_1]"));
    assert!(
        wrong(r#""voice": "nobody""#, "invalid_voice").contains("alloy"),
        "it names those that there are"
    );
    for file in
        ["LICENSE", "./LICENSE", "a.wav", "/etc/passwd", "x.pt", "mix:alloy+./LICENSE", "mix:LICENSE*1"]
    {
        let message = wrong(&format!(r#""voice": "{file}""#), "invalid_voice");
        assert!(!message.contains("no voice string"), "{file} was read: {message}");
    }
    wrong(r#""ssml": true"#, "invalid_text");
    wrong(r#""ssml": true, "voice": "2222""#, "invalid_text");
    let empty = server.speak(r#"{"input": "  "}"#).error(400, "invalid_parameter");
    assert!(empty.contains("`input` is empty"), "{empty}");
    server.speak(r#"{"input": "😀", "response_format": "pcm"}"#).error(400, "invalid_text");
    server.speak(r#"{"input": "123456789012345678901"}"#).error(400, "invalid_parameter");
    server.speak("{").error(400, "invalid_parameter");
    server.speak(r#"{"model": "gpt-5", "input": "hi"}"#).error(404, "model_not_found");
    server.get("/v1/nothing").error(404, "not_found");
    server.get("/v1/audio/speech").error(405, "method_not_allowed");
    let long = format!(r#"{{"input": "{}"}}"#, "a".repeat(200_000));
    server.speak(&long).error(413, "too_large");
    server.request("POST", "/v1/audio/speech", "", "{}").error(415, "invalid_content_type");
    // None of this has held a slot or left a request behind.
    server.wait_for("chattts_requests_in_flight", 0.0);
    assert_eq!(server.metric("chattts_slots_held"), 0.0);
}

#[test]
fn voices_in_markup_are_confined_too() {
    let program = Program::new();
    program.write("voice.txt", "x");
    let server = Server::start_in(program, &["--model", "noise"]);
    let speak = |voice: &str| {
        let input = format!("<speak><voice name='{voice}'>hi</voice></speak>");
        server.speak(&format!(
            r#"{{"input": "{input}", "ssml": true, "response_format": "pcm", "max_tokens": 20}}"#
        ))
    };
    assert_eq!(speak("nova").status, 200);
    for voice in ["voice.txt", "nobody", "/etc/passwd"] {
        speak(voice).error(400, "invalid_voice");
    }
}

#[test]
fn models_and_voices_are_listed() {
    let program = Program::new();
    program.ok(&["roles", "add", "anna", "torch-f16:2222", "--note", "calm", "--roles", "roles.toml"]);
    let server = Server::start_in(program, &["--model", "noise", "--roles", "roles.toml"]);
    let models = server.get("/v1/models").json();
    let ids: Vec<&str> =
        models["data"].as_array().unwrap().iter().map(|model| model["id"].as_str().unwrap()).collect();
    assert_eq!(ids, MODELS);
    for model in MODELS {
        assert_eq!(server.get(&format!("/v1/models/{model}")).json()["id"], model);
        let spoken =
            format!(r#"{{"model": "{model}", "input": "hi", "response_format": "pcm", "max_tokens": 20}}"#);
        assert_eq!(server.speak(&spoken).status, 200);
    }
    assert!(server.get("/v1/models/gpt-5").error(404, "model_not_found").contains("tts-1-hd"));
    let voices = server.get("/v1/audio/voices").json();
    let find =
        |id: &str| voices["voices"].as_array().unwrap().iter().find(|voice| voice["id"] == id).cloned();
    let anna = find("anna").unwrap();
    assert_eq!((&anna["name"], &anna["description"]), (&Value::from("anna"), &Value::from("calm")));
    assert_eq!(anna["origin"], "registered");
    for (name, _) in ALIASES {
        assert!(find(name).is_some(), "{name}");
    }
}

#[test]
fn every_name_of_openai_is_another_voice_of_the_demo() {
    let server = Server::start_in(Program::new(), &["--model", "demo"]);
    let mut heard = BTreeSet::new();
    for (name, _) in ALIASES {
        let body = format!(
            r#"{{"input": "Hi.", "voice": "{name}", "seed": 1, "response_format": "pcm", "max_tokens": 24}}"#
        );
        let answer = server.speak(&body);
        assert_eq!(answer.status, 200, "{name}: {}", answer.text());
        assert!(heard.insert(answer.body), "{name} sounds like another one");
    }
}

#[test]
fn a_text_is_read_as_the_command_reads_it() {
    let server = Server::start(&[]);
    let text = "总价是123.5元。Dr. Smith 😀 paid $5.20.";
    let printed = server.program.ok(&["normalize", "--json", text]).out;
    let mut expected: Value = serde_json::from_str(&printed).unwrap();
    let answer = server.post("/v1/audio/normalize", &format!(r#"{{"input": "{text}"}}"#));
    let mut found = answer.json();
    assert!(found["warnings"][0].as_str().unwrap().contains("not spoken"), "{found}");
    for record in [&mut expected, &mut found] {
        let record = record.as_object_mut().unwrap();
        record.remove("source");
        record.remove("warnings");
    }
    assert_eq!(found, expected);
    let own = r#"{"input": "a GIF", "pronounce": {"gif": "jif"}}"#;
    assert_eq!(server.post("/v1/audio/normalize", own).json()["text"], "a jif");
    let german = server.post("/v1/audio/normalize", r#"{"input": "x", "lang": "de"}"#);
    german.error(400, "invalid_parameter");
    server.post("/v1/audio/normalize", r#"{"input": "x", "voice": "alloy"}"#).error(400, "invalid_parameter");
}

#[test]
fn keys_are_asked_for_and_health_is_not_hidden() {
    let program = Program::new();
    program.write("keys", "# one a line\nsk-a\nsk-b\n");
    let server = Server::start_in(program, &["--model", "noise", "--api-key-file", "keys", "--log", "json"]);
    let models = |headers: &str| server.request("GET", "/v1/models", headers, "");
    for headers in ["", "Authorization: Bearer sk-c\r\n", "Authorization: Basic sk-a\r\n"] {
        let answer = models(headers);
        answer.error(401, "invalid_api_key");
        assert_eq!(answer.header("www-authenticate").as_deref(), Some("Bearer"));
    }
    for key in ["sk-a", "sk-b"] {
        assert_eq!(models(&format!("Authorization: Bearer {key}\r\n")).status, 200);
    }
    for path in ["/health/live", "/health/ready", "/metrics", "/openapi.json", "/"] {
        assert_eq!(server.get(path).status, 200, "{path}");
    }
    let p = Program::new();
    for (content, message) in [("\n", "no key"), ("a b\n", "line 1")] {
        p.write("keys", content);
        let ran = p.run(&["serve", "--model", "noise", "--port", "0", "--api-key-file", "keys"]);
        assert!(ran.code == Some(2) && ran.err.contains(message), "{ran:?}");
    }
}

#[test]
fn requests_are_logged_and_counted_without_their_texts() {
    let mut server = Server::start(&["--log", "json"]);
    let id = "X-Request-Id: job-7\r\nContent-Type: application/json\r\n";
    let spoken = server.request("POST", "/v1/audio/speech", id, &body(r#""response_format": "pcm""#));
    assert_eq!(spoken.header("x-request-id").as_deref(), Some("job-7"));
    let line = server.line("job-7");
    assert!(!line.contains("Smith"), "{line}");
    let record: Value = serde_json::from_str(&line).unwrap();
    for (key, value) in [("api", Value::from("speech")), ("status", 200.into()), ("seed", 5.into())] {
        assert_eq!(record[key], value, "{record}");
    }
    assert_eq!(record["client"], "127.0.0.1");
    let number = |key: &str| record[key].as_f64().unwrap_or_else(|| panic!("{key} in {record}"));
    assert_eq!(number("characters"), TEXT.chars().count() as f64);
    assert!((number("audio_seconds") - spoken.body.len() as f64 / 48_000.0).abs() < 1e-6);
    assert!(number("queue_ms") <= number("first_ms") && number("first_ms") <= number("total_ms"));
    let refused = server.speak(r#"{"input": ""}"#);
    let made = refused.header("x-request-id").unwrap();
    assert!(server.line(&made).contains("invalid_parameter"));
    for (name, value) in [
        ("chattts_requests_total{api=\"speech\",code=\"200\"}", 1.0),
        ("chattts_requests_total{api=\"speech\",code=\"400\"}", 1.0),
        ("chattts_errors_total{kind=\"invalid_parameter\"}", 1.0),
        ("chattts_request_duration_seconds_count", 2.0),
        ("chattts_first_audio_seconds_count", 1.0),
        ("chattts_queue_wait_seconds_count", 1.0),
        ("chattts_real_time_factor_count", 1.0),
        ("chattts_characters_total", TEXT.chars().count() as f64),
        ("chattts_queue_size", 0.0),
        ("chattts_build_info", 1.0),
    ] {
        assert_eq!(server.metric(name), value, "{name}");
    }
    assert!(server.metric("chattts_steps_total") >= 5.0);

    let mut server = Server::start(&["--log-text"]);
    server.speak(&body(r#""response_format": "pcm""#));
    assert!(server.line("speech 200").ends_with(TEXT));
}

#[test]
fn there_is_something_at_every_address_that_is_described() {
    let server = Server::start(&[]);
    let described = server.get("/openapi.json").json();
    for (method, path) in ROUTES {
        assert!(described["paths"][path][method].is_object(), "{method} {path}");
        let id = if path.contains("voices") { "alloy" } else { "tts-1" };
        let answer = server.request(&method.to_uppercase(), &path.replace("{id}", id), "", "");
        let expected = match (method, path) {
            ("get", "/v1/audio/speech/stream") => 426,
            ("get", _) => 200,
            ("delete", _) => 409,
            _ => 415,
        };
        assert_eq!(answer.status, expected, "{method} {path}");
    }
    let page = server.get("/");
    assert_eq!(page.header("content-type").as_deref(), Some("text/html; charset=utf-8"));
    let page = page.text().replace("xmlns='http://www.w3.org/2000/svg'", "");
    assert!(!page.contains("http://") && !page.contains("https://"), "the page works offline");
    assert_eq!(files_in(server.program.dir.path()), 0, "it writes no file");
}

#[test]
fn wrong_usage_is_told_before_anything_is_loaded() {
    let p = Program::new();
    for (flags, code, message) in [
        (&["--role", "nobody"][..], 2, "no such role"),
        (&["--host", "256.0.0.1"], 1, "cannot listen at 256.0.0.1:0"),
        (&["--batch-size", "none"], 2, "--batch-size none"),
        (&["--api-key-file", "missing"], 1, "--api-key-file missing"),
    ] {
        let ran = p.run(&[&["serve", "--model", "noise", "--port", "0"], flags].concat());
        assert!(ran.code == Some(code) && ran.err.contains(message), "{flags:?}: {ran:?}");
    }
    let ran = p.run(&["serve", "--model", "no-such-folder", "--port", "0", "--offline"]);
    assert!(ran.code == Some(1) || ran.code == Some(2), "{ran:?}");
}
