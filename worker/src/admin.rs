//! The worker's own port: health and metrics, and the board where it has a token.

use axum::Router;
use secrecy::SecretString;
use shared::runtime::health::{self, Health};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::ops::board;

/// Serves until `stop` is cancelled. It outlives the consumer, so that a probe sees "not ready" during a stop and not
/// a refused connection.
pub async fn serve(
    listener: TcpListener,
    health: Health,
    board_token: Option<SecretString>,
    stop: CancellationToken,
) -> std::io::Result<()> {
    let board = board_token.map(|token| board::routes(health.queue.clone(), token));
    let app: Router = health::routes(health).merge(board.unwrap_or_default());
    axum::serve(listener, app).with_graceful_shutdown(stop.cancelled_owned()).await
}
