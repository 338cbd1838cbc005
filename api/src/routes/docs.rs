//! `GET /docs`: the document as a page to read and to try. All of it is served here: it works without any other network.

use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::response::IntoResponse;

/// The page runs its own script, and asks this service alone.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// A page to read this document and try its routes.
#[utoipa::path(get, path = "/docs", tag = "service", responses(
    (status = 200, description = "The page", content_type = "text/html", body = String),
))]
pub(crate) async fn page() -> impl IntoResponse {
    let headers = [(CONTENT_TYPE, "text/html; charset=utf-8"), (CONTENT_SECURITY_POLICY, POLICY)];
    (headers, include_str!("docs/page.html"))
}

/// Its script.
pub(crate) async fn script() -> impl IntoResponse {
    ([(CONTENT_TYPE, "text/javascript; charset=utf-8")], include_str!("docs/page.js"))
}

/// Its looks.
pub(crate) async fn style() -> impl IntoResponse {
    ([(CONTENT_TYPE, "text/css; charset=utf-8")], include_str!("docs/page.css"))
}
