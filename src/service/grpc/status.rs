//! Refusals as gRPC tells them.

use std::collections::HashMap;

use tonic::metadata::{MetadataMap, MetadataValue};
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

use crate::service::{Refusal, RefusalKind};

/// The domain of the reasons of errors.
const DOMAIN: &str = "chattts-rs";

/// Returns the code of a refusal.
pub fn code(kind: RefusalKind) -> Code {
    match kind {
        RefusalKind::Parameter | RefusalKind::Text | RefusalKind::Voice | RefusalKind::MediaType => {
            Code::InvalidArgument
        }
        RefusalKind::Key => Code::Unauthenticated,
        RefusalKind::Origin => Code::PermissionDenied,
        RefusalKind::Model | RefusalKind::NoVoice => Code::NotFound,
        RefusalKind::Conflict => Code::AlreadyExists,
        RefusalKind::Address | RefusalKind::Method | RefusalKind::Upgrade => Code::Unimplemented,
        RefusalKind::TooLarge | RefusalKind::Busy => Code::ResourceExhausted,
        // The same seed ends at once again: calling again does not help.
        RefusalKind::Speechless => Code::FailedPrecondition,
        RefusalKind::Unavailable => Code::Unavailable,
        RefusalKind::Late | RefusalKind::Slow => Code::DeadlineExceeded,
        RefusalKind::Gone => Code::Cancelled,
        RefusalKind::Internal => Code::Internal,
    }
}

/// Returns the kind of an error that tonic itself answered with: a call that it could not read, or none of ours.
pub fn kind(code: Code) -> RefusalKind {
    match code {
        Code::OutOfRange | Code::ResourceExhausted => RefusalKind::TooLarge,
        Code::Unimplemented => RefusalKind::Address,
        Code::DeadlineExceeded => RefusalKind::Slow,
        Code::Cancelled => RefusalKind::Gone,
        _ => RefusalKind::Parameter,
    }
}

/// Returns a refusal as a status.
pub fn status(refusal: &Refusal) -> Status {
    let code = code(refusal.kind);
    let mut details = ErrorDetails::with_error_info(refusal.kind.name(), DOMAIN, HashMap::new());
    if let (Code::InvalidArgument, Some(field)) = (code, &refusal.param) {
        details.add_bad_request_violation(field, &refusal.message);
    }
    let mut metadata = MetadataMap::new();
    if let Some(time) = refusal.retry_after {
        details.set_retry_info(Some(time));
        metadata.insert("retry-after", MetadataValue::from(time.as_secs_f64().ceil() as u64));
        // By this clients with a policy of retries know it.
        metadata.insert("grpc-retry-pushback-ms", MetadataValue::from(time.as_millis() as u64));
    }
    Status::with_error_details_and_metadata(code, &refusal.message, details, metadata)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_status_tells_the_kind_the_field_and_when_to_come_again() {
        let wrong = status(&Refusal::of_written("`speed`: found 9".into()));
        assert_eq!((wrong.code(), wrong.message()), (Code::InvalidArgument, "`speed`: found 9"));
        let details = wrong.get_error_details();
        assert_eq!(details.error_info().unwrap().reason, "invalid_parameter");
        assert_eq!(details.bad_request().unwrap().field_violations[0].field, "speed");
        let busy = status(&Refusal::new(RefusalKind::Busy, "wait").after(Duration::from_millis(1500)));
        assert_eq!(busy.metadata().get("retry-after").unwrap(), "2");
        assert_eq!(busy.metadata().get("grpc-retry-pushback-ms").unwrap(), "1500");
        let delay = busy.get_error_details().retry_info().unwrap().retry_delay;
        assert_eq!((busy.code(), delay), (Code::ResourceExhausted, Some(Duration::from_millis(1500))));
    }
}
