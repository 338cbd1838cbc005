//! A handle to the queue, from which each role is taken.

use std::sync::Arc;

use super::consumer::Deliveries;
use super::core::Core;
use super::durability::DurabilityMonitor;
use super::job_store::JobStore;
use super::keys::Keys;
use super::operator::Operator;
use super::producer::Producer;
use super::send_capacity::SendCapacity;
use crate::redis::Redis;
use crate::settings::QueueConfig;

/// A handle to the queue; cheap to clone.
#[derive(Clone)]
pub struct Queue {
    core: Arc<Core>,
    producer: Producer,
    deliveries: Deliveries,
    job_store: JobStore,
    operator: Operator,
}

impl Queue {
    /// A queue with these settings.
    pub fn new(redis: Redis, config: QueueConfig) -> Self {
        let durability = Arc::new(DurabilityMonitor::new(config.strict));
        Self::over(Core::new(redis, config, durability, SendCapacity::default()))
    }

    /// The same queue over a separate connection (see [`Redis::with_own_connection`]). Both share what either learns of
    /// Redis' durability.
    #[must_use]
    pub fn with_own_connection(&self) -> Self {
        let core = &self.core;
        let redis = core.redis.with_own_connection();
        Self::over(Core::new(redis, core.config.clone(), core.durability.clone(), core.capacity.clone()))
    }

    fn over(core: Core) -> Self {
        let core = Arc::new(core);
        Self {
            producer: Producer::new(core.clone()),
            deliveries: Deliveries::new(core.clone()),
            job_store: JobStore::new(core.clone()),
            operator: Operator::new(core.clone()),
            core,
        }
    }

    /// Accepts jobs.
    pub fn producer(&self) -> &Producer {
        &self.producer
    }

    /// The steps of a job that was delivered to a worker.
    pub fn deliveries(&self) -> &Deliveries {
        &self.deliveries
    }

    /// Reads jobs for their clients.
    pub fn job_store(&self) -> &JobStore {
        &self.job_store
    }

    /// Shows the whole queue, and controls it.
    pub fn operator(&self) -> &Operator {
        &self.operator
    }

    /// Its connection.
    pub fn redis(&self) -> &Redis {
        &self.core.redis
    }

    /// Its keys.
    pub fn keys(&self) -> &Keys {
        &self.core.keys
    }

    /// Its times.
    pub fn config(&self) -> &QueueConfig {
        &self.core.config
    }

    /// What this process' channels can take; it is announced with the worker.
    pub fn send_capacity(&self) -> &SendCapacity {
        &self.core.capacity
    }
}
