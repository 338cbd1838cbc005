//! The platform's own token service: called as the platform's gateway calls it, with the caller's API key; its answer
//! is cached for a short time.

mod answer;

use std::sync::Arc;

use axum::http::{HeaderMap, HeaderName};
use reqwest::{StatusCode, header};
use shared::telemetry::upstream_health::HealthSnapshot;

use crate::auth::cache::{CachedIdentity, CredentialError, CredentialHash, ProviderUnavailable, TokenCache};
use crate::auth::client::{CallError, ProviderClient};
use crate::auth::principal::{Access, Principal};
use crate::auth::{AuthError, Origin, bearer};
use crate::config::{CacheTtl, MithrilUrl};

/// The header with the API key of the system that a client works through.
const API_KEY: HeaderName = HeaderName::from_static("api-key");

/// Longest accepted API key, in bytes.
const MAX_API_KEY: usize = 1024;

/// The mode `mithril`.
pub(crate) struct Mithril {
    client: ProviderClient,
    url: MithrilUrl,
    cache: TokenCache,
}

impl Mithril {
    /// Sets it up; nothing is called yet.
    pub(crate) fn new(url: &MithrilUrl, ttl: &CacheTtl) -> Result<Self, reqwest::Error> {
        let client = ProviderClient::new("mithril", "RESEND_AUTH_URL")?;
        Ok(Self { client, url: url.clone(), cache: TokenCache::new(ttl) })
    }

    /// The bearer of the token in these headers, unless the service refuses it or its API key, or it has expired.
    pub(crate) async fn principal(
        &self,
        headers: &HeaderMap,
        access: Access,
        origin: Origin<'_>,
    ) -> Result<Arc<Principal>, AuthError> {
        let (token, key) = (bearer::token(headers)?, api_key(headers)?);
        let credentials = CredentialHash::of(token, key);
        self.cache.principal(credentials, access, || self.ask(token, key, origin)).await
    }

    /// The health of the token service.
    pub(crate) fn health(&self) -> HealthSnapshot {
        self.client.health()
    }

    async fn ask(
        &self,
        token: &str,
        key: Option<&str>,
        origin: Origin<'_>,
    ) -> Result<CachedIdentity, ProviderUnavailable> {
        // The service cannot be asked about such a token, so it has not issued it.
        let Some(url) = self.url.of(token) else { return Ok(Err(CredentialError::Token)) };
        let mut question = self.client.http().get(url).header(header::ACCEPT, "application/json");
        if let Some(key) = key {
            question = question.header(API_KEY, key);
        }
        self.client.ask(question, origin, |status, body| read(status, body, key.is_some())).await
    }
}

/// The API key of a request. A repeated header, or one that is not text, cannot be a valid key.
fn api_key(headers: &HeaderMap) -> Result<Option<&str>, AuthError> {
    let mut sent = headers.get_all(API_KEY).iter();
    let key = sent.next().map(|key| key.to_str().map_err(|_| AuthError::ApiKeyInvalid)).transpose()?;
    if sent.next().is_some() || key.is_some_and(|key| key.len() > MAX_API_KEY) {
        return Err(AuthError::ApiKeyInvalid);
    }
    Ok(key.filter(|key| !key.is_empty()))
}

/// Whether a refusal concerns token or key, and so is an answer; others, such as too many requests, are failures. The
/// service reports problems with the key by 422.
fn read(status: StatusCode, body: &[u8], has_key: bool) -> Result<CachedIdentity, CallError> {
    match status {
        StatusCode::OK => answer::read(body),
        StatusCode::UNPROCESSABLE_ENTITY if has_key => Ok(Err(CredentialError::ApiKeyInvalid)),
        StatusCode::UNPROCESSABLE_ENTITY => Ok(Err(CredentialError::ApiKeyMissing)),
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::NOT_FOUND => {
            Ok(Err(CredentialError::Token))
        }
        status => Err(CallError::Status(status)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_it_does_not_know_is_good_for_nothing() {
        for status in [401, 403, 404] {
            for has_key in [true, false] {
                let read = read(StatusCode::from_u16(status).unwrap(), b"", has_key);
                assert_eq!(read.unwrap(), Err(CredentialError::Token), "{status}");
            }
        }
    }

    #[test]
    fn a_missing_key_is_told_from_a_wrong_one() {
        let read = |has_key| read(StatusCode::UNPROCESSABLE_ENTITY, b"", has_key).unwrap();
        assert_eq!(read(false), Err(CredentialError::ApiKeyMissing));
        assert_eq!(read(true), Err(CredentialError::ApiKeyInvalid));
    }

    #[test]
    fn anything_else_is_no_answer() {
        for (status, body) in [
            (200, &b"<html>"[..]),
            (200, b"{}"),
            (200, b"[]"),
            (204, b""),
            (307, b""),
            (429, b""),
            (500, b""),
        ] {
            assert!(read(StatusCode::from_u16(status).unwrap(), body, true).is_err(), "{status}");
        }
    }

    #[test]
    fn one_key_at_most_is_taken() {
        let key_of = |keys: &[&str]| {
            let mut headers = HeaderMap::new();
            for key in keys {
                headers.append(API_KEY, key.parse().unwrap());
            }
            api_key(&headers).map(|key| key.map(str::to_owned))
        };
        assert_eq!((key_of(&[]), key_of(&[""])), (Ok(None), Ok(None)));
        assert_eq!(key_of(&["k"]), Ok(Some("k".to_owned())));
        for bad in [&["k", "k"][..], &["ключ"], &[&"k".repeat(MAX_API_KEY + 1)]] {
            assert_eq!(key_of(bad), Err(AuthError::ApiKeyInvalid), "{bad:?}");
        }
    }
}
