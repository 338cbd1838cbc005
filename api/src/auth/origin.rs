//! The request a token came with, as far as auth needs to know it.

use std::net::IpAddr;

use reqwest::RequestBuilder;
use shared::domain::ids::{RequestId, TraceParent};

/// The request a token came with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Origin<'a> {
    /// Its id, passed on as `X-Request-Id`.
    pub(crate) request_id: &'a RequestId,
    /// Its trace, passed on as `traceparent`.
    pub(crate) trace: Option<&'a TraceParent>,
    /// The client's address; behind trusted proxies the one they tell.
    pub(crate) address: IpAddr,
    /// Whether its connection is a trusted proxy's. Where none is configured every one is: mode `gateway` then listens on
    /// loopback only.
    pub(crate) is_from_proxy: bool,
}

impl Origin<'_> {
    /// Adds the headers that carry it.
    pub(super) fn add_to(&self, question: RequestBuilder) -> RequestBuilder {
        let question = question.header("x-request-id", self.request_id.as_str());
        match self.trace {
            Some(trace) => question.header("traceparent", trace.as_str()),
            None => question,
        }
    }
}
