//! The whole route table and the whole layer stack.

use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, patch, post};
use metrics_exporter_prometheus::PrometheusHandle;
use shared::health::{self, Health};

use crate::admission::admit;
use crate::approvals::resend;
use crate::docs;
use crate::error::ApiError;
use crate::exchange::exchange;
use crate::jobs::{events, show};
use crate::openapi;
use crate::receipts::keep;
use crate::state::Api;
use crate::verifications::complete;

const RESEND: &str = "/api/patients/{patient_id}/approvals/{id}/actions/resend";
const JOB: &str = "/Jobs/{id}";
const JOB_LOWER_CASE: &str = "/jobs/{id}";
const JOB_UNDER_API: &str = "/api/jobs/{id}";
const EVENTS: &str = "/Jobs/{id}/events";
const EVENTS_LOWER_CASE: &str = "/jobs/{id}/events";
const EVENTS_UNDER_API: &str = "/api/jobs/{id}/events";
const COMPLETE: &str = "/verifications/{phone_number}/actions/complete";
const RECEIPTS: &str = "/receipts/{channel}";

const OPENAPI: &str = "/openapi.json";
const DOCS: &str = "/docs";
const DOCS_SCRIPT: &str = "/docs/page.js";
const DOCS_STYLE: &str = "/docs/page.css";

/// Every route, as labels of metrics and logs know them.
pub(crate) const ROUTES: [&str; 16] = [
    RESEND,
    COMPLETE,
    RECEIPTS,
    JOB,
    JOB_LOWER_CASE,
    JOB_UNDER_API,
    EVENTS,
    EVENTS_LOWER_CASE,
    EVENTS_UNDER_API,
    OPENAPI,
    DOCS,
    DOCS_SCRIPT,
    DOCS_STYLE,
    "/healthz",
    "/readyz",
    "/metrics",
];

/// The service as clients see it.
pub(crate) fn build(api: Arc<Api>, metrics: PrometheusHandle) -> Router {
    let health = Health { readiness: api.readiness.clone(), metrics, queue: api.queue.clone() };
    Router::new()
        .route(RESEND, patch(resend))
        .route(COMPLETE, patch(complete))
        .route(RECEIPTS, post(keep))
        .route(JOB, get(show))
        .route(JOB_LOWER_CASE, get(show))
        .route(JOB_UNDER_API, get(show))
        .route(EVENTS, get(events))
        .route(EVENTS_LOWER_CASE, get(events))
        .route(EVENTS_UNDER_API, get(events))
        .route_layer(from_fn_with_state(api.clone(), admit))
        .with_state(api.clone())
        .route(OPENAPI, get(openapi::served))
        .route(DOCS, get(docs::page))
        .route(DOCS_SCRIPT, get(docs::script))
        .route(DOCS_STYLE, get(docs::style))
        .merge(health::routes(health))
        .fallback(async || ApiError::RouteNotFound)
        .method_not_allowed_fallback(async || ApiError::MethodNotAllowed)
        .layer(from_fn_with_state(api, exchange))
}

#[cfg(test)]
mod tests;
