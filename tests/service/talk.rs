//! Conversations: texts in which every turn names who speaks.

use std::fs;

use base64::Engine as _;
use serde_json::{Value, json};

use crate::server::Server;

const TALK: &str = "Anna: Hello there. Is it $5?\n小明：是的，五块。\n\n**Anna:** Well…\nBob: No!\n";
const CAST: &str = "anna=4099,小明=torch-f16:7,bob=2222";

fn body(more: Value) -> String {
    let mut body = json!({
        "input": TALK, "dialogue": true, "seed": 5, "min_tokens": 40, "max_tokens": 40, "response_format": "pcm",
        "cast": {"anna": 4099, "小明": "torch-f16:7", "Bob": {"role": "2222"}},
    });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body.to_string()
}

#[test]
fn a_conversation_is_that_of_synth_to_the_byte() {
    let server = Server::start(&["--batch-size", "2"]);
    let p = &server.program;
    fs::write(p.path("talk.txt"), TALK).unwrap();
    let synth = ["synth", "-m", "noise", "--dialogue", "talk.txt", "--seed", "5", "--min-tokens", "40"];
    let synth = [&synth[..], &["--max-tokens", "40", "-o", "a.raw"]].concat();
    for (flags, fields) in [
        (&["--cast", CAST][..], json!({})),
        (
            &["--cast", CAST, "--gap", "0.25"],
            json!({"gap": 0.25, "voice": "alloy", "stream_format": "audio"}),
        ),
        (&["--cast", CAST, "--sample-rate", "16000"], json!({"sample_rate": 16000})),
        // By the seed each of them has a voice.
        (&[], json!({"cast": null})),
    ] {
        p.ok(&[&synth[..], flags].concat());
        let expected = fs::read(p.path("a.raw")).unwrap();
        let answer = server.speak(&body(fields.clone()));
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert!(answer.is_whole && answer.body == expected, "{fields}");
        assert_eq!(answer.header("x-seed").as_deref(), Some("5"));
    }
    let whole = server.speak(&body(json!({})));
    let events = server.speak(&body(json!({"stream_format": "sse"}))).text();
    let events: Vec<Value> = events
        .lines()
        .filter_map(|line| serde_json::from_str(line.strip_prefix("data: ")?).unwrap())
        .collect();
    let (done, deltas) = events.split_last().unwrap();
    let decode = |event: &Value| {
        base64::engine::general_purpose::STANDARD.decode(event["audio"].as_str().unwrap()).unwrap()
    };
    assert!(deltas.iter().flat_map(decode).collect::<Vec<u8>>() == whole.body);
    assert_eq!(done["usage"]["output_tokens"], 4 * 40);
}

#[test]
fn who_has_no_voice_is_told_before_anything_is_spoken() {
    let server = Server::start(&[]);
    for (fields, param, message) in [
        (json!({"cast": {"anna": 1}}), "cast", "小明 is neither in the cast (anna) nor a registered role"),
        (json!({"cast": {"anna": ""}}), "cast", "names no voice for anna"),
        (json!({"cast": {"anna": "./LICENSE", "小明": 1, "bob": 1}}), "voice", "not read from files"),
        (
            json!({"cast": {"anna": {"role": 1, "sample_rate": 8000}, "小明": 1, "bob": 1}}),
            "cast",
            "one `sample_rate`",
        ),
    ] {
        let answer = server.speak(&body(fields.clone()));
        assert_eq!(answer.status, 400, "{fields}: {}", answer.text());
        let error = &answer.json()["error"];
        assert_eq!(error["param"], param, "{fields}: {error}");
        assert!(error["message"].as_str().unwrap().contains(message), "{fields}: {error}");
    }
}
