//! The role that accepts jobs.

use std::sync::Arc;

use crate::queue::core::Core;

/// Accepts jobs. Cheap to clone.
#[derive(Clone)]
pub struct Producer {
    pub(in crate::queue) core: Arc<Core>,
}

impl Producer {
    pub(in crate::queue) fn new(core: Arc<Core>) -> Self {
        Self { core }
    }
}
