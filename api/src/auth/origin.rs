//! The request that carried a token, as far as authentication needs it.

use std::net::IpAddr;

use reqwest::RequestBuilder;
use shared::domain::ids::{RequestId, TraceParent};

/// The request that carried a token.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Origin<'a> {
    /// Its id, passed on as `X-Request-Id`.
    pub(crate) request_id: &'a RequestId,
    /// Its trace, passed on as `traceparent`.
    pub(crate) trace: Option<&'a TraceParent>,
    /// The client's address; behind trusted proxies, the one they report.
    pub(crate) address: IpAddr,
    /// Whether its connection comes from a trusted proxy. If none is configured, every connection counts as one: mode
    /// `gateway` then listens on loopback only.
    pub(crate) is_from_proxy: bool,
}

impl Origin<'_> {
    /// Adds the headers that carry its id and trace.
    pub(super) fn add_to(&self, question: RequestBuilder) -> RequestBuilder {
        let question = question.header("x-request-id", self.request_id.as_str());
        match self.trace {
            Some(trace) => question.header("traceparent", trace.as_str()),
            None => question,
        }
    }
}
