//! The platform's gateway has checked the token already and reports its owner in headers. These are believed only in
//! the mode `gateway`, and only from the gateway: anybody else could send them too.

use std::sync::Arc;

use axum::http::HeaderMap;
use serde::Deserialize;

use crate::auth::principal::{Principal, Scopes, client_owner, subject_owner};
use crate::auth::{AuthError, Origin};

/// The user's id; the gateway lets no request through without it.
const CONSUMER_ID: &str = "x-consumer-id";

/// The user's scopes: a space-separated list.
const CONSUMER_SCOPE: &str = "x-consumer-scope";

/// JSON about the token.
const CONSUMER_METADATA: &str = "x-consumer-metadata";

/// Members that matter here; any others are ignored.
#[derive(Deserialize, Default)]
struct Metadata {
    #[serde(default)]
    client_id: Option<String>,
    #[serde(default)]
    scope: Option<String>,
    #[serde(default)]
    broker_scope: Option<String>,
}

/// The caller that the gateway names.
pub(crate) fn principal(headers: &HeaderMap, origin: Origin<'_>) -> Result<Arc<Principal>, AuthError> {
    if !origin.is_from_proxy {
        return Err(AuthError::NoToken);
    }
    let user = only(headers, CONSUMER_ID)?.ok_or(AuthError::NoToken)?;
    let scope = only(headers, CONSUMER_SCOPE)?.unwrap_or_default();
    let metadata = metadata(headers, scope)?;
    let owner = match metadata.client_id.as_deref() {
        Some(client) if !client.is_empty() => client_owner(client),
        _ => subject_owner(user),
    };
    let scopes = Scopes::parse(scope);
    let scopes =
        metadata.broker_scope.map_or(scopes, |of_broker| scopes.intersection(Scopes::parse(&of_broker)));
    let client = owner.ok_or(AuthError::InvalidToken)?;
    Ok(Arc::new(Principal { client, scopes, expires_at: None }))
}

/// The gateway's data about the token. The gateway sets the header only if the token has a scope of its own, which is
/// then in it; otherwise a header here was sent by the client and is not the gateway's.
fn metadata(headers: &HeaderMap, scope: &str) -> Result<Metadata, AuthError> {
    let Some(text) = only(headers, CONSUMER_METADATA)? else { return Ok(Metadata::default()) };
    let metadata: Metadata = serde_json::from_str(text).map_err(|_| AuthError::InvalidToken)?;
    let is_the_gateways = metadata.scope.as_deref() == Some(scope) && !scope.is_empty();
    Ok(if is_the_gateways { metadata } else { Metadata::default() })
}

/// A header that occurs at most once: a second one would be the client's own, next to the gateway's.
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

    const SCOPE: (&str, &str) = (CONSUMER_SCOPE, "approval:create person:read");

    fn principal_of(
        pairs: &[(&'static str, &str)],
        is_from_proxy: bool,
    ) -> Result<Arc<Principal>, AuthError> {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(HeaderName::from_static(name), value.parse().unwrap());
        }
        let request_id = "req-1".parse().unwrap();
        let address = [127, 0, 0, 1].into();
        principal(&headers, Origin { request_id: &request_id, trace: None, address, is_from_proxy })
    }

    fn metadata(client: &str) -> String {
        format!(r#"{{"client_id":{client},"scope":"approval:create person:read","grant_type":"password"}}"#)
    }

    #[test]
    fn client_and_scope_are_those_the_gateway_names() {
        let metadata = metadata(r#""mis-a""#);
        let principal =
            principal_of(&[(CONSUMER_ID, "u"), SCOPE, (CONSUMER_METADATA, &metadata)], true).unwrap();
        assert_eq!(principal.client.as_str(), "mis-a");
        assert!(
            principal.scopes.contains(Scope::ApprovalCreate) && !principal.scopes.contains(Scope::JobRead)
        );
    }

    #[test]
    fn the_user_owns_where_no_client_is_named() {
        for client in ["null", r#""""#] {
            let metadata = metadata(client);
            let principal =
                principal_of(&[(CONSUMER_ID, "u"), SCOPE, (CONSUMER_METADATA, &metadata)], true).unwrap();
            assert_eq!(principal.client.as_str(), "sub:u");
        }
        assert_eq!(principal_of(&[(CONSUMER_ID, "u"), SCOPE], true).unwrap().client.as_str(), "sub:u");
    }

    #[test]
    fn metadata_that_the_gateway_did_not_set_is_no_owner() {
        for own in [r#"{"client_id":"victim"}"#, r#"{"client_id":"victim","scope":"job:read"}"#] {
            let principal =
                principal_of(&[(CONSUMER_ID, "u"), SCOPE, (CONSUMER_METADATA, own)], true).unwrap();
            assert_eq!(principal.client.as_str(), "sub:u", "{own}");
        }
        let own = r#"{"client_id":"victim","scope":""}"#;
        let principal = principal_of(&[(CONSUMER_ID, "u"), (CONSUMER_METADATA, own)], true).unwrap();
        assert_eq!(principal.client.as_str(), "sub:u");
        let alone = metadata(r#""mis-a""#);
        assert_eq!(principal_of(&[SCOPE, (CONSUMER_METADATA, &alone)], true), Err(AuthError::NoToken));
    }

    #[test]
    fn a_brokers_scope_must_hold_too() {
        let metadata = r#"{"client_id":"a","scope":"approval:create person:read","broker_scope":"job:read"}"#;
        let principal =
            principal_of(&[(CONSUMER_ID, "u"), SCOPE, (CONSUMER_METADATA, metadata)], true).unwrap();
        assert!(
            !principal.scopes.contains(Scope::ApprovalCreate) && !principal.scopes.contains(Scope::JobRead)
        );
    }

    #[test]
    fn nobody_but_the_gateway_is_believed() {
        let metadata = metadata(r#""mis-a""#);
        let headers = [(CONSUMER_ID, "u"), SCOPE, (CONSUMER_METADATA, metadata.as_str())];
        assert_eq!(principal_of(&headers, false), Err(AuthError::NoToken));
        assert_eq!(principal_of(&[], true), Err(AuthError::NoToken));
        assert_eq!(principal_of(&[("authorization", "Bearer a"), SCOPE], true), Err(AuthError::NoToken));
    }

    #[test]
    fn what_no_gateway_sends_is_refused() {
        for wrong in [
            &[(CONSUMER_ID, "u"), (CONSUMER_ID, "v")][..],
            &[(CONSUMER_ID, "u"), SCOPE, (CONSUMER_SCOPE, "job:read")],
            &[(CONSUMER_ID, "u"), (CONSUMER_METADATA, "client_id=mis-a")],
            &[(CONSUMER_ID, "u v")],
        ] {
            assert_eq!(principal_of(wrong, true), Err(AuthError::InvalidToken), "{wrong:?}");
        }
    }
}
