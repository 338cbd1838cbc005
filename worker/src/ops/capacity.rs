//! What one client may fill of Redis without breaking a limit (`deploy/capacity.md`).

use std::time::Duration;

/// Bytes of Redis that a finished job takes; a test holds the measured figure against it.
pub const BYTES_A_JOB: u64 = 1_200;

/// The same where each result is as large as one may be.
pub const MOST_BYTES_A_JOB: u64 = BYTES_A_JOB + 256 * 1024;

/// Jobs of one client that are kept at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OfOneClient {
    /// How many.
    pub jobs: u64,
}

impl OfOneClient {
    /// Of a client that has so many jobs accepted in every minute, each kept for so long.
    pub fn new(jobs_per_minute: u64, kept: Duration) -> Self {
        Self { jobs: jobs_per_minute.saturating_mul(kept.as_secs().div_ceil(60)) }
    }

    /// Their bytes in Redis.
    pub fn bytes(self) -> u64 {
        self.jobs.saturating_mul(BYTES_A_JOB)
    }

    /// The same where each result is as large as one may be.
    pub fn most_bytes(self) -> u64 {
        self.jobs.saturating_mul(MOST_BYTES_A_JOB)
    }
}
