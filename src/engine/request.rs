//! Requests to the engine, and their results.

use serde::{Deserialize, Serialize};

use super::hiddens::Hiddens;
use crate::sampling::{NoiseMode, SamplingParams};
use crate::voice::Voice;

/// Codebooks of every ChatTTS; the model's own count is checked again when it speaks.
pub const CODEBOOKS: usize = 4;

/// The reference's prompt for speech when nothing else is asked for: a middling pace.
pub const DEFAULT_SPEED: &str = "[speed_5]";

/// Holds one text to be spoken (or refined), with all that its result depends on.
#[derive(Clone, Debug)]
pub struct Request {
    /// The text as the tokenizer gets it; cleaning is [`crate::text::normalize()`]'s.
    pub text: String,
    /// The voice that speaks.
    pub voice: Voice,
    /// Control tags in front of the text, such as `[speed_5]`.
    pub speed: String,
    /// Rewrite the text first, with pauses, laughs and fillers.
    pub refine: Option<Refine>,
    /// The parameters by which codes are drawn.
    pub sampling: SamplingParams,
    /// The generation seed, of which the low 32 bits count; the same seed gives the same speech.
    pub seed: u64,
    /// The way that the seed's noise runs from step to step.
    pub noise: NoiseMode,
    /// The source that the wave is made from.
    pub decoder: Decoder,
}

impl Request {
    /// Asks for a text under the reference's defaults, without a voice of its own.
    pub fn new(text: impl Into<String>) -> Self {
        Request {
            text: text.into(),
            voice: Voice::default(),
            speed: DEFAULT_SPEED.into(),
            refine: None,
            sampling: SamplingParams::speech(),
            seed: 0,
            noise: NoiseMode::default(),
            decoder: Decoder::default(),
        }
    }
}

/// Names what a wave is made from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Decoder {
    /// The hidden states that codes were drawn from, through the decoder: the better sound.
    #[default]
    HiddenStates,
    /// The codes alone, through the DVAE.
    Codes,
}

/// Says how a text is refined.
#[derive(Clone, Debug, PartialEq)]
pub struct Refine {
    /// Tags that steer refining, such as `[oral_2][laugh_0][break_6]`; may be empty.
    pub tags: String,
    /// The parameters by which text tokens are drawn.
    pub sampling: SamplingParams,
}

impl Default for Refine {
    fn default() -> Self {
        Refine { tags: String::new(), sampling: SamplingParams::refine() }
    }
}

/// Says why a generation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FinishReason {
    /// The model drew its end token.
    End,
    /// `max_tokens` were out; the speech is cut off.
    MaxTokens,
    /// The model's context was full; the speech is cut off.
    ContextFull,
}

/// Holds a text that the model rewrote.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Refined {
    /// The text, control tags included.
    pub text: String,
    /// Tokens of the prompt.
    pub input_ids: Vec<u32>,
    /// Tokens drawn.
    pub tokens: Vec<u32>,
    /// The reason why it ended.
    pub finish: FinishReason,
}

/// Holds the codes of a spoken text.
#[derive(Clone, Debug, PartialEq)]
pub struct Codes {
    /// The prompt: per position one value per codebook (a text token repeated, or a sample's codes).
    pub input_ids: Vec<Vec<u32>>,
    /// Per step one code per codebook.
    pub tokens: Vec<Vec<u32>>,
    /// The hidden states the codes were drawn from: (steps, hidden), row by row.
    pub hiddens: Hiddens,
    /// The reason why it ended.
    pub finish: FinishReason,
    /// The refined text, if refining was asked for.
    pub refined: Option<Refined>,
    /// The source that its request wants the wave to be made from.
    pub decoder: Decoder,
}

impl Codes {
    /// Returns the codes as one row per codebook.
    pub fn by_codebook(&self) -> Vec<Vec<u16>> {
        let books = self.tokens.first().map_or(0, Vec::len);
        (0..books).map(|book| self.tokens.iter().map(|step| step[book] as u16).collect()).collect()
    }
}
