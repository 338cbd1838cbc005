//! Whether Redis, as configured, keeps accepted jobs, as far as this process knows.

use std::sync::atomic::{AtomicBool, Ordering};

use super::error::QueueError;

/// With `RESEND_STRICT` no job is accepted before the first check, nor while Redis would lose jobs.
pub(super) struct DurabilityMonitor {
    strict: bool,
    unsafe_now: AtomicBool,
}

impl DurabilityMonitor {
    pub(super) fn new(strict: bool) -> Self {
        Self { strict, unsafe_now: AtomicBool::new(strict) }
    }

    pub(super) fn is_strict(&self) -> bool {
        self.strict
    }

    /// Records whether Redis would lose jobs now.
    pub(super) fn note(&self, loses_jobs: bool) {
        self.unsafe_now.store(loses_jobs, Ordering::Relaxed);
    }

    pub(super) fn check(&self) -> Result<(), QueueError> {
        if self.strict && self.unsafe_now.load(Ordering::Relaxed) { Err(QueueError::Unsafe) } else { Ok(()) }
    }
}
