//! *Finish*: the job's end, fenced by owner and delivery number.

use std::time::Duration;

use super::deliveries::Deliveries;
use super::leased_job::JobAttempt;
use crate::domain::job::JobState;
use crate::domain::outcome::Outcome;
use crate::queue::delivery::Delivery;
use crate::queue::error::QueueError;
use crate::queue::stored_result::pack;
use crate::redis::ScriptArgs;
use crate::runtime::fail_point;

/// The result of *finish*.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finished {
    /// The job ended with this outcome.
    Done {
        /// Predicted minus actual end, milliseconds.
        eta_error_ms: i64,
        /// When it ended by Redis' clock, milliseconds since the epoch.
        ended_ms: u64,
    },
    /// It had ended before, perhaps by this very delivery whose answer was lost.
    Before,
    /// The delivery belongs to another worker now: nothing was changed.
    Lost,
}

impl Deliveries {
    /// Ends the job with its outcome, confirmed by replicas like the send before it: an end that a fail-over threw away
    /// would have the job sent again. Predictions rest on the length of its run; `None`: this one says nothing of others.
    pub async fn finish(
        &self,
        delivery: &Delivery,
        outcome: &Outcome,
        run: impl Into<Option<Duration>>,
    ) -> Result<Finished, QueueError> {
        self.finish_attempt(delivery, outcome, run.into(), &JobAttempt::default()).await
    }

    /// The same after an attempt that handed the message to a channel, which is kept in the job's record. The code that a gateway
    /// took is activated whoever holds the delivery by now, for its message is on the phone.
    pub async fn finish_attempt(
        &self,
        delivery: &Delivery,
        outcome: &Outcome,
        run: Option<Duration>,
        attempt: &JobAttempt,
    ) -> Result<Finished, QueueError> {
        let (keys, job) = (&self.core.keys, &delivery.message.job);
        let result = outcome.result().map_err(|_| QueueError::Corrupt("an outcome is always JSON"))?;
        let taken = attempt.taken.as_ref();
        let phones = taken.map_or(&[][..], |code| &code.records);
        let item = phones.iter().fold(ScriptArgs::new().key(keys.job(job)), ScriptArgs::key);
        let item = delivery
            .fenced(item)
            .arg(job)
            .arg(delivery.message.path())
            .arg(&delivery.message.request)
            .arg(outcome.state().as_str())
            .arg(outcome.status_code())
            .arg(outcome.reason())
            .bytes(&pack(&result))
            .arg(counted(run))
            .arg(attempt.channel.unwrap_or_default())
            .arg(phones.len());
        let item = taken.into_iter().fold(item, |item, code| item.arg(code.offered_ms).arg(code.taken_ms));
        fail_point::hit(fail_point::BEFORE_FINISH, job).await;
        let (word, eta_ms, now_ms): (String, i64, i64) = self.core.steps.finish.ask(item).await?;
        if word == "finished" && self.core.redis.min_replicas() > 0 {
            self.core.mark_confirmed(job).await;
        }
        fail_point::hit(fail_point::AFTER_FINISH, job).await;
        Ok(match word.as_str() {
            "finished" => {
                Finished::Done { eta_error_ms: eta_ms - now_ms, ended_ms: u64::try_from(now_ms).unwrap_or(0) }
            }
            "ended" => Finished::Before,
            "lost" => Finished::Lost,
            _ => return Err(QueueError::Corrupt("the keys of a job, or the answer of finish")),
        })
    }
}

/// A run as the scripts take it: milliseconds, or empty where it is not to be counted.
pub(super) fn counted(run: Option<Duration>) -> String {
    run.map(|run| format!("{:.3}", run.as_secs_f64() * 1_000.0)).unwrap_or_default()
}

impl Outcome {
    /// The state a job with this outcome ends in.
    pub fn state(&self) -> JobState {
        match self {
            Self::Sent(_) => JobState::Processed,
            Self::Refused(_) => JobState::Failed,
        }
    }

    /// Why it failed, in one word; empty where it did not.
    pub(in crate::queue) fn reason(&self) -> &'static str {
        match self {
            Self::Sent(_) => "",
            Self::Refused(refusal) => refusal.reason().as_str(),
        }
    }

    /// What is kept for the client: `response_data`, or `error`.
    pub fn result(&self) -> Result<String, serde_json::Error> {
        match self {
            Self::Sent(data) => Ok(data.clone()),
            Self::Refused(refusal) => serde_json::to_string(&refusal.error()),
        }
    }
}
