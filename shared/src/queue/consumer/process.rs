//! One worker process as the queue knows it: its name in the group, its slots, what it holds, and its loops.

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

/// One worker process as the queue knows it.
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
    /// Held while entries come into the hands of this worker by other ways than a read, so that none comes by two at once, under
    /// two numbers.
    pub(super) taking: tokio::sync::Mutex<()>,
    /// When Redis last did not take what this worker says every second, or its clock was last seen set forward.
    disturbed: Mutex<Option<Instant>>,
}

impl Consumer {
    /// A worker of this name with so many slots, which fetches until `stop` is cancelled.
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

    /// Waits while the queue is paused; `false` once the stop was asked for.
    pub(super) async fn may_take(&self) -> bool {
        let _ = self.stop.run_until_cancelled(self.intake.resumed()).await;
        !self.stop.is_cancelled()
    }

    /// Notes that leases may look lapsed without being so: Redis did not take a write (it is away, its disk is full, or
    /// nobody confirms), or its clock was set forward.
    pub(super) fn note_disturbance(&self) {
        *self.disturbed.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    /// Notes that Redis' clock was set forward.
    pub(super) fn note_clock_set(&self) {
        tracing::warn!("Redis' clock jumped forward: no job is taken over for half a lease");
        self.note_disturbance();
    }

    /// Whether nothing was disturbed for this time: no less was there for every live worker to renew its leases.
    pub(super) fn is_settled_for(&self, time: Duration) -> bool {
        let disturbed = *self.disturbed.lock().unwrap_or_else(PoisonError::into_inner);
        disturbed.is_none_or(|disturbed| disturbed.elapsed() > time)
    }

    /// Hands back everything still in hand; answers how many. For the end of a stop's patience.
    pub async fn release_rest(&self) -> usize {
        let mut handed_back = 0;
        for delivery in self.leases.all() {
            handed_back += usize::from(self.deliveries.release(&delivery).await.unwrap_or(false));
        }
        handed_back
    }

    /// Waits until a slot is free and answers how many are.
    pub(super) async fn free_slots(&self) -> usize {
        // Never closed; taken and given back at once.
        drop(self.slots.acquire().await);
        self.slots.available_permits().max(1)
    }

    /// Gives a delivery to apalis once a slot is free, or back to the queue where the stop is asked for before.
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

    /// What can be done about a failed step: a group that is gone is made again, and the step may be repeated at
    /// once (`true`); anything else passes by itself.
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

    /// Rests for about this long; `false` when the stop was asked for meanwhile.
    pub(super) async fn rest(&self, pause: Duration) -> bool {
        let pause = pause.mul_f64(rand::random_range(0.8..1.2));
        self.stop.run_until_cancelled(tokio::time::sleep(pause)).await.is_some()
    }
}

/// How long a job waited for its first run, by Redis' clock for the past and ours for the moment since.
fn note_wait(delivery: &Delivery, read_at: Instant) {
    let waited = crate::domain::clock::now_ms().saturating_sub(delivery.accepted_ms);
    let since = read_at.elapsed();
    metrics::histogram!(metric::JOB_WAIT).record((Duration::from_millis(waited) + since).as_secs_f64());
}
