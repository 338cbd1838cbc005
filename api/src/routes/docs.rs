//! `GET /docs`: Swagger UI for the document. All its files are in the binary, so it works without internet access.

use axum::Router;
use axum::http::header::CONTENT_SECURITY_POLICY;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::map_response;
use axum::response::{IntoResponse, Response};
use utoipa_swagger_ui::{Config, SwaggerUi};

use crate::paths;
use crate::responses::error::ApiError;
use crate::responses::outcomes::HeadRefusals;

/// The page may run only its own scripts, and call only this service. It sets inline styles, which no policy without
/// `unsafe-inline` allows; its images are its own icons.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
     connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);

/// A page to read this document and try its routes.
#[utoipa::path(get, path = paths::DOCS, tag = "service", operation_id = "docs", security(()), responses(
    (status = 200, description = "A page to read this document and try its routes", content_type = "text/html", body = String),
    HeadRefusals<'_>,
))]
#[allow(dead_code, reason = "a description")]
pub(super) const fn page() {}

/// The page and its files.
pub(super) fn router() -> Router {
    let config = Config::from(paths::OPENAPI).use_base_layout().validator_url("none");
    Router::from(SwaggerUi::new(paths::DOCS).config(config)).layer(map_response(restrict))
}

/// A file that the page does not have is an unknown route like any other.
async fn restrict(mut response: Response) -> Response {
    if response.status() == StatusCode::NOT_FOUND {
        return ApiError::RouteUnknown.into_response();
    }
    let headers = response.headers_mut();
    headers.insert(CONTENT_SECURITY_POLICY, POLICY);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}
