//! The role of operators: used by the command line, the board and the metrics.

use std::sync::Arc;

use crate::queue::core::Core;

/// Shows the whole queue and controls it. Cheap to clone.
#[derive(Clone)]
pub struct Operator {
    pub(in crate::queue) core: Arc<Core>,
}

impl Operator {
    pub(in crate::queue) fn new(core: Arc<Core>) -> Self {
        Self { core }
    }
}
