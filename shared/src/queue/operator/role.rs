//! The role of operators: the command line, the board, the metrics.

use std::sync::Arc;

use crate::queue::core::Core;

/// Looks at the whole queue and steers it. Cheap to clone.
#[derive(Clone)]
pub struct Operator {
    pub(in crate::queue) core: Arc<Core>,
}

impl Operator {
    pub(in crate::queue) fn new(core: Arc<Core>) -> Self {
        Self { core }
    }
}
