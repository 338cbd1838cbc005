//! The steps of workers, which their loops drive.

use std::sync::Arc;

use crate::queue::core::Core;

/// What may be done with a delivery, and with the entries of the queue: each a step of one script. Cheap to clone.
#[derive(Clone)]
pub struct Deliveries {
    pub(in crate::queue) core: Arc<Core>,
}

impl Deliveries {
    pub(in crate::queue) fn new(core: Arc<Core>) -> Self {
        Self { core }
    }
}
