//! The identity of a request, from its arrival to its last log line.

use std::ops::Deref;
use std::sync::{Arc, OnceLock};

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName};
use shared::domain::ids::{ClientId, IdempotencyKey, JobId, RequestId, TraceParent};
use shared::telemetry::span::Span;

use super::client_address::ClientAddress;
use super::idempotency_key;
use super::url::RequestUrl;
use crate::auth::Origin;
use crate::config::PublicUrl;

/// The header with the request's id, in requests and answers.
pub(crate) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The header with the request's trace (W3C Trace Context).
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// The identity of a request; cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct RequestContext(Arc<Identity>);

/// The data of a context.
#[derive(Debug)]
pub(crate) struct Identity {
    /// The client's id, or one made here.
    pub(crate) request_id: RequestId,
    /// The parent of spans made for this request: its own span, or the client's trace if there are no spans.
    pub(crate) trace: Option<TraceParent>,
    /// To be echoed; the handler refuses a malformed one.
    pub(crate) idempotency_key: Option<IdempotencyKey>,
    /// The URL as the client sees it.
    pub(crate) url: RequestUrl,
    /// The client's address.
    pub(crate) address: ClientAddress,
    /// The caller, once the token is checked; for the log.
    client: OnceLock<ClientId>,
    /// The job that the answer is about, once it is known; for the log.
    job: OnceLock<JobId>,
}

impl RequestContext {
    /// Reads the context of a request from this source.
    pub(crate) fn read(request: &Request, public_url: Option<&PublicUrl>, address: ClientAddress) -> Self {
        let headers = request.headers();
        Self(Arc::new(Identity {
            request_id: parsed(headers, &X_REQUEST_ID).unwrap_or_else(RequestId::generate),
            trace: parsed(headers, &TRACEPARENT),
            idempotency_key: idempotency_key::of(headers).ok().flatten(),
            url: RequestUrl::of(request, public_url),
            address,
            client: OnceLock::new(),
            job: OnceLock::new(),
        }))
    }

    /// The same under the request's own span, if there is one.
    pub(crate) fn within(mut self, span: &Span) -> Self {
        // Nobody else has a reference yet.
        if let (Some(trace), Some(identity)) = (span.traceparent(), Arc::get_mut(&mut self.0)) {
            identity.trace = Some(trace);
        }
        self
    }

    /// The part of the request that a lookup of its token needs.
    pub(crate) fn origin(&self) -> Origin<'_> {
        Origin {
            request_id: &self.request_id,
            trace: self.trace.as_ref(),
            address: self.address.ip,
            is_from_proxy: self.address.is_from_proxy,
        }
    }
}

impl Identity {
    /// Records the caller.
    pub(crate) fn set_client(&self, client: &ClientId) {
        self.client.get_or_init(|| client.clone());
    }

    /// Records which job the answer is about.
    pub(crate) fn set_job(&self, job: &JobId) {
        self.job.get_or_init(|| job.clone());
    }

    /// The caller, if known.
    pub(crate) fn client(&self) -> Option<&ClientId> {
        self.client.get()
    }

    /// The job that the answer is about, if there is one.
    pub(crate) fn job(&self) -> Option<&JobId> {
        self.job.get()
    }
}

impl Deref for RequestContext {
    type Target = Identity;

    fn deref(&self) -> &Identity {
        &self.0
    }
}

fn parsed<T: std::str::FromStr>(headers: &HeaderMap, name: &HeaderName) -> Option<T> {
    headers.get(name)?.to_str().ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use proptest::prelude::*;

    use super::*;

    fn id(value: &str) -> String {
        let request = Request::builder().header(X_REQUEST_ID, value).body(Body::empty()).unwrap();
        RequestContext::read(&request, None, ClientAddress::for_tests()).request_id.to_string()
    }

    #[test]
    fn a_usable_request_id_is_taken_over_and_any_other_replaced() {
        assert_eq!(id("req-adasdoijasdojsda"), "req-adasdoijasdojsda");
        assert_eq!(id(&"a".repeat(128)).len(), 128);
        for useless in ["", "a b", &"a".repeat(129)] {
            assert_eq!(id(useless).len(), 36, "{useless}");
        }
    }

    proptest! {
        #[test]
        fn an_echoed_id_is_visible_and_bounded(value in "[\\x20-\\x7E]{0,140}") {
            let echoed = id(&value);
            prop_assert!((1..=128).contains(&echoed.len()) && echoed.bytes().all(|byte| byte.is_ascii_graphic()));
        }
    }
}
