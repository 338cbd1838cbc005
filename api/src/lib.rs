//! The HTTP API: takes resend requests, answers with a job, serves its result. It stores nothing itself: jobs live in
//! the queue, and the work is done by the workers.

mod auth;
pub mod config;
mod jobs;
mod middleware;
mod request;
mod responses;
mod routes;
mod server;
mod state;

use std::future::Future;
use std::num::NonZero;
use std::thread;

use metrics_exporter_prometheus::PrometheusHandle;
use shared::telemetry;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::middleware::exchange::Exchange;
use crate::routes::Routes;
use crate::state::Api;

/// Why the API did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The addresses of Redis cannot be used.
    #[error("RESEND_REDIS_URL: {0}")]
    Redis(#[from] shared::redis::RedisError),
    /// The client for upstream calls cannot be set up.
    #[error("cannot set up TLS for upstream calls: {0}")]
    Upstream(#[source] reqwest::Error),
    /// The socket is of no use.
    #[error("cannot listen: {0}")]
    Socket(#[from] std::io::Error),
}

/// Serves on `listener` until `stop` is done and every open request is answered, at most 25 s later (section 7 of the
/// contract). Redis need not be there yet: until it is, `/readyz` says so and requests are answered 503.
pub async fn serve(
    listener: TcpListener,
    config: &Config,
    metrics: PrometheusHandle,
    stop: impl Future<Output = ()>,
) -> Result<(), StartError> {
    let api = Api::new(config)?;
    let beside = CancellationToken::new();
    tokio::spawn(telemetry::keep_up_metrics(metrics.clone(), beside.clone()));
    tokio::spawn(api.queue.clone().watch_redis(beside.clone()));
    tokio::spawn(api.waiters.clone().listen(beside.clone()));
    let _ends_beside = beside.drop_guard();
    let lane = || {
        let api = api.beside(config);
        Exchange::new(api.clone(), Routes::new(api, metrics.clone()))
    };
    let lanes = thread::available_parallelism().map_or(1, NonZero::get);
    let exchanges = (0..lanes).map(|_| lane()).collect();
    Ok(server::serve(listener, exchanges, &api, stop).await?)
}
