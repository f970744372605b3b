//! Finds the voice in a JSON file, such as a card of Speech-AI-Forge (`.spkv1.json`).
//!
//! A card is known to be `{"_type": "DcSpk", "data": {"meta": …, "token": […], "samples": […], "refs": […],
//! …}}`. How its tokens are written is not documented, so a voice is recognised by its form, anywhere except in
//! the parts that cannot hold one.

use serde_json::Value;

use super::FileVoice;
use super::voice_file::{Content, WIDTH};

/// The parts of a card that describe a voice or carry sounds of it.
const PASSED_OVER: [&str; 5] = ["meta", "samples", "refs", "train_info", "recommend_config"];

/// Reads the one voice in a JSON text: a voice string or an array of 768 numbers.
///
/// # Errors
/// A sentence that says what was found instead.
pub fn read(text: &str) -> Result<Content, String> {
    let value: Value = serde_json::from_str(text).map_err(|e| format!("it is not valid JSON: {e}"))?;
    let mut search = Search::default();
    search.look(&value);
    if search.found.len() > 1 {
        return Err(format!("it holds {} voices; keep one", search.found.len()));
    }
    match search.found.pop() {
        Some(content) => Ok(content),
        None => Err(search.nothing()),
    }
}

#[derive(Default)]
struct Search {
    /// The voices that were found.
    found: Vec<Content>,
    /// Length of the longest array of numbers that is no voice.
    longest: usize,
    /// Whether sounds were skipped.
    sounds: bool,
}

impl Search {
    fn look(&mut self, value: &Value) {
        match value {
            Value::String(text) if Content::may_be_voice(text) && FileVoice::decode(text).is_ok() => {
                self.add(Content::Text(text.clone()));
            }
            Value::Array(items) => match numbers(items) {
                Some(numbers) if numbers.len() == WIDTH => self.add(Content::Numbers(numbers)),
                Some(numbers) => self.longest = self.longest.max(numbers.len()),
                None => items.iter().for_each(|item| self.look(item)),
            },
            Value::Object(fields) => {
                for (name, field) in fields {
                    if PASSED_OVER.contains(&name.as_str()) {
                        self.sounds |= field.as_array().is_some_and(|items| !items.is_empty());
                    } else {
                        self.look(field);
                    }
                }
            }
            _ => {}
        }
    }

    fn add(&mut self, content: Content) {
        if !self.found.contains(&content) {
            self.found.push(content);
        }
    }

    fn nothing(&self) -> String {
        let wanted = format!("an array of {WIDTH} numbers or a voice string is looked for");
        if self.longest > 0 {
            format!("its longest array has {} numbers; {wanted}", self.longest)
        } else if self.sounds {
            format!("it is a card with sounds alone, and no ChatTTS voice; {wanted}")
        } else {
            format!("there is no voice in it; {wanted}")
        }
    }
}

/// Returns the numbers of an array that holds nothing else.
fn numbers(items: &[Value]) -> Option<Vec<f64>> {
    if items.is_empty() {
        return None;
    }
    items.iter().map(Value::as_f64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn vector() -> Vec<f64> {
        (0..WIDTH).map(|i| i as f64 / 8.0).collect()
    }

    #[test]
    fn a_vector_is_found_wherever_a_card_keeps_it() {
        let token =
            json!({"_type": "DcSpkVoiceToken", "data": {"model_id": "chat-tts", "tokens": [vector()]}});
        for card in [
            json!(vector()),
            json!([vector()]),
            json!({"tensor": vector(), "seed": 2222}),
            json!({"_type": "DcSpk", "data": {"meta": {"data": {"name": "anna"}}, "token": [token], "refs": []}}),
            json!({"a": vector(), "b": vector()}),
        ] {
            assert_eq!(read(&card.to_string()).unwrap(), Content::Numbers(vector()), "{card}");
        }
    }

    #[test]
    fn cards_without_one_voice_say_what_they_hold() {
        let other: Vec<f64> = vector().iter().map(|x| x + 1.0).collect();
        let sounds = json!({"_type": "DcSpk", "data": {"token": [], "refs": [{"data": {"text": "test"}}]}});
        for (text, word) in [
            (json!({"a": vector(), "b": {"c": other}}).to_string(), "2 voices; keep one"),
            (json!({"x": [1, 2, 3]}).to_string(), "3 numbers"),
            (sounds.to_string(), "sounds alone"),
            (json!({"note": "一一一一"}).to_string(), "no voice in it"),
            ("{\"a\": ".into(), "not valid JSON"),
            ("[".repeat(10_000), "not valid JSON"),
        ] {
            let e = read(&text).unwrap_err();
            assert!(e.contains(word), "{e}");
        }
    }
}
