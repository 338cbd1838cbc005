//! Stopping a program: the first SIGTERM or SIGINT asks it to stop, the second ends the process at once.

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Exit status of a process ended by a second signal: 128 + SIGTERM, as a shell would report it.
const EXIT_ON_SECOND_SIGNAL: i32 = 143;

/// Listens for signals from now on and returns the token that the first one cancels.
pub fn on_signal() -> std::io::Result<CancellationToken> {
    let token = CancellationToken::new();
    let (mut term, mut int) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let asked = token.clone();
    tokio::spawn(async move {
        loop {
            tokio::select! { _ = term.recv() => {}, _ = int.recv() => {} }
            if asked.is_cancelled() {
                tracing::warn!("second signal: stopping at once, open work is left for others to take over");
                std::process::exit(EXIT_ON_SECOND_SIGNAL);
            }
            tracing::info!("signal: stopping gracefully, a second one stops at once");
            asked.cancel();
        }
    });
    Ok(token)
}
