//! How much of Redis one client can fill within its limits (`deploy/capacity.md`).

use std::time::Duration;

/// Bytes of Redis that a finished job takes; a test compares this with a measurement.
pub const BYTES_A_JOB: u64 = 1_200;

/// The same with results of the largest size.
pub const MOST_BYTES_A_JOB: u64 = BYTES_A_JOB + 256 * 1024;

/// Jobs of one client that are stored at one time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OfOneClient {
    /// Their number.
    pub jobs: u64,
}

impl OfOneClient {
    /// For a client with this many accepted jobs in every minute, each kept for this long.
    pub fn new(jobs_per_minute: u64, kept: Duration) -> Self {
        Self { jobs: jobs_per_minute.saturating_mul(kept.as_secs().div_ceil(60)) }
    }

    /// Their bytes in Redis.
    pub fn bytes(self) -> u64 {
        self.jobs.saturating_mul(BYTES_A_JOB)
    }

    /// The same with results of the largest size.
    pub fn most_bytes(self) -> u64 {
        self.jobs.saturating_mul(MOST_BYTES_A_JOB)
    }
}
