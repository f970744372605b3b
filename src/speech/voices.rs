//! Finds the voices of roles, and keeps those that were asked for last.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};

use super::Warning;
use super::field::shown;
use crate::audio::{Recording, check as check_quality, trim_quiet};
use crate::backend::{Checkpoint, CpuEncoder, SAMPLE_RATE, WeightFile};
use crate::error::{Error, Result};
use crate::voice::{
    FileVoice, Registry, Role, SeedKind, Speaker, SpeakerStats, Voice, VoicePrompt, VoiceSample, VoiceSpec,
    read_codes, read_speaker, resolve,
};

/// The voice that speaks when none is named: a seed of the published voice lists.
const DEFAULT_ROLE: &str = "2222";
/// The endings of files that hold a spoken sample.
const AUDIO: [&str; 3] = ["wav", "flac", "mp3"];

/// The number of voices that are kept: more than a book has speakers, and some MiB at most but for long samples.
const KEPT: usize = 1024;

/// Keeps the values that were asked for last.
struct Recent<K, V> {
    most: usize,
    /// A count of all that was asked for.
    now: u64,
    values: HashMap<K, (V, u64)>,
}

impl<K: Eq + Hash, V: Clone> Recent<K, V> {
    fn new(most: usize) -> Self {
        Recent { most, now: 0, values: HashMap::new() }
    }

    fn get<Q: Eq + Hash + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        self.now += 1;
        let (value, asked) = self.values.get_mut(key)?;
        *asked = self.now;
        Some(value.clone())
    }

    fn insert(&mut self, key: K, value: V) {
        self.now += 1;
        self.values.insert(key, (value, self.now));
        if self.values.len() > self.most {
            // The older half goes at once, so that a new one seldom looks at all.
            let mut times: Vec<u64> = self.values.values().map(|(_, asked)| *asked).collect();
            let (_, middle, _) = times.select_nth_unstable(self.most / 2);
            let middle = *middle;
            self.values.retain(|_, (_, asked)| *asked > middle);
        }
    }
}

/// Holds the voices of a model: those that are registered, drawn from seeds, in files and in spoken samples.
pub struct Voices {
    stats: Option<SpeakerStats>,
    dvae: WeightFile,
    registry: RwLock<Arc<Registry>>,
    known: Mutex<Recent<(String, Option<String>), Voice>>,
    samples: Mutex<Recent<PathBuf, VoicePrompt>>,
    /// The encoder, read when the first sample needs it.
    encoder: OnceLock<CpuEncoder>,
}

/// Tells whether a role is the name of a file with a spoken sample.
pub fn is_audio(role: &str) -> bool {
    let ending = Path::new(role.trim()).extension().and_then(|ending| ending.to_str());
    ending.is_some_and(|ending| AUDIO.iter().any(|known| known.eq_ignore_ascii_case(ending)))
}

/// Encodes a spoken sample at the model's rate, after a check and without silence at its ends.
///
/// # Errors
/// [`Error::Speaker`] for a recording that is not good enough for a voice; an error of reading it.
pub fn encode_sample(path: &Path, encoder: &CpuEncoder, warnings: &mut Vec<Warning>) -> Result<VoicePrompt> {
    encode_recording(&Recording::read(path)?, path, encoder, warnings)
}

/// Encodes a recording; `path` says what it is called in messages.
fn encode_recording(
    recording: &Recording,
    path: &Path,
    encoder: &CpuEncoder,
    warnings: &mut Vec<Warning>,
) -> Result<VoicePrompt> {
    let at = |message: &dyn std::fmt::Display| format!("{}: {message}", path.display());
    warnings.extend(recording.damage.iter().map(|damage| Warning::other(at(damage))));
    let problems = check_quality(&recording.samples, recording.sample_rate).problems();
    if let Some(serious) = problems.iter().find(|problem| problem.serious) {
        return Err(Error::Speaker(at(&serious.message)));
    }
    warnings.extend(problems.iter().map(|problem| Warning::other(at(&problem.message))));
    let wave = recording.at(SAMPLE_RATE)?;
    VoicePrompt::new(encoder.encode(trim_quiet(&wave, SAMPLE_RATE))?)
}

impl Voices {
    /// Makes the voices of a model and these roles.
    pub fn new(checkpoint: &Checkpoint, registry: Registry) -> Self {
        Voices {
            stats: checkpoint.stats.clone(),
            dvae: checkpoint.dvae.clone(),
            registry: RwLock::new(Arc::new(registry)),
            known: Mutex::new(Recent::new(KEPT)),
            samples: Mutex::new(Recent::new(KEPT)),
            encoder: OnceLock::new(),
        }
    }

    /// Returns the registered roles.
    pub fn registry(&self) -> Arc<Registry> {
        Arc::clone(&self.registry.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Registers a role while the model is in use, as [`Registry::insert`] does. Lines that are composed already
    /// keep their voices.
    ///
    /// # Errors
    /// As [`Registry::insert`].
    pub fn register(&self, name: &str, role: Role) -> Result<()> {
        self.change(|registry| registry.insert(name, role))
    }

    /// Changes the registered roles while the model is in use. Lines that are composed already keep their voices.
    pub fn change<T>(&self, change: impl FnOnce(&mut Registry) -> T) -> T {
        // Held all along, so that no voice of the roles that were is kept after them.
        let mut known = lock(&self.known);
        let mut registry = self.registry.write().unwrap_or_else(PoisonError::into_inner);
        let changed = change(Arc::make_mut(&mut registry));
        known.values.clear();
        changed
    }

    /// Tells whether the model has a default voice.
    pub fn has_default(&self) -> bool {
        self.stats.is_some()
    }

    /// Draws the speaker of a seed.
    ///
    /// # Errors
    /// [`Error::Speaker`] if the model is of its own width and has no statistics of voices.
    pub fn speaker(&self, kind: SeedKind, seed: u64) -> Result<Speaker> {
        self.stats.as_ref().ok_or_else(SpeakerStats::missing)?.sample(kind, seed)
    }

    /// Finds the voice that speaks where none is named.
    ///
    /// # Errors
    /// As [`Voices::find`].
    pub fn default_voice(&self, warnings: &mut Vec<Warning>) -> Result<Voice> {
        match self.has_default() {
            true => self.find(DEFAULT_ROLE, None, warnings),
            false => Ok(Voice::default()),
        }
    }

    /// Finds the voice of a role; `words` are those that a sample says.
    ///
    /// # Errors
    /// [`Error::Role`] that names the role and says why.
    pub fn find(&self, role: &str, words: Option<&str>, warnings: &mut Vec<Warning>) -> Result<Voice> {
        let key = (role.to_string(), words.map(str::to_string));
        if let Some(voice) = lock(&self.known).get(&key) {
            return Ok(voice);
        }
        let wrong = |reason| Error::Role { role: shown(role), reason: Box::new(reason) };
        let registry = self.registry();
        let voice = self.search(&registry, role, words, warnings).map_err(wrong)?;
        let mut known = lock(&self.known);
        if Arc::ptr_eq(&registry, &self.registry()) {
            known.insert(key, voice.clone());
        }
        Ok(voice)
    }

    fn search(
        &self,
        registry: &Registry,
        role: &str,
        words: Option<&str>,
        warnings: &mut Vec<Warning>,
    ) -> Result<Voice> {
        let of_sample = |codes, words: &str| Voice {
            speaker: None,
            sample: Some(VoiceSample { codes, text: words.to_string() }),
        };
        if is_audio(role) {
            let missing = || Error::Speaker("a spoken sample; give what it says, word for word, too".into());
            let words = words.ok_or_else(missing)?;
            return Ok(of_sample(self.encoded(Path::new(role.trim()), warnings)?, words));
        }
        let spec = registry.parse(role)?;
        let codes = match (&spec, words) {
            (VoiceSpec::File(path), Some(_)) => match read_speaker(path)? {
                FileVoice::Codes(codes) => Some(codes),
                FileVoice::Speaker(_) => None,
            },
            (VoiceSpec::String { voice: FileVoice::Codes(codes), .. }, Some(_)) => Some(codes.clone()),
            _ => None,
        };
        match (codes, words) {
            (Some(codes), Some(words)) => Ok(of_sample(codes, words)),
            (None, Some(_)) => {
                Err(Error::Speaker("it is no spoken sample, so it takes no words of one".into()))
            }
            (_, None) => resolve(&spec, registry, self.stats.as_ref()),
        }
    }

    fn encoded(&self, path: &Path, warnings: &mut Vec<Warning>) -> Result<VoicePrompt> {
        self.sample_by(path, || encode_sample(path, self.encoder()?, warnings))
    }

    /// Encodes a spoken sample that is in memory, as [`encode_sample`] does; `name` says what it is called in messages.
    ///
    /// # Errors
    /// As [`encode_sample`]; [`Error::Speaker`] if the model has no encoder.
    pub fn encode(&self, bytes: Vec<u8>, name: &str, warnings: &mut Vec<Warning>) -> Result<VoicePrompt> {
        let encoder = self.encoder()?;
        let name = Path::new(name);
        encode_recording(&Recording::from_bytes(bytes, name)?, name, encoder, warnings)
    }

    fn encoder(&self) -> Result<&CpuEncoder> {
        if let Some(encoder) = self.encoder.get() {
            return Ok(encoder);
        }
        let encoder = CpuEncoder::load(&self.dvae).map_err(|error| match error {
            Error::MissingTensor { .. } => Error::Speaker(
                "this model has no encoder, so a spoken sample cannot become a voice; a seed or a speaker string can"
                    .into(),
            ),
            error => error,
        })?;
        Ok(self.encoder.get_or_init(|| encoder))
    }

    /// Reads the codes in a file.
    ///
    /// # Errors
    /// As [`read_codes`].
    pub fn codes(&self, path: &Path) -> Result<VoicePrompt> {
        self.sample_by(path, || read_codes(path))
    }

    fn sample_by(&self, path: &Path, make: impl FnOnce() -> Result<VoicePrompt>) -> Result<VoicePrompt> {
        if let Some(codes) = lock(&self.samples).get(path) {
            return Ok(codes);
        }
        let codes = make()?;
        lock(&self.samples).insert(path.to_path_buf(), codes.clone());
        Ok(codes)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_asked_for_last_is_kept() {
        let mut recent = Recent::new(8);
        for key in 0..1000 {
            recent.insert(key, 2 * key);
            assert_eq!(recent.get(&key), Some(2 * key), "the newest");
            assert!(recent.get(&0).is_some(), "one that is in use, after {key}");
            assert!(recent.values.len() <= 8);
        }
        assert_eq!(recent.get(&500), None);
    }

    #[test]
    fn a_role_that_is_registered_counts_from_then_on() {
        let checkpoint = Checkpoint::noise(crate::hub::NoiseSize::Tiny, crate::backend::NOISE_SEED).unwrap();
        let voices = Voices::new(&checkpoint, Registry::shipped());
        let find = |role: &str| voices.find(role, None, &mut Vec::new());
        assert!(find("anna").is_err());
        let (first, second) = (find("torch-f32:1").unwrap(), find("torch-f32:2").unwrap());
        for (voice, seed) in [(first, "torch-f32:1"), (second, "torch-f32:2")] {
            voices.register("anna", Role::new(VoiceSpec::parse(seed).unwrap())).unwrap();
            assert_eq!(find("anna").unwrap(), voice, "{seed}");
            assert_eq!(find("mix:anna*1").unwrap(), voice, "{seed}, in a mix");
        }
        let names: Vec<_> = voices
            .registry()
            .list()
            .iter()
            .map(|role| (role.name == "anna", role.origin.to_string()))
            .collect();
        assert_eq!(names.iter().filter(|(is_anna, _)| *is_anna).count(), 1);
        assert!(names.contains(&(true, "given".into())));
        assert!(voices.register("a/b", Role::default()).is_err());
    }
}
