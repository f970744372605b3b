//! Composes requests into lines, without computing anything yet.

use std::ops::Range;
use std::path::Path;

use super::read::{Spoken, check, cut, misspelt, read};
use super::{
    CueText, FileRule, Line, Markup, Overrides, Piece, PostProcess, Reading, SpeechRequest, Voices,
    random_seed,
};
use crate::backend::SAMPLE_RATE;
use crate::engine::{CODEBOOKS, Decoder, Refine, Request};
use crate::error::{Error, Result};
use crate::sampling::SamplingParams;
use crate::text::{Homophones, Normalized, Pronounce, split, spoken_seconds};
use crate::voice::{Voice, VoiceSample};

/// The longest speech that one cue holds, in seconds.
const CUE_SECONDS: f64 = 6.0;

/// The most bytes of a table of homophones or words.
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

/// Reads a table of words and what is spoken for them.
///
/// # Errors
/// [`Error::Io`] and [`Error::BadFile`].
pub fn pronounce(path: &Path) -> Result<Pronounce> {
    let text = String::from_utf8(crate::files::read(path, MAX_TABLE)?);
    let text = text.map_err(|_| Error::bad_file(path, "it is not UTF-8, and so no table"))?;
    Pronounce::from_tsv(&text).map_err(|reason| Error::bad_file(path, reason))
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
            self.files.check_role(role, &self.voices.registry())?;
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
                speed: overrides.speed.unwrap_or(1.0),
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
            let cuts: Vec<_> = cut(&span.text.text, splits).into_iter().collect();
            let ranges: Vec<Range<usize>> = cuts.iter().map(|(range, _)| range.clone()).collect();
            let mut cues =
                if self.cues { cues_of(input, &span.text, &ranges) } else { Vec::new() }.into_iter();
            for (range, silence) in cuts {
                let text = span.text.text[range].to_string();
                let cues = cues.next().unwrap_or_default();
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

/// Returns the cues of all pieces that a text was cut into: the text as it was written, sentence by sentence. Of a word
/// that was cut itself, the last sentence shows what was written, and the cues before it are empty.
fn cues_of(input: &str, text: &Normalized, pieces: &[Range<usize>]) -> Vec<Vec<CueText>> {
    let sentences: Vec<Vec<(Range<usize>, f64)>> = pieces
        .iter()
        .map(|piece| {
            let sentences = split(&text.text[piece.clone()], CUE_SECONDS).into_iter();
            let moved = |range: &Range<usize>| piece.start + range.start..piece.start + range.end;
            sentences.map(|s| (moved(&s.range), spoken_seconds(s.text))).collect()
        })
        .collect();
    // Together, since what lies between two stretches belongs to one of them.
    let ranges: Vec<Range<usize>> = sentences.iter().flatten().map(|(range, _)| range.clone()).collect();
    let mut written = text.written(input, &ranges).into_iter();
    let of_piece = |sentences: Vec<(Range<usize>, f64)>| {
        let cue = |(range, seconds)| CueText {
            text: written.next().unwrap_or_default(),
            range: text.source(range),
            seconds,
        };
        sentences.into_iter().map(cue).collect()
    };
    sentences.into_iter().map(of_piece).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::{Checkpoint, NOISE_SEED};
    use crate::hub::NoiseSize;
    use crate::voice::Registry;

    fn cues(text: &str) -> (usize, Vec<String>) {
        let checkpoint = Checkpoint::noise(NoiseSize::Tiny, NOISE_SEED).unwrap();
        let composer = Composer::new(Voices::new(&checkpoint, Registry::shipped()));
        let mut request = SpeechRequest::new(text);
        request.overrides.split = Some(true);
        let line = composer.compose(&request).unwrap();
        let cues = line.pieces.iter().flat_map(|piece| &piece.cues).map(|cue| cue.text.clone());
        (line.pieces.len(), cues.collect())
    }

    #[test]
    fn the_cues_of_all_pieces_show_the_text_once() {
        let sentence =
            |i: usize| format!("Line {i} costs $5, as “lines” go, and it is long enough. 第{i}句。");
        let text: String = (1..20).map(sentence).collect::<Vec<_>>().join(" ");
        let (pieces, cues) = cues(&text);
        assert!(pieces > 3, "{pieces}");
        let shown: String = cues.concat().split_whitespace().collect();
        assert_eq!(shown, text.split_whitespace().collect::<String>());
    }

    #[test]
    fn a_word_that_is_cut_is_shown_once() {
        let text = "1.".repeat(20_000) + "1";
        let (pieces, cues) = cues(&text);
        assert!(pieces > 100, "{pieces}");
        assert_eq!(cues.concat(), text);
    }
}
