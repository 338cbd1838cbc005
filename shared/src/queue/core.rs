//! What all roles of the queue share: the connection, the keys, the times, and the scripts.

use std::sync::Arc;

use super::durability::DurabilityMonitor;
use super::keys::Keys;
use super::scripts::{Scripts, Steps};
use super::send_capacity::SendCapacity;
use crate::redis::Redis;
use crate::settings::QueueConfig;

/// One per connection.
pub(super) struct Core {
    pub(super) redis: Redis,
    pub(super) keys: Keys,
    pub(super) config: QueueConfig,
    pub(super) scripts: Scripts,
    pub(super) steps: Steps,
    pub(super) durability: Arc<DurabilityMonitor>,
    pub(super) capacity: SendCapacity,
}

impl Core {
    pub(super) fn new(
        redis: Redis,
        config: QueueConfig,
        durability: Arc<DurabilityMonitor>,
        capacity: SendCapacity,
    ) -> Self {
        let keys = Keys::new(&config.name);
        let scripts = Scripts::new();
        let steps = Steps::new(&redis, &keys, &config);
        Self { redis, keys, config, scripts, steps, durability, capacity }
    }
}
