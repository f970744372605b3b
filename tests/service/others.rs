//! What clients send that people use, field by field.

use base64::Engine as _;
use serde_json::Value;

use crate::server::Server;

fn is_mp3(bytes: &[u8]) -> bool {
    bytes.first() == Some(&0xff) && bytes.get(1).is_some_and(|second| second & 0xe0 == 0xe0)
}

#[test]
fn open_webui_is_served() {
    let server = Server::start(&["--max-tokens", "40"]);
    // Its lists, without a key: `models` and `voices` with an id and a name.
    let models = server.get("/v1/audio/models").json();
    assert!(models["models"].as_array().unwrap().iter().any(|model| model["id"] == "tts-1"), "{models}");
    let voices = server.get("/v1/audio/voices").json();
    let voices = voices["voices"].as_array().unwrap();
    assert!(voices.iter().all(|voice| voice["id"].is_string() && voice["name"].is_string()));
    // It sends the text, the voice and the model, and whatever its administrator adds.
    let headers = "Content-Type: application/json\r\nAuthorization: Bearer sk-anything\r\n\
                   X-OpenWebUI-User-Name: a%20user\r\nUser-Agent: Python/3.11 aiohttp/3.12\r\nAccept: */*\r\n";
    for body in [
        r#"{"input": "Hello there.", "voice": "alloy", "model": "tts-1"}"#,
        r#"{"input": "Hello there.", "voice": "nova", "model": "tts-1-hd", "speed": 1.1, "seed": 7}"#,
    ] {
        let answer = server.request("POST", "/v1/audio/speech", headers, body);
        assert_eq!(answer.header("content-type").as_deref(), Some("audio/mpeg"), "{}", answer.head);
        assert!(answer.status == 200 && is_mp3(&answer.body));
    }
    // It shows what is under `error` if the status says that something is wrong.
    let refused = server.request("POST", "/v1/audio/speech", headers, r#"{"input": "hi", "voice": "x y"}"#);
    assert!(refused.status == 400 && refused.json()["error"]["message"].is_string());
}

#[test]
fn sillytavern_is_served() {
    let server = Server::start(&["--max-tokens", "40"]);
    let headers = "Content-Type: application/json\r\nAuthorization: Bearer \r\n";
    let body = r#"{"input": "Hello there.", "response_format": "mp3", "voice": "shimmer", "speed": 1, "model": "tts-1"}"#;
    let answer = server.request("POST", "/v1/audio/speech", headers, body);
    assert!(answer.status == 200 && is_mp3(&answer.body), "{}", answer.head);
}

#[test]
fn livekit_is_served() {
    let server = Server::start(&["--max-tokens", "40"]);
    // Its model is not one of the older two, so it asks for events and takes audio from either of two fields.
    let body = r#"{"input": "Hello there.", "model": "gpt-4o-mini-tts", "voice": "ash", "instructions": "Be calm.",
                   "response_format": "mp3", "speed": 1.0, "stream_format": "sse"}"#;
    let headers = "Content-Type: application/json\r\nAuthorization: Bearer sk-x\r\nAccept: application/octet-stream\r\n";
    let answer = server.request("POST", "/v1/audio/speech", headers, body);
    assert_eq!(answer.header("content-type").as_deref(), Some("text/event-stream"));
    assert!(answer.header("x-request-id").is_some());
    let mut audio = Vec::new();
    let text = answer.text();
    for line in text.lines().filter_map(|line| line.strip_prefix("data: ")) {
        let event: Value = serde_json::from_str(line).unwrap();
        let delta = event["delta"].as_str().or(event["audio"].as_str()).unwrap_or_default();
        audio.extend(base64::engine::general_purpose::STANDARD.decode(delta).unwrap());
    }
    assert!(is_mp3(&audio));
    let body = body.replace("gpt-4o-mini-tts", "tts-1").replace("sse", "audio");
    let answer = server.request("POST", "/v1/audio/speech", headers, &body);
    assert!(answer.status == 200 && is_mp3(&answer.body));
}

#[test]
fn openai_s_own_client_is_served() {
    let server = Server::start(&["--max-tokens", "40"]);
    let body = r#"{"input": "Hello there.", "model": "gpt-4o-mini-tts", "voice": "marin", "response_format": "wav",
                   "instructions": "", "speed": 1.0}"#;
    let headers = "content-type: application/json; charset=utf-8\r\nX-Stainless-Lang: python\r\n\
                   X-Stainless-Raw-Response: stream\r\nAccept: application/octet-stream\r\n";
    let answer = server.request("POST", "/v1/audio/speech", headers, body);
    assert!(answer.status == 200 && answer.body.starts_with(b"RIFF"), "{}", answer.head);
}
