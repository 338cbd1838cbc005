//! A token's claims besides issuer and audience, and whether they admit its bearer (RFC 9068, 4).

use serde::Deserialize;

use crate::auth::principal::{Principal, Scopes, client_owner};

/// How far the issuer's clock may be ahead of ours, seconds. It never extends an expired token.
const SKEW: f64 = 30.0;

/// Every claim that RFC 9068, 2.2 requires, and those that restrict the token further.
#[derive(Deserialize)]
pub(super) struct Claims {
    /// One issuer; the library would also take a list.
    #[serde(rename = "iss")]
    _issuer: String,
    sub: String,
    client_id: String,
    jti: String,
    /// Epoch seconds, here and below; RFC 7519 allows fractions.
    exp: f64,
    iat: f64,
    #[serde(default)]
    nbf: Option<f64>,
    #[serde(default)]
    scope: String,
}

impl Claims {
    /// The bearer, if the token is valid now.
    pub(super) fn principal(self, now_ms: u64) -> Option<Principal> {
        // Milliseconds since the epoch stay exact in a double until the year 287396.
        #[allow(clippy::cast_precision_loss)]
        let now = now_ms as f64 / 1_000.0;
        let in_force = now < self.exp
            && self.iat <= now + SKEW
            && self.nbf.is_none_or(|not_before| not_before <= now + SKEW);
        let named = !self.sub.is_empty() && !self.jti.is_empty();
        let client = client_owner(&self.client_id)?;
        #[allow(clippy::cast_possible_truncation)]
        let expires_at = Some(self.exp.floor() as i64);
        (in_force && named).then(|| Principal { client, scopes: Scopes::parse(&self.scope), expires_at })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::auth::Scope;

    const NOW_MS: u64 = 1_000_000;

    fn principal(changes: &Value) -> Option<Principal> {
        let mut claims = json!({
            "iss": "https://issuer", "aud": "resend", "sub": "u", "client_id": "mis-a", "jti": "1",
            "exp": 1_001, "iat": 999, "scope": "job:read",
        });
        for (name, value) in changes.as_object().unwrap() {
            claims[name] = value.clone();
        }
        serde_json::from_value::<Claims>(claims).ok()?.principal(NOW_MS)
    }

    #[test]
    fn a_token_in_force_lets_its_client_in() {
        let principal = principal(&json!({})).unwrap();
        assert_eq!((principal.client.as_str(), principal.expires_at), ("mis-a", Some(1_001)));
        assert!(
            principal.scopes.contains(Scope::JobRead) && !principal.scopes.contains(Scope::ApprovalCreate)
        );
    }

    #[test]
    fn a_clock_a_little_ahead_will_do() {
        for good in [json!({"iat": 1_030}), json!({"nbf": 1_030}), json!({"exp": 1_000.5})] {
            assert!(principal(&good).is_some(), "{good}");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for bad in [
            json!({"iss": null}),
            json!({"iss": ["https://issuer"]}),
            json!({"exp": 1_000}),
            json!({"exp": 999}),
            json!({"exp": "1001"}),
            json!({"exp": null}),
            json!({"iat": 1_031}),
            json!({"iat": null}),
            json!({"nbf": 1_031}),
            json!({"nbf": "soon"}),
            json!({"sub": ""}),
            json!({"sub": null}),
            json!({"jti": ""}),
            json!({"client_id": ""}),
            json!({"client_id": "a b"}),
            json!({"client_id": null}),
        ] {
            assert_eq!(principal(&bad), None, "{bad}");
        }
    }
}
