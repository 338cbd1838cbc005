//! A job in a worker's hands.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use tokio::sync::OwnedSemaphorePermit;
use tokio_util::sync::CancellationToken;

use crate::queue::delivery::Delivery;
use crate::redis::Redis;
use crate::telemetry::span::Span;

use super::lease::Lease;
use super::send::TakenCode;

/// A delivery in hand: its lease is renewed and its slot taken until the last clone is dropped.
#[derive(Clone)]
pub struct LeasedJob(Arc<LeaseGuard>);

struct LeaseGuard {
    lease: Lease,
    span: Span,
    begun: OnceLock<Instant>,
    attempt: OnceLock<JobAttempt>,
    /// Which link to Redis there was then.
    link: u64,
    _slot: OwnedSemaphorePermit,
}

/// What a run of a job tells of itself, for the log, the job's record and that of its phone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobAttempt {
    /// Its number, those of jobs put back before included.
    pub number: u32,
    /// The channel that the message was handed to, where it was handed over.
    pub channel: Option<&'static str>,
    /// The code of its message, where a gateway took it and it was made here.
    pub taken: Option<TakenCode>,
}

impl Default for JobAttempt {
    fn default() -> Self {
        Self { number: 1, channel: None, taken: None }
    }
}

impl LeasedJob {
    /// A worker takes this delivery; `link` is the generation of the connection to Redis.
    pub(super) fn new(lease: Lease, span: Span, link: u64, slot: OwnedSemaphorePermit) -> Self {
        Self(Arc::new(LeaseGuard {
            lease,
            span,
            begun: OnceLock::new(),
            attempt: OnceLock::new(),
            link,
            _slot: slot,
        }))
    }

    /// The delivery.
    pub fn delivery(&self) -> &Delivery {
        &self.0.lease.delivery
    }

    /// The delivery for who works on it: what is done hangs below this delivery's span. What is put back into the queue
    /// keeps the trace it came with, so that the spans of all deliveries stand side by side.
    pub fn traced(&self) -> Delivery {
        let mut delivery = self.delivery().clone();
        delivery.message.trace = self.span().or(delivery.message.trace.as_ref());
        delivery
    }

    /// The delivery's span.
    pub(super) fn span(&self) -> &Span {
        &self.0.span
    }

    /// Cancelled when the lease is lost: work on this delivery is to stop.
    pub fn lost(&self) -> &CancellationToken {
        &self.0.lease.lost
    }

    /// Notes what its run told of itself; the first time counts.
    pub fn note(&self, attempt: JobAttempt) {
        self.0.attempt.get_or_init(|| attempt);
    }

    /// What its run told of itself.
    pub(super) fn attempt(&self) -> JobAttempt {
        self.0.attempt.get().cloned().unwrap_or_default()
    }

    /// Notes that work on it begins: what it waited before that is no part of its run.
    pub fn begin(&self) {
        self.0.begun.get_or_init(Instant::now);
    }

    /// Notes that its run is over and its end was not written.
    pub(super) fn note_unended(&self) {
        self.0.lease.note_unended();
    }

    /// How long it has been worked on.
    pub(super) fn run(&self) -> Duration {
        self.0.begun.get().map_or(Duration::ZERO, Instant::elapsed)
    }

    /// Whether the link to Redis has held all the time. A run that Redis was away from tells nothing of how long others
    /// will take.
    pub(super) fn is_undisturbed(&self, redis: &Redis) -> bool {
        self.0.link != 0 && self.0.link == redis.generation()
    }
}
