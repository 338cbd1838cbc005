//! The HTTP API: accepts resend requests, answers with a job, and serves its result. It stores nothing itself: jobs are
//! in the queue, and workers do the work.

mod auth;
pub mod config;
mod jobs;
mod middleware;
mod paths;
mod request;
mod responses;
mod routes;
mod state;

use std::future::Future;
use std::num::NonZero;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use axum::Router;
use axum::middleware::from_fn;
use metrics_exporter_prometheus::PrometheusHandle;
use shared::domain::clock;
use shared::queue::{Gauges, ProcessReport};
use shared::runtime::health::{self, Health};
use shared::runtime::http::{HttpLimits, Server, refuse_excess};
use shared::runtime::process_name::unique_name;
use shared::settings::FleetSettings;
use shared::telemetry;
use tokio::net::TcpListener;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::state::{AppState, StateError};

/// Time between two checks whether Redis answers, before the process is ready.
const FIRST_ANSWER_CHECK: Duration = Duration::from_millis(200);

/// Longest a stop waits to withdraw the process' report.
const WITHDRAWN_WITHIN: Duration = Duration::from_secs(1);

/// Why the API did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// What the routes need could not be set up.
    #[error(transparent)]
    State(#[from] StateError),
    /// A socket could not be used.
    #[error("cannot listen: {0}")]
    Socket(#[from] std::io::Error),
}

/// The sockets to serve on.
pub struct Listeners {
    /// For clients.
    pub clients: TcpListener,
    /// For health and metrics, if they have a port of their own.
    pub admin: Option<TcpListener>,
}

/// Serves until `stop` completes and every open request is answered, at most 25 s later (section 7 of the contract).
/// Redis need not be available yet: until it first answers, `/readyz` says so and requests are answered 503.
pub async fn serve(
    listeners: Listeners,
    config: &Config,
    metrics: PrometheusHandle,
    stop: impl Future<Output = ()>,
) -> Result<(), StartError> {
    let app = AppState::new(config)?;
    let background = CancellationToken::new();
    tokio::spawn(telemetry::keep_up_metrics(metrics.clone(), background.clone()));
    tokio::spawn(app.queue.producer().clone().watch_redis(background.clone()));
    tokio::spawn(app.notifier.clone().listen(background.clone()));
    tokio::spawn(ready_once_redis_answers(app.clone(), config.fleet.clone()));
    let reporting = tokio::spawn(report(app.clone(), background.clone()));
    let _ends_background = background.clone().drop_guard();
    let health = Health::new(app.readiness.clone(), metrics, Gauges::new(app.queue.operator().clone()));
    let (own, admin) = match listeners.admin {
        Some(listener) => {
            (None, Some(tokio::spawn(serve_admin(listener, health, background.clone().cancelled_owned()))))
        }
        None => (Some(health), None),
    };
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    let routers =
        (0..threads).map(|_| routes::router(&app.with_own_connection(config), own.clone())).collect();
    server(config, &app).serve(listeners.clients, routers, stop).await?;
    background.cancel();
    if let Some(admin) = admin {
        drop(admin.await);
    }
    drop(timeout(WITHDRAWN_WITHIN, reporting).await);
    Ok(())
}

/// Reports the health of the token provider to operators, if there is one.
async fn report(app: AppState, stop: CancellationToken) {
    let started_ms = clock::now_ms();
    if app.authenticator.health().is_none() {
        return;
    }
    let describe = || ProcessReport::new(started_ms, app.authenticator.health().into_iter().collect());
    app.queue.operator().keep_reporting(&unique_name(), describe, stop).await;
}

fn server(config: &Config, app: &AppState) -> Server {
    let proxies = config.http.trusted_proxies.clone();
    Server {
        is_trusted: Arc::new(move |address| proxies.contain(address)),
        stopping: app.stopping.clone(),
        ..Server::new("api", config.server.http.clone(), app.readiness.clone())
    }
}

/// Serves health and metrics on their own port for as long as clients are served.
async fn serve_admin(
    listener: TcpListener,
    health: Health,
    stop: impl Future<Output = ()>,
) -> std::io::Result<()> {
    let router: Router = health::routes(health).layer(from_fn(refuse_excess));
    let server = Server::new("admin", HttpLimits::for_operators(), health::Readiness::default());
    server.serve(listener, vec![router], stop).await
}

/// Waits until Redis has answered once. The process stays ready during later outages, so that clients get our own 503
/// instead of a proxy's.
async fn ready_once_redis_answers(app: AppState, fleet: FleetSettings) {
    let answered = async {
        while app.queue.redis().ping().await.is_err() {
            sleep(FIRST_ANSWER_CHECK).await;
        }
    };
    if app.stopping.run_until_cancelled(answered).await.is_some() && !app.stopping.is_cancelled() {
        app.readiness.set(true);
        if let Err(error) = app.queue.operator().compare_settings(&fleet).await {
            tracing::warn!(%error, "settings were not compared with the fleet's");
        }
    }
}
