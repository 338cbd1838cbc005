//! Waiting for a job on behalf of a client: for long polls, event streams, and a PATCH that waits for its result.

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

/// One client's wait for one job, until some time.
pub(crate) struct Wait {
    subscription: Subscription,
    until: Instant,
    stopping: CancellationToken,
    waiting: Gauge,
    _permits: (RequestPermit, ClientPermit),
}

/// Why a wait went on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WakeUp {
    /// Something happened to the job.
    Changed,
    /// The time is up.
    TimeUp,
    /// The process stops.
    Stopping,
}

impl JobWaiter {
    pub(crate) fn new(notifier: JobNotifier, limit: ConcurrencyLimit, stopping: CancellationToken) -> Self {
        Self { notifier, limit, stopping, waiting: gauge!(metric::HTTP_WAITING) }
    }

    /// A wait of at most so long. `None` where too many wait already. The job is to be read after this, so that its end
    /// is not missed.
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

    /// This client's job: once it has ended, or as it stands when the time is up or the process stops. Where too many
    /// wait already it is answered at once. The second value tells whether there was a wait.
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
    /// Completes when there is a reason to look at the job again, or none to wait on.
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
