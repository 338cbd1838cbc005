//! What a question to a provider tells of the request it is asked for.

use reqwest::RequestBuilder;
use shared::domain::ids::{RequestId, TraceParent};

/// The request a token came with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Origin<'a> {
    /// Its id, passed on as `X-Request-Id`.
    pub(crate) request_id: &'a RequestId,
    /// Its trace, passed on as `traceparent`.
    pub(crate) trace: Option<&'a TraceParent>,
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
