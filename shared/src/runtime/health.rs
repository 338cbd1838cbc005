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

/// What the three routes need.
#[derive(Clone)]
pub struct Health {
    /// Whether the process takes work.
    pub readiness: Readiness,
    /// The registry behind `/metrics`.
    pub metrics: PrometheusHandle,
    /// Asked by `/readyz` and `/metrics`.
    pub queue: Queue,
}

/// What a scrape needs.
#[derive(Clone)]
struct Scraped {
    metrics: PrometheusHandle,
    gauges: Arc<Gauges>,
}

/// The routes. `/healthz` never touches Redis: a restart does not cure somebody else's outage.
pub fn routes(health: Health) -> Router {
    let scraped =
        Scraped { metrics: health.metrics.clone(), gauges: Arc::new(Gauges::new(health.queue.clone())) };
    let metrics = Router::new().route("/metrics", get(metrics)).with_state(scraped);
    Router::new()
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(readyz))
        .with_state(health)
        .merge(metrics)
}

async fn readyz(State(health): State<Health>) -> (StatusCode, &'static str) {
    if !health.readiness.get() {
        return (StatusCode::SERVICE_UNAVAILABLE, "stopping or not started yet\n");
    }
    match health.queue.redis().ping().await {
        Ok(()) => (StatusCode::OK, "ready\n"),
        Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "redis does not answer\n"),
    }
}

async fn metrics(State(scraped): State<Scraped>) -> impl IntoResponse {
    scraped.gauges.refresh().await;
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], scraped.metrics.render())
}
