//! The closed set of ways a job ends, each with its status code, type, reason and message from the contract.

mod reason;

use std::borrow::Cow;

use serde::Serialize;

use crate::domain::clock;

pub use reason::Reason;

/// How a job ended. Both are a *successful* run of the job: the decision was made and is final.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// The SMS was taken by the gateway; holds what the client may see of the approval, as JSON.
    Sent(String),
    /// No SMS will be sent for this job.
    Refused(Refusal),
}

/// Why a job ended without an SMS (section 4 of the contract). Each is named after its reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// The registry knows no such person.
    PersonNotFound,
    /// The person's status is not active.
    PersonInactive,
    /// The registry knows no such approval, or it is another patient's.
    ApprovalNotFound,
    /// The approval is verified, ended or expired.
    ApprovalClosed {
        /// The status to name in the message.
        status: String,
    },
    /// The method is not one an SMS is sent for.
    MethodNotOtp,
    /// `authorize_with` names a method that the person does not have or that is not in force.
    MethodUnusable,
    /// The approval's number is not E.164, or its mask does not match exactly one number.
    PhoneUnusable,
    /// No messages are sent to the number's country.
    CountryNotAllowed,
    /// A limit on messages is reached.
    LimitReached {
        /// The limit.
        limit: Reason,
        /// When it lets the next attempt through, milliseconds since the epoch.
        next_attempt_ms: u64,
    },
    /// An upstream service answered 5xx or nonsense until the deadline, or refused the message for good.
    UpstreamFailed,
    /// An upstream service did not answer until the deadline.
    UpstreamSilent,
    /// The message was handed over, but the gateway did not confirm that it took it.
    DeliveryUnknown {
        /// Whether the last try got no answer at all.
        silent: bool,
    },
    /// The part of the approval that the client would be shown exceeds the limit for a result.
    ApprovalTooLarge,
    /// The job was delivered `RESEND_MAX_DELIVERIES` times and never ended.
    Quarantined,
    /// An operator cancelled the job.
    Cancelled,
}

/// `error` of the envelope and of a failed job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ErrorBody {
    /// One of the platform's error types.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// The cause, for programs.
    pub reason: Reason,
    /// A plain sentence, for people.
    pub message: Cow<'static, str>,
}

impl ErrorBody {
    /// The error body for an answer with `status`, which determines its type.
    pub fn new(status: u16, reason: Reason, message: impl Into<Cow<'static, str>>) -> Self {
        Self { kind: error_type(status), reason, message: message.into() }
    }
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
    /// Every status that a refusal may have.
    pub const STATUSES: [u16; 6] = [404, 409, 429, 500, 502, 504];

    /// The HTTP status this refusal stands for.
    pub fn status_code(&self) -> u16 {
        self.row().0
    }

    /// Its stable name.
    pub fn reason(&self) -> Reason {
        self.row().1
    }

    /// Type, reason and message, exactly as the contract has them.
    pub fn error(&self) -> ErrorBody {
        let (status, reason, message) = self.row();
        ErrorBody::new(status, reason, message)
    }

    /// The one table of status, reason and message. The type follows from the status.
    fn row(&self) -> (u16, Reason, Cow<'static, str>) {
        let (status, reason, message) = match self {
            Self::ApprovalClosed { status } => {
                let message = format!("Approval in status {} can not be resent", plain(status));
                return (409, Reason::ApprovalClosed, message.into());
            }
            Self::LimitReached { limit, next_attempt_ms } => {
                return (429, *limit, too_many_requests(*next_attempt_ms).into());
            }
            Self::PersonNotFound => (404, Reason::PersonNotFound, "Person not found"),
            Self::PersonInactive => (409, Reason::PersonInactive, "Person is not active"),
            Self::ApprovalNotFound => (404, Reason::ApprovalNotFound, "Approval with such id is not found"),
            Self::MethodNotOtp => (409, Reason::MethodNotOtp, METHOD_NOT_OTP),
            Self::MethodUnusable => (409, Reason::MethodUnusable, METHOD_UNUSABLE),
            Self::PhoneUnusable => {
                (409, Reason::PhoneUnusable, "Phone number of the approval can not be used")
            }
            Self::CountryNotAllowed => {
                (409, Reason::CountryNotAllowed, "Sending SMS to this country is not allowed")
            }
            Self::UpstreamFailed => (502, Reason::UpstreamFailed, UPSTREAM_FAILED),
            Self::UpstreamSilent => (504, Reason::UpstreamSilent, UPSTREAM_SILENT),
            Self::DeliveryUnknown { silent: false } => (502, Reason::DeliveryUnknown, DELIVERY_UNKNOWN),
            Self::DeliveryUnknown { silent: true } => (504, Reason::DeliveryUnknown, DELIVERY_UNKNOWN),
            Self::ApprovalTooLarge => (502, Reason::ApprovalTooLarge, "The approval is too large"),
            Self::Quarantined => (500, Reason::Quarantined, "The request could not be processed"),
            Self::Cancelled => (409, Reason::Cancelled, "The request was cancelled by an operator"),
        };
        (status, reason, message.into())
    }
}

const METHOD_NOT_OTP: &str = "Resend SMS is not allowed for this authentication method";
const METHOD_UNUSABLE: &str =
    "Authentication method doesn't exist, is inactive or does not belong to this person";
const UPSTREAM_FAILED: &str = "A service this request depends on failed. Try again later";
const UPSTREAM_SILENT: &str = "A service this request depends on did not answer in time. Try again later";
const DELIVERY_UNKNOWN: &str = "The message may have been sent";

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

/// The platform's text for every limit on messages; a time follows it.
const TOO_MANY_REQUESTS: &str = "Sending SMS timeout. Try later. Next attempt will be available at ";

/// The platform's text for every limit on messages.
pub fn too_many_requests(next_attempt_ms: u64) -> String {
    format!("{TOO_MANY_REQUESTS}{}", clock::iso(next_attempt_ms))
}

/// The time in such a text, milliseconds since the epoch; `None` for any other text.
pub fn next_attempt_of(message: &str) -> Option<u64> {
    clock::parse_iso(message.strip_prefix(TOO_MANY_REQUESTS)?)
}

/// A status from the registry, cut to a safe length for a message.
fn plain(status: &str) -> String {
    status.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '_').take(32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_refusal_says_what_the_contract_says() {
        use Refusal as R;
        let closed = R::ApprovalClosed { status: "expired".into() };
        let limited = R::LimitReached { limit: Reason::PhoneHour, next_attempt_ms: 1_533_206_716_000 };
        let conflict = "request_conflict";
        let wait =
            "Sending SMS timeout. Try later. Next attempt will be available at 2018-08-02T10:45:16.000Z";
        for (refusal, code, kind, reason, message) in [
            (R::PersonNotFound, 404, "not_found", "person_not_found", "Person not found"),
            (R::PersonInactive, 409, conflict, "person_inactive", "Person is not active"),
            (
                R::ApprovalNotFound,
                404,
                "not_found",
                "approval_not_found",
                "Approval with such id is not found",
            ),
            (closed, 409, conflict, "approval_closed", "Approval in status expired can not be resent"),
            (R::MethodUnusable, 409, conflict, "method_unusable", METHOD_UNUSABLE),
            (R::MethodNotOtp, 409, conflict, "method_not_otp", METHOD_NOT_OTP),
            (
                R::PhoneUnusable,
                409,
                conflict,
                "phone_unusable",
                "Phone number of the approval can not be used",
            ),
            (
                R::CountryNotAllowed,
                409,
                conflict,
                "country_not_allowed",
                "Sending SMS to this country is not allowed",
            ),
            (R::Cancelled, 409, conflict, "cancelled", "The request was cancelled by an operator"),
            (limited, 429, "too_many_requests", "phone_hour", wait),
            (R::UpstreamFailed, 502, "internal_error", "upstream_failed", UPSTREAM_FAILED),
            (R::UpstreamSilent, 504, "internal_error", "upstream_silent", UPSTREAM_SILENT),
            (
                R::DeliveryUnknown { silent: false },
                502,
                "internal_error",
                "delivery_unknown",
                DELIVERY_UNKNOWN,
            ),
            (
                R::DeliveryUnknown { silent: true },
                504,
                "internal_error",
                "delivery_unknown",
                DELIVERY_UNKNOWN,
            ),
            (R::ApprovalTooLarge, 502, "internal_error", "approval_too_large", "The approval is too large"),
            (R::Quarantined, 500, "internal_error", "quarantined", "The request could not be processed"),
        ] {
            assert!(R::STATUSES.contains(&code), "{code}");
            let error = refusal.error();
            let row = (refusal.status_code(), error.kind, refusal.reason().as_str(), error.message.as_ref());
            assert_eq!(row, (code, kind, reason, message));
            assert_eq!(Outcome::Refused(refusal).status_code(), code);
        }
        assert_eq!(Outcome::Sent("{}".into()).status_code(), 200);
    }

    #[test]
    fn every_status_has_the_platforms_error_type() {
        for (statuses, kind) in [
            (&[400][..], "request_malformed"),
            (&[401], "access_denied"),
            (&[403], "forbidden"),
            (&[404], "not_found"),
            (&[405], "method_not_allowed"),
            (&[409], "request_conflict"),
            (&[413, 414, 431], "request_too_large"),
            (&[415], "content_type_invalid"),
            (&[422], "validation_failed"),
            (&[429], "too_many_requests"),
            (&[408, 500, 502, 503, 504], "internal_error"),
        ] {
            assert!(statuses.iter().all(|status| error_type(*status) == kind), "{kind}");
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
