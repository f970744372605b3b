//! Conversations: texts in which every turn names who speaks.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::dialog::{DialogPart, Scene};
use super::job::NOT_HERE;
use super::speak::lost;
use super::{Chunk, Client, Refusal, RefusalKind, Service, SpeechJob, Ticket, Utterance};
use crate::speech::{Cast, random_seed};
use crate::text::{Turn, turns};

/// The fields of a conversation.
pub(super) const FIELDS: [&str; 3] = ["dialogue", "cast", "gap"];
/// The longest silence between turns, in seconds.
const MAX_GAP: f64 = 60.0;

/// The turns of a conversation, and who speaks them.
#[derive(Clone, Debug, Default)]
pub struct Conversation {
    cast: Cast,
    /// Seconds of silence between turns; by their marks and lengths if absent.
    gap: Option<f64>,
    turns: Vec<Turn>,
}

impl Conversation {
    /// Takes the fields of a conversation out of those of a request; None if it is none.
    ///
    /// # Errors
    /// A refusal that names the field.
    pub(super) fn take(fields: &mut Map<String, Value>) -> Result<Option<Self>, Refusal> {
        let [dialogue, cast, gap] = FIELDS.map(|field| fields.remove(field).filter(|value| !value.is_null()));
        let is_one = match dialogue {
            None => false,
            Some(Value::Bool(is_one)) => is_one,
            Some(_) => return Err(Refusal::of_written("`dialogue`: expected true or false".into())),
        };
        if !is_one {
            // A message of gRPC has a cast always.
            let cast = cast.filter(|cast| cast.as_object().is_none_or(|members| !members.is_empty()));
            return match (cast, gap) {
                (None, None) => Ok(None),
                (Some(_), _) => Err(of_conversations("cast")),
                (None, Some(_)) => Err(of_conversations("gap")),
            };
        }
        let gap = gap.map(read_gap).transpose()?;
        let mut conversation = Conversation { gap, ..Conversation::default() };
        match cast {
            None => {}
            Some(Value::Object(members)) => {
                for (speaker, settings) in members {
                    if let Some(field) = NOT_HERE.iter().find(|field| settings.get(field).is_some()) {
                        let message =
                            format!("`cast`: {speaker}: {field} names a file, and files are not read");
                        return Err(Refusal::of_written(message));
                    }
                    conversation.cast.add(&speaker, settings)?;
                }
            }
            Some(_) => {
                let message = "`cast`: expected an object of voices by speakers: {\"anna\": \"alloy\"}";
                return Err(Refusal::of_written(message.into()));
            }
        }
        Ok(Some(conversation))
    }

    /// Reads the turns.
    ///
    /// # Errors
    /// A refusal of the first turn that is wrong.
    pub(super) fn set_text(&mut self, input: &str) -> Result<(), Refusal> {
        let read = turns(input).into_iter().map(|(line, turn)| {
            turn.map_err(|reason| Refusal::of_written(format!("`input`: line {line}: {reason}")))
        });
        self.turns = read.collect::<Result<_, _>>()?;
        match self.turns.is_empty() {
            true => Err(Refusal::of_written("`input`: it has no turns; one is written `Anna: text`".into())),
            false => Ok(()),
        }
    }
}

fn of_conversations(field: &str) -> Refusal {
    Refusal::of_written(format!("`{field}` is a setting of conversations; say `\"dialogue\": true` too"))
}

fn read_gap(gap: Value) -> Result<f64, Refusal> {
    let seconds = gap.as_f64().filter(|seconds| (0.0..=MAX_GAP).contains(seconds));
    seconds.ok_or_else(|| Refusal::of_written(format!("`gap`: found {gap}, expected 0 to {MAX_GAP} seconds")))
}

impl Service {
    /// Speaks a conversation: its turns one after the other, as [`Service::converse`] speaks sentences, each with the
    /// settings of its speaker.
    pub(super) async fn speak_turns(
        self: &Arc<Self>,
        client: Client,
        mut job: SpeechJob,
        ticket: &Ticket,
    ) -> Result<Utterance, Refusal> {
        let Conversation { cast, gap, turns } = job.conversation.take().map(|c| *c).unwrap_or_default();
        job.request.overrides.sampling.seed.get_or_insert_with(random_seed);
        let scenes = self.scenes(&job, cast, gap, turns)?;
        let mut audio = self.act(client, job, scenes, ticket)?;
        let (mut seed, mut sample_rate) = (0, 0);
        loop {
            let first = match audio.next().await.unwrap_or_else(|| Err(lost()))? {
                DialogPart::Started { seed: its, sample_rate: rate } => {
                    (seed, sample_rate) = (its, rate);
                    continue;
                }
                DialogPart::Sentence(_) => continue,
                DialogPart::Audio(bytes) => Chunk::Audio(bytes),
                DialogPart::Done(usage) => Chunk::Done(usage),
            };
            return Ok(Utterance::of_dialog(seed, sample_rate, first, audio));
        }
    }

    /// Returns the turns with the settings of who speaks them.
    fn scenes(
        &self,
        job: &SpeechJob,
        mut cast: Cast,
        gap: Option<f64>,
        turns: Vec<Turn>,
    ) -> Result<Vec<Scene>, Refusal> {
        let registry = self.model()?.engine.composer().voices.registry();
        let seed = job.request.overrides.sampling.seed.unwrap_or_default();
        cast.complete(turns.iter().map(|turn| turn.speaker.clone()), &registry, seed);
        let encoding = job.format.encoding(job.request.overrides.sample_rate)?;
        let mut known: Vec<(String, Arc<SpeechJob>)> = Vec::new();
        let mut scenes = Vec::with_capacity(turns.len());
        for Turn { speaker, text } in turns {
            let name = Cast::fold(&speaker);
            let found = known.iter().find(|(other, _)| *other == name).map(|(_, job)| Arc::clone(job));
            let job = match found {
                Some(job) => job,
                None => {
                    let refused = |reason: String| Refusal::of_field(RefusalKind::Voice, "cast", reason);
                    let settings = cast.settings(&speaker).map_err(refused)?.clone();
                    let mut own = job.clone();
                    own.voice.clone_from(&settings.role);
                    own.request.overrides = settings.over(&job.request.overrides)?;
                    own.request.overrides.validate()?;
                    if own.format.encoding(own.request.overrides.sample_rate)? != encoding {
                        let reason = format!("{speaker}: all the audio has one `sample_rate`");
                        return Err(Refusal::of_field(RefusalKind::Parameter, "cast", reason));
                    }
                    let own = Arc::new(own);
                    known.push((name, Arc::clone(&own)));
                    own
                }
            };
            scenes.push(Scene { job, text, silence: gap });
        }
        Ok(scenes)
    }
}
