//! One worker process as the queue sees it: its name in the group, its slots, its leases, and its loops.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Semaphore, mpsc};
use tokio_util::sync::CancellationToken;

use crate::telemetry::span::Span;
use crate::telemetry::{LogThrottle, metric};

use super::clock::RedisClock;
use super::deliveries::Deliveries;
use super::intake::{Intake, IntakeState};
use super::lease::{Lease, Leases};
use super::leased_job::LeasedJob;
use crate::queue::delivery::Delivery;
use crate::queue::error::QueueError;
use crate::queue::send_capacity::SendCapacity;

/// One worker process as the queue sees it.
pub struct Consumer {
    pub(super) deliveries: Deliveries,
    pub(super) name: Arc<str>,
    pub(super) slots: Arc<Semaphore>,
    pub(super) concurrency: usize,
    pub(super) leases: Leases,
    pub(super) stop: CancellationToken,
    pub(super) intake: IntakeState,
    pub(super) clock: RedisClock,
    pub(super) capacity: SendCapacity,
    /// Held while this worker takes entries other than by a read, so that it never takes one entry by two ways at once,
    /// under two numbers.
    pub(super) taking: tokio::sync::Mutex<()>,
    /// When Redis last failed to store this worker's announcement, or its clock was last found set forward.
    disturbed: Mutex<Option<Instant>>,
}

impl Consumer {
    /// A worker with this name and number of slots, which fetches until `stop` is cancelled.
    pub(super) fn new(
        deliveries: Deliveries,
        name: &str,
        concurrency: usize,
        stop: CancellationToken,
    ) -> Self {
        let slots = Arc::new(Semaphore::new(concurrency));
        Self {
            clock: RedisClock::new(deliveries.core.config.lease),
            capacity: deliveries.core.capacity.clone(),
            deliveries,
            name: name.into(),
            slots,
            concurrency,
            leases: Leases::default(),
            stop,
            intake: IntakeState::default(),
            taking: tokio::sync::Mutex::default(),
            disturbed: Mutex::default(),
        }
    }

    /// Whether it takes jobs, and if not, why.
    pub fn intake(&self) -> Intake {
        self.intake.get()
    }

    /// Waits while the queue is paused; `false` once the worker is told to stop.
    pub(super) async fn may_take(&self) -> bool {
        let _ = self.stop.run_until_cancelled(self.intake.resumed()).await;
        !self.stop.is_cancelled()
    }

    /// Records that leases may look expired although they are not: Redis did not store a write (it is away, its disk is
    /// full, or no replica confirms), or its clock was set forward.
    pub(super) fn note_disturbance(&self) {
        *self.disturbed.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    /// Records that Redis' clock was set forward.
    pub(super) fn note_clock_set(&self) {
        tracing::warn!("Redis' clock jumped forward: no job is taken over for half a lease");
        self.note_disturbance();
    }

    /// Whether there was no disturbance for this long, so that every live worker had the time to renew its leases.
    pub(super) fn is_settled_for(&self, time: Duration) -> bool {
        let disturbed = *self.disturbed.lock().unwrap_or_else(PoisonError::into_inner);
        disturbed.is_none_or(|disturbed| disturbed.elapsed() > time)
    }

    /// Releases everything still held; returns how much that was. For when a stop runs out of time.
    pub async fn release_rest(&self) -> usize {
        let mut handed_back = 0;
        for delivery in self.leases.all() {
            handed_back += usize::from(self.deliveries.release(&delivery).await.unwrap_or(false));
        }
        handed_back
    }

    /// Waits until a slot is free, and returns how many are free.
    pub(super) async fn free_slots(&self) -> usize {
        // The semaphore is never closed; the permit is returned at once.
        drop(self.slots.acquire().await);
        self.slots.available_permits().max(1)
    }

    /// Passes a delivery to apalis once a slot is free, or releases it if the worker is told to stop before.
    pub(super) async fn dispatch(&self, lease: Lease, read_at: Instant, sender: &mpsc::Sender<LeasedJob>) {
        let slot = self.stop.run_until_cancelled(self.slots.clone().acquire_owned()).await;
        // Never closed while a consumer lives.
        let Some(Ok(slot)) = slot else { return self.return_untouched(&lease).await };
        if lease.delivery.number == 1 {
            note_wait(&lease.delivery, read_at);
        }
        let link = self.deliveries.core.redis.generation();
        let (message, number) = (&lease.delivery.message, lease.delivery.number);
        let span =
            Span::consumer(&self.deliveries.core.config.name, &message.job, number, message.trace.as_ref());
        let held = LeasedJob::new(lease, span, link, slot);
        let _ = sender.send(held).await;
    }

    async fn return_untouched(&self, lease: &Lease) {
        static THROTTLE: LogThrottle = LogThrottle::new();
        if let Err(error) = self.deliveries.release(&lease.delivery).await
            && let Some(suppressed) = THROTTLE.allow()
        {
            let _entered = lease.delivery.log_span().entered();
            tracing::warn!(%error, suppressed, "job not released: another worker takes it over once its lease has expired");
        }
    }

    /// Recovers from a failed step if possible: creates a missing group again, after which the step may be repeated at
    /// once (`true`); any other error passes by itself.
    pub(super) async fn recover(&self, error: &QueueError) -> bool {
        if !error.is_no_group() {
            return false;
        }
        match self.deliveries.make_group().await {
            Ok(()) => tracing::info!("consumer group created: the queue is new, or was emptied"),
            Err(error) => {
                tracing::warn!(%error, "consumer group not created yet");
                return false;
            }
        }
        true
    }

    /// Sleeps for about this long; `false` if told to stop in the meantime.
    pub(super) async fn rest(&self, pause: Duration) -> bool {
        let pause = pause.mul_f64(rand::random_range(0.8..1.2));
        self.stop.run_until_cancelled(tokio::time::sleep(pause)).await.is_some()
    }
}

/// How long a job waited for its first run: by Redis' clock until it was read, and by ours since then.
fn note_wait(delivery: &Delivery, read_at: Instant) {
    let waited = crate::domain::clock::now_ms().saturating_sub(delivery.accepted_ms);
    let since = read_at.elapsed();
    metrics::histogram!(metric::JOB_WAIT).record((Duration::from_millis(waited) + since).as_secs_f64());
}
