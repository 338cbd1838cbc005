//! Routes about the service itself: its document, and descriptions of the routes that every program has.

use std::sync::Arc;

use axum::Extension;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;

use crate::paths;
use crate::responses::outcomes::HeadRefusals;

/// The document as text.
#[derive(Clone)]
pub(super) struct DocumentText(pub(super) Arc<str>);

/// This document.
#[utoipa::path(get, path = paths::OPENAPI, tag = "service", operation_id = "openapi", security(()), responses(
    (status = 200, description = "The OpenAPI document", content_type = "application/json", body = serde_json::Value),
    HeadRefusals<'_>,
))]
pub(super) async fn openapi(Extension(text): Extension<DocumentText>) -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/json")], text.0.to_string())
}

/// Whether the process is alive.
#[utoipa::path(get, path = paths::HEALTHZ, tag = "service", operation_id = "healthz", security(()), responses(
    (status = 200, description = "It is", content_type = "text/plain", body = String),
    HeadRefusals<'_>,
))]
#[allow(dead_code, reason = "a description")]
pub(super) const fn healthz() {}

/// Whether the process is ready for requests.
#[utoipa::path(get, path = paths::READYZ, tag = "service", operation_id = "readyz", security(()), responses(
    (status = 200, description = "It is", content_type = "text/plain", body = String),
    (status = 503, description = "Redis has not answered yet, or the process is stopping", content_type = "text/plain", body = String),
    HeadRefusals<'_>,
))]
#[allow(dead_code, reason = "a description")]
pub(super) const fn readyz() {}

/// Metrics for Prometheus.
#[utoipa::path(get, path = paths::METRICS, tag = "service", operation_id = "metrics", security(()), responses(
    (status = 200, description = "Prometheus' text format", content_type = "text/plain", body = String),
    HeadRefusals<'_>,
))]
#[allow(dead_code, reason = "a description")]
pub(super) const fn metrics() {}
