//! A job that a worker holds.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use tokio::sync::OwnedSemaphorePermit;
use tokio_util::sync::CancellationToken;

use crate::queue::delivery::Delivery;
use crate::redis::Redis;
use crate::telemetry::span::Span;

use super::lease::Lease;
use super::send::TakenCode;

/// A delivery being worked on: its lease is renewed and its slot taken until the last clone is dropped.
#[derive(Clone)]
pub struct LeasedJob(Arc<LeaseGuard>);

struct LeaseGuard {
    lease: Lease,
    span: Span,
    begun: OnceLock<Instant>,
    attempt: OnceLock<JobAttempt>,
    /// The generation of the connection to Redis at that time.
    link: u64,
    _slot: OwnedSemaphorePermit,
}

/// What a run reports for the log, the job's record and the phone's record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobAttempt {
    /// Its number, counting the runs before each retry.
    pub number: u32,
    /// The channel that the message was handed to, if it was.
    pub channel: Option<&'static str>,
    /// The code of its message, if it was made here and a gateway took the message.
    pub taken: Option<TakenCode>,
}

impl Default for JobAttempt {
    fn default() -> Self {
        Self { number: 1, channel: None, taken: None }
    }
}

impl LeasedJob {
    /// A worker starts on this delivery; `link` is the generation of the connection to Redis.
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

    /// The delivery, for the handler: its steps are children of this delivery's span. A retry keeps the trace it came
    /// with, so that the spans of all deliveries are siblings.
    pub fn traced(&self) -> Delivery {
        let mut delivery = self.delivery().clone();
        delivery.message.trace = self.span().or(delivery.message.trace.as_ref());
        delivery
    }

    /// The delivery's span.
    pub(super) fn span(&self) -> &Span {
        &self.0.span
    }

    /// Cancelled when the lease is lost: work on this delivery must stop.
    pub fn lost(&self) -> &CancellationToken {
        &self.0.lease.lost
    }

    /// Records the run's report; only the first call counts.
    pub fn note(&self, attempt: JobAttempt) {
        self.0.attempt.get_or_init(|| attempt);
    }

    /// The run's report.
    pub(super) fn attempt(&self) -> JobAttempt {
        self.0.attempt.get().cloned().unwrap_or_default()
    }

    /// Records that work on it begins: the wait before is not part of its run.
    pub fn begin(&self) {
        self.0.begun.get_or_init(Instant::now);
    }

    /// Records that its run is over and its end was not written.
    pub(super) fn note_unended(&self) {
        self.0.lease.note_unended();
    }

    /// How long its run has taken so far.
    pub(super) fn run(&self) -> Duration {
        self.0.begun.get().map_or(Duration::ZERO, Instant::elapsed)
    }

    /// Whether the connection to Redis lasted the whole run. A run during which Redis was away says nothing about how
    /// long others take.
    pub(super) fn is_undisturbed(&self, redis: &Redis) -> bool {
        self.0.link != 0 && self.0.link == redis.generation()
    }
}
