//! *Enqueue*: deduplication, admission, job record and stream entry in one round trip.

use super::role::Producer;
use crate::domain::clock::millis;
use crate::domain::ids::{ApprovalId, ClientId, IdempotencyKey, JobId, PatientId, RequestId, TraceParent};
use crate::domain::message::Message;
use crate::domain::outcome::Reason;
use crate::queue::error::QueueError;
use crate::queue::eta::still_ahead;
use crate::redis::ScriptArgs;
use crate::settings::ApprovalLimits;
use crate::telemetry::span::Span;

/// A request for a job.
#[derive(Debug, Clone)]
pub struct NewJob {
    /// The patient named in the request.
    pub patient: PatientId,
    /// The approval.
    pub approval: ApprovalId,
    /// The client, which alone may read the job.
    pub client: ClientId,
    /// The request's id.
    pub request: RequestId,
    /// Its trace.
    pub trace: Option<TraceParent>,
    /// Its idempotency key.
    pub idempotency: Option<IdempotencyKey>,
}

/// A job the client may poll.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AcceptedJob {
    /// Its id.
    pub job: JobId,
    /// When it is predicted to end, milliseconds since the epoch by Redis' clock.
    pub eta_ms: u64,
    /// Redis' clock at the moment of the answer, milliseconds since the epoch.
    pub now_ms: u64,
}

/// The result of *enqueue*.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Enqueued {
    /// A new job is stored.
    Accepted(AcceptedJob),
    /// The same client's job for this approval is still live.
    Live(AcceptedJob),
    /// The idempotency key was used before; this is its first job.
    Replayed(AcceptedJob),
    /// Another client's job for this approval is live.
    Foreign {
        /// When to try again, milliseconds since the epoch.
        next_attempt_ms: u64,
        /// Redis' clock now.
        now_ms: u64,
    },
    /// A limit of this approval or client is reached.
    Limited {
        /// The limit: `Cooldown`, `ApprovalHour` or `ClientJobs`.
        limit: Reason,
        /// When to try again, milliseconds since the epoch.
        next_attempt_ms: u64,
        /// Redis' clock now.
        now_ms: u64,
        /// The job whose message began a cool-down, if it is the same client's and can still be read.
        last_job: Option<JobId>,
    },
    /// The idempotency key was used for another path.
    KeyReused,
    /// The backlog is longer than a job may wait.
    Overloaded {
        /// By how much, milliseconds.
        retry_after_ms: u64,
    },
}

impl AcceptedJob {
    /// Whole seconds until the job will have ended, at least one: `Retry-After`.
    pub fn retry_after_seconds(&self) -> u64 {
        self.eta_ms.saturating_sub(self.now_ms).div_ceil(1_000).max(1)
    }
}

impl Producer {
    /// Stores a job under a new id and makes it visible to the workers, or returns why not.
    pub async fn enqueue(&self, new: &NewJob, limits: &ApprovalLimits) -> Result<Enqueued, QueueError> {
        self.enqueue_under(JobId::generate(), new, limits).await
    }

    /// The same under this id, which must be new.
    pub async fn enqueue_under(
        &self,
        job: JobId,
        new: &NewJob,
        limits: &ApprovalLimits,
    ) -> Result<Enqueued, QueueError> {
        self.core.durability.check()?;
        let keys = &self.core.keys;
        let config = &self.core.config;
        let span = Span::producer(&config.name, &job, new.trace.as_ref());
        let message = new.message(job.clone(), &span)?;
        let mut item = ScriptArgs::new()
            .key(keys.job(&job))
            .key(keys.patient(&new.patient))
            .key(keys.client_jobs(&new.client));
        if let Some(key) = &new.idempotency {
            item = item.key(keys.idempotency(&digest(&new.client, key)));
        }
        let item = item
            .arg(&job)
            .arg(message)
            .arg(new.approval)
            .arg(&new.client)
            .arg(new.patient)
            .arg(millis(limits.cooldown))
            .arg(limits.per_hour)
            .arg(limits.jobs_per_client_minute)
            .arg(u8::from(new.idempotency.is_some()));
        let answer: (String, String, f64, u64) = self.core.steps.enqueue.ask(item).await?;
        let (word, job, number, now_ms) = answer;
        let enqueued = read_answer(&word, &job, number, now_ms)?;
        span.result(enqueued.label());
        Ok(enqueued)
    }
}

/// A unique name for a client's idempotency key. Both are visible characters, so no two pairs share a name.
fn digest(client: &ClientId, key: &IdempotencyKey) -> String {
    format!("{client} {}", key.as_str())
}

impl NewJob {
    fn message(&self, job: JobId, span: &Span) -> Result<String, QueueError> {
        let message = Message {
            job,
            patient: self.patient,
            approval: self.approval,
            request: self.request.clone(),
            client: Some(self.client.clone()),
            trace: span.or(self.trace.as_ref()),
        };
        message.encode().map_err(|_| QueueError::Corrupt("a message of ids is always JSON"))
    }
}

impl Enqueued {
    /// The job the answer is about, if there is one that the client may read.
    pub fn job(&self) -> Option<&JobId> {
        match self {
            Self::Accepted(accepted) | Self::Live(accepted) | Self::Replayed(accepted) => Some(&accepted.job),
            Self::Limited { last_job, .. } => last_job.as_ref(),
            Self::Foreign { .. } | Self::KeyReused | Self::Overloaded { .. } => None,
        }
    }

    /// In one word, for the span.
    fn label(&self) -> &'static str {
        match self {
            Self::Accepted(_) => "accepted",
            Self::Live(_) => "live",
            Self::Replayed(_) => "replayed",
            Self::Foreign { .. } => "foreign",
            Self::Limited { limit, .. } => limit.as_str(),
            Self::KeyReused => "reused",
            Self::Overloaded { .. } => "overloaded",
        }
    }
}

fn read_answer(word: &str, job: &str, number: f64, now_ms: u64) -> Result<Enqueued, QueueError> {
    // Milliseconds since the epoch stay exact in a double until the year 287396.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let at = number.max(0.0) as u64;
    let ticket = || {
        let job = job.parse().map_err(|_| QueueError::Corrupt("a job id"))?;
        Ok::<_, QueueError>(AcceptedJob { job, eta_ms: at, now_ms })
    };
    let limited = |limit, last_job| Enqueued::Limited { limit, next_attempt_ms: at, now_ms, last_job };
    Ok(match word {
        "accepted" => Enqueued::Accepted(ticket()?),
        "live" => Enqueued::Live(AcceptedJob { eta_ms: still_ahead(at, now_ms), ..ticket()? }),
        "replayed" => Enqueued::Replayed(ticket()?),
        "foreign" => Enqueued::Foreign { next_attempt_ms: still_ahead(at, now_ms), now_ms },
        "cooldown" => limited(Reason::Cooldown, job.parse().ok()),
        "approval_hour" => limited(Reason::ApprovalHour, None),
        "client_jobs" => limited(Reason::ClientJobs, None),
        "reused" => Enqueued::KeyReused,
        "overloaded" => Enqueued::Overloaded { retry_after_ms: at },
        _ => return Err(QueueError::Corrupt("the answer of enqueue")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ticket(eta_ms: u64) -> AcceptedJob {
        AcceptedJob { job: JobId::generate(), eta_ms, now_ms: 10_000 }
    }

    #[test]
    fn retry_after_is_whole_seconds_and_at_least_one() {
        for (eta_ms, seconds) in [(0, 1), (10_000, 1), (10_001, 1), (11_000, 1), (11_001, 2), (70_000, 60)] {
            assert_eq!(ticket(eta_ms).retry_after_seconds(), seconds, "{eta_ms}");
        }
    }

    #[test]
    fn an_answer_no_script_of_ours_gives_is_an_error() {
        assert!(read_answer("perhaps", "", 0.0, 0).is_err());
        assert!(read_answer("accepted", "short", 0.0, 0).is_err());
    }
}
