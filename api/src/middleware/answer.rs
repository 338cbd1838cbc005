//! What every answer gets where the request is known: the body of an error, and headers.

use axum::http::{HeaderName, HeaderValue, header};
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

/// Completes an answer; to a HEAD it has no body.
pub(super) fn complete(answer: Response, context: &RequestContext, is_head: bool) -> Response {
    let mut response = envelope::complete(answer, context, is_head);
    let headers = response.headers_mut();
    for (name, value) in DEFAULT_HEADERS {
        headers.entry(name).or_insert(value);
    }
    if let Ok(id) = HeaderValue::from_str(context.request_id.as_str()) {
        headers.insert(X_REQUEST_ID, id);
    }
    response
}
