//! Health, as `grpc.health.v1` asks for it.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Interval, MissedTickBehavior, interval};
use tonic::codegen::tokio_stream::Stream;
use tonic::server::NamedService as _;
use tonic::{Request, Response, Status};
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_server::Health;
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};

use super::riva::Riva;
use super::speech::Speech;
use crate::service::grpc::proto::chattts::text_to_speech_server::TextToSpeechServer;
use crate::service::grpc::proto::riva::tts::riva_speech_synthesis_server::RivaSpeechSynthesisServer;
use crate::service::{Phase, Service};

/// The time between two looks whether the status has changed.
const LOOK: Duration = Duration::from_millis(250);

/// The status of a service, and of all that it serves.
pub struct Answers(pub Arc<Service>);

fn is_known(service: &str) -> bool {
    ["", TextToSpeechServer::<Speech>::NAME, RivaSpeechSynthesisServer::<Riva>::NAME].contains(&service)
}

fn serving(phase: Phase) -> ServingStatus {
    if phase == Phase::Ready { ServingStatus::Serving } else { ServingStatus::NotServing }
}

#[tonic::async_trait]
impl Health for Answers {
    async fn check(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<HealthCheckResponse>, Status> {
        if !is_known(&request.get_ref().service) {
            return Err(Status::not_found("there is no such service here"));
        }
        Ok(Response::new(HealthCheckResponse { status: serving(self.0.phase()).into() }))
    }

    type WatchStream = Watch;

    async fn watch(&self, request: Request<HealthCheckRequest>) -> Result<Response<Watch>, Status> {
        let mut look = interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let is_known = is_known(&request.get_ref().service);
        Ok(Response::new(Watch { service: Arc::clone(&self.0), is_known, look, told: None, is_over: false }))
    }
}

/// Tells a status when it changes, until the service ends.
pub struct Watch {
    service: Arc<Service>,
    is_known: bool,
    look: Interval,
    told: Option<ServingStatus>,
    is_over: bool,
}

impl Stream for Watch {
    type Item = Result<HealthCheckResponse, Status>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            if self.is_over {
                return Poll::Ready(None);
            }
            if self.look.poll_tick(context).is_pending() {
                return Poll::Pending;
            }
            let phase = self.service.phase();
            // Or the service would wait for those who watch it.
            self.is_over = phase == Phase::Draining;
            let status = if self.is_known { serving(phase) } else { ServingStatus::ServiceUnknown };
            if self.told != Some(status) {
                self.told = Some(status);
                return Poll::Ready(Some(Ok(HealthCheckResponse { status: status.into() })));
            }
        }
    }
}
