//! The whole route table.

pub(crate) mod docs;
pub(crate) mod job;
pub(crate) mod job_events;
pub(crate) mod resend;
pub(crate) mod verification;

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::response::Response;
use axum::routing::{get, patch};
use metrics_exporter_prometheus::PrometheusHandle;
use shared::runtime::health::{self, Health};
use tower::Service;

use crate::responses::document;
use crate::responses::error::ApiError;
use crate::state::Api;

const RESEND: &str = "/api/patients/{patient_id}/approvals/{id}/actions/resend";
const JOB: &str = "/Jobs/{id}";
const JOB_LOWER_CASE: &str = "/jobs/{id}";
const JOB_UNDER_API: &str = "/api/jobs/{id}";
const EVENTS: &str = "/Jobs/{id}/events";
const EVENTS_LOWER_CASE: &str = "/jobs/{id}/events";
const EVENTS_UNDER_API: &str = "/api/jobs/{id}/events";
const COMPLETE: &str = "/verifications/{phone_number}/actions/complete";

const OPENAPI: &str = "/openapi.json";
const DOCS: &str = "/docs";
const DOCS_SCRIPT: &str = "/docs/page.js";
const DOCS_STYLE: &str = "/docs/page.css";

/// Routes that are worked on: how many at once and for how long is bounded.
const WORK: [&str; 8] =
    [RESEND, COMPLETE, JOB, JOB_LOWER_CASE, JOB_UNDER_API, EVENTS, EVENTS_LOWER_CASE, EVENTS_UNDER_API];

/// Routes that are answered whatever the load, so that an overloaded process can still be looked at.
const ALWAYS: [&str; 7] = [OPENAPI, DOCS, DOCS_SCRIPT, DOCS_STYLE, "/healthz", "/readyz", "/metrics"];

/// A route as labels of metrics and logs know it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Route {
    /// Its template.
    pub(crate) template: &'static str,
    /// Whether it is worked on.
    pub(crate) is_work: bool,
}

/// The templates of all routes.
pub(crate) fn templates() -> impl Iterator<Item = &'static str> {
    WORK.into_iter().chain(ALWAYS)
}

/// Whatever is no route.
const OTHER: Route = Route { template: "other", is_work: false };

/// The handlers, and which of the routes a path is.
pub(crate) struct Routes {
    handlers: Router,
    templates: matchit::Router<Route>,
}

impl Routes {
    /// All of them.
    pub(crate) fn new(api: Arc<Api>, metrics: PrometheusHandle) -> Self {
        Self::of(handlers(api, metrics))
    }

    /// These handlers, under the usual templates.
    pub(crate) fn of(handlers: Router) -> Self {
        let mut known = matchit::Router::new();
        for template in templates() {
            // Two templates that clash would have been refused by axum's router, which is of the same make.
            drop(known.insert(template, Route { template, is_work: WORK.contains(&template) }));
        }
        Self { handlers, templates: known }
    }

    /// The route this path leads to. Asked by the layer around all routes: within the handlers' own router a layer is a
    /// heap allocation or two for each request, and what it learns there is not to be had outside.
    pub(crate) fn route(&self, path: &str) -> Route {
        self.templates.at(path).map_or(OTHER, |found| *found.value)
    }

    /// The answer of the handler this request is for.
    pub(crate) fn call(&self, request: Request) -> impl Future<Output = Response> + use<> {
        let answer = self.handlers.clone().call(request);
        async { answer.await.unwrap_or_else(|never| match never {}) }
    }
}

fn handlers(api: Arc<Api>, metrics: PrometheusHandle) -> Router {
    let health = Health { readiness: api.readiness.clone(), metrics, queue: api.queue.clone() };
    Router::new()
        .route(RESEND, patch(resend::resend))
        .route(COMPLETE, patch(verification::complete))
        .route(JOB, get(job::show))
        .route(JOB_LOWER_CASE, get(job::show))
        .route(JOB_UNDER_API, get(job::show))
        .route(EVENTS, get(job_events::events))
        .route(EVENTS_LOWER_CASE, get(job_events::events))
        .route(EVENTS_UNDER_API, get(job_events::events))
        .with_state(api)
        .route(OPENAPI, get(document::served))
        .route(DOCS, get(docs::page))
        .route(DOCS_SCRIPT, get(docs::script))
        .route(DOCS_STYLE, get(docs::style))
        .merge(health::routes(health))
        .fallback(async || ApiError::RouteNotFound)
        .method_not_allowed_fallback(async || ApiError::MethodNotAllowed)
}

#[cfg(test)]
mod tests;
