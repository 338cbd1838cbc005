//! Who calls, and what for: the one door every protected route goes through.
//!
//! Headers of a gateway (`x-consumer-*`) are looked at in its own mode only: anybody could send them.

mod bearer;
mod cache;
pub(crate) mod caller;
mod gateway;
mod introspection;
mod jwt;
mod mithril;
mod voucher;

use std::sync::Arc;

use axum::http::HeaderMap;

use caller::Access;
pub(crate) use caller::{Caller, Scope};

use crate::config::{AuthConfig, AuthMode};
use crate::request_context::RequestContext;
use introspection::Introspection;
use jwt::Jwt;
use mithril::Mithril;

/// Why a caller is not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AuthError {
    /// No bearer token was sent.
    NoToken,
    /// One was sent that is malformed, unknown, expired or revoked.
    InvalidToken,
    /// A good one that does not allow this.
    MissingScope(Scope),
    /// Nobody can say: whoever vouches for tokens does not answer.
    Unavailable,
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
            AuthMode::Introspection(mode) => Introspection::new(mode, &config.trust).map(Self::Introspection),
            AuthMode::Jwt(mode) => Jwt::new(mode).map(Box::new).map(Self::Jwt),
            AuthMode::Mithril(url) => Mithril::new(url, &config.trust).map(Self::Mithril),
            AuthMode::Gateway => Ok(Self::Gateway),
        }
    }

    /// The caller, if the token is good and holds the scope.
    pub(crate) async fn admit(
        &self,
        scope: Scope,
        headers: &HeaderMap,
        context: &RequestContext,
    ) -> Result<Arc<Caller>, AuthError> {
        let caller = self.caller(scope.access(), headers, context).await?;
        if caller.scopes.contains(scope) { Ok(caller) } else { Err(AuthError::MissingScope(scope)) }
    }

    async fn caller(
        &self,
        access: Access,
        headers: &HeaderMap,
        context: &RequestContext,
    ) -> Result<Arc<Caller>, AuthError> {
        match self {
            Self::Introspection(mode) => mode.caller(bearer::token(headers)?, access, context).await,
            Self::Jwt(mode) => mode.caller(bearer::token(headers)?, context).await,
            Self::Mithril(mode) => mode.caller(bearer::token(headers)?, access, context).await,
            Self::Gateway => gateway::caller(headers),
        }
    }
}
