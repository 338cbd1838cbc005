//! The platform's own token service: it is asked as the platform's gateway asks it, its answer is trusted for a short
//! time.

mod answer;

use std::sync::Arc;

use reqwest::{StatusCode, header};

use super::AuthError;
use super::cache::{NoAnswer, TokenCache, Verdict};
use super::caller::{Access, Caller};
use super::voucher::{CallError, Voucher};
use crate::config::{MithrilUrl, Trust};
use crate::request_context::RequestContext;
use answer::Answer;

/// The mode `mithril`.
pub(crate) struct Mithril {
    voucher: Voucher,
    url: MithrilUrl,
    cache: TokenCache,
}

impl Mithril {
    /// Sets it up; nothing is asked yet.
    pub(crate) fn new(url: &MithrilUrl, trust: &Trust) -> Result<Self, reqwest::Error> {
        Ok(Self { voucher: Voucher::new("mithril")?, url: url.clone(), cache: TokenCache::new(trust) })
    }

    /// The bearer of this token, unless the service does not know it or it is past its own end.
    pub(crate) async fn caller(
        &self,
        token: &str,
        access: Access,
        context: &RequestContext,
    ) -> Result<Arc<Caller>, AuthError> {
        self.cache.caller(token, access, || self.ask(token, context)).await
    }

    async fn ask(&self, token: &str, context: &RequestContext) -> Result<Verdict, NoAnswer> {
        // The service cannot be asked about such a token, so it has not issued it.
        let Some(url) = self.url.of(token) else { return Ok(None) };
        let question = self.voucher.http().get(url).header(header::ACCEPT, "application/json");
        self.voucher.ask(question, context, read).await
    }
}

/// A refusal that concerns the token is a verdict; any other, such as too many questions, is no answer.
fn read(status: StatusCode, body: &[u8]) -> Result<Verdict, CallError> {
    match status {
        StatusCode::OK => {
            let answer: Answer = serde_json::from_slice(body).map_err(|_| CallError::Unreadable)?;
            Ok(answer.verdict())
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
