//! Waiting for a job: for long polls, event streams, and a PATCH that waits for its result.

use std::time::Duration;

use metrics::{Gauge, gauge};
use shared::domain::ids::{ClientId, JobId};
use shared::queue::{JobNotifier, Subscription};
use shared::telemetry::metric;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::reader::{JobReader, ReadJob};
use crate::request::concurrency::{ClientPermit, ConcurrencyLimit, RequestPermit};
use crate::request::deadline::RequestDeadline;
use crate::responses::error::ApiError;

/// Lets clients wait for jobs.
#[derive(Clone)]
pub(crate) struct JobWaiter {
    notifier: JobNotifier,
    limit: ConcurrencyLimit,
    stopping: CancellationToken,
    waiting: Gauge,
}

/// One client's wait for one job, with a time limit.
pub(crate) struct Wait {
    subscription: Subscription,
    until: Instant,
    stopping: CancellationToken,
    waiting: Gauge,
    _permits: (RequestPermit, ClientPermit),
}

/// Why a wait returned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WakeUp {
    /// The job has changed.
    Changed,
    /// The time is up.
    TimeUp,
    /// The process is stopping.
    Stopping,
}

impl JobWaiter {
    pub(crate) fn new(notifier: JobNotifier, limit: ConcurrencyLimit, stopping: CancellationToken) -> Self {
        Self { notifier, limit, stopping, waiting: gauge!(metric::HTTP_WAITING) }
    }

    /// A wait of at most this long. `None` if too many clients wait already. Read the job after this call, so that its
    /// end is not missed.
    pub(crate) fn begin(&self, job: &JobId, client: &ClientId, limit: Duration) -> Option<Wait> {
        let permits = self.limit.acquire_for(client)?;
        self.waiting.increment(1);
        Some(Wait {
            subscription: self.notifier.wait_for(job),
            until: Instant::now() + limit,
            stopping: self.stopping.clone(),
            waiting: self.waiting.clone(),
            _permits: permits,
        })
    }

    /// This client's job: once it has ended, or as it is when the time is up or the process stops. If too many clients
    /// wait already, returns it at once. The second value is whether there was a wait.
    pub(crate) async fn for_end(
        &self,
        jobs: &JobReader,
        deadline: &RequestDeadline,
        (id, client): (&JobId, &ClientId),
        limit: Duration,
    ) -> Result<(ReadJob, bool), ApiError> {
        let wait = self.begin(id, client, limit);
        let mut read = jobs.owned(id, client).await?;
        let (None, Some(mut wait)) = (&read.job.end, wait) else { return Ok((read, false)) };
        let ended = async {
            loop {
                let wake_up = wait.woken().await;
                if wake_up == WakeUp::Stopping {
                    return Ok(read);
                }
                read = jobs.owned(id, client).await?;
                if read.job.end.is_some() || wake_up == WakeUp::TimeUp {
                    return Ok(read);
                }
            }
        };
        deadline.wait(limit, ended).await.map(|read| (read, true))
    }
}

impl Wait {
    /// Completes when the job should be read again, or when the wait is over.
    pub(crate) async fn woken(&mut self) -> WakeUp {
        tokio::select! {
            biased;
            () = self.stopping.cancelled() => WakeUp::Stopping,
            () = self.subscription.woken() => WakeUp::Changed,
            () = sleep_until(self.until) => WakeUp::TimeUp,
        }
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        self.waiting.decrement(1);
    }
}
