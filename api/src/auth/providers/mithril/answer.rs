//! The platform's token service's answer about a token.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;

use crate::auth::cache::{CachedIdentity, CredentialError};
use crate::auth::client::CallError;
use crate::auth::lenient::EpochSeconds;
use crate::auth::principal::{Principal, Scopes, client_owner, subject_owner};

/// The only accepted kind of token: the service also verifies refresh tokens and authorization codes.
const ACCESS_TOKEN: &str = "access_token";

/// The relevant members; any others are ignored.
#[derive(Deserialize)]
struct Token {
    expires_at: EpochSeconds,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    user_id: Option<String>,
    #[serde(default)]
    consumer_id: Option<String>,
    #[serde(default)]
    consumer_scope: Option<String>,
    #[serde(default)]
    details: Option<Details>,
}

#[derive(Deserialize, Default)]
struct Details {
    #[serde(default)]
    client_id: Option<String>,
    #[serde(default)]
    scope: Option<String>,
    /// The scopes of the system that the client works through.
    #[serde(default)]
    broker_scope: Option<String>,
}

/// The identity in an answer. An answer without an object `data` is invalid; if anything in it cannot be read, only
/// this token is refused.
pub(super) fn read(body: &[u8]) -> Result<CachedIdentity, CallError> {
    let mut answer: Value = serde_json::from_slice(body).map_err(|_| CallError::Unreadable)?;
    let data =
        answer.get_mut("data").map(Value::take).filter(Value::is_object).ok_or(CallError::Unreadable)?;
    let principal = Token::deserialize(data).ok().and_then(Token::principal);
    Ok(principal.map(Arc::new).ok_or(CredentialError::Token))
}

impl Token {
    /// The bearer. A token that names neither a client nor a user is refused, because nobody would own its jobs.
    fn principal(self) -> Option<Principal> {
        if self.name.is_some_and(|name| name != ACCESS_TOKEN) {
            return None;
        }
        let details = self.details.unwrap_or_default();
        let named = |name: Option<String>| name.filter(|name| !name.is_empty());
        let owner = match named(details.client_id) {
            Some(client) => client_owner(&client),
            None => subject_owner(&named(self.user_id).or(named(self.consumer_id))?),
        };
        let scopes = Scopes::parse(&self.consumer_scope.or(details.scope).unwrap_or_default());
        let scopes = match details.broker_scope {
            Some(of_broker) => scopes.intersection(Scopes::parse(&of_broker)),
            None => scopes,
        };
        Some(Principal { client: owner?, scopes, expires_at: Some(self.expires_at.0) })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::auth::Scope;

    fn principal(data: &Value) -> Option<Arc<Principal>> {
        read(json!({"data": data}).to_string().as_bytes()).unwrap().ok()
    }

    #[test]
    fn client_scope_and_end_are_where_the_platform_has_them() {
        let principal = principal(&json!({
            "id": "1", "name": "access_token", "value": "t", "expires_at": 7, "user_id": "u",
            "details": {"client_id": "mis-a", "scope": "job:read person:read", "grant_type": "password"},
        }))
        .unwrap();
        assert_eq!((principal.client.as_str(), principal.expires_at), ("mis-a", Some(7)));
        assert!(
            principal.scopes.contains(Scope::JobRead) && !principal.scopes.contains(Scope::ApprovalCreate)
        );
    }

    #[test]
    fn the_gateways_own_scope_wins_and_the_user_owns_where_there_is_no_client() {
        let principal = principal(&json!({
            "expires_at": 7, "user_id": "u", "consumer_scope": "approval:create", "details": {"scope": "job:read"},
        }))
        .unwrap();
        assert_eq!(principal.client.as_str(), "sub:u");
        assert!(
            principal.scopes.contains(Scope::ApprovalCreate) && !principal.scopes.contains(Scope::JobRead)
        );
    }

    #[test]
    fn a_brokers_scope_must_hold_beside_the_tokens() {
        let held = |of_broker: Value| {
            let details =
                json!({"client_id": "a", "scope": "approval:create job:read", "broker_scope": of_broker});
            let scopes = principal(&json!({"expires_at": 7, "details": details})).unwrap().scopes;
            [Scope::ApprovalCreate, Scope::JobRead, Scope::OtpVerify].map(|scope| scopes.contains(scope))
        };
        assert_eq!(held(json!(null)), [true, true, false]);
        assert_eq!(held(json!("job:read otp:verify")), [false, true, false]);
        assert_eq!(held(json!("")), [false; 3]);
    }

    #[test]
    fn no_other_kind_of_token_is_taken() {
        let named = |name: Value| principal(&json!({"expires_at": 7, "user_id": "u", "name": name}));
        assert!(named(json!("access_token")).is_some() && named(json!(null)).is_some());
        for other in ["refresh_token", "authorization_code", "2fa_access_token", ""] {
            assert_eq!(named(json!(other)), None, "{other}");
        }
    }

    #[test]
    fn a_token_of_nobody_or_without_a_readable_end_is_refused() {
        assert!(principal(&json!({"expires_at": "7", "user_id": "u", "details": null})).is_some());
        for token in [
            json!({"expires_at": 7}),
            json!({"user_id": "u"}),
            json!({"expires_at": "soon", "user_id": "u"}),
            json!({"expires_at": 7, "user_id": "u", "details": 7}),
        ] {
            assert_eq!(principal(&token), None, "{token}");
        }
    }
}
