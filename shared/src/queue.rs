//! The queue: what may be done with a job, each step one script in one round trip, so that nothing is ever half done.
//!
//! A job is *enqueued* by the API, *fetched* by a worker, which holds it under a lease kept alive by heartbeats,
//! *begins its send*, and *finishes*; or it is put back to be *retried later*. Every step after the fetch is fenced:
//! it changes nothing unless the caller still owns this very delivery.

mod ack;
mod activity;
mod audit;
mod backend;
mod clock;
mod consumer;
mod durability;
mod enqueue;
mod eta;
mod fetch;
mod finish;
mod gauges;
mod group;
mod history;
mod inspect;
mod intake;
mod keys;
mod lease;
mod notifier;
mod operate;
mod reclaim;
mod recovery;
mod schedule;
mod scripts;
mod send;
mod send_capacity;
mod upstream_reports;

use std::sync::Arc;

pub use ack::{AckLayer, JobDisposition};
pub use activity::OperatorAction;
pub use backend::Backend;
pub use consumer::{Consumer, LeasedJob};
pub use enqueue::{AcceptedJob, Enqueued, NewJob};
pub use eta::still_ahead;
pub use finish::Finished;
pub use gauges::Gauges;
pub use history::Minute;
pub use inspect::{JobStatus, Overview, Progress, QuarantineId, Quarantined, WorkerStatus};
pub use intake::Intake;
pub use keys::Keys;
pub use notifier::{JobNotifier, Subscription};
pub use operate::{Cancelled, Restored, RetriedNow};
pub use schedule::PutBack;
pub(crate) use send::{MAX_BELIEVED, MAX_OPEN};
pub use send::{SendCounts, SendSettlement};
pub use send_capacity::SendCapacity;
pub use upstream_reports::ProcessReport;

use crate::domain::message::Message;
use crate::redis::{Redis, RedisError};
use crate::settings::QueueConfig;
use durability::DurabilityMonitor;
use scripts::{Scripts, Steps};

/// The consumer group all workers read through.
pub const GROUP: &str = "workers";

/// A handle to the queue; cheap to clone.
#[derive(Clone)]
pub struct Queue {
    inner: Arc<Inner>,
}

struct Inner {
    redis: Redis,
    keys: Keys,
    config: QueueConfig,
    scripts: Scripts,
    steps: Steps,
    guard: Arc<DurabilityMonitor>,
    capacity: SendCapacity,
}

/// One delivery of a job to one worker: the right to act on it until it is settled or the lease is lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// What is to be done.
    pub message: Message,
    /// When the job was accepted, milliseconds since the epoch by Redis' clock.
    pub accepted_ms: u64,
    /// The stream entry.
    pub entry: String,
    /// Who it was delivered to: the fence's first half.
    pub consumer: Arc<str>,
    /// How often the entry was delivered, from 1: the fence's second half.
    pub number: u64,
}

/// Why a step of the queue was not done.
#[derive(Debug, thiserror::Error)]
pub enum QueueError {
    /// Redis did not do it.
    #[error(transparent)]
    Redis(#[from] RedisError),
    /// Redis answered what no script of ours answers.
    #[error("the queue's records are not as this build writes them: {0}")]
    Corrupt(&'static str),
    /// `RESEND_STRICT` is set, and Redis would lose or evict what it is given, or was not looked at yet.
    #[error("redis would lose accepted jobs as it is set up, and RESEND_STRICT refuses that")]
    Unsafe,
}

impl Queue {
    /// A queue under these names.
    pub fn new(redis: Redis, config: QueueConfig) -> Self {
        let guard = Arc::new(DurabilityMonitor::new(config.strict));
        Self::over(redis, config, guard, SendCapacity::default())
    }

    /// The same queue over a connection of its own (see [`Redis::with_own_connection`]). Both know what either learns of Redis' durability.
    #[must_use]
    pub fn with_own_connection(&self) -> Self {
        let inner = &self.inner;
        let redis = inner.redis.with_own_connection();
        Self::over(redis, inner.config.clone(), inner.guard.clone(), inner.capacity.clone())
    }

    fn over(
        redis: Redis,
        config: QueueConfig,
        guard: Arc<DurabilityMonitor>,
        capacity: SendCapacity,
    ) -> Self {
        let keys = Keys::new(&config.name);
        let scripts = Scripts::new();
        let steps = Steps::new(&redis, &keys, &config);
        Self { inner: Arc::new(Inner { redis, keys, config, scripts, steps, guard, capacity }) }
    }

    /// The connection it works over.
    pub fn redis(&self) -> &Redis {
        &self.inner.redis
    }

    /// Its names.
    pub fn keys(&self) -> &Keys {
        &self.inner.keys
    }

    /// Its times.
    pub fn config(&self) -> &QueueConfig {
        &self.inner.config
    }

    /// What this process' channels can take; what is set there is announced with its worker.
    pub fn send_capacity(&self) -> &SendCapacity {
        &self.inner.capacity
    }

    fn steps(&self) -> &Steps {
        &self.inner.steps
    }
}
