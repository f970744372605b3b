//! `chattts.v1.TextToSpeech`.

use std::future::poll_fn;

use axum::body::Bytes;
use tokio::time::timeout;
use tonic::{Request, Response, Status, Streaming};

use super::answer::{Dialog, Sound, Take};
use super::call::{Call, fields, object};
use super::proto::chattts::synthesize_dialog_request::Part;
use super::proto::chattts::synthesize_dialog_response as dialog;
use super::proto::chattts::synthesize_stream_response as stream;
use super::proto::chattts::text_to_speech_server::TextToSpeech;
use super::proto::chattts::{
    ListVoicesRequest, ListVoicesResponse, NormalizeRequest, NormalizeResponse, SpeechSettings,
    SpeechStarted, SpeechUsage, SynthesizeDialogRequest, SynthesizeDialogResponse, SynthesizeRequest,
    SynthesizeResponse, SynthesizeStreamRequest, SynthesizeStreamResponse, Voice,
};
use crate::service::http::Face;
use crate::service::speak::gone;
use crate::service::{
    Chunk, Cuts, DialogPart, NormalizeJob, Refusal, RefusalKind, ResponseFormat, SpeechJob, Usage, Utterance,
    voices,
};

/// The most bytes of audio that are returned in one message.
const WHOLE: usize = 64 << 20;

/// Speaks and reads for those who call.
pub struct Speech(pub Face);

/// Waits for all the audio of a speech.
///
/// # Errors
/// A refusal of audio that is too long for one message, or the error that ended the speech.
pub async fn whole(mut utterance: Utterance) -> Result<(Bytes, Usage), Refusal> {
    let mut audio = Vec::new();
    while let Some(chunk) = poll_fn(|context| utterance.poll_next(context)).await {
        match chunk? {
            Chunk::Audio(bytes) if audio.len() + bytes.len() > WHOLE => {
                let message = format!(
                    "the audio is too long for one message, {WHOLE} bytes at most; call the method that streams it"
                );
                return Err(Refusal::new(RefusalKind::TooLarge, message));
            }
            Chunk::Audio(bytes) => audio.extend_from_slice(&bytes),
            Chunk::Done(usage) => return Ok((audio.into(), usage)),
        }
    }
    Err(gone())
}

/// Describes a speech.
fn started(seed: u64, sample_rate: u32, format: ResponseFormat) -> SpeechStarted {
    SpeechStarted { seed, sample_rate, content_type: format.content_type().into() }
}

fn used(usage: Usage) -> SpeechUsage {
    SpeechUsage { input_tokens: usage.input_tokens as u64, output_tokens: usage.output_tokens as u64 }
}

impl Speech {
    /// Begins to speak, and returns the speech and the format of its audio.
    async fn speak(
        &self,
        call: &Call,
        input: String,
        settings: Option<SpeechSettings>,
    ) -> Result<(Utterance, SpeechStarted), Refusal> {
        let options = &self.0.service.options;
        let mut fields = fields(settings)?;
        fields.insert("input".into(), input.into());
        let job = SpeechJob::of(fields, options.max_input, &options.overrides)?;
        let format = job.format;
        let utterance = self.0.service.speak(call.client, job, &call.ticket).await?;
        let started = started(utterance.seed, utterance.sample_rate, format);
        Ok((utterance, started))
    }

    async fn whole(&self, call: &Call, request: SynthesizeRequest) -> Result<SynthesizeResponse, Refusal> {
        let (utterance, started) = self.speak(call, request.input, request.settings).await?;
        let (audio, usage) = whole(utterance).await?;
        Ok(SynthesizeResponse { audio, started: Some(started), usage: Some(used(usage)) })
    }

    async fn dialog(
        &self,
        call: &Call,
        mut requests: Streaming<SynthesizeDialogRequest>,
    ) -> Result<Result<Talk, Status>, Refusal> {
        let slow = |_| Refusal::new(RefusalKind::Slow, "the settings did not come in time");
        let first = match timeout(self.0.options.body_time, requests.message()).await.map_err(slow)? {
            Ok(first) => first,
            Err(status) => return Ok(Err(status)),
        };
        let Some(Part::Settings(settings)) = first.and_then(|first| first.part) else {
            let message = "`settings` is missing: the first message has the settings, be they empty";
            return Err(Refusal::of_written(message.into()));
        };
        let job = SpeechJob::of_settings(fields(Some(settings))?, &self.0.service.options.overrides)?;
        let format = job.format;
        let (text, audio) = self.0.service.converse(call.client, job, Cuts::Sentences, &call.ticket)?;
        let take: Take<SynthesizeDialogRequest> = Box::new(|text, request| match request.part {
            Some(Part::Text(more)) => text.push(&more),
            Some(Part::Flush(_)) => {
                text.flush();
                Ok(())
            }
            Some(Part::Settings(_)) => {
                Err(Refusal::of_written("`settings` come once, in the first message".into()))
            }
            None => Err(Refusal::of_written("`part` is missing: `text` or `flush`".into())),
        });
        let tell = Box::new(move |part| {
            let part = match part {
                DialogPart::Started { seed, sample_rate } => {
                    dialog::Part::Started(started(seed, sample_rate, format))
                }
                DialogPart::Sentence(text) => dialog::Part::Sentence(text),
                DialogPart::Audio(bytes) => dialog::Part::Audio(bytes),
                DialogPart::Done(usage) => dialog::Part::Done(used(usage)),
            };
            Some(SynthesizeDialogResponse { part: Some(part) })
        });
        Ok(Ok(Dialog::new(call.clone(), requests, text, audio, take, tell)))
    }

    async fn read(&self, call: &Call, request: NormalizeRequest) -> Result<NormalizeResponse, Refusal> {
        let options = &self.0.service.options;
        self.0.service.loaded()?;
        let job = NormalizeJob::of(object(request)?, options.max_input, &options.overrides)?;
        let record = self.0.service.normalize(job, &call.ticket).await?;
        serde_json::from_value(record).map_err(|e| Refusal::new(RefusalKind::Internal, e.to_string()))
    }

    fn voices(&self) -> Result<ListVoicesResponse, Refusal> {
        let registry = self.0.service.loaded()?.engine.composer().voices.registry();
        let voice = |voice: voices::VoiceEntry| Voice {
            id: voice.id,
            voice: voice.voice,
            has_sample: voice.has_sample,
            description: voice.note,
            origin: voice.origin.into(),
        };
        Ok(ListVoicesResponse { voices: voices::list(&registry).into_iter().map(voice).collect() })
    }
}

/// The answer to a dialog.
type Talk = Dialog<SynthesizeDialogRequest, SynthesizeDialogResponse>;

#[tonic::async_trait]
impl TextToSpeech for Speech {
    async fn synthesize(
        &self,
        request: Request<SynthesizeRequest>,
    ) -> Result<Response<SynthesizeResponse>, Status> {
        let call = Call::of(request.extensions())?;
        call.answer(self.whole(&call, request.into_inner()).await)
    }

    type SynthesizeStreamStream = Sound<SynthesizeStreamResponse>;

    async fn synthesize_stream(
        &self,
        request: Request<SynthesizeStreamRequest>,
    ) -> Result<Response<Self::SynthesizeStreamStream>, Status> {
        let call = Call::of(request.extensions())?;
        let SynthesizeStreamRequest { input, settings } = request.into_inner();
        let part = |part| SynthesizeStreamResponse { part: Some(part) };
        let answer = self.speak(&call, input, settings).await.map(|(utterance, started)| {
            let tell = Box::new(move |chunk| match chunk {
                Chunk::Audio(bytes) => Some(part(stream::Part::Audio(bytes))),
                Chunk::Done(usage) => Some(part(stream::Part::Done(used(usage)))),
            });
            let first = Some(part(stream::Part::Started(started)));
            Sound { call: call.clone(), first, utterance, tell }
        });
        call.answer(answer)
    }

    type SynthesizeDialogStream = Talk;

    async fn synthesize_dialog(
        &self,
        request: Request<Streaming<SynthesizeDialogRequest>>,
    ) -> Result<Response<Self::SynthesizeDialogStream>, Status> {
        let call = Call::of(request.extensions())?;
        match self.dialog(&call, request.into_inner()).await {
            Ok(Err(status)) => Err(status),
            Ok(Ok(dialog)) => call.answer(Ok(dialog)),
            Err(refusal) => call.answer(Err(refusal)),
        }
    }

    async fn list_voices(
        &self,
        request: Request<ListVoicesRequest>,
    ) -> Result<Response<ListVoicesResponse>, Status> {
        Call::of(request.extensions())?.answer(self.voices())
    }

    async fn normalize(
        &self,
        request: Request<NormalizeRequest>,
    ) -> Result<Response<NormalizeResponse>, Status> {
        let call = Call::of(request.extensions())?;
        call.answer(self.read(&call, request.into_inner()).await)
    }
}
