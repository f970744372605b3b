//! The voices that clients make: from a spoken sample, or from a seed or a string.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::voices::{VoiceEntry, entry};
use super::{Notice, Refusal, RefusalKind, Service, VoiceJob, VoiceSource};
use crate::error::{Error, Result};
use crate::speech::{FileRule, Voices, Warning, shown};
use crate::voice::{
    FileVoice, Origin, Registry, Role, SeedKind, VoiceSample, VoiceSpec, add_role, remove_role,
};

/// The most bytes of all voices that clients make.
const MAX_BYTES: usize = 64 << 20;
/// The most samples that wait to be encoded; one at a time is.
const UPLOADS: usize = 4;
/// The field of a sample, by which messages call it.
pub(super) const SAMPLE: &str = "audio_sample";

/// Keeps the voices that clients make: in a file of roles, or until the service ends.
pub(super) struct VoiceStore {
    file: Option<PathBuf>,
    most: usize,
    made: Mutex<BTreeMap<String, Made>>,
    uploads: Arc<Semaphore>,
    encoding: Semaphore,
}

/// A voice that a client has made.
struct Made {
    bytes: usize,
    created: Option<u64>,
}

/// The right to make a voice.
pub struct VoicePermit {
    _permit: OwnedSemaphorePermit,
}

impl VoiceStore {
    pub fn new(file: Option<PathBuf>, most: usize) -> Self {
        VoiceStore {
            file,
            most,
            made: Mutex::default(),
            uploads: Arc::new(Semaphore::new(UPLOADS)),
            encoding: Semaphore::new(1),
        }
    }

    /// Takes note of the voices that its file holds already.
    pub fn open(&self, registry: &Registry) {
        let own = self.origin();
        let kept = registry.list().into_iter().filter(|found| self.file.is_some() && *found.origin == own);
        let made =
            kept.map(|found| (found.name.to_string(), Made { bytes: size(found.role), created: None }));
        self.lock().extend(made);
    }

    fn origin(&self) -> Origin {
        self.file.clone().map_or(Origin::Given, Origin::File)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Made>> {
        self.made.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns the bytes that a role takes, nearly.
fn size(role: &Role) -> usize {
    let sample = role.sample.as_ref();
    let codes =
        sample.map_or(0, |sample| sample.codes.codes().len() * sample.codes.frames() * size_of::<u16>());
    let texts = [sample.map(|sample| &sample.text), role.note.as_ref()].into_iter().flatten();
    let voice = role.voice.as_ref().map_or(0, |voice| voice.to_string().len());
    codes + texts.map(String::len).sum::<usize>() + voice
}

fn taken(name: &str, is_made: bool) -> Refusal {
    let message = match is_made {
        true => format!("there is a voice {name} already; delete it first, or choose another name"),
        false => format!("{name} is a voice that the service was started with; choose another name"),
    };
    Refusal::of_field(RefusalKind::Conflict, "name", message)
}

impl Service {
    /// Takes the right to make a voice.
    ///
    /// # Errors
    /// [`RefusalKind::Busy`] if as many are being made as may.
    pub fn voice_permit(&self) -> std::result::Result<VoicePermit, Refusal> {
        let permit = Arc::clone(&self.store.uploads).try_acquire_owned();
        permit.map(|_permit| VoicePermit { _permit }).map_err(|_| {
            let message = format!("{UPLOADS} voices are being made already; try again later");
            Refusal::new(RefusalKind::Busy, message).after(Duration::from_secs(2))
        })
    }

    /// Returns all voices that have names.
    ///
    /// # Errors
    /// [`RefusalKind::Unavailable`] while no requests are taken.
    pub fn voices(&self) -> std::result::Result<Vec<VoiceEntry>, Refusal> {
        let registry = self.composer_voices()?.registry();
        let made = self.store.lock();
        Ok(registry.list().iter().map(|found| marked(entry(found), &made)).collect())
    }

    /// Returns a voice that has this name.
    ///
    /// # Errors
    /// [`RefusalKind::NoVoice`].
    pub fn voice(&self, name: &str) -> std::result::Result<VoiceEntry, Refusal> {
        let registry = self.composer_voices()?.registry();
        let found = registry.get(name).ok_or_else(|| no_voice(name))?;
        Ok(marked(entry(&found), &self.store.lock()))
    }

    /// Makes a voice, which requests may name at once; returns it, and warnings of its recording.
    ///
    /// # Errors
    /// A refusal of the name, the sample or the words; [`RefusalKind::Conflict`] if the name is taken, or as many voices
    /// are kept as may.
    pub async fn make_voice(
        self: &Arc<Self>,
        job: VoiceJob,
        _permit: VoicePermit,
    ) -> std::result::Result<(VoiceEntry, Vec<String>), Refusal> {
        self.check_new(&job.name, 0, &self.store.lock())?;
        // Never closed.
        let _turn = self.store.encoding.acquire().await.map_err(|_| failed())?;
        let service = Arc::clone(self);
        tokio::task::spawn_blocking(move || service.make(job)).await.map_err(|_| failed())?
    }

    fn make(&self, job: VoiceJob) -> std::result::Result<(VoiceEntry, Vec<String>), Refusal> {
        let voices = self.composer_voices()?;
        let VoiceJob { name, source, note } = job;
        let mut warnings = Vec::new();
        let role = match source {
            VoiceSource::Sample { bytes, text } => {
                let codes = voices.encode(bytes, SAMPLE, &mut warnings).map_err(of_sample)?;
                Role { sample: Some(VoiceSample { codes, text }), ..Role::default() }
            }
            VoiceSource::Written { voice, text } => role_of(voices, &voice, text.as_deref(), &mut warnings)?,
        };
        let role = Role { note, ..role };
        let bytes = size(&role);
        let mut made = self.store.lock();
        self.check_new(&name, bytes, &made)?;
        if let Some(file) = &self.store.file {
            match add_role(file, &name, &role, false) {
                Ok(()) => {}
                // Somebody else has written it there.
                Err(Error::Speaker(_)) => return Err(taken(&name, false)),
                Err(error) => return Err(self.not_kept(file, &error)),
            }
        }
        let origin = self.store.origin();
        voices.change(|registry| registry.insert_as(&origin, &name, role))?;
        let created = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
        made.insert(name.clone(), Made { bytes, created: Some(created) });
        drop(made);
        Ok((self.voice(&name)?, warnings.into_iter().map(|warning| warning.message).collect()))
    }

    /// Forgets a voice that a client has made. Requests that are spoken with it already go on.
    ///
    /// # Errors
    /// [`RefusalKind::NoVoice`] if there is none of that name, [`RefusalKind::Conflict`] if no client has made it.
    pub async fn delete_voice(self: &Arc<Self>, name: String) -> std::result::Result<(), Refusal> {
        let service = Arc::clone(self);
        tokio::task::spawn_blocking(move || service.delete(&name)).await.map_err(|_| failed())?
    }

    fn delete(&self, name: &str) -> std::result::Result<(), Refusal> {
        let voices = self.composer_voices()?;
        let mut made = self.store.lock();
        if !made.contains_key(name) {
            let is_there = voices.registry().get(name).is_some();
            let fixed = || {
                let message = format!("{name} is a voice that the service was started with; it stays");
                Refusal::of_field(RefusalKind::Conflict, "id", message)
            };
            return Err(if is_there { fixed() } else { no_voice(name) });
        }
        if let Some(file) = &self.store.file {
            match remove_role(file, name) {
                // Somebody else has taken it out.
                Ok(()) | Err(Error::Speaker(_)) => {}
                Err(error) => return Err(self.not_kept(file, &error)),
            }
        }
        let origin = self.store.origin();
        voices.change(|registry| registry.remove(&origin, name));
        made.remove(name);
        Ok(())
    }

    fn composer_voices(&self) -> std::result::Result<&Voices, Refusal> {
        Ok(&self.loaded()?.engine.composer().voices)
    }

    /// Refuses a voice whose name is taken, or for which there is no room.
    fn check_new(
        &self,
        name: &str,
        bytes: usize,
        made: &BTreeMap<String, Made>,
    ) -> std::result::Result<(), Refusal> {
        if self.composer_voices()?.registry().get(name).is_some() {
            return Err(taken(name, made.contains_key(name)));
        }
        let full = |what: String| {
            Err(Refusal::new(RefusalKind::Conflict, format!("{what}, as many as may; delete one first")))
        };
        if made.len() >= self.store.most {
            return full(format!("{} voices are kept already", made.len()));
        }
        let held: usize = made.values().map(|made| made.bytes).sum();
        if held + bytes > MAX_BYTES {
            return full(format!("{} MB of voices are kept already", held >> 20));
        }
        Ok(())
    }

    /// Refuses what could not be written; the reason is the operator's matter.
    fn not_kept(&self, file: &Path, error: &Error) -> Refusal {
        self.notify(&Notice::Trouble { message: &format!("the voices in {}: {error}", file.display()) });
        Refusal::new(RefusalKind::Internal, "the file of the voices cannot be changed; the log says why")
    }
}

fn marked(entry: VoiceEntry, made: &BTreeMap<String, Made>) -> VoiceEntry {
    match made.get(&entry.id) {
        Some(made) => VoiceEntry { origin: "created", created: made.created, ..entry },
        None => entry,
    }
}

fn no_voice(name: &str) -> Refusal {
    let message =
        format!("there is no voice {:?}; `/v1/audio/voices` lists those that there are", shown(name));
    Refusal::of_field(RefusalKind::NoVoice, "id", message)
}

fn failed() -> Refusal {
    Refusal::new(RefusalKind::Internal, "changing the voices failed")
}

/// Refuses a sample.
fn of_sample(error: Error) -> Refusal {
    match error {
        Error::BadFile { .. } | Error::Speaker(_) => {
            Refusal::of_field(RefusalKind::Voice, SAMPLE, error.to_string())
        }
        other => other.into(),
    }
}

/// Makes a role of a voice as it is written. It leads to no other voice, which somebody might delete.
fn role_of(voices: &Voices, written: &str, words: Option<&str>, warnings: &mut Vec<Warning>) -> Result<Role> {
    let registry = voices.registry();
    FileRule::Nothing.check_role(written, &registry)?;
    let found = voices.find(written, words, warnings)?;
    match VoiceSpec::parse(written)? {
        spec @ (VoiceSpec::Seed(..) | VoiceSpec::String { voice: FileVoice::Speaker(_), .. }) => {
            Ok(Role::new(spec))
        }
        VoiceSpec::Number(seed) if registry.get(&seed.to_string()).is_none() => {
            Ok(Role::new(VoiceSpec::Seed(SeedKind::default(), seed)))
        }
        _ if found.speaker.is_none() && found.sample.is_none() => {
            Err(Error::Speaker("`none` is no voice to keep".into()))
        }
        _ => Ok(Role {
            voice: found.speaker.map(VoiceSpec::from_speaker).transpose()?,
            sample: found.sample,
            ..Role::default()
        }),
    }
}
