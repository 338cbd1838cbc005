//! *Reclaim*: takes over what a silent worker held, and quarantines what nobody can finish.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use super::deliveries::Deliveries;
use super::fetch::RawEntry;
use super::leased_job::LeasedJob;
use super::process::Consumer;
use crate::domain::clock::millis;
use crate::domain::outcome::{Outcome, Refusal};
use crate::queue::error::QueueError;
use crate::queue::eta::{ANNOUNCED_EVERY, FORGOTTEN_AFTER};
use crate::queue::keys::GROUP;

/// Longest time between two sweeps (± 20 %): with the lease's 30 s, what a dead worker held is taken over within 36 s,
/// even if the sweep itself is slow. The 5 s we began with were measured to miss that by 0.3 s.
pub(in crate::queue) const SWEEP: Duration = Duration::from_secs(4);

/// Time from a worker's start to its first sweep: if workers die fast, none lives long enough for a later one.
const FIRST_SWEEP: Duration = Duration::from_millis(300);

/// Entries taken over in one call.
const TAKEN_AT_ONCE: usize = 100;

/// Wait before the next entry on its last delivery is taken over, while others wait for it.
const BETWEEN_LAST_ONES: Duration = Duration::from_millis(50);

/// The cursor at the start and at the end of a sweep.
const START: &str = "0-0";

/// A worker that takes over what silent workers held.
#[derive(Debug, Clone)]
pub struct Sweeper {
    /// Its name in the group.
    pub consumer: Arc<str>,
    /// Whether it may take over an entry on its last delivery.
    pub may_take_a_last_one: bool,
    /// The latest time that Redis' clock can show unless it was set forward, milliseconds since the epoch.
    pub latest_ms: u64,
}

/// What one call took over.
pub(super) struct Reclaimed {
    cursor: String,
    pub(super) taken: Vec<RawEntry>,
    pub(super) aside: Vec<String>,
    /// Whether an entry on its last delivery was left because the sweeper may not take it now.
    left: bool,
    /// Why nothing was checked, if so.
    pub(super) hold: Hold,
}

/// Why leases may look expired although they are not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hold {
    /// No reason.
    None,
    /// Redis' clock was set forward.
    ClockWasSet,
    /// No worker was heard a moment ago.
    Unheard,
}

impl Consumer {
    /// Sweeps until told to stop.
    pub(super) async fn sweep(self: Arc<Self>, sender: mpsc::Sender<LeasedJob>) {
        let lease = self.deliveries.core.config.lease;
        let (mut link, mut pause) = (None, FIRST_SWEEP);
        while self.rest(pause).await {
            pause = SWEEP.min(lease / 2);
            if let Err(error) = self.recover_own(&sender).await {
                tracing::debug!(%error, "own deliveries not looked at, trying again with the next sweep");
            }
            // After an outage every live worker needs the time of one heartbeat to renew its leases.
            let link_now = self.deliveries.core.redis.generation();
            let was_away = match link.replace(link_now) {
                Some(before) => before != link_now,
                None => !self.redis_is_up_for(lease / 2).await,
            };
            if was_away && !self.rest(lease / 2).await {
                return;
            }
            // The same if Redis refused writes, for instance because of a full disk, or if its clock was set forward.
            if !self.is_settled_for(settling_time(lease)) {
                continue;
            }
            match self.sweep_once(&sender).await {
                Ok(left) if left => pause = BETWEEN_LAST_ONES,
                Ok(_) => {}
                Err(error) => {
                    self.recover(&error).await;
                    continue;
                }
            }
            if let Err(error) = self.tidy().await {
                tracing::debug!(%error, "audit postponed to the next sweep");
            }
        }
    }

    /// Whether Redis itself has run for this long. A server that does not tell, as in a cluster, counts as fresh.
    async fn redis_is_up_for(&self, time: Duration) -> bool {
        let mut ask = ::redis::cmd("INFO");
        ask.arg("server");
        let info: String = self.deliveries.core.redis.command(&ask).await.unwrap_or_default();
        let seconds =
            info.lines().find_map(|line| line.strip_prefix("uptime_in_seconds:")?.trim().parse().ok());
        seconds.is_some_and(|seconds| Duration::from_secs(seconds) >= time)
    }

    async fn tidy(&self) -> Result<(), QueueError> {
        self.deliveries.audit().await?;
        self.deliveries.remove_dead_consumers().await
    }

    /// One pass; returns whether entries on their last delivery are left for the next.
    async fn sweep_once(&self, sender: &mpsc::Sender<LeasedJob>) -> Result<bool, QueueError> {
        // This worker's own jobs must not look silent to it.
        self.deliveries.renew(&self.name, &self.leases).await?;
        let (mut cursor, mut left) = (START.to_owned(), false);
        loop {
            if self.stop.is_cancelled() || self.intake.is_paused() {
                return Ok(false);
            }
            // Takes only as much as can be worked on at once. With no slot free, one entry waits for the next slot, in
            // turn with fetched ones: even a full worker must not leave dead workers' jobs alone.
            let free = self.slots.available_permits().clamp(1, TAKEN_AT_ONCE);
            let taking = self.taking.lock().await;
            let reclaimed = self.deliveries.reclaim(&self.sweeper(), &cursor, free).await?;
            match reclaimed.hold {
                Hold::None => {}
                Hold::ClockWasSet => {
                    self.note_clock_set();
                    return Ok(false);
                }
                Hold::Unheard => return Ok(false),
            }
            note_reclaimed(&reclaimed);
            left |= reclaimed.left;
            // A worker that was frozen since it renewed finds its own entries here. It still works on them, under this
            // very number.
            let mut taken = reclaimed.taken;
            taken.retain(|entry| !self.leases.has(&entry.id));
            let held = self.hold(self.begin(taken).await?).await;
            drop(taking);
            self.dispatch_all(held, sender).await;
            if reclaimed.cursor == START {
                return Ok(left);
            }
            cursor = reclaimed.cursor;
        }
    }

    fn sweeper(&self) -> Sweeper {
        Sweeper {
            consumer: self.name.clone(),
            may_take_a_last_one: !self.holds_a_last_one(),
            latest_ms: self.clock.latest_ms(),
        }
    }

    /// Whether an entry on its last delivery is held already: a second one could be its victim, or its killer.
    fn holds_a_last_one(&self) -> bool {
        let allowed = self.deliveries.core.config.max_deliveries;
        self.leases.all().iter().any(|delivery| delivery.number > 1 && delivery.number >= allowed)
    }
}

/// The longest time in which every live worker renews its leases.
fn settling_time(lease: Duration) -> Duration {
    lease / 2 + ANNOUNCED_EVERY
}

fn note_reclaimed(reclaimed: &Reclaimed) {
    for entry in &reclaimed.aside {
        tracing::error!(entry, "job quarantined: delivered too often without an end");
    }
    if !reclaimed.taken.is_empty() {
        tracing::info!(
            entries = reclaimed.taken.len(),
            "jobs taken over from workers that no longer renew their leases"
        );
    }
}

impl Deliveries {
    pub(super) async fn reclaim(
        &self,
        sweeper: &Sweeper,
        cursor: &str,
        count: usize,
    ) -> Result<Reclaimed, QueueError> {
        let (keys, config) = (&self.core.keys, &self.core.config);
        let given_up = Outcome::Refused(Refusal::Quarantined);
        let result = given_up.result().map_err(|_| QueueError::Corrupt("an outcome is always JSON"))?;
        let mut call = self.core.scripts.reclaim.prepare_invoke();
        call.key(keys.stream()).key(keys.quarantine()).key(keys.live());
        call.key(keys.counts()).key(keys.failures()).key(keys.workers()).key(keys.eta());
        call.arg(GROUP)
            .arg(sweeper.consumer.as_ref())
            .arg(millis(config.lease))
            .arg(cursor)
            .arg(count)
            .arg(config.max_deliveries)
            .arg(keys.job_prefix())
            .arg(given_up.status_code())
            .arg(given_up.reason())
            .arg(result)
            .arg(millis(config.retention))
            .arg(keys.ended())
            .arg(u8::from(sweeper.may_take_a_last_one))
            .arg(sweeper.latest_ms)
            .arg(millis(FORGOTTEN_AFTER))
            .arg(millis(settling_time(config.lease)));
        let (cursor, taken, aside, left, hold): (_, _, _, _, u8) = self.core.redis.script(&call).await?;
        let hold = match hold {
            0 => Hold::None,
            1 => Hold::ClockWasSet,
            _ => Hold::Unheard,
        };
        Ok(Reclaimed { cursor, taken, aside, left, hold })
    }

    /// Quarantines an entry that is no message.
    pub(super) async fn quarantine(
        &self,
        consumer: &str,
        entry: &RawEntry,
        reason: &str,
    ) -> Result<(), QueueError> {
        let keys = &self.core.keys;
        let mut call = self.core.scripts.quarantine.prepare_invoke();
        call.key(keys.stream()).key(keys.quarantine()).key(keys.counts());
        call.arg(GROUP).arg(consumer).arg(&entry.id).arg(entry.number).arg(reason);
        let _: String = self.core.redis.script(&call).await?;
        Ok(())
    }
}
