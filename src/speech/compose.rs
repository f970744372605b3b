//! Composes requests into lines, without computing anything yet.

use std::ops::Range;
use std::path::Path;

use super::read::{Spoken, check, cut, misspelt, read};
use super::{
    CueText, FileRule, Line, Markup, Overrides, Piece, PostProcess, Reading, SpeechRequest, Voices,
    random_seed,
};
use crate::engine::{CODEBOOKS, Decoder, Refine, Request};
use crate::error::{Error, Result};
use crate::model::SAMPLE_RATE;
use crate::sampling::SamplingParams;
use crate::text::{Homophones, Normalized, split, spoken_seconds};
use crate::voice::{Voice, VoiceSample};

/// The longest speech that one cue holds, in seconds.
const CUE_SECONDS: f64 = 6.0;

/// The most bytes of a homophone table.
const MAX_TABLE: u64 = 16 << 20;

/// Reads a homophone table.
///
/// # Errors
/// [`Error::Io`] and [`Error::BadFile`].
pub fn homophones(path: &Path) -> Result<Homophones> {
    let json = String::from_utf8(crate::files::read(path, MAX_TABLE)?);
    let json = json.map_err(|_| Error::bad_file(path, "it is not UTF-8, and so no table"))?;
    Homophones::from_json(&json).map_err(|reason| Error::bad_file(path, reason))
}

/// Makes lines of requests: reads their texts, cuts them into pieces and finds their voices.
pub struct Composer {
    /// The voices that requests may name.
    pub voices: Voices,
    /// Characters that the model misreads.
    pub homophones: Option<Homophones>,
    /// Whether lines have cues, which show sentences while they are spoken.
    pub cues: bool,
    /// The files that voices named in a text's markup may be read from.
    pub files: FileRule,
}

impl Composer {
    /// Makes a composer with these voices, and with cues.
    pub fn new(voices: Voices) -> Self {
        Composer { voices, homophones: None, cues: true, files: FileRule::Any }
    }

    /// Makes a line of a request. Settings may contradict one another where a line overrides the common ones;
    /// the more specific one then counts. [`Overrides::validate`] refuses contradictions that one writer made.
    ///
    /// # Errors
    /// An error of the text, the overrides or the voice.
    pub fn compose(&self, request: &SpeechRequest) -> Result<Line> {
        let SpeechRequest { text: input, overrides, priority } = request;
        let mut warnings = Vec::new();
        let tags = overrides.tags()?;
        let own_voice = self.own_voice(overrides, &mut warnings)?;
        let reading = Reading::of(overrides);
        let spans = read(input, reading, self.homophones.as_ref())?;
        warnings.extend(check(input, &spans, reading.strict)?);
        warnings.extend(misspelt(input));
        let mut roles: Vec<&str> = Vec::new();
        let pieces = self.pieces(input, &spans, overrides.split, &mut roles);
        let mut voices = vec![own_voice];
        for role in roles {
            self.files.check_role(role, self.voices.registry())?;
            voices.push(self.voices.find(role, None, &mut warnings)?);
        }
        if let Some(sample) = voices[0].sample.as_mut().filter(|_| reading.normalize) {
            // The words of a sample are read as the text is: the model must find in them what it knows.
            let words = Reading { markup: Markup::None, ..reading };
            let spoken = read(&sample.text, words, self.homophones.as_ref())?;
            let dropped = check(&sample.text, &spoken, reading.strict)?;
            warnings
                .extend(dropped.map(|w| super::Warning::other(format!("the sample's words: {}", w.message))));
            sample.text = spoken.into_iter().map(|span| span.text.text).collect();
        }
        let mut generation = Request::new("");
        generation.sampling = overrides.sampling.over(SamplingParams::speech());
        generation.sampling.validate(CODEBOOKS)?;
        generation.noise = overrides.sampling.rng.unwrap_or_default();
        generation.seed = overrides.sampling.seed.unwrap_or_else(random_seed);
        let refines = overrides.refine.unwrap_or(!tags.refining.is_empty());
        generation.refine = refines.then(|| Refine { tags: tags.refining, ..Refine::default() });
        if let Some(speed) = tags.speech {
            generation.speed = speed;
        }
        if overrides.decoder == Some(false) {
            generation.decoder = Decoder::Codes;
        }
        Ok(Line {
            spoken: spans.iter().map(|span| span.text.text.as_str()).collect(),
            pieces,
            voices,
            request: generation,
            post_process: PostProcess {
                trim: overrides.trim.unwrap_or(false),
                loudness: overrides.normalize_loudness,
                sample_rate: overrides.sample_rate.unwrap_or(SAMPLE_RATE),
            },
            priority: *priority,
            streams: true,
            traces: false,
            warnings,
            role: overrides.role.clone(),
            is_ssml: reading.markup == Markup::Ssml,
        })
    }

    fn own_voice(&self, overrides: &Overrides, warnings: &mut Vec<super::Warning>) -> Result<Voice> {
        let sample = match (&overrides.voice_codes, &overrides.voice_text) {
            (Some(path), Some(text)) => {
                Some(VoiceSample { codes: self.voices.codes(Path::new(path))?, text: text.clone() })
            }
            _ => None,
        };
        let mut voice = match &overrides.role {
            Some(role) => self.voices.find(role, overrides.role_text.as_deref(), warnings)?,
            None if sample.is_some() => Voice::default(),
            None => self.voices.default_voice(warnings)?,
        };
        if sample.is_some() {
            voice.sample = sample;
        }
        Ok(voice)
    }

    /// Cuts all spans into pieces; a role that is not known yet is added to `roles`.
    fn pieces<'a>(
        &self,
        input: &str,
        spans: &'a [Spoken],
        splits: Option<bool>,
        roles: &mut Vec<&'a str>,
    ) -> Vec<Piece> {
        let mut pieces: Vec<Piece> = Vec::new();
        for span in spans {
            let voice = span.voice.as_deref().map_or(0, |role| {
                let known = roles.iter().position(|known| *known == role);
                1 + known.unwrap_or_else(|| {
                    roles.push(role);
                    roles.len() - 1
                })
            });
            let speed = span.speed.map(|speed| format!("[speed_{speed}]"));
            for (range, silence) in cut(&span.text.text, splits) {
                let text = span.text.text[range.clone()].to_string();
                let cues = if self.cues { cues_of(input, &span.text, range) } else { Vec::new() };
                pieces.push(Piece { text, speed: speed.clone(), voice, silence, cues });
            }
            if let Some(last) = pieces.last_mut() {
                last.silence = last.silence.max(span.silence);
            }
        }
        // Nothing follows that it would be parted from.
        if let Some(last) = pieces.last_mut() {
            last.silence = spans.last().map_or(0.0, |span| span.silence);
        }
        pieces
    }
}

/// Returns the cues of a piece: the text as it was written, sentence by sentence.
fn cues_of(input: &str, text: &Normalized, piece: Range<usize>) -> Vec<CueText> {
    let sentences = split(&text.text[piece.clone()], CUE_SECONDS);
    let moved = |range: &Range<usize>| piece.start + range.start..piece.start + range.end;
    let ranges: Vec<_> = sentences.iter().map(|sentence| moved(&sentence.range)).collect();
    let written = text.written(input, &ranges);
    let cue = |((text_of, sentence), range): ((String, crate::text::Segment), &Range<usize>)| CueText {
        text: text_of,
        range: text.source(range.clone()),
        seconds: spoken_seconds(sentence.text),
    };
    written.into_iter().zip(sentences).zip(&ranges).map(cue).collect()
}
