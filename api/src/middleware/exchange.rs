//! What every exchange of a request for a response goes through, whatever its route: its identity, the bounds on its
//! head, the shape of errors, the headers of every answer, the log and the metrics.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Version, header};
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;

use crate::middleware::concurrency::{Turn, admit};
use crate::middleware::request_log::{self, RequestLog};
use crate::request::context::{RequestContext, X_REQUEST_ID, host_of};
use crate::responses::envelope;
use crate::responses::error::ApiError;
use crate::routes::{Route, Routes};
use crate::server::Activity;
use crate::state::Api;

/// Most headers, and most bytes of them with the request line. The server's own bounds are higher, so that up to
/// there the answer can have the usual shape.
const HEAD_LIMITS: (usize, usize) = (64, 16 * 1024);

/// Longest path with query, in bytes.
const URI_LIMIT: usize = 8 * 1024;

/// Headers of every answer that has not set its own.
const ALWAYS: [(HeaderName, HeaderValue); 4] = [
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
];

/// The layer around all routes.
pub(crate) struct Exchange {
    api: Arc<Api>,
    routes: Routes,
}

impl Exchange {
    pub(crate) fn new(api: Arc<Api>, routes: Routes) -> Self {
        Self { api, routes }
    }

    /// The answer to a request that came by this connection.
    pub(crate) async fn answer(&self, mut request: Request, connection: Activity) -> Response {
        let (api, route) = (&self.api, self.routes.route(request.uri().path()));
        let context = RequestContext::read(&request, api.public_url.as_ref());
        let span = request_log::span(request.method(), route, &context);
        let context = context.within(&span);
        let log = RequestLog::start(request.method(), route, &context, span, api.clone());
        let (version, last) = (request.version(), ends_connection(&request));
        request.extensions_mut().insert(context.clone());
        let answer = match check_head(&request) {
            Ok(()) => self.handle(request, route, connection, &context).await,
            Err(error) => error.into_response(),
        };
        let mut response = envelope::complete(answer, &context);
        add_headers(&mut response, &context);
        // While stopping, the client's next request is to go to another replica.
        if version <= Version::HTTP_11 && (last || !api.readiness.get()) {
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        log.end(&response);
        response
    }

    async fn handle(
        &self,
        mut request: Request,
        route: Route,
        connection: Activity,
        context: &RequestContext,
    ) -> Response {
        let handled = async {
            if route.is_work {
                let work = |turn| {
                    request.extensions_mut().insert::<Turn>(turn);
                    self.routes.call(request)
                };
                admit(&self.api, connection, work).await
            } else {
                self.routes.call(request).await
            }
        };
        AssertUnwindSafe(handled).catch_unwind().await.unwrap_or_else(|_| {
            tracing::error!(request_id = %context.request_id, "a handler panicked");
            ApiError::Internal.into_response()
        })
    }
}

/// Whether the connection is to end with this request. A length beside a transfer encoding is dropped by the parser
/// before we see it, and with it what two servers in a row may disagree about: RFC 9112, 6.1.
fn ends_connection(request: &Request) -> bool {
    request.headers().contains_key(header::TRANSFER_ENCODING)
}

fn check_head(request: &Request) -> Result<(), ApiError> {
    let uri = request.uri().path_and_query().map_or(0, |path| path.as_str().len());
    let headers = request.headers();
    let bytes: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
    if uri > URI_LIMIT {
        Err(ApiError::UriTooLong)
    } else if headers.len() > HEAD_LIMITS.0 || uri + bytes > HEAD_LIMITS.1 {
        Err(ApiError::HeadTooLarge)
    } else if request.version() == Version::HTTP_11 && !names_one_host(headers) {
        Err(ApiError::HostUnusable)
    } else {
        Ok(())
    }
}

/// Two servers in a row must not disagree about whose request this is.
fn names_one_host(headers: &HeaderMap) -> bool {
    let mut sent = headers.get_all(header::HOST).iter();
    let (host, second) = (sent.next(), sent.next());
    host.and_then(host_of).is_some() && second.is_none()
}

fn add_headers(response: &mut Response, context: &RequestContext) {
    let headers = response.headers_mut();
    for (name, value) in ALWAYS {
        headers.entry(name).or_insert(value);
    }
    if let Ok(id) = HeaderValue::from_str(context.request_id.as_str()) {
        headers.insert(X_REQUEST_ID, id);
    }
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::body::{Body, to_bytes};
    use axum::http::StatusCode;
    use axum::routing::get;
    use serde_json::{Value, json};

    use super::*;
    use crate::config::ServerLimits;

    async fn ask(api: Arc<Api>, routes: Router) -> Response {
        let request = Request::builder().uri("/").header("host", "example.com").header(X_REQUEST_ID, "req-1");
        let request = request.body(Body::empty()).unwrap();
        let connection = Activity::new(&ServerLimits::default());
        Exchange::new(api, Routes::of(routes)).answer(request, connection).await
    }

    #[tokio::test]
    async fn a_panic_is_a_500_in_the_envelope() {
        let response = ask(Api::unconnected(), Router::new().route("/", get(panicking))).await;
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        assert_eq!(
            serde_json::from_slice::<Value>(&body).unwrap(),
            json!({
                "error": {"type": "internal_error", "message": "The request could not be processed"},
                "meta": {"code": 500, "url": "http://example.com/", "type": "object", "request_id": "req-1"},
            })
        );
    }

    async fn panicking() -> &'static str {
        panic!("on purpose")
    }

    #[test]
    fn a_request_names_one_host_that_is_one() {
        let named = |hosts: &[&str]| {
            let hosts = hosts.iter().map(|host| (header::HOST, HeaderValue::from_str(host).unwrap()));
            let mut headers = HeaderMap::new();
            hosts.for_each(|(name, value)| _ = headers.append(name, value));
            names_one_host(&headers)
        };
        for host in ["example.com", "example.com:8080", "127.0.0.1", "[::1]:8080"] {
            assert!(named(&[host]), "{host}");
        }
        for hosts in [&[][..], &[""], &["a b"], &["user@example.com"], &["a/b"], &["a", "a"]] {
            assert!(!named(hosts), "{hosts:?}");
        }
    }

    #[tokio::test]
    async fn a_stopping_process_sends_its_clients_elsewhere() {
        for ready in [true, false] {
            let api = Api::unconnected();
            api.readiness.set(ready);
            let response = ask(api, Router::new().route("/", get(async || "ok"))).await;
            assert_eq!(response.headers().contains_key(header::CONNECTION), !ready);
        }
    }
}
