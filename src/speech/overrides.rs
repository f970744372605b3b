//! The settings of one request, each listed once: flags, manifest rows and request bodies all fill these.

use serde::de::{self, Deserializer, MapAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::field::{Field, is_positive};
use crate::audio::{LOUDNESS_TARGETS, SPEEDS, Stretcher};
use crate::engine::CODEBOOKS;
use crate::error::{Error, Result};
use crate::message::unknown;
use crate::sampling::{NoiseMode, SamplingParams};
use crate::speech::Lang;
use crate::text::{ControlTags, Pronounce};

/// Declares a group of settings: for each of them a line of documentation, the type, the flag, and how a JSON
/// value is read.
macro_rules! settings {
    (
        $(#[$outer:meta])* $group:ident { $($(#[$meta:meta])* $name:ident: $type:ty = $read:expr;)* }
        $(with { $($(#[$inner_meta:meta])* $inner:ident: $inner_type:ty,)* })?
    ) => {
        $(#[$outer])*
        #[derive(Clone, Debug, Default, PartialEq, Serialize)]
        #[cfg_attr(feature = "cli", derive(clap::Args))]
        #[non_exhaustive]
        pub struct $group {
            $($(
                $(#[$inner_meta])*
                #[serde(flatten)]
                #[cfg_attr(feature = "cli", command(flatten))]
                pub $inner: $inner_type,
            )*)?
            $($(#[$meta])* #[serde(skip_serializing_if = "Option::is_none")] pub $name: Option<$type>,)*
        }

        impl $group {
            /// Returns the names of all settings.
            pub fn keys() -> Vec<&'static str> {
                let own: Vec<&'static str> = vec![$(stringify!($name)),*];
                $(let own = [own, $(<$inner_type>::keys()),*].concat();)?
                own
            }

            /// Sets one setting from JSON; returns false if there is none of that name.
            fn set(&mut self, field: &Field) -> Result<bool, String> {
                $($(
                    if self.$inner.set(field)? {
                        return Ok(true);
                    }
                )*)?
                match field.key {
                    $(stringify!($name) => {
                        let read: fn(&Field) -> Result<$type, String> = $read;
                        self.$name = Some(read(field)?);
                    })*
                    _ => return Ok(false),
                }
                Ok(true)
            }

            /// Fills every setting that is not set from another group.
            fn or(self, other: &$group) -> $group {
                $group {
                    $($($inner: self.$inner.or(&other.$inner),)*)?
                    $($name: self.$name.or_else(|| other.$name.clone()),)*
                }
            }
        }
    };
}

settings! {
    /// Settings of how tokens are drawn.
    SamplingOverrides {
        /// The generation seed; the same seed gives the same speech. Drawn and printed if absent
        #[cfg_attr(feature = "cli", arg(long, value_name = "N", allow_negative_numbers = true,
            help_heading = "Generation"))]
        seed: u64 = |f| f.whole(0, u64::MAX, "a whole number from 0 to 2^64 - 1");
        /// Divides the logits: higher is livelier. One value, or one per codebook
        #[cfg_attr(feature = "cli", arg(long, value_name = "T", allow_negative_numbers = true,
            value_delimiter = ',', help_heading = "Generation",
            hide_short_help = true))]
        temperature: Vec<f32> = |f| f.temperatures();
        /// Draw from the likeliest tokens that together reach this probability
        #[cfg_attr(feature = "cli", arg(long, value_name = "P", allow_negative_numbers = true,
            help_heading = "Generation",
            hide_short_help = true))]
        top_p: f64 = |f| f.number("a number above 0 and at most 1", |p| p > 0.0 && p <= 1.0);
        /// Draw from at most so many tokens
        #[cfg_attr(feature = "cli", arg(long, value_name = "K", allow_negative_numbers = true,
            help_heading = "Generation",
            hide_short_help = true))]
        top_k: usize = |f| f.count(1);
        /// Above 1, what was drawn in the last 16 steps becomes less likely
        #[cfg_attr(feature = "cli", arg(long, value_name = "X", allow_negative_numbers = true,
            help_heading = "Generation",
            hide_short_help = true))]
        repetition_penalty: f32 = |f| Ok(f.number("a number above 0", is_positive)? as f32);
        /// Stop after so many tokens; of speech, 46.875 are a second
        #[cfg_attr(feature = "cli", arg(long, value_name = "N", allow_negative_numbers = true,
            help_heading = "Generation",
            hide_short_help = true))]
        max_tokens: usize = |f| f.count(1);
        /// Do not end before so many tokens
        #[cfg_attr(feature = "cli", arg(long, value_name = "N", allow_negative_numbers = true,
            help_heading = "Generation",
            hide_short_help = true))]
        min_tokens: usize = |f| f.count(0);
        /// How a seed's random numbers run: anew at every step, or on from step to step [default: repeat]
        #[cfg_attr(feature = "cli", arg(long, value_name = "MODE", value_enum, help_heading = "Generation",
            hide_short_help = true))]
        rng: NoiseMode = |f| f.rng();
    }
}

settings! {
    /// Settings of how a text is read.
    ReadingOverrides {
        /// The language texts are read in [default: auto]
        #[cfg_attr(feature = "cli", arg(long, alias = "language", value_name = "LANG", value_enum,
            help_heading = "Input"))]
        lang: Lang = |f| f.language();
        /// Fail a text of which a character would not be spoken, instead of warning
        #[cfg_attr(feature = "cli", arg(long, num_args = 0, default_missing_value = "true",
            help_heading = "Input", hide_short_help = true))]
        strict: bool = |f| f.truth();
        /// Speak emoji by their names instead of leaving them out
        #[cfg_attr(feature = "cli", arg(long, num_args = 0, default_missing_value = "true",
            help_heading = "Input", hide_short_help = true))]
        name_emoji: bool = |f| f.truth();
        /// Your own readings: a file with a word, a tab and what is spoken for it in each line
        ///
        /// Whole words, the longest first, as they are written, and words without capitals in any case too; Chinese
        /// words wherever they stand. They go before all that is known otherwise. What is spoken is read like any
        /// text, numbers and all. A line that begins with # is a comment.
        #[cfg_attr(feature = "cli", arg(long, value_name = "FILE", value_parser = words_file(),
            value_hint = clap::ValueHint::FilePath, help_heading = "Input", hide_short_help = true))]
        pronounce: Pronounce = |f| f.words();
    }
}

settings! {
    /// Settings of how a text is marked up.
    MarkupOverrides {
        /// Texts are SSML: p, s, break, say-as, sub, prosody, voice; a file is one text
        #[cfg_attr(feature = "cli", arg(long, num_args = 0, default_missing_value = "true",
            conflicts_with = "markdown", help_heading = "Input"))]
        ssml: bool = |f| f.truth();
        /// Texts are Markdown, read without its signs; a file is one text
        #[cfg_attr(feature = "cli", arg(long, num_args = 0, default_missing_value = "true",
            help_heading = "Input", hide_short_help = true))]
        markdown: bool = |f| f.truth();
    }
}

settings! {
    /// Says where a request departs from what holds for all. What is `None` is left as it is.
    ///
    /// It is read from JSON, all groups as one object, with the same names, ranges and messages everywhere;
    /// `no_decoder` is accepted as the contrary of `decoder`, and `voice` as the earlier name of `voice_codes`.
    Overrides {
        /// Who speaks: a role, a seed, a speaker string, a file, a spoken sample, a mix, or `none`
        ///
        /// A registered name or number (see `roles list`); N or torch-f32:N, the voice that published voice lists mean
        /// by seed N; torch-f16:N, cuda:N and forge:N, what the Python package draws on a CPU with PyTorch up to 2.11,
        /// on a GPU, and what Speech-AI-Forge draws; a speaker string; a .txt, .pt, .csv, .safetensors or .json file
        /// that holds one; a .wav, .flac or .mp3 sample with --role-text; mix:A*0.7+B*0.3; `none` leaves the voice to
        /// the model. Without --role (and --voice-codes) the voice is that of seed 2222.
        #[cfg_attr(feature = "cli", arg(long, aliases = ["voice", "speaker"], value_name = "ROLE",
            help_heading = "Voice"))]
        role: String = |f| f.string_or_number();
        /// What the sample given as --role says, word for word
        #[cfg_attr(feature = "cli", arg(long, value_name = "TEXT", requires = "role", help_heading = "Voice"))]
        role_text: String = |f| f.string();
        /// A sample to continue, as codes (4, n) in a safetensors file; takes --voice-text
        #[cfg_attr(feature = "cli", arg(long, value_name = "FILE", requires = "voice_text",
            value_hint = clap::ValueHint::FilePath, help_heading = "Voice", hide_short_help = true))]
        voice_codes: String = |f| f.string();
        /// What the sample says, word for word
        #[cfg_attr(feature = "cli", arg(long, value_name = "TEXT", requires = "voice_codes", help_heading = "Voice",
            hide_short_help = true))]
        voice_text: String = |f| f.string();
        /// Control tags: [oral_0-9] [laugh_0-2] [break_0-7] steer refining (and switch it on), [speed_0-9] the pace
        ///
        /// Brackets may be left out: "oral_2 speed_4". `[uv_break]`, `[lbreak]`, `[laugh]` and the model's other
        /// control tokens may stand in a text.
        #[cfg_attr(feature = "cli", arg(long, value_name = "TAGS", help_heading = "Generation"))]
        prompt: String = |f| f.string();
        /// How fast it is spoken, 0.25 to 4; the pitch stays [default: 1]
        ///
        /// The finished sound is stretched, pauses and all: 1.25 takes four fifths of the time. The model's own pace is
        /// a tag of the prompt, `speed_0` to `speed_9`, of which 5 is what it speaks with otherwise; it changes how
        /// words are said.
        #[cfg_attr(feature = "cli", arg(long, value_name = "X", allow_negative_numbers = true, value_parser = speed,
            help_heading = "Voice"))]
        speed: f32 = |f| Ok(f.number(SPEED, |speed| SPEEDS.contains(&(speed as f32)))? as f32);
        /// Rewrite each text with pauses, laughs and fillers first
        #[cfg_attr(feature = "cli", arg(long, num_args = 0, default_missing_value = "true",
            conflicts_with = "no_refine", help_heading = "Generation", hide_short_help = true))]
        refine: bool = |f| f.truth();
        /// Whether the wave is made from hidden states, not from codes alone through the DVAE.
        #[cfg_attr(feature = "cli", arg(skip))]
        decoder: bool = |f| f.truth();
        /// Whether the text is read as it is spoken; if not, it goes to the tokenizer untouched.
        #[cfg_attr(feature = "cli", arg(skip))]
        normalize: bool = |f| f.truth();
        /// Speak texts in pieces, sentence by sentence, in one voice
        ///
        /// The default for texts above about 30 s of speech, unless --no-normalize or --dump is given.
        #[cfg_attr(feature = "cli", arg(long, num_args = 0, default_missing_value = "true",
            conflicts_with = "no_split", help_heading = "Input", hide_short_help = true))]
        split: bool = |f| f.truth();
        /// Samples per second; the model's own rate is 24000 [default: 24000, G.711: 8000]
        #[cfg_attr(feature = "cli", arg(long, value_name = "HZ", help_heading = "Output",
            hide_short_help = true))]
        sample_rate: u32 = |f| Ok(f.whole(1, u32::MAX.into(), "samples per second, such as 24000")? as u32);
        /// Cut what is quiet at both ends; digital silence is always cut
        #[cfg_attr(feature = "cli", arg(long, num_args = 0, default_missing_value = "true",
            help_heading = "Output", hide_short_help = true))]
        trim: bool = |f| f.truth();
        /// Bring every text to this loudness, such as -16, without clipping
        #[cfg_attr(feature = "cli", arg(long, value_name = "LUFS", allow_negative_numbers = true,
            help_heading = "Output", hide_short_help = true))]
        normalize_loudness: f64 =
            |f| f.number("LUFS from -70 to 0, such as -16", |lufs| LOUDNESS_TARGETS.contains(&lufs));
    }
    with {
        /// How tokens of speech are drawn; refining keeps its own defaults.
        sampling: SamplingOverrides,
        /// How the text is read.
        reading: ReadingOverrides,
        /// How the text is marked up.
        markup: MarkupOverrides,
    }
}

/// The name that `voice_codes` had.
const OLD_VOICE_CODES: &str = "voice";

/// A speed in words.
const SPEED: &str =
    "a number from 0.25 to 4, such as 1.25; the model's own pace is the tag [speed_N] of a prompt";

/// Returns what reads the file of words that a flag names.
#[cfg(feature = "cli")]
fn words_file() -> impl clap::builder::TypedValueParser<Value = Pronounce> {
    use clap::builder::{PathBufValueParser, TypedValueParser};
    PathBufValueParser::new().try_map(|path| crate::speech::pronounce(&path))
}

/// Reads a speed as a flag gives it.
#[cfg(feature = "cli")]
fn speed(text: &str) -> Result<f32, String> {
    text.parse().ok().filter(|speed| SPEEDS.contains(speed)).ok_or_else(|| SPEED.into())
}

impl SamplingOverrides {
    /// Returns how tokens are drawn: the defaults, and what these say in their place.
    pub fn over(&self, defaults: SamplingParams) -> SamplingParams {
        SamplingParams {
            temperature: self.temperature.clone().unwrap_or(defaults.temperature),
            top_p: self.top_p.unwrap_or(defaults.top_p),
            top_k: self.top_k.unwrap_or(defaults.top_k),
            repetition_penalty: self.repetition_penalty.unwrap_or(defaults.repetition_penalty),
            max_tokens: self.max_tokens.unwrap_or(defaults.max_tokens),
            min_tokens: self.min_tokens.unwrap_or(defaults.min_tokens),
        }
    }
}

impl Overrides {
    /// Returns every key that JSON may have.
    pub fn all_keys() -> Vec<&'static str> {
        [Overrides::keys(), vec!["no_decoder", OLD_VOICE_CODES]].concat()
    }

    /// Sets one setting from JSON, where null counts as absent; returns false if there is none of that name.
    pub(crate) fn set_json(&mut self, key: &str, value: &Value) -> Result<bool, String> {
        let field = Field { key, value };
        if value.is_null() {
            return Ok(Overrides::all_keys().contains(&key));
        }
        if key == "no_decoder" {
            self.decoder = Some(!field.truth()?);
            return Ok(true);
        }
        if key == OLD_VOICE_CODES {
            self.voice_codes = Some(field.string()?);
            return Ok(true);
        }
        self.set(&field)
    }

    /// Lays these settings over the common ones. A role brings its own words. A prompt that sets refining or
    /// the pace replaces only that part; own readings leave those of other words.
    ///
    /// # Errors
    /// As [`Overrides::tags`].
    pub fn over(mut self, base: &Overrides) -> Result<Overrides> {
        let (own, others) = (self.tags()?, base.tags()?);
        let mut base = base.clone();
        let refining = if self.prompt.is_some() { own.refining } else { others.refining };
        let speech = own.speech.or(others.speech);
        self.prompt = Some(refining + &speech.unwrap_or_default());
        if self.role.is_some() {
            base.role_text = None;
        }
        if self.voice_codes.is_some() {
            base.voice_text = None;
        }
        if self.markup.ssml == Some(true) {
            base.markup.markdown = None;
        }
        if let (Some(own), Some(common)) = (&self.reading.pronounce, &base.reading.pronounce) {
            self.reading.pronounce = Some(own.over(common));
        }
        if self.markup.markdown == Some(true) {
            base.markup.ssml = None;
        }
        Ok(self.or(&base))
    }

    /// Returns the control tags of `prompt`.
    ///
    /// # Errors
    /// [`Error::UnknownTag`], or [`Error::Parameter`] for a family of tags that is given twice.
    pub fn tags(&self) -> Result<ControlTags> {
        ControlTags::parse(self.prompt.as_deref().unwrap_or_default())
    }

    /// Checks each setting and their combination, as far as that is possible without a model.
    ///
    /// # Errors
    /// [`Error::Parameter`] and [`Error::UnknownTag`].
    pub fn validate(&self) -> Result<()> {
        let tags = self.tags()?;
        if self.refine == Some(false) && !tags.refining.is_empty() {
            return Err(Error::parameter("refine", format!("it is off and contradicts {}", tags.refining)));
        }
        self.sampling.over(SamplingParams::speech()).validate(CODEBOOKS)?;
        Stretcher::new(self.speed.unwrap_or(1.0))?;
        match self.contradiction() {
            Some((name, reason)) => Err(Error::parameter(name, reason)),
            None => Ok(()),
        }
    }

    /// Returns the first contradiction between settings: the name of one of them, and the reason.
    fn contradiction(&self) -> Option<(&'static str, String)> {
        let (ssml, markdown) = (self.markup.ssml == Some(true), self.markup.markdown == Some(true));
        if ssml && markdown {
            return Some(("ssml", "contradicts `markdown`; give one".into()));
        }
        if (ssml || markdown) && self.normalize == Some(false) {
            let reason = "false leaves the text as it is, so it cannot be `ssml` or `markdown`";
            return Some(("normalize", reason.into()));
        }
        match (&self.voice_codes, &self.voice_text) {
            (Some(_), None) => {
                let reason = "is given without `voice_text`, what the sample says; a voice's name is `role`";
                return Some(("voice_codes", reason.into()));
            }
            (None, Some(_)) => {
                return Some(("voice_text", "is given without `voice_codes`, the file of the sample".into()));
            }
            _ => {}
        }
        match (self.sampling.min_tokens, self.sampling.max_tokens) {
            (Some(least), Some(most)) if least > most => {
                Some(("min_tokens", format!("{least} is more than `max_tokens`, {most}")))
            }
            _ => None,
        }
    }

    /// Checks the settings as [`Overrides::validate`] does, with messages for the writer of the JSON.
    pub(crate) fn check_written(&self) -> Result<(), String> {
        if let Some((name, reason)) = self.contradiction() {
            let colon = if reason.starts_with(|c: char| c.is_ascii_digit()) || reason.starts_with("false") {
                ":"
            } else {
                ""
            };
            return Err(format!("`{name}`{colon} {reason}"));
        }
        if self.normalize == Some(false) && self.reading.pronounce.is_some() {
            return Err("`normalize`: false leaves the text as it is, so it takes no `pronounce`".into());
        }
        let tags = self.tags().map_err(|e| match e {
            Error::Parameter { reason, .. } => format!("`prompt`: {reason}"),
            other => format!("`prompt`: {other}"),
        })?;
        if self.refine == Some(false) && !tags.refining.is_empty() {
            return Err(format!("`refine`: false contradicts {} in `prompt`", tags.refining));
        }
        Ok(())
    }
}

impl<'de> Deserialize<'de> for Overrides {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Overrides;

            fn expecting(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
                f.write_str("an object of settings")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Overrides, A::Error> {
                let mut overrides = Overrides::default();
                while let Some((key, value)) = map.next_entry::<String, Value>()? {
                    if !overrides.set_json(&key, &value).map_err(de::Error::custom)? {
                        return Err(de::Error::custom(unknown(&key, &Overrides::all_keys())));
                    }
                }
                overrides.check_written().map_err(de::Error::custom)?;
                Ok(overrides)
            }
        }
        from.deserialize_map(Object)
    }
}
