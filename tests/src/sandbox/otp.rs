//! The platform's OTP service: it makes the code and sends it itself, here into the inbox.

use axum::{
    Extension, Json,
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
};
use std::time::Duration;

use bytes::Bytes;
use chrono::{SecondsFormat, Utc};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    message::{Message, now},
    refusal::{Refusal, read_json},
    sms::header,
    state::{Sandbox, Shared},
    verification::{Rejected, Verification, is_ukrainian},
};

#[derive(Deserialize)]
struct Start {
    phone_number: String,
}

/// Set on a request while the service has a limit of its own: one call a phone in so many seconds.
#[derive(Clone, Copy)]
pub(crate) struct LimitSeconds(pub(crate) u64);

/// Set on a request while the service's gateway refuses every message.
#[derive(Clone, Copy)]
pub(crate) struct GatewayRefuses;

/// `POST /otp/verifications`: a new code, sent at once. The limit counts the call before its message goes out, and a refusal
/// of the gateway is answered 201 all the same, both as on the platform.
pub(crate) async fn start(
    State(sandbox): State<Shared>,
    limit: Option<Extension<LimitSeconds>>,
    gateway_refuses: Option<Extension<GatewayRefuses>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<(StatusCode, Json<Value>), Refusal> {
    let Start { phone_number } = read_json(&body)?;
    if !is_ukrainian(&phone_number) {
        return Err(Refusal::invalid(r"phone_number: does not match ^\+380[0-9]{9}$"));
    }
    let now = Utc::now();
    let window = limit.map(|Extension(LimitSeconds(seconds))| Duration::from_secs(seconds));
    if window.is_some_and(|window| !sandbox.verifications.may_start(&phone_number, window, now)) {
        return Err(Refusal::too_many_requests());
    }
    let verification = sandbox.verifications.start(&phone_number, now);
    if gateway_refuses.is_none() {
        sandbox.take(message(
            &sandbox,
            phone_number,
            &verification.code,
            header(&headers, "x-request-id"),
        ))?;
    }
    Ok((StatusCode::CREATED, Json(view(&verification, "new", true))))
}

fn message(sandbox: &Sandbox, to: String, code: &str, request_id: Option<String>) -> Message {
    Message {
        ts: now(),
        message_id: sandbox.message_ids.next(),
        channel: "otp".to_owned(),
        to,
        from: "eHealth".to_owned(),
        text: format!("Код авторизації дій в системі eHealth: {code}"),
        reference: None,
        idempotency_key: None,
        request_id,
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Code {
    Text(String),
    Number(u64),
}

#[derive(Deserialize)]
struct Guess {
    code: Code,
}

/// `PATCH /otp/verifications/{phone_number}/actions/complete`: checks a code, a string or a number.
pub(crate) async fn complete(
    State(sandbox): State<Shared>,
    Path(phone_number): Path<String>,
    body: Bytes,
) -> Result<Json<Value>, Refusal> {
    let code = match read_json::<Guess>(&body)?.code {
        Code::Text(code) => code,
        Code::Number(code) => code.to_string(),
    };
    let verification = sandbox.verifications.complete(&phone_number, &code, Utc::now())?;
    Ok(Json(view(&verification, "verified", false)))
}

impl From<Rejected> for Refusal {
    fn from(rejected: Rejected) -> Self {
        match rejected {
            Rejected::Unknown => Self::not_found("Not found"),
            Rejected::TooManyAttempts => Self::forbidden("Maximum attempts exceed"),
            Rejected::WrongCode => Self::forbidden("Invalid verification code"),
            Rejected::Expired => Self::forbidden("Verification code expired"),
        }
    }
}

fn view(verification: &Verification, status: &str, active: bool) -> Value {
    let code_expired_at = verification.code_expired_at.to_rfc3339_opts(SecondsFormat::Millis, true);
    json!({"data": {
        "id": verification.id, "status": status, "code_expired_at": code_expired_at, "active": active,
    }})
}
