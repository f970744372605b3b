//! Speaking for a client: from its request to chunks of encoded audio.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::Bytes;
use tokio::sync::mpsc::{self, OwnedPermit, Receiver, Sender};
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout, timeout_at};

use super::admission::{Entry, Permit};
use super::dialog::{DialogAudio, DialogPart};
use super::record::milliseconds;
use super::trace::Stage;
use super::{Client, Encoder, Refusal, RefusalKind, Service, SpeechJob, Ticket};
use crate::audio::Encoding;
use crate::error::Result;
use crate::runtime::{Event, Speech, Stages, Summary};
use crate::speech::Line;

/// The most bytes of a chunk, and the most chunks that wait to be read: 1 MiB, 20 seconds of samples. A slot is free
/// when its speech is made, though the client may not have read all of it.
const CHUNK: usize = 16 << 10;
const CHUNKS: usize = 64;
/// The number of samples that are encoded at once.
const SAMPLES: usize = 8 << 10;

/// A part of an answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Chunk {
    /// More bytes of the audio.
    Audio(Bytes),
    /// The audio is complete.
    Done(Usage),
}

/// Says how much a speech took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Number of tokens of the text as it is spoken.
    pub input_tokens: usize,
    /// Number of tokens that were drawn.
    pub output_tokens: usize,
}

impl std::ops::Add for Usage {
    type Output = Usage;

    fn add(self, other: Usage) -> Usage {
        Usage {
            input_tokens: self.input_tokens + other.input_tokens,
            output_tokens: self.output_tokens + other.output_tokens,
        }
    }
}

/// A speech on its way to a client, of which the first audio is there. Dropping it ends the speech and frees its slot.
#[derive(Debug)]
pub struct Utterance {
    /// The generation seed.
    pub seed: u64,
    /// Samples per second.
    pub sample_rate: u32,
    /// The text as it is spoken.
    pub(super) spoken: String,
    first: Option<Chunk>,
    rest: Rest,
    /// The encoder, when the speech is complete and the audio goes on.
    encoder: oneshot::Receiver<Encoder>,
    is_over: bool,
}

/// Where the chunks after the first come from.
#[derive(Debug)]
enum Rest {
    Speech(Receiver<Result<Chunk, Refusal>>),
    Dialog(DialogAudio),
}

/// A speech to make, and what its audio goes through.
pub(super) struct Part {
    /// The text and its settings.
    pub job: SpeechJob,
    /// The encoding.
    pub encoding: Encoding,
    /// The encoder, which may have encoded other audio before.
    pub encoder: Encoder,
    /// Whether the audio goes on after this speech, so that the encoder is not ended but returned.
    pub goes_on: bool,
}

impl Utterance {
    /// Returns the next chunk. After [`Chunk::Done`] and after a refusal there is none.
    pub fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Chunk, Refusal>>> {
        if self.is_over {
            return Poll::Ready(None);
        }
        let chunk = match self.first.take() {
            Some(first) => Ok(first),
            None => match ready!(self.rest.poll_next(context)) {
                Some(chunk) => chunk,
                None => Err(lost()),
            },
        };
        self.is_over = !matches!(chunk, Ok(Chunk::Audio(_)));
        Poll::Ready(Some(chunk))
    }

    /// Makes one of a dialog, of which the first audio is there.
    pub(super) fn of_dialog(seed: u64, sample_rate: u32, first: Chunk, audio: DialogAudio) -> Self {
        // What is spoken, and the encoder, are the dialog's.
        let (spoken, (_, encoder)) = (String::new(), oneshot::channel());
        let (first, rest) = (Some(first), Rest::Dialog(audio));
        Utterance { seed, sample_rate, spoken, first, rest, encoder, is_over: false }
    }

    /// Returns the encoder of a speech after which the audio goes on, when it is complete.
    ///
    /// # Errors
    /// A fault of the service.
    pub(super) fn into_encoder(mut self) -> Result<Encoder, Refusal> {
        self.encoder.try_recv().map_err(|_| lost())
    }
}

impl Rest {
    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Chunk, Refusal>>> {
        let audio = match self {
            Rest::Speech(chunks) => return chunks.poll_recv(context),
            Rest::Dialog(audio) => audio,
        };
        loop {
            return Poll::Ready(match ready!(audio.poll_next(context)) {
                Some(Ok(DialogPart::Started { .. } | DialogPart::Sentence(_))) => continue,
                Some(Ok(DialogPart::Audio(bytes))) => Some(Ok(Chunk::Audio(bytes))),
                Some(Ok(DialogPart::Done(usage))) => Some(Ok(Chunk::Done(usage))),
                Some(Err(refusal)) => Some(Err(refusal)),
                None => None,
            });
        }
    }
}

pub(super) fn lost() -> Refusal {
    Refusal::new(RefusalKind::Internal, "the speech ended before its end")
}

impl Service {
    /// Speaks for a client: waits for its turn, and for the first audio. Dropping the future gives up the place.
    ///
    /// # Errors
    /// A refusal of the request, or the error that prevented its speech.
    pub async fn speak(
        self: &Arc<Self>,
        client: Client,
        job: SpeechJob,
        ticket: &Ticket,
    ) -> Result<Utterance, Refusal> {
        self.loaded()?;
        if job.conversation.is_some() {
            return self.speak_turns(client, job, ticket).await;
        }
        note(&job, ticket, self.options.logs_text);
        let entry = self.enter(client, job.request.priority)?;
        let encoding = job.format.encoding(job.request.overrides.sample_rate)?;
        let encoder = Encoder::new(&encoding)?;
        self.utter(entry, Part { job, encoding, encoder, goes_on: false }, ticket).await
    }

    /// Makes a speech as [`Service::speak`] does, of a request that has its place.
    pub(super) async fn utter(
        self: &Arc<Self>,
        entry: Entry,
        part: Part,
        ticket: &Ticket,
    ) -> Result<Utterance, Refusal> {
        let Part { job, encoding, encoder, goes_on } = part;
        let engine = self.model()?.engine.clone();
        let deadline = ticket.deadline();
        let service = Arc::clone(self);
        let composed = tokio::task::spawn_blocking(move || service.compose(&job, &encoding));
        let composed = async {
            let failed = |_| Refusal::new(RefusalKind::Internal, "composing the text failed");
            let composed = composed.await.map_err(failed)??;
            Ok::<_, Refusal>((composed, ticket.elapsed()))
        };
        // The place is there while the text is composed, and who loses it hears so at once.
        let entered = ticket.elapsed();
        let permit = async {
            let permit = timeout_at(deadline, entry.permit()).await;
            permit.map_err(|_| late()).and_then(|permit| permit.map_err(|_| self.full())).inspect_err(|_| {
                ticket.note(Stage { name: "queue", begin: entered, end: ticket.elapsed(), busy: None });
            })
        };
        let (((line, input_tokens), asked), permit) = tokio::try_join!(composed, permit)?;
        let (seed, spoken) = (line.request.seed, line.text());
        ticket.record().seed = Some(seed);
        // It may have waited for long.
        if self.failure().is_some() {
            self.loaded()?;
        }
        let submitted = ticket.elapsed();
        let speech = engine.speak_line(line)?;
        // A place more than the chunks have, which is kept for a refusal.
        let (out, mut rest) = mpsc::channel(CHUNKS + 1);
        let last = out.clone().try_reserve_owned().map_err(|_| lost())?;
        let (give_back, kept) = oneshot::channel();
        let pump = Pump {
            service: Arc::clone(self),
            speech,
            encoder: Some(encoder),
            give_back: goes_on.then_some(give_back),
            permit: Some(permit),
            out,
            ticket: ticket.clone(),
            asked,
            submitted,
            encoded: None,
            encoding: Duration::ZERO,
            rate: encoding.sample_rate(),
            samples: 0,
            input_tokens,
        };
        self.spawn(pump.run(deadline, last));
        let first = rest.recv().await.unwrap_or_else(|| Err(lost()))?;
        let (sample_rate, first, rest) = (encoding.sample_rate(), Some(first), Rest::Speech(rest));
        Ok(Utterance { seed, sample_rate, spoken, first, rest, encoder: kept, is_over: false })
    }

    fn compose(&self, job: &SpeechJob, encoding: &Encoding) -> Result<(Line, usize), Refusal> {
        let loaded = self.model()?;
        let composer = loaded.engine.composer();
        if let Some(voice) = &job.voice {
            composer.files.check_role(voice, &composer.voices.registry())?;
        }
        let mut line = composer.compose(&job.request)?;
        line.post_process.sample_rate = encoding.sample_rate();
        let tokens = loaded.tokenizer.encode(&line.spoken).map_or(0, |tokens| tokens.len());
        Ok((line, tokens))
    }
}

/// Notes what is to be spoken.
pub(super) fn note(job: &SpeechJob, ticket: &Ticket, logs_text: bool) {
    let mut record = ticket.record();
    record.characters += job.characters;
    if logs_text {
        let text = record.text.get_or_insert_default();
        if !text.is_empty() {
            text.push(' ');
        }
        text.push_str(&job.request.text);
    }
}

pub(super) fn late() -> Refusal {
    Refusal::new(RefusalKind::Late, "the speech took longer than is allowed here; send a shorter text")
}

/// Reads a speech, encodes it and sends it on.
struct Pump {
    service: Arc<Service>,
    speech: Speech,
    encoder: Option<Encoder>,
    /// Takes the encoder in the end, if the audio goes on.
    give_back: Option<oneshot::Sender<Encoder>>,
    /// The slot, which is given back when all tokens are drawn.
    permit: Option<Permit>,
    out: Sender<Result<Chunk, Refusal>>,
    ticket: Ticket,
    /// The time at which a slot was asked for.
    asked: Duration,
    /// The time at which the engine got the text.
    submitted: Duration,
    /// Begin and end of encoding, and the time that it took.
    encoded: Option<(Duration, Duration)>,
    encoding: Duration,
    rate: u32,
    samples: u64,
    input_tokens: usize,
}

impl Pump {
    async fn run(mut self, deadline: Instant, last: OwnedPermit<Result<Chunk, Refusal>>) {
        let out = self.out.clone();
        let ended = tokio::select! {
            ended = timeout_at(deadline, self.pump()) => ended.unwrap_or_else(|_| Err(late())),
            () = out.closed() => Err(gone()),
        };
        if let Some((begin, end)) = self.encoded {
            self.ticket.note(Stage { name: "encode", begin, end, busy: Some(self.encoding.as_secs_f64()) });
        }
        self.ticket.record().audio_seconds += self.samples as f64 / f64::from(self.rate);
        if let Err(refusal) = ended {
            self.ticket.fail(refusal.kind);
            last.send(Err(refusal));
        }
    }

    async fn pump(&mut self) -> Result<(), Refusal> {
        loop {
            let Some(event) = poll_fn(|context| self.speech.poll_event(context)).await else {
                return Err(lost());
            };
            match event? {
                Event::Started { queued } => self.note_start(queued),
                Event::Samples(samples) => {
                    for part in samples.chunks(SAMPLES) {
                        let begin = self.ticket.elapsed();
                        let bytes = self.encoder.as_mut().map(|encoder| encoder.push(part)).transpose()?;
                        self.note_encoding(begin);
                        self.samples += part.len() as u64;
                        self.send(bytes.unwrap_or_default()).await?;
                    }
                }
                // The slot is the next one's while the last sound is made.
                Event::Drawn => self.permit = None,
                Event::Done(summary) => return self.finish(summary).await,
                _ => {}
            }
        }
    }

    async fn finish(&mut self, summary: Summary) -> Result<(), Refusal> {
        self.permit = None;
        let seconds = summary.seconds();
        if seconds > 0.0 {
            self.service.metrics.spoken((summary.total - summary.queued).max(0.0) / seconds);
        }
        self.note_stages(&summary.stages);
        match (self.encoder.take(), self.give_back.take()) {
            // Who has gone does not want it.
            (Some(encoder), Some(give_back)) => drop(give_back.send(encoder)),
            (encoder, _) => {
                let begin = self.ticket.elapsed();
                let rest = encoder.map(Encoder::finish).transpose()?;
                self.note_encoding(begin);
                self.send(rest.unwrap_or_default()).await?;
            }
        }
        let usage = Usage { input_tokens: self.input_tokens, output_tokens: summary.tokens };
        self.give(Chunk::Done(usage)).await
    }

    fn note_start(&self, queued: f64) {
        let end = self.submitted + Duration::from_secs_f64(queued.max(0.0));
        let waited = end.saturating_sub(self.asked);
        self.service.metrics.waited(waited);
        self.ticket.record().queue_ms.get_or_insert(milliseconds(waited));
        self.ticket.note(Stage { name: "queue", begin: self.asked, end, busy: None });
    }

    fn note_encoding(&mut self, begin: Duration) {
        let end = self.ticket.elapsed();
        self.encoded = Some((self.encoded.map_or(begin, |(first, _)| first), end));
        self.encoding += end.saturating_sub(begin);
    }

    fn note_stages(&self, stages: &Stages) {
        let Stages { prefill, decode, render, rendering } = *stages;
        for (name, stage, busy) in
            [("prefill", prefill, None), ("decode", decode, None), ("render", render, Some(rendering))]
        {
            if let Some((begin, end)) = stage {
                let at = |seconds: f64| self.submitted + Duration::from_secs_f64(seconds.max(0.0));
                self.ticket.note(Stage { name, begin: at(begin), end: at(end), busy });
            }
        }
    }

    async fn send(&mut self, bytes: Vec<u8>) -> Result<(), Refusal> {
        if bytes.is_empty() {
            return Ok(());
        }
        {
            let mut record = self.ticket.record();
            if record.first_ms.is_none() {
                let time = self.ticket.elapsed();
                record.first_ms = Some(milliseconds(time));
                self.service.metrics.first_audio(time);
            }
        }
        let mut bytes = Bytes::from(bytes);
        while !bytes.is_empty() {
            let chunk = bytes.split_to(bytes.len().min(CHUNK));
            self.give(Chunk::Audio(chunk)).await?;
        }
        Ok(())
    }

    /// Sends a chunk on. A client that takes nothing for a time counts as gone.
    async fn give(&self, chunk: Chunk) -> Result<(), Refusal> {
        let sent = timeout(self.service.options.stall_time, self.out.send(Ok(chunk))).await;
        sent.map_err(|_| gone())?.map_err(|_| gone())
    }
}

pub(super) fn gone() -> Refusal {
    Refusal::new(RefusalKind::Gone, "the client has gone")
}
