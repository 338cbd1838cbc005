//! Who calls, and what for: the one door every protected route goes through.
//!
//! Headers of a gateway (`x-consumer-*`) are looked at in its own mode only: anybody could send them.

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
    /// The token needs an API key beside it, and none was sent.
    ApiKeyMissing,
    /// The API key is unknown.
    ApiKeyInvalid,
    /// The token is good but does not allow this.
    MissingScope(Scope),
    /// The token cannot be checked: the provider does not answer.
    Unavailable,
    /// The token is not checked, because too many are being checked.
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

/// Knows whom to ask about a token (`RESEND_AUTH_MODE`).
pub(crate) enum Authenticator {
    /// An authorization server (RFC 7662).
    Introspection(Introspection),
    /// Nobody: tokens are signed (RFC 9068).
    Jwt(Box<Jwt>),
    /// The platform's token service.
    Mithril(Mithril),
    /// Nobody: the gateway before us has asked.
    Gateway,
}

impl Authenticator {
    /// Sets it up; the error is that of the client for upstream calls.
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

    /// How the provider stands; `None` where nobody is asked.
    pub(crate) fn health(&self) -> Option<HealthSnapshot> {
        match self {
            Self::Introspection(mode) => Some(mode.health()),
            Self::Jwt(mode) => Some(mode.health()),
            Self::Mithril(mode) => Some(mode.health()),
            Self::Gateway => None,
        }
    }

    /// The caller, if the token is good and holds the scope.
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
