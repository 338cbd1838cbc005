//! An authorization server's answer about a token (RFC 7662, section 2.2).

use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;
use shared::domain::clock;

use crate::auth::cache::{CachedIdentity, CredentialError};
use crate::auth::client::CallError;
use crate::auth::lenient::{EpochSeconds, OneOrMany};
use crate::auth::principal::{Principal, Scopes, client_owner, subject_owner};
use crate::config::IntrospectionConfig;

/// How far the server's clock may be ahead of ours, seconds.
const SKEW: i64 = 30;

/// Kinds of tokens that are not access tokens, as various servers name them in `token_type` and `token_use`.
const OTHER_KINDS: [&str; 6] =
    ["refresh", "refresh_token", "offline", "id", "id_token", "authorization_code"];

/// The relevant members of an active token; any others are ignored.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Answer {
    scope: Option<OneOrMany>,
    client_id: Option<String>,
    sub: Option<String>,
    exp: Option<EpochSeconds>,
    nbf: Option<EpochSeconds>,
    aud: Option<OneOrMany>,
    iss: Option<String>,
    token_type: Option<String>,
    token_use: Option<String>,
}

/// The identity in an answer. An answer that does not say whether the token is active is invalid; if any other member
/// cannot be read, only this token is refused.
pub(super) fn read(body: &[u8], config: &IntrospectionConfig) -> Result<CachedIdentity, CallError> {
    let answer: Value = serde_json::from_slice(body).map_err(|_| CallError::Unreadable)?;
    match answer["active"].as_bool() {
        None => Err(CallError::Unreadable),
        Some(false) => Ok(Err(CredentialError::Token)),
        Some(true) => {
            let answer = Answer::deserialize(answer);
            let principal = answer.ok().and_then(|answer| answer.principal(config));
            Ok(principal.map(Arc::new).ok_or(CredentialError::Token))
        }
    }
}

impl Answer {
    /// The bearer of an active token. A token that names neither a client nor a subject is refused, because nobody
    /// would own its jobs.
    fn principal(self, config: &IntrospectionConfig) -> Option<Principal> {
        let usable = self.is_access_token() && self.is_in_force() && self.is_for_us(config);
        let owner = match self.client_id.as_deref() {
            Some(id) if !id.is_empty() => client_owner(id),
            _ => subject_owner(self.sub.as_deref()?),
        };
        let scopes = self.scope.iter().flat_map(OneOrMany::iter).map(Scopes::parse);
        let scopes = scopes.fold(Scopes::default(), Scopes::union);
        let expires_at = self.exp.map(|exp| exp.0);
        usable.then_some(Principal { client: owner?, scopes, expires_at })
    }

    fn is_access_token(&self) -> bool {
        let kinds = [&self.token_type, &self.token_use].into_iter().flatten();
        kinds.map(|kind| kind.to_ascii_lowercase()).all(|kind| {
            // RFC 8693 uses URNs, such as urn:ietf:params:oauth:token-type:refresh_token.
            kind.rsplit(':').next().is_none_or(|name| !OTHER_KINDS.contains(&name))
        })
    }

    fn is_in_force(&self) -> bool {
        let now = i64::try_from(clock::now_ms() / 1_000).unwrap_or(i64::MAX);
        self.nbf.is_none_or(|nbf| nbf.0 <= now.saturating_add(SKEW))
    }

    /// Compares issuer and audience, each if one is configured.
    fn is_for_us(&self, config: &IntrospectionConfig) -> bool {
        let issued = config.issuer.as_ref().is_none_or(|issuer| self.iss.as_ref() == Some(issuer));
        let meant = config
            .audience
            .as_ref()
            .is_none_or(|audience| self.aud.iter().flat_map(OneOrMany::iter).any(|one| one == audience));
        issued && meant
    }
}

#[cfg(test)]
mod tests;
