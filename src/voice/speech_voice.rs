//! The voice of a request.

use super::{Speaker, VoicePrompt};

/// Says who speaks. Without a speaker and without a sample the model chooses a voice from the text and the
/// seed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Voice {
    /// The speaker vector that conditions the model on a voice.
    pub speaker: Option<Speaker>,
    /// A spoken sample that the model continues.
    pub sample: Option<VoiceSample>,
}

impl From<Speaker> for Voice {
    fn from(speaker: Speaker) -> Self {
        Voice { speaker: Some(speaker), sample: None }
    }
}

/// The codes of a spoken sample and the words in it.
#[derive(Clone, Debug, PartialEq)]
pub struct VoiceSample {
    /// The codes.
    pub codes: VoicePrompt,
    /// The words spoken in them.
    pub text: String,
}
