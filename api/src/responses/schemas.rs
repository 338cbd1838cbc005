//! What passes through this service as it is, described: results that workers wrote, and bodies that are read by hand.

use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

/// The approval, as the registry gave it: these members alone, and the number masked.
#[derive(ToSchema, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "a description")]
pub(crate) struct Approval {
    id: Uuid,
    #[schema(required = false)]
    granted_resources: Value,
    #[schema(required = false)]
    granted_resource_types: Value,
    #[schema(required = false)]
    granted_to: Value,
    #[schema(required = false)]
    reason: Value,
    /// Epoch seconds, or ISO 8601.
    #[schema(required = false)]
    expires_at: Value,
    #[schema(required = false)]
    status: Value,
    #[schema(required = false)]
    is_verified: Value,
    #[schema(required = false)]
    access_level: Value,
    authentication_method_current: AuthenticationMethod,
}

/// The method a code was sent by.
#[derive(ToSchema, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "a description")]
pub(crate) struct AuthenticationMethod {
    #[serde(rename = "type")]
    #[schema(example = "OTP")]
    kind: String,
    /// First six characters, five stars, last two.
    #[schema(example = "+38093*****85", pattern = r"^\+[0-9]{5}\*{5}[0-9]{2}$")]
    number: String,
}

/// Why a job failed.
#[derive(ToSchema, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "a description")]
pub(crate) struct JobError {
    #[serde(rename = "type")]
    #[schema(example = "request_conflict")]
    kind: String,
    /// The cause, for programs.
    #[schema(example = "method_not_otp")]
    reason: String,
    #[schema(example = "Resend SMS is not allowed for this authentication method")]
    message: String,
}

/// An event of a stream.
#[derive(ToSchema, Deserialize)]
#[allow(dead_code, reason = "a description")]
pub(crate) struct JobEvent {
    /// The job's status.
    #[schema(pattern = "^(pending|processed|failed)$", example = "processed")]
    event: String,
    /// To be sent as `Last-Event-ID` by a client that connects again.
    #[schema(example = "processed-200-1533206716000")]
    id: String,
    /// JSON: what reading the job answers.
    data: String,
}

/// A code to be checked.
#[derive(ToSchema, Deserialize)]
#[allow(dead_code, reason = "a description")]
pub(crate) struct CodeToCheck {
    /// Digits, as text or as a number.
    #[schema(example = "123456")]
    code: Value,
}
