//! Token introspection (RFC 7662): asks the authorization server, and caches its answer for a short time.

mod answer;

use std::sync::Arc;

use reqwest::StatusCode;
use secrecy::{ExposeSecret, SecretString};
use shared::telemetry::upstream_health::HealthSnapshot;

use crate::auth::cache::{CachedIdentity, CredentialHash, ProviderUnavailable, TokenCache};
use crate::auth::client::{CallError, ProviderClient};
use crate::auth::principal::{Access, Principal};
use crate::auth::{AuthError, Origin};
use crate::config::{CacheTtl, IntrospectionConfig, percent_encoded};

/// The mode `introspection`.
pub(crate) struct Introspection {
    client: ProviderClient,
    config: IntrospectionConfig,
    credentials: (String, SecretString),
    cache: TokenCache,
}

impl Introspection {
    /// Sets it up; nothing is called yet.
    pub(crate) fn new(config: &IntrospectionConfig, ttl: &CacheTtl) -> Result<Self, reqwest::Error> {
        // Both halves are form-encoded before they are joined (RFC 6749, 2.3.1).
        let secret = percent_encoded(config.client_secret.expose_secret());
        let credentials = (percent_encoded(&config.client_id), secret.into());
        let client = ProviderClient::new("introspection", "RESEND_AUTH_CLIENT_SECRET")?;
        Ok(Self { client, config: config.clone(), credentials, cache: TokenCache::new(ttl) })
    }

    /// The bearer of this token, unless it is inactive or has expired.
    pub(crate) async fn principal(
        &self,
        token: &str,
        access: Access,
        origin: Origin<'_>,
    ) -> Result<Arc<Principal>, AuthError> {
        self.cache.principal(CredentialHash::of(token, None), access, || self.ask(token, origin)).await
    }

    /// The health of the authorization server.
    pub(crate) fn health(&self) -> HealthSnapshot {
        self.client.health()
    }

    async fn ask(&self, token: &str, origin: Origin<'_>) -> Result<CachedIdentity, ProviderUnavailable> {
        let (user, password) = &self.credentials;
        let question = self
            .client
            .http()
            .post(self.config.url.clone())
            .basic_auth(user, Some(password.expose_secret()))
            .form(&[("token", token), ("token_type_hint", "access_token")]);
        self.client.ask(question, origin, |status, body| self.read(status, body)).await
    }

    fn read(&self, status: StatusCode, body: &[u8]) -> Result<CachedIdentity, CallError> {
        if status != StatusCode::OK {
            return Err(CallError::Status(status));
        }
        answer::read(body, &self.config)
    }
}
