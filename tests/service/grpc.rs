//! The service over gRPC: what it answers, and clients that misbehave.

use std::io::{Read, Write};
use std::time::Duration;

use crate::common::Program;
use crate::http2::{
    CHECK, DIALOG, Http2, PREFACE, RIVA, RIVA_ONLINE, STREAM, SYNTHESIZE, VOICES, WATCH, fields, number, text,
};
use crate::server::{PATIENCE, Server, long};

const TEXT: &str = "你好，世界。Dr. Smith paid $5.";
const PCM: u64 = 5;

/// Settings with a seed, a limit of tokens, a format and others.
fn settings(format: u64, max_tokens: u64, more: &[u8]) -> Vec<u8> {
    [number(5, 5), number(22, max_tokens), number(3, format), more.to_vec()].concat()
}

fn request(input: &str, settings: &[u8]) -> Vec<u8> {
    [text(1, input), text(2, settings)].concat()
}

/// A request of so many tokens exactly, of more bytes than any buffer holds.
fn held(tokens: u64) -> Vec<u8> {
    request("你好，世界。", &settings(PCM, tokens, &[number(23, tokens), number(4, 384_000)].concat()))
}

fn synth<'a>(text: &'a str, max_tokens: &'a str) -> Vec<&'a str> {
    vec!["synth", "-m", "noise", "-t", text, "--seed", "5", "--max-tokens", max_tokens, "--stream"]
}

#[test]
fn speech_over_grpc_is_that_of_synth_to_the_byte() {
    let mut server = Server::start(&["--log", "json"]);
    let mut client = Http2::connect(&server);
    for (format, name, settings_of, flags) in [
        (0, "mp3", vec![], &[][..]),
        (PCM, "raw", vec![], &[]),
        (
            PCM,
            "raw",
            [text(2, "torch-f16:7"), text(7, "speed_3")].concat(),
            &["--role", "torch-f16:7", "--prompt", "speed_3"],
        ),
        (PCM, "raw", [number(4, 8000), number(15, 1)].concat(), &["--sample-rate", "8000", "--split"]),
    ] {
        let expected =
            server.program.ok(&[&synth(TEXT, "80")[..], &["--format", name], flags].concat()).stdout;
        let message = request(TEXT, &settings(format, 80, &settings_of));
        let whole = client.call(SYNTHESIZE, &[("x-request-id", "job-7")], &message);
        assert!(whole.is_whole && whole.field(1) == expected, "{name} {flags:?}");
        assert_eq!(fields(&fields(&whole.messages[0])[1].1)[0], (1, b"5".to_vec()));
        let streamed = client.call(STREAM, &[], &message);
        assert!(streamed.is_whole && streamed.field(2) == expected, "{name} {flags:?}");
        assert!(streamed.messages.len() >= 3);
    }
    let line = server.line("job-7");
    assert!(line.contains("\"api\":\"grpc_synthesize\",\"status\":200"), "{line}");
    assert_eq!(server.metric("chattts_requests_total{api=\"grpc_synthesize_stream\",code=\"200\"}"), 4.0);
    // A client of Riva gets the same samples.
    let expected = server.program.ok(&[&synth(TEXT, "80")[..], &["--format", "raw"]].concat()).stdout;
    let more = [("seed", "5"), ("max_tokens", "80")].map(|(key, value)| {
        let entry = [text(1, key), text(2, value)].concat();
        text(8, entry)
    });
    let riva = client.call(RIVA, &[], &[text(1, TEXT), more.concat()].concat());
    assert!(riva.is_whole && riva.field(1) == expected);
}

#[test]
fn a_dialog_speaks_its_sentences_as_one_stream() {
    let server = Server::start(&[]);
    let sentences = ["Hello there, my friend.", "今天天气很好，我们出去。", "And the end"];
    let pause = vec![0; 2 * 24_000 * 3 / 10];
    let mut expected = Vec::new();
    for sentence in sentences {
        if !expected.is_empty() {
            expected.extend(&pause);
        }
        let flags = [&synth(sentence, "60")[..], &["--format", "raw"]].concat();
        expected.extend(server.program.ok(&flags).stdout);
    }
    let mut client = Http2::connect(&server);
    let stream = client.head(DIALOG, &[]);
    client.message(stream, &text(1, settings(PCM, 60, &[])), false);
    let all = sentences.concat();
    let characters: Vec<char> = all.chars().collect();
    for piece in characters.chunks(4) {
        client.message(stream, &text(2, piece.iter().collect::<String>()), false);
    }
    client.end(stream);
    let answer = client.answer(stream);
    assert!(answer.is_whole && answer.field(3) == expected, "{} {}", answer.field(3).len(), expected.len());
    let spoken: Vec<Vec<u8>> =
        answer.messages.iter().flat_map(|m| fields(m)).filter(|f| f.0 == 2).map(|f| f.1).collect();
    assert_eq!(spoken, sentences.map(|sentence| sentence.as_bytes().to_vec()));
    assert_eq!(fields(answer.messages.last().unwrap())[0].0, 4, "how much it took comes last");

    // Audio comes before the end of the text, and no slot is held in between.
    let stream = client.head(DIALOG, &[]);
    client.message(stream, &text(1, settings(PCM, 60, &[])), false);
    client.message(stream, &text(2, "Hello there, my friend. And"), false);
    let mut heard = client.read_some(stream);
    while heard.len() < 10_000 {
        heard.extend(client.read_some(stream));
    }
    server.wait_for("chattts_slots_held", 0.0);
    client.message(stream, &text(2, " more"), false);
    client.message(stream, &text(3, []), false);
    client.end(stream);
    assert!(client.rest(stream, heard).is_whole);
    assert_eq!(server.metric("chattts_requests_total{api=\"grpc_synthesize_dialog\",code=\"200\"}"), 2.0);

    // A dialog that is wrong ends with an error, as one without a text does.
    for (messages, kind) in [
        (vec![text(2, "no settings")], "invalid_parameter"),
        (vec![text(1, settings(PCM, 60, &[])), text(2, "a".repeat(5_000))], "invalid_parameter"),
        (vec![text(1, [])], "invalid_text"),
        (vec![text(1, [text(2, "nobody")].concat()), text(2, "Hi.")], "invalid_voice"),
    ] {
        let before = server.metric(&format!("chattts_errors_total{{kind=\"{kind}\"}}"));
        let stream = client.head(DIALOG, &[]);
        for message in messages {
            client.message(stream, &message, false);
        }
        client.end(stream);
        let answer = client.answer(stream);
        assert!(answer.is_whole && answer.field(3).is_empty());
        server.wait_for(&format!("chattts_errors_total{{kind=\"{kind}\"}}"), before + 1.0);
    }
    server.wait_for("chattts_requests_in_flight", 0.0);
}

#[test]
fn each_text_of_a_call_of_riva_s_has_its_own_settings() {
    let server = Server::start(&[]);
    let entry = |key: &str, value: &str| text(8, [text(1, key), text(2, value)].concat());
    let more = [entry("seed", "5"), entry("max_tokens", "60")].concat();
    let spoken = |role: &str, what: &str| {
        let flags = [&synth(what, "60")[..], &["--format", "raw", "--role", role]].concat();
        server.program.ok(&flags).stdout
    };
    let pause = vec![0; 2 * 24_000 * 3 / 10];
    let parts = [
        spoken("torch-f16:7", "Hello there."),
        spoken("torch-f16:7", "And again."),
        spoken("4099", "Goodbye."),
    ];
    let mut client = Http2::connect(&server);
    let stream = client.head(RIVA_ONLINE, &[]);
    client.message(stream, &[text(1, "Hello there."), text(5, "torch-f16:7"), more.clone()].concat(), false);
    client.message(stream, &text(1, "And again."), false);
    client.message(stream, &[text(1, "Goodbye."), text(5, "ChatTTS.4099"), more.clone()].concat(), false);
    client.end(stream);
    let answer = client.answer(stream);
    assert!(answer.is_whole && answer.field(1) == parts.join(&pause[..]));
    // The audio is one stream.
    let stream = client.head(RIVA_ONLINE, &[]);
    client.message(stream, &[text(1, "Hello there."), more.clone()].concat(), false);
    client.message(stream, &[text(1, "Goodbye."), number(4, 8_000), more].concat(), false);
    client.end(stream);
    assert!(client.answer(stream).is_whole);
    server.wait_for("chattts_errors_total{kind=\"invalid_parameter\"}", 1.0);
}

#[test]
fn a_caller_that_goes_away_frees_its_slot() {
    let server = Server::start(&["--batch-size", "2"]);
    // One takes its call back, the other just goes.
    let mut client = Http2::connect(&server);
    let stream = client.begin(STREAM, &[], &held(1_500));
    client.read_some(stream);
    let mut other = Http2::connect(&server);
    let of_other = other.begin(STREAM, &[], &held(1_500));
    other.read_some(of_other);
    // A third waits for a slot.
    let mut third = Http2::connect(&server);
    let waiting = third.begin(SYNTHESIZE, &[], &held(1_500));
    server.wait_for("chattts_queue_size", 1.0);
    third.reset(waiting);
    server.wait_for("chattts_queue_size", 0.0);
    client.reset(stream);
    drop(other);
    server.wait_for("chattts_slots_held", 0.0);
    server.wait_for("chattts_requests_in_flight", 0.0);
    assert_eq!(server.metric("chattts_errors_total{kind=\"cancelled\"}"), 3.0);
    // Both connections that are left serve on.
    assert!(client.call(SYNTHESIZE, &[], &request("hi", &settings(PCM, 40, &[]))).is_whole);
    assert!(third.call(VOICES, &[], &[]).field(1).len() > 100);
    assert_eq!(server.speak(&long(60, 4)).status, 200);
}

#[test]
fn a_call_ends_at_its_deadline() {
    let server = Server::start(&["--batch-size", "1"]);
    let endless = request(
        &"今天天气很好。".repeat(300),
        &settings(PCM, 2_000, &[number(23, 2_000), number(15, 1)].concat()),
    );
    let mut client = Http2::connect(&server);
    for method in [STREAM, SYNTHESIZE] {
        let start = std::time::Instant::now();
        let answer = client.call(method, &[("grpc-timeout", "700m")], &endless);
        assert!(answer.is_whole && start.elapsed() < PATIENCE / 2);
        server.wait_for("chattts_slots_held", 0.0);
    }
    assert_eq!(server.metric("chattts_errors_total{kind=\"time_limit\"}"), 2.0);
    assert_eq!(server.metric("chattts_requests_total{api=\"grpc_synthesize\",code=\"504\"}"), 1.0);
    assert!(client.call(SYNTHESIZE, &[], &request("hi", &settings(PCM, 40, &[]))).is_whole);
}

#[test]
fn callers_that_take_or_send_nothing_are_left() {
    let server =
        Server::start(&["--batch-size", "1", "--head-time", "1", "--stall-time", "1", "--time-limit", "4"]);
    // One takes nothing of its answer.
    let mut stuck = Http2::with_window(&server, 0);
    stuck.begin(STREAM, &[], &held(1_500));
    server.wait_for("chattts_slots_held", 1.0);
    server.wait_for("chattts_slots_held", 0.0);
    // One never ends its message, one never begins its dialog.
    let mut slow = Http2::connect(&server);
    let stream = slow.head(SYNTHESIZE, &[]);
    slow.frame(0, 0, stream, &[0, 0, 0, 0, 9, 1]);
    assert!(slow.answer(stream).is_whole);
    let stream = slow.head(DIALOG, &[]);
    assert!(slow.answer(stream).is_whole);
    server.wait_for("chattts_errors_total{kind=\"request_timeout\"}", 2.0);
    // One begins as HTTP/2 does, and stops; one asks for nothing; one has what it asked for and takes nothing.
    let mut half = server.connect();
    half.write_all(&PREFACE[..20]).unwrap();
    assert_eq!(half.read(&mut [0]).unwrap_or(0), 0);
    Http2::connect(&server).ended();
    stuck.ended();
    assert_eq!(server.speak(&long(60, 4)).status, 200);
}

#[test]
fn what_is_not_http2_ends_its_connection_and_no_other() {
    let server = Server::start(&[]);
    let head = |length: u32, kind: u8, flags: u8, stream: u32| {
        let mut bytes = length.to_be_bytes()[1..].to_vec();
        bytes.extend([kind, flags]);
        bytes.extend(stream.to_be_bytes());
        bytes
    };
    let mut good = Http2::connect(&server);
    let long_fields: Vec<u8> = (0..2_000)
        .flat_map(|i: u32| {
            [vec![0, 4], format!("x{i:03}").into_bytes()[..4].to_vec(), vec![60], vec![b'v'; 60]].concat()
        })
        .collect();
    for (name, bytes) in [
        ("noise", vec![0x5a; 4_096]),
        ("a frame that is too long", head(1 << 23, 0, 0, 1)),
        ("data of no stream", [head(4, 0, 0, 9), vec![0; 4]].concat()),
        ("a stream of the server's", [head(1, 1, 5, 2), vec![0x82]].concat()),
        ("fields that are none", [head(4, 1, 5, 1), vec![0xff; 4]].concat()),
        ("a table that is too large", [head(4, 1, 5, 1), vec![0x3f, 0xff, 0xff, 0x7f]].concat()),
        ("settings that are no pairs", [head(5, 4, 0, 0), vec![0; 5]].concat()),
        ("a window that overflows", [head(4, 8, 0, 0), vec![0x7f, 0xff, 0xff, 0xff]].concat()),
        ("fields without an end", [head(1, 1, 0, 1), vec![0x82], head(4, 0, 0, 1), vec![0; 4]].concat()),
    ] {
        let mut bad = Http2::connect(&server);
        bad.write(&bytes);
        println!("{name}");
        bad.ended();
    }
    // Whole floods.
    let mut flood = Http2::connect(&server);
    for _ in 0..2_000 {
        let stream = flood.head(VOICES, &[]);
        flood.reset(stream);
    }
    flood.ended();
    let mut flood = Http2::connect(&server);
    flood.write(&[head(16_384, 1, 0, 1), vec![0x82; 16_384]].concat());
    for part in long_fields.chunks(16_000).cycle().take(64) {
        flood.write(&[head(part.len() as u32, 9, 0, 1), part.to_vec()].concat());
    }
    flood.ended();
    assert!(good.call(SYNTHESIZE, &[], &request("hi", &settings(PCM, 40, &[]))).is_whole);
    assert_eq!(server.metric("chattts_slots_held"), 0.0);
    // What is no message of the method's is refused, and the connection stays.
    for message in [&[0xff; 9][..], &text(1, [0xff, 0xfe])] {
        assert!(good.call(SYNTHESIZE, &[], message).field(1).is_empty());
    }
    let too_long = request(&"a".repeat(200_000), &[]);
    let stream = good.head(SYNTHESIZE, &[]);
    let mut message = vec![0];
    message.extend((too_long.len() as u32).to_be_bytes());
    good.frame(0, 0, stream, &message);
    assert!(good.answer(stream).is_whole);
    assert!(good.call("/chattts.v1.TextToSpeech/Sing", &[], &[]).is_whole);
    assert!(good.call(VOICES, &[], &[]).field(1).len() > 100);
    assert_eq!(server.metric("chattts_requests_total{api=\"grpc_synthesize\",code=\"500\"}"), 0.0);
}

#[test]
fn calls_ask_for_keys_and_health_does_not() {
    let program = Program::new();
    program.write("keys", "sk-a\n");
    let server = Server::start_in(program, &["--model", "noise", "--api-key-file", "keys"]);
    let mut client = Http2::connect(&server);
    for metadata in [&[][..], &[("authorization", "Bearer sk-b")]] {
        assert!(client.call(VOICES, metadata, &[]).messages.is_empty());
    }
    assert_eq!(client.call(VOICES, &[("authorization", "Bearer sk-a")], &[]).messages.len(), 1);
    assert_eq!(server.metric("chattts_requests_total{api=\"grpc_list_voices\",code=\"401\"}"), 2.0);
    assert_eq!(client.call(CHECK, &[], &[]).field(1), b"1");
}

#[cfg(unix)]
#[test]
fn calls_that_run_are_answered_when_the_service_ends() {
    let mut server = Server::start(&["--batch-size", "1", "--grace", "60"]);
    let mut running = Http2::connect(&server);
    let stream = running.begin(STREAM, &[], &held(600));
    let first = running.read_some(stream);
    let mut dialog = Http2::connect(&server);
    let of_dialog = dialog.head(DIALOG, &[]);
    dialog.message(of_dialog, &text(1, settings(PCM, 60, &[])), false);
    server.wait_for("chattts_requests_in_flight", 2.0);
    let mut watching = Http2::connect(&server);
    let watch = watching.begin(WATCH, &[], &[]);
    assert_eq!(watching.read_some(watch), [0, 0, 0, 0, 2, 8, 1]);
    let _idle = Http2::connect(&server);
    server.signal("TERM");
    server.line("ending; 2 requests");
    assert_eq!(watching.answer(watch).field(1), b"2", "it is not serving any more");
    assert!(running.rest(stream, first).is_whole, "the running one was cut off");
    // What a dialog has begun it may end.
    dialog.message(of_dialog, &text(2, "Hello there, my friend."), false);
    dialog.end(of_dialog);
    let answer = dialog.answer(of_dialog);
    assert!(answer.is_whole && answer.field(3).len() > 10_000);
    drop((running, watching, dialog, _idle));
    assert_eq!(server.exit_code(), Some(0));
}

#[test]
fn many_idle_connections_keep_nobody_out() {
    /// As many as two processes may have without asking the system.
    const MANY: usize = 400;
    let most = (2 * MANY).to_string();
    let server = Server::start(&["--max-connections", &most]);
    let idle: Vec<_> = (0..MANY).map(|_| Http2::connect(&server)).collect();
    let silent: Vec<_> = (0..MANY / 4).map(|_| server.connect()).collect();
    server.wait_for("chattts_connections", (MANY + MANY / 4 + 1) as f64);
    let mut client = Http2::connect(&server);
    assert!(client.call(SYNTHESIZE, &[], &request("hi", &settings(PCM, 40, &[]))).is_whole);
    assert_eq!(server.get("/health/ready").status, 200);
    drop((idle, silent));
    std::thread::sleep(Duration::from_millis(10));
    server.wait_for("chattts_connections", 2.0);
}
