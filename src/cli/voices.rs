//! `--role`: from what a voice is called to the voice.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use chattts_rs::audio::{Recording, check as check_quality, trim_quiet};
use chattts_rs::engine::{Voice, VoiceSample};
use chattts_rs::model::{Checkpoint, DvaeEncoder, SAMPLE_RATE};
use chattts_rs::voice::{FileVoice, Registry, VoiceSpec, read_codes, read_speaker, resolve};
use chattts_rs::{Error, VoicePrompt};

use super::Usage;
use super::args::DEFAULT_ROLE;
use super::report::Report;

/// Endings of files that hold a spoken sample.
const AUDIO: [&str; 3] = ["wav", "flac", "mp3"];
/// Names the file of the user's roles.
const ROLES_FILE: &str = "roles.toml";

/// The user's own file of roles, whether it is there or not.
pub fn user_roles() -> anyhow::Result<PathBuf> {
    use etcetera::BaseStrategy as _;
    let dirs = etcetera::choose_base_strategy().context("cannot tell where your home folder is")?;
    Ok(dirs.config_dir().join("chattts-rs").join(ROLES_FILE))
}

/// Every role there is: of a project's file, the user's own, and the shipped ones.
pub fn registry(project: Option<&Path>) -> anyhow::Result<Registry> {
    let mut files: Vec<PathBuf> = Vec::new();
    if let Some(project) = project {
        if !project.exists() {
            return Err(anyhow::anyhow!("--roles {}: there is no such file", project.display()));
        }
        files.push(project.to_path_buf());
    }
    // Without a home folder there are no roles of one's own.
    files.extend(user_roles().ok());
    Ok(Registry::load(&files)?)
}

/// Whether a role is the name of a file with a spoken sample.
pub fn is_audio(role: &str) -> bool {
    let ending = Path::new(role.trim()).extension().and_then(|ending| ending.to_str());
    ending.is_some_and(|ending| AUDIO.iter().any(|known| known.eq_ignore_ascii_case(ending)))
}

/// Whether a voice can be there at all: its form, roles that are registered, files that exist.
pub fn check(role: &str, registry: &Registry) -> Result<(), Usage> {
    if is_audio(role) {
        return check_spec(&VoiceSpec::File(role.trim().into()), registry);
    }
    let spec = parse(role, registry).map_err(|e| Usage(format!("--role {}: {e}", shown(role))))?;
    check_spec(&spec, registry)
}

/// Reads a voice as it is written; a word that is no role is a file if there is one of that name.
fn parse(role: &str, registry: &Registry) -> chattts_rs::Result<VoiceSpec> {
    match VoiceSpec::parse(role)? {
        VoiceSpec::Name(name) if registry.get(&name).is_none() && Path::new(&name).is_file() => {
            Ok(VoiceSpec::File(name.into()))
        }
        spec => Ok(spec),
    }
}

fn check_spec(spec: &VoiceSpec, registry: &Registry) -> Result<(), Usage> {
    match spec {
        VoiceSpec::Name(name) if registry.get(name).is_none() => Err(Usage(format!(
            "--role {name}: no such role; `chattts-rs roles list` shows those that are registered. A voice is also a \
             seed (N, torch-f32:N, torch-f16:N, cuda:N, forge:N), a speaker string, a file, mix:A*0.7+B*0.3 or `none`"
        ))),
        VoiceSpec::File(path) if !path.exists() => {
            Err(Usage(format!("--role {}: there is no such file", path.display())))
        }
        VoiceSpec::Mix(parts) => parts.iter().try_for_each(|(part, _)| check_spec(part, registry)),
        _ => Ok(()),
    }
}

/// What to say where a sample comes without its words.
pub fn needs_words(role: &str) -> String {
    format!("--role {role}: a spoken sample; give what it says, word for word, with --role-text")
}

/// Encodes a spoken sample: checked, without silence at its ends, at the model's rate.
pub fn encode(path: &Path, encoder: &DvaeEncoder, report: &Report) -> anyhow::Result<VoicePrompt> {
    let recording = Recording::read(path)?;
    if let Some(damage) = &recording.damage {
        report.warn(&format!("{}: {damage}", path.display()));
    }
    let problems = check_quality(&recording.samples, recording.sample_rate).problems();
    if let Some(serious) = problems.iter().find(|problem| problem.serious) {
        return Err(Error::Speaker(format!("{}: {}", path.display(), serious.message)).into());
    }
    for problem in problems {
        report.warn(&format!("{}: {}", path.display(), problem.message));
    }
    let wave = recording.at(SAMPLE_RATE)?;
    Ok(VoicePrompt::new(encoder.encode(trim_quiet(&wave, SAMPLE_RATE))?)?)
}

/// The voices that lines name, each found once.
pub struct Voices<'a> {
    checkpoint: &'a Checkpoint,
    registry: Registry,
    report: &'a Report,
    known: HashMap<(String, Option<String>), Voice>,
    samples: HashMap<PathBuf, VoicePrompt>,
    /// Read when the first sample is to be encoded.
    encoder: Option<DvaeEncoder>,
}

impl<'a> Voices<'a> {
    /// Over a model and the roles there are.
    pub fn new(checkpoint: &'a Checkpoint, registry: Registry, report: &'a Report) -> Self {
        Voices { checkpoint, registry, report, known: HashMap::new(), samples: HashMap::new(), encoder: None }
    }

    /// Whether the model has a default voice.
    pub fn has_default(&self) -> bool {
        self.checkpoint.stats.is_some()
    }

    /// The voice where none is named.
    pub fn default_voice(&mut self) -> anyhow::Result<Voice> {
        if self.has_default() { self.voice(DEFAULT_ROLE, None) } else { Ok(Voice::default()) }
    }

    /// The voice of a role; `words` is what a sample says.
    pub fn voice(&mut self, role: &str, words: Option<&str>) -> anyhow::Result<Voice> {
        let key = (role.to_string(), words.map(str::to_string));
        if let Some(voice) = self.known.get(&key) {
            return Ok(voice.clone());
        }
        let voice = self.find(role, words).with_context(|| format!("role {}", shown(role)))?;
        self.known.insert(key, voice.clone());
        Ok(voice)
    }

    fn find(&mut self, role: &str, words: Option<&str>) -> anyhow::Result<Voice> {
        if is_audio(role) {
            let words = words.ok_or_else(|| Usage(needs_words(role)))?;
            let codes = self.encoded(Path::new(role.trim()))?;
            return Ok(Voice { speaker: None, sample: Some(VoiceSample { codes, text: words.to_string() }) });
        }
        let spec = parse(role, &self.registry)?;
        let codes = match (&spec, words) {
            (VoiceSpec::File(path), Some(_)) => match read_speaker(path)? {
                FileVoice::Codes(codes) => Some(codes),
                FileVoice::Speaker(_) => None,
            },
            (VoiceSpec::String { voice: FileVoice::Codes(codes), .. }, Some(_)) => Some(codes.clone()),
            _ => None,
        };
        match (codes, words) {
            (Some(codes), Some(words)) => {
                Ok(Voice { speaker: None, sample: Some(VoiceSample { codes, text: words.to_string() }) })
            }
            (None, Some(_)) => Err(Usage("it is no spoken sample, so it takes no --role-text".into()).into()),
            (_, None) => {
                let voice = resolve(&spec, &self.registry, self.checkpoint.stats.as_ref())?;
                let sample = voice.sample.map(|(codes, text)| VoiceSample { codes, text });
                Ok(Voice { speaker: voice.speaker, sample })
            }
        }
    }

    fn encoded(&mut self, path: &Path) -> anyhow::Result<VoicePrompt> {
        if let Some(codes) = self.samples.get(path) {
            return Ok(codes.clone());
        }
        if self.encoder.is_none() {
            self.encoder = Some(self.checkpoint.encoder()?);
        }
        let Some(encoder) = &self.encoder else { return Err(Error::Interrupted.into()) };
        let codes = encode(path, encoder, self.report)?;
        self.samples.insert(path.to_path_buf(), codes.clone());
        Ok(codes)
    }

    /// The codes in a file that a manifest's row names.
    pub fn sample(&mut self, path: &Path) -> anyhow::Result<VoicePrompt> {
        if let Some(codes) = self.samples.get(path) {
            return Ok(codes.clone());
        }
        let codes = read_codes(path)?;
        self.samples.insert(path.to_path_buf(), codes.clone());
        Ok(codes)
    }
}

/// As much of a role as a message needs.
fn shown(role: &str) -> String {
    const MOST: usize = 40;
    match role.chars().count() > MOST {
        true => role.chars().take(MOST).chain(['…']).collect(),
        false => role.to_string(),
    }
}
