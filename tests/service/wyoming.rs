//! The service over Wyoming.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::common::Program;
use crate::server::{PATIENCE, Server};

const SETTINGS: [&str; 6] = ["--seed", "5", "--min-tokens", "60", "--max-tokens", "60"];

fn start(flags: &[&str]) -> (Server, String) {
    let server = Server::start(&[&["--wyoming", "0"], &SETTINGS[..], flags].concat());
    let line = server.log.iter().find_map(|line| line.split("listening at tcp://").nth(1)).unwrap();
    let address = line.split(',').next().unwrap().to_string();
    (server, address)
}

struct Client(BufReader<TcpStream>);

impl Client {
    fn connect(address: &str) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Client(BufReader::new(stream))
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0.get_mut().write_all(bytes).unwrap();
    }

    fn say(&mut self, kind: &str, data: Value) {
        let data = data.to_string();
        let line = json!({"type": kind, "version": "1.10.2", "data_length": data.len()});
        self.write(format!("{line}\n{data}").as_bytes());
    }

    /// Reads an event: its type, data and bytes. None at the end.
    fn hear(&mut self) -> Option<(String, Value, Vec<u8>)> {
        let mut line = String::new();
        if self.0.read_line(&mut line).unwrap_or(0) == 0 {
            return None;
        }
        let line: Value = serde_json::from_str(&line).unwrap();
        let mut read = |name: &str| {
            let mut bytes = vec![0; line[name].as_u64().unwrap_or(0) as usize];
            self.0.read_exact(&mut bytes).unwrap();
            bytes
        };
        let data = read("data_length");
        let payload = read("payload_length");
        Some((line["type"].as_str().unwrap().into(), serde_json::from_slice(&data).unwrap(), payload))
    }

    /// Reads audio to its end.
    fn audio(&mut self) -> Vec<u8> {
        let format = json!({"rate": 24_000, "width": 2, "channels": 1});
        let (kind, data, _) = self.hear().unwrap();
        assert_eq!((kind.as_str(), &data), ("audio-start", &format));
        let mut audio = Vec::new();
        loop {
            match self.hear().unwrap() {
                (kind, data, bytes) if kind == "audio-chunk" => {
                    assert_eq!(data, format);
                    audio.extend(bytes);
                }
                (kind, ..) => {
                    assert_eq!(kind, "audio-stop");
                    return audio;
                }
            }
        }
    }
}

fn spoken(server: &Server, text: &str, more: &[&str]) -> Vec<u8> {
    let synth = ["synth", "-m", "noise", "-t", text, "--stream", "--format", "raw"];
    server.program.ok(&[&synth[..], &SETTINGS, more].concat()).stdout
}

#[test]
fn speech_over_wyoming_is_that_of_synth_to_the_byte() {
    let (server, address) = start(&[]);
    let mut client = Client::connect(&address);
    client.write(b"{\"type\": \"describe\"}\n");
    let (kind, info, _) = client.hear().unwrap();
    let program = &info["tts"][0];
    assert_eq!((kind.as_str(), &program["supports_synthesize_streaming"]), ("info", &true.into()));
    let voices = program["voices"].as_array().unwrap();
    assert!(voices.iter().any(|voice| voice["name"] == "alloy" && voice["languages"] == json!(["en", "zh"])));
    client.say("ping", json!({"text": "here?"}));
    assert_eq!(client.hear().unwrap(), ("pong".into(), json!({"text": "here?"}), vec![]));
    // One after the other on one connection.
    client.say("synthesize", json!({"text": "Hello there.", "voice": {"name": "torch-f16:7"}}));
    assert!(client.audio() == spoken(&server, "Hello there.", &["--role", "torch-f16:7"]));
    client.say("synthesize", json!({"text": "你好，世界。", "voice": {"language": "zh-CN"}}));
    assert!(client.audio() == spoken(&server, "你好，世界。", &["--lang", "zh"]));
    // In pieces, with the whole text again as Home Assistant sends it.
    client.say("synthesize-start", json!({"voice": {"name": "torch-f16:7"}}));
    for piece in ["The first sentence ", "is here. And", " the last."] {
        client.say("synthesize-chunk", json!({"text": piece}));
    }
    client.say("synthesize", json!({"text": "The first sentence is here. And the last."}));
    client.say("synthesize-stop", json!({}));
    let sentences = ["The first sentence is here.", "And the last."];
    let sentences = sentences.map(|sentence| spoken(&server, sentence, &["--role", "torch-f16:7"]));
    let pause = vec![0; 2 * 24_000 * 3 / 10];
    assert!(client.audio() == sentences.join(&pause[..]));
    assert_eq!(client.hear().unwrap().0, "synthesize-stopped");
    drop(client);
    server.wait_for("chattts_requests_in_flight", 0.0);
    assert_eq!(server.metric("chattts_requests_total{api=\"wyoming\",code=\"200\"}"), 3.0);
}

#[test]
fn what_is_wrong_is_told_and_ends_the_connection_alone() {
    let (server, address) = start(&["--max-input", "40", "--head-time", "1"]);
    for (kind, data, code) in [
        ("synthesize", json!({"text": "hi", "voice": {"name": "nobody"}}), "invalid_voice"),
        ("synthesize", json!({"text": "hi", "voice": {"language": "de"}}), "invalid_parameter"),
        ("synthesize", json!({"text": "a".repeat(41)}), "invalid_parameter"),
        ("synthesize", json!({}), "invalid_parameter"),
        ("synthesize-start", json!({"text_format": "html"}), "invalid_parameter"),
    ] {
        let mut client = Client::connect(&address);
        client.say(kind, data);
        let (kind, data, _) = client.hear().unwrap();
        assert_eq!((kind.as_str(), &data["code"]), ("error", &code.into()), "{data}");
        assert!(client.hear().is_none());
    }
    for (bytes, code) in [
        (&b"GET / HTTP/1.1\r\n\r\n"[..], "invalid_parameter"),
        (b"{\"type\": \"synthesize\", \"data_length\": 99999999}\n", "too_large"),
        (b"{\"type\": \"synthesize\", \"data_length\": 9}\n{", "request_timeout"),
    ] {
        let mut client = Client::connect(&address);
        client.write(bytes);
        assert_eq!(client.hear().unwrap().1["code"], code);
        assert!(client.hear().is_none());
    }
    // Who says nothing is left.
    let start = Instant::now();
    assert!(Client::connect(&address).hear().is_none() && start.elapsed() < PATIENCE / 2);
    server.wait_for("chattts_connections", 1.0);
}

#[test]
fn its_requests_take_turns_with_the_others_and_end_with_their_client() {
    let (server, address) = start(&["--batch-size", "1", "--queue", "0"]);
    let running = server.begin("", &crate::server::held(1));
    server.wait_for("chattts_slots_held", 1.0);
    for kind in ["synthesize", "synthesize-start"] {
        let mut client = Client::connect(&address);
        client.say(kind, json!({"text": "Hello there."}));
        assert_eq!(client.hear().unwrap().1["code"], "queue_full");
    }
    drop(running);
    server.wait_for("chattts_slots_held", 0.0);
    let mut client = Client::connect(&address);
    client.say("synthesize-start", json!({}));
    client.say("synthesize-chunk", json!({"text": "Hello there. "}));
    assert_eq!(client.hear().unwrap().0, "audio-start");
    server.wait_for("chattts_requests_in_flight", 1.0);
    drop(client);
    server.wait_for("chattts_requests_in_flight", 0.0);
    server.wait_for("chattts_slots_held", 0.0);
}

#[cfg(unix)]
#[test]
fn it_ends_with_the_service() {
    let (mut server, address) = start(&["--grace", "60"]);
    let mut idle = Client::connect(&address);
    let mut busy = Client::connect(&address);
    busy.say("synthesize-start", json!({}));
    assert_eq!(busy.hear().unwrap().0, "audio-start");
    server.signal("TERM");
    server.line("ending; ");
    assert!(idle.hear().is_none());
    busy.say("synthesize-chunk", json!({"text": "Hello there."}));
    busy.say("synthesize-stop", json!({}));
    let mut kinds = Vec::new();
    while let Some((kind, ..)) = busy.hear() {
        kinds.push(kind);
    }
    assert_eq!(kinds.last().map(String::as_str), Some("synthesize-stopped"), "{kinds:?}");
    assert_eq!(server.exit_code(), Some(0));
    std::thread::sleep(Duration::from_millis(10));
    assert!(TcpStream::connect(&address).is_err());
}

#[test]
fn its_address_is_understood_and_keys_are_not_forgotten() {
    let p = Program::new();
    p.write("keys", "sk-a\n");
    for (flags, message) in [
        (&["--wyoming", "here"][..], "expected a port, or HOST:PORT"),
        (&["--wyoming", ":1"], "expected a port, or HOST:PORT"),
        (&["--wyoming", "0", "--api-key-file", "keys"], "cannot be used with"),
    ] {
        let ran = p.run(&[&["serve", "--model", "noise", "--port", "0"], flags].concat());
        assert!(ran.code == Some(2) && ran.err.contains(message), "{flags:?}: {ran:?}");
    }
}
