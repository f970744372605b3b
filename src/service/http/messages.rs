//! The messages of a WebSocket's client, and those of them that wait.

use std::collections::VecDeque;

use serde_json::{Map, Value};

use super::routes::Face;
use crate::error::Visible;
use crate::service::{Cuts, Refusal, RefusalKind, SpeechJob};
use crate::speech::shown;

/// The types of messages.
const TYPES: [&str; 6] =
    ["session.config", "input.text", "input.flush", "input.done", "input.cancel", "session.close"];
/// The most messages that wait, beside the texts that become one.
const MESSAGES: usize = 64;

/// A message.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// Settings, of the utterances that follow.
    Config(Map<String, Value>),
    /// More of the text.
    Text(String),
    /// The wish that all there is be spoken.
    Flush,
    /// The end of the utterance.
    Done,
    /// The wish that nothing more be spoken of what has come.
    Cancel,
    /// The end of the session.
    Close,
}

impl Input {
    /// Reads a message.
    ///
    /// # Errors
    /// A refusal that says what is wrong with it.
    pub fn parse(message: &[u8]) -> Result<Self, Refusal> {
        let mut fields: Map<String, Value> = serde_json::from_slice(message).map_err(|e| {
            let message = format!("the message is not the JSON object it should be: {e}");
            Refusal::new(RefusalKind::Parameter, message)
        })?;
        let wrong = |found: &str| {
            let known = TYPES.join(", ");
            Refusal::of_written(format!("`type`: found {found}, expected one of {known}"))
        };
        let kind = match fields.remove("type") {
            Some(Value::String(kind)) => kind,
            Some(_) => return Err(wrong("no string")),
            None => return Err(wrong("nothing")),
        };
        if kind == "session.config" {
            return Ok(Input::Config(fields));
        }
        let input = match kind.as_str() {
            "input.text" => match fields.remove("text") {
                Some(Value::String(text)) => Input::Text(text),
                _ => return Err(Refusal::of_written("`text`: expected a string".into())),
            },
            "input.flush" => Input::Flush,
            "input.done" => Input::Done,
            "input.cancel" => Input::Cancel,
            "session.close" => Input::Close,
            other => return Err(wrong(&format!("{}", Visible(shown(other))))),
        };
        match fields.keys().next() {
            Some(key) => {
                let message = format!("a message of the type {kind} has nothing of that name");
                Err(Refusal::of_field(RefusalKind::Parameter, key, message))
            }
            None => Ok(input),
        }
    }
}

/// Messages that wait until the utterance before them has ended. Texts that follow one another become one.
pub struct Waiting {
    inputs: VecDeque<Input>,
    /// Number of characters of all texts, and the number from which on no more are taken.
    characters: usize,
    most: usize,
}

impl Waiting {
    /// Makes a queue for so many characters.
    pub fn new(most: usize) -> Self {
        Waiting { inputs: VecDeque::new(), characters: 0, most }
    }

    /// Tells whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.inputs.is_empty()
    }

    /// Adds a message.
    ///
    /// # Errors
    /// [`RefusalKind::Busy`] if too much waits already.
    pub fn push(&mut self, input: Input) -> Result<(), Refusal> {
        if self.characters >= self.most || self.inputs.len() >= MESSAGES {
            let message = "too much waits for the utterance that is being spoken; this message is lost";
            return Err(Refusal::new(RefusalKind::Busy, message));
        }
        match (self.inputs.back_mut(), input) {
            (Some(Input::Text(last)), Input::Text(text)) => {
                self.characters += text.chars().count();
                last.push_str(&text);
            }
            (_, input) => {
                if let Input::Text(text) = &input {
                    self.characters += text.chars().count();
                }
                self.inputs.push_back(input);
            }
        }
        Ok(())
    }

    /// Takes the next message.
    pub fn pop(&mut self) -> Option<Input> {
        let input = self.inputs.pop_front()?;
        if let Input::Text(text) = &input {
            self.characters -= text.chars().count();
        }
        Some(input)
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        self.inputs.clear();
        self.characters = 0;
    }
}

/// What a client has asked for all utterances.
pub struct Settings {
    /// The settings of speech.
    pub job: SpeechJob,
    /// Where the text is cut.
    pub cuts: Cuts,
    /// Whether audio comes as text.
    pub is_base64: bool,
}

impl Settings {
    /// Reads settings. Where they say nothing the audio is raw samples, which can be played as they come.
    ///
    /// # Errors
    /// A refusal that names the field, what was found and what is expected.
    pub fn read(mut fields: Map<String, Value>, face: &Face) -> Result<Self, Refusal> {
        // What others need to be told to send audio as it is made.
        fields.remove("stream_audio");
        fields.entry("response_format").or_insert_with(|| "pcm".into());
        let mut choice = |name: &str, known: [&str; 2]| match fields.remove(name) {
            None | Some(Value::Null) => Ok(false),
            Some(value) => match known.iter().position(|known| value == *known) {
                Some(at) => Ok(at == 1),
                None => {
                    let message = format!("`{name}`: expected \"{}\" or \"{}\"", known[0], known[1]);
                    Err(Refusal::of_written(message))
                }
            },
        };
        let is_base64 = choice("audio", ["binary", "base64"])?;
        let cuts = match choice("cut", ["sentences", "flushes"])? {
            true => Cuts::Flushes,
            false => Cuts::Sentences,
        };
        let job = SpeechJob::of_settings(fields, &face.service.options.overrides)?;
        Ok(Settings { job, cuts, is_base64 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_read_and_wrong_ones_say_why() {
        let parse = |message: &str| Input::parse(message.as_bytes());
        assert_eq!(parse(r#"{"type": "input.text", "text": "hi"}"#), Ok(Input::Text("hi".into())));
        assert_eq!(parse(r#"{"type": "input.done"}"#), Ok(Input::Done));
        let Ok(Input::Config(fields)) = parse(r#"{"type": "session.config", "voice": "alloy"}"#) else {
            panic!()
        };
        assert_eq!(fields["voice"], "alloy");
        for (message, word) in [
            ("hi", "not the JSON object"),
            ("[]", "not the JSON object"),
            ("{}", "`type`: found nothing"),
            (r#"{"type": 1}"#, "`type`: found no string"),
            (r#"{"type": "input.txet"}"#, "found input.txet, expected one of session.config"),
            (r#"{"type": "input.text"}"#, "`text`: expected a string"),
            (r#"{"type": "input.done", "text": "hi"}"#, "has nothing of that name"),
        ] {
            let refusal = parse(message).unwrap_err();
            assert!(refusal.message.contains(word), "{message}: {refusal}");
        }
    }

    #[test]
    fn what_waits_is_bounded_and_texts_become_one() {
        let mut waiting = Waiting::new(10);
        let text = |text: &str| Input::Text(text.into());
        for piece in ["你好", "，", "世界"] {
            waiting.push(text(piece)).unwrap();
        }
        waiting.push(Input::Done).unwrap();
        waiting.push(text("hello, you")).unwrap();
        assert_eq!(waiting.push(text("!")).unwrap_err().kind, RefusalKind::Busy);
        assert_eq!(waiting.pop(), Some(text("你好，世界")));
        assert_eq!(
            (waiting.pop(), waiting.pop(), waiting.pop()),
            (Some(Input::Done), Some(text("hello, you")), None)
        );
        for _ in 0..MESSAGES {
            waiting.push(Input::Flush).unwrap();
        }
        assert!(waiting.push(Input::Flush).is_err());
        waiting.clear();
        assert!(waiting.is_empty());
    }
}
