//! What the platform's token service says of a token.

use std::sync::Arc;

use serde::Deserialize;

use crate::auth::cache::CachedIdentity;
use crate::auth::principal::{Principal, Scopes};

/// Members that matter here; any others are ignored.
#[derive(Deserialize)]
pub(super) struct Answer {
    data: Token,
}

#[derive(Deserialize)]
struct Token {
    /// Epoch seconds.
    expires_at: i64,
    #[serde(default)]
    user_id: Option<String>,
    #[serde(default)]
    consumer_id: Option<String>,
    #[serde(default)]
    consumer_scope: Option<String>,
    #[serde(default)]
    details: Details,
}

#[derive(Deserialize, Default)]
struct Details {
    #[serde(default)]
    client_id: Option<String>,
    #[serde(default)]
    scope: Option<String>,
}

impl Answer {
    /// The bearer. A token that names neither a client nor a user can own no job: it is refused.
    pub(super) fn identity(self) -> CachedIdentity {
        let Token { expires_at, user_id, consumer_id, consumer_scope, details } = self.data;
        let named = |name: Option<String>| name.filter(|name| !name.is_empty());
        let owner = named(details.client_id).or(named(user_id)).or(named(consumer_id))?;
        let scope = consumer_scope.or(details.scope).unwrap_or_default();
        let client = owner.parse().ok()?;
        Some(Arc::new(Principal { client, scopes: Scopes::parse(&scope), expires_at: Some(expires_at) }))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::auth::Scope;

    fn identity(data: &Value) -> CachedIdentity {
        serde_json::from_value::<Answer>(json!({"data": data})).unwrap().identity()
    }

    #[test]
    fn client_scope_and_end_are_where_the_platform_has_them() {
        let principal = identity(&json!({
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
        let principal = identity(&json!({
            "expires_at": 7, "user_id": "u", "consumer_scope": "approval:create", "details": {"scope": "job:read"},
        }))
        .unwrap();
        assert_eq!(principal.client.as_str(), "u");
        assert!(
            principal.scopes.contains(Scope::ApprovalCreate) && !principal.scopes.contains(Scope::JobRead)
        );
    }

    #[test]
    fn a_token_of_nobody_or_without_an_end_is_refused() {
        assert_eq!(identity(&json!({"expires_at": 7})), None);
        assert!(serde_json::from_value::<Answer>(json!({"data": {"user_id": "u"}})).is_err());
    }
}
