//! One log event and one count for each request. Neither knows more of the path than the route it matched: ids, tokens
//! and queries stay out.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Instant;

use axum::http::{Method, StatusCode};
use axum::response::Response;
use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};
use shared::telemetry::metric;
use shared::telemetry::span::Span;

use crate::request::context::RequestContext;
use crate::routes::Route;
use crate::state::Api;

/// Routes that probes and scrapers ask for all day: logged for those who look for them only.
const QUIET: [&str; 3] = ["/healthz", "/readyz", "/metrics"];

/// Stands for the status of a request whose client did not wait for the answer; nobody ever sees it on the wire.
const CLIENT_WENT_AWAY: u16 = 499;

/// Route, method and status of a request: each from a closed set.
type Labels = (&'static str, &'static str, StatusCode);

/// Meters, each looked up once.
pub(crate) struct Meters {
    seconds: Histogram,
    requests: RwLock<HashMap<Labels, Counter>>,
    /// Jobs stored by this process.
    pub(crate) jobs_accepted: Counter,
    /// Clients that wait for a job.
    pub(crate) waiting: Gauge,
}

impl Meters {
    /// Takes them from the process' registry, which must be there already.
    pub(crate) fn new() -> Self {
        Self {
            seconds: histogram!(metric::HTTP_SECONDS),
            requests: RwLock::default(),
            jobs_accepted: counter!(metric::JOBS_ACCEPTED),
            waiting: gauge!(metric::HTTP_WAITING),
        }
    }
}

impl Meters {
    fn count_request(&self, labels: Labels) {
        let known = self.requests.read().unwrap_or_else(PoisonError::into_inner).get(&labels).cloned();
        let counter = known.unwrap_or_else(|| {
            let (route, method, status) = labels;
            let code = status.as_str().to_owned();
            let counter =
                counter!(metric::HTTP_REQUESTS, "route" => route, "method" => method, "code" => code);
            let mut all = self.requests.write().unwrap_or_else(PoisonError::into_inner);
            all.entry(labels).or_insert(counter).clone()
        });
        counter.increment(1);
    }
}

/// A request whose answer is still to come. It is counted and logged when this is dropped, so that one whose client
/// went away is not forgotten.
pub(crate) struct RequestLog {
    started: Instant,
    route: &'static str,
    method: &'static str,
    status: StatusCode,
    context: RequestContext,
    span: Span,
    api: Arc<Api>,
}

impl RequestLog {
    /// Notes what will be said of the request.
    pub(crate) fn start(
        method: &Method,
        route: Route,
        context: &RequestContext,
        span: Span,
        api: Arc<Api>,
    ) -> Self {
        let (route, method) = (route.template, label(method));
        let status = StatusCode::from_u16(CLIENT_WENT_AWAY).unwrap_or(StatusCode::REQUEST_TIMEOUT);
        Self { started: Instant::now(), route, method, status, context: context.clone(), span, api }
    }

    /// It is answered.
    pub(crate) fn end(mut self, response: &Response) {
        self.status = response.status();
    }
}

impl Drop for RequestLog {
    fn drop(&mut self) {
        let Self { route, method, status, ref context, ref api, .. } = *self;
        let elapsed = self.started.elapsed();
        self.span.status(status.as_u16());
        if status.is_server_error() {
            self.span.fail("server_error");
        }
        self.span.end();
        api.meters.seconds.record(elapsed);
        api.meters.count_request((route, method, status));
        // To a microsecond, as a reader wants it.
        let elapsed_ms = (elapsed.as_secs_f64() * 1_000_000.0).round() / 1_000.0;
        let (status, request_id) = (status.as_u16(), &context.request_id);
        if QUIET.contains(&route) {
            tracing::debug!(%request_id, method, route, status, elapsed_ms, "request");
        } else {
            tracing::info!(%request_id, method, route, status, elapsed_ms, "request");
        }
    }
}

/// The request's span; probes and scrapers have none.
pub(crate) fn span(method: &Method, route: Route, context: &RequestContext) -> Span {
    if QUIET.contains(&route.template) {
        return Span::default();
    }
    Span::server(label(method), route.template, context.trace.as_ref())
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
