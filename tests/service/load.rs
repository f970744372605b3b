//! The service under load: many clients, slow clients, clients that go away, and its end.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use chattts_rs::service::http::{Address, Ended, HttpOptions, run};
use chattts_rs::service::{Loaded, Notice, Service, ServiceOptions};
use chattts_rs::text::Tokenizer;
use chattts_rs::{Engine, EngineOptions, Model};

use crate::server::{Answer, PATIENCE, Server, held, long};

const SHORT: usize = 60;

/// Returns a request that takes minutes.
fn endless(seed: u64) -> String {
    let text = long(1_500, seed).replace("世界。", &"今天天气很好。".repeat(300));
    text.replace("\"seed\"", "\"split\": true, \"seed\"")
}

/// Reads a bit of an answer, so that it has begun.
fn hear(stream: &mut TcpStream) {
    let mut some = [0; 1_000];
    stream.read_exact(&mut some).unwrap();
    assert!(some.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&some));
}

#[test]
fn a_client_that_goes_away_frees_its_slot() {
    let mut server = Server::start(&["--batch-size", "2", "--log", "json"]);
    let mut streams = [server.begin("", &held(1)), server.begin("", &held(2))];
    streams.iter_mut().for_each(hear);
    // One that waits, and never hears anything.
    let waiting = server.begin("X-Request-Id: waits\r\n", &held(3));
    server.wait_for("chattts_queue_size", 1.0);
    drop(waiting);
    assert!(server.line("\"waits\"").contains("\"status\":499"));
    server.wait_for("chattts_queue_size", 0.0);
    assert_eq!(server.metric("chattts_requests_in_flight"), 2.0);
    drop(streams);
    server.wait_for("chattts_requests_in_flight", 0.0);
    assert_eq!(server.metric("chattts_errors_total{kind=\"cancelled\"}"), 3.0);
    // Those that go while they are spoken to leave nothing that goes on speaking.
    let speaking: Vec<_> = (0..2).map(|seed| server.begin("", &endless(seed))).collect();
    server.wait_for("chattts_slots_held", 2.0);
    drop(speaking);
    server.wait_for("chattts_slots_held", 0.0);
    let steps = server.metric("chattts_steps_total");
    std::thread::sleep(Duration::from_millis(200));
    assert_eq!(server.metric("chattts_steps_total"), steps);
    assert_eq!(server.speak(&long(SHORT, 4)).status, 200);
}

#[test]
fn too_many_requests_are_told_to_come_again_at_once() {
    let server = Server::start(&["--batch-size", "1", "--queue", "1"]);
    let mut running = server.begin("", &held(1));
    hear(&mut running);
    let waiting = server.begin("", &long(SHORT, 2));
    server.wait_for("chattts_queue_size", 1.0);
    let start = Instant::now();
    let refused = server.speak(&long(SHORT, 3));
    let time = start.elapsed();
    assert!(refused.error(429, "queue_full").contains("1 requests wait"));
    let after: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=60).contains(&after));
    // Fifty milliseconds on a machine that has nothing else to do.
    assert!(time < Duration::from_millis(500), "{time:?}");
    drop(running);
    let answer = Answer::read(waiting);
    assert!(answer.status == 200 && answer.is_whole);
}

/// Reads one answer of a connection that stays open.
fn one(stream: &mut TcpStream) -> Answer {
    let mut bytes = Vec::new();
    let mut byte = [0];
    while !bytes.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).unwrap();
        bytes.push(byte[0]);
    }
    let length = Answer::read(&bytes[..]).header("content-length").unwrap().parse().unwrap();
    let mut body = vec![0; length];
    stream.read_exact(&mut body).unwrap();
    bytes.extend(body);
    Answer::read(&bytes[..])
}

#[test]
fn who_is_refused_hears_so_before_it_has_sent_its_body() {
    let program = crate::common::Program::new();
    program.write("keys", "sk-a\n");
    let flags = ["--model", "noise", "--batch-size", "1", "--queue", "0", "--api-key-file", "keys"];
    let server = Server::start_in(program, &flags);
    let body = long(SHORT, 1);
    let head = |key: &str| {
        let length = body.len();
        format!(
            "POST /v1/audio/speech HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\n\
             Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
        )
    };
    let mut stream = server.connect();
    stream.write_all(head("sk-b").as_bytes()).unwrap();
    one(&mut stream).error(401, "invalid_api_key");
    stream.write_all(body.as_bytes()).unwrap();
    // The connection goes on behind what was not read.
    let mut running = server.begin("Authorization: Bearer sk-a\r\n", &held(1));
    hear(&mut running);
    stream.write_all(head("sk-a").as_bytes()).unwrap();
    one(&mut stream).error(429, "queue_full");
    stream.write_all(body.as_bytes()).unwrap();
    drop(running);
    server.wait_for("chattts_slots_held", 0.0);
    stream
        .write_all(
            format!("{}{body}", head("sk-a").replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n")).as_bytes(),
        )
        .unwrap();
    let answer = Answer::read(stream);
    assert!(answer.status == 200 && answer.is_whole, "{}", answer.head);
}

#[test]
fn clients_take_turns() {
    let program = crate::common::Program::new();
    program.write("keys", "sk-a\nsk-b\n");
    let flags = ["--model", "noise", "--batch-size", "1", "--api-key-file", "keys", "--log", "json"];
    let mut server = Server::start_in(program, &flags);
    let begin = |key: &str, id: &str, body: &str| {
        let headers = format!("Authorization: Bearer {key}\r\nX-Request-Id: {id}\r\n");
        server.begin(&headers, body)
    };
    let mut running = begin("sk-a", "a0", &held(1));
    hear(&mut running);
    let mut waiting = Vec::new();
    for number in 1..5 {
        waiting.push(begin("sk-a", &format!("a{number}"), &long(SHORT, number)));
        server.wait_for("chattts_queue_size", number as f64);
    }
    waiting.push(begin("sk-b", "b1", &long(SHORT, 9)));
    server.wait_for("chattts_queue_size", 5.0);
    // The head of the first was read already.
    let first = std::thread::spawn(move || running.read_to_end(&mut Vec::new()));
    let readers: Vec<_> =
        waiting.into_iter().map(|stream| std::thread::spawn(move || Answer::read(stream))).collect();
    let mut order = Vec::new();
    while order.len() < 6 {
        let record: serde_json::Value = serde_json::from_str(&server.line("\"id\"")).unwrap();
        order.push(record["id"].as_str().unwrap().to_string());
        assert_eq!(record["client"], if order.last().unwrap().starts_with('a') { "key 1" } else { "key 2" });
    }
    let place = |id: &str| order.iter().position(|found| found == id).unwrap();
    assert!(place("b1") <= 2, "it came last and waits for one of the others at most: {order:?}");
    assert!(
        first.join().unwrap().is_ok() && readers.into_iter().all(|reader| reader.join().unwrap().is_whole)
    );
}

#[test]
fn clients_that_send_or_take_nothing_are_left() {
    let mut server =
        Server::start(&["--batch-size", "1", "--head-time", "1", "--stall-time", "1", "--log", "json"]);
    // One that never ends its head, one that never ends its body.
    let mut head = server.connect();
    head.write_all(b"POST /v1/audio/speech HTTP/1.1\r\nHost: x\r\n").unwrap();
    let mut body = server.connect();
    let begun = "POST /v1/audio/speech HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{";
    body.write_all(begun.as_bytes()).unwrap();
    let mut answer = String::new();
    let _ = body.read_to_string(&mut answer);
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    let mut nothing = Vec::new();
    let _ = head.read_to_end(&mut nothing);
    // One that does not take what it asked for: more bytes than any buffer holds.
    let mut slow = server.begin("X-Request-Id: slow\r\n", &held(1));
    hear(&mut slow);
    server.wait_for("chattts_slots_held", 0.0);
    let line = server.line("\"slow\"");
    assert!(line.contains("\"error\":\"cancelled\""), "{line}");
    assert_eq!(server.speak(&long(SHORT, 2)).status, 200);
}

#[test]
fn connections_and_time_have_limits() {
    let server = Server::start(&["--max-connections", "2", "--time-limit", "3", "--batch-size", "1"]);
    let open = [server.connect(), server.connect()];
    let until = Instant::now() + PATIENCE;
    loop {
        let answer = server.get("/health/live");
        if answer.status == 503 {
            assert!(answer.error(503, "unavailable").contains("too many connections"));
            break;
        }
        assert!(Instant::now() < until, "both connections count when they are taken");
    }
    drop(open);
    std::thread::sleep(Duration::from_millis(200));
    // Speech without an end ends in its midst, and whoever reads it can tell.
    let answer = server.speak(&endless(1));
    assert!(answer.status == 200 && !answer.is_whole, "{} {}", answer.head, answer.body.len());
    server.wait_for("chattts_slots_held", 0.0);
    assert_eq!(server.metric("chattts_errors_total{kind=\"time_limit\"}"), 1.0);
}

#[test]
fn who_reads_late_hears_why_it_ended() {
    let server = Server::start(&["--time-limit", "4"]);
    let waiting = server.begin("", &held(1).replace("\"seed\"", "\"stream_format\": \"sse\", \"seed\""));
    std::thread::sleep(Duration::from_secs(6));
    let answer = Answer::read(waiting);
    let body = String::from_utf8(answer.body).unwrap();
    let end = body.trim_end().rsplit("\n\n").next().unwrap();
    assert!(end.contains("\"time_limit\""), "{} bytes and then: {end:.200}", body.len());
}

#[cfg(unix)]
#[test]
fn it_ends_when_what_runs_has_ended() {
    let mut server = Server::start(&["--batch-size", "1", "--grace", "60"]);
    let mut running = server.begin("", &held(1));
    hear(&mut running);
    let waiting = server.begin("", &long(SHORT, 2));
    server.wait_for("chattts_queue_size", 1.0);
    server.signal("TERM");
    server.line("ending; 2 requests");
    server.get("/health/ready").error(503, "unavailable");
    assert_eq!(server.get("/health/live").status, 200);
    let refused = server.speak(&long(SHORT, 3));
    refused.error(503, "unavailable");
    assert!(refused.header("retry-after").is_some());
    // The head of the first was read already.
    let mut rest = Vec::new();
    running.read_to_end(&mut rest).unwrap();
    assert!(rest.ends_with(b"\r\n0\r\n\r\n"), "the running one was cut off");
    assert!(Answer::read(waiting).is_whole, "the waiting one was cut off");
    assert_eq!(server.exit_code(), Some(0));
}

#[cfg(unix)]
#[test]
fn it_ends_at_once_when_it_is_told_twice_and_soon_when_the_grace_is_over() {
    let start = |grace: &str| {
        let server = Server::start(&["--batch-size", "1", "--grace", grace]);
        let mut running = server.begin("", &held(1));
        hear(&mut running);
        (server, running)
    };
    let (mut server, _running) = start("60");
    server.signal("INT");
    server.line("ending");
    server.signal("INT");
    assert_eq!(server.exit_code(), Some(130));
    let (mut server, _running) = start("0");
    server.signal("TERM");
    server.line("were cut off after 0 s");
    assert_eq!(server.exit_code(), Some(1));
    // With nothing to do it ends whatever connections are open.
    let mut server = Server::start(&[]);
    let _idle = server.connect();
    server.signal("TERM");
    assert_eq!(server.exit_code(), Some(0));
}

#[cfg(unix)]
#[test]
fn a_socket_of_this_machine_serves_and_goes_with_the_service() {
    use std::os::unix::net::UnixStream;
    let mut server = Server::start(&["--unix", "s", "--log", "json"]);
    let path = server.program.path("s");
    assert_eq!(server.address, "s");
    let mut stream = UnixStream::connect(&path).unwrap();
    crate::server::send(
        &mut stream,
        "POST",
        "/v1/audio/speech",
        "Content-Type: application/json\r\n",
        &long(SHORT, 1),
    );
    assert_eq!(Answer::read(stream).status, 200);
    assert!(server.line("\"api\"").contains("\"client\":\"local\""));
    server.signal("TERM");
    assert_eq!(server.exit_code(), Some(0));
    assert!(!path.exists());
    // What a service that was killed left is no obstacle.
    let mut killed = Server::start(&["--unix", "s"]);
    killed.child.kill().unwrap();
    killed.child.wait().unwrap();
    let program = std::mem::replace(&mut killed.program, crate::common::Program::new());
    assert!(program.path("s").exists());
    let again = Server::start_in(program, &["--model", "noise", "--unix", "s"]);
    assert!(UnixStream::connect(again.program.path("s")).is_ok());
}

#[test]
fn it_answers_while_the_model_loads() {
    let (address_is, address) = channel();
    let (go, wait) = channel::<()>();
    let address_is = Mutex::new(address_is);
    let mut options = ServiceOptions::default();
    options.observer = Some(Arc::new(move |notice: &Notice| {
        let send = |ready: bool, address: &str| {
            address_is
                .lock()
                .unwrap()
                .send((ready, address.trim_start_matches("http://").to_string()))
                .unwrap();
        };
        match notice {
            Notice::Listening { address } => send(false, address),
            Notice::Ready { address, .. } => send(true, address),
            _ => {}
        }
    }));
    let service = Service::new(options);
    let load = move || {
        wait.recv().unwrap();
        let options = EngineOptions::new("noise");
        let model = Model::open(&options)?;
        let tokenizer = Tokenizer::from_json(&model.checkpoint.tokenizer.1, &model.checkpoint.tokenizer.0)?;
        Ok(Loaded { engine: Engine::open(options)?, tokenizer })
    };
    let stop = std::sync::atomic::AtomicBool::new(false);
    let stops = || stop.load(std::sync::atomic::Ordering::SeqCst);
    std::thread::scope(|scope| {
        let options = HttpOptions::new(Address::Tcp("127.0.0.1".into(), 0));
        let running = scope.spawn(|| run(&service, options, load, &stops));
        let (is_ready, place) = address.recv_timeout(PATIENCE).unwrap();
        assert!(!is_ready);
        let ask = |method: &str, path: &str, body: &str| {
            let mut stream = TcpStream::connect(&place).unwrap();
            crate::server::send(&mut stream, method, path, "Content-Type: application/json\r\n", body);
            Answer::read(stream)
        };
        assert_eq!(ask("GET", "/health/live", "").status, 200);
        let loading = ask("GET", "/health/ready", "");
        assert!(loading.error(503, "unavailable").contains("is being loaded"));
        assert!(loading.header("retry-after").is_some());
        ask("POST", "/v1/audio/speech", &long(SHORT, 1)).error(503, "unavailable");
        assert_eq!(ask("GET", "/metrics", "").status, 200);
        go.send(()).unwrap();
        assert_eq!(address.recv_timeout(PATIENCE).unwrap(), (true, place.clone()));
        assert_eq!(ask("GET", "/health/ready", "").status, 200);
        assert_eq!(ask("POST", "/v1/audio/speech", &long(SHORT, 1)).status, 200);
        stop.store(true, std::sync::atomic::Ordering::SeqCst);
        assert_eq!(running.join().unwrap().unwrap(), Ended::Drained);
    });
}
