//! A job in a worker's hands.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::OwnedSemaphorePermit;
use tokio_util::sync::CancellationToken;

use crate::queue::delivery::Delivery;
use crate::redis::Redis;
use crate::telemetry::span::Span;

use super::lease::Lease;

/// A delivery in hand: its lease is renewed and its slot taken until the last clone is dropped.
#[derive(Clone)]
pub struct LeasedJob(Arc<LeaseGuard>);

struct LeaseGuard {
    lease: Lease,
    span: Span,
    started: Instant,
    /// Which link to Redis there was then.
    link: u64,
    _slot: OwnedSemaphorePermit,
}

impl LeasedJob {
    /// A run of this delivery begins; `link` is the generation of the connection to Redis.
    pub(super) fn new(lease: Lease, span: Span, link: u64, slot: OwnedSemaphorePermit) -> Self {
        let started = Instant::now();
        Self(Arc::new(LeaseGuard { lease, span, started, link, _slot: slot }))
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

    /// How long it has been worked on.
    pub(super) fn run(&self) -> Duration {
        self.0.started.elapsed()
    }

    /// Whether the link to Redis has held all the time. A run that Redis was away from tells nothing of how long others
    /// will take.
    pub(super) fn is_undisturbed(&self, redis: &Redis) -> bool {
        self.0.link != 0 && self.0.link == redis.generation()
    }
}
