//! Leases on the deliveries that a worker holds.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;

use crate::queue::delivery::Delivery;

/// How many runs without an end are remembered, newest first. Panics are rare, and a forgotten one costs at most one
/// count.
const UNENDED_KEPT: usize = 1_000;

/// The deliveries that one consumer holds.
#[derive(Clone, Default)]
pub(super) struct Leases {
    held: Arc<Mutex<HashMap<String, HeldLease>>>,
    /// Entry and delivery number of runs that began here and recorded no end.
    unended: Arc<Mutex<VecDeque<(String, u64)>>>,
}

struct HeldLease {
    delivery: Arc<Delivery>,
    lost: CancellationToken,
}

/// A delivery whose lease is renewed until this is dropped. Its token is cancelled when the lease is lost, so that the
/// work stops before it does harm; the fence in the scripts is the second line of defence.
pub(super) struct Lease {
    pub(super) delivery: Arc<Delivery>,
    pub(super) lost: CancellationToken,
    leases: Leases,
}

impl Leases {
    /// Registers a delivery. `None` if it is registered already: a promoted master that missed the read delivers it
    /// again under the same number, so no fence tells the two runs apart.
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

    /// Whether an entry is being worked on.
    pub(super) fn has(&self, entry: &str) -> bool {
        self.lock().get(entry).is_some_and(|noted| !noted.lost.is_cancelled())
    }

    /// All deliveries held.
    pub(super) fn all(&self) -> Vec<Arc<Delivery>> {
        self.lock().values().map(|held_lease| held_lease.delivery.clone()).collect()
    }

    /// Cancels the work on a lost entry; returns whether there was any. A job that ended during the heartbeat is not
    /// held any more either, but nothing was lost.
    pub(super) fn lose(&self, entry: &str) -> bool {
        self.lock().get(entry).is_some_and(|held_lease| {
            let new = !held_lease.lost.is_cancelled();
            held_lease.lost.cancel();
            new
        })
    }

    /// Whether this delivery was run here before without recording an end: running it again is another run, which
    /// counts.
    pub(super) fn has_run(&self, entry: &str, number: u64) -> bool {
        self.unended().iter().any(|(run, its_number)| run == entry && *its_number == number)
    }

    fn unended(&self) -> MutexGuard<'_, VecDeque<(String, u64)>> {
        self.unended.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, HeldLease>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lease {
    /// Records that its run is over and its end was not written.
    pub(super) fn note_unended(&self) {
        let mut unended = self.leases.unended();
        unended.truncate(UNENDED_KEPT - 1);
        unended.push_front((self.delivery.entry.clone(), self.delivery.number));
    }
}

impl HeldLease {
    /// Whether this very delivery is still being worked on.
    fn is_run_of(&self, delivery: &Delivery) -> bool {
        self.delivery.number == delivery.number && !self.lost.is_cancelled()
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let mut held = self.leases.lock();
        let key = &self.delivery.entry;
        // The same entry may have come back to this consumer in the meantime.
        if held.get(key).is_some_and(|held_lease| Arc::ptr_eq(&held_lease.delivery, &self.delivery)) {
            held.remove(key);
        }
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
            client: None,
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
    fn a_run_without_an_end_is_remembered_by_its_number_and_the_oldest_is_forgotten() {
        let leases = Leases::default();
        leases.hold(delivery(1)).unwrap().note_unended();
        assert!(leases.has_run("1-0", 1) && !leases.has_run("1-0", 2) && !leases.has_run("2-0", 1));
        (0..UNENDED_KEPT).for_each(|_| leases.hold(delivery(2)).unwrap().note_unended());
        assert!(leases.has_run("1-0", 2) && !leases.has_run("1-0", 1));
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
