//! What every answer gets where the request is known: the body of an error, and headers.

use axum::Extension;
use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::Response;

use crate::request::context::{RequestContext, X_REQUEST_ID};
use crate::responses::envelope;

/// Headers of every answer that has not set its own.
const DEFAULT_HEADERS: [(HeaderName, HeaderValue); 4] = [
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
];

pub(super) async fn complete(
    Extension(context): Extension<RequestContext>,
    request: Request,
    next: Next,
) -> Response {
    let is_head = request.method() == Method::HEAD;
    let mut response = envelope::complete(next.run(request).await, &context, is_head);
    let headers = response.headers_mut();
    for (name, value) in DEFAULT_HEADERS {
        headers.entry(name).or_insert(value);
    }
    if let Ok(id) = HeaderValue::from_str(context.request_id.as_str()) {
        headers.insert(X_REQUEST_ID, id);
    }
    response
}
