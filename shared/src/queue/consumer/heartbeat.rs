//! Keeping leases alive while their jobs are worked on.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::domain::clock::millis;
use crate::queue::delivery::Delivery;
use crate::queue::error::QueueError;
use crate::queue::eta::ANNOUNCED_EVERY;
use crate::queue::keys::GROUP;
use crate::telemetry::LogThrottle;

use super::deliveries::Deliveries;
use super::lease::Leases;
use super::process::Consumer;

/// Leases renewed in one call.
const RENEWED_AT_ONCE: usize = 500;

/// The owner of entries whose run crashed: a consumer that is no worker.
const NOBODY: &str = "crashed";

impl Consumer {
    /// Renews until the last job is settled.
    pub(super) async fn renew(self: Arc<Self>, closed: CancellationToken) {
        while closed.run_until_cancelled(self.until_renewal()).await.is_some() {
            // The connection layer logs that Redis is away; the next heartbeat tries again. An unconfirmed one may have
            // gone to a replaced master: the next attempt goes to the new one.
            let renewed = self.deliveries.renew(&self.name, &self.leases).await;
            if renewed.is_err_and(|error| error.is_unconfirmed()) {
                let _ = self.deliveries.renew(&self.name, &self.leases).await;
            }
        }
    }
}

impl Consumer {
    /// Waits until the next heartbeat. A stopping worker is no longer announced, so others judge its jobs by their own
    /// leases, which may be shorter: it sends heartbeats as often as it was announced.
    async fn until_renewal(&self) {
        let every = self.deliveries.core.config.lease / 3;
        if self.stop.is_cancelled() {
            tokio::time::sleep(every.min(ANNOUNCED_EVERY)).await;
        } else {
            let _ = self.stop.run_until_cancelled(tokio::time::sleep(every)).await;
        }
    }
}

impl Deliveries {
    /// Renews every lease a consumer holds, and cancels the work on lost ones.
    pub(super) async fn renew(&self, consumer: &str, leases: &Leases) -> Result<(), QueueError> {
        static THROTTLE: LogThrottle = LogThrottle::new();
        for batch in leases.all().chunks(RENEWED_AT_ONCE) {
            let lost = self.renew_batch(consumer, batch).await?;
            let lost = lost.into_iter().filter(|entry| leases.lose(entry)).count();
            if lost > 0
                && let Some(suppressed) = THROTTLE.allow()
            {
                tracing::warn!(lost, suppressed, "leases lost: another worker has taken these jobs over");
            }
        }
        Ok(())
    }

    /// Renews at most `RENEWED_AT_ONCE` leases; returns the entries whose lease is lost.
    pub(super) async fn renew_batch<D: AsRef<Delivery>>(
        &self,
        consumer: &str,
        batch: &[D],
    ) -> Result<Vec<String>, QueueError> {
        let mut call = self.core.scripts.heartbeat.prepare_invoke();
        call.key(self.core.keys.stream()).arg(GROUP).arg(consumer);
        for delivery in batch.iter().map(AsRef::as_ref) {
            call.arg(&delivery.entry).arg(delivery.number);
        }
        Ok(self.core.redis.script_confirmed(&call).await?)
    }

    /// Ends the lease of a delivery now, so that the next sweep takes it over.
    pub(super) async fn expire_lease(&self, delivery: &Delivery) -> Result<(), QueueError> {
        let mut call = self.core.scripts.expire_lease.prepare_invoke();
        call.key(self.core.keys.stream());
        delivery.fence(&mut call).arg(millis(self.core.config.lease)).arg(NOBODY);
        let _: String = self.core.redis.script(&call).await?;
        Ok(())
    }
}
