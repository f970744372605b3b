//! The program as a service, and a client that sees every byte.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::common::Program;

/// The time in which everything here happens, on a slow machine.
pub const PATIENCE: Duration = Duration::from_secs(60);

pub struct Server {
    pub program: Program,
    pub child: Child,
    /// Host and port.
    pub address: String,
    lines: Receiver<String>,
    pub log: Vec<String>,
}

impl Server {
    /// Starts a service with small random weights and waits until it is ready.
    pub fn start(flags: &[&str]) -> Self {
        Server::start_in(Program::new(), &[&["--model", "noise"], flags].concat())
    }

    pub fn start_in(program: Program, flags: &[&str]) -> Self {
        let mut command = program.chattts();
        command.arg("serve").args(flags);
        if !flags.contains(&"--unix") {
            command.args(["--port", "0"]);
        }
        let mut child = command.stdin(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let (send, lines) = channel();
        std::thread::spawn(move || stderr.lines().map_while(Result::ok).try_for_each(|line| send.send(line)));
        let mut server = Server { program, child, address: String::new(), lines, log: Vec::new() };
        let ready = server.line("ready at ");
        let place = ready.split("ready at ").nth(1).unwrap().split(" after ").next().unwrap();
        server.address = place.trim_start_matches("http://").trim_start_matches("https://").to_string();
        server
    }

    /// Waits for a line of the log that contains something.
    pub fn line(&mut self, with: &str) -> String {
        let until = Instant::now() + PATIENCE;
        loop {
            let line = self.lines.recv_timeout(until.saturating_duration_since(Instant::now()));
            let line = line.unwrap_or_else(|_| panic!("no line with {with:?} after {:#?}", self.log));
            self.log.push(line.clone());
            if line.contains(with) {
                return line;
            }
        }
    }

    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    pub fn get(&self, path: &str) -> Answer {
        self.request("GET", path, "", "")
    }

    /// Posts JSON.
    pub fn post(&self, path: &str, body: &str) -> Answer {
        self.request("POST", path, "Content-Type: application/json\r\n", body)
    }

    pub fn speak(&self, body: &str) -> Answer {
        self.post("/v1/audio/speech", body)
    }

    pub fn request(
        &self,
        method: &str,
        path: &str,
        headers: &str,
        body: &(impl AsRef<[u8]> + ?Sized),
    ) -> Answer {
        let mut stream = self.connect();
        send(&mut stream, method, path, headers, body);
        Answer::read(stream)
    }

    /// Begins a speech of which the answer is read later.
    pub fn begin(&self, headers: &str, body: &str) -> TcpStream {
        let mut stream = self.connect();
        let headers = format!("Content-Type: application/json\r\n{headers}");
        send(&mut stream, "POST", "/v1/audio/speech", &headers, body);
        stream
    }

    /// Returns a number of `/metrics`, all its labels together.
    pub fn metric(&self, name: &str) -> f64 {
        let text = self.get("/metrics").text();
        let is_it = |line: &&str| line.starts_with(name) && line[name.len()..].starts_with(['{', ' ']);
        let values = text.lines().filter(is_it).map(|line| line.rsplit(' ').next().unwrap());
        values.map(|value| value.parse::<f64>().unwrap()).sum()
    }

    pub fn wait_for(&self, name: &str, value: f64) {
        let until = Instant::now() + PATIENCE;
        while self.metric(name) != value {
            assert!(Instant::now() < until, "{name} is {}, not {value}", self.metric(name));
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    #[cfg(unix)]
    pub fn signal(&self, name: &str) {
        let sent =
            std::process::Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status();
        assert!(sent.unwrap().success());
    }

    pub fn exit_code(&mut self) -> Option<i32> {
        let until = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            assert!(Instant::now() < until, "it does not end");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn send(
    stream: &mut impl Write,
    method: &str,
    path: &str,
    headers: &str,
    body: &(impl AsRef<[u8]> + ?Sized),
) {
    let body = body.as_ref();
    let length = body.len();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n"
    );
    // A request that is refused early may be refused before it is written.
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body));
}

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
    /// Whether the body has its proper end.
    pub is_whole: bool,
}

impl Answer {
    pub fn read(mut stream: impl Read) -> Self {
        let mut bytes = Vec::new();
        // What came before a connection broke counts.
        let _ = stream.read_to_end(&mut bytes);
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n");
        let end = end.unwrap_or_else(|| panic!("no head in {:?}", String::from_utf8_lossy(&bytes)));
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let mut rest = &bytes[end + 4..];
        let mut answer = Answer { status, head, body: Vec::new(), is_whole: false };
        if answer.header("transfer-encoding").is_none() {
            answer.is_whole = answer.header("content-length") == Some(rest.len().to_string());
            answer.body = rest.to_vec();
            return answer;
        }
        while let Some(at) = rest.windows(2).position(|two| two == b"\r\n") {
            let size = usize::from_str_radix(std::str::from_utf8(&rest[..at]).unwrap(), 16).unwrap();
            answer.is_whole = size == 0;
            rest = &rest[at + 2..];
            if size == 0 || rest.len() < size + 2 {
                break;
            }
            answer.body.extend(&rest[..size]);
            rest = &rest[size + 2..];
        }
        answer
    }

    pub fn header(&self, name: &str) -> Option<String> {
        let lines = self.head.lines().skip(1).filter_map(|line| line.split_once(": "));
        let mut found = lines.filter(|(key, _)| key.eq_ignore_ascii_case(name));
        found.next().map(|(_, value)| value.to_string())
    }

    pub fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{e}: {}", self.text()))
    }

    /// Fails the test unless this is an error in OpenAI's form.
    pub fn error(&self, status: u16, code: &str) -> String {
        assert_eq!(self.status, status, "{} {}", self.head, self.text());
        let error = self.json()["error"].clone();
        assert_eq!(error["code"], code, "{error}");
        assert!(error["type"].is_string() && error.get("param").is_some(), "{error}");
        error["message"].as_str().unwrap().to_string()
    }
}

/// Returns a request for raw samples of so many tokens exactly.
pub fn long(tokens: usize, seed: u64) -> String {
    format!(
        r#"{{"input": "你好，世界。", "response_format": "pcm", "seed": {seed}, "min_tokens": {tokens}, "max_tokens": {tokens}}}"#
    )
}

/// Returns a request of which the answer is larger than all buffers on its way: it does not end unless it is read.
pub fn held(seed: u64) -> String {
    long(1_500, seed).replace("\"seed\"", "\"sample_rate\": 384000, \"seed\"")
}
