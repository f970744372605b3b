//! Many speeches in one request, each a line: spoken when nobody else waits, and given out as they end.

use std::collections::HashMap;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use serde_json::{Map, Value};
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::timeout;

use super::memory::{Held, Memory};
use super::speak::{gone, late};
use super::{
    Chunk, Client, Delivery, Refusal, RefusalKind, RequestRecord, ResponseFormat, Service, SpeechJob, Ticket,
    Usage, speech_fields,
};
use crate::batch::{NameFields, NameTemplate, Names};
use crate::message::unknown;
use crate::speech::{Overrides, Priority};

/// The most lines of a batch.
pub const BATCH_LINES: usize = 1_000;
/// The most batches that run at once.
const BATCHES: usize = 8;
/// The most lines of a batch that are spoken at once, whatever the devices hold.
const WIDTH: usize = 64;
/// The fields by which a line is known to its client: OpenAI's, and a short one.
const ID_FIELDS: [&str; 2] = ["custom_id", "id"];
/// The most characters of such an id.
const MAX_ID: usize = 200;
/// The most bytes of answers that have not been read yet, of all batches and of one line.
const BYTES: usize = 256 << 20;
const BYTES_OF_LINE: usize = 64 << 20;
/// The time after which a line for which there was no place asks again.
const RETRY: Duration = Duration::from_millis(250);

/// Holds what all batches share.
pub(super) struct BatchLimits {
    batches: Arc<Semaphore>,
    memory: Memory,
}

impl Default for BatchLimits {
    /// Makes limits of which nothing is used yet.
    fn default() -> Self {
        BatchLimits { batches: Arc::new(Semaphore::new(BATCHES)), memory: Memory::new(BYTES) }
    }
}

/// A line of a batch.
#[derive(Clone, Debug)]
pub struct BatchLine {
    /// Number of the line in the batch, from 1.
    pub number: usize,
    /// The id that its client gave it.
    pub id: Option<String>,
    /// A name of a file for what is made of it, of which no other line has one like it.
    pub name: String,
    job: Result<SpeechJob, Refusal>,
}

/// A batch: its lines in order.
#[derive(Clone, Debug)]
pub struct BatchJob(Vec<BatchLine>);

impl BatchJob {
    /// Reads a batch: JSON Lines, each of which is a speech request. A line that is wrong is refused when its turn comes.
    ///
    /// # Errors
    /// A refusal of a batch without lines or with too many of them.
    pub fn parse(body: &[u8], max_input: usize, base: &Overrides) -> Result<Self, Refusal> {
        let lines = body.split(|byte| *byte == b'\n').enumerate();
        let lines: Vec<_> = lines.filter(|(_, line)| !line.trim_ascii().is_empty()).collect();
        if lines.is_empty() {
            let message = "the batch has no lines; each is a JSON object as `/v1/audio/speech` takes it";
            return Err(Refusal::new(RefusalKind::Parameter, message));
        }
        if lines.len() > BATCH_LINES {
            let message = format!("the batch has {} lines; {BATCH_LINES} at most are taken", lines.len());
            return Err(Refusal::new(RefusalKind::TooLarge, message));
        }
        let template = "{id}".parse::<NameTemplate>().map_err(Refusal::from)?;
        let mut names = Names::new(template);
        let mut numbers = HashMap::new();
        let mut read = |(at, line): (usize, &[u8])| {
            let number = at + 1;
            let (id, mut job) = read_line(line, max_input, base);
            if let Some(id) = &id
                && let Some(first) = numbers.insert(id.clone(), number)
            {
                job = Err(Refusal::of_written(format!("`custom_id` is that of line {first} too")));
            }
            let fields =
                NameFields { index: number, id: id.as_deref(), seed: 0, role: None, key: "", text: "" };
            let name = names.name(&fields, "").to_string_lossy().into_owned();
            BatchLine { number, id, name, job }
        };
        Ok(BatchJob(lines.into_iter().map(&mut read).collect()))
    }
}

fn read_line(
    line: &[u8],
    max_input: usize,
    base: &Overrides,
) -> (Option<String>, Result<SpeechJob, Refusal>) {
    let known = [&ID_FIELDS[..], &speech_fields()].concat();
    // Its id is told beside whatever else is wrong with it.
    let mut fields: Map<String, Value> = match serde_json::from_slice(line) {
        Ok(fields) => fields,
        Err(e) => {
            let message = format!("the line is not the JSON object it should be: {e}");
            return (None, Err(Refusal::new(RefusalKind::Parameter, message)));
        }
    };
    let id = match id_of(&mut fields) {
        Ok(id) => id,
        Err(refusal) => return (None, Err(refusal)),
    };
    if let Some(key) = fields.keys().find(|key| !known.contains(&key.as_str())) {
        let refusal = Refusal::of_field(RefusalKind::Parameter, key, unknown(key, &known));
        return (id, Err(refusal));
    }
    let job = SpeechJob::of(fields, max_input, base).and_then(|mut job| {
        if job.delivery == Delivery::Events {
            let message = "`stream_format`: a line of a batch is given whole; \"audio\" is what it can be";
            return Err(Refusal::of_written(message.into()));
        }
        if job.conversation.is_some() {
            let message =
                "`dialogue`: a line of a batch is one text; `/v1/audio/speech` speaks conversations";
            return Err(Refusal::of_written(message.into()));
        }
        job.request.priority = Priority::Bulk;
        Ok(job)
    });
    (id, job)
}

fn id_of(fields: &mut Map<String, Value>) -> Result<Option<String>, Refusal> {
    let mut found = None;
    for name in ID_FIELDS {
        let id = match fields.remove(name) {
            None | Some(Value::Null) => continue,
            Some(Value::String(id)) => id,
            Some(Value::Number(id)) => id.to_string(),
            Some(_) => return Err(Refusal::of_written(format!("`{name}`: expected a string"))),
        };
        if id.is_empty() || id.chars().count() > MAX_ID {
            return Err(Refusal::of_written(format!("`{name}`: expected 1 to {MAX_ID} characters")));
        }
        if found.replace(id).is_some() {
            return Err(Refusal::of_written("`id` and `custom_id` say the same thing; give one".into()));
        }
    }
    Ok(found)
}

/// The whole speech of a line.
#[derive(Debug)]
pub struct BatchSpeech {
    /// The file.
    pub bytes: Vec<u8>,
    /// The format of the file.
    pub format: ResponseFormat,
    /// The generation seed.
    pub seed: u64,
    /// Samples per second.
    pub sample_rate: u32,
    /// How much it took.
    pub usage: Usage,
    /// The memory that it takes, which is free for others when it is dropped.
    pub held: Held,
}

/// What became of a line.
#[derive(Debug)]
pub struct BatchResult {
    /// The number of the line, from 1.
    pub number: usize,
    /// The id that its client gave it.
    pub id: Option<String>,
    /// The name for its file, without an ending.
    pub name: String,
    /// The speech, or the refusal of this line alone.
    pub speech: Result<BatchSpeech, Refusal>,
}

/// The results of a batch on their way to a client. Dropping it ends all its speeches and frees their slots.
#[derive(Debug)]
pub struct Batch {
    results: Receiver<BatchResult>,
    /// Number of lines of which the result has not come yet.
    left: usize,
}

impl Batch {
    /// Returns the next result; the order is that in which they end.
    ///
    /// # Errors
    /// [`RefusalKind::Gone`] if the batch was ended because nobody took its results.
    pub fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<BatchResult, Refusal>>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        self.results.poll_recv(context).map(|result| {
            self.left = if result.is_some() { self.left - 1 } else { 0 };
            Some(result.ok_or_else(gone))
        })
    }
}

/// The right to run a batch.
pub struct BatchPermit {
    _permit: OwnedSemaphorePermit,
}

impl Service {
    /// Takes the right to run a batch.
    ///
    /// # Errors
    /// [`RefusalKind::Busy`] if as many run as may.
    pub fn batch_permit(&self) -> Result<BatchPermit, Refusal> {
        let permit = Arc::clone(&self.batch_limits.batches).try_acquire_owned();
        permit.map(|_permit| BatchPermit { _permit }).map_err(|_| {
            let message = format!("{BATCHES} batches run already, as many as may; try again later");
            Refusal::new(RefusalKind::Busy, message).after(Duration::from_secs(10))
        })
    }

    /// Speaks the lines of a batch in bulk: as many at once as the devices hold, after all that somebody listens to.
    ///
    /// # Errors
    /// [`RefusalKind::Unavailable`] while no requests are taken.
    pub fn speak_batch(
        self: &Arc<Self>,
        client: Client,
        batch: BatchJob,
        permit: BatchPermit,
        ticket: &Ticket,
    ) -> Result<Batch, Refusal> {
        let width = self.loaded()?.engine.slots().clamp(1, WIDTH);
        let (out, results) = mpsc::channel(1);
        let left = batch.0.len();
        let driver = Driver {
            service: Arc::clone(self),
            client,
            id: ticket.record().id.clone(),
            width,
            _permit: permit,
        };
        tokio::spawn(driver.run(batch, out));
        Ok(Batch { results, left })
    }

    async fn speak_batch_line(self: Arc<Self>, client: Client, id: String, line: BatchLine) -> BatchResult {
        let BatchLine { number, id: own, name, job } = line;
        let record = RequestRecord {
            client: client.to_string(),
            ..RequestRecord::begun(format!("{id}-{number}"), "batch_line")
        };
        let ticket = self.ticket(record);
        let speech = match job {
            Ok(job) => self.speak_whole(client, job, &ticket).await,
            Err(refusal) => Err(refusal),
        };
        ticket.record().end(speech.as_ref().err());
        BatchResult { number, id: own, name, speech }
    }

    /// Speaks a whole file, which is held in memory.
    async fn speak_whole(
        self: &Arc<Self>,
        client: Client,
        job: SpeechJob,
        ticket: &Ticket,
    ) -> Result<BatchSpeech, Refusal> {
        let format = job.format;
        let mut held = timeout(self.options.time_limit, self.hold(&job)).await.map_err(|_| late())??;
        let mut utterance = loop {
            match self.speak(client, job.clone(), ticket).await {
                Err(busy) if busy.kind == RefusalKind::Busy => {
                    if ticket.elapsed() >= self.options.time_limit {
                        return Err(busy);
                    }
                    tokio::time::sleep(RETRY).await;
                    // It is noted again.
                    let mut record = ticket.record();
                    (record.characters, record.text) = (0, None);
                }
                other => break other?,
            }
        };
        let mut bytes = Vec::new();
        loop {
            match std::future::poll_fn(|context| utterance.poll_next(context)).await {
                Some(Ok(Chunk::Audio(chunk))) => {
                    bytes.extend_from_slice(&chunk);
                    if bytes.len() > BYTES_OF_LINE || !held.grow(bytes.len()) {
                        let message =
                            "the audio is too large for a batch; ask for it alone, or for `mp3` or `opus`";
                        return Err(Refusal::new(RefusalKind::TooLarge, message));
                    }
                }
                Some(Ok(Chunk::Done(usage))) => {
                    let (seed, sample_rate) = (utterance.seed, utterance.sample_rate);
                    return Ok(BatchSpeech { bytes, format, seed, sample_rate, usage, held });
                }
                Some(Err(refusal)) => return Err(refusal),
                None => return Err(lost()),
            }
        }
    }

    /// Waits for the memory that the file of a line probably takes.
    async fn hold(&self, job: &SpeechJob) -> Result<Held, Refusal> {
        /// Slow speech, and what goes before and after it.
        const SECONDS_PER_CHARACTER: f64 = 0.4;
        const SECONDS: f64 = 2.0;
        const PACKED_BYTES_PER_SECOND: f64 = 25e3;
        let rate = job.format.encoding(job.request.overrides.sample_rate)?.sample_rate();
        let per_second = match job.format {
            ResponseFormat::Mp3 | ResponseFormat::Opus => PACKED_BYTES_PER_SECOND,
            ResponseFormat::Flac | ResponseFormat::Wav | ResponseFormat::Pcm => 2.0 * f64::from(rate),
        };
        let speed = job.request.overrides.speed.unwrap_or(1.0).max(0.25);
        let seconds = SECONDS + SECONDS_PER_CHARACTER * job.characters as f64 / f64::from(speed);
        let bytes = ((seconds * per_second) as usize).min(BYTES_OF_LINE);
        self.batch_limits.memory.hold(bytes).await.ok_or_else(lost)
    }
}

fn lost() -> Refusal {
    Refusal::new(RefusalKind::Internal, "the line ended before its end")
}

/// Runs a batch.
struct Driver {
    service: Arc<Service>,
    client: Client,
    /// The id of the request.
    id: String,
    width: usize,
    _permit: BatchPermit,
}

impl Driver {
    async fn run(self, BatchJob(lines): BatchJob, out: Sender<BatchResult>) {
        let mut lines = lines.into_iter();
        // Dropping it ends what runs.
        let mut running = JoinSet::new();
        let mut known: HashMap<Id, (usize, Option<String>, String)> = HashMap::new();
        loop {
            while running.len() < self.width
                && let Some(line) = lines.next()
            {
                let of = (line.number, line.id.clone(), line.name.clone());
                let service = Arc::clone(&self.service);
                let task = running.spawn(service.speak_batch_line(self.client, self.id.clone(), line));
                known.insert(task.id(), of);
            }
            let ended = tokio::select! {
                ended = running.join_next_with_id() => ended,
                () = out.closed() => return,
            };
            let result = match ended {
                None => return,
                Some(Ok((task, result))) => {
                    known.remove(&task);
                    Some(result)
                }
                Some(Err(error)) => failed(&error, &mut known),
            };
            // A slow reader holds the next lines back, and one that takes nothing ends the batch.
            if let Some(result) = result
                && out.send_timeout(result, self.service.options.stall_time).await.is_err()
            {
                return;
            }
        }
    }
}

/// Returns the result of a line at which the service failed.
fn failed(
    error: &JoinError,
    known: &mut HashMap<Id, (usize, Option<String>, String)>,
) -> Option<BatchResult> {
    let (number, id, name) = known.remove(&error.id())?;
    Some(BatchResult { number, id, name, speech: Err(lost()) })
}

#[cfg(test)]
#[path = "batch_tests.rs"]
mod tests;
