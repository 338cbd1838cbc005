//! Token introspection (RFC 7662): the authorization server is asked, its answer is trusted for a short time.

mod answer;

use std::sync::Arc;

use reqwest::StatusCode;
use secrecy::ExposeSecret;

use super::AuthError;
use super::cache::{NoAnswer, TokenCache, Verdict};
use super::caller::{Access, Caller};
use super::voucher::{CallError, Voucher};
use crate::config::{IntrospectionConfig, Trust};
use crate::request_context::RequestContext;
use answer::Answer;

/// The mode `introspection`.
pub(crate) struct Introspection {
    voucher: Voucher,
    config: IntrospectionConfig,
    cache: TokenCache,
}

impl Introspection {
    /// Sets it up; nothing is asked yet.
    pub(crate) fn new(config: &IntrospectionConfig, trust: &Trust) -> Result<Self, reqwest::Error> {
        let voucher = Voucher::new("introspection")?;
        Ok(Self { voucher, config: config.clone(), cache: TokenCache::new(trust) })
    }

    /// The bearer of this token, unless it is inactive or past its own end.
    pub(crate) async fn caller(
        &self,
        token: &str,
        access: Access,
        context: &RequestContext,
    ) -> Result<Arc<Caller>, AuthError> {
        self.cache.caller(token, access, || self.ask(token, context)).await
    }

    async fn ask(&self, token: &str, context: &RequestContext) -> Result<Verdict, NoAnswer> {
        let IntrospectionConfig { url, client_id, client_secret } = &self.config;
        let question = self
            .voucher
            .http()
            .post(url.clone())
            .basic_auth(client_id, Some(client_secret.expose_secret()))
            .form(&[("token", token)]);
        self.voucher.ask(question, context, read).await
    }
}

fn read(status: StatusCode, body: &[u8]) -> Result<Verdict, CallError> {
    if status != StatusCode::OK {
        return Err(CallError::Status(status));
    }
    let answer: Answer = serde_json::from_slice(body).map_err(|_| CallError::Unreadable)?;
    Ok(answer.verdict())
}
