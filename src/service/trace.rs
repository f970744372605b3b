//! The place of a request in a trace, and the stages of which its trace tells.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::Serialize;
use serde_json::{Value, json};

use super::RequestRecord;
use crate::speech::random_seed;

/// The place of a request in a trace, as W3C's Trace Context has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TraceContext {
    /// The trace: 32 hexadecimal digits.
    pub trace_id: String,
    /// The span of the request: 16 hexadecimal digits.
    pub span_id: String,
    /// The client's span, of which that of the request is a part.
    #[serde(skip)]
    parent: Option<String>,
    #[serde(skip)]
    is_sampled: bool,
}

impl TraceContext {
    /// Begins a trace.
    pub fn begin() -> Self {
        TraceContext { trace_id: random_id(4), span_id: random_id(2), parent: None, is_sampled: true }
    }

    /// Goes on with a client's trace, as its header `traceparent` tells; None if that is no such header.
    pub fn of_parent(traceparent: &str) -> Option<Self> {
        let is_hex = |text: &str, digits: usize| {
            text.len() == digits && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
        };
        let is_id = |text: &str, digits: usize| is_hex(text, digits) && text.bytes().any(|b| b != b'0');
        let mut parts = traceparent.trim().split('-');
        let [version, trace, parent, flags] = [parts.next()?, parts.next()?, parts.next()?, parts.next()?];
        // Versions to come may have more parts.
        let is_whole = if version == "00" { parts.next().is_none() } else { version != "ff" };
        if !(is_whole && is_hex(version, 2) && is_id(trace, 32) && is_id(parent, 16) && is_hex(flags, 2)) {
            return None;
        }
        Some(TraceContext {
            trace_id: trace.into(),
            span_id: random_id(2),
            parent: Some(parent.into()),
            is_sampled: u8::from_str_radix(flags, 16).is_ok_and(|flags| flags & 1 == 1),
        })
    }

    /// Tells whether the trace is kept; its client decides.
    pub fn is_sampled(&self) -> bool {
        self.is_sampled
    }
}

fn random_id(words: usize) -> String {
    (0..words).map(|_| format!("{:08x}", random_seed())).collect()
}

/// A stage of a request, in time since it came.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Stage {
    pub name: &'static str,
    pub begin: Duration,
    pub end: Duration,
    /// Seconds of it in which something was done, where it waits in between.
    pub busy: Option<f64>,
}

/// Returns the spans of a request that has ended: its own, and one for each stage.
pub(super) fn spans(
    record: &RequestRecord,
    context: &TraceContext,
    stages: &[Stage],
    arrived: SystemTime,
) -> Vec<Value> {
    let TraceContext { trace_id, span_id, parent, .. } = context;
    let time = |after: Duration| {
        let time = arrived.duration_since(UNIX_EPOCH).unwrap_or_default() + after;
        time.as_nanos().to_string()
    };
    let total = Duration::from_secs_f64(record.total_ms.max(0.0) / 1e3);
    let mut attributes = vec![
        attribute("chattts.request_id", json!({"stringValue": record.id})),
        integer("http.response.status_code", record.status.into()),
        integer("chattts.characters", record.characters as u64),
        attribute("chattts.audio_seconds", json!({"doubleValue": record.audio_seconds})),
    ];
    attributes.extend(record.seed.map(|seed| integer("chattts.seed", seed)));
    attributes.extend(record.error.map(|kind| attribute("error.type", json!({"stringValue": kind}))));
    // What the client did wrong is no error of the service.
    let status = if record.status >= 500 { json!({"code": 2, "message": record.error}) } else { json!({}) };
    let mut request = json!({
        "traceId": trace_id, "spanId": span_id, "name": record.api, "kind": 2,
        "startTimeUnixNano": time(Duration::ZERO), "endTimeUnixNano": time(total),
        "attributes": attributes, "status": status,
    });
    if let Some(parent) = parent {
        request["parentSpanId"] = parent.as_str().into();
    }
    let stage = |stage: &Stage| {
        let busy = stage.busy.map(|busy| attribute("chattts.busy_seconds", json!({"doubleValue": busy})));
        json!({
            "traceId": trace_id, "spanId": random_id(2), "parentSpanId": span_id, "name": stage.name, "kind": 1,
            "startTimeUnixNano": time(stage.begin), "endTimeUnixNano": time(stage.end.max(stage.begin)),
            "attributes": busy.into_iter().collect::<Vec<_>>(),
        })
    };
    std::iter::once(request).chain(stages.iter().map(stage)).collect()
}

/// Returns an attribute; in JSON, integers of 64 bits are strings.
fn integer(key: &str, value: u64) -> Value {
    attribute(key, json!({"intValue": value.to_string()}))
}

pub(super) fn attribute(key: &str, value: Value) -> Value {
    json!({"key": key, "value": value})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_s_trace_goes_on_and_what_is_none_does_not() {
        let (trace, parent) = ("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7");
        let context = TraceContext::of_parent(&format!("00-{trace}-{parent}-01")).unwrap();
        assert_eq!((context.trace_id.as_str(), context.parent.as_deref()), (trace, Some(parent)));
        assert!(context.is_sampled() && context.span_id.len() == 16 && context.span_id != parent);
        assert!(!TraceContext::of_parent(&format!("00-{trace}-{parent}-00")).unwrap().is_sampled());
        assert!(TraceContext::of_parent(&format!("01-{trace}-{parent}-03-more")).unwrap().is_sampled());
        let zeros = "0".repeat(32);
        for wrong in [
            "",
            "00",
            &format!("00-{trace}-{parent}"),
            &format!("00-{trace}-{parent}-01-more"),
            &format!("ff-{trace}-{parent}-01"),
            &format!("00-{}-{parent}-01", trace.to_uppercase()),
            &format!("00-{zeros}-{parent}-01"),
            &format!("00-{trace}-{}-01", &zeros[..16]),
            &format!("00-{trace}-{parent}-1"),
            &format!("00-{trace}-{parent}-é"),
        ] {
            assert_eq!(TraceContext::of_parent(wrong), None, "{wrong:?}");
        }
        let begun = TraceContext::begin();
        assert!(
            begun.is_sampled()
                && begun.trace_id.len() == 32
                && begun.trace_id != TraceContext::begin().trace_id
        );
    }

    #[test]
    fn stages_are_parts_of_the_request_s_span() {
        let context = TraceContext::begin();
        let stage = |name, begin, end, busy| Stage {
            name,
            begin: Duration::from_millis(begin),
            end: Duration::from_millis(end),
            busy,
        };
        let stages = [stage("queue", 1, 4, None), stage("encode", 5, 9, Some(0.25))];
        let record = RequestRecord {
            id: "a".into(),
            api: "speech",
            status: 503,
            error: Some("unavailable"),
            total_ms: 10.0,
            seed: Some(u64::MAX),
            ..RequestRecord::default()
        };
        let spans = spans(&record, &context, &stages, UNIX_EPOCH + Duration::from_secs(2));
        assert_eq!(spans.len(), 3);
        assert_eq!((&spans[0]["name"], &spans[0]["status"]["code"]), (&json!("speech"), &json!(2)));
        assert_eq!(spans[0]["startTimeUnixNano"], "2000000000");
        assert_eq!(spans[0]["endTimeUnixNano"], "2010000000");
        assert!(spans[0].get("parentSpanId").is_none());
        assert!(spans[0].to_string().contains("\"intValue\":\"18446744073709551615\""));
        assert_eq!(spans[2]["parentSpanId"], context.span_id.as_str());
        assert_eq!(spans[2]["startTimeUnixNano"], "2005000000");
        assert_eq!(spans[2]["attributes"][0]["value"]["doubleValue"], 0.25);
    }
}
