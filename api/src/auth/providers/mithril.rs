//! The platform's own token service: it is asked as the platform's gateway asks it, its answer is trusted for a short
//! time.

mod answer;

use std::sync::Arc;

use reqwest::{StatusCode, header};

use crate::auth::cache::{CachedIdentity, ProviderUnavailable, TokenCache};
use crate::auth::client::{CallError, ProviderClient};
use crate::auth::principal::{Access, Principal};
use crate::auth::{AuthError, Origin};
use crate::config::{CacheTtl, MithrilUrl};
use answer::Answer;

/// The mode `mithril`.
pub(crate) struct Mithril {
    client: ProviderClient,
    url: MithrilUrl,
    cache: TokenCache,
}

impl Mithril {
    /// Sets it up; nothing is asked yet.
    pub(crate) fn new(url: &MithrilUrl, trust: &CacheTtl) -> Result<Self, reqwest::Error> {
        Ok(Self { client: ProviderClient::new("mithril")?, url: url.clone(), cache: TokenCache::new(trust) })
    }

    /// The bearer of this token, unless the service does not know it or it is past its own end.
    pub(crate) async fn principal(
        &self,
        token: &str,
        access: Access,
        origin: Origin<'_>,
    ) -> Result<Arc<Principal>, AuthError> {
        self.cache.principal(token, access, || self.ask(token, origin)).await
    }

    async fn ask(&self, token: &str, origin: Origin<'_>) -> Result<CachedIdentity, ProviderUnavailable> {
        // The service cannot be asked about such a token, so it has not issued it.
        let Some(url) = self.url.of(token) else { return Ok(None) };
        let question = self.client.http().get(url).header(header::ACCEPT, "application/json");
        self.client.ask(question, origin, read).await
    }
}

/// A refusal that concerns the token is a identity; any other, such as too many questions, is no answer.
fn read(status: StatusCode, body: &[u8]) -> Result<CachedIdentity, CallError> {
    match status {
        StatusCode::OK => {
            let answer: Answer = serde_json::from_slice(body).map_err(|_| CallError::Unreadable)?;
            Ok(answer.identity())
        }
        StatusCode::UNAUTHORIZED
        | StatusCode::FORBIDDEN
        | StatusCode::NOT_FOUND
        | StatusCode::UNPROCESSABLE_ENTITY => Ok(None),
        status => Err(CallError::Status(status)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_it_does_not_know_is_good_for_nothing() {
        for status in [401, 403, 404, 422] {
            assert!(matches!(read(StatusCode::from_u16(status).unwrap(), b""), Ok(None)), "{status}");
        }
    }

    #[test]
    fn anything_else_is_no_answer() {
        for (status, body) in
            [(200, &b"<html>"[..]), (200, b"{}"), (204, b""), (307, b""), (429, b""), (500, b"")]
        {
            assert!(read(StatusCode::from_u16(status).unwrap(), body).is_err(), "{status}");
        }
    }
}
