//! Leases: what a worker holds, kept alive while it works on it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;

use crate::domain::clock::millis;
use crate::telemetry::LogThrottle;

use super::consumer::Consumer;
use super::{Delivery, GROUP, Queue, QueueError};

/// Leases renewed in one call.
const RENEWED_AT_ONCE: usize = 500;

/// The deliveries in one consumer's hands.
#[derive(Clone, Default)]
pub(super) struct Leases {
    held: Arc<Mutex<HashMap<String, HeldLease>>>,
}

struct HeldLease {
    delivery: Arc<Delivery>,
    lost: CancellationToken,
}

/// A delivery whose lease is renewed until this is dropped. Its token is cancelled when the lease is lost, so that
/// work on it stops before it does harm; the fence in the scripts stands behind that.
pub(super) struct Lease {
    pub(super) delivery: Arc<Delivery>,
    pub(super) lost: CancellationToken,
    leases: Leases,
}

impl Leases {
    /// Notes that a delivery is in hand. `None` where it is already: a master that was promoted without having seen it read
    /// gives it out once more, under the same number, so that no fence tells the two runs apart.
    pub(super) fn hold(&self, delivery: Delivery) -> Option<Lease> {
        let (delivery, lost) = (Arc::new(delivery), CancellationToken::new());
        let key = delivery.entry.clone();
        let mut held = self.lock();
        if held.get(&key).is_some_and(|held_lease| held_lease.is_run_of(&delivery)) {
            return None;
        }
        held.insert(key, HeldLease { delivery: delivery.clone(), lost: lost.clone() });
        drop(held);
        Some(Lease { delivery, lost, leases: self.clone() })
    }

    /// Everything in hand.
    pub(super) fn all(&self) -> Vec<Arc<Delivery>> {
        self.lock().values().map(|held_lease| held_lease.delivery.clone()).collect()
    }

    /// Cancels the work on what is lost; answers whether there still was some. A job that ended while the heartbeat was
    /// on its way is not held any more either, and nothing was lost.
    fn lose(&self, entry: &str) -> bool {
        self.lock().get(entry).is_some_and(|held_lease| {
            let new = !held_lease.lost.is_cancelled();
            held_lease.lost.cancel();
            new
        })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, HeldLease>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl HeldLease {
    /// Whether this very delivery is still worked on.
    fn is_run_of(&self, delivery: &Delivery) -> bool {
        self.delivery.number == delivery.number && !self.lost.is_cancelled()
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let mut held = self.leases.lock();
        let key = &self.delivery.entry;
        // The same entry may have come back to this consumer meanwhile.
        if held.get(key).is_some_and(|held_lease| Arc::ptr_eq(&held_lease.delivery, &self.delivery)) {
            held.remove(key);
        }
    }
}

impl Consumer {
    /// Renews until the last job is settled.
    pub(super) async fn renew(self: Arc<Self>, closed: CancellationToken) {
        let every = self.queue.config().lease / 3;
        while closed.run_until_cancelled(tokio::time::sleep(every)).await.is_some() {
            // Redis being away is logged where the connection is kept; the next heartbeat tries again. One that was not
            // confirmed may have gone to a master that was replaced: the next attempt goes to the new one.
            let renewed = self.queue.renew(&self.name, &self.leases).await;
            if renewed.is_err_and(|error| error.is_unconfirmed()) {
                let _ = self.queue.renew(&self.name, &self.leases).await;
            }
        }
    }
}

impl Queue {
    /// Renews every lease a consumer holds, and cancels the work on those it lost.
    pub(super) async fn renew(&self, consumer: &str, leases: &Leases) -> Result<(), QueueError> {
        static THROTTLE: LogThrottle = LogThrottle::new();
        for batch in leases.all().chunks(RENEWED_AT_ONCE) {
            let mut call = self.inner.scripts.heartbeat.prepare_invoke();
            call.key(self.inner.keys.stream()).arg(GROUP).arg(consumer);
            for delivery in batch {
                call.arg(&delivery.entry).arg(delivery.number);
            }
            let lost: Vec<String> = self.inner.redis.script_confirmed(&call).await?;
            let lost = lost.into_iter().filter(|entry| leases.lose(entry)).count();
            if lost > 0
                && let Some(suppressed) = THROTTLE.allow()
            {
                tracing::warn!(
                    lost,
                    suppressed,
                    "leases lost: somebody else has taken these deliveries over"
                );
            }
        }
        Ok(())
    }

    /// Ends the lease of a delivery now, so that the next sweep takes it over.
    pub(super) async fn expire_lease(&self, delivery: &Delivery) -> Result<(), QueueError> {
        let mut call = self.inner.scripts.expire_lease.prepare_invoke();
        call.key(self.inner.keys.stream());
        delivery.fence(&mut call).arg(millis(self.inner.config.lease));
        let _: String = self.inner.redis.script(&call).await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::domain::ids::{ApprovalId, JobId, PatientId};
    use crate::domain::message::Message;

    fn delivery(number: u64) -> Delivery {
        let message = Message {
            job: JobId::generate(),
            patient: PatientId(Uuid::from_u128(1)),
            approval: ApprovalId(Uuid::from_u128(2)),
            request: "r".parse().unwrap(),
            trace: None,
        };
        Delivery { message, accepted_ms: 0, entry: "1-0".into(), consumer: "w".into(), number }
    }

    #[test]
    fn a_delivery_in_hand_is_not_taken_once_more() {
        let leases = Leases::default();
        let first = leases.hold(delivery(1)).unwrap();
        assert!(leases.hold(delivery(1)).is_none());
        drop(first);
        assert!(
            leases.hold(delivery(1)).is_some(),
            "it ended, so whoever gives it out again has not heard of it"
        );
    }

    #[test]
    fn one_that_was_lost_may_come_back_and_does_not_take_the_new_one_along() {
        let leases = Leases::default();
        let lost = leases.hold(delivery(1)).unwrap();
        assert!(leases.lose("1-0"));
        let again = leases.hold(delivery(1)).unwrap();
        let later = leases.hold(delivery(2)).unwrap();
        drop((lost, again));
        assert_eq!(leases.all().iter().map(|held| held.number).collect::<Vec<_>>(), [2]);
        drop(later);
        assert!(leases.all().is_empty());
    }
}
