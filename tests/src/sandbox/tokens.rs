//! The tokens the introspection endpoint knows, and what it says of each (RFC 7662).

use std::{
    collections::HashMap,
    sync::{PoisonError, RwLock},
};

use bytes::Bytes;
use serde_json::json;

/// Start of 2100 in epoch seconds: an expiry no run will see.
const FAR_FUTURE: u64 = 4_102_444_800;

/// What is said of an unknown, expired or revoked token.
const INACTIVE: &[u8] = br#"{"active":false}"#;

/// A token that is there from the start.
pub(crate) struct BuiltIn {
    pub(crate) token: &'static str,
    pub(crate) scope: &'static str,
    pub(crate) client_id: &'static str,
    sub: &'static str,
    pub(crate) active: bool,
}

/// The fixed tokens, as the start page lists them.
pub(crate) const BUILT_IN: [BuiltIn; 6] = [
    BuiltIn::active(
        "mis-a-token",
        "approval:create job:read",
        "mis-a",
        "6f0a1e1c-3a77-4c39-9f43-0d2f5f5d1a01",
    ),
    BuiltIn::active(
        "mis-b-token",
        "approval:create job:read",
        "mis-b",
        "6f0a1e1c-3a77-4c39-9f43-0d2f5f5d1a02",
    ),
    BuiltIn::active("no-scope-token", "job:read", "mis-a", "6f0a1e1c-3a77-4c39-9f43-0d2f5f5d1a03"),
    BuiltIn::active("read-less-token", "approval:create", "mis-a", "6f0a1e1c-3a77-4c39-9f43-0d2f5f5d1a04"),
    BuiltIn::active("otp-token", "otp:verify", "verifier", "6f0a1e1c-3a77-4c39-9f43-0d2f5f5d1a05"),
    BuiltIn { token: "expired-token", scope: "", client_id: "", sub: "", active: false },
];

impl BuiltIn {
    const fn active(
        token: &'static str,
        scope: &'static str,
        client_id: &'static str,
        sub: &'static str,
    ) -> Self {
        Self { token, scope, client_id, sub, active: true }
    }

    fn answer(&self) -> Bytes {
        if !self.active {
            return Bytes::from_static(INACTIVE);
        }
        let answer = json!({
            "active": true, "scope": self.scope, "client_id": self.client_id, "sub": self.sub,
            "exp": FAR_FUTURE, "token_type": "Bearer",
        });
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
        let tokens = self.0.read().unwrap_or_else(PoisonError::into_inner);
        tokens.get(token).cloned().unwrap_or(Bytes::from_static(INACTIVE))
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
