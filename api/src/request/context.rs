//! What identifies a request from its arrival to its last log line.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use axum::extract::Request;
use axum::http::uri::{Authority, PathAndQuery};
use axum::http::{Extensions, HeaderMap, HeaderName, HeaderValue, header};
use serde::{Serialize, Serializer};
use shared::domain::ids::{IdempotencyKey, RequestId, TraceParent};
use shared::telemetry::span::Span;

use super::idempotency_key;
use crate::auth::Origin;
use crate::config::PublicUrl;

/// Carries the request's id, in and out.
pub(crate) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Carries the request's trace (W3C Trace Context).
pub(crate) const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// The identity of a request; cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct RequestContext(Arc<Identity>);

/// What a context holds.
#[derive(Debug)]
pub(crate) struct Identity {
    /// Taken over from the client or made here.
    pub(crate) request_id: RequestId,
    /// The trace those below belong to: this request's span, or the client's trace where there are no spans.
    pub(crate) trace: Option<TraceParent>,
    /// To be echoed; a malformed one is the handler's to refuse.
    pub(crate) idempotency_key: Option<IdempotencyKey>,
    /// As the client sees it.
    pub(crate) url: RequestUrl,
}

/// The URL that was requested. Where the client named no usable host it is the path alone.
#[derive(Debug)]
pub(crate) struct RequestUrl {
    host: Host,
    path: Option<PathAndQuery>,
}

#[derive(Debug)]
enum Host {
    Public(PublicUrl),
    Requested(&'static str, Authority),
    Unknown,
}

impl RequestContext {
    /// Reads it off a request.
    pub(crate) fn read(request: &Request, public_url: Option<&PublicUrl>) -> Self {
        let headers = request.headers();
        let path = request.uri().path_and_query().cloned();
        Self(Arc::new(Identity {
            request_id: parsed(headers, &X_REQUEST_ID).unwrap_or_else(RequestId::generate),
            trace: parsed(headers, &TRACEPARENT),
            idempotency_key: idempotency_key::key(headers).ok().flatten(),
            url: RequestUrl { host: Host::of(request, public_url), path },
        }))
    }

    /// The same below the request's own span, where there is one.
    pub(crate) fn within(mut self, span: &Span) -> Self {
        // Nobody else has it yet.
        if let (Some(trace), Some(identity)) = (span.traceparent(), Arc::get_mut(&mut self.0)) {
            identity.trace = Some(trace);
        }
        self
    }

    /// What a question about its token tells of it.
    pub(crate) fn origin(&self) -> Origin<'_> {
        Origin {
            request_id: &self.request_id,
            trace: self.trace.as_ref(),
            address: std::net::Ipv4Addr::UNSPECIFIED.into(),
            is_from_proxy: true,
        }
    }

    /// The context of the request these extensions belong to. There is one for every request that came through the
    /// layer around all routes.
    pub(crate) fn of(extensions: &Extensions) -> Option<&Self> {
        extensions.get()
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

impl Host {
    fn of(request: &Request, public_url: Option<&PublicUrl>) -> Self {
        if let Some(url) = public_url {
            return Self::Public(url.clone());
        }
        let scheme = if request.uri().scheme_str() == Some("https") { "https" } else { "http" };
        let named = request.headers().get(header::HOST).and_then(host_of);
        match request.uri().authority().cloned().or(named) {
            Some(authority) if !authority.as_str().contains('@') => Self::Requested(scheme, authority),
            _ => Self::Unknown,
        }
    }
}

/// The host a `Host` header names, with its port; users have no place there.
pub(crate) fn host_of(value: &HeaderValue) -> Option<Authority> {
    Authority::try_from(value.as_bytes()).ok().filter(|authority| !authority.as_str().contains('@'))
}

impl fmt::Display for RequestUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            Host::Public(url) => write!(f, "{url}")?,
            Host::Requested(scheme, authority) => write!(f, "{scheme}://{authority}")?,
            Host::Unknown => {}
        }
        f.write_str(self.path.as_ref().map_or("/", PathAndQuery::as_str))
    }
}

impl Serialize for RequestUrl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use proptest::prelude::*;
    use shared::settings::Settings;

    use super::*;
    use crate::config::HttpConfig;

    fn context(uri: &str, headers: &[(&str, &str)], public_url: Option<&str>) -> RequestContext {
        let mut request = Request::builder().uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let settings = Settings::from_pairs(public_url.map(|url| ("RESEND_API_PUBLIC_URL", url))).unwrap();
        let config = HttpConfig::from_settings(&settings).unwrap();
        RequestContext::read(&request.body(Body::empty()).unwrap(), config.public_url.as_ref())
    }

    #[test]
    fn a_usable_request_id_is_taken_over_and_any_other_replaced() {
        let id = |value| context("/", &[("x-request-id", value)], None).request_id.to_string();
        assert_eq!(id("req-adasdoijasdojsda"), "req-adasdoijasdojsda");
        for useless in ["", "a b", &"a".repeat(129)] {
            assert_eq!(id(useless).len(), 36, "{useless}");
        }
    }

    #[test]
    fn the_url_is_the_one_that_was_asked_for() {
        let url = |uri, host: &str| context(uri, &[("host", host)], None).url.to_string();
        assert_eq!(url("/Jobs/1?a=b", "example.com"), "http://example.com/Jobs/1?a=b");
        assert_eq!(url("/Jobs/1", "[::1]:8080"), "http://[::1]:8080/Jobs/1");
        assert_eq!(url("https://example.com/Jobs/1", "other"), "https://example.com/Jobs/1");
    }

    #[test]
    fn a_host_that_is_none_leaves_the_path_alone() {
        for host in ["", "a b", "user@example.com", "a/b", "<script>"] {
            assert_eq!(context("/Jobs/1", &[("host", host)], None).url.to_string(), "/Jobs/1", "{host}");
        }
        assert_eq!(context("/Jobs/1", &[], None).url.to_string(), "/Jobs/1");
    }

    #[test]
    fn a_public_url_wins_over_whatever_the_client_says() {
        let context = context("/Jobs/1", &[("host", "evil")], Some("https://api.example.com"));
        assert_eq!(context.url.to_string(), "https://api.example.com/Jobs/1");
    }

    proptest! {
        #[test]
        fn what_is_echoed_is_visible_bounded_and_no_url_of_a_stranger(id in "[\\x20-\\x7E]{0,140}", host in "[\\x20-\\x7E]{0,40}") {
            let context = context("/Jobs/1", &[("x-request-id", &id), ("host", &host)], None);
            let echoed = context.request_id.as_str();
            prop_assert!((1..=128).contains(&echoed.len()) && echoed.bytes().all(|byte| byte.is_ascii_graphic()));
            let url = context.url.to_string();
            let (without_host, with_host) = ("/Jobs/1", format!("http://{host}/Jobs/1"));
            prop_assert!(url == without_host || url == with_host);
            prop_assert!(!url.contains(['@', ' ', '<', '"']));
        }
    }
}
