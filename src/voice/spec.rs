//! Names of voices in one word: a seed, a string, a file, a registered role, or a mix of them.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::voice_file::Content;
use super::{FileVoice, SeedKind, Speaker, base16384};
use crate::error::{Error, Result};
use crate::message::cut;

/// The prefix of a mix.
const MIX: &str = "mix:";
/// The most voices in one mix.
const MAX_PARTS: usize = 16;
/// The most characters of a role's name.
const MAX_NAME: usize = 64;
/// The greatest number by which a role can be registered; a greater number is always a seed.
pub const MAX_ID: u64 = 32_767;
/// The endings by which a word without a folder before it is taken for a file.
const EXTENSIONS: [&str; 8] = ["txt", "pt", "pth", "pkl", "csv", "json", "npy", "safetensors"];

/// A voice by one of its names, as it is written. [`super::resolve`] finds the voice.
///
/// | written | meaning |
/// |---|---|
/// | `none` | left to the model |
/// | `2222` | the role registered by this number, else the default kind's voice of this seed |
/// | `torch-f16:2222` | the voice of a seed of a [`SeedKind`]; negative seeds as in PyTorch |
/// | `蘁淰…` | a speaker string or a voice-prompt string |
/// | `anna.pt`, `voices/anna` | a file: a known ending, or a folder before the name |
/// | `anna` | a registered role |
/// | `mix:anna*0.7 + 2222*0.3` | the weighted sum of such voices; a weight left out is 1 |
///
/// In a mix, a file's path can hold neither `+` nor `*`.
#[derive(Clone, Debug, PartialEq)]
pub enum VoiceSpec {
    /// Left to the model.
    None,
    /// A registered role's number, or else a seed of the default kind.
    Number(u64),
    /// The voice of a seed.
    Seed(SeedKind, u64),
    /// A speaker string or a voice-prompt string.
    String {
        /// The string as it was written.
        text: String,
        /// The voice that the string holds.
        voice: FileVoice,
    },
    /// A file in which [`super::read_speaker`] finds a voice.
    File(PathBuf),
    /// A registered role.
    Name(String),
    /// The sum of voices, each times its weight; none of them a mix or none.
    Mix(Vec<(VoiceSpec, f32)>),
}

impl VoiceSpec {
    /// Reads a voice as it is written; no file is opened.
    ///
    /// # Errors
    /// [`Error::Speaker`] that says what is wrong and what could be written.
    pub fn parse(text: &str) -> Result<Self> {
        let text = text.trim();
        if let Some(parts) = text.strip_prefix(MIX) {
            return VoiceSpec::parse_mix(parts);
        }
        if text == "none" {
            return Ok(VoiceSpec::None);
        }
        if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
            return SeedKind::default().parse_seed(text).map(VoiceSpec::Number);
        }
        if let Some((kind, seed)) = text.split_once(':')
            && let Ok(kind) = SeedKind::from_str(kind)
        {
            return Ok(VoiceSpec::Seed(kind, kind.parse_seed(seed)?));
        }
        if is_path(text) {
            return Ok(VoiceSpec::File(text.into()));
        }
        if Content::may_be_voice(text) {
            match FileVoice::decode(text) {
                Ok(voice) => return Ok(VoiceSpec::String { text: text.to_string(), voice }),
                // A name in Chinese is written in the same characters, but for those that close a string.
                Err(e) if !is_name(text) || text.ends_with(base16384::is_closing) => return Err(e),
                Err(_) => {}
            }
        }
        if is_name(text) {
            return Ok(VoiceSpec::Name(text.to_string()));
        }
        let (all, text) = (text, shown(text));
        Err(Error::Speaker(match all.split_once(':') {
            Some((kind, _)) => {
                let kind = shown(kind);
                format!("{text:?}: unknown kind of seed {kind:?}; known are {}", SeedKind::known())
            }
            None => format!(
                "{text:?} is neither a seed (N or KIND:N), a voice string, a file, a role's name (letters, \
                 digits, _ - .), a mix, nor `none`"
            ),
        }))
    }

    /// Reads the voices of a mix, without the word `mix:` before them.
    ///
    /// # Errors
    /// [`Error::Speaker`] for a part that is no voice, a weight that is no number, or too many parts.
    pub fn parse_mix(parts: &str) -> Result<Self> {
        let parts: Vec<&str> = parts.split('+').map(str::trim).collect();
        if parts.len() > MAX_PARTS {
            return Err(Error::Speaker(format!("a mix of {} voices; {MAX_PARTS} at most", parts.len())));
        }
        let part = |part: &str| {
            let (voice, weight) = part.rsplit_once('*').unwrap_or((part, "1"));
            if voice.trim().is_empty() {
                return Err(Error::Speaker("a voice is missing in a mix; write mix:A*0.7+B*0.3".into()));
            }
            let weight: f32 =
                weight.trim().parse().ok().filter(|weight: &f32| weight.is_finite()).ok_or_else(|| {
                    let (weight, voice) = (shown(weight.trim()), shown(voice.trim()));
                    Error::Speaker(format!("weight {weight:?} of {voice} in a mix is no number"))
                })?;
            match VoiceSpec::parse(voice)? {
                VoiceSpec::None | VoiceSpec::Mix(_) => {
                    Err(Error::Speaker(format!("{} cannot be part of a mix", shown(voice.trim()))))
                }
                voice => Ok((voice, weight)),
            }
        };
        parts.into_iter().map(part).collect::<Result<_>>().map(VoiceSpec::Mix)
    }

    /// Names a speaker by its string.
    ///
    /// # Errors
    /// [`Error::Speaker`] if the compressor fails.
    pub fn from_speaker(speaker: Speaker) -> Result<Self> {
        Ok(VoiceSpec::String { text: speaker.encode()?, voice: FileVoice::Speaker(speaker) })
    }
}

impl FromStr for VoiceSpec {
    type Err = Error;

    fn from_str(s: &str) -> Result<Self> {
        VoiceSpec::parse(s)
    }
}

/// Writes the voice in a form that can be read again: seeds as 0 to 2^64 − 1, every weight of a mix given.
impl fmt::Display for VoiceSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            VoiceSpec::None => f.write_str("none"),
            VoiceSpec::Number(number) => write!(f, "{number}"),
            VoiceSpec::Seed(kind, seed) => write!(f, "{kind}:{seed}"),
            VoiceSpec::String { text, .. } => f.write_str(text),
            VoiceSpec::File(path) => write!(f, "{}", path.display()),
            VoiceSpec::Name(name) => f.write_str(name),
            VoiceSpec::Mix(parts) => {
                for (i, (voice, weight)) in parts.iter().enumerate() {
                    write!(f, "{}{voice}*{weight}", if i == 0 { MIX } else { "+" })?;
                }
                Ok(())
            }
        }
    }
}

/// Checks a name under which a role is to be registered: letters of any script, digits, `_`, `-` and `.`, not
/// beginning with `-` or `.`, at most 64 characters; or a number from 0 to 32767. A name that would be read as
/// something else is refused.
///
/// # Errors
/// [`Error::Speaker`] that says what is wrong with it.
pub fn check_name(name: &str) -> Result<()> {
    let spec = VoiceSpec::parse(name);
    let written = shown(name);
    match spec {
        Ok(VoiceSpec::Name(_)) if name.trim() == name => Ok(()),
        Ok(VoiceSpec::Number(id)) if id <= MAX_ID && id.to_string() == name => Ok(()),
        Ok(VoiceSpec::Number(_)) => {
            Err(Error::Speaker(format!("{written:?} is no role's number; numbers are 0 to {MAX_ID}")))
        }
        _ => Err(Error::Speaker(format!(
            "{written:?} is no role's name; names are up to {MAX_NAME} letters, digits, _ - . and do not look like \
             a file, a voice string or `none`"
        ))),
    }
}

/// Returns as much of a text as a message shows: a name's worth.
fn shown(text: &str) -> &str {
    cut(text, MAX_NAME)
}

fn is_path(text: &str) -> bool {
    let extension = Path::new(text).extension().and_then(|extension| extension.to_str());
    text.contains(['/', '\\'])
        || extension
            .is_some_and(|extension| EXTENSIONS.iter().any(|known| extension.eq_ignore_ascii_case(known)))
}

fn is_name(text: &str) -> bool {
    let belongs = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
    !text.is_empty()
        && text.chars().count() <= MAX_NAME
        && !text.starts_with(['-', '.'])
        && text.chars().all(belongs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use half::f16;

    fn string() -> String {
        Speaker::new(vec![f16::ONE; 768]).unwrap().encode().unwrap()
    }

    fn seed(kind: SeedKind, seed: u64) -> VoiceSpec {
        VoiceSpec::Seed(kind, seed)
    }

    #[test]
    fn every_form_is_read_and_written_back() {
        let string = string();
        let voice = FileVoice::decode(&string).unwrap();
        for (text, spec) in [
            ("none", VoiceSpec::None),
            ("2222", VoiceSpec::Number(2222)),
            ("torch-f16:2222", seed(SeedKind::TorchF16, 2222)),
            ("forge-cuda:7", seed(SeedKind::ForgeCuda, 7)),
            (&string, VoiceSpec::String { text: string.clone(), voice }),
            ("anna.pt", VoiceSpec::File("anna.pt".into())),
            ("voices/anna", VoiceSpec::File("voices/anna".into())),
            (r"C:\voices\anna.TXT", VoiceSpec::File(r"C:\voices\anna.TXT".into())),
            ("anna", VoiceSpec::Name("anna".into())),
            ("anna_2.v-1", VoiceSpec::Name("anna_2.v-1".into())),
            ("旁白", VoiceSpec::Name("旁白".into())),
        ] {
            assert_eq!(VoiceSpec::parse(text).unwrap(), spec);
            assert_eq!(VoiceSpec::parse(&format!(" {text}\n")).unwrap(), spec);
            assert_eq!(spec.to_string(), text);
        }
        assert_eq!(VoiceSpec::parse("cuda:-1").unwrap().to_string(), "cuda:18446744073709551615");
    }

    #[test]
    fn a_mix_is_read_with_its_weights() {
        let mix = VoiceSpec::parse("mix: anna*0.7 + torch-f16:2 * -.25+旁白 + a/b.pt*1e-1").unwrap();
        let name = |name: &str| VoiceSpec::Name(name.into());
        let parts = vec![
            (name("anna"), 0.7),
            (seed(SeedKind::TorchF16, 2), -0.25),
            (name("旁白"), 1.0),
            (VoiceSpec::File("a/b.pt".into()), 0.1),
        ];
        assert_eq!(mix, VoiceSpec::Mix(parts));
        assert_eq!(mix.to_string(), "mix:anna*0.7+torch-f16:2*-0.25+旁白*1+a/b.pt*0.1");
        assert_eq!(VoiceSpec::parse(&mix.to_string()).unwrap(), mix);
        assert_eq!(
            VoiceSpec::parse(&format!("mix:{}*0.5+2", string())).unwrap().to_string().len(),
            string().len() + 12
        );
    }

    #[test]
    fn what_is_no_voice_says_why() {
        let damaged = string().chars().skip(1).collect::<String>();
        for (text, word) in [
            ("", "neither a seed"),
            ("a b", "neither a seed"),
            ("-5", "neither a seed"),
            ("--role", "neither a seed"),
            ("torch-f64:3", "unknown kind of seed \"torch-f64\"; known are torch-f32"),
            ("torch-f32:x", "\"x\" is no seed"),
            ("forge:-1", "Speech-AI-Forge"),
            ("18446744073709551616", "no seed"),
            (&"a".repeat(65), "neither a seed"),
            (&damaged, "not a speaker string"),
            (&"蘁淰".repeat(40), "not a speaker string"),
            ("mix:", "missing in a mix"),
            ("mix:a+", "missing in a mix"),
            ("mix:a*x", "weight \"x\" of a"),
            ("mix:a*inf", "weight"),
            ("mix:a+none", "none cannot be part"),
            ("mix:a+mix:b", "mix:b cannot be part"),
            (&format!("mix:{}", ["a"; 17].join("+")), "17 voices"),
        ] {
            let e = VoiceSpec::parse(text).unwrap_err().to_string();
            assert!(e.starts_with("voice: ") && e.contains(word), "{text}: {e}");
        }
    }

    #[test]
    fn what_is_long_is_not_repeated_whole() {
        let long = "a:字\0 ".repeat(2000);
        for text in [&long, &format!("mix:{long}"), &format!("mix:a*{long}"), &format!("mix:mix:{long}")] {
            let of_name = check_name(text).unwrap_err().to_string();
            let e = VoiceSpec::parse(text).unwrap_err().to_string();
            assert!(e.len() < 500 && of_name.len() < 500, "{e}\n{of_name}");
        }
        assert!(VoiceSpec::parse(&format!("cuda:{}", "9".repeat(5000))).unwrap_err().to_string().len() < 300);
    }

    #[test]
    fn names_that_would_be_read_as_something_else_cannot_be_registered() {
        for name in ["anna", "7", "0", "32767", "旁白.2", "Ünal", &"字".repeat(64)] {
            check_name(name).unwrap();
        }
        let string = string();
        for name in
            ["", "none", "-a", ".a", "a b", " a", "a/b", "a.pt", "07", "32768", "mix:a", "cuda:1", &string]
        {
            assert!(check_name(name).is_err(), "{name}");
        }
    }
}
