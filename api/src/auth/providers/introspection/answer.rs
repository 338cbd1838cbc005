//! What an authorization server says of a token (RFC 7662, section 2.2).

use std::sync::Arc;

use serde::Deserialize;

use crate::auth::cache::CachedIdentity;
use crate::auth::principal::{Principal, Scopes};

/// Members that matter here; any others are ignored.
#[derive(Deserialize)]
pub(super) struct Answer {
    active: bool,
    #[serde(default)]
    scope: Option<String>,
    #[serde(default)]
    client_id: Option<String>,
    #[serde(default)]
    sub: Option<String>,
    #[serde(default)]
    exp: Option<i64>,
}

impl Answer {
    /// The bearer of an active token. One that names neither a client nor a subject can own no job: it is refused.
    pub(super) fn identity(self) -> CachedIdentity {
        let named = |name: &Option<String>| name.as_ref().filter(|name| !name.is_empty())?.parse().ok();
        if !self.active {
            return None;
        }
        let client = match &self.client_id {
            Some(id) if !id.is_empty() => id.parse().ok(),
            _ => named(&self.sub),
        }?;
        let scopes = Scopes::parse(self.scope.as_deref().unwrap_or_default());
        Some(Arc::new(Principal { client, scopes, expires_at: self.exp }))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::auth::Scope;

    fn identity(answer: Value) -> CachedIdentity {
        serde_json::from_value::<Answer>(answer).unwrap().identity()
    }

    #[test]
    fn the_client_owns_the_jobs_or_the_subject_where_there_is_none() {
        let owner = |answer| identity(answer).map(|principal| principal.client.to_string());
        assert_eq!(
            owner(json!({"active": true, "client_id": "mis-a", "sub": "s"})).as_deref(),
            Some("mis-a")
        );
        assert_eq!(owner(json!({"active": true, "sub": "s"})).as_deref(), Some("s"));
        assert_eq!(owner(json!({"active": true, "client_id": null, "sub": "s"})).as_deref(), Some("s"));
        assert_eq!(owner(json!({"active": true, "client_id": "", "sub": "s"})).as_deref(), Some("s"));
    }

    #[test]
    fn a_token_that_is_inactive_or_nobodys_is_good_for_nothing() {
        for answer in [
            json!({"active": false, "client_id": "mis-a"}),
            json!({"active": true}),
            json!({"active": true, "client_id": "a b", "sub": "s"}),
        ] {
            assert_eq!(identity(answer.clone()), None, "{answer}");
        }
    }

    #[test]
    fn scope_and_end_are_read() {
        let principal =
            identity(json!({"active": true, "client_id": "a", "scope": "job:read x", "exp": 7})).unwrap();
        assert!(
            principal.scopes.contains(Scope::JobRead) && !principal.scopes.contains(Scope::ApprovalCreate)
        );
        assert_eq!(principal.expires_at, Some(7));
    }

    #[test]
    fn an_answer_that_does_not_say_whether_the_token_is_active_is_none() {
        for text in ["{}", "[]", "null", r#"{"active":"true"}"#, r#"{"active":true,"exp":"soon"}"#] {
            assert!(serde_json::from_str::<Answer>(text).is_err(), "{text}");
        }
    }
}
