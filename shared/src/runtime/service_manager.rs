//! Notifications to systemd: the program is ready, alive, or stopping. Without systemd (`NOTIFY_SOCKET`) nothing
//! happens.

use std::time::Duration;

use sd_notify::NotifyState;
use tokio_util::sync::CancellationToken;

/// Reports that the program is ready, keeps feeding the watchdog, and reports when it stops. The caller's runtime feeds
/// the watchdog: if it hangs, systemd restarts the program.
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

/// Half the watchdog's period; never, if there is no watchdog.
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
