//! Whether the workers are to fetch: an operator may have them take nothing new, while what runs goes on to its end.

use tokio::sync::watch;

use super::consumer::Consumer;

/// What a worker was last told. It is on until the worker was told anything, so that one that starts into a pause
/// takes nothing either.
pub(super) struct Pause(watch::Sender<Option<bool>>);

impl Default for Pause {
    fn default() -> Self {
        Self(watch::Sender::new(None))
    }
}

impl Pause {
    pub(super) fn is_on(&self) -> bool {
        self.0.borrow().unwrap_or(true)
    }

    /// Notes what was told, and says so when it changes.
    pub(super) fn note(&self, paused: bool) {
        let before = self.0.send_replace(Some(paused));
        match (before, paused) {
            (None | Some(false), true) => tracing::warn!("paused by an operator: nothing new is taken"),
            (Some(true), false) => tracing::info!("resumed by an operator"),
            _ => {}
        }
    }

    async fn is_over(&self) {
        // The sender is in our hands, so waiting cannot fail.
        let _ = self.0.subscribe().wait_for(|paused| *paused == Some(false)).await;
    }
}

impl Consumer {
    /// Waits while the queue is paused; `false` once the stop was asked for.
    pub(super) async fn may_take(&self) -> bool {
        let _ = self.stop.run_until_cancelled(self.pause.is_over()).await;
        !self.stop.is_cancelled()
    }
}
