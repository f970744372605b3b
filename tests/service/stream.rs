//! Speech over WebSocket.

use std::net::TcpStream;
use std::time::{Duration, Instant};

use base64::Engine as _;
use serde_json::{Value, json};
use tungstenite::client::IntoClientRequest as _;
use tungstenite::http::HeaderValue;
use tungstenite::http::header::{AUTHORIZATION, ORIGIN, SEC_WEBSOCKET_PROTOCOL};
use tungstenite::{HandshakeError, Message, WebSocket};

use crate::common::Program;
use crate::server::{PATIENCE, Server, long};

type Socket = WebSocket<TcpStream>;

fn connect(
    server: &Server,
    query: &str,
    headers: &[(tungstenite::http::HeaderName, &str)],
) -> Result<Socket, u16> {
    let url = format!("ws://{}/v1/audio/speech/stream{query}", server.address);
    let mut request = url.into_client_request().unwrap();
    for (name, value) in headers {
        request.headers_mut().insert(name, HeaderValue::from_str(value).unwrap());
    }
    match tungstenite::client(request, server.connect()) {
        Ok((socket, _)) => Ok(socket),
        Err(HandshakeError::Failure(tungstenite::Error::Http(answer))) => Err(answer.status().as_u16()),
        Err(error) => panic!("{error}"),
    }
}

fn say(socket: &mut Socket, message: Value) {
    socket.send(Message::text(message.to_string())).unwrap();
}

/// What came of an utterance.
#[derive(Default)]
struct Heard {
    audio: Vec<u8>,
    events: Vec<Value>,
}

impl Heard {
    fn of(&self, kind: &str) -> Vec<&Value> {
        self.events.iter().filter(|event| event["type"] == kind).collect()
    }
}

/// Reads until an event of a type.
fn hear(socket: &mut Socket, until: &str) -> Heard {
    let mut heard = Heard::default();
    loop {
        match socket.read().unwrap() {
            Message::Binary(bytes) => heard.audio.extend(bytes),
            Message::Text(text) => {
                let event: Value = serde_json::from_str(&text).unwrap();
                if let Some(audio) = event["audio"].as_str() {
                    heard.audio.extend(base64::engine::general_purpose::STANDARD.decode(audio).unwrap());
                }
                let is_last = event["type"] == until;
                heard.events.push(event);
                if is_last {
                    return heard;
                }
            }
            Message::Close(_) => panic!("closed after {:?}", heard.events),
            _ => {}
        }
    }
}

fn config(more: Value) -> Value {
    let mut config = json!({"type": "session.config", "seed": 5, "max_tokens": 60, "min_tokens": 60});
    config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    config
}

#[test]
fn a_text_in_pieces_is_spoken_sentence_by_sentence() {
    let server = Server::start(&[]);
    let mut socket = connect(&server, "", &[]).unwrap();
    say(&mut socket, config(json!({"voice": "alloy"})));
    let sentences = ["The first sentence is here.", " And this is the second one.", " Bye."];
    for piece in ["The first ", "sentence is", " here. And this is the sec"] {
        say(&mut socket, json!({"type": "input.text", "text": piece}));
    }
    // The first is spoken while the text is still coming.
    let first = hear(&mut socket, "audio.start");
    assert!(
        first.events[0]["sentence_text"].as_str().unwrap().contains("first sentence"),
        "{:?}",
        first.events
    );
    say(&mut socket, json!({"type": "input.text", "text": "ond one. Bye."}));
    say(&mut socket, json!({"type": "input.done"}));
    let rest = hear(&mut socket, "session.done");
    let starts: Vec<&str> = [first.of("audio.start"), rest.of("audio.start")]
        .concat()
        .iter()
        .map(|start| start["sentence_text"].as_str().unwrap())
        .collect();
    assert_eq!(starts.concat().replace(' ', ""), sentences.concat().replace(' ', ""), "{starts:?}");
    let done = rest.events.last().unwrap();
    assert_eq!((&done["utterance_index"], &done["total_sentences"]), (&0.into(), &starts.len().into()));
    assert!(done["usage"]["output_tokens"].as_u64() > Some(60), "{done}");
    let told: u64 = rest.of("audio.done").iter().map(|done| done["total_bytes"].as_u64().unwrap()).sum();
    assert_eq!(told as usize, rest.audio.len());
    // One sentence alone is what the other address says.
    say(&mut socket, json!({"type": "input.text", "text": "Hello there."}));
    say(&mut socket, json!({"type": "input.done"}));
    let alone = hear(&mut socket, "session.done");
    let body = r#"{"input": "Hello there.", "voice": "alloy", "seed": 5, "max_tokens": 60, "min_tokens": 60, "response_format": "pcm"}"#;
    assert!(alone.audio == server.speak(body).body);
    let start = alone.of("audio.start")[0];
    assert_eq!(
        (&start["format"], &start["sample_rate"], &start["seed"]),
        (&"pcm".into(), &24_000.into(), &5.into())
    );
    // The same in base64, by the wish to speak what there is.
    say(&mut socket, config(json!({"voice": "alloy", "audio": "base64", "cut": "flushes"})));
    say(&mut socket, json!({"type": "input.text", "text": "Hello there."}));
    say(&mut socket, json!({"type": "input.flush"}));
    let flushed = hear(&mut socket, "audio.start");
    say(&mut socket, json!({"type": "input.done"}));
    let rest = hear(&mut socket, "session.done");
    assert!([flushed.audio, rest.audio].concat() == alone.audio);
    say(&mut socket, json!({"type": "session.close"}));
    assert!(matches!(socket.read(), Ok(Message::Close(Some(frame))) if u16::from(frame.code) == 1000));
    server.wait_for("chattts_requests_in_flight", 0.0);
}

#[test]
fn utterances_follow_one_another_without_waiting() {
    let server = Server::start(&["--batch-size", "1"]);
    let mut socket = connect(&server, "", &[]).unwrap();
    say(&mut socket, config(json!({})));
    for text in ["Hello there.", "", "Goodbye."] {
        say(&mut socket, json!({"type": "input.text", "text": text}));
        say(&mut socket, json!({"type": "input.done"}));
    }
    let mut audio = Vec::new();
    for index in 0..3 {
        let heard = hear(&mut socket, "session.done");
        assert_eq!(heard.events.last().unwrap()["utterance_index"], index);
        audio.push(heard.audio);
    }
    assert!(!audio[0].is_empty() && audio[1].is_empty() && !audio[2].is_empty());
    assert!(audio[0] != audio[2]);
}

#[test]
fn who_has_heard_enough_cancels() {
    let mut server = Server::start(&["--batch-size", "1", "--log", "json"]);
    let mut socket = connect(&server, "", &[]).unwrap();
    let endless = json!({"max_tokens": 1_500, "min_tokens": 1_500, "sample_rate": 384_000});
    say(&mut socket, config(endless));
    say(&mut socket, json!({"type": "input.text", "text": "Hello there."}));
    say(&mut socket, json!({"type": "input.done"}));
    hear(&mut socket, "audio.start");
    // What waits is forgotten too.
    say(&mut socket, json!({"type": "input.text", "text": "And more."}));
    say(&mut socket, json!({"type": "input.cancel"}));
    let done = hear(&mut socket, "session.done");
    assert_eq!(done.events.last().unwrap()["cancelled"], true);
    server.wait_for("chattts_slots_held", 0.0);
    assert!(server.line("\"dialog\"").contains("\"error\":\"cancelled\""));
    say(&mut socket, config(json!({})));
    say(&mut socket, json!({"type": "input.text", "text": "Hello again."}));
    say(&mut socket, json!({"type": "input.done"}));
    let heard = hear(&mut socket, "session.done");
    assert!(heard.of("audio.start")[0]["sentence_text"] == "Hello again." && !heard.audio.is_empty());
    // One that goes away frees its slot.
    say(&mut socket, config(json!({"max_tokens": 1_500, "min_tokens": 1_500, "sample_rate": 384_000})));
    say(&mut socket, json!({"type": "input.text", "text": "Hello there."}));
    say(&mut socket, json!({"type": "input.done"}));
    server.wait_for("chattts_slots_held", 1.0);
    drop(socket);
    server.wait_for("chattts_slots_held", 0.0);
    server.wait_for("chattts_requests_in_flight", 0.0);
}

#[test]
fn what_is_wrong_is_told_and_the_session_goes_on() {
    let server = Server::start(&["--max-input", "40"]);
    let mut socket = connect(&server, "", &[]).unwrap();
    let long = "a".repeat(41);
    for (message, code, part) in [
        (json!({"type": "input.txet", "text": "hi"}), "invalid_parameter", "input.txet"),
        (json!([1]), "invalid_parameter", "JSON object"),
        (json!({"type": "session.config", "tempreature": 1}), "invalid_parameter", "`temperature`?"),
        (json!({"type": "session.config", "speed": 9}), "invalid_parameter", "0.25 to 4"),
        (json!({"type": "session.config", "audio": "text"}), "invalid_parameter", "\"base64\""),
        (json!({"type": "input.text", "text": 1}), "invalid_parameter", "a string"),
        (json!({"type": "input.text", "text": long}), "invalid_parameter", "40 characters"),
    ] {
        say(&mut socket, message);
        let heard = hear(&mut socket, "error");
        let error = heard.events.last().unwrap();
        assert_eq!(error["error"]["code"], code, "{error}");
        assert!(error["message"].as_str().unwrap().contains(part), "{error}");
    }
    say(&mut socket, json!({"type": "input.cancel"}));
    hear(&mut socket, "session.done");
    // A wrong voice is found when it is to speak; the rest of its text is for nothing.
    say(&mut socket, config(json!({"voice": "nobody"})));
    say(&mut socket, json!({"type": "input.text", "text": "Hello. "}));
    say(&mut socket, json!({"type": "input.flush"}));
    let heard = hear(&mut socket, "error");
    assert_eq!(heard.events.last().unwrap()["error"]["code"], "invalid_voice");
    say(&mut socket, json!({"type": "input.text", "text": "There."}));
    say(&mut socket, json!({"type": "input.done"}));
    let heard = hear(&mut socket, "session.done");
    assert!(heard.audio.is_empty() && heard.events.last().unwrap()["error"] == true, "{:?}", heard.events);
    say(&mut socket, config(json!({})));
    say(&mut socket, json!({"type": "input.text", "text": "Hello there."}));
    say(&mut socket, json!({"type": "input.done"}));
    assert!(!hear(&mut socket, "session.done").audio.is_empty());
    // More than any message may have.
    let _ = socket.send(Message::text("a".repeat(1 << 20)));
    assert!(std::iter::from_fn(|| socket.read().ok()).all(|message| message.is_close()));
    server.wait_for("chattts_requests_in_flight", 0.0);
}

#[test]
fn pages_give_their_key_and_come_from_here() {
    let program = Program::new();
    program.write("keys", "sk-a\nsk/b=\n");
    let server = Server::start_in(program, &["--model", "noise", "--api-key-file", "keys"]);
    assert_eq!(connect(&server, "", &[]).err(), Some(401));
    assert_eq!(connect(&server, "?api_key=sk-x", &[]).err(), Some(401));
    assert!(connect(&server, "", &[(AUTHORIZATION, "Bearer sk-a")]).is_ok());
    assert!(connect(&server, "?api_key=sk%2Fb%3D", &[]).is_ok());
    let protocols = (SEC_WEBSOCKET_PROTOCOL, "realtime, openai-insecure-api-key.sk-a");
    let foreign = (ORIGIN, "http://page.example");
    assert!(connect(&server, "", &[protocols, foreign.clone()]).is_ok());
    assert_eq!(server.request("GET", "/v1/models?api_key=sk-a", "", "").status, 401, "nowhere else");
    let server = Server::start(&[]);
    assert_eq!(connect(&server, "", &[foreign]).err(), Some(403));
    assert!(connect(&server, "", &[(ORIGIN, &format!("http://{}", server.address))]).is_ok());
    server.get("/v1/audio/speech/stream").error(426, "upgrade_required");
}

#[cfg(unix)]
#[test]
fn sessions_count_and_end_with_the_service() {
    let mut server = Server::start(&["--max-connections", "2", "--grace", "60"]);
    let mut idle = connect(&server, "", &[]).unwrap();
    server.wait_for("chattts_connections", 2.0);
    // That of the question closes by and by.
    std::thread::sleep(Duration::from_millis(500));
    let mut busy = connect(&server, "", &[]).unwrap();
    assert_eq!(server.get("/health/live").status, 503, "both places are taken");
    say(&mut busy, config(json!({"max_tokens": 400, "min_tokens": 400})));
    say(&mut busy, json!({"type": "input.text", "text": "Hello there."}));
    hear_nothing(&mut idle);
    say(&mut busy, json!({"type": "input.flush"}));
    hear(&mut busy, "audio.start");
    server.signal("TERM");
    server.line("ending; ");
    assert!(matches!(idle.read(), Ok(Message::Close(Some(frame))) if u16::from(frame.code) == 1001));
    say(&mut busy, json!({"type": "input.done"}));
    let heard = hear(&mut busy, "session.done");
    assert!(heard.events.last().unwrap()["usage"].is_object(), "what was spoken has ended");
    assert!(busy.read().unwrap().is_close());
    drop((idle, busy));
    assert_eq!(server.exit_code(), Some(0));
}

/// Checks that nothing is said to a client, but that it is answered.
fn hear_nothing(socket: &mut Socket) {
    let start = Instant::now();
    socket.send(Message::Ping("here?".into())).unwrap();
    assert!(matches!(socket.read(), Ok(Message::Pong(answer)) if &answer[..] == b"here?"));
    assert!(start.elapsed() < PATIENCE.min(Duration::from_secs(10)));
}

#[test]
fn a_session_beside_others_takes_its_turn() {
    let server = Server::start(&["--batch-size", "1", "--queue", "0"]);
    let mut socket = connect(&server, "", &[]).unwrap();
    let running = server.begin("", &crate::server::held(1));
    server.wait_for("chattts_slots_held", 1.0);
    say(&mut socket, config(json!({})));
    say(&mut socket, json!({"type": "input.text", "text": "Hello there."}));
    let heard = hear(&mut socket, "error");
    assert_eq!(heard.events.last().unwrap()["error"]["code"], "queue_full");
    say(&mut socket, json!({"type": "input.done"}));
    assert_eq!(hear(&mut socket, "session.done").events.last().unwrap()["error"], true);
    drop(running);
    server.wait_for("chattts_slots_held", 0.0);
    assert_eq!(server.speak(&long(20, 1)).status, 200);
}

#[test]
fn a_dialog_that_has_begun_is_not_refused() {
    let server = Server::start(&["--batch-size", "1", "--queue", "1"]);
    let mut socket = connect(&server, "", &[]).unwrap();
    say(&mut socket, config(json!({})));
    say(&mut socket, json!({"type": "input.text", "text": "Hello there."}));
    say(&mut socket, json!({"type": "input.flush"}));
    hear(&mut socket, "audio.start");
    server.wait_for("chattts_slots_held", 0.0);
    // While it says nothing the slot and the queue are others'.
    let running = server.begin("", &crate::server::held(1));
    server.wait_for("chattts_slots_held", 1.0);
    let waiting = server.begin("", &long(20, 1));
    server.wait_for("chattts_queue_size", 1.0);
    server.speak(&long(20, 2)).error(429, "queue_full");
    say(&mut socket, json!({"type": "input.text", "text": " And this is the end."}));
    say(&mut socket, json!({"type": "input.done"}));
    server.wait_for("chattts_queue_size", 2.0);
    drop(running);
    let rest = hear(&mut socket, "session.done");
    assert!(rest.of("error").is_empty() && !rest.audio.is_empty(), "{:?}", rest.events);
    assert_eq!(rest.events.last().unwrap()["total_sentences"], 2);
    assert!(crate::server::Answer::read(waiting).is_whole);
}

#[test]
fn who_does_not_answer_a_ping_is_left_and_who_does_is_not() {
    let server = Server::start(&["--stall-time", "1"]);
    // It reads nothing, and so sends no pong.
    let silent = connect(&server, "", &[]).unwrap();
    let mut there = connect(&server, "", &[]).unwrap();
    let (start, mut pings) = (Instant::now(), 0);
    while start.elapsed() < Duration::from_secs(7) {
        match there.read().unwrap() {
            Message::Ping(_) => pings += 1,
            other => panic!("{other:?}"),
        }
    }
    assert!(pings >= 4, "{pings}");
    let mut silent = silent;
    let ended = std::iter::from_fn(|| silent.read().ok()).count();
    assert!((1..=4).contains(&ended), "it was asked {ended} times");
    say(&mut there, config(json!({})));
    say(&mut there, json!({"type": "input.text", "text": "Hello there."}));
    say(&mut there, json!({"type": "input.done"}));
    assert!(!hear(&mut there, "session.done").audio.is_empty());
}

#[test]
fn a_session_in_which_nothing_is_said_ends() {
    let server = Server::start(&["--head-time", "1", "--stall-time", "2"]);
    let start = Instant::now();
    let mut socket = connect(&server, "", &[]).unwrap();
    let close = loop {
        match socket.read().unwrap() {
            Message::Ping(_) => {}
            Message::Close(close) => break close.unwrap(),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!((u16::from(close.code), close.reason.as_str()), (1000, "nothing was said for long"));
    assert!((Duration::from_secs(30)..PATIENCE).contains(&start.elapsed()), "{:?}", start.elapsed());
}
