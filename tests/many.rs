//! Many threads speak with one engine at once, and do whatever they like.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use chattts_rs::{BatchSize, Engine, EngineOptions, ErrorKind, Event, Priority, SpeechRequest};

const THREADS: u64 = 64;
/// A minute where it is asked for, else less.
const SECONDS: &str = "CHATTTS_RS_TEST_SECONDS";

/// A generator of its own for each thread, so that a failure can be repeated.
struct Random(u64);

impl Random {
    fn next(&mut self, below: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % below
    }
}

fn engine(batch_size: usize) -> Engine {
    let mut options = EngineOptions::new("noise");
    options.batch_size = BatchSize::Fixed(batch_size);
    Engine::open(options).unwrap()
}

/// One of a few requests, so that each can be known alone.
fn request(number: u64) -> SpeechRequest {
    let texts = ["你好。", "今天天气很好，我们去公园。", "Hello there.", "一二三。四五六。七八九。"];
    let mut request = SpeechRequest::new(texts[number as usize % texts.len()]);
    request.overrides.sampling.seed = Some(number);
    request.overrides.sampling.max_tokens = Some(10 + 12 * (number as usize % 5));
    request.overrides.split = Some(number.is_multiple_of(3));
    request.priority = if number.is_multiple_of(2) { Priority::Interactive } else { Priority::Bulk };
    request
}

/// How much memory the process holds, in bytes.
fn resident() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    statm.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok()).unwrap_or(0) * 4096
}

#[test]
fn threads_that_speak_cancel_and_drop_at_random_get_what_they_would_get_alone() {
    const KINDS: u64 = 20;
    let alone: Vec<Vec<f32>> = (0..KINDS)
        .map(|number| engine(1).speak(request(number)).unwrap().collect_wave().unwrap().samples)
        .collect();
    let seconds = std::env::var(SECONDS).map_or(8, |seconds| seconds.parse().unwrap());
    let engine = engine(8);
    let end = Instant::now() + Duration::from_secs(seconds);
    let (spoken, left) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let mut early = 0;
    std::thread::scope(|scope| {
        for thread in 1..=THREADS {
            let (engine, alone, spoken, left) = (engine.clone(), &alone, &spoken, &left);
            scope.spawn(move || {
                let mut random = Random(thread.wrapping_mul(0x9e37_79b9_7f4a_7c15));
                while Instant::now() < end {
                    let number = random.next(KINDS);
                    let speech = engine.speak(request(number)).unwrap();
                    let after = random.next(6);
                    match random.next(4) {
                        0 => {
                            speech.cancel();
                            assert!(
                                !matches!(speech.collect_wave(), Err(e) if e.kind() != ErrorKind::Cancelled)
                            );
                            left.fetch_add(1, Ordering::Relaxed);
                        }
                        1 => {
                            drop(speech.take(after as usize).collect::<Vec<_>>());
                            left.fetch_add(1, Ordering::Relaxed);
                        }
                        2 => {
                            let mut samples = Vec::new();
                            for event in speech {
                                std::thread::sleep(Duration::from_millis(after));
                                samples.extend_from_slice(event.unwrap().samples());
                            }
                            assert!(samples == alone[number as usize], "request {number}");
                            spoken.fetch_add(1, Ordering::Relaxed);
                        }
                        _ => {
                            let wave = speech.collect_wave().unwrap();
                            assert!(wave.samples == alone[number as usize], "request {number}");
                            spoken.fetch_add(1, Ordering::Relaxed);
                        }
                    }
                }
            });
        }
        std::thread::sleep(Duration::from_secs(seconds / 2));
        early = resident();
    });
    let (spoken, left) = (spoken.into_inner(), left.into_inner());
    assert!(spoken > 50 && left > 50, "{spoken} spoken, {left} left");
    let stats = engine.stats();
    assert_eq!((stats.running, stats.queued, stats.failed), (0, 0, 0), "{stats:?}");
    assert!(stats.completed >= spoken as u64, "{stats:?}");
    assert!(resident() < early + (64 << 20), "{} bytes, {early} halfway", resident());
    // It is as good as new.
    let wave = engine.speak(request(3)).unwrap().collect_wave().unwrap();
    assert!(wave.samples == alone[3]);
}

#[test]
fn events_come_in_order_and_tell_what_was_asked() {
    let engine = engine(2);
    let mut request = request(0);
    request.text = "Dr. Smith paid $5. 你好。".into();
    request.overrides.sample_rate = Some(16_000);
    let text = request.text.clone();
    let events: Vec<Event> = engine.speak(request).unwrap().map(Result::unwrap).collect();
    assert!(matches!(events.first(), Some(Event::Started { .. })), "{:?}", events.first());
    let Some(Event::Done(summary)) = events.last() else { panic!("{:?}", events.last()) };
    let samples: usize = events.iter().map(|event| event.samples().len()).sum();
    assert_eq!((summary.samples, summary.sample_rate, summary.seed), (samples as u64, 16_000, 0));
    assert!(summary.queued <= summary.first_sound.unwrap() && summary.first_sound.unwrap() <= summary.total);
    let mut end_before = 0.0;
    let mut shown = String::new();
    for event in &events {
        if let Event::Cue { text: cue, range, start, end } = event {
            assert!(*start >= end_before && end >= start, "{event:?}");
            assert!(text[range.clone()].contains(cue.trim_end_matches(['.', '。'])), "{event:?}");
            end_before = *end;
            shown.push_str(cue);
        }
    }
    assert!(shown.starts_with("Dr. Smith paid $5") && shown.contains("你好"), "{shown}");
    // They go over a wire and back.
    for event in &events {
        let json = serde_json::to_string(event).unwrap();
        let back: Event = serde_json::from_str(&json).unwrap();
        match (&back, event) {
            // Such times are written in decimal.
            (Event::Done(_) | Event::Started { .. } | Event::Cue { .. }, _) => {
                let names = |event: &Event| format!("{event:?}").replace(|c: char| c.is_ascii_digit(), "");
                assert_eq!(names(&back), names(event), "{json}");
            }
            (back, event) => assert_eq!(back, event, "{json}"),
        }
    }
}

#[test]
fn what_is_wrong_with_a_request_is_an_error_of_its_kind() {
    let engine = engine(1);
    let kind = |edit: fn(&mut SpeechRequest)| {
        let mut request = request(1);
        edit(&mut request);
        engine.speak(request).unwrap_err().kind()
    };
    assert_eq!(kind(|r| r.overrides.role = Some("nobody".into())), ErrorKind::InvalidVoice);
    assert_eq!(kind(|r| r.overrides.role = Some("missing.pt".into())), ErrorKind::InvalidVoice);
    assert_eq!(kind(|r| r.text = " \n".into()), ErrorKind::InvalidText);
    assert_eq!(kind(|r| r.overrides.sampling.top_p = Some(2.0)), ErrorKind::InvalidParameter);
    assert_eq!(kind(|r| r.overrides.prompt = Some("[sing_1]".into())), ErrorKind::InvalidParameter);
    assert_eq!(kind(|r| r.overrides.sample_rate = Some(1)), ErrorKind::InvalidParameter);
    assert_eq!(kind(|r| r.overrides.voice_text = Some("x".into())), ErrorKind::InvalidParameter);
    assert_eq!(
        kind(|r| {
            r.text = "<speak>".into();
            r.overrides.markup.ssml = Some(true)
        }),
        ErrorKind::InvalidText
    );
    let missing = Engine::open(EngineOptions::new("/nowhere/at/all")).unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::ModelNotFound, "{missing}");
    let codes: Vec<u16> =
        [ErrorKind::InvalidParameter, ErrorKind::Busy, ErrorKind::Internal].map(|k| k.code()).into();
    assert_eq!(codes, [1, 11, 13]);
}

#[test]
fn a_request_is_read_from_json_with_the_messages_of_a_manifest() {
    let read = serde_json::from_str::<SpeechRequest>;
    let request =
        read(r#"{"text": "你好", "overrides": {"seed": 7, "lang": "zh", "no_decoder": true}}"#).unwrap();
    let overrides = &request.overrides;
    assert_eq!((overrides.sampling.seed, overrides.decoder), (Some(7), Some(false)));
    let written = serde_json::to_string(&request).unwrap();
    assert_eq!(read(&written).unwrap(), request, "{written}");
    for (json, expected) in [
        (r#"{"text": "x", "overrides": {"tempreature": 1}}"#, "did you mean `temperature`?"),
        (r#"{"text": "x", "overrides": {"seed": -1}}"#, "`seed`: found -1, expected a whole number from 0"),
        (r#"{"text": "x", "overrides": {"ssml": true, "markdown": true}}"#, "contradicts `markdown`"),
        (r#"{"text": "x", "loudness": 1}"#, "unknown field `loudness`"),
    ] {
        let error = read(json).unwrap_err().to_string();
        assert!(error.contains(expected), "{json}: {error}");
    }
}
