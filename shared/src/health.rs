//! `/healthz`, `/readyz` and `/metrics`, alike in the API and the worker.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use metrics_exporter_prometheus::PrometheusHandle;

use crate::redis::Redis;

/// Whether this process wants work. It turns false the moment a stop is asked for, before anything else happens.
#[derive(Debug, Clone, Default)]
pub struct Readiness(Arc<AtomicBool>);

impl Readiness {
    /// Says whether the process takes work from now on.
    pub fn set(&self, ready: bool) {
        self.0.store(ready, Ordering::SeqCst);
    }

    /// Whether it does.
    pub fn get(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

/// What the three routes need.
#[derive(Clone)]
pub struct Health {
    /// Whether the process takes work.
    pub readiness: Readiness,
    /// The registry behind `/metrics`.
    pub metrics: PrometheusHandle,
    /// Asked by `/readyz` only.
    pub redis: Redis,
}

/// The routes. `/healthz` never touches Redis: a restart does not cure somebody else's outage.
pub fn routes(health: Health) -> Router {
    Router::new()
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .with_state(health)
}

async fn readyz(State(health): State<Health>) -> (StatusCode, &'static str) {
    if !health.readiness.get() {
        return (StatusCode::SERVICE_UNAVAILABLE, "stopping or not started yet\n");
    }
    match health.redis.ping().await {
        Ok(()) => (StatusCode::OK, "ready\n"),
        Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "redis does not answer\n"),
    }
}

async fn metrics(State(health): State<Health>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], health.metrics.render())
}
