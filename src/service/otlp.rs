//! Sends traces to a collector by OTLP over HTTP, in JSON (<https://opentelemetry.io/docs/specs/otlp/>).

use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TryRecvError, sync_channel};
use std::time::{Duration, Instant};

use prometheus_client::metrics::counter::Counter;
use serde_json::{Value, json};
use ureq::Agent;

use super::trace::attribute;
use super::{Notice, Observer};
use crate::error::{Error, Result};

/// The most requests whose spans wait to be sent; those of others are dropped.
const WAITING: usize = 2048;
/// The most spans that are sent together, and the time for them to come together.
const BATCH: usize = 512;
const BATCH_TIME: Duration = Duration::from_secs(1);
/// The time that the collector has to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Says where traces go.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TraceOptions {
    /// The whole address: `http://127.0.0.1:4318/v1/traces`.
    pub url: String,
    /// Headers that are sent along, such as a key of the collector.
    pub headers: Vec<(String, String)>,
    /// The name of the service.
    pub service: String,
}

impl TraceOptions {
    /// Makes options for the address of a collector, to which `/v1/traces` is added.
    pub fn new(endpoint: &str) -> Self {
        let url = format!("{}/v1/traces", endpoint.trim_end_matches('/'));
        TraceOptions { url, headers: Vec::new(), service: "chattts-rs".into() }
    }
}

/// The spans that were sent, and those that no collector has.
#[derive(Clone, Default)]
pub(super) struct Counts {
    pub sent: Counter,
    pub dropped: Counter,
}

/// Takes spans and sends them from a thread of its own, so that a slow collector costs spans and no time.
pub(super) struct Tracer {
    queue: SyncSender<Message>,
    counts: Counts,
}

enum Message {
    Spans(Vec<Value>),
    /// Asks for a word when all before it is sent.
    Flush(SyncSender<()>),
}

impl Tracer {
    /// Starts the thread.
    ///
    /// # Errors
    /// [`Error::Parameter`] if the address is none; [`Error::Threads`] if there is no thread to be had.
    pub fn start(options: TraceOptions, counts: Counts, observer: Option<Observer>) -> Result<Self> {
        let is_http = options.url.starts_with("http://") || options.url.starts_with("https://");
        if !is_http || options.url.parse::<ureq::http::Uri>().is_err() {
            let reason = format!("{}: not an address that begins with http:// or https://", options.url);
            return Err(Error::parameter("otlp-endpoint", reason));
        }
        let (queue, spans) = sync_channel(WAITING);
        let agent = Agent::config_builder()
            .timeout_global(Some(PATIENCE))
            .user_agent(concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION")))
            .build()
            .new_agent();
        let sender = Sender { options, agent, counts: counts.clone(), observer, is_lost: false };
        std::thread::Builder::new()
            .name("chattts-traces".into())
            .spawn(move || sender.run(&spans))
            .map_err(Error::Threads)?;
        Ok(Tracer { queue, counts })
    }

    /// Takes the spans of a request.
    pub fn send(&self, spans: Vec<Value>) {
        let count = spans.len() as u64;
        if self.queue.try_send(Message::Spans(spans)).is_err() {
            self.counts.dropped.inc_by(count);
        }
    }

    /// Waits at most this long until all is sent that was taken before.
    pub fn flush(&self, time: Duration) {
        let (done, is_done) = sync_channel(1);
        if self.queue.try_send(Message::Flush(done)).is_ok() {
            // What is not sent by then is lost.
            let _ = is_done.recv_timeout(time);
        }
    }
}

struct Sender {
    options: TraceOptions,
    agent: Agent,
    counts: Counts,
    observer: Option<Observer>,
    /// Whether the last spans could not be sent.
    is_lost: bool,
}

impl Sender {
    fn run(mut self, queue: &Receiver<Message>) {
        while let Ok(first) = queue.recv() {
            let mut spans = Vec::new();
            let mut flushed = self.take(first, &mut spans);
            let until = Instant::now() + BATCH_TIME;
            while spans.len() < BATCH {
                let next = match flushed.is_empty() {
                    true => queue.recv_timeout(until.saturating_duration_since(Instant::now())),
                    false => queue.try_recv().map_err(|error| match error {
                        TryRecvError::Empty => RecvTimeoutError::Timeout,
                        TryRecvError::Disconnected => RecvTimeoutError::Disconnected,
                    }),
                };
                let Ok(next) = next else { break };
                flushed.extend(self.take(next, &mut spans));
            }
            self.post(spans);
            for done in flushed {
                // Who asked may have given up.
                let _ = done.try_send(());
            }
        }
    }

    fn take(&self, message: Message, spans: &mut Vec<Value>) -> Vec<SyncSender<()>> {
        match message {
            Message::Spans(more) => {
                spans.extend(more);
                Vec::new()
            }
            Message::Flush(done) => vec![done],
        }
    }

    fn post(&mut self, spans: Vec<Value>) {
        if spans.is_empty() {
            return;
        }
        let count = spans.len() as u64;
        let mut request = self.agent.post(&self.options.url).content_type("application/json");
        for (name, value) in &self.options.headers {
            request = request.header(name, value);
        }
        let answer = request.send(body(&self.options.service, spans));
        let rejected =
            answer.and_then(|mut answer| answer.body_mut().read_to_string()).map(|text| rejected(&text));
        match rejected {
            Ok(rejected) => {
                self.counts.sent.inc_by(count.saturating_sub(rejected));
                self.counts.dropped.inc_by(rejected.min(count));
                self.is_lost = false;
            }
            Err(error) => {
                self.counts.dropped.inc_by(count);
                if !std::mem::replace(&mut self.is_lost, true)
                    && let Some(observer) = &self.observer
                {
                    let message = format!(
                        "traces are lost until they can be sent again: {}: {error}",
                        self.options.url
                    );
                    observer(&Notice::Trouble { message: &message });
                }
            }
        }
    }
}

/// Returns how many spans the collector has not taken, by its answer.
fn rejected(answer: &str) -> u64 {
    let answer: Value = serde_json::from_str(answer).unwrap_or_default();
    let rejected = &answer["partialSuccess"]["rejectedSpans"];
    rejected.as_u64().or_else(|| rejected.as_str()?.parse().ok()).unwrap_or(0)
}

fn body(service: &str, spans: Vec<Value>) -> String {
    let text = |key: &str, value: &str| attribute(key, json!({"stringValue": value}));
    let version = env!("CARGO_PKG_VERSION");
    let resource = [
        text("service.name", service),
        text("service.version", version),
        attribute("process.pid", json!({"intValue": std::process::id().to_string()})),
    ];
    let scope = json!({"scope": {"name": "chattts-rs", "version": version}, "spans": spans});
    json!({"resourceSpans": [{"resource": {"attributes": resource}, "scopeSpans": [scope]}]}).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{BufRead, BufReader, Read, Write};
    use std::net::{TcpListener, TcpStream};
    use std::sync::mpsc::channel;
    use std::sync::{Arc, Mutex};

    /// Reads a request and returns its body.
    fn read(stream: &TcpStream) -> Value {
        let mut reader = BufReader::new(stream);
        let (mut line, mut length) = (String::new(), 0);
        while line != "\r\n" {
            line.clear();
            reader.read_line(&mut line).unwrap();
            if let Some(value) = line.to_lowercase().strip_prefix("content-length: ") {
                length = value.trim().parse().unwrap();
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        serde_json::from_slice(&body).unwrap()
    }

    fn answer(mut stream: &TcpStream, body: &str) {
        let head = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length";
        write!(stream, "{head}: {}\r\n\r\n{body}", body.len()).unwrap();
    }

    #[test]
    fn a_slow_collector_costs_spans_and_no_time() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (counts, span) = (Counts::default(), json!({"name": "x"}));
        let options = TraceOptions::new(&format!("http://{}/", listener.local_addr().unwrap()));
        assert!(options.url.ends_with("/v1/traces") && !options.url.contains("//v1"));
        let tracer = Tracer::start(options, counts.clone(), None).unwrap();
        tracer.send(vec![span.clone(); BATCH]);
        let (stream, _) = listener.accept().unwrap();
        let sent = read(&stream);
        let scope = &sent["resourceSpans"][0]["scopeSpans"][0];
        assert_eq!(scope["spans"].as_array().unwrap().len(), BATCH);
        // It does not answer, and more comes than may wait.
        let start = Instant::now();
        for _ in 0..WAITING + 100 {
            tracer.send(vec![span.clone(); 2]);
        }
        assert!(start.elapsed() < Duration::from_secs(1));
        assert_eq!((counts.sent.get(), counts.dropped.get()), (0, 200));
        answer(&stream, r#"{"partialSuccess": {"rejectedSpans": "12"}}"#);
        drop(stream);
        let rest = std::thread::spawn(move || {
            let mut spans = 0;
            while spans < 2 * WAITING {
                let (stream, _) = listener.accept().unwrap();
                spans +=
                    read(&stream)["resourceSpans"][0]["scopeSpans"][0]["spans"].as_array().unwrap().len();
                answer(&stream, "{}");
            }
        });
        rest.join().unwrap();
        tracer.flush(PATIENCE);
        assert_eq!((counts.sent.get(), counts.dropped.get()), ((BATCH + 2 * WAITING - 12) as u64, 212));
    }

    #[test]
    fn a_collector_that_is_not_there_is_told_once() {
        let (tell, told) = channel();
        let tell = Mutex::new(tell);
        let observer: Observer = Arc::new(move |notice: &Notice| {
            if let Notice::Trouble { message: reason } = notice {
                tell.lock().unwrap().send(reason.to_string()).unwrap();
            }
        });
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let counts = Counts::default();
        let options = TraceOptions::new(&format!("http://127.0.0.1:{port}"));
        let tracer = Tracer::start(options, counts.clone(), Some(observer)).unwrap();
        for _ in 0..2 {
            tracer.send(vec![json!({}); 3]);
            tracer.flush(PATIENCE);
        }
        assert_eq!((counts.sent.get(), counts.dropped.get(), told.try_iter().count()), (0, 6, 1));
        let error = Tracer::start(TraceOptions::new("collector:4318"), counts, None).err().unwrap();
        assert!(error.to_string().contains("http://"), "{error}");
    }
}
