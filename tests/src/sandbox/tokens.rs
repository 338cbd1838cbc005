//! The tokens the introspection endpoint knows, and what it says of each (RFC 7662).

use std::{
    collections::HashMap,
    sync::{PoisonError, RwLock},
};

use bytes::Bytes;
use serde_json::json;

/// Start of 2100 in epoch seconds: an expiry no run will see.
const FAR_FUTURE: u64 = 4_102_444_800;

/// The user behind every token.
const USER: &str = "6f0a1e1c-3a77-4c39-9f43-0d2f5f5d1a01";

/// What is said of an unknown, expired or revoked token.
const INACTIVE: &[u8] = br#"{"active":false}"#;

/// A key of the system a broker's client works through, and what that system may (`broker_scope`).
pub(crate) const API_KEYS: [(&str, &str); 2] =
    [("broker-key", "approval:create job:read"), ("broker-read-key", "job:read")];

/// A token that is there from the start.
pub(crate) struct BuiltIn {
    pub(crate) token: &'static str,
    pub(crate) scope: &'static str,
    pub(crate) client_id: &'static str,
    pub(crate) kind: Kind,
}

/// What is odd about a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Nothing.
    Plain,
    /// Its client is a broker's: the token service wants an API key beside it.
    Broker,
    /// It is a refresh token, which the token service verifies like any other.
    Refresh,
    /// It names a subject and no client.
    Subject,
    /// Its times are text and its scope is a list.
    OddForms,
    /// Its end cannot be read.
    Unreadable,
    /// It has expired.
    Expired,
}

/// The fixed tokens, as the start page lists them.
pub(crate) const BUILT_IN: [BuiltIn; 12] = [
    BuiltIn::new("mis-a-token", "approval:create job:read", "mis-a", Kind::Plain),
    BuiltIn::new("mis-b-token", "approval:create job:read", "mis-b", Kind::Plain),
    BuiltIn::new("no-scope-token", "job:read", "mis-a", Kind::Plain),
    BuiltIn::new("read-less-token", "approval:create", "mis-a", Kind::Plain),
    BuiltIn::new("otp-token", "otp:verify", "verifier", Kind::Plain),
    BuiltIn::new("otp-write-token", "otp:write", "verifier", Kind::Plain),
    BuiltIn::new("broker-token", "approval:create job:read", "msp-a", Kind::Broker),
    BuiltIn::new("refresh-token", "approval:create job:read", "mis-a", Kind::Refresh),
    BuiltIn::new("subject-token", "approval:create job:read", "", Kind::Subject),
    BuiltIn::new("odd-token", "approval:create job:read", "mis-a", Kind::OddForms),
    BuiltIn::new("unreadable-token", "approval:create job:read", "mis-a", Kind::Unreadable),
    BuiltIn::new("expired-token", "", "", Kind::Expired),
];

impl BuiltIn {
    const fn new(token: &'static str, scope: &'static str, client_id: &'static str, kind: Kind) -> Self {
        Self { token, scope, client_id, kind }
    }

    /// What an integrator has to know about it.
    pub(crate) const fn note(&self) -> &'static str {
        match self.kind {
            Kind::Plain => "",
            Kind::Broker => {
                "a broker's client: mode mithril wants the header api-key: broker-key (or broker-read-key)"
            }
            Kind::Refresh => "a refresh token: 401",
            Kind::Subject => "no client: the subject mis-a, who is not the client mis-a",
            Kind::OddForms => "times as text, scope as a list",
            Kind::Unreadable => "an end that cannot be read: 401",
            Kind::Expired => "expired",
        }
    }

    /// What introspection says of it. `access_type` and `name` are what the token service goes by.
    fn answer(&self) -> Bytes {
        let mut answer = json!({
            "active": true, "scope": self.scope, "client_id": self.client_id, "sub": USER, "exp": FAR_FUTURE,
            "token_type": "Bearer",
        });
        match self.kind {
            Kind::Plain => {}
            Kind::Broker => answer["access_type"] = json!("BROKER"),
            Kind::Refresh => {
                answer["token_type"] = json!("refresh_token");
                answer["name"] = json!("refresh_token");
            }
            Kind::Subject => {
                answer["client_id"] = json!(null);
                answer["sub"] = json!("mis-a");
            }
            Kind::OddForms => {
                answer["exp"] = json!(format!("{FAR_FUTURE}.0"));
                answer["nbf"] = json!("1500000000");
                answer["scope"] = self.scope.split(' ').collect();
            }
            Kind::Unreadable => answer["exp"] = json!("in a while"),
            Kind::Expired => return Bytes::from_static(INACTIVE),
        }
        answer.to_string().into()
    }
}

/// Token to introspection answer.
pub(crate) struct Tokens(RwLock<HashMap<String, Bytes>>);

impl Tokens {
    pub(crate) fn built_in() -> Self {
        Self(RwLock::new(BUILT_IN.iter().map(|token| (token.token.to_owned(), token.answer())).collect()))
    }

    /// The introspection answer, as JSON.
    pub(crate) fn introspect(&self, token: &str) -> Bytes {
        self.known(token).unwrap_or(Bytes::from_static(INACTIVE))
    }

    /// The same, if the token was ever issued.
    pub(crate) fn known(&self, token: &str) -> Option<Bytes> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(token).cloned()
    }

    /// Makes `answer` what introspection says of `token` from now on.
    pub(crate) fn put(&self, token: String, answer: Bytes) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert(token, answer);
    }

    /// Forgets the token; it is inactive from now on.
    pub(crate) fn revoke(&self, token: &str) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).remove(token);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn introspected(tokens: &Tokens, token: &str) -> Value {
        serde_json::from_slice(&tokens.introspect(token)).unwrap()
    }

    #[test]
    fn built_in_token_is_active_with_its_scope_and_client() {
        let answer = introspected(&Tokens::built_in(), "mis-a-token");
        assert_eq!(answer["active"], true);
        assert_eq!(answer["scope"], "approval:create job:read");
        assert_eq!(answer["client_id"], "mis-a");
        assert_eq!(answer["exp"], FAR_FUTURE);
    }

    #[test]
    fn expired_unknown_and_revoked_tokens_are_inactive_and_nothing_else_is_said() {
        let tokens = Tokens::built_in();
        tokens.revoke("mis-b-token");
        for token in ["expired-token", "never-issued", "mis-b-token", ""] {
            assert_eq!(introspected(&tokens, token), json!({"active": false}), "{token}");
        }
    }

    #[test]
    fn a_put_answer_is_returned_verbatim() {
        let tokens = Tokens::built_in();
        tokens.put("odd".to_owned(), Bytes::from_static(b"{ \"active\" : true }"));
        assert_eq!(tokens.introspect("odd"), &b"{ \"active\" : true }"[..]);
    }
}
