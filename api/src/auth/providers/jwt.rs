//! Signed access tokens (RFC 9068), checked here with the issuer's published keys.

mod claims;
mod jws;
mod key;
mod key_set;

use std::sync::Arc;

use shared::domain::clock;

use crate::auth::principal::Principal;
use crate::auth::{AuthError, Origin};
use crate::config::JwtConfig;
use claims::Claims;
use jws::Jws;
use key_set::KeySet;

/// The mode `jwt`.
pub(crate) struct Jwt {
    keys: KeySet,
    issuer: String,
    audience: String,
}

impl Jwt {
    /// Sets it up; no keys are fetched yet.
    pub(crate) fn new(config: &JwtConfig) -> Result<Self, reqwest::Error> {
        let JwtConfig { keys, issuer, audience } = config.clone();
        Ok(Self { keys: KeySet::new(keys)?, issuer, audience })
    }

    /// The bearer of this token, if the issuer signed it, it is meant for us, and it is in force now.
    pub(crate) async fn principal(
        &self,
        token: &str,
        origin: Origin<'_>,
    ) -> Result<Arc<Principal>, AuthError> {
        let jws = Jws::parse(token).ok_or(AuthError::InvalidToken)?;
        let key = self.keys.key(&jws.key_id, origin).await.map_err(|_| AuthError::Unavailable)?;
        let signed = key.is_some_and(|key| key.signed(jws.algorithm, jws.signed, &jws.signature));
        let claims = signed.then(|| Claims::read(&jws.payload)).flatten().ok_or(AuthError::InvalidToken)?;
        let principal = claims.principal(&self.issuer, &self.audience, clock::now_ms());
        principal.map(Arc::new).ok_or(AuthError::InvalidToken)
    }
}
