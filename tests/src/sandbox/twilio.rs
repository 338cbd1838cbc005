//! Twilio's dialect: a form under the account's credentials, answered 201, or 4xx with a code of its own.

use axum::{
    Form, Json,
    extract::{Path, State, rejection::FormRejection},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use serde_json::json;

use super::{
    introspection::credentials,
    message::{Message, now},
    refusal::Refusal,
    sms::{header, is_e164},
    state::Shared,
};

/// The one account, and `ACsandbox:sms-token` in base64.
const ACCOUNT: &str = "ACsandbox";
const CREDENTIALS: &str = "QUNzYW5kYm94OnNtcy10b2tlbg==";

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Order {
    to: String,
    from: String,
    body: String,
}

/// `POST /twilio/2010-04-01/Accounts/{Sid}/Messages.json`.
pub(crate) async fn send(
    State(sandbox): State<Shared>,
    Path(account): Path<String>,
    headers: HeaderMap,
    form: Result<Form<Order>, FormRejection>,
) -> Result<Response, Refusal> {
    if account != ACCOUNT || credentials(&headers, "Basic") != Some(CREDENTIALS) {
        return Ok(wrong(StatusCode::UNAUTHORIZED, 20_003));
    }
    let Ok(Form(Order { to, from, body })) = form else { return Ok(wrong(StatusCode::BAD_REQUEST, 21_602)) };
    if !is_e164(&to) {
        return Ok(wrong(StatusCode::BAD_REQUEST, 21_211));
    }
    let message_id = sandbox.message_ids.next();
    let sid = message_id.clone();
    let (channel, request_id) = ("twilio".to_owned(), header(&headers, "x-request-id"));
    let (reference, idempotency_key) = (None, None);
    sandbox.take(Message {
        ts: now(),
        message_id,
        channel,
        to,
        from,
        text: body,
        reference,
        idempotency_key,
        request_id,
    })?;
    let made = json!({"sid": sid, "status": "queued", "error_code": null, "error_message": null});
    Ok((StatusCode::CREATED, Json(made)).into_response())
}

fn wrong(status: StatusCode, code: u32) -> Response {
    let more_info = format!("https://www.twilio.com/docs/errors/{code}");
    let body = json!({"code": code, "message": "Refused", "more_info": more_info, "status": status.as_u16()});
    (status, Json(body)).into_response()
}
