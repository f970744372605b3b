//! Speech of a text that comes in pieces, as a language model writes it: each sentence is spoken when it is complete.
//!
//! ```text
//! let job = SpeechJob::of_settings(fields, &base)?;
//! let (mut text, mut audio) = service.converse(client, job, Cuts::Sentences, &ticket)?;
//! // where messages arrive                         where answers are sent, at the same time
//! text.push("Hello the")?;                         while let Some(part) = audio.next().await {
//! text.push("re. How are")?;                           match part? {
//! text.flush();    // speak what there is                  DialogPart::Started { seed, sample_rate } => …
//! drop(text);      // the end of the text                  DialogPart::Sentence(text) => …  before its audio
//!                                                          DialogPart::Audio(bytes) => …
//!                                                          DialogPart::Done(usage) => …     the last
//! ```
//!
//! All sentences are spoken with one seed and one voice, one after the other, each in a slot of its own: while nothing
//! is complete no slot is held. The first waits for its turn as every request does; by then the dialog has its place,
//! and those that follow are refused no more and go before all that wait. One encoder makes one stream of audio of them, with the pauses that a reader leaves.
//! SSML and Markdown are not cut: what comes between two flushes is a text of its own.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::Bytes;
use tokio::sync::mpsc::{self, Receiver, Sender, UnboundedReceiver, UnboundedSender};
use tokio::time::{timeout, timeout_at};

use super::sentences::{Cuts, Sentence, Sentences};
use super::speak::{Part, gone, late, note};
use super::{Chunk, Client, Encoder, Refusal, RefusalKind, Service, SpeechJob, Ticket, Usage};
use crate::audio::Encoding;
use crate::speech::{Markup, Reading, random_seed, read};
use crate::text::{pause_after, spoken_seconds};

/// The most parts that wait to be read.
const PARTS: usize = 64;
/// The most times that the settings change: they wait as the text does.
const CHANGES: usize = 100;

/// A part of the answer to a dialog.
#[derive(Clone, Debug, PartialEq)]
pub enum DialogPart {
    /// Comes first: the generation seed, and the samples per second.
    Started {
        /// The generation seed.
        seed: u64,
        /// Samples per second.
        sample_rate: u32,
    },
    /// A sentence as it was written, before its audio. A format that holds audio back gives it later.
    Sentence(String),
    /// More bytes of the audio.
    Audio(Bytes),
    /// The audio is complete.
    Done(Usage),
}

/// A piece of the text, the wish that all there is be spoken, or the settings of what follows.
enum Piece {
    Text(String),
    Flush,
    Settings(Box<SpeechJob>),
    Scene(Scene),
}

/// A text with settings of its own, which is spoken at once.
pub(super) struct Scene {
    /// The settings.
    pub job: Arc<SpeechJob>,
    /// The text.
    pub text: String,
    /// Seconds of silence before the next one; by its mark and its length if absent.
    pub silence: Option<f64>,
}

/// Takes the text of a dialog. Dropping it is the end of the text: what has come is spoken.
pub struct DialogText {
    pieces: UnboundedSender<Piece>,
    /// Number of characters that may still come, and that might come at all.
    left: usize,
    most: usize,
    is_flushed: bool,
    /// What the audio is encoded as, and number of times that the settings may still change.
    encoding: Encoding,
    changes: usize,
}

impl DialogText {
    /// Takes more of the text. It never waits: what has not been spoken yet is at most as long as a text may be.
    ///
    /// # Errors
    /// A refusal of a text that is longer, all its pieces together, than a text may be; [`RefusalKind::Gone`] if the
    /// dialog has ended, of which its audio tells the reason.
    pub fn push(&mut self, text: &str) -> Result<(), Refusal> {
        if text.is_empty() {
            return Ok(());
        }
        let length = text.chars().count();
        let most = self.most;
        self.left = self.left.checked_sub(length).ok_or_else(|| {
            let message = format!(
                "`text`: all pieces together have more than {most} characters, the most that are taken"
            );
            Refusal::of_field(RefusalKind::Parameter, "text", message)
        })?;
        self.is_flushed = false;
        self.pieces.send(Piece::Text(text.into())).map_err(|_| gone())
    }

    /// Has all spoken that has come so far, whether it is a whole sentence or not.
    pub fn flush(&mut self) {
        if !self.is_flushed {
            self.is_flushed = true;
            // If the dialog has ended, its audio tells.
            let _ = self.pieces.send(Piece::Flush);
        }
    }
}

impl DialogText {
    /// Has all that follows spoken with other settings. The audio stays one stream, of one encoding.
    ///
    /// # Errors
    /// A refusal of another encoding, and of very many changes.
    pub fn change(&mut self, job: SpeechJob) -> Result<(), Refusal> {
        if job.format.encoding(job.request.overrides.sample_rate)? != self.encoding {
            let message = "`encoding`, `sample_rate`: all the audio has those of the first text";
            return Err(Refusal::of_written(message.into()));
        }
        self.changes = self.changes.checked_sub(1).ok_or_else(|| {
            let message = format!("the settings have changed {CHANGES} times already; begin again");
            Refusal::new(RefusalKind::Parameter, message)
        })?;
        self.flush();
        // If the dialog has ended, its audio tells.
        let _ = self.pieces.send(Piece::Settings(Box::new(job)));
        Ok(())
    }
}

/// Gives the answer to a dialog. Dropping it ends the dialog and frees its slot.
#[derive(Debug)]
pub struct DialogAudio {
    parts: Receiver<Result<DialogPart, Refusal>>,
    is_over: bool,
}

impl DialogAudio {
    /// Returns the next part. After [`DialogPart::Done`] and after a refusal there is none.
    pub fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<DialogPart, Refusal>>> {
        if self.is_over {
            return Poll::Ready(None);
        }
        self.parts.poll_recv(context).map(|part| {
            let part = part.unwrap_or_else(|| {
                Err(Refusal::new(RefusalKind::Internal, "the dialog ended before its end"))
            });
            self.is_over = matches!(part, Ok(DialogPart::Done(_)) | Err(_));
            Some(part)
        })
    }

    /// Returns the next part, as [`DialogAudio::poll_next`] does.
    pub async fn next(&mut self) -> Option<Result<DialogPart, Refusal>> {
        poll_fn(|context| self.poll_next(context)).await
    }
}

impl Service {
    /// Begins to speak a text that comes in pieces, with the settings of a job [without a
    /// text](SpeechJob::of_settings).
    ///
    /// # Errors
    /// A refusal of the request.
    pub fn converse(
        self: &Arc<Self>,
        client: Client,
        job: SpeechJob,
        cuts: Cuts,
        ticket: &Ticket,
    ) -> Result<(DialogText, DialogAudio), Refusal> {
        let encoding = job.format.encoding(job.request.overrides.sample_rate)?;
        let (pieces, audio) = self.talk(client, job, cuts, ticket)?;
        let most = self.options.max_input;
        Ok((DialogText { pieces, left: most, most, is_flushed: true, encoding, changes: CHANGES }, audio))
    }

    /// Begins to speak texts with settings of their own one after the other, as one stream of audio, whose encoding is
    /// that of a job without a text.
    pub(super) fn act(
        self: &Arc<Self>,
        client: Client,
        job: SpeechJob,
        scenes: Vec<Scene>,
        ticket: &Ticket,
    ) -> Result<DialogAudio, Refusal> {
        let (pieces, audio) = self.talk(client, job, Cuts::Flushes, ticket)?;
        for scene in scenes {
            // If it has ended, its audio tells.
            let _ = pieces.send(Piece::Scene(scene));
        }
        Ok(audio)
    }

    fn talk(
        self: &Arc<Self>,
        client: Client,
        mut job: SpeechJob,
        cuts: Cuts,
        ticket: &Ticket,
    ) -> Result<(UnboundedSender<Piece>, DialogAudio), Refusal> {
        self.loaded()?;
        self.check_place(client)?;
        job.request.overrides.sampling.seed.get_or_insert_with(random_seed);
        let cuts = if job.request.overrides.markup.kind() == Markup::None { cuts } else { Cuts::Flushes };
        let encoding = job.format.encoding(job.request.overrides.sample_rate)?;
        let (pieces, coming) = mpsc::unbounded_channel();
        let (out, parts) = mpsc::channel(PARTS);
        let talk = Talk {
            service: Arc::clone(self),
            client,
            job,
            ticket: ticket.clone(),
            sentences: Sentences::new(cuts),
            encoding,
            encoder: Some(Encoder::new(&encoding)?),
            silence: 0.0,
            has_place: false,
            usage: None,
            out,
        };
        tokio::spawn(talk.run(coming));
        Ok((pieces, DialogAudio { parts, is_over: false }))
    }
}

/// Speaks one sentence after the other.
struct Talk {
    service: Arc<Service>,
    client: Client,
    /// The settings.
    job: SpeechJob,
    ticket: Ticket,
    sentences: Sentences,
    encoding: Encoding,
    /// The encoder, while no sentence is spoken.
    encoder: Option<Encoder>,
    /// Seconds of silence before the next sentence.
    silence: f64,
    /// Whether a sentence was admitted.
    has_place: bool,
    /// How much it took so far; None while nothing has been spoken.
    usage: Option<Usage>,
    out: Sender<Result<DialogPart, Refusal>>,
}

impl Talk {
    async fn run(mut self, coming: UnboundedReceiver<Piece>) {
        let (out, deadline) = (self.out.clone(), self.ticket.deadline());
        let ended = tokio::select! {
            ended = timeout_at(deadline, self.talk(coming)) => ended.unwrap_or_else(|_| Err(late())),
            () = out.closed() => Err(gone()),
        };
        if let Err(refusal) = ended {
            self.ticket.fail(refusal.kind);
            // A client that is too slow to be told finds the end of the connection.
            let _ = timeout(self.service.options.stall_time, out.send(Err(refusal))).await;
        }
    }

    async fn talk(&mut self, mut coming: UnboundedReceiver<Piece>) -> Result<(), Refusal> {
        let seed = self.job.request.overrides.sampling.seed.unwrap_or_default();
        self.give(DialogPart::Started { seed, sample_rate: self.encoding.sample_rate() }).await?;
        while let Some(piece) = coming.recv().await {
            match piece {
                Piece::Text(text) => {
                    self.sentences.push(&text);
                    while let Some(sentence) = self.sentences.next() {
                        self.say(sentence).await?;
                    }
                }
                Piece::Flush => self.say_rest().await?,
                Piece::Settings(mut job) => {
                    job.request.overrides.sampling.seed.get_or_insert(seed);
                    self.job = *job;
                }
                Piece::Scene(Scene { job, text, silence }) => self.utter(&job, text, silence).await?,
            }
        }
        self.say_rest().await?;
        let Some(usage) = self.usage else {
            return Err(Refusal::of_field(RefusalKind::Text, "text", "nothing in the text is spoken"));
        };
        let rest = self.encoder.take().map(Encoder::finish).transpose()?;
        self.give_audio(rest.unwrap_or_default().into()).await?;
        self.give(DialogPart::Done(usage)).await
    }

    async fn say_rest(&mut self) -> Result<(), Refusal> {
        while let Some(sentence) = self.sentences.rest() {
            self.say(sentence).await?;
        }
        Ok(())
    }

    /// Speaks a sentence, unless there is nothing in it to speak.
    async fn say(&mut self, sentence: Sentence) -> Result<(), Refusal> {
        let job = self.job.clone();
        self.utter(&job, sentence.text, Some(sentence.silence)).await
    }

    async fn utter(&mut self, job: &SpeechJob, text: String, silence: Option<f64>) -> Result<(), Refusal> {
        if read(&text, Reading::of(&job.request.overrides), None)?
            .iter()
            .all(|span| span.text.text.trim().is_empty())
        {
            return Ok(());
        }
        let mut job = job.clone();
        job.characters = text.chars().count();
        job.request.text.clone_from(&text);
        note(&job, &self.ticket, self.service.options.logs_text);
        let mut encoder = self.encoder.take().ok_or_else(gone)?;
        let pause = (self.silence * f64::from(self.encoding.sample_rate())).round() as usize;
        // Nothing is sent before the first of them has its place.
        if pause > 0 {
            let pause = encoder.push(&vec![0.0; pause])?;
            self.give_audio(pause.into()).await?;
        }
        let entry = match self.has_place {
            true => self.service.admission.go_on(),
            false => self.service.enter(self.client, job.request.priority)?,
        };
        let part = Part { job, encoding: self.encoding, encoder, goes_on: true };
        let mut utterance = self.service.utter(entry, part, &self.ticket).await?;
        self.has_place = true;
        self.give(DialogPart::Sentence(text)).await?;
        while let Some(chunk) = poll_fn(|context| utterance.poll_next(context)).await {
            match chunk? {
                Chunk::Audio(bytes) => self.give_audio(bytes).await?,
                Chunk::Done(usage) => self.usage = Some(self.usage.unwrap_or_default() + usage),
            }
        }
        self.silence = silence.unwrap_or_else(|| {
            let spoken = &utterance.spoken;
            pause_after(spoken, spoken_seconds(spoken))
        });
        self.encoder = Some(utterance.into_encoder()?);
        Ok(())
    }

    async fn give_audio(&self, bytes: Bytes) -> Result<(), Refusal> {
        match bytes.is_empty() {
            true => Ok(()),
            false => self.give(DialogPart::Audio(bytes)).await,
        }
    }

    /// Sends a part on. A client that takes nothing for a time counts as gone.
    async fn give(&self, part: DialogPart) -> Result<(), Refusal> {
        let sent = timeout(self.service.options.stall_time, self.out.send(Ok(part))).await;
        sent.map_err(|_| gone())?.map_err(|_| gone())
    }
}
