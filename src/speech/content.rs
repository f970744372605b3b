//! The content key: a number for everything from which a file is made.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::time::UNIX_EPOCH;

use sha2::{Digest, Sha256};

use super::digest::{hex, sha256};
use crate::engine::{Decoder, Refine, Request};
use crate::error::{Error, Result};
use crate::sampling::{NoiseMode, SamplingParams};
use crate::voice::{Voice, VoiceSample};

/// The version of the output, raised whenever the same request comes to give other bytes: a file of another
/// version does not count as done.
pub const OUTPUT_VERSION: u32 = 2;

/// The size in bytes below which a model file is read for the fingerprint.
const SMALL_FILE: u64 = 1 << 20;

/// Holds everything that a line's file depends on. Two different contents have different keys.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Content {
    /// The text as it is spoken, after cleaning.
    pub text: String,
    /// The sha256 of the speaker's vector, if there is a speaker.
    pub speaker: Option<String>,
    /// The sha256 of the codes of the sample that is continued, if there is one.
    pub sample: Option<String>,
    /// The words of the sample.
    pub sample_text: Option<String>,
    /// The control tags in front of the text.
    pub speed: String,
    /// The settings of refining, if the text is refined first.
    pub refine: Option<Refine>,
    /// The settings by which codes are drawn; None means that none were set, not the default ones.
    pub sampling: Option<SamplingParams>,
    /// The generation seed.
    pub seed: u64,
    /// The mode of the seed's noise: `repeat` or `stream`.
    pub noise: String,
    /// The source of the wave: `hidden-states` or `codes`.
    pub decoder: String,
    /// The model: [`model_fingerprint`], or the name of one that has no files.
    pub model: String,
    /// The device and the type it computes in, such as `cpu f32`.
    pub compute: String,
    /// The file's format, such as `wav s16 24000`.
    pub encoding: String,
    /// Everything else that matters, by name: how a text is split, how silence is cut.
    pub extra: BTreeMap<String, String>,
}

impl Content {
    /// Collects the content of a request; the caller fills `model`, `compute`, `encoding` and `extra`.
    pub fn of(request: &Request) -> Self {
        // In full, so that a field that is added there is not forgotten here.
        let Request { text, voice, speed, refine, sampling, seed, noise, decoder } = request;
        let Voice { speaker, sample } = voice;
        let codes = |sample: &VoiceSample| {
            let mut bytes = Vec::new();
            for row in sample.codes.codes() {
                bytes.extend((row.len() as u64).to_le_bytes());
                bytes.extend(row.iter().flat_map(|code| code.to_le_bytes()));
            }
            sha256(&bytes)
        };
        let vector =
            |values: &[half::f16]| -> Vec<u8> { values.iter().flat_map(|v| v.to_le_bytes()).collect() };
        Content {
            text: text.clone(),
            speaker: speaker.as_ref().map(|speaker| sha256(&vector(speaker.values()))),
            sample: sample.as_ref().map(codes),
            sample_text: sample.as_ref().map(|sample| sample.text.clone()),
            speed: speed.clone(),
            refine: refine.clone(),
            sampling: Some(sampling.clone()),
            seed: *seed,
            noise: match noise {
                NoiseMode::Repeat => "repeat".into(),
                NoiseMode::Stream => "stream".into(),
            },
            decoder: match decoder {
                Decoder::HiddenStates => "hidden-states".into(),
                Decoder::Codes => "codes".into(),
            },
            ..Content::default()
        }
    }

    /// Returns the key: 64 hexadecimal digits, the same on every machine and in every run.
    pub fn key(&self) -> String {
        self.key_of(OUTPUT_VERSION)
    }

    fn key_of(&self, version: u32) -> String {
        let Content {
            text,
            speaker,
            sample,
            sample_text,
            speed,
            refine,
            sampling,
            seed,
            noise,
            decoder,
            model,
            compute,
            encoding,
            extra,
        } = self;
        let mut fields = Fields::default();
        fields.number("version", version.into());
        fields.text("text", text);
        fields.optional("speaker", speaker.as_deref());
        fields.optional("sample", sample.as_deref());
        fields.optional("sample_text", sample_text.as_deref());
        fields.text("speed", speed);
        if let Some(Refine { tags, sampling }) = refine {
            fields.text("refine.tags", tags);
            fields.sampling("refine", sampling);
        }
        if let Some(sampling) = sampling {
            fields.sampling("sampling", sampling);
        }
        fields.number("seed", *seed);
        fields.text("noise", noise);
        fields.text("decoder", decoder);
        fields.text("model", model);
        fields.text("compute", compute);
        fields.text("encoding", encoding);
        for (name, value) in extra {
            fields.text(&format!("extra.{name}"), value);
        }
        fields.key()
    }
}

/// Holds named, typed values. They are hashed in the order of their names and each with its length, so that no
/// two sets of them hash the same bytes.
#[derive(Default)]
struct Fields(BTreeMap<String, (u8, Vec<u8>)>);

impl Fields {
    fn text(&mut self, name: &str, value: &str) {
        self.0.insert(name.into(), (b's', value.into()));
    }

    /// Adds a value if it is there; a missing value is not the same as an empty one.
    fn optional(&mut self, name: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.text(name, value);
        }
    }

    fn number(&mut self, name: &str, value: u64) {
        self.0.insert(name.into(), (b'n', value.to_le_bytes().into()));
    }

    fn single(&mut self, name: &str, values: &[f32]) {
        let bits = values.iter().flat_map(|v| v.to_bits().to_le_bytes()).collect();
        self.0.insert(name.into(), (b'f', bits));
    }

    fn double(&mut self, name: &str, value: f64) {
        self.0.insert(name.into(), (b'd', value.to_bits().to_le_bytes().into()));
    }

    fn sampling(&mut self, group: &str, params: &SamplingParams) {
        let SamplingParams { temperature, top_p, top_k, repetition_penalty, max_tokens, min_tokens } = params;
        let name = |field: &str| format!("{group}.{field}");
        self.single(&name("temperature"), temperature);
        self.double(&name("top_p"), *top_p);
        self.number(&name("top_k"), *top_k as u64);
        self.single(&name("repetition_penalty"), &[*repetition_penalty]);
        self.number(&name("max_tokens"), *max_tokens as u64);
        self.number(&name("min_tokens"), *min_tokens as u64);
    }

    fn key(&self) -> String {
        let mut hash = Sha256::new();
        for (name, (kind, value)) in &self.0 {
            hash.update((name.len() as u64).to_le_bytes());
            hash.update(name);
            hash.update([*kind]);
            hash.update((value.len() as u64).to_le_bytes());
            hash.update(value);
        }
        hex(&hash.finalize())
    }
}

/// Returns 64 hexadecimal digits that tell a model's files from others without reading gigabytes. They depend
/// on each file's name and length, and on its content's checksum if it is below 1 MiB, else on the time it was
/// last modified. Neither the files' order nor their folders count.
///
/// # Errors
/// [`Error::Io`] for a file that is not there or cannot be read.
pub fn model_fingerprint(files: &[PathBuf]) -> Result<String> {
    let mut prints = Vec::with_capacity(files.len());
    for path in files {
        let meta = fs::metadata(path).map_err(Error::io("read", path))?;
        let mut fields = Fields::default();
        fields.text("name", &path.file_name().unwrap_or_default().to_string_lossy());
        fields.number("length", meta.len());
        if meta.len() < SMALL_FILE {
            fields.text("sha256", &sha256(&fs::read(path).map_err(Error::io("read", path))?));
        } else {
            let modified = meta.modified().map_err(Error::io("read", path))?;
            let (side, since) = match modified.duration_since(UNIX_EPOCH) {
                Ok(since) => ("after", since),
                Err(e) => ("before", e.duration()),
            };
            fields.text("modified", &format!("{}.{:09} {side}", since.as_secs(), since.subsec_nanos()));
        }
        prints.push(fields.key());
    }
    prints.sort();
    Ok(sha256(prints.join("\n").as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::voice::{Speaker, VoicePrompt};
    use std::collections::HashSet;
    use std::path::Path;
    use std::time::Duration;

    fn speaker(last: f32) -> Speaker {
        Speaker::new([0.5, last].map(half::f16::from_f32).to_vec()).unwrap()
    }

    fn sample(text: &str, code: u16) -> VoiceSample {
        VoiceSample { codes: VoicePrompt::new(vec![vec![1, code]; 4]).unwrap(), text: text.into() }
    }

    #[test]
    fn whatever_a_file_depends_on_is_in_its_key() {
        let base = || {
            let mut request = Request::new("text");
            request.refine = Some(Refine::default());
            request.voice = Voice { speaker: Some(speaker(1.0)), sample: Some(sample("said", 2)) };
            request
        };
        type Change = fn(&mut Request);
        let changes: [Change; 27] = [
            |_| {},
            |r| r.text.push(' '),
            |r| r.voice.speaker = None,
            |r| r.voice.speaker = Some(speaker(1.001)),
            |r| r.voice.sample = None,
            |r| r.voice.sample = Some(sample("said", 3)),
            |r| r.voice.sample = Some(sample("said.", 2)),
            |r| r.voice.sample = Some(sample("", 2)),
            |r| r.speed = "[speed_4]".into(),
            |r| r.speed = String::new(),
            |r| r.refine = None,
            |r| r.refine = Some(Refine { tags: "[oral_2]".into(), ..Refine::default() }),
            |r| r.refine = Some(Refine { sampling: SamplingParams::speech(), ..Refine::default() }),
            |r| r.sampling.temperature = vec![0.300_000_04],
            |r| r.sampling.temperature = vec![0.3; 4],
            |r| r.sampling.temperature = vec![-0.0],
            |r| r.sampling.temperature = vec![0.0],
            |r| r.sampling.top_p = 0.700_000_000_000_000_1,
            |r| r.sampling.top_k = 21,
            |r| r.sampling.repetition_penalty = 1.06,
            |r| r.sampling.max_tokens = 2047,
            |r| r.sampling.min_tokens = 1,
            |r| r.sampling = SamplingParams::refine(),
            |r| r.seed = 1,
            |r| r.seed = 1 << 32,
            |r| r.noise = NoiseMode::Stream,
            |r| r.decoder = Decoder::Codes,
        ];
        let mut keys = HashSet::new();
        for (i, change) in changes.iter().enumerate() {
            let mut request = base();
            change(&mut request);
            let key = Content::of(&request).key();
            assert_eq!(key, Content::of(&request).key());
            assert!(key.len() == 64 && keys.insert(key), "change {i}");
        }
        let content = Content::of(&base());
        let mut add = |content: Content| assert!(keys.insert(content.key()), "{content:?}");
        let of = |text: &str| text.to_string();
        add(Content { model: of("x"), ..content.clone() });
        add(Content { compute: of("x"), ..content.clone() });
        add(Content { encoding: of("x"), ..content.clone() });
        add(Content { sampling: None, ..content.clone() });
        add(Content { extra: [(of("a"), of("b"))].into(), ..content.clone() });
        add(Content { extra: [(of("a"), of("")), (of("b"), of(""))].into(), ..content.clone() });
        assert_ne!(content.key_of(OUTPUT_VERSION + 1), content.key());
    }

    #[test]
    fn values_do_not_run_into_their_neighbours() {
        let content = |model: &str, compute: &str| Content {
            model: model.into(),
            compute: compute.into(),
            ..Content::default()
        };
        assert_ne!(content("ab", "c").key(), content("a", "bc").key());
        assert_ne!(content("a", "").key(), content("", "a").key());
        let empty = Content { sample_text: Some(String::new()), ..Content::default() };
        assert_ne!(empty.key(), Content::default().key());
    }

    #[test]
    fn a_key_is_the_same_in_every_run() {
        // If this fails, files that are done will be made again: is that meant?
        let key = Content::of(&Request::new("你好")).key_of(1);
        assert_eq!(key, "bd9ecf613f7623d6595bd9401dcd405bea82d4b37fa9b70d9a33e0f9f1cb4ee7");
    }

    #[test]
    fn a_fingerprint_sees_small_files_changed_and_large_ones_touched() {
        let dir = tempfile::tempdir().unwrap();
        let (small, large) = (dir.path().join("small"), dir.path().join("large"));
        fs::write(&small, b"one").unwrap();
        fs::write(&large, vec![0; SMALL_FILE as usize]).unwrap();
        let touch = |path: &Path, seconds| {
            let file = fs::OpenOptions::new().write(true).open(path).unwrap();
            file.set_modified(UNIX_EPOCH + Duration::from_secs(seconds)).unwrap();
        };
        touch(&small, 1);
        touch(&large, 1);
        let print = || model_fingerprint(&[small.clone(), large.clone()]).unwrap();
        let first = print();
        assert_eq!(model_fingerprint(&[large.clone(), small.clone()]).unwrap(), first);
        assert_ne!(model_fingerprint(std::slice::from_ref(&large)).unwrap(), first);
        touch(&small, 2);
        assert_eq!(print(), first, "a small file is what it holds");
        fs::write(&small, b"two").unwrap();
        let second = print();
        assert_ne!(second, first);
        touch(&large, 2);
        assert_ne!(print(), second);
        let missing = model_fingerprint(&[dir.path().join("gone")]).unwrap_err().to_string();
        assert!(missing.starts_with("cannot read ") && missing.contains("gone"), "{missing}");
    }
}
