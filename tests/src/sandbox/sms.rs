//! The generic JSON gateway. It takes a repeated message again, whatever the `Idempotency-Key`, so that double sends
//! show; with the `deduplicate` switch among the faults it honours the key.

use axum::{Extension, Json, extract::State, http::HeaderMap};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    introspection::credentials,
    message::{Message, now},
    refusal::Refusal,
    state::Shared,
};

/// What the service must present.
pub(crate) const TOKEN: &str = "sms-token";

/// Set on a request while deduplication is switched on.
#[derive(Clone, Copy)]
pub(crate) struct Deduplicate;

#[derive(Deserialize)]
struct Order {
    to: String,
    from: String,
    text: String,
    reference: Option<String>,
}

/// `POST /sms/messages`: records the message, then answers with its id.
pub(crate) async fn send(
    State(sandbox): State<Shared>,
    deduplicate: Option<Extension<Deduplicate>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<Value>, Refusal> {
    if credentials(&headers, "Bearer") != Some(TOKEN) {
        return Err(Refusal::unauthorized("The gateway needs the bearer token sms-token"));
    }
    let order = Order::read(&body)?;
    let message_id = sandbox.message_ids.next();
    let key = header(&headers, "idempotency-key");
    if let (Some(_), Some(key)) = (deduplicate, &key)
        && let Some(earlier) = sandbox.sent_keys.claim(key, &message_id)
    {
        return Ok(Json(json!({ "message_id": earlier })));
    }
    sandbox.take(order.into_message(message_id.clone(), key, header(&headers, "x-request-id")))?;
    Ok(Json(json!({ "message_id": message_id })))
}

impl Order {
    fn read(body: &[u8]) -> Result<Self, Refusal> {
        let order: Self =
            serde_json::from_slice(body).map_err(|error| Refusal::bad_request(error.to_string()))?;
        if !is_e164(&order.to) {
            return Err(Refusal::invalid("to: not a phone number in E.164 form"));
        }
        if order.text.is_empty() {
            return Err(Refusal::invalid("text: must not be empty"));
        }
        Ok(order)
    }

    fn into_message(
        self,
        message_id: String,
        idempotency_key: Option<String>,
        request_id: Option<String>,
    ) -> Message {
        let Self { to, from, text, reference } = self;
        let channel = "sms".to_owned();
        Message { ts: now(), message_id, channel, to, from, text, reference, idempotency_key, request_id }
    }
}

/// A request header as text, if it is there and readable.
pub(crate) fn header(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
}

/// A plus, no leading zero, 7 to 15 digits (ITU-T E.164).
pub(crate) fn is_e164(phone: &str) -> bool {
    phone.strip_prefix('+').is_some_and(|digits| {
        (7..=15).contains(&digits.len())
            && !digits.starts_with('0')
            && digits.bytes().all(|byte| byte.is_ascii_digit())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_e164_numbers_are_taken() {
        assert!(is_e164("+380200000001") && is_e164("+48110000071"));
        for phone in
            ["", "+", "380200000001", "+0380200000001", "+38020", "+38020000000a", "+3802000000011111"]
        {
            assert!(!is_e164(phone), "{phone}");
        }
    }

    #[test]
    fn an_order_without_a_readable_body_is_refused() {
        assert!(Order::read(b"{\"to\":\"+380200000001\"").is_err());
        assert!(Order::read(br#"{"to":"+380200000001","from":"eHealth","text":""}"#).is_err());
        assert!(Order::read(br#"{"to":"+380200000001","from":"eHealth","text":"1"}"#).is_ok());
    }
}
