//! The worker's own port: health and metrics.

use axum::Router;
use shared::health::{self, Health};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// Serves until `stop` is cancelled. It outlives the consumer, so that a probe sees "not ready" during a stop and not
/// a refused connection.
pub async fn serve(listener: TcpListener, health: Health, stop: CancellationToken) -> std::io::Result<()> {
    let app: Router = health::routes(health);
    axum::serve(listener, app).with_graceful_shutdown(stop.cancelled_owned()).await
}
