//! How the service is watched: figures of cards, traces, and the program's own load test.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::common::Program;
use crate::server::{PATIENCE, Server, long};

/// Starts a service that finds two cards, of which `tests/service/nvml.c` tells.
#[cfg(target_os = "linux")]
fn with_cards(program: Program) -> Server {
    let library = program.path("libnvidia-ml.so.1");
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/service/nvml.c");
    let mut cc = std::process::Command::new("cc");
    let built = cc.args(["-Wall", "-Werror", "-shared", "-fPIC", "-o"]).arg(&library).arg(source).status();
    assert!(built.unwrap().success());
    let folder = program.dir.path().to_str().unwrap().to_string();
    Server::start_in(program.env("LD_LIBRARY_PATH", &folder), &["--model", "noise", "--batch-size", "1"])
}

#[cfg(target_os = "linux")]
#[test]
fn cards_are_known_by_their_uuid_and_told_in_base_units() {
    let server = with_cards(Program::new());
    // They are looked at beside the first scrape.
    server.wait_for("chattts_gpu_memory_bytes", 2.0 * 141.0 * f64::from(1 << 30));
    let text = server.get("/metrics").text();
    let label = |uuid: &str| format!("{{gpu_uuid=\"{uuid}\",gpu_name=\"NVIDIA H200\"}}");
    let (first, second) = (
        label("GPU-11111111-2222-3333-4444-555555555555"),
        label("GPU-66666666-7777-8888-9999-000000000000"),
    );
    let value = |name: &str, labels: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(&format!("{name}{labels} ")));
        line.map(|value| value.parse::<f64>().unwrap())
    };
    for (name, of_first, of_second) in [
        ("chattts_gpu_utilization_ratio", 0.73, Some(0.05)),
        ("chattts_gpu_memory_used_bytes", 138.0 * f64::from(1 << 30), Some(2.0 * f64::from(1 << 30))),
        ("chattts_gpu_memory_bytes", 141.0 * f64::from(1 << 30), Some(141.0 * f64::from(1 << 30))),
        ("chattts_gpu_power_watts", 512.25, None),
    ] {
        assert!(text.contains(&format!("# TYPE {name} gauge")), "{name}");
        assert_eq!((value(name, &first), value(name, &second)), (Some(of_first), of_second), "{name}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_card_that_does_not_answer_holds_nobody_up() {
    let server = with_cards(Program::new().env("NVML_SLEEP", "600"));
    for _ in 0..3 {
        let start = Instant::now();
        let text = server.get("/metrics").text();
        assert!(start.elapsed() < Duration::from_secs(5) && !text.contains("chattts_gpu_"), "{text}");
    }
    assert_eq!(server.speak(&long(40, 1)).status, 200);
}

#[test]
fn pages_are_held_while_a_text_is_spoken() {
    let server = Server::start(&["--batch-size", "2"]);
    let (pages, held) = (server.metric("chattts_kv_pages"), server.metric("chattts_kv_pages_held"));
    assert!(pages >= 2.0 && held == 0.0, "{pages} {held}");
    let speaking = server.begin("", &long(1_500, 1));
    let until = Instant::now() + PATIENCE;
    while server.metric("chattts_kv_pages_held") < 2.0 {
        assert!(Instant::now() < until, "it never holds a second page");
    }
    assert!(server.metric("chattts_kv_pages_held") <= pages);
    drop(speaking);
    server.wait_for("chattts_kv_pages_held", 0.0);
}

/// Takes traces as a collector does, and hands on their spans.
fn collector() -> (String, Receiver<Value>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let (send, spans) = channel();
    let answer = move |stream: TcpStream| {
        let mut reader = BufReader::new(&stream);
        loop {
            let (mut line, mut head, mut length) = (String::new(), String::new(), 0);
            while line != "\r\n" {
                line.clear();
                if reader.read_line(&mut line).unwrap_or(0) == 0 {
                    return;
                }
                if let Some(value) = line.to_lowercase().strip_prefix("content-length: ") {
                    length = value.trim().parse().unwrap();
                }
                head += &line;
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body).unwrap();
            assert!(head.starts_with("POST /v1/traces HTTP/1.1\r\n"), "{head}");
            assert!(head.to_lowercase().contains("content-type: application/json"), "{head}");
            send.send(serde_json::from_slice(&body).unwrap()).unwrap();
            (&stream).write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}").unwrap();
        }
    };
    std::thread::spawn(move || listener.incoming().map_while(Result::ok).for_each(answer));
    (address, spans)
}

#[test]
fn a_request_is_a_trace_of_its_stages_that_goes_on_with_the_client_s() {
    let (address, traces) = collector();
    let mut server = Server::start(&["--otlp-endpoint", &address, "--log", "json"]);
    let (trace, parent) = ("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7");
    let headers = |id: &str, sampled: u8| {
        format!(
            "X-Request-Id: {id}\r\ntraceparent: 00-{trace}-{parent}-0{sampled}\r\nContent-Type: application/json\r\n"
        )
    };
    let body = long(80, 1).replace("pcm", "mp3");
    let spoken = server.request("POST", "/v1/audio/speech", &headers("traced", 1), &body);
    assert_eq!(spoken.status, 200, "{}", spoken.text());
    let logged: Value = serde_json::from_str(&server.line("\"traced\"")).unwrap();
    assert_eq!(logged["trace_id"], trace);
    let sent = traces.recv_timeout(PATIENCE).unwrap();
    let resource = &sent["resourceSpans"][0];
    assert_eq!(resource["resource"]["attributes"][0]["value"]["stringValue"], "chattts-rs");
    let spans = resource["scopeSpans"][0]["spans"].as_array().unwrap();
    let names: Vec<&str> = spans.iter().map(|span| span["name"].as_str().unwrap()).collect();
    assert_eq!(names.len(), 6, "{names:?}");
    let find = |name: &str| {
        let found = spans.iter().find(|span| span["name"] == name);
        found.unwrap_or_else(|| panic!("{name} is not in {names:?}"))
    };
    let time = |span: &Value, key: &str| span[key].as_str().unwrap().parse::<u64>().unwrap();
    let (begin, end) = ("startTimeUnixNano", "endTimeUnixNano");
    let request = find("speech");
    assert_eq!((&request["parentSpanId"], &request["spanId"]), (&parent.into(), &logged["span_id"]));
    assert!(request["attributes"].to_string().contains("\"traced\""), "{request}");
    const ROUNDING: u64 = 1_000;
    for name in ["queue", "prefill", "decode", "render", "encode"] {
        let stage = find(name);
        assert_eq!((&stage["traceId"], &stage["parentSpanId"]), (&trace.into(), &request["spanId"]));
        assert!(
            time(stage, begin) >= time(request, begin)
                && time(stage, begin) <= time(stage, end)
                && time(stage, end) <= time(request, end) + ROUNDING,
            "{name} {stage} {request}"
        );
    }
    for (before, after) in [("queue", "prefill"), ("prefill", "decode")] {
        let gap = time(find(after), begin).abs_diff(time(find(before), end));
        assert!(gap <= ROUNDING, "{gap} ns between {before} and {after}");
    }
    assert!(
        time(find("render"), end) >= time(find("decode"), end),
        "the last tokens are rendered after they are drawn"
    );
    assert!(
        time(find("decode"), end) - time(find("decode"), begin)
            > time(find("queue"), end) - time(find("queue"), begin)
    );
    server.wait_for("chattts_spans_sent_total", 6.0);

    // A client that does not keep its trace keeps none of ours, and finds it in the log all the same.
    server.request("POST", "/v1/audio/speech", &headers("apart", 0), &body);
    assert!(server.line("\"apart\"").contains(trace));
    // One without a trace begins one, and one that is refused is one too. They are sent when the service ends.
    let spoken = server.speak(&body);
    let id = spoken.header("x-request-id").unwrap();
    let logged: Value = serde_json::from_str(&server.line(&id)).unwrap();
    server.speak(r#"{"input": ""}"#);
    #[cfg(unix)]
    {
        server.signal("TERM");
        assert_eq!(server.exit_code(), Some(0));
        let spans: Vec<Value> = traces
            .try_iter()
            .flat_map(|sent| sent["resourceSpans"][0]["scopeSpans"][0]["spans"].as_array().unwrap().clone())
            .collect();
        let requests: Vec<&Value> = spans.iter().filter(|span| span["name"] == "speech").collect();
        assert_eq!((requests.len(), spans.len()), (2, 7), "{spans:#?}");
        assert!(
            requests
                .iter()
                .all(|request| request["traceId"] != trace && request.get("parentSpanId").is_none())
        );
        assert!(requests.iter().any(|request| request["traceId"] == logged["trace_id"]));
    }
}

#[test]
fn traces_go_where_the_variables_of_opentelemetry_say() {
    let (address, traces) = collector();
    let program = Program::new()
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", &address)
        .env("OTEL_SERVICE_NAME", "speaker")
        .env("OTEL_EXPORTER_OTLP_HEADERS", "x-key=a");
    let server = Server::start_in(program, &["--model", "noise"]);
    assert_eq!(server.get("/v1/models").status, 200);
    let sent = traces.recv_timeout(PATIENCE).unwrap();
    assert!(sent["resourceSpans"][0]["resource"].to_string().contains("\"speaker\""), "{sent}");
    let ran = Program::new().run(&[
        "serve",
        "--model",
        "noise",
        "--port",
        "0",
        "--otlp-endpoint",
        "collector:4318",
    ]);
    assert!(ran.code == Some(2) && ran.err.contains("http://"), "{ran:?}");
}

fn figures(program: &Program, file: &str) -> Value {
    serde_json::from_slice(&std::fs::read(program.path(file)).unwrap()).unwrap()
}

#[test]
fn a_load_test_counts_what_the_service_counts() {
    let server = Server::start(&["--batch-size", "2", "--queue", "1"]);
    let (p, url) = (&server.program, format!("http://{}", server.address));
    let fields = r#"{"min_tokens": 60, "max_tokens": 60}"#;
    let command = ["load-test", &url, "--fields", fields, "--json", "load.json", "--plot", "load.svg"];
    let run = |flags: &[&str]| p.run(&[&command[..], flags].concat());
    let closed = run(&["--concurrency", "1,2", "--requests", "6"]);
    assert_eq!(closed.code, Some(0), "{closed:?}");
    let steps = figures(p, "load.json")["steps"].clone();
    for (step, number) in steps.as_array().unwrap().iter().zip([1.0, 2.0]) {
        assert_eq!(step["load"]["concurrency"], number);
        assert_eq!((&step["sent"], &step["answered"], &step["failed"]), (&6.into(), &6.into(), &0.into()));
        let value = |pointer: &str| {
            step.pointer(pointer).and_then(Value::as_f64).unwrap_or_else(|| panic!("{pointer} {step}"))
        };
        let counted = value("/service/after/audio_s") - value("/service/before/audio_s");
        assert!((counted - value("/audio_s")).abs() < 0.01, "{counted} {step}");
        assert!(value("/first_sound_s/p50") <= value("/latency_s/p50"));
        assert!(value("/latency_s/p50") <= value("/latency_s/p99"));
        assert!(value("/real_time_factor/p50") > 0.0 && value("/audio_s_per_s") > 0.0);
    }
    assert!(closed.out.contains("first sound"), "{}", closed.out);
    assert!(std::fs::read_to_string(p.path("load.svg")).unwrap().contains("at a time"));
    // More than it can do: what it refuses is no failure of its.
    let open = run(&["--rate", "300", "--duration", "1", "--clients", "8"]);
    assert_eq!(open.code, Some(0), "{open:?}");
    let step = figures(p, "load.json")["steps"][0].clone();
    let refused = step["refused"].as_u64().unwrap();
    assert!(refused > 0 && step["errors"]["queue_full"] == refused, "{step}");
    assert_eq!(refused + step["answered"].as_u64().unwrap(), step["sent"].as_u64().unwrap());
    assert_eq!(server.metric("chattts_errors_total{kind=\"queue_full\"}"), refused as f64);
    // What fails is.
    let failing =
        p.run(&["load-test", &url, "--rate", "20", "--requests", "3", "--fields", r#"{"voice": "nobody"}"#]);
    assert_eq!(failing.code, Some(1), "{failing:?}");
    assert!(
        failing.out.contains("3 invalid_voice") && failing.err.contains("3 of 3 requests failed"),
        "{failing:?}"
    );
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let absent = p.run(&["load-test", &format!("http://{nobody}"), "--concurrency", "1", "--requests", "2"]);
    assert!(absent.code == Some(1) && absent.out.contains("2 connection_refused"), "{absent:?}");
}

#[test]
fn a_load_test_asks_for_what_it_is_told() {
    let program = Program::new();
    program.write("keys", "# ours\nsk-a\n");
    program.write("texts", "Hello.\n\nGoodbye.\n");
    let mut server = Server::start_in(program, &["--model", "noise", "--api-key-file", "keys", "--log-text"]);
    let url = format!("http://{}", server.address);
    let flags =
        ["--concurrency", "1", "--requests", "3", "--seed", "7", "--format", "mp3", "--file", "texts"];
    let with = |more: &[&str]| {
        server
            .program
            .run(&[&["load-test", &url], &flags[..], &["--fields", r#"{"max_tokens": 40}"#], more].concat())
    };
    let ran = with(&["--api-key-file", "keys", "--json", "-"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let step = serde_json::from_str::<Value>(&ran.out).unwrap()["steps"][0].clone();
    assert!(step["audio_s"].as_f64().unwrap() > 0.0 && step["real_time_factor"].is_null(), "{step}");
    assert_eq!(with(&[]).code, Some(1), "without the key");
    for text in ["Hello.", "Goodbye.", "Hello."] {
        assert!(server.line("speech 200").ends_with(text));
    }
    let p = Program::new();
    for (flags, message) in [
        (&["ftp://x", "--rate", "1"][..], "not an address"),
        (&[&url], "--rate"),
        (&[&url, "--rate", "0"], "above 0"),
        (&[&url, "--rate", "1", "--concurrency", "1"], "cannot be used with"),
        (&[&url, "--rate", "1", "--fields", "[]"], "not a JSON object"),
        (&[&url, "--rate", "1", "--api", "smoke-signals"], "smoke-signals"),
    ] {
        let ran = p.run(&[&["load-test"], flags].concat());
        assert!(ran.code == Some(2) && ran.err.contains(message), "{flags:?}: {ran:?}");
    }
}

#[test]
fn status_tells_whether_a_service_is_ready() {
    let server = Server::start(&[]);
    let p = &server.program;
    let ready = p.run(&["status", &format!("http://{}/", server.address)]);
    assert!(ready.code == Some(0) && ready.out.contains("ok"), "{ready:?}");
    // Behind another path there is no health.
    let other = p.run(&["status", &format!("http://{}/v1", server.address)]);
    assert!(other.code == Some(1) && other.err.contains("404"), "{other:?}");
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let absent = p.run(&["status", &format!("http://{nobody}")]);
    assert!(absent.code == Some(1) && absent.err.contains("no answer"), "{absent:?}");
}
