//! What flags say for all lines, and what a manifest's row says for one.

use std::path::Path;

use chattts_rs::audio::{Encoding, Format, SampleFormat};
use chattts_rs::batch::manifest::Row;
use chattts_rs::engine::{Voice, VoiceSample};
use chattts_rs::text::ControlTags;
use chattts_rs::voice::read_codes;
use chattts_rs::{Decoder, NoiseMode, Refine, Request, SamplingParams};

use super::Usage;
use super::args::{DEFAULT_ROLE, FileFormat, OutputArgs, SynthArgs};
use super::options::{self, CODEBOOKS};
use super::reading::Reading;
use super::voices::{self, Voices};

/// What holds for every line that does not say otherwise.
pub struct Settings {
    role: Option<String>,
    role_text: Option<String>,
    sample: Option<VoiceSample>,
    tags: ControlTags,
    refine: Option<bool>,
    sampling: SamplingParams,
    noise: NoiseMode,
    decoder: Decoder,
    reading: Reading,
    format: Format,
    bits: Option<SampleFormat>,
    sample_rate: Option<u32>,
    /// The generation seed.
    pub seed: u64,
}

/// One line's share: everything but its text.
pub struct LineSettings {
    pub request: Request,
    pub encoding: Encoding,
    pub reading: Reading,
    /// The role in short, for names.
    pub role: String,
}

impl Settings {
    /// Checks the flags; the seed is filled in later.
    pub fn new(args: &SynthArgs) -> anyhow::Result<Self> {
        let tags = ControlTags::parse(args.prompt.as_deref().unwrap_or_default())?;
        if args.no_refine && !tags.refining.is_empty() {
            return Err(Usage(format!("--no-refine contradicts {} in --prompt", tags.refining)).into());
        }
        let sample = match (&args.voice, &args.voice_text) {
            (Some(path), Some(text)) => Some(VoiceSample { codes: read_codes(path)?, text: text.clone() }),
            _ => None,
        };
        if let (Some(role), None) = (&args.role, &args.role_text)
            && voices::is_audio(role)
        {
            return Err(Usage(voices::needs_words(role)).into());
        }
        let settings = Settings {
            role: args.role.clone(),
            role_text: args.role_text.clone(),
            sample,
            tags,
            refine: match (args.refine, args.no_refine) {
                (true, _) => Some(true),
                (_, true) => Some(false),
                _ => None,
            },
            sampling: options::sampling(&args.sampling, SamplingParams::speech(), CODEBOOKS)?,
            noise: args.sampling.rng.into(),
            decoder: if args.no_decoder { Decoder::Codes } else { Decoder::HiddenStates },
            reading: Reading { normalize: !args.no_normalize, ..Reading::new(&args.read, &args.markup) },
            format: format(&args.output),
            bits: args.output.bits.as_deref().map(str::parse).transpose()?,
            sample_rate: args.output.sample_rate,
            seed: 0,
        };
        settings.encoding(None)?;
        Ok(settings)
    }

    /// The form of a file.
    pub fn encoding(&self, sample_rate: Option<u32>) -> chattts_rs::Result<Encoding> {
        Encoding::new(self.format, self.bits, sample_rate.or(self.sample_rate))
    }

    /// What holds for one line.
    pub fn line(&self, row: Option<&Row>, voices: &mut Voices<'_>) -> anyhow::Result<LineSettings> {
        let none = Row::default();
        let row = row.unwrap_or(&none);
        let sampling = SamplingParams {
            temperature: row.temperature.clone().unwrap_or_else(|| self.sampling.temperature.clone()),
            top_p: row.top_p.unwrap_or(self.sampling.top_p),
            top_k: row.top_k.unwrap_or(self.sampling.top_k),
            repetition_penalty: row.repetition_penalty.unwrap_or(self.sampling.repetition_penalty),
            max_tokens: row.max_tokens.unwrap_or(self.sampling.max_tokens),
            min_tokens: row.min_tokens.unwrap_or(self.sampling.min_tokens),
        };
        sampling.validate(CODEBOOKS)?;

        let own = row.tags().map_err(anyhow::Error::msg)?;
        let refining = if row.prompt.is_some() { own.refining } else { self.tags.refining.clone() };
        let speed = own.speech.or_else(|| self.tags.speech.clone());
        let refines = row.refine.or(self.refine).unwrap_or(!refining.is_empty());

        let sample = match (&row.voice, &row.voice_text) {
            (Some(path), Some(text)) => {
                Some(VoiceSample { codes: voices.sample(Path::new(path))?, text: text.clone() })
            }
            _ => self.sample.clone(),
        };
        // What a role says belongs to it: a row's role does not speak the flag's words.
        let (role, words) = match &row.role {
            Some(role) => (Some(role.as_str()), row.role_text.as_deref()),
            None => (self.role.as_deref(), row.role_text.as_deref().or(self.role_text.as_deref())),
        };
        let mut voice = match role {
            Some(role) => voices.voice(role, words)?,
            None if sample.is_some() => Voice::default(),
            None => voices.default_voice()?,
        };
        if sample.is_some() {
            voice.sample = sample;
        }

        let mut request = Request::new("");
        request.voice = voice;
        request.sampling = sampling;
        request.noise = row.rng.unwrap_or(self.noise);
        request.seed = row.seed.unwrap_or(self.seed);
        request.refine = refines.then(|| Refine { tags: refining, ..Refine::default() });
        if let Some(speed) = speed {
            request.speed = speed;
        }
        request.decoder = match row.decoder {
            Some(true) => Decoder::HiddenStates,
            Some(false) => Decoder::Codes,
            None => self.decoder,
        };
        Ok(LineSettings {
            request,
            encoding: self.encoding(row.sample_rate)?,
            reading: self.reading.of_row(row),
            role: role.unwrap_or(DEFAULT_ROLE).to_string(),
        })
    }
}

fn format(args: &OutputArgs) -> Format {
    match args.format {
        FileFormat::Wav => Format::Wav,
        FileFormat::Flac => Format::Flac,
        FileFormat::Raw => Format::Raw,
        FileFormat::Ulaw => Format::Ulaw,
        FileFormat::Alaw => Format::Alaw,
    }
}
