//! Tests of reading requests.

use super::*;

const MOST: usize = 20;

fn parse(json: &str) -> Result<SpeechJob, Refusal> {
    SpeechJob::parse(json.as_bytes(), MOST, &Overrides::default())
}

fn with(rest: &str) -> Result<SpeechJob, Refusal> {
    parse(&format!(r#"{{"input": "hi", "response_format": "wav", {rest}}}"#))
}

#[test]
fn the_fields_of_openai_and_the_settings_of_this_program_are_read() {
    let job = with(
        r#""model": "tts-1", "voice": {"id": "alloy"}, "speed": 1.5, "stream_format": "sse", "instructions": "warm",
           "seed": 7, "temperature": 0.5, "prompt": "oral_2 speed_4", "sample_rate": 8000"#,
    )
    .unwrap();
    let overrides = &job.request.overrides;
    assert_eq!((job.delivery, job.format, job.characters), (Delivery::Events, ResponseFormat::Wav, 2));
    assert_eq!((overrides.role.as_deref(), overrides.sampling.seed), (Some("alloy"), Some(7)));
    assert_eq!((overrides.prompt.as_deref(), overrides.sample_rate), (Some("[oral_2][speed_4]"), Some(8000)));
    assert_eq!(overrides.speed, Some(1.5));
    for (rest, role) in [(r#""voice": " 2222 ""#, "2222"), (r#""voice": 7"#, "7"), (r#""role": "a""#, "a")] {
        assert_eq!(with(rest).unwrap().request.overrides.role.as_deref(), Some(role), "{rest}");
    }
    for (rest, delivery) in [
        (r#""stream": true"#, Delivery::Events),
        (r#""stream": false"#, Delivery::Audio),
        (r#""stream": true, "stream_format": "audio""#, Delivery::Audio),
        (r#""voice": null, "seed": null, "speed": null"#, Delivery::Audio),
    ] {
        assert_eq!(with(rest).unwrap().delivery, delivery, "{rest}");
    }
}

#[test]
fn a_conversation_has_turns_and_a_cast() {
    let talk = |text: &str, rest: &str| parse(&format!(r#"{{"input": "{text}", "dialogue": true {rest}}}"#));
    let job = talk("A: Hi.\\nB: Hm.", r#", "cast": {"a": 1, "b": {"role": "2", "speed": 2}}, "gap": 0.5"#);
    assert!(job.unwrap().conversation.is_some());
    assert!(talk("A: Hi.", r#", "cast": {}, "gap": null"#).unwrap().conversation.is_some());
    assert!(parse(r#"{"input": "A: Hi.", "cast": {}}"#).unwrap().conversation.is_none());
    for (text, rest, param, message) in [
        ("A: Hi.\\nB:", "", "input", "line 2: B says nothing"),
        ("# Heading", "", "input", "no turns"),
        ("A: Hi.", r#", "gap": -1"#, "gap", "0 to 60"),
        ("A: Hi.", r#", "gap": "a""#, "gap", "0 to 60"),
        ("A: Hi.", r#", "cast": [1]"#, "cast", "an object of voices"),
        ("A: Hi.", r#", "cast": {"a": 1, "A ": 2}"#, "cast", "twice"),
        (
            "A: Hi.",
            r#", "cast": {"a": {"role": "x", "voice_codes": "/etc/passwd"}}"#,
            "cast",
            "files are not read",
        ),
    ] {
        let refusal = talk(text, rest).unwrap_err();
        assert_eq!((refusal.kind, refusal.param.as_deref()), (RefusalKind::Parameter, Some(param)), "{rest}");
        assert!(refusal.message.contains(message), "{rest}: {refusal}");
    }
}

#[test]
fn what_the_service_was_started_with_holds_where_a_request_says_nothing() {
    let mut base = Overrides::default();
    (base.role, base.sampling.seed) = (Some("anna".into()), Some(1));
    let body = br#"{"input": "hi", "response_format": "wav", "seed": 2}"#;
    let overrides = SpeechJob::parse(body, MOST, &base).unwrap().request.overrides;
    assert_eq!((overrides.role.as_deref(), overrides.sampling.seed), (Some("anna"), Some(2)));
}

#[test]
fn what_is_wrong_is_said_with_its_field() {
    for (rest, param, message) in [
        (r#""respose_format": "wav""#, "respose_format", "did you mean `response_format`?"),
        (r#""tempreature": 1"#, "tempreature", "did you mean `temperature`?"),
        (r#""voice_codes": "/etc/passwd", "voice_text": "x""#, "voice_codes", "unknown key"),
        (r#""speed": 5"#, "speed", "0.25 to 4"),
        (r#""speed": "fast""#, "speed", "0.25 to 4"),
        (r#""seed": -1"#, "seed", "`seed`: found -1"),
        (r#""stream": 1"#, "stream", "true or false"),
        (r#""stream_format": "wav""#, "stream_format", "\"audio\" or \"sse\""),
        (r#""voice": "a", "role": "b""#, "role", "say the same thing"),
        (r#""voice": {"name": "a"}"#, "voice", "has no `id`"),
        (r#""voice": """#, "voice", "is empty"),
        (r#""ssml": true, "markdown": true"#, "ssml", "contradicts"),
        (r#""top_p": 2"#, "top_p", "at most 1"),
        (r#""instructions": 1"#, "instructions", "a string"),
        (r#""dialogue": 1"#, "dialogue", "true or false"),
        (r#""cast": {"a": 1}"#, "cast", "say `\"dialogue\": true`"),
        (r#""gap": 1, "dialogue": false"#, "gap", "say `\"dialogue\": true`"),
        (r#""dialogue": true"#, "input", "line 1: nobody is named"),
    ] {
        let refusal = with(rest).unwrap_err();
        assert_eq!((refusal.kind, refusal.param.as_deref()), (RefusalKind::Parameter, Some(param)), "{rest}");
        assert!(refusal.message.contains(message), "{rest}: {refusal}");
    }
    for (body, message) in [
        ("{}", "`input` is missing"),
        (r#"{"input": " \n"}"#, "`input` is empty"),
        (r#"{"input": "123456789012345678901"}"#, "21 characters; 20 at most"),
        (r#"{"input": 5}"#, "`input`: expected a string"),
        ("[1]", "the JSON object it should be"),
        ("", "the JSON object it should be"),
        (r#"{"input": "hi", "response_format": "aac"}"#, "aac"),
        (r#"{"input": "hi", "response_format": "au"}"#, "`response_format`"),
    ] {
        let refusal = parse(body).unwrap_err();
        assert!(
            refusal.kind == RefusalKind::Parameter && refusal.message.contains(message),
            "{body}: {refusal}"
        );
    }
    let refusal = with(r#""model": "gpt-5""#).unwrap_err();
    assert_eq!(refusal.kind, RefusalKind::Model);
    assert!(MODELS.iter().all(|model| refusal.message.contains(model)), "{refusal}");
    // Characters are counted, not bytes.
    assert!(parse(&format!(r#"{{"input": "{}", "response_format": "wav"}}"#, "长".repeat(MOST))).is_ok());
}
