//! The worker's own port: health and metrics, and the board if its token is set.

use axum::Router;
use axum::middleware::from_fn;
use secrecy::SecretString;
use shared::queue::Queue;
use shared::runtime::health::{self, Health, Readiness};
use shared::runtime::http::{HttpLimits, Server, refuse_excess};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::ops::board;

/// Serves until `stop` is cancelled, under the limits of a port for operators. It outlives the consumer, so that a probe
/// sees "not ready" during a stop, not a refused connection.
pub async fn serve(
    listener: TcpListener,
    health: Health,
    board: Option<(Queue, SecretString)>,
    stop: CancellationToken,
) -> std::io::Result<()> {
    let board = board.map(|(queue, token)| board::routes(queue, token));
    let app: Router = health::routes(health).merge(board.unwrap_or_default()).layer(from_fn(refuse_excess));
    // The worker's readiness is reported by the consumer; this one belongs to the port.
    let server = Server::new("worker", HttpLimits::for_operators(), Readiness::default());
    server.serve(listener, vec![app], stop.cancelled_owned()).await
}
