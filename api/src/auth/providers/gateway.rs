//! The platform's gateway has checked the token already and says in headers whose it was. Only in the mode `gateway` is
//! that believed: anybody else could send these headers.

use std::sync::Arc;

use axum::http::HeaderMap;
use serde::Deserialize;

use crate::auth::AuthError;
use crate::auth::principal::{Principal, Scopes};

/// Who the user is; without it nobody was let through.
const CONSUMER_ID: &str = "x-consumer-id";

/// What the user may do: a space-separated list.
const CONSUMER_SCOPE: &str = "x-consumer-scope";

/// JSON about the token.
const CONSUMER_METADATA: &str = "x-consumer-metadata";

/// Members that matter here; any others are ignored.
#[derive(Deserialize, Default)]
struct Metadata {
    #[serde(default)]
    client_id: Option<String>,
}

/// The principal the gateway names.
pub(crate) fn principal(headers: &HeaderMap) -> Result<Arc<Principal>, AuthError> {
    let user = only(headers, CONSUMER_ID)?.ok_or(AuthError::NoToken)?;
    let scope = only(headers, CONSUMER_SCOPE)?.unwrap_or_default();
    let metadata = match only(headers, CONSUMER_METADATA)? {
        Some(text) => serde_json::from_str(text).map_err(|_| AuthError::InvalidToken)?,
        None => Metadata::default(),
    };
    let owner = metadata.client_id.filter(|client| !client.is_empty());
    let client = owner.as_deref().unwrap_or(user).parse().map_err(|_| AuthError::InvalidToken)?;
    Ok(Arc::new(Principal { client, scopes: Scopes::parse(scope), expires_at: None }))
}

/// A header that was sent once at most: a second one would be the client's own, beside that of the gateway.
fn only<'a>(headers: &'a HeaderMap, name: &'static str) -> Result<Option<&'a str>, AuthError> {
    let mut sent = headers.get_all(name).iter();
    let value = sent.next();
    if sent.next().is_some() {
        return Err(AuthError::InvalidToken);
    }
    value.map(|value| value.to_str()).transpose().map_err(|_| AuthError::InvalidToken)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderName;

    use super::*;
    use crate::auth::Scope;

    fn caller_of(pairs: &[(&'static str, &str)]) -> Result<Arc<Principal>, AuthError> {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(HeaderName::from_static(name), value.parse().unwrap());
        }
        principal(&headers)
    }

    #[test]
    fn client_and_scope_are_those_the_gateway_names() {
        let principal = caller_of(&[
            (CONSUMER_ID, "u"),
            (CONSUMER_SCOPE, "approval:create person:read"),
            (CONSUMER_METADATA, r#"{"client_id":"mis-a","grant_type":"password"}"#),
        ])
        .unwrap();
        assert_eq!(principal.client.as_str(), "mis-a");
        assert!(
            principal.scopes.contains(Scope::ApprovalCreate) && !principal.scopes.contains(Scope::JobRead)
        );
    }

    #[test]
    fn the_user_owns_where_no_client_is_named() {
        for metadata in ["{}", r#"{"client_id":null}"#, r#"{"client_id":""}"#] {
            let principal = caller_of(&[(CONSUMER_ID, "u"), (CONSUMER_METADATA, metadata)]).unwrap();
            assert_eq!(principal.client.as_str(), "u");
        }
    }

    #[test]
    fn without_the_gateway_nobody_is_let_in() {
        assert_eq!(caller_of(&[]), Err(AuthError::NoToken));
        assert_eq!(
            caller_of(&[("authorization", "Bearer a"), (CONSUMER_SCOPE, "job:read")]),
            Err(AuthError::NoToken)
        );
    }

    #[test]
    fn what_no_gateway_sends_is_refused() {
        for wrong in [
            &[(CONSUMER_ID, "u"), (CONSUMER_ID, "v")][..],
            &[(CONSUMER_ID, "u"), (CONSUMER_SCOPE, "a"), (CONSUMER_SCOPE, "job:read")],
            &[(CONSUMER_ID, "u"), (CONSUMER_METADATA, "client_id=mis-a")],
            &[(CONSUMER_ID, "u v")],
        ] {
            assert_eq!(caller_of(wrong), Err(AuthError::InvalidToken), "{wrong:?}");
        }
    }
}
