//! Token introspection (RFC 7662): the authorization server is asked, its answer is trusted for a short time.

mod answer;

use std::sync::Arc;

use reqwest::StatusCode;
use secrecy::ExposeSecret;

use crate::auth::cache::{CachedIdentity, ProviderUnavailable, TokenCache};
use crate::auth::client::{CallError, ProviderClient};
use crate::auth::principal::{Access, Principal};
use crate::auth::{AuthError, Origin};
use crate::config::{CacheTtl, IntrospectionConfig};
use answer::Answer;

/// The mode `introspection`.
pub(crate) struct Introspection {
    client: ProviderClient,
    config: IntrospectionConfig,
    cache: TokenCache,
}

impl Introspection {
    /// Sets it up; nothing is asked yet.
    pub(crate) fn new(config: &IntrospectionConfig, trust: &CacheTtl) -> Result<Self, reqwest::Error> {
        let client = ProviderClient::new("introspection")?;
        Ok(Self { client, config: config.clone(), cache: TokenCache::new(trust) })
    }

    /// The bearer of this token, unless it is inactive or past its own end.
    pub(crate) async fn principal(
        &self,
        token: &str,
        access: Access,
        origin: Origin<'_>,
    ) -> Result<Arc<Principal>, AuthError> {
        self.cache.principal(token, access, || self.ask(token, origin)).await
    }

    async fn ask(&self, token: &str, origin: Origin<'_>) -> Result<CachedIdentity, ProviderUnavailable> {
        let IntrospectionConfig { url, client_id, client_secret } = &self.config;
        let question = self
            .client
            .http()
            .post(url.clone())
            .basic_auth(client_id, Some(client_secret.expose_secret()))
            .form(&[("token", token)]);
        self.client.ask(question, origin, read).await
    }
}

fn read(status: StatusCode, body: &[u8]) -> Result<CachedIdentity, CallError> {
    if status != StatusCode::OK {
        return Err(CallError::Status(status));
    }
    let answer: Answer = serde_json::from_slice(body).map_err(|_| CallError::Unreadable)?;
    Ok(answer.identity())
}
