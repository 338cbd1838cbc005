//! TurboSMS' dialect: always 200, and what became of the message in `response_code`. A repeated `sequence_id` is taken
//! again, so that double sends show.

use axum::{Json, extract::State, http::HeaderMap};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    introspection::credentials,
    message::{Message, now},
    refusal::Refusal,
    sms::{TOKEN, header},
    state::Shared,
};

#[derive(Deserialize)]
struct Order {
    recipients: Vec<String>,
    sms: Sms,
    sequence_id: Option<String>,
}

#[derive(Deserialize)]
struct Sms {
    sender: String,
    text: String,
}

/// `POST /turbosms/message/send.json`.
pub(crate) async fn send(
    State(sandbox): State<Shared>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<Value>, Refusal> {
    let token = credentials(&headers, "Bearer");
    if token != Some(TOKEN) {
        return Ok(refused(if token.is_none() { 103 } else { 301 }));
    }
    let Ok(Order { recipients, sms, sequence_id }) = serde_json::from_slice(&body) else {
        return Ok(refused(300));
    };
    let [recipient] = &recipients[..] else { return Ok(refused(202)) };
    let digits = recipient.trim_start_matches('+');
    if !(8..=15).contains(&digits.len()) || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(answer(802, 305, None));
    }
    let message_id = sandbox.message_ids.next();
    sandbox.take(Message {
        ts: now(),
        message_id: message_id.clone(),
        channel: "turbosms".to_owned(),
        to: format!("+{digits}"),
        from: sms.sender,
        text: sms.text,
        reference: sequence_id,
        idempotency_key: None,
        request_id: header(&headers, "x-request-id"),
    })?;
    Ok(answer(800, 0, Some(&message_id)))
}

fn refused(code: u16) -> Json<Value> {
    Json(json!({"response_code": code, "response_status": "REFUSED", "response_result": null}))
}

fn answer(code: u16, of_recipient: u16, message_id: Option<&str>) -> Json<Value> {
    let result =
        json!({"response_code": of_recipient, "message_id": message_id, "response_status": "SANDBOX"});
    Json(json!({"response_code": code, "response_status": "SANDBOX", "response_result": [result]}))
}
