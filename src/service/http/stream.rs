//! Speech over WebSocket: text comes in pieces, as a language model writes it, and audio goes out as it is made.
//!
//! The address and the messages are those of vLLM-Omni, which other servers have taken over: `session.config`,
//! `input.text`, `input.done` and `session.close` come in; `audio.start`, `audio.done`, `session.done` and `error` go
//! out, with the audio in binary messages between them. `input.flush`, `input.cancel` and audio in base64 are added.

use std::borrow::Cow;
use std::time::{Duration, Instant};

use axum::Extension;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::http::header::{HeaderValue, SEC_WEBSOCKET_PROTOCOL};
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value, json};

use super::connections::Connected;
use super::messages::{Input, Settings, Waiting};
use super::origin::check_origin;
use super::respond::error;
use super::routes::Face;
use super::speech::{BYTES_PER_CHARACTER, OTHER_FIELDS, usage};
use crate::service::{
    Client, DialogAudio, DialogPart, DialogText, Refusal, RefusalKind, RequestRecord, Ticket,
};

/// What stands before a key in the name of a protocol, as OpenAI's clients write it.
const KEY_PROTOCOL: &str = "openai-insecure-api-key.";
/// The time after which a silent client is asked whether it is there, at most, and the number of times.
const PING: Duration = Duration::from_secs(20);
const PINGS: u32 = 3;
/// The time after which a session is ended in which nothing is said, in times for a head.
const IDLE: u32 = 30;
/// Reasons for which a session ends, as RFC 6455 and its registry count them.
const NORMAL: u16 = 1000;
const GOING_AWAY: u16 = 1001;

/// Finds the key of a client that cannot send headers, which pages cannot: it is the name of a protocol after
/// `openai-insecure-api-key.`, or the parameter `api_key` of the address where it has characters that no name has.
pub fn key<'a>(headers: &'a HeaderMap, uri: &'a Uri) -> Option<Cow<'a, str>> {
    let protocols = headers.get_all(SEC_WEBSOCKET_PROTOCOL).iter().filter_map(|value| value.to_str().ok());
    let mut protocols = protocols.flat_map(|value| value.split(',')).map(str::trim);
    if let Some(key) = protocols.find_map(|protocol| protocol.strip_prefix(KEY_PROTOCOL)) {
        return Some(Cow::Borrowed(key));
    }
    let mut parameters = uri.query()?.split('&');
    let key = parameters.find_map(|parameter| parameter.strip_prefix("api_key="))?;
    percent_decode_str(key).decode_utf8().ok()
}

/// Opens a session.
pub async fn open(
    State(face): State<Face>,
    Extension(client): Extension<Client>,
    Extension(ticket): Extension<Ticket>,
    Extension(connected): Extension<Connected>,
    headers: HeaderMap,
    uri: Uri,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Refusal> {
    face.service.loaded()?;
    // Any page of the web may open a WebSocket.
    check_origin(&face, &headers, &uri)?;
    let mut upgrade = upgrade.map_err(|_| {
        Refusal::new(RefusalKind::Upgrade, "this address speaks WebSocket; connect to it with `ws://…`")
    })?;
    // A browser wants one of those that it asked for.
    let protocols: Vec<HeaderValue> = upgrade.requested_protocols().cloned().collect();
    let is_plain = |protocol: &&HeaderValue| !protocol.as_bytes().starts_with(KEY_PROTOCOL.as_bytes());
    if let Some(protocol) = protocols.iter().find(is_plain).or(protocols.first()) {
        upgrade.set_selected_protocol(protocol.clone());
    }
    let limit = face.service.options.max_input;
    let limit = limit.saturating_mul(BYTES_PER_CHARACTER).saturating_add(OTHER_FIELDS);
    let id = ticket.record().id.clone();
    let settings = Settings::read(Map::new(), &face)?;
    let session = move |socket| {
        let session = Session {
            settings,
            waiting: Waiting::new(face.service.options.max_input),
            face,
            client,
            id,
            socket,
            dialog: None,
            utterance: 0,
            is_lost: false,
            is_closing: false,
        };
        session.run(connected)
    };
    Ok(upgrade.max_message_size(limit).max_frame_size(limit).on_upgrade(session))
}

/// A session.
struct Session {
    face: Face,
    client: Client,
    /// The id of the request that opened it.
    id: String,
    socket: WebSocket,
    settings: Settings,
    /// What has come while an utterance was being ended.
    waiting: Waiting,
    dialog: Option<Dialog>,
    /// Number of the next utterance, from 0.
    utterance: usize,
    /// Whether the utterance has failed whose text is still coming.
    is_lost: bool,
    /// Whether the session ends with the utterance that is spoken.
    is_closing: bool,
}

/// An utterance.
struct Dialog {
    /// None when its text is complete.
    text: Option<DialogText>,
    audio: DialogAudio,
    ticket: Ticket,
    format: &'static str,
    is_base64: bool,
    /// Samples per second, and the seed.
    sample_rate: u32,
    seed: u64,
    /// Number of sentences that have begun.
    sentences: usize,
    /// Bytes of the audio of the last one.
    bytes: usize,
}

/// What a session is waiting for.
enum Turn {
    Message(Option<Result<Message, axum::Error>>),
    Part(Option<Result<DialogPart, Refusal>>),
    Tick,
    Drain,
}

/// Why a session ends: the client has gone, or is told so.
enum End {
    Gone,
    Told(u16, &'static str),
}

impl Session {
    async fn run(mut self, mut connected: Connected) {
        let ping = PING.min(self.face.options.stall_time);
        let idle = IDLE * self.face.options.head_time;
        let mut ticks = tokio::time::interval(ping);
        let (mut heard, mut active, mut pings) = (Instant::now(), Instant::now(), 0);
        self.is_closing = *connected.drain.borrow_and_update();
        let end = loop {
            if self.is_closing && self.dialog.is_none() && self.waiting.is_empty() {
                break End::Told(if *connected.drain.borrow() { GOING_AWAY } else { NORMAL }, "");
            }
            let turn = tokio::select! {
                // What a client says counts before what it is told: it may say that it has heard enough.
                biased;
                message = self.socket.recv() => Turn::Message(message),
                part = next(&mut self.dialog), if self.dialog.is_some() => Turn::Part(part),
                _ = ticks.tick() => Turn::Tick,
                changed = connected.drain.changed(), if !self.is_closing => match changed {
                    Ok(()) => Turn::Drain,
                    Err(_) => break End::Gone,
                },
            };
            let done = match turn {
                Turn::Message(None | Some(Err(_)) | Some(Ok(Message::Close(_)))) => Err(End::Gone),
                Turn::Message(Some(Ok(message))) => {
                    (heard, pings) = (Instant::now(), 0);
                    match message {
                        Message::Text(text) => {
                            active = heard;
                            self.hear(text.as_str().as_bytes()).await
                        }
                        Message::Binary(bytes) => {
                            active = heard;
                            self.hear(&bytes).await
                        }
                        // The answer to a ping is sent by itself.
                        _ => Ok(()),
                    }
                }
                Turn::Part(part) => {
                    active = Instant::now();
                    self.tell(part).await
                }
                Turn::Tick if pings >= PINGS => Err(End::Gone),
                Turn::Tick if self.dialog.is_none() && active.elapsed() >= idle => {
                    Err(End::Told(NORMAL, "nothing was said for long"))
                }
                Turn::Tick if heard.elapsed() >= ping => {
                    pings += 1;
                    self.send(Message::Ping(Bytes::new())).await
                }
                Turn::Tick => Ok(()),
                // What is being spoken still ends.
                Turn::Drain => {
                    self.is_closing = true;
                    Ok(())
                }
            };
            if let Err(end) = done {
                break end;
            }
        };
        // What is spoken ends with it.
        if let End::Told(code, reason) = end {
            let close = CloseFrame { code, reason: reason.into() };
            // Whether it is heard is the client's matter.
            let _ = self.send(Message::Close(Some(close))).await;
        }
    }

    /// Acts upon a message. A wrong one is told, and changes nothing.
    async fn hear(&mut self, message: &[u8]) -> Result<(), End> {
        let pushed = match Input::parse(message) {
            Ok(Input::Cancel) => return self.cancel().await,
            Ok(Input::Close) => {
                self.is_closing = true;
                // What has come is still spoken.
                match self.dialog.is_some() || !self.waiting.is_empty() {
                    true => self.waiting.push(Input::Done),
                    false => Ok(()),
                }
            }
            Ok(_) if self.is_closing && self.dialog.is_none() => {
                Err(Refusal::new(RefusalKind::Unavailable, "the session is ending; open another one"))
            }
            Ok(input) => self.waiting.push(input),
            Err(refusal) => Err(refusal),
        };
        match pushed {
            Ok(()) => self.go_on().await,
            Err(refusal) => self.complain(&refusal).await,
        }
    }

    /// Ends the utterance at once, and forgets what has come.
    async fn cancel(&mut self) -> Result<(), End> {
        self.waiting.clear();
        match (self.dialog.take(), std::mem::take(&mut self.is_lost)) {
            (None, false) => Ok(()),
            (dialog, _) => {
                let sentences = dialog.map_or(0, |dialog| dialog.sentences);
                self.conclude(sentences, json!({"cancelled": true})).await
            }
        }
    }

    /// Does what can be done of what has come.
    async fn go_on(&mut self) -> Result<(), End> {
        while self.dialog.as_ref().is_none_or(|dialog| dialog.text.is_some())
            && let Some(input) = self.waiting.pop()
        {
            let is_end = input == Input::Done;
            if let Err(refusal) = self.take(input) {
                self.complain(&refusal).await?;
            }
            if is_end && self.dialog.is_none() {
                let is_lost = std::mem::take(&mut self.is_lost);
                self.conclude(0, if is_lost { json!({"error": true}) } else { json!({}) }).await?;
            }
        }
        Ok(())
    }

    fn take(&mut self, input: Input) -> Result<(), Refusal> {
        match input {
            Input::Config(fields) => {
                if self.dialog.is_some() {
                    let message = "settings cannot change within an utterance; send `input.done` first";
                    return Err(Refusal::new(RefusalKind::Parameter, message));
                }
                self.settings = Settings::read(fields, &self.face)?;
            }
            Input::Text(text) => {
                if self.dialog.is_none() && !self.is_lost && !text.trim().is_empty() {
                    let begun = self.begin();
                    self.is_lost = begun.is_err();
                    self.dialog = Some(begun?);
                }
                if let Some(dialog) = self.dialog.as_mut().and_then(|dialog| dialog.text.as_mut()) {
                    match dialog.push(&text) {
                        // Its end is told where its audio would be.
                        Err(gone) if gone.kind == RefusalKind::Gone => {}
                        pushed => pushed?,
                    }
                }
            }
            Input::Flush => {
                if let Some(dialog) = self.dialog.as_mut().and_then(|dialog| dialog.text.as_mut()) {
                    dialog.flush();
                }
            }
            Input::Done => {
                if let Some(dialog) = &mut self.dialog {
                    dialog.text = None;
                }
            }
            Input::Cancel | Input::Close => {}
        }
        Ok(())
    }

    /// Begins an utterance.
    fn begin(&self) -> Result<Dialog, Refusal> {
        let ticket = self.face.service.ticket(RequestRecord {
            client: self.client.to_string(),
            ..RequestRecord::begun(format!("{}-{}", self.id, self.utterance + 1), "dialog")
        });
        let job = self.settings.job.clone();
        let format = job.format.name();
        let dialog = self.face.service.converse(self.client, job, self.settings.cuts, &ticket);
        let (text, audio) = dialog.inspect_err(|refusal| ticket.record().end(Some(refusal)))?;
        let is_base64 = self.settings.is_base64;
        let text = Some(text);
        Ok(Dialog { text, audio, ticket, format, is_base64, sample_rate: 0, seed: 0, sentences: 0, bytes: 0 })
    }

    /// Tells a part of an utterance.
    async fn tell(&mut self, part: Option<Result<DialogPart, Refusal>>) -> Result<(), End> {
        let index = self.utterance;
        let Some(dialog) = &mut self.dialog else { return Ok(()) };
        match part {
            Some(Ok(DialogPart::Started { seed, sample_rate })) => {
                (dialog.seed, dialog.sample_rate) = (seed, sample_rate);
                Ok(())
            }
            Some(Ok(DialogPart::Sentence(text))) => {
                let ended = dialog.sentence_done(index);
                let start = json!({
                    "type": "audio.start", "utterance_index": index, "sentence_index": dialog.sentences,
                    "sentence_text": text, "format": dialog.format, "sample_rate": dialog.sample_rate,
                    "seed": dialog.seed,
                });
                dialog.sentences += 1;
                dialog.bytes = 0;
                if let Some(ended) = ended {
                    self.say(&ended).await?;
                }
                self.say(&start).await
            }
            Some(Ok(DialogPart::Audio(bytes))) => {
                dialog.bytes += bytes.len();
                match dialog.is_base64 {
                    true => {
                        let delta = json!({
                            "type": "audio.delta", "utterance_index": index, "audio": STANDARD.encode(&bytes),
                        });
                        self.say(&delta).await
                    }
                    false => self.send(Message::Binary(bytes)).await,
                }
            }
            Some(Ok(DialogPart::Done(used))) => {
                dialog.ticket.record().end(None);
                let (ended, sentences) = (dialog.sentence_done(index), dialog.sentences);
                self.dialog = None;
                if let Some(ended) = ended {
                    self.say(&ended).await?;
                }
                self.conclude(sentences, json!({"usage": usage(used)})).await?;
                self.go_on().await
            }
            Some(Err(refusal)) => {
                dialog.ticket.record().end(Some(&refusal));
                let sentences = dialog.sentences;
                // What is still to come of its text is for nothing.
                self.is_lost = dialog.text.is_some();
                self.dialog = None;
                self.complain(&refusal).await?;
                if !self.is_lost {
                    self.conclude(sentences, json!({"error": true})).await?;
                }
                self.go_on().await
            }
            None => {
                self.dialog = None;
                Ok(())
            }
        }
    }

    /// Tells that an utterance has ended.
    async fn conclude(&mut self, sentences: usize, more: Value) -> Result<(), End> {
        let mut done = json!({
            "type": "session.done", "utterance_index": self.utterance, "total_sentences": sentences,
        });
        if let (Some(done), Value::Object(more)) = (done.as_object_mut(), more) {
            done.extend(more);
        }
        self.utterance += 1;
        self.say(&done).await
    }

    async fn complain(&mut self, refusal: &Refusal) -> Result<(), End> {
        let mut told = error(refusal);
        told["type"] = "error".into();
        told["message"] = refusal.message.as_str().into();
        self.say(&told).await
    }

    async fn say(&mut self, event: &Value) -> Result<(), End> {
        self.send(Message::text(event.to_string())).await
    }

    async fn send(&mut self, message: Message) -> Result<(), End> {
        self.socket.send(message).await.map_err(|_| End::Gone)
    }
}

async fn next(dialog: &mut Option<Dialog>) -> Option<Result<DialogPart, Refusal>> {
    match dialog {
        Some(dialog) => dialog.audio.next().await,
        None => None,
    }
}

impl Dialog {
    /// Returns the event of the end of the last sentence.
    fn sentence_done(&self, utterance: usize) -> Option<Value> {
        let sentence = self.sentences.checked_sub(1)?;
        Some(json!({
            "type": "audio.done", "utterance_index": utterance, "sentence_index": sentence,
            "total_bytes": self.bytes, "error": false,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_can_give_its_key() {
        let key_of = |protocol: &'static str, uri: &'static str| {
            let mut headers = HeaderMap::new();
            if !protocol.is_empty() {
                headers.insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(protocol));
            }
            key(&headers, &Uri::from_static(uri)).map(Cow::into_owned)
        };
        assert_eq!(key_of("realtime, openai-insecure-api-key.sk-1", "/").as_deref(), Some("sk-1"));
        assert_eq!(key_of("", "/?x=1&api_key=sk%2F1%3D").as_deref(), Some("sk/1="));
        assert_eq!(key_of("realtime", "/?key=sk-1"), None);
        assert_eq!(key_of("", "/"), None);
    }
}
