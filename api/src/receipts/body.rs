//! The body of a receipt: `{"message_id": "…", "state": "delivered"}`.

use serde_json::Value;
use shared::receipt::MessageState;

use crate::error::{ApiError, Rule, Violation};

/// Longest name of a message: SMPP's (3.4, section 5.2.23) and what is kept of other gateways'.
const LONGEST_ID: usize = 64;

const ID: Rule = Rule {
    name: "format",
    params: &[],
    description: "must be the gateway's id of 1 to 64 visible ASCII characters",
};

const STATE: Rule = Rule {
    name: "inclusion",
    params: &[
        "unknown",
        "enroute",
        "accepted",
        "deleted",
        "expired",
        "rejected",
        "undeliverable",
        "delivered",
    ],
    description: "must be a state of a message",
};

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Receipt {
    pub(super) message_id: String,
    pub(super) state: MessageState,
}

/// Reads it; whoever signed it is told what is wrong with it.
pub(super) fn receipt(body: &[u8]) -> Result<Receipt, ApiError> {
    let body: Value = serde_json::from_slice(body).map_err(|_| ApiError::BodyUnreadable)?;
    let message_id = body["message_id"]
        .as_str()
        .filter(|id| (1..=LONGEST_ID).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic()));
    let state = body["state"].as_str().and_then(MessageState::from_word);
    match (message_id, state) {
        (Some(id), Some(state)) => Ok(Receipt { message_id: id.to_owned(), state }),
        (id, state) => {
            let wrong = [
                id.is_none().then(|| Violation::request("$.message_id", ID)),
                state.is_none().then(|| Violation::request("$.state", STATE)),
            ];
            Err(ApiError::Invalid(wrong.into_iter().flatten().collect()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receipt_names_its_message_and_a_state() {
        let read = receipt(br#"{"message_id": "m-1", "state": "delivered"}"#).unwrap();
        assert_eq!(read, Receipt { message_id: "m-1".to_owned(), state: MessageState::Delivered });
    }

    #[test]
    fn what_is_wrong_is_told_by_its_place() {
        let long = "a".repeat(65);
        for (body, places) in [
            ("{}", &["$.message_id", "$.state"][..]),
            (r#"{"message_id": "m 1", "state": "delivered"}"#, &["$.message_id"]),
            (&format!(r#"{{"message_id": "{long}", "state": "delivered"}}"#), &["$.message_id"]),
            (r#"{"message_id": "m-1", "state": "DELIVRD"}"#, &["$.state"]),
            ("[]", &["$.message_id", "$.state"]),
        ] {
            let Err(ApiError::Invalid(wrong)) = receipt(body.as_bytes()) else { panic!("{body}") };
            assert_eq!(wrong.iter().map(|violation| violation.entry).collect::<Vec<_>>(), places, "{body}");
        }
        assert_eq!(receipt(b"{"), Err(ApiError::BodyUnreadable));
    }
}
