//! A connection: reads events, and speaks.

use std::future::poll_fn;

use axum::body::Bytes;
use serde_json::{Map, Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader, WriteHalf};
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::sync::watch;
use tokio::time::timeout;

use super::event::Event;
use crate::service::http::{Face, Guarded};
use crate::service::speak::gone;
use crate::service::{
    Chunk, Client, Cuts, DialogPart, Refusal, RefusalKind, RequestRecord, SpeechJob, Ticket, voices,
};
use crate::speech::random_seed;

/// The bytes of a character in JSON, at most, and of all that is beside a text.
const BYTES_PER_CHARACTER: usize = 12;
const OTHER_FIELDS: usize = 64 << 10;
/// The most events that wait.
const EVENTS: usize = 16;
/// The time after which a connection on which nothing is said ends, in times for a head.
const IDLE: u32 = 30;
/// The languages that are spoken.
const LANGUAGES: [&str; 2] = ["en", "zh"];

/// Serves a connection until it ends.
pub async fn serve<S>(face: Face, client: Client, stream: S, drain: watch::Receiver<bool>)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let guarded = Guarded::new(stream, face.options.head_time, face.options.stall_time);
    let (input, output) = tokio::io::split(guarded);
    let (send, events) = channel(EVENTS);
    let mut session = Session { face: face.clone(), client, events, drain, output };
    // A client that has closed its end has gone.
    let ended = tokio::select! {
        ended = read(&face, BufReader::new(input), send) => ended,
        ended = session.run() => ended,
    };
    if let Err(refusal) = ended
        && refusal.kind != RefusalKind::Gone
    {
        let error = json!({"text": refusal.message, "code": refusal.kind.name()});
        // Whether it is heard is the client's matter.
        let _ = session.say("error", &error, &[]).await;
    }
    let _ = session.output.shutdown().await;
}

/// Reads events. One that has begun must come within a time.
async fn read(
    face: &Face,
    mut input: impl tokio::io::AsyncBufRead + Unpin,
    events: Sender<Event>,
) -> Result<(), Refusal> {
    let most =
        face.service.options.max_input.saturating_mul(BYTES_PER_CHARACTER).saturating_add(OTHER_FIELDS);
    loop {
        input.fill_buf().await.map_err(|_| gone())?;
        let slow = |_| Refusal::new(RefusalKind::Slow, "the event did not come in time");
        let event = timeout(face.options.body_time, Event::read(&mut input, most)).await.map_err(slow)??;
        events.send(event.ok_or_else(gone)?).await.map_err(|_| gone())?;
    }
}

struct Session<S> {
    face: Face,
    client: Client,
    events: Receiver<Event>,
    drain: watch::Receiver<bool>,
    output: WriteHalf<Guarded<S>>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Session<S> {
    async fn run(&mut self) -> Result<(), Refusal> {
        let idle = IDLE * self.face.options.head_time;
        while !*self.drain.borrow_and_update() {
            let event = tokio::select! {
                event = timeout(idle, self.events.recv()) => event.map_err(|_| gone())?.ok_or_else(gone)?,
                _ = self.drain.changed() => return Ok(()),
            };
            match event.kind.as_str() {
                "describe" => {
                    let info = self.info()?;
                    self.say("info", &info, &[]).await?;
                }
                "ping" => self.say("pong", &Value::Object(event.data), &[]).await?,
                "synthesize" => {
                    let ticket = self.ticket();
                    let spoken = self.speak(event.data, &ticket).await;
                    record(&ticket, &spoken);
                    spoken?;
                }
                "synthesize-start" => {
                    let ticket = self.ticket();
                    let spoken = self.converse(event.data, &ticket).await;
                    record(&ticket, &spoken);
                    spoken?;
                }
                // Servers leave what they do not know.
                _ => {}
            }
        }
        Ok(())
    }

    fn ticket(&self) -> Ticket {
        let id = format!("{:08x}{:08x}", random_seed(), random_seed());
        self.face
            .service
            .ticket(RequestRecord { client: self.client.to_string(), ..RequestRecord::begun(id, "wyoming") })
    }

    /// Describes what there is.
    fn info(&self) -> Result<Value, Refusal> {
        let attribution = json!({"name": "chattts-rs", "url": ""});
        let version = env!("CARGO_PKG_VERSION");
        let registry = self.face.service.loaded()?.engine.composer().voices.registry();
        let voice = |voice: voices::VoiceEntry| {
            json!({
                "name": voice.id, "description": voice.note, "attribution": attribution, "installed": true,
                "version": version, "languages": LANGUAGES,
            })
        };
        let voices: Vec<Value> = voices::list(&registry).into_iter().map(voice).collect();
        Ok(json!({"tts": [{
            "name": "chattts", "description": "ChatTTS", "attribution": attribution, "installed": true,
            "version": version, "voices": voices, "supports_synthesize_streaming": true,
        }]}))
    }

    /// Speaks a text that is there.
    async fn speak(&mut self, mut data: Map<String, Value>, ticket: &Ticket) -> Result<(), Refusal> {
        let service = self.face.service.clone();
        let text = data.remove("text").unwrap_or_default();
        let mut fields = fields(data)?;
        fields.insert("input".into(), text);
        let job = SpeechJob::of(fields, service.options.max_input, &service.options.overrides)?;
        let mut utterance = service.speak(self.client, job, ticket).await?;
        self.start(utterance.sample_rate).await?;
        while let Some(chunk) = poll_fn(|context| utterance.poll_next(context)).await {
            if let Chunk::Audio(bytes) = chunk? {
                self.chunk(utterance.sample_rate, &bytes).await?;
            }
        }
        self.say("audio-stop", &json!({}), &[]).await
    }

    /// Speaks a text that comes in pieces.
    async fn converse(&mut self, data: Map<String, Value>, ticket: &Ticket) -> Result<(), Refusal> {
        let service = self.face.service.clone();
        let job = SpeechJob::of_settings(fields(data)?, &service.options.overrides)?;
        let (text, mut audio) = service.converse(self.client, job, Cuts::Sentences, ticket)?;
        let (mut text, mut rate) = (Some(text), 0);
        loop {
            let part = tokio::select! {
                event = self.events.recv(), if text.is_some() => {
                    let event = event.ok_or_else(gone)?;
                    match event.kind.as_str() {
                        "synthesize-chunk" => if let Some(text) = &mut text {
                            let more = event.data.get("text").and_then(Value::as_str).unwrap_or_default();
                            match text.push(more) {
                                // Its audio tells why it has ended.
                                Err(refusal) if refusal.kind == RefusalKind::Gone => {}
                                pushed => pushed?,
                            }
                        },
                        "synthesize-stop" => text = None,
                        // Clients send the whole text too, for servers that take no pieces.
                        _ => {}
                    }
                    continue;
                }
                part = audio.next() => part.unwrap_or_else(|| Err(gone()))?,
            };
            match part {
                DialogPart::Started { sample_rate, .. } => {
                    rate = sample_rate;
                    self.start(rate).await?;
                }
                DialogPart::Sentence(_) => {}
                DialogPart::Audio(bytes) => self.chunk(rate, &bytes).await?,
                DialogPart::Done(_) => {
                    self.say("audio-stop", &json!({}), &[]).await?;
                    return self.say("synthesize-stopped", &json!({}), &[]).await;
                }
            }
        }
    }

    async fn start(&mut self, rate: u32) -> Result<(), Refusal> {
        self.say("audio-start", &format(rate), &[]).await
    }

    async fn chunk(&mut self, rate: u32, bytes: &Bytes) -> Result<(), Refusal> {
        self.say("audio-chunk", &format(rate), bytes).await
    }

    async fn say(&mut self, kind: &str, data: &Value, payload: &[u8]) -> Result<(), Refusal> {
        let bytes = Event::bytes(kind, data, payload);
        self.output.write_all(&bytes).await.map_err(|_| gone())?;
        self.output.flush().await.map_err(|_| gone())
    }
}

/// Notes how a request was answered. Until it is, its client counts as gone.
fn record(ticket: &Ticket, answered: &Result<(), Refusal>) {
    let refusal = answered.as_ref().err();
    if refusal.is_none_or(|refusal| refusal.kind != RefusalKind::Gone) {
        ticket.record().end(refusal);
    }
}

/// Describes samples: the bytes of each, and how many there are.
fn format(rate: u32) -> Value {
    json!({"rate": rate, "width": 2, "channels": 1})
}

/// Returns what a client asks for as the fields that HTTP reads.
fn fields(data: Map<String, Value>) -> Result<Map<String, Value>, Refusal> {
    let mut fields = Map::new();
    fields.insert("response_format".into(), "pcm".into());
    let voice = |name: &str| data.get("voice")?.get(name).filter(|value| !value.is_null()).cloned();
    if let Some(name) = voice("speaker").or_else(|| voice("name")) {
        fields.insert("voice".into(), name);
    } else if let Some(language) = voice("language") {
        let primary = language.as_str().unwrap_or_default().split(['-', '_']).next().unwrap_or_default();
        if !LANGUAGES.contains(&primary) {
            let message = format!("`language`: {} are spoken here", LANGUAGES.join(" and "));
            return Err(Refusal::of_written(message));
        }
        fields.insert("lang".into(), primary.into());
    }
    match data.get("text_format").and_then(Value::as_str) {
        None | Some("text") => {}
        Some("ssml") => drop(fields.insert("ssml".into(), true.into())),
        Some(_) => return Err(Refusal::of_written("`text_format`: expected \"text\" or \"ssml\"".into())),
    }
    Ok(fields)
}
