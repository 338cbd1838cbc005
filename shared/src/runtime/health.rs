//! `/healthz`, `/readyz` and `/metrics`, the same in the API and the worker.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use metrics_exporter_prometheus::PrometheusHandle;

/// Whether this process takes work. It turns false the moment the program is told to stop, before anything else
/// happens.
#[derive(Debug, Clone, Default)]
pub struct Readiness(Arc<AtomicBool>);

impl Readiness {
    /// Sets whether the process takes work from now on.
    pub fn set(&self, ready: bool) {
        self.0.store(ready, Ordering::SeqCst);
    }

    /// Whether it takes work.
    pub fn get(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

/// What `ScrapedGauges::refresh` returns.
pub type Refreshing<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// Gauges that are read only when somebody scrapes.
pub trait ScrapedGauges: Send + Sync {
    /// Sets them to the current values.
    fn refresh(&self) -> Refreshing<'_>;
}

/// The state of the three routes; clones share it.
#[derive(Clone)]
pub struct Health {
    readiness: Readiness,
    metrics: PrometheusHandle,
    gauges: Arc<dyn ScrapedGauges>,
    refusal: Arc<dyn Fn() -> Option<String> + Send + Sync>,
}

impl Health {
    /// Health of a process whose readiness alone decides.
    pub fn new(
        readiness: Readiness,
        metrics: PrometheusHandle,
        gauges: impl ScrapedGauges + 'static,
    ) -> Self {
        Self { readiness, metrics, gauges: Arc::new(gauges), refusal: Arc::new(|| None) }
    }

    /// Health of a process that is ready only while `refusal` returns no reason why it takes no work.
    #[must_use]
    pub fn unless(self, refusal: impl Fn() -> Option<String> + Send + Sync + 'static) -> Self {
        Self { refusal: Arc::new(refusal), ..self }
    }
}

/// The routes. `/healthz` and `/readyz` never touch Redis: a restart does not cure somebody else's outage. `/metrics`
/// reads it at most once a second, however many scrape.
pub fn routes(health: Health) -> Router {
    Router::new()
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .with_state(health)
}

async fn readyz(State(health): State<Health>) -> (StatusCode, String) {
    if !health.readiness.get() {
        return (StatusCode::SERVICE_UNAVAILABLE, "stopping or not started yet\n".to_owned());
    }
    match (health.refusal)() {
        Some(reason) => (StatusCode::SERVICE_UNAVAILABLE, format!("{reason}\n")),
        None => (StatusCode::OK, "ready\n".to_owned()),
    }
}

async fn metrics(State(health): State<Health>) -> impl IntoResponse {
    health.gauges.refresh().await;
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], health.metrics.render())
}
