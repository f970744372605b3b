//! NVIDIA Riva's interface, for the clients that there are of it. Voices are called `ChatTTS.NAME`, as its clients list
//! them; what else may be set stands in `custom_configuration`, under the names that HTTP has.

use std::collections::HashMap;

use serde_json::{Map, Value};
use tokio::time::timeout;
use tonic::{Request, Response, Status, Streaming};

use super::answer::{Dialog, Take};
use super::call::Call;
use super::proto::riva::tts::riva_speech_synthesis_server::RivaSpeechSynthesis;
use super::proto::riva::tts::riva_synthesis_config_response::Config;
use super::proto::riva::tts::{
    RivaSynthesisConfigRequest, RivaSynthesisConfigResponse, SynthesizeSpeechRequest,
    SynthesizeSpeechResponse, SynthesizeSpeechResponseMetadata,
};
use super::proto::riva::{AudioEncoding, RequestId};
use super::speech::whole;
use crate::service::http::Face;
use crate::service::{Cuts, DialogPart, Refusal, RefusalKind, SpeechJob, voices};

/// The name of the model, and of the voice whose variants the voices are.
const MODEL: &str = "chattts";
const VOICE: &str = "ChatTTS";
/// The languages, and what they are called here.
const LANGUAGES: [(&str, &str); 2] = [("en-US", "en"), ("zh-CN", "zh")];
/// The model's own rate, in samples per second.
const RATE: &str = "24000";

/// Speaks for clients of Riva.
pub struct Riva(pub Face);

/// Returns a request as the fields that HTTP reads.
fn fields(request: SynthesizeSpeechRequest) -> Result<Map<String, Value>, Refusal> {
    let refused = |field: &str, what: &str| {
        Refusal::of_field(RefusalKind::Parameter, field, format!("`{field}`: {what}"))
    };
    if request.zero_shot_data.is_some() {
        return Err(refused("zero_shot_data", "voices are not taken from audio here; give `voice_name`"));
    }
    if !request.custom_dictionary.is_empty() {
        return Err(refused("custom_dictionary", "phonemes are not taken here"));
    }
    if request.enable_word_time_offsets {
        return Err(refused("enable_word_time_offsets", "the times of words are not known here"));
    }
    let mut fields = Map::new();
    for (key, value) in request.custom_configuration {
        let value = serde_json::from_str(&value).unwrap_or(Value::String(value));
        fields.insert(key, value);
    }
    let format = match AudioEncoding::try_from(request.encoding) {
        Ok(AudioEncoding::EncodingUnspecified | AudioEncoding::LinearPcm) => "pcm",
        Ok(AudioEncoding::Oggopus) => "opus",
        Ok(AudioEncoding::Flac) => "flac",
        _ => return Err(refused("encoding", "LINEAR_PCM, OGGOPUS and FLAC are made here")),
    };
    fields.insert("response_format".into(), format.into());
    match request.sample_rate_hz {
        0 => {}
        rate => drop(fields.insert("sample_rate".into(), rate.into())),
    }
    if let Some(lang) = language(&request.language_code)? {
        fields.insert("lang".into(), lang.into());
    }
    let name = request
        .voice_name
        .strip_prefix(VOICE)
        .map_or(&*request.voice_name, |name| name.trim_start_matches('.'));
    if !name.is_empty() {
        fields.insert("voice".into(), name.into());
    }
    if request.text.trim_start().starts_with("<speak") {
        fields.entry("ssml").or_insert(true.into());
    }
    fields.insert("input".into(), request.text.into());
    Ok(fields)
}

/// Returns what a language is called here; None is each sentence's own.
fn language(code: &str) -> Result<Option<&'static str>, Refusal> {
    let primary = code.split('-').next().unwrap_or_default().to_ascii_lowercase();
    match primary.as_str() {
        "" | "multi" | "multilingual" | "auto" => Ok(None),
        "en" => Ok(Some("en")),
        "zh" | "cmn" => Ok(Some("zh")),
        _ => {
            let message =
                "`language_code`: en-US and zh-CN are spoken here; leave it empty for each sentence's own";
            Err(Refusal::of_written(message.into()))
        }
    }
}

/// The settings that were written last.
struct Written {
    request: SynthesizeSpeechRequest,
    fields: Map<String, Value>,
}

impl Written {
    /// Returns the settings of a request, as the fields that HTTP reads, if they are others than before.
    fn next(&mut self, request: SynthesizeSpeechRequest) -> Result<Option<Map<String, Value>>, Refusal> {
        let (text, id) = (request.text.clone(), request.id.clone());
        let says_nothing = request
            == SynthesizeSpeechRequest { text: text.clone(), id, ..SynthesizeSpeechRequest::default() };
        if !says_nothing {
            self.request = request;
        }
        let mut fields = fields(SynthesizeSpeechRequest { text, ..self.request.clone() })?;
        fields.remove("input");
        let is_new = fields != self.fields;
        self.fields.clone_from(&fields);
        Ok(is_new.then_some(fields))
    }
}

impl Riva {
    async fn speak(
        &self,
        call: &Call,
        mut request: SynthesizeSpeechRequest,
    ) -> Result<SynthesizeSpeechResponse, Refusal> {
        let (id, text) = (request.id.take(), request.text.clone());
        let options = &self.0.service.options;
        let job = SpeechJob::of(fields(request)?, options.max_input, &options.overrides)?;
        let utterance = self.0.service.speak(call.client, job, &call.ticket).await?;
        let (audio, _) = whole(utterance).await?;
        let meta = Some(SynthesizeSpeechResponseMetadata { text, ..Default::default() });
        Ok(SynthesizeSpeechResponse { audio, meta, id })
    }

    /// Speaks one text after the other, each with its settings; one that has none has those before it.
    async fn online(
        &self,
        call: &Call,
        mut requests: Streaming<SynthesizeSpeechRequest>,
    ) -> Result<Result<Talk, Status>, Refusal> {
        let slow = |_| Refusal::new(RefusalKind::Slow, "the request did not come in time");
        let first = match timeout(self.0.options.body_time, requests.message()).await.map_err(slow)? {
            Ok(first) => first.unwrap_or_default(),
            Err(status) => return Ok(Err(status)),
        };
        let service = &self.0.service;
        let base = service.options.overrides.clone();
        let (id, first_text) = (first.id.clone(), first.text.clone());
        let mut written = Written { request: first.clone(), fields: Map::new() };
        let fields = written.next(first)?.unwrap_or_default();
        let job = SpeechJob::of_settings(fields, &base)?;
        let (mut text, audio) = service.converse(call.client, job, Cuts::Flushes, &call.ticket)?;
        text.push(&first_text)?;
        text.flush();
        let take: Take<SynthesizeSpeechRequest> = Box::new(move |text, request| {
            let words = request.text.clone();
            if words.is_empty() {
                return Ok(());
            }
            if let Some(fields) = written.next(request)? {
                text.change(SpeechJob::of_settings(fields, &base)?)?;
            }
            text.push(&words)?;
            text.flush();
            Ok(())
        });
        let tell = Box::new(move |part| match part {
            DialogPart::Audio(audio) => Some(response(audio, &id)),
            _ => None,
        });
        Ok(Ok(Dialog::new(call.clone(), requests, text, audio, take, tell)))
    }

    fn config(&self, request: &RivaSynthesisConfigRequest) -> Result<RivaSynthesisConfigResponse, Refusal> {
        if !["", MODEL].contains(&request.model_name.as_str()) {
            let message = format!("there is no such model; {MODEL} is served");
            return Err(Refusal::of_field(RefusalKind::Model, "model_name", message));
        }
        let registry = self.0.service.loaded()?.engine.composer().voices.registry();
        let names = voices::list(&registry).into_iter().enumerate();
        let subvoices: Vec<String> = names.map(|(i, voice)| format!("{}:{i}", voice.id)).collect();
        let config = |(code, _): (&str, &str)| {
            let parameters = [
                ("language_code", code),
                ("voice_name", VOICE),
                ("subvoices", &subvoices.join(",")),
                ("sample_rate", RATE),
            ];
            let parameters: HashMap<String, String> =
                parameters.into_iter().map(|(key, value)| (key.into(), value.into())).collect();
            Config { model_name: MODEL.into(), parameters }
        };
        Ok(RivaSynthesisConfigResponse { model_config: LANGUAGES.map(config).into() })
    }
}

fn response(audio: axum::body::Bytes, id: &Option<RequestId>) -> SynthesizeSpeechResponse {
    SynthesizeSpeechResponse { audio, meta: None, id: id.clone() }
}

/// The answer to texts that come one after the other.
type Talk = Dialog<SynthesizeSpeechRequest, SynthesizeSpeechResponse>;

#[tonic::async_trait]
impl RivaSpeechSynthesis for Riva {
    async fn synthesize(
        &self,
        request: Request<SynthesizeSpeechRequest>,
    ) -> Result<Response<SynthesizeSpeechResponse>, Status> {
        let call = Call::of(request.extensions())?;
        call.answer(self.speak(&call, request.into_inner()).await)
    }

    type SynthesizeOnlineStream = Talk;

    async fn synthesize_online(
        &self,
        request: Request<Streaming<SynthesizeSpeechRequest>>,
    ) -> Result<Response<Talk>, Status> {
        let call = Call::of(request.extensions())?;
        match self.online(&call, request.into_inner()).await {
            Ok(Err(status)) => Err(status),
            Ok(Ok(talk)) => call.answer(Ok(talk)),
            Err(refusal) => call.answer(Err(refusal)),
        }
    }

    async fn get_riva_synthesis_config(
        &self,
        request: Request<RivaSynthesisConfigRequest>,
    ) -> Result<Response<RivaSynthesisConfigResponse>, Status> {
        Call::of(request.extensions())?.answer(self.config(request.get_ref()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::ResponseFormat;
    use crate::speech::Overrides;

    fn job(request: SynthesizeSpeechRequest) -> Result<SpeechJob, Refusal> {
        SpeechJob::of(fields(request)?, 100, &Overrides::default())
    }

    fn hi() -> SynthesizeSpeechRequest {
        SynthesizeSpeechRequest { text: "hi".into(), ..Default::default() }
    }

    #[test]
    fn what_riva_calls_things_is_understood() {
        let request = SynthesizeSpeechRequest {
            language_code: "zh-CN".into(),
            encoding: AudioEncoding::Oggopus as i32,
            sample_rate_hz: 48_000,
            voice_name: "ChatTTS.alloy".into(),
            custom_configuration: [("seed".into(), "7".into()), ("prompt".into(), "[oral_2]".into())].into(),
            ..hi()
        };
        let job_of = job(request).unwrap();
        let overrides = &job_of.request.overrides;
        assert_eq!((job_of.format, overrides.sample_rate), (ResponseFormat::Opus, Some(48_000)));
        assert_eq!((overrides.role.as_deref(), overrides.sampling.seed), (Some("alloy"), Some(7)));
        assert_eq!(overrides.prompt.as_deref(), Some("[oral_2]"));
        let plain = job(hi()).unwrap();
        assert_eq!((plain.format, plain.voice), (ResponseFormat::Pcm, None));
        let marked = job(SynthesizeSpeechRequest { text: "<speak>hi</speak>".into(), ..hi() }).unwrap();
        assert_eq!(marked.request.overrides.markup.ssml, Some(true));
    }

    #[test]
    fn a_text_alone_has_the_settings_before_it() {
        let voice = |text: &str, voice_name: &str| SynthesizeSpeechRequest {
            text: text.into(),
            voice_name: voice_name.into(),
            ..Default::default()
        };
        let mut written = Written { request: hi(), fields: Map::new() };
        assert_eq!(written.next(voice("a", "alloy")).unwrap().unwrap()["voice"], "alloy");
        assert_eq!(written.next(voice("b", "")), Ok(None));
        assert_eq!(written.next(voice("c", "alloy")), Ok(None));
        let marked = written.next(voice("<speak>d</speak>", "")).unwrap().unwrap();
        assert_eq!((&marked["voice"], &marked["ssml"]), (&"alloy".into(), &true.into()));
        let other = written.next(voice("e", "echo")).unwrap().unwrap();
        assert_eq!((&other["voice"], other.get("ssml")), (&"echo".into(), None));
        assert!(written.next(SynthesizeSpeechRequest { encoding: 99, ..hi() }).is_err());
    }

    #[test]
    fn what_is_not_there_is_refused() {
        for (request, field) in [
            (SynthesizeSpeechRequest { encoding: AudioEncoding::Mulaw as i32, ..hi() }, "encoding"),
            (SynthesizeSpeechRequest { encoding: 99, ..hi() }, "encoding"),
            (SynthesizeSpeechRequest { sample_rate_hz: -1, ..hi() }, "sample_rate"),
            (SynthesizeSpeechRequest { language_code: "de-DE".into(), ..hi() }, "language_code"),
            (SynthesizeSpeechRequest { zero_shot_data: Some(Default::default()), ..hi() }, "zero_shot_data"),
            (SynthesizeSpeechRequest { custom_dictionary: "a  b".into(), ..hi() }, "custom_dictionary"),
            (SynthesizeSpeechRequest { enable_word_time_offsets: true, ..hi() }, "enable_word_time_offsets"),
            (
                SynthesizeSpeechRequest { custom_configuration: [("sed".into(), "7".into())].into(), ..hi() },
                "sed",
            ),
        ] {
            assert_eq!(job(request.clone()).unwrap_err().param.as_deref(), Some(field), "{request:?}");
        }
    }
}
