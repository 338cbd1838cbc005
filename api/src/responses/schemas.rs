//! Schemas for data without a type of ours: closed sets of words, results that workers wrote, and bodies that are
//! parsed by hand.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use shared::domain::outcome::{Reason, Refusal};
use utoipa::openapi::schema::{ObjectBuilder, SchemaType, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};
use uuid::Uuid;

/// The platform's error types; each status has one.
#[derive(ToSchema, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(dead_code, reason = "a description")]
pub(crate) enum ErrorType {
    RequestMalformed,
    AccessDenied,
    Forbidden,
    NotFound,
    MethodNotAllowed,
    RequestConflict,
    RequestTooLarge,
    ContentTypeInvalid,
    ValidationFailed,
    TooManyRequests,
    InternalError,
}

/// The word for the cause of an error.
pub(crate) struct ReasonWord;

impl PartialSchema for ReasonWord {
    fn schema() -> RefOr<Schema> {
        let words = Reason::ALL.iter().map(|reason| reason.as_str());
        let object = ObjectBuilder::new().schema_type(Type::String).enum_values(Some(words));
        object
            .description(Some("The cause, for programs: words may be added, none is renamed."))
            .build()
            .into()
    }
}

impl ToSchema for ReasonWord {
    fn name() -> std::borrow::Cow<'static, str> {
        "Reason".into()
    }
}

/// The type of `data`.
#[derive(ToSchema, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(dead_code, reason = "a description")]
pub(crate) enum ObjectType {
    Object,
}

/// The status of a job that has not ended.
#[derive(ToSchema, Serialize, Clone, Copy)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Pending {
    Pending,
}

/// The status of a job that ended with a message sent.
#[derive(ToSchema, Serialize, Clone, Copy)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Processed {
    Processed,
}

/// The status of a job that failed.
#[derive(ToSchema, Serialize, Clone, Copy)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Failed {
    Failed,
}

/// The HTTP status of a job that ended with a message sent.
pub(crate) struct ProcessedStatusCode;

impl PartialSchema for ProcessedStatusCode {
    fn schema() -> RefOr<Schema> {
        status_code(&[200])
    }
}

impl ToSchema for ProcessedStatusCode {}

/// The HTTP status of a job that ended without.
pub(crate) struct FailedStatusCode;

impl PartialSchema for FailedStatusCode {
    fn schema() -> RefOr<Schema> {
        status_code(&Refusal::STATUSES)
    }
}

impl ToSchema for FailedStatusCode {}

fn status_code(all: &[u16]) -> RefOr<Schema> {
    let object = ObjectBuilder::new().schema_type(Type::Integer).enum_values(Some(all.iter().copied()));
    object.description(Some("The HTTP status that the end of the job stands for.")).build().into()
}

/// The status of a job.
#[derive(ToSchema, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(dead_code, reason = "a description")]
pub(crate) enum JobStatus {
    Pending,
    Processed,
    Failed,
}

/// The status of a check that succeeded.
#[derive(ToSchema, Serialize, Clone, Copy)]
#[serde(rename_all = "snake_case")]
pub(crate) enum VerifiedWord {
    Verified,
}

/// The approval as the registry gave it, limited to these members, with the number masked.
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

/// The authentication method that the code was sent to.
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
    kind: ErrorType,
    /// The cause, for programs.
    #[schema(value_type = ReasonWord, example = "method_not_otp")]
    reason: Reason,
    /// A plain sentence, for people.
    #[schema(example = "Resend SMS is not allowed for this authentication method")]
    message: String,
}

/// An event of a stream.
#[derive(ToSchema, Deserialize)]
#[allow(dead_code, reason = "a description")]
pub(crate) struct JobEvent {
    #[schema(inline)]
    event: JobStatus,
    /// A client that reconnects sends it as `Last-Event-ID`.
    #[schema(example = "processed-200-1533206716000")]
    id: String,
    /// JSON: the answer to reading the job.
    data: String,
}

/// A code to be checked.
#[derive(ToSchema, Deserialize)]
#[allow(dead_code, reason = "a description")]
pub(crate) struct CodeToCheck {
    #[schema(inline, value_type = Digits)]
    code: Value,
}

/// The digits of a code, as text or as a number.
struct Digits;

impl PartialSchema for Digits {
    fn schema() -> RefOr<Schema> {
        let types = SchemaType::from_iter([Type::String, Type::Integer]);
        let object = ObjectBuilder::new().schema_type(types).pattern(Some("^[0-9]{4,8}$")).minimum(Some(0));
        object.description(Some("Digits, as text or as a number.")).examples(["123456"]).build().into()
    }
}

impl ToSchema for Digits {}
