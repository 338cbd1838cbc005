//! One log line, one count and one span for each request. None knows more of the path than the route it matched: ids,
//! tokens and queries stay out.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Instant;

use axum::extract::{MatchedPath, Request};
use axum::http::{Method, StatusCode};
use axum::response::Response;
use metrics::{Counter, Histogram, counter, histogram};
use shared::domain::outcome::Reason;
use shared::telemetry::metric;
use shared::telemetry::span::Span;
use tracing::field::display;

use crate::paths;
use crate::request::context::RequestContext;
use crate::responses::error::ApiError;

/// Stands for the status of a request whose client did not wait for the answer; nobody ever sees it on the wire.
const CLIENT_WENT_AWAY: u16 = 499;

/// Route, method and status of a request: each from a closed set.
type Labels = (&'static str, &'static str, StatusCode);

/// Counters and histograms of requests, each looked up once; clones share them.
#[derive(Clone, Default)]
pub(super) struct RequestMetrics(Arc<RwLock<HashMap<Labels, (Counter, Histogram)>>>);

impl RequestMetrics {
    fn of(&self, labels: Labels) -> (Counter, Histogram) {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner).get(&labels).cloned();
        known.unwrap_or_else(|| {
            let (route, method, status) = labels;
            let code = status.as_str().to_owned();
            let count = counter!(metric::HTTP_REQUESTS, "route" => route, "method" => method, "code" => code);
            let seconds = histogram!(metric::HTTP_SECONDS, "route" => route);
            let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
            all.entry(labels).or_insert((count, seconds)).clone()
        })
    }
}

/// A request whose answer is still to come. It is counted and logged when this is dropped, so that one whose client
/// went away is not forgotten.
pub(super) struct RequestLog {
    started: Instant,
    route: &'static str,
    method: &'static str,
    status: StatusCode,
    reason: Option<Reason>,
    pub(super) context: RequestContext,
    span: Span,
    metrics: RequestMetrics,
}

impl RequestLog {
    /// Begins with the request; if it gets a span, its context leads to that.
    pub(super) fn begin(request: &Request, context: RequestContext, metrics: RequestMetrics) -> Self {
        let route = paths::label(request.extensions().get::<MatchedPath>());
        let method = label(request.method());
        let is_probe = paths::PROBES.contains(&route);
        let span =
            if is_probe { Span::default() } else { Span::server(method, route, context.trace.as_ref()) };
        let context = context.within(&span);
        let status = StatusCode::from_u16(CLIENT_WENT_AWAY).unwrap_or(StatusCode::REQUEST_TIMEOUT);
        Self { started: Instant::now(), route, method, status, reason: None, context, span, metrics }
    }

    /// Ends with the answer; if this is never called, the client went away.
    pub(super) fn end(&mut self, answer: &Response) {
        self.status = answer.status();
        self.reason = answer.extensions().get::<ApiError>().map(ApiError::reason);
    }
}

impl Drop for RequestLog {
    fn drop(&mut self) {
        let Self { route, method, status, ref context, .. } = *self;
        let elapsed = self.started.elapsed();
        self.span.status(status.as_u16());
        if status.is_server_error() {
            self.span.fail("server_error");
        }
        self.span.end();
        let (count, seconds) = self.metrics.of((route, method, status));
        count.increment(1);
        seconds.record(elapsed);
        // To a microsecond, as a reader wants it.
        let elapsed_ms = (elapsed.as_secs_f64() * 1_000_000.0).round() / 1_000.0;
        let (status, request_id) = (status.as_u16(), &context.request_id);
        if paths::PROBES.contains(&route) {
            return tracing::debug!(%request_id, method, route, status, elapsed_ms, "request");
        }
        let (client, job, peer) =
            (context.client().map(display), context.job().map(display), context.address.ip);
        let reason = self.reason.map(Reason::as_str);
        tracing::info!(%request_id, method, route, status, elapsed_ms, %peer, client, job, reason, "request");
    }
}

/// Methods are the client's to invent; labels are not.
fn label(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::PATCH => "PATCH",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "OTHER",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_come_from_a_closed_set() {
        assert_eq!(label(&Method::PATCH), "PATCH");
        assert_eq!(label(&Method::from_bytes(b"INVENTED").unwrap()), "OTHER");
    }
}
