//! What systemd is told of a program: that it is ready, that it lives, and that it stops. Without systemd
//! (`NOTIFY_SOCKET`) nothing happens.

use std::time::Duration;

use sd_notify::NotifyState;
use tokio_util::sync::CancellationToken;

/// Says that the program is ready and keeps the watchdog fed; says once that it stops. The watchdog is fed by the caller's
/// runtime: where that hangs, systemd starts the program again.
pub fn supervise(stop: CancellationToken) {
    say(NotifyState::Ready);
    tokio::spawn(async move {
        let stopping = stop.cancelled();
        tokio::pin!(stopping);
        let mut is_stopping = false;
        loop {
            tokio::select! {
                () = &mut stopping, if !is_stopping => {
                    is_stopping = true;
                    say(NotifyState::Stopping);
                }
                () = feeding_time() => say(NotifyState::Watchdog),
            }
        }
    });
}

/// Half of what the watchdog allows; never, where there is none.
async fn feeding_time() {
    match sd_notify::watchdog_enabled() {
        Some(limit) => tokio::time::sleep((limit / 2).max(Duration::from_millis(100))).await,
        None => std::future::pending().await,
    }
}

fn say(state: NotifyState<'_>) {
    if let Err(error) = sd_notify::notify(&[state]) {
        tracing::warn!(%error, "systemd was not notified");
    }
}
