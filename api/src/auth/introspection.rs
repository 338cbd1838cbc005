//! Token introspection (RFC 7662): the authorization server is asked, its answer is trusted for a short time.

mod answer;
mod endpoint;

use std::sync::Arc;

use shared::clock;

use super::AuthError;
use super::cache::{TokenCache, TokenHash};
use super::caller::{Access, Caller};
use crate::config::{IntrospectionConfig, Trust};
use crate::request_context::RequestContext;
use endpoint::Endpoint;

/// The mode `introspection`.
pub(crate) struct Introspection {
    endpoint: Endpoint,
    cache: TokenCache,
}

impl Introspection {
    /// Sets it up; nothing is asked yet.
    pub(crate) fn new(config: &IntrospectionConfig, trust: &Trust) -> Result<Self, reqwest::Error> {
        Ok(Self { endpoint: Endpoint::new(config)?, cache: TokenCache::new(trust) })
    }

    /// The bearer of this token, unless it is inactive or past its own end.
    pub(crate) async fn caller(
        &self,
        token: &str,
        access: Access,
        context: &RequestContext,
    ) -> Result<Arc<Caller>, AuthError> {
        let ask = self.endpoint.ask(token, context);
        let verdict = self.cache.verdict(TokenHash::of(token), access, ask).await;
        let caller = verdict.map_err(|_| AuthError::Unavailable)?.ok_or(AuthError::InvalidToken)?;
        if caller.expires_at.is_none_or(|end| end > now_seconds()) {
            Ok(caller)
        } else {
            Err(AuthError::InvalidToken)
        }
    }
}

fn now_seconds() -> i64 {
    i64::try_from(clock::now_ms() / 1_000).unwrap_or(i64::MAX)
}
