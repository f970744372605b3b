//! A client of the service: sends a request and notes when its answer came.

use std::io::Read as _;
use std::time::{Duration, Instant};

use serde_json::{Map, Value};
use ureq::Agent;

use super::super::Usage;
use super::super::args::LoadTestArgs;

/// The time that an unused connection is kept; services leave those that say nothing for long.
const IDLE: Duration = Duration::from_secs(5);
/// The most bytes of the answer to a refused request.
const MOST_ERROR: u64 = 1 << 16;
/// Bytes before the samples of a WAV file.
const WAV_HEADER: u64 = 44;

/// What became of a request; times count from the start of its step.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The time at which it was to be sent, and at which it was.
    pub planned: Duration,
    pub sent: Duration,
    /// The time of the first sound, and of the end.
    pub first: Option<Duration>,
    pub end: Duration,
    pub outcome: Outcome,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// Spoken, with the seconds of audio where the bytes tell.
    Spoken(Option<f64>),
    /// Refused by a service that has enough to do or takes nothing, by the code of the error.
    Refused(String),
    /// Failed, by a code or by what the connection did.
    Failed(String),
    /// Given up when the program was told to end.
    GivenUp,
}

/// Sends requests to one service.
pub struct Client {
    agent: Agent,
    url: String,
    key: Option<String>,
    fields: Map<String, Value>,
    /// Bytes of the header before the samples, for formats whose samples have 16 bits.
    header: Option<u64>,
}

impl Client {
    pub fn new(args: &LoadTestArgs, fields: Map<String, Value>, key: Option<String>) -> Result<Self, Usage> {
        let url = format!("{}/v1/audio/speech", args.url.trim_end_matches('/'));
        let is_http = args.url.starts_with("http://") || args.url.starts_with("https://");
        if !is_http || url.parse::<ureq::http::Uri>().is_err() {
            return Err(Usage(format!("{}: not an address such as http://127.0.0.1:8000", args.url)));
        }
        let most = args.concurrency.iter().copied().max().unwrap_or(args.clients) as usize;
        let agent = agent(Duration::from_secs_f64(args.timeout), most);
        let header = match args.format.as_str() {
            "pcm" => Some(0),
            "wav" => Some(WAV_HEADER),
            _ => None,
        };
        Ok(Client { agent, url, key, fields, header })
    }

    /// Sends a request and reads its answer.
    pub fn ask(
        &self,
        text: &str,
        seed: u32,
        start: Instant,
        planned: Duration,
        is_over: &dyn Fn() -> bool,
    ) -> Answer {
        let mut fields = self.fields.clone();
        fields.insert("input".into(), text.into());
        fields.entry("seed").or_insert_with(|| seed.into());
        let mut request = self.agent.post(&self.url).content_type("application/json");
        if let Some(key) = &self.key {
            request = request.header("authorization", format!("Bearer {key}"));
        }
        let sent = start.elapsed();
        let mut first = None;
        let outcome = match request.send(Value::Object(fields).to_string()) {
            Err(error) => Outcome::Failed(connection(&error).into()),
            Ok(mut answer) if answer.status() != 200 => {
                let status = answer.status().as_u16();
                let body = answer.body_mut().with_config().limit(MOST_ERROR).read_to_string();
                let body: Value = serde_json::from_str(&body.unwrap_or_default()).unwrap_or_default();
                let code = body["error"]["code"].as_str().map_or_else(|| status.to_string(), String::from);
                match status {
                    429 | 503 => Outcome::Refused(code),
                    _ => Outcome::Failed(code),
                }
            }
            Ok(mut answer) => {
                let rate = answer
                    .headers()
                    .get("x-sample-rate")
                    .and_then(|rate| rate.to_str().ok()?.parse::<f64>().ok());
                let mut body = answer.body_mut().as_reader();
                let (mut bytes, mut part) = (0u64, [0; 16 << 10]);
                loop {
                    match body.read(&mut part) {
                        Ok(0) => {
                            let samples = self.header.map(|header| bytes.saturating_sub(header) as f64 / 2.0);
                            break Outcome::Spoken(samples.zip(rate).map(|(samples, rate)| samples / rate));
                        }
                        Ok(read) => {
                            bytes += read as u64;
                            first.get_or_insert_with(|| start.elapsed());
                        }
                        Err(_) if is_over() => break Outcome::GivenUp,
                        Err(error) if error.kind() == std::io::ErrorKind::TimedOut => {
                            break Outcome::Failed("timeout".into());
                        }
                        Err(_) => break Outcome::Failed("cut_off".into()),
                    }
                    if is_over() {
                        break Outcome::GivenUp;
                    }
                }
            }
        };
        Answer { planned, sent, first, end: start.elapsed(), outcome }
    }
}

/// Makes an agent that keeps so many connections, and goes to the service itself whatever proxies there are.
pub fn agent(timeout: Duration, connections: usize) -> Agent {
    Agent::config_builder()
        .http_status_as_error(false)
        .proxy(None)
        .max_redirects(0)
        .timeout_global(Some(timeout))
        .max_idle_connections(connections)
        .max_idle_connections_per_host(connections)
        .max_idle_age(IDLE)
        .user_agent(concat!("chattts-rs load-test/", env!("CARGO_PKG_VERSION")))
        .build()
        .new_agent()
}

fn connection(error: &ureq::Error) -> &'static str {
    match error {
        ureq::Error::Timeout(_) => "timeout",
        ureq::Error::Io(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => {
            "connection_refused"
        }
        ureq::Error::Io(error) if error.kind() == std::io::ErrorKind::TimedOut => "timeout",
        ureq::Error::HostNotFound => "host_not_found",
        _ => "connection",
    }
}
