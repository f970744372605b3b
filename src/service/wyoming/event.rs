//! Events: a line of JSON, then data and bytes whose lengths the line tells.

use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::io::{AsyncBufRead, AsyncBufReadExt as _, AsyncReadExt as _};

use crate::service::{Refusal, RefusalKind};

/// The most bytes of a line, and of the bytes of an event, which nothing here reads.
const LINE: u64 = 64 << 10;
const PAYLOAD: u64 = 1 << 20;

/// An event.
#[derive(Debug, PartialEq)]
pub struct Event {
    pub kind: String,
    pub data: Map<String, Value>,
}

#[derive(Deserialize)]
struct Line {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    data: Option<Map<String, Value>>,
    #[serde(default)]
    data_length: Option<u64>,
    #[serde(default)]
    payload_length: Option<u64>,
}

impl Event {
    /// Reads an event whose data has no more than so many bytes; None at the end.
    ///
    /// # Errors
    /// A refusal of what is none, after which nothing more can be read.
    pub async fn read(
        stream: &mut (impl AsyncBufRead + Unpin),
        most: usize,
    ) -> Result<Option<Self>, Refusal> {
        let wrong = |error: &dyn std::fmt::Display| {
            Refusal::new(RefusalKind::Parameter, format!("this is no event of Wyoming: {error}"))
        };
        let gone = |_| Refusal::new(RefusalKind::Gone, "the client has gone");
        let mut line = Vec::new();
        if (&mut *stream).take(LINE).read_until(b'\n', &mut line).await.map_err(gone)? == 0 {
            return Ok(None);
        }
        let Line { kind, data, data_length, payload_length } =
            serde_json::from_slice(&line).map_err(|error| wrong(&error))?;
        let (length, payload) = (data_length.unwrap_or(0), payload_length.unwrap_or(0));
        if length > most as u64 || payload > PAYLOAD {
            let message = format!("the event is too long; {most} bytes of data at most are taken");
            return Err(Refusal::new(RefusalKind::TooLarge, message));
        }
        let mut data = data.unwrap_or_default();
        if length > 0 {
            let mut bytes = vec![0; length as usize];
            stream.read_exact(&mut bytes).await.map_err(gone)?;
            let more: Map<String, Value> = serde_json::from_slice(&bytes).map_err(|error| wrong(&error))?;
            data.extend(more);
        }
        tokio::io::copy(&mut (&mut *stream).take(payload), &mut tokio::io::sink()).await.map_err(gone)?;
        Ok(Some(Event { kind, data }))
    }

    /// Writes an event.
    pub fn bytes(kind: &str, data: &Value, payload: &[u8]) -> Vec<u8> {
        let data = data.to_string();
        let line = json!({
            "type": kind, "version": env!("CARGO_PKG_VERSION"),
            "data_length": data.len(), "payload_length": payload.len(),
        });
        let mut bytes = format!("{line}\n{data}").into_bytes();
        bytes.extend_from_slice(payload);
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(mut bytes: &[u8]) -> Vec<Result<Option<Event>, Refusal>> {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let mut events = Vec::new();
            loop {
                let event = Event::read(&mut bytes, 100).await;
                let is_last = !matches!(event, Ok(Some(_)));
                events.push(event);
                if is_last {
                    return events;
                }
            }
        })
    }

    #[test]
    fn events_are_read_as_they_are_written() {
        let data = json!({"text": "你好"});
        let mut bytes = Event::bytes("synthesize-chunk", &data, &[0; 10]);
        bytes.extend(b"{\"type\": \"describe\"}\n{\"type\": \"x\", \"data\": {\"a\": 1}, \"data_length\": 8}\n{\"b\": 2}");
        let events = read(&bytes);
        let event = |kind: &str, data: Value| {
            Ok(Some(Event { kind: kind.into(), data: data.as_object().unwrap().clone() }))
        };
        let expected = [
            event("synthesize-chunk", data),
            event("describe", json!({})),
            event("x", json!({"a": 1, "b": 2})),
            Ok(None),
        ];
        assert_eq!(events, expected);
    }

    #[test]
    fn what_is_no_event_is_refused() {
        for (bytes, kind) in [
            (&b"hello\n"[..], RefusalKind::Parameter),
            (b"{}\n", RefusalKind::Parameter),
            (b"{\"type\": \"x\", \"data_length\": -1}\n", RefusalKind::Parameter),
            (b"{\"type\": \"x\", \"data_length\": 101}\n", RefusalKind::TooLarge),
            (b"{\"type\": \"x\", \"payload_length\": 99999999}\n", RefusalKind::TooLarge),
            (b"{\"type\": \"x\", \"data_length\": 3}\n[1]", RefusalKind::Parameter),
            (b"{\"type\": \"x\", \"data_length\": 9}\n{}", RefusalKind::Gone),
        ] {
            let refusal = read(bytes).pop().unwrap().unwrap_err();
            assert_eq!(refusal.kind, kind, "{}", String::from_utf8_lossy(bytes));
        }
        assert_eq!(
            read("a".repeat(1 << 20).as_bytes()).pop().unwrap().unwrap_err().kind,
            RefusalKind::Parameter
        );
    }
}
