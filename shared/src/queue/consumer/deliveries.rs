//! The steps that a worker's loops drive.

use std::sync::Arc;

use crate::queue::core::Core;

/// The steps of a delivery and of the queue's entries, each one script. Cheap to clone.
#[derive(Clone)]
pub struct Deliveries {
    pub(in crate::queue) core: Arc<Core>,
}

impl Deliveries {
    pub(in crate::queue) fn new(core: Arc<Core>) -> Self {
        Self { core }
    }
}
