//! Authentication and authorization: every protected route goes through here.
//!
//! Headers of a gateway (`x-consumer-*`) are read only in its own mode: anybody could send them.

mod bearer;
mod cache;
mod client;
mod lenient;
mod origin;
pub(crate) mod principal;
mod providers;
mod question_limit;

use std::sync::Arc;

use axum::http::HeaderMap;

use cache::{CredentialError, ProviderUnavailable};
pub(crate) use origin::Origin;
use principal::Access;
pub(crate) use principal::{Principal, Scope};
use shared::telemetry::upstream_health::HealthSnapshot;

use crate::config::{AuthConfig, AuthMode};
use providers::{Introspection, Jwt, Mithril, gateway_principal};

/// Why a caller is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AuthError {
    /// No bearer token was sent.
    NoToken,
    /// The token is malformed, unknown, expired, revoked, or not an access token.
    InvalidToken,
    /// The token requires an API key, and none was sent.
    ApiKeyMissing,
    /// The API key is unknown.
    ApiKeyInvalid,
    /// The token is valid but does not allow this.
    MissingScope(Scope),
    /// The token cannot be checked: the provider does not answer.
    Unavailable,
    /// The token is not checked, because too many checks are in progress.
    Busy,
}

impl From<CredentialError> for AuthError {
    fn from(error: CredentialError) -> Self {
        match error {
            CredentialError::Token => Self::InvalidToken,
            CredentialError::ApiKeyMissing => Self::ApiKeyMissing,
            CredentialError::ApiKeyInvalid => Self::ApiKeyInvalid,
        }
    }
}

impl From<ProviderUnavailable> for AuthError {
    fn from(error: ProviderUnavailable) -> Self {
        match error {
            ProviderUnavailable::Failed => Self::Unavailable,
            ProviderUnavailable::Busy => Self::Busy,
        }
    }
}

/// Verifies tokens in the configured mode (`RESEND_AUTH_MODE`).
pub(crate) enum Authenticator {
    /// Asks an authorization server (RFC 7662).
    Introspection(Introspection),
    /// Checks signed tokens here (RFC 9068).
    Jwt(Box<Jwt>),
    /// Asks the platform's token service.
    Mithril(Mithril),
    /// Trusts the gateway before us, which has checked the token.
    Gateway,
}

impl Authenticator {
    /// Sets it up; an error comes from the client for upstream calls.
    pub(crate) fn new(config: &AuthConfig) -> Result<Self, reqwest::Error> {
        match &config.mode {
            AuthMode::Introspection(mode) => {
                Introspection::new(mode, &config.cache_ttl).map(Self::Introspection)
            }
            AuthMode::Jwt(mode) => Jwt::new(mode).map(Box::new).map(Self::Jwt),
            AuthMode::Mithril(url) => Mithril::new(url, &config.cache_ttl).map(Self::Mithril),
            AuthMode::Gateway => Ok(Self::Gateway),
        }
    }

    /// The health of the provider; `None` if no provider is called.
    pub(crate) fn health(&self) -> Option<HealthSnapshot> {
        match self {
            Self::Introspection(mode) => Some(mode.health()),
            Self::Jwt(mode) => Some(mode.health()),
            Self::Mithril(mode) => Some(mode.health()),
            Self::Gateway => None,
        }
    }

    /// The caller, if the token is valid and has the scope.
    pub(crate) async fn authorize(
        &self,
        scope: Scope,
        headers: &HeaderMap,
        origin: Origin<'_>,
    ) -> Result<Arc<Principal>, AuthError> {
        let principal = self.principal(scope.access(), headers, origin).await?;
        if principal.scopes.contains(scope) { Ok(principal) } else { Err(AuthError::MissingScope(scope)) }
    }

    async fn principal(
        &self,
        access: Access,
        headers: &HeaderMap,
        origin: Origin<'_>,
    ) -> Result<Arc<Principal>, AuthError> {
        match self {
            Self::Introspection(mode) => mode.principal(bearer::token(headers)?, access, origin).await,
            Self::Jwt(mode) => mode.principal(bearer::token(headers)?, origin).await,
            Self::Mithril(mode) => mode.principal(headers, access, origin).await,
            Self::Gateway => gateway_principal(headers, origin),
        }
    }
}
