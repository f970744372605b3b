//! Batches: many texts in one request.

use std::collections::BTreeMap;
use std::io::{Cursor, Read, Write};
use std::net::TcpStream;
use std::time::Instant;

use serde_json::Value;

use crate::server::{Answer, PATIENCE, Server, held, long};

const PATH: &str = "/v1/audio/speech/batch";
const LINES: &str = "Content-Type: application/jsonl\r\n";

/// A part of an answer.
struct Part {
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
}

impl Part {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    fn error(&self, status: &str, code: &str) -> String {
        let error: Value = serde_json::from_slice(&self.body).unwrap();
        assert_eq!((self.header("x-status"), self.header("content-type")), (status, "application/json"));
        assert_eq!(error["error"]["code"], code, "{error}");
        error["error"]["message"].as_str().unwrap().to_string()
    }
}

/// Takes an answer apart; by the numbers of the lines.
fn parts(answer: &Answer) -> BTreeMap<usize, Part> {
    assert_eq!(answer.status, 200, "{}", answer.head);
    assert!(answer.is_whole);
    let content_type = answer.header("content-type").unwrap();
    let boundary = content_type.strip_prefix("multipart/mixed; boundary=").unwrap();
    let (mark, end) = (format!("--{boundary}\r\n"), format!("--{boundary}--\r\n"));
    let mut rest = &answer.body[..];
    let mut parts = BTreeMap::new();
    while rest != end.as_bytes() {
        rest = rest.strip_prefix(mark.as_bytes()).expect("a part");
        let head = rest.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
        let lines = std::str::from_utf8(&rest[..head]).unwrap().lines();
        let headers: BTreeMap<String, String> = lines
            .map(|line| line.split_once(": ").unwrap())
            .map(|(key, value)| (key.to_lowercase(), value.to_string()))
            .collect();
        let length: usize = headers["content-length"].parse().unwrap();
        let (body, after) = rest[head + 4..].split_at(length);
        let number = headers["x-line"].parse().unwrap();
        assert!(parts.insert(number, Part { headers, body: body.to_vec() }).is_none(), "line {number} twice");
        rest = after.strip_prefix(b"\r\n").unwrap();
    }
    parts
}

fn begin(server: &Server, headers: &str, lines: &str) -> TcpStream {
    let mut stream = server.connect();
    crate::server::send(&mut stream, "POST", PATH, &format!("{LINES}{headers}"), lines);
    stream
}

const SYNTH: [&str; 10] =
    ["synth", "-m", "noise", "--seed", "5", "--min-tokens", "60", "--max-tokens", "60", "-t"];

const BODY: &str = r#"{"custom_id": "a", "input": "Hello there.", "seed": 5, "min_tokens": 60, "max_tokens": 60, "response_format": "wav"}
{"input": "no end
{"custom_id": "第二", "input": "你好，世界。", "seed": 5, "min_tokens": 60, "max_tokens": 60}

{"custom_id": "c", "input": "hi", "voice": "nobody"}
{"custom_id": "../d", "input": "Goodbye.", "seed": 5, "min_tokens": 60, "max_tokens": 60, "response_format": "pcm", "sample_rate": 8000}
{"custom_id": "a", "input": "again"}
{"custom_id": "f", "input": "Goodbye.", "seed": 5, "min_tokens": 60, "max_tokens": 60, "response_format": "flac"}"#;

#[test]
fn each_line_is_what_synth_says_and_a_wrong_one_is_wrong_alone() {
    let mut server = Server::start(&["--batch-size", "2", "--log", "json"]);
    let p = &server.program;
    let wav = p.ok(&[&SYNTH[..], &["Hello there.", "--stream"]].concat()).stdout;
    let mp3 = p.ok(&[&SYNTH[..], &["你好，世界。", "--stream", "--format", "mp3"]].concat()).stdout;
    let more = ["Goodbye.", "--stream", "--format", "raw", "--sample-rate", "8000"];
    let pcm = p.ok(&[&SYNTH[..], &more].concat()).stdout;
    p.ok(&[&SYNTH[..], &["Goodbye.", "-o", "f.flac"]].concat());
    let flac = std::fs::read(p.path("f.flac")).unwrap();
    let headers = format!("{LINES}X-Request-Id: many\r\n");
    let parts = parts(&server.request("POST", PATH, &headers, BODY));
    assert_eq!(parts.keys().copied().collect::<Vec<_>>(), [1, 2, 3, 5, 6, 7, 8]);
    for (line, id, content_type, bytes) in [
        (1, "a", "audio/wav", wav),
        (3, "%E7%AC%AC%E4%BA%8C", "audio/mpeg", mp3),
        (6, "..%2Fd", "audio/pcm", pcm),
        (8, "f", "audio/flac", flac),
    ] {
        let part = &parts[&line];
        assert!(part.body == bytes, "line {line}");
        assert_eq!((part.header("x-status"), part.header("x-seed")), ("200", "5"));
        assert_eq!((part.header("x-custom-id"), part.header("content-type")), (id, content_type));
    }
    assert!(parts[&2].error("400", "invalid_parameter").contains("not the JSON object"));
    assert_eq!(parts[&2].header("x-custom-id"), "");
    assert!(parts[&5].error("400", "invalid_voice").contains("nobody"));
    assert!(parts[&7].error("400", "invalid_parameter").contains("that of line 1"));
    assert_eq!(parts[&6].header("content-disposition"), "attachment; filename*=UTF-8''___d.pcm");
    // Every line is recorded, and the batch too.
    let mut records = Vec::new();
    while records.len() < 8 {
        let record: Value = serde_json::from_str(&server.line("\"api\":\"batch")).unwrap();
        records.push((record["id"].as_str().unwrap().to_string(), record["status"].as_u64().unwrap()));
    }
    records.sort();
    let expected = [("many", 200), ("many-1", 200), ("many-2", 400), ("many-3", 200), ("many-5", 400)];
    let expected = [&expected[..], &[("many-6", 200), ("many-7", 400), ("many-8", 200)]].concat();
    let found: Vec<(&str, u64)> = records.iter().map(|(id, status)| (id.as_str(), *status)).collect();
    assert_eq!(found, expected);
    server.wait_for("chattts_requests_in_flight", 0.0);
}

#[test]
fn an_archive_holds_a_file_a_line_and_what_became_of_each() {
    let server = Server::start(&[]);
    let headers = format!("{LINES}Accept: application/zip\r\n");
    let answer = server.request("POST", PATH, &headers, BODY);
    assert_eq!(answer.header("content-type").as_deref(), Some("application/zip"));
    assert!(answer.status == 200 && answer.is_whole);
    let mut archive = zip::ZipArchive::new(Cursor::new(answer.body)).unwrap();
    let mut read = |name: &str| {
        let mut bytes = Vec::new();
        archive.by_name(name).unwrap().read_to_end(&mut bytes).unwrap();
        bytes
    };
    let results = String::from_utf8(read("results.jsonl")).unwrap();
    let mut results: Vec<Value> = results.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    results.sort_by_key(|result| result["line"].as_u64());
    let statuses: Vec<u64> = results.iter().map(|result| result["status"].as_u64().unwrap()).collect();
    assert_eq!(statuses, [200, 400, 200, 400, 200, 400, 200]);
    assert_eq!(results[2]["file"], "第二.mp3");
    assert_eq!(results[3]["error"]["code"], "invalid_voice");
    for result in &results {
        if let Some(file) = result["file"].as_str() {
            assert!(read(file).len() > 500, "{file}");
            assert!(!file.contains('/') && result["usage"]["output_tokens"].as_u64() > Some(0), "{result}");
        }
    }
    assert_eq!(archive.len(), 5);
}

#[test]
fn who_listens_goes_first() {
    let mut server = Server::start(&["--batch-size", "1", "--log", "json"]);
    let lines: Vec<String> = (0..4).map(|seed| long(600, seed)).collect();
    let batch = begin(&server, "X-Request-Id: bulk\r\n", &lines.join("\n"));
    server.wait_for("chattts_slots_held", 1.0);
    let headers = "Content-Type: application/json\r\nX-Request-Id: listens\r\n";
    assert_eq!(server.request("POST", "/v1/audio/speech", headers, &long(40, 9)).status, 200);
    server.line("\"listens\"");
    let before = server.log.iter().filter(|line| line.contains("\"batch_line\"")).count();
    assert!(before <= 1, "{:#?}", server.log);
    // Those whose slot was taken away are spoken all the same.
    let answer = Answer::read(batch);
    let parts = parts(&answer);
    assert!(parts.len() == 4 && parts.values().all(|part| part.header("x-status") == "200"));
    assert!(parts[&2].body == server.speak(&lines[1]).body);
}

#[test]
fn a_client_that_goes_away_ends_its_batch() {
    let server = Server::start(&["--batch-size", "2"]);
    let lines: Vec<String> = (0..20).map(|seed| long(1_500, seed)).collect();
    let batch = begin(&server, "", &lines.join("\n"));
    server.wait_for("chattts_slots_held", 2.0);
    drop(batch);
    server.wait_for("chattts_slots_held", 0.0);
    server.wait_for("chattts_requests_in_flight", 0.0);
    assert_eq!(server.speak(&long(40, 1)).status, 200);
}

#[test]
fn a_client_that_takes_nothing_ends_its_batch() {
    let server = Server::start(&["--batch-size", "2", "--stall-time", "1"]);
    let lines: Vec<String> = (0..6).map(held).collect();
    let batch = begin(&server, "", &lines.join("\n"));
    server.wait_for("chattts_slots_held", 2.0);
    server.wait_for("chattts_requests_in_flight", 0.0);
    server.wait_for("chattts_slots_held", 0.0);
    // What it has taken has no proper end.
    assert!(!Answer::read(batch).is_whole);
}

#[test]
fn who_sends_its_lines_slowly_holds_no_place() {
    let server = Server::start(&["--head-time", "5"]);
    let start = Instant::now();
    let head = format!("POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n{LINES}\r\n{{");
    let slow: Vec<TcpStream> = (0..12)
        .map(|_| {
            let mut stream = server.connect();
            stream.write_all(head.as_bytes()).unwrap();
            stream
        })
        .collect();
    server.wait_for("chattts_requests_in_flight", 12.0);
    let answer = server.request("POST", PATH, LINES, &long(20, 1));
    assert_eq!(parts(&answer)[&1].header("x-status"), "200");
    for stream in slow {
        Answer::read(stream).error(408, "request_timeout");
    }
    assert!(start.elapsed() < PATIENCE, "{:?}", start.elapsed());
    server.wait_for("chattts_requests_in_flight", 0.0);
}

#[test]
fn batches_have_limits() {
    let server = Server::start(&["--batch-size", "1", "--time-limit", "2"]);
    let send = |lines: &str| server.request("POST", PATH, LINES, lines);
    assert!(send("\n \n").error(400, "invalid_parameter").contains("no lines"));
    assert!(send(&"{}\n".repeat(1_001)).error(413, "too_large").contains("1001 lines"));
    send(&" ".repeat(9 << 20)).error(413, "too_large");
    server.post(PATH, "{}").error(415, "invalid_content_type");
    // A line that takes too long ends alone.
    let endless = long(1_500, 1).replace("世界。", &"今天天气很好。".repeat(300));
    let endless = endless.replace("\"seed\"", "\"split\": true, \"seed\"");
    let parts = parts(&send(&format!("{endless}\n{}", long(20, 2))));
    parts[&1].error("504", "time_limit");
    assert!(["200", "504"].contains(&parts[&2].header("x-status")));
    server.wait_for("chattts_slots_held", 0.0);
}

#[cfg(unix)]
#[test]
fn a_batch_ends_in_good_order_with_the_service() {
    let mut server = Server::start(&["--batch-size", "1", "--grace", "60"]);
    let lines: Vec<String> = (0..30).map(|seed| long(1_000, seed)).collect();
    let batch = begin(&server, "", &lines.join("\n"));
    batch.set_read_timeout(Some(PATIENCE)).unwrap();
    server.wait_for("chattts_slots_held", 1.0);
    server.signal("TERM");
    let answer = Answer::read(batch);
    let parts = parts(&answer);
    assert_eq!(parts.len(), 30, "each line has its answer");
    parts[&30].error("503", "unavailable");
    assert!(parts.values().any(|part| part.header("x-status") == "200"), "what ran has ended");
    assert_eq!(server.exit_code(), Some(0));
}
