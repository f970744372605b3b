//! Tests of a service whose devices fail.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;

use super::*;
use crate::loading::LoadedModel;
use crate::runtime::testing::{checkpoint, rigged};
use crate::runtime::{Engine, EngineOptions};
use crate::service::ServiceOptions;
use crate::service::http::Address;
use crate::speech::{Composer, Voices};
use crate::text::Tokenizer;
use crate::voice::Registry;

const PATIENCE: Duration = Duration::from_secs(60);

/// A device that fails when it is told to.
fn device(fails: &Arc<AtomicBool>) -> LoadedModel {
    let fails = Arc::clone(fails);
    rigged("cpu", 2, move |_| match fails.load(Ordering::SeqCst) {
        true => Err(Error::Device("it is hot".into())),
        false => Ok(()),
    })
}

fn load(devices: Vec<LoadedModel>) -> Result<Loaded> {
    let checkpoint = checkpoint();
    let tokenizer = Tokenizer::from_json(&checkpoint.tokenizer.1, &checkpoint.tokenizer.0)?;
    let composer = Composer::new(Voices::new(&checkpoint, Registry::shipped()));
    let engine = Engine::of_models(devices, Arc::new(composer), &EngineOptions::new("noise"))?;
    Ok(Loaded { engine, tokenizer })
}

fn send(address: &str, method: &str, path: &str, body: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let length = body.len();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n\
         Content-Length: {length}\r\n\r\n{body}"
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream
}

/// Reads an answer to its end, proper or not; an error is a client that waits for ever.
fn hear(mut stream: TcpStream) -> String {
    let mut bytes = Vec::new();
    if let Err(error) = stream.read_to_end(&mut bytes) {
        assert!(error.kind() != io::ErrorKind::WouldBlock, "nothing came for a minute");
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn is_whole(answer: &str) -> bool {
    answer.starts_with("HTTP/1.1 200") && answer.ends_with("\r\n0\r\n\r\n")
}

/// Runs a service of two devices, of which so many fail in the midst of six requests. Returns the answers, what
/// `/health/ready` says afterwards, and how the service ended.
fn run_and_fail(failing: usize) -> (Vec<String>, Option<String>, Result<Ended>) {
    let fails = Arc::new(AtomicBool::new(false));
    let never = Arc::new(AtomicBool::new(false));
    let devices = (0..2).map(|at| device(if at < failing { &fails } else { &never })).collect();
    let (ready, is_ready) = channel();
    let ready = Mutex::new(ready);
    let options = ServiceOptions {
        observer: Some(Arc::new(move |notice: &Notice| {
            if let Notice::Ready { address, .. } = notice {
                ready.lock().unwrap().send(address.trim_start_matches("http://").to_string()).unwrap();
            }
        })),
        ..ServiceOptions::default()
    };
    let service = Service::new(options);
    let stop = AtomicBool::new(false);
    let stops = || stop.load(Ordering::SeqCst);
    std::thread::scope(|scope| {
        let options = HttpOptions::new(Address::Tcp("127.0.0.1".into(), 0));
        let running = scope.spawn(|| run(&service, options, move || load(devices), &stops));
        let address = is_ready.recv_timeout(PATIENCE).unwrap();
        let streams: Vec<TcpStream> = (0..6)
            .map(|seed| {
                let body = format!(
                    r#"{{"input": "hi", "response_format": "pcm", "seed": {seed}, "min_tokens": 1500, "max_tokens": 1500}}"#
                );
                send(&address, "POST", "/v1/audio/speech", &body)
            })
            .collect();
        let start = Instant::now();
        while service.admission.waiting() < 2 {
            assert!(start.elapsed() < PATIENCE, "four of them have slots, and two wait");
            std::thread::sleep(Duration::from_millis(5));
        }
        fails.store(true, Ordering::SeqCst);
        let answers = streams.into_iter().map(hear).collect();
        let health = (failing < 2).then(|| hear(send(&address, "GET", "/health/ready", "")));
        stop.store(failing < 2, Ordering::SeqCst);
        (answers, health, running.join().unwrap())
    })
}

#[test]
fn requests_of_a_device_that_fails_are_spoken_by_the_other() {
    let (answers, health, ended) = run_and_fail(1);
    assert!(
        answers.iter().all(|answer| is_whole(answer)),
        "{:?}",
        answers.iter().map(|answer| head(answer)).collect::<Vec<_>>()
    );
    assert!(health.unwrap().starts_with("HTTP/1.1 200"));
    assert_eq!(ended.unwrap(), Ended::Drained);
}

#[test]
fn when_the_last_device_fails_everyone_hears_so_and_the_service_ends() {
    let (answers, _, ended) = run_and_fail(2);
    for answer in &answers {
        let is_told = answer.starts_with("HTTP/1.1 503") && answer.contains("\"unavailable\"");
        // One that had begun breaks off, before its first bytes are on their way even.
        let has_begun = answer.is_empty() || answer.starts_with("HTTP/1.1 200");
        let breaks_off = has_begun && !is_whole(answer);
        assert!(is_told || breaks_off, "{}", head(answer));
    }
    assert!(answers.iter().any(|answer| answer.starts_with("HTTP/1.1 503")), "two had not begun");
    assert!(matches!(ended, Err(Error::Device(_))), "{ended:?}");
}

fn head(answer: &str) -> String {
    answer.chars().take(300).collect()
}
