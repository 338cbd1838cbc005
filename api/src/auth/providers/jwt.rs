//! Signed access tokens (RFC 9068), checked here with the issuer's published keys.

mod claims;
mod header;
mod key;
mod key_set;

use std::sync::Arc;

use jsonwebtoken::{Validation, decode};
use shared::domain::clock;
use shared::telemetry::upstream_health::HealthSnapshot;

use crate::auth::principal::Principal;
use crate::auth::{AuthError, Origin};
use crate::config::JwtConfig;
use claims::Claims;
use header::Header;
use key_set::KeySet;

/// The mode `jwt`.
pub(crate) struct Jwt {
    keys: KeySet,
    validation: Validation,
}

impl Jwt {
    /// Sets it up; no keys are fetched yet.
    pub(crate) fn new(config: &JwtConfig) -> Result<Self, reqwest::Error> {
        let keys = KeySet::new(config.keys.clone())?;
        Ok(Self { keys, validation: validation(&config.issuer, &config.audience) })
    }

    /// The bearer of this token, if the issuer signed it, it is meant for this service, and it is valid now.
    pub(crate) async fn principal(
        &self,
        token: &str,
        origin: Origin<'_>,
    ) -> Result<Arc<Principal>, AuthError> {
        let header = Header::read(token).ok_or(AuthError::InvalidToken)?;
        let keys = self.keys.fitting(&header, origin).await?;
        let validation = Validation { algorithms: vec![header.alg], ..self.validation.clone() };
        // Two keys may share a name, for example while one replaces the other.
        let signed = keys.iter().find_map(|key| decode::<Claims>(token, &key.material, &validation).ok());
        let principal = signed.and_then(|token| token.claims.principal(clock::now_ms()));
        principal.map(Arc::new).ok_or(AuthError::InvalidToken)
    }
}

impl Jwt {
    /// The health of the issuer's key set URL.
    pub(crate) fn health(&self) -> HealthSnapshot {
        self.keys.health()
    }
}

/// What the library checks besides the signature. Times are not left to it: its leeway would also accept expired
/// tokens.
fn validation(issuer: &str, audience: &str) -> Validation {
    let mut validation = Validation::default();
    validation.set_issuer(&[issuer]);
    validation.set_audience(&[audience]);
    validation.set_required_spec_claims(&["iss", "aud", "sub"]);
    validation.validate_exp = false;
    validation
}

#[cfg(test)]
mod tests;
