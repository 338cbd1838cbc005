//! `/healthz`, `/readyz` and `/metrics`, alike in the API and the worker.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use metrics_exporter_prometheus::PrometheusHandle;

use crate::queue::{Gauges, Queue};

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

/// What the three routes need; clones share it.
#[derive(Clone)]
pub struct Health {
    readiness: Readiness,
    metrics: PrometheusHandle,
    gauges: Arc<Gauges>,
    needs_redis: bool,
}

impl Health {
    /// Health of a process that stays ready while Redis is away: its readiness alone decides.
    pub fn new(readiness: Readiness, metrics: PrometheusHandle, queue: Queue) -> Self {
        Self { readiness, metrics, gauges: Arc::new(Gauges::new(queue)), needs_redis: false }
    }

    /// Health of a process that is ready only while Redis answers.
    #[must_use]
    pub fn needs_redis(self) -> Self {
        Self { needs_redis: true, ..self }
    }
}

/// The routes. `/healthz` never touches Redis: a restart does not cure somebody else's outage. The others look at Redis
/// once a second at most, however many ask.
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
    if health.needs_redis && !health.gauges.refresh().await {
        return (StatusCode::SERVICE_UNAVAILABLE, "redis does not answer\n");
    }
    (StatusCode::OK, "ready\n")
}

async fn metrics(State(health): State<Health>) -> impl IntoResponse {
    health.gauges.refresh().await;
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], health.metrics.render())
}
