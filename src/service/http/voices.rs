//! Voices: those that there are, and those that clients make.

use axum::body::{Body, Bytes};
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::http::header::{CONTENT_TYPE, HeaderMap};
use axum::response::Response;
use serde_json::{Map, Value, json};

use super::origin::check_origin;
use super::respond::{JSON, check_type, discard, media_type, ok, upload};
use super::routes::Face;
use super::speech::{BYTES_PER_CHARACTER, OTHER_FIELDS};
use crate::service::voices::VoiceEntry;
use crate::service::{Refusal, RefusalKind, VoiceJob};

/// The type of a form with files.
const FORM: &str = "multipart/form-data";
/// The field of such a form that is a file.
const SAMPLE: &str = "audio_sample";
/// The most bytes of a sample: what OpenAI takes, and more than 30 seconds of any format.
const SAMPLE_BYTES: usize = 10 << 20;

fn described(voice: &VoiceEntry) -> Value {
    json!({
        "id": voice.id, "name": voice.id, "object": "voice", "voice": voice.voice,
        "has_sample": voice.has_sample, "description": voice.note, "origin": voice.origin,
        "created_at": voice.created,
    })
}

/// Returns what an address names.
pub(super) fn named(path: Result<Path<String>, PathRejection>) -> Result<String, Refusal> {
    let wrong = |_| Refusal::new(RefusalKind::Address, "the address is not written in UTF-8");
    path.map(|Path(name)| name).map_err(wrong)
}

/// Lists the voices that have names.
pub async fn list(State(face): State<Face>) -> Result<Response, Refusal> {
    let voices: Vec<Value> = face.service.voices()?.iter().map(described).collect();
    Ok(ok(&json!({"object": "list", "voices": voices})))
}

/// Describes a voice.
pub async fn voice(
    State(face): State<Face>,
    path: Result<Path<String>, PathRejection>,
) -> Result<Response, Refusal> {
    Ok(ok(&described(&face.service.voice(&named(path)?)?)))
}

/// Makes a voice of a spoken sample, or of a voice as it is written.
pub async fn create(State(face): State<Face>, request: Request) -> Result<Response, Refusal> {
    face.service.loaded()?;
    let is_form = media_type(request.headers()) == FORM;
    match is_form {
        // Any page of the web may send a form.
        true => check_origin(&face, request.headers(), request.uri())?,
        false => check_type(request.headers(), &[JSON, FORM])?,
    }
    // Where no voice may be made now, it need not come.
    if let Err(refusal) = face.service.voice_permit() {
        discard(request, face.options.body_time);
        return Err(refusal);
    }
    let max_input = face.service.options.max_input;
    let texts = max_input.saturating_mul(BYTES_PER_CHARACTER).saturating_add(OTHER_FIELDS);
    let (parts, content) = request.into_parts();
    let limit = if is_form { SAMPLE_BYTES.saturating_add(texts) } else { texts };
    let (content, _held) = upload(&face, content, limit).await?;
    let permit = face.service.voice_permit()?;
    let job = match is_form {
        true => form(&parts.headers, content, max_input).await?,
        false => VoiceJob::parse(&content, max_input)?,
    };
    let (voice, warnings) = face.service.make_voice(job, permit).await?;
    let mut answer = described(&voice);
    answer["warnings"] = json!(warnings);
    Ok(ok(&answer))
}

/// Forgets a voice that a client has made.
pub async fn delete(
    State(face): State<Face>,
    path: Result<Path<String>, PathRejection>,
) -> Result<Response, Refusal> {
    let name = named(path)?;
    face.service.delete_voice(name.clone()).await?;
    Ok(ok(&json!({"id": name, "object": "voice", "deleted": true})))
}

/// Reads a form that has been received.
async fn form(headers: &HeaderMap, content: Bytes, max_input: usize) -> Result<VoiceJob, Refusal> {
    let wrong = |error: multer::Error| {
        Refusal::new(RefusalKind::Parameter, format!("the body is not the form it should be: {error}"))
    };
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let boundary = multer::parse_boundary(content_type).map_err(wrong)?;
    let mut form = multer::Multipart::new(Body::from(content).into_data_stream(), boundary);
    let mut fields = Map::new();
    let mut sample = None;
    while let Some(field) = form.next_field().await.map_err(wrong)? {
        let name = field.name().unwrap_or_default().to_string();
        VoiceJob::check_form_field(&name)?;
        if fields.contains_key(&name) || name == SAMPLE && sample.is_some() {
            return Err(Refusal::of_written(format!("`{name}` is there twice; give one")));
        }
        if name == SAMPLE {
            let bytes = field.bytes().await.map_err(wrong)?;
            if bytes.len() > SAMPLE_BYTES {
                let message = format!("`{SAMPLE}` is too large; {SAMPLE_BYTES} bytes at most are taken");
                return Err(Refusal::of_field(RefusalKind::TooLarge, SAMPLE, message));
            }
            sample = Some(bytes.to_vec());
        } else {
            let text = String::from_utf8(field.bytes().await.map_err(wrong)?.to_vec());
            let text = text.map_err(|_| Refusal::of_written(format!("`{name}` is not written in UTF-8")))?;
            fields.insert(name, Value::String(text));
        }
    }
    VoiceJob::of_form(fields, sample, max_input)
}
