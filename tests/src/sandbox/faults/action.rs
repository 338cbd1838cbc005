//! The action of a fault, in its JSON form and as carried out.

use axum::http::{HeaderValue, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One way to misbehave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Answers with this status instead.
    Status {
        status: StatusCode,
        retry_after: Option<u64>,
        body: Option<String>,
        content_type: Option<HeaderValue>,
    },
    /// Answers late, by milliseconds.
    Delay(u64),
    /// Never answers.
    Hang,
    /// Closes the connection without an answer.
    Cut,
    /// Answers byte by byte, this many milliseconds apart.
    Drip(u64),
    /// Answers 200 with a JSON body of this many bytes.
    HugeBody(u64),
    /// Answers 307 to this place.
    Redirect(HeaderValue),
    /// Answers 200 with a page of HTML.
    Html,
    /// Answers 200 with JSON that breaks off.
    Garbage,
    /// Answers with the data of another patient.
    OtherPatient,
    /// Answers with an approval without a phone.
    NullPhone,
    /// Takes a message with a known `Idempotency-Key` only once.
    Deduplicate,
    /// The OTP service takes one call a phone in so many seconds, and answers 429 to others. It counts the call before its
    /// message goes out, as the platform does.
    LimitSeconds(u64),
    /// The OTP service answers 201 although its gateway refused the message.
    GatewayRefuses,
}

impl Kind {
    /// A rule of the service that goes together with a fault, rather than a fault.
    pub(crate) fn is_switch(&self) -> bool {
        matches!(self, Self::Deduplicate | Self::LimitSeconds(_) | Self::GatewayRefuses)
    }
}

/// A way to misbehave, and whether the request is carried out all the same.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Value", into = "Value")]
pub(crate) struct Action {
    pub(crate) kind: Kind,
    /// Carries out the request (records the message) before it misbehaves.
    pub(crate) accept: bool,
    /// The original JSON, for display.
    written: Value,
}

/// All members an action may have in JSON.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ActionJson {
    status: Option<u16>,
    retry_after: Option<u64>,
    body: Option<String>,
    content_type: Option<String>,
    delay_ms: Option<u64>,
    hang: Option<bool>,
    cut: Option<bool>,
    drip_ms: Option<u64>,
    huge_body: Option<u64>,
    redirect: Option<String>,
    html: Option<bool>,
    garbage: Option<bool>,
    other_patient: Option<bool>,
    null_phone: Option<bool>,
    deduplicate: Option<bool>,
    limit_seconds: Option<u64>,
    gateway_refuses: Option<bool>,
    #[serde(default)]
    accept: bool,
}

const ONE_OF: &str = "an action has exactly one of `status`, `delay_ms`, `hang`, `cut`, `drip_ms`, `huge_body`, \
    `redirect`, `html`, `garbage`, `other_patient`, `null_phone`, `deduplicate`, `limit_seconds`, `gateway_refuses`";

impl TryFrom<Value> for Action {
    type Error = String;

    fn try_from(written: Value) -> Result<Self, String> {
        let parsed = ActionJson::deserialize(&written).map_err(|error| format!("action: {error}"))?;
        Ok(Self { accept: parsed.accept, kind: parsed.kind()?, written })
    }
}

impl From<Action> for Value {
    fn from(action: Action) -> Self {
        action.written
    }
}

impl ActionJson {
    fn kind(self) -> Result<Kind, String> {
        let on = |switch: Option<bool>, kind| switch.unwrap_or(false).then_some(kind);
        let extras = self.retry_after.is_some() || self.body.is_some() || self.content_type.is_some();
        if extras && self.status.is_none() {
            return Err("action: `retry_after`, `body` and `content_type` go with `status` only".to_owned());
        }
        let redirect = self.redirect.as_deref().map(|url| header("redirect", url)).transpose()?;
        let kinds = [
            self.delay_ms.map(Kind::Delay),
            on(self.hang, Kind::Hang),
            on(self.cut, Kind::Cut),
            self.drip_ms.map(Kind::Drip),
            self.huge_body.map(Kind::HugeBody),
            redirect.map(Kind::Redirect),
            on(self.html, Kind::Html),
            on(self.garbage, Kind::Garbage),
            on(self.other_patient, Kind::OtherPatient),
            on(self.null_phone, Kind::NullPhone),
            on(self.deduplicate, Kind::Deduplicate),
            self.limit_seconds.map(Kind::LimitSeconds),
            on(self.gateway_refuses, Kind::GatewayRefuses),
            self.status_kind()?,
        ];
        let mut given = kinds.into_iter().flatten();
        given.next().filter(|_| given.next().is_none()).ok_or_else(|| ONE_OF.to_owned())
    }

    fn status_kind(self) -> Result<Option<Kind>, String> {
        let Some(status) = self.status else { return Ok(None) };
        let status = StatusCode::from_u16(status)
            .ok()
            .filter(|status| status.as_u16() >= 200)
            .ok_or_else(|| format!("action: status {status} is not one from 200 on"))?;
        let content_type =
            self.content_type.as_deref().map(|kind| header("content_type", kind)).transpose()?;
        Ok(Some(Kind::Status { status, retry_after: self.retry_after, body: self.body, content_type }))
    }
}

fn header(member: &str, value: &str) -> Result<HeaderValue, String> {
    HeaderValue::from_str(value).map_err(|_| format!("action: {member} holds characters no header can"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn action(written: Value) -> Result<Action, String> {
        Action::try_from(written)
    }

    #[test]
    fn each_form_is_read_and_shown_as_it_was_written() {
        for written in [
            json!({"status": 503, "retry_after": 2, "body": "x", "content_type": "text/plain"}),
            json!({"delay_ms": 10}),
            json!({"hang": true, "accept": true}),
            json!({"cut": true}),
            json!({"drip_ms": 5}),
            json!({"huge_body": 10_000_000}),
            json!({"redirect": "http://127.0.0.1:1/"}),
            json!({"html": true}),
            json!({"garbage": true}),
            json!({"other_patient": true}),
            json!({"null_phone": true}),
            json!({"deduplicate": true}),
            json!({"limit_seconds": 60}),
            json!({"gateway_refuses": true}),
        ] {
            let read = action(written.clone()).unwrap();
            assert_eq!(read.accept, written.get("accept").is_some());
            assert_eq!(serde_json::to_value(read).unwrap(), written);
        }
    }

    #[test]
    fn a_misspelt_member_is_refused_with_the_right_ones() {
        let message = action(json!({"stauts": 503})).unwrap_err();
        assert!(
            message.contains("`stauts`") && message.contains("`status`") && message.contains("`delay_ms`")
        );
    }

    #[test]
    fn none_two_and_switched_off_forms_are_refused() {
        for written in
            [json!({}), json!({"hang": false}), json!({"hang": true, "cut": true}), json!({"accept": true})]
        {
            assert_eq!(action(written).unwrap_err(), ONE_OF);
        }
    }

    #[test]
    fn members_of_a_status_need_a_status_and_a_possible_one() {
        assert!(action(json!({"hang": true, "retry_after": 1})).is_err());
        assert!(action(json!({"status": 100})).is_err());
        assert!(action(json!({"status": 1000})).is_err());
    }
}
