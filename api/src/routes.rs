//! The only list of routes. Handlers, metric labels and the document are derived from it.

mod docs;
mod extractors;
mod job;
mod job_events;
mod resend;
mod service;
mod verification;

use std::sync::Arc;

use axum::routing::get;
use axum::{Extension, Router};
use shared::runtime::health::{self, Health};
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::middleware;
use crate::paths;
use crate::responses::document;
use crate::responses::error::ApiError;
use crate::state::AppState;
use service::DocumentText;

/// Routes that do work, under the specification's paths; then the aliases that clients know.
fn work() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(resend::resend))
        .routes(routes!(verification::complete))
        .routes(routes!(job::show))
        .route(paths::JOB_LOWER_CASE, get(job::show))
        .route(paths::JOB_UNDER_API, get(job::show))
        .routes(routes!(job_events::events))
        .route(paths::JOB_EVENTS_LOWER_CASE, get(job_events::events))
        .route(paths::JOB_EVENTS_UNDER_API, get(job_events::events))
}

/// Routes with handlers elsewhere, for the document.
#[derive(OpenApi)]
#[openapi(paths(service::openapi, docs::page, service::healthz, service::readyz, service::metrics))]
struct OpenRoutes;

/// All routes with all their layers. Health and metrics are served here unless they have a port of their own.
pub(crate) fn router(app: &AppState, health: Option<Health>) -> Router {
    let (work, document) = described();
    let open = Router::new()
        .route(paths::OPENAPI, get(service::openapi))
        .layer(Extension(DocumentText(Arc::from(document))))
        .merge(docs::router())
        .merge(health.map(health::routes).unwrap_or_default());
    let all = middleware::around_work(work, app)
        .with_state(app.clone())
        .merge(open)
        .fallback(async || ApiError::RouteUnknown)
        .method_not_allowed_fallback(async || ApiError::MethodUnsupported);
    middleware::around_all(all, app)
}

/// The routes that do work, and the document of all routes as text.
fn described() -> (Router<AppState>, String) {
    let (work, described) = work().split_for_parts();
    let mut document = document::base();
    document.merge(described);
    document.merge(OpenRoutes::openapi());
    (work, document::text(document))
}

#[cfg(test)]
mod tests;
