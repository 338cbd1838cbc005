//! Single jobs as an operator sees them: their state, never their result.

use std::time::Duration;

use super::role::Operator;
use crate::domain::ids::JobId;
use crate::domain::job::JobState;
use crate::queue::error::QueueError;
use crate::queue::keys::GROUP;

/// Jobs read in one call.
const LOOKED_AT_ONCE: usize = 200;

/// The state of a job, one step finer than in its record: waiting and running are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// In the stream, not taken by a worker yet.
    Ready,
    /// Held by a worker, before its send.
    Running,
    /// Its send has begun.
    Sending,
    /// Scheduled for its next try.
    Scheduled,
    /// Ended with an SMS.
    Processed,
    /// Ended without an SMS.
    Failed,
}

/// A job for its operators. It has no name, no phone number and no code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobStatus {
    /// Its id.
    pub job: JobId,
    /// Its state.
    pub progress: Progress,
    /// The client that requested it.
    pub client: String,
    /// `patient_id` of the request.
    pub patient: String,
    /// Its approval.
    pub approval: String,
    /// When it was accepted, milliseconds since the epoch.
    pub accepted_ms: u64,
    /// No SMS starts after this, milliseconds since the epoch.
    pub deadline_ms: u64,
    /// Its predicted end, milliseconds since the epoch.
    pub eta_ms: u64,
    /// Messages that are out, or may be out.
    pub sends: u64,
    /// When its next try is due, milliseconds since the epoch.
    pub due_ms: Option<u64>,
    /// How it ended.
    pub status_code: Option<u16>,
    /// The request that created it.
    pub request: Option<String>,
    /// Why it failed: the reason its client reads.
    pub reason: Option<String>,
    /// How often its message was handed to a gateway, whatever the answer was.
    pub handed: u64,
    /// The channel it was handed to last.
    pub channel: Option<String>,
    /// Why its last try did not end it.
    pub cause: Option<String>,
    /// Runs after which it was scheduled again.
    pub tries: u64,
    /// When it ended, milliseconds since the epoch.
    pub ended_ms: Option<u64>,
    /// The worker that runs it.
    pub worker: Option<String>,
    /// Time since that worker's last heartbeat for it.
    pub heartbeat: Option<Duration>,
    /// How often it was delivered to a worker since it last became ready.
    pub deliveries: Option<u64>,
}

impl Progress {
    /// Every state, in the order a job may pass them.
    pub const ALL: [Self; 6] =
        [Self::Ready, Self::Running, Self::Sending, Self::Scheduled, Self::Processed, Self::Failed];

    /// Its name for operators.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Running => "running",
            Self::Sending => "sending",
            Self::Scheduled => "scheduled",
            Self::Processed => "processed",
            Self::Failed => "failed",
        }
    }

    fn of(state: JobState, in_hand: bool) -> Self {
        match state {
            JobState::Queued if in_hand => Self::Running,
            JobState::Queued => Self::Ready,
            JobState::Scheduled => Self::Scheduled,
            JobState::Sending => Self::Sending,
            JobState::Processed => Self::Processed,
            JobState::Failed => Self::Failed,
        }
    }
}

impl Operator {
    /// One job, or `None` where there is none (any more).
    pub async fn status_of(&self, job: &JobId) -> Result<Option<JobStatus>, QueueError> {
        Ok(self.describe(std::slice::from_ref(job)).await?.pop())
    }

    /// The newest failed jobs, at most `limit`; the last thousand are known.
    pub async fn newest_failures(&self, limit: usize) -> Result<Vec<JobStatus>, QueueError> {
        let mut newest = ::redis::cmd("LRANGE");
        newest.arg(self.core.keys.failures()).arg(0).arg(limit.saturating_sub(1));
        let newest: Vec<String> = self.core.redis.command(&newest).await?;
        let newest: Vec<JobId> = newest.iter().filter_map(|id| id.parse().ok()).collect();
        let mut found = Vec::new();
        for jobs in newest.chunks(LOOKED_AT_ONCE) {
            found.extend(self.describe(jobs).await?);
        }
        Ok(found)
    }

    /// Those jobs that have a record.
    pub(super) async fn describe(&self, jobs: &[JobId]) -> Result<Vec<JobStatus>, QueueError> {
        let mut call = self.core.scripts.describe.prepare_invoke();
        call.key(self.core.keys.stream());
        for job in jobs {
            call.key(self.core.keys.job(job));
        }
        call.arg(GROUP);
        let rows: Vec<Vec<String>> = self.core.redis.script(&call).await?;
        jobs.iter().zip(rows).filter_map(|(job, row)| read_row(job, row).transpose()).collect()
    }
}

fn read_row(job: &JobId, row: Vec<String>) -> Result<Option<JobStatus>, QueueError> {
    let Ok(row) = <[String; 20]>::try_from(row) else {
        return Err(QueueError::Corrupt("the answer of describe"));
    };
    let [
        state,
        client,
        patient,
        approval,
        accepted,
        deadline,
        eta,
        sends,
        due,
        status,
        request,
        reason,
        handed,
        channel,
        cause,
        tries,
        ended,
        worker,
        idle,
        deliveries,
    ] = row;
    if state.is_empty() {
        return Ok(None);
    }
    let state: JobState = state.parse().map_err(|_| QueueError::Corrupt("a job's state"))?;
    let number = |text: &str| text.parse::<u64>().ok();
    let some = |text: String| Some(text).filter(|text| !text.is_empty());
    Ok(Some(JobStatus {
        job: job.clone(),
        progress: Progress::of(state, !worker.is_empty()),
        client,
        patient,
        approval,
        accepted_ms: number(&accepted).unwrap_or(0),
        deadline_ms: number(&deadline).unwrap_or(0),
        eta_ms: number(&eta).unwrap_or(0),
        sends: number(&sends).unwrap_or(0),
        due_ms: number(&due).filter(|_| state == JobState::Scheduled),
        status_code: status.parse().ok(),
        request: some(request),
        reason: some(reason),
        handed: number(&handed).unwrap_or(0),
        channel: some(channel),
        cause: some(cause),
        tries: number(&tries).unwrap_or(0),
        ended_ms: number(&ended),
        worker: some(worker),
        heartbeat: number(&idle).map(Duration::from_millis),
        deliveries: number(&deliveries),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(state: &str, worker: &str) -> Vec<String> {
        let story = ["r", "", "2", "http", "status 503", "1", ""];
        let record = ["c", "p", "a", "1000", "301000", "2000", "0", "5000", ""];
        [&record[..], &story, &[worker, "70", "1"]]
            .concat()
            .into_iter()
            .fold(vec![state.to_owned()], |row, field| [row, vec![field.to_owned()]].concat())
    }

    #[test]
    fn waiting_and_being_worked_on_are_told_apart() {
        let job = JobId::generate();
        for (state, worker, expected) in [
            ("queued", "", Progress::Ready),
            ("queued", "w1", Progress::Running),
            ("sending", "w1", Progress::Sending),
            ("failed", "", Progress::Failed),
        ] {
            assert_eq!(read_row(&job, row(state, worker)).unwrap().unwrap().progress, expected);
        }
    }

    #[test]
    fn a_record_that_is_gone_is_no_job_and_nonsense_is_an_error() {
        let job = JobId::generate();
        assert_eq!(read_row(&job, row("", "")).unwrap(), None);
        assert!(read_row(&job, row("lost", "")).is_err() && read_row(&job, Vec::new()).is_err());
    }

    #[test]
    fn only_a_scheduled_job_is_due() {
        let job = JobId::generate();
        let due = |state| read_row(&job, row(state, "")).unwrap().unwrap().due_ms;
        assert_eq!((due("scheduled"), due("queued")), (Some(5_000), None));
    }
}
