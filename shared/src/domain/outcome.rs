//! The closed set of ways a job ends, with the code, type and message the contract gives each.

use serde::Serialize;
use serde_json::Value;

use crate::domain::clock;

/// How a job ended. Both are a *successful* run of the job: the decision was made and is final.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// The SMS was taken by the gateway; holds what the client may see of the approval.
    Sent(Value),
    /// No SMS will be sent for this job.
    Refused(Refusal),
}

/// Why a job ended without an SMS (section 4 of the contract).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// The registry knows no such person.
    PersonNotFound,
    /// The person's status is not active.
    PersonNotActive,
    /// The registry knows no such approval, or it is another patient's.
    ApprovalNotFound,
    /// The approval is verified, ended or expired.
    ApprovalClosed {
        /// The status to name.
        status: String,
    },
    /// `authorize_with` points at a method the person does not have or that is not in force.
    MethodNotInForce,
    /// The method is not one an SMS is sent for, or has no number to send to.
    MethodNotOtp,
    /// The number's country is not one we send to.
    CountryNotAllowed,
    /// A limit on messages is reached.
    LimitReached {
        /// When the next attempt will be let through, milliseconds since the epoch.
        next_attempt_ms: u64,
    },
    /// An upstream service answered 5xx or nonsense until the deadline, or refused the message for good.
    UpstreamFailed,
    /// An upstream service did not answer until the deadline.
    UpstreamSilent,
    /// The job was taken up `RESEND_MAX_DELIVERIES` times and never ended.
    Undeliverable,
    /// An operator cancelled the job.
    Cancelled,
}

/// `error` of the envelope and of a failed job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ErrorBody {
    /// One of the platform's error types.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// A plain sentence.
    pub message: String,
}

impl Outcome {
    /// The HTTP status this outcome stands for, inside the job.
    pub fn status_code(&self) -> u16 {
        match self {
            Self::Sent(_) => 200,
            Self::Refused(refusal) => refusal.status_code(),
        }
    }
}

impl Refusal {
    /// The HTTP status this refusal stands for.
    pub fn status_code(&self) -> u16 {
        match self {
            Self::PersonNotFound | Self::ApprovalNotFound => 404,
            Self::PersonNotActive
            | Self::ApprovalClosed { .. }
            | Self::MethodNotInForce
            | Self::MethodNotOtp
            | Self::CountryNotAllowed
            | Self::Cancelled => 409,
            Self::LimitReached { .. } => 429,
            Self::Undeliverable => 500,
            Self::UpstreamFailed => 502,
            Self::UpstreamSilent => 504,
        }
    }

    /// Type and message, exactly as the contract has them.
    pub fn error(&self) -> ErrorBody {
        ErrorBody { kind: error_type(self.status_code()), message: self.message() }
    }

    fn message(&self) -> String {
        match self {
            Self::PersonNotFound => "Person not found".into(),
            Self::PersonNotActive => "Person is not active".into(),
            Self::ApprovalNotFound => "Approval with such id is not found".into(),
            Self::ApprovalClosed { status } => {
                format!("Approval in status {} can not be resent", plain(status))
            }
            Self::MethodNotInForce => {
                "Authentication method doesn't exist, is inactive or does not belong to this person".into()
            }
            Self::MethodNotOtp => "Resend SMS is not allowed for this authentication method".into(),
            Self::CountryNotAllowed => "Sending SMS to this country is not allowed".into(),
            Self::LimitReached { next_attempt_ms } => too_many_requests(*next_attempt_ms),
            Self::UpstreamFailed => "A service this request depends on failed. Try again later".into(),
            Self::UpstreamSilent => {
                "A service this request depends on did not answer in time. Try again later".into()
            }
            Self::Undeliverable => "The request could not be processed".into(),
            Self::Cancelled => "The request was cancelled by an operator".into(),
        }
    }
}

/// The platform's error type for a status.
pub fn error_type(status: u16) -> &'static str {
    match status {
        400 => "request_malformed",
        401 => "access_denied",
        403 => "forbidden",
        404 => "not_found",
        405 => "method_not_allowed",
        409 => "request_conflict",
        413 | 414 | 431 => "request_too_large",
        415 => "content_type_invalid",
        422 => "validation_failed",
        429 => "too_many_requests",
        _ => "internal_error",
    }
}

/// The platform's words for every limit on messages; a time follows.
const TOO_MANY_REQUESTS: &str = "Sending SMS timeout. Try later. Next attempt will be available at ";

/// The platform's text for every limit on messages.
pub fn too_many_requests(next_attempt_ms: u64) -> String {
    format!("{TOO_MANY_REQUESTS}{}", clock::iso(next_attempt_ms))
}

/// The time such a text names, milliseconds since the epoch; `None` for any other text.
pub fn next_attempt_of(message: &str) -> Option<u64> {
    clock::parse_iso(message.strip_prefix(TOO_MANY_REQUESTS)?)
}

/// A status word of the registry, bounded before it becomes part of a message.
fn plain(status: &str) -> String {
    status.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '_').take(32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_refusal_says_what_the_contract_says() {
        let closed = Refusal::ApprovalClosed { status: "expired".into() };
        let limited = Refusal::LimitReached { next_attempt_ms: 1_533_206_716_000 };
        for (refusal, code, kind, message) in [
            (Refusal::PersonNotFound, 404, "not_found", "Person not found"),
            (Refusal::PersonNotActive, 409, "request_conflict", "Person is not active"),
            (Refusal::ApprovalNotFound, 404, "not_found", "Approval with such id is not found"),
            (closed, 409, "request_conflict", "Approval in status expired can not be resent"),
            (
                Refusal::MethodNotInForce,
                409,
                "request_conflict",
                "Authentication method doesn't exist, is inactive or does not belong to this person",
            ),
            (
                Refusal::MethodNotOtp,
                409,
                "request_conflict",
                "Resend SMS is not allowed for this authentication method",
            ),
            (
                limited,
                429,
                "too_many_requests",
                "Sending SMS timeout. Try later. Next attempt will be available at 2018-08-02T10:45:16.000Z",
            ),
        ] {
            let error = refusal.error();
            assert_eq!((refusal.status_code(), error.kind, error.message.as_str()), (code, kind, message));
        }
    }

    #[test]
    fn the_next_attempt_is_read_back_from_the_text_alone() {
        assert_eq!(next_attempt_of(&too_many_requests(1_533_206_716_000)), Some(1_533_206_716_000));
        assert_eq!(next_attempt_of("Person not found"), None);
    }

    #[test]
    fn a_status_of_the_registry_cannot_smuggle_text_into_a_message() {
        let refusal = Refusal::ApprovalClosed { status: "<b>x</b>\n".repeat(50) };
        assert_eq!(
            refusal.error().message,
            "Approval in status bxbbxbbxbbxbbxbbxbbxbbxbbxbbxbbx can not be resent"
        );
    }
}
