//! The "Server decision" of the specification: whether a PATCH waits for its job, and what it answers if the job ends
//! in time (contract, section 2).

use std::time::Duration;

use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use serde_json::value::RawValue;
use shared::domain::ids::JobId;
use shared::domain::job::{JobEnd, JobState};
use shared::domain::outcome::Reason;
use shared::queue::AcceptedJob;

use crate::config::{SyncConfig, SyncPolicy};
use crate::jobs::reader::ReadJob;
use crate::request::context::RequestContext;
use crate::request::preferences::Preferences;
use crate::responses::envelope;
use crate::responses::error::ApiError;
use crate::routes::extractors::authorized::{ApprovalCreate, Authorized};
use crate::state::AppState;

/// The part of a job's `error` that is needed here.
#[derive(Deserialize)]
struct JobError {
    reason: Reason,
    message: String,
}

/// The result of a wait.
#[derive(Default)]
pub(super) struct WaitResult {
    /// Whether there was a wait: the job may have ended before, or too many clients may be waiting.
    pub(super) at_all: bool,
    /// The job's own answer. `None` if the job did not end in time or cannot be read now; it is accepted in either
    /// case.
    pub(super) answer: Option<Result<Response, ApiError>>,
}

/// How long to wait for the job; `None` to answer 202 at once.
pub(super) fn decide(
    config: &SyncConfig,
    preferences: Preferences,
    ticket: &AcceptedJob,
) -> Option<Duration> {
    let predicted = Duration::from_millis(ticket.eta_ms.saturating_sub(ticket.now_ms));
    let limit = match (config.policy, preferences.wait) {
        _ if preferences.respond_async => None,
        (SyncPolicy::Refusals, _) => Some(config.max_wait),
        (SyncPolicy::Never, _) | (SyncPolicy::Prefer, None) => None,
        (SyncPolicy::Prefer | SyncPolicy::Auto, Some(wait)) => Some(wait.min(config.max_wait)),
        (SyncPolicy::Auto, None) => (predicted <= config.max_wait).then_some(config.max_wait),
    };
    limit.filter(|limit| !limit.is_zero())
}

/// Whether the client asked for the wait, rather than the policy alone.
pub(super) fn is_asked_for(config: &SyncConfig, preferences: Preferences) -> bool {
    config.policy != SyncPolicy::Refusals && preferences.wait.is_some()
}

/// Waits for the job's own answer.
pub(super) async fn wait_for_answer(
    app: &AppState,
    call: &Authorized<ApprovalCreate>,
    job: &JobId,
    limit: Duration,
) -> WaitResult {
    let owner = (job, &call.principal.client);
    match app.waiter.for_end(&app.jobs, &call.deadline, owner, limit).await {
        Ok((read, at_all)) => WaitResult { at_all, answer: own_answer(&read, &app.sync, &call.context) },
        Err(_) => WaitResult::default(),
    }
}

fn own_answer(
    read: &ReadJob,
    config: &SyncConfig,
    context: &RequestContext,
) -> Option<Result<Response, ApiError>> {
    let end = read.job.end.as_ref()?;
    if read.job.state != JobState::Processed {
        return Some(Err(refused(end, read.now_ms)));
    }
    (config.policy != SyncPolicy::Refusals).then(|| sent(end, context))
}

fn sent(end: &JobEnd, context: &RequestContext) -> Result<Response, ApiError> {
    let approval: &RawValue = serde_json::from_str(&end.result).map_err(|_| ApiError::Internal)?;
    envelope::success(StatusCode::CREATED, approval, context)
}

fn refused(end: &JobEnd, now_ms: u64) -> ApiError {
    let (status, error) = (StatusCode::from_u16(end.status_code), serde_json::from_str(&end.result));
    let (Ok(status), Ok(JobError { reason, message })) = (status, error) else { return ApiError::Internal };
    ApiError::JobFailed { status, reason, message, now_ms }
}

#[cfg(test)]
mod tests {
    use shared::domain::ids::JobId;

    use super::*;
    use SyncPolicy::{Auto, Never, Prefer, Refusals};

    /// The decision in milliseconds; `predicted` is the job's predicted end.
    fn decided(policy: SyncPolicy, wait: Option<u64>, respond_async: bool, predicted: u64) -> Option<u128> {
        let config = SyncConfig { policy, max_wait: Duration::from_secs(2) };
        let preferences = Preferences { wait: wait.map(Duration::from_secs), respond_async };
        let ticket = AcceptedJob { job: JobId::generate(), eta_ms: 10_000 + predicted, now_ms: 10_000 };
        decide(&config, preferences, &ticket).map(|limit| limit.as_millis())
    }

    #[test]
    fn by_default_only_who_asks_waits_and_no_longer_than_allowed() {
        assert_eq!(decided(Prefer, None, false, 0), None);
        assert_eq!(decided(Prefer, Some(1), false, 60_000), Some(1_000));
        assert_eq!(decided(Prefer, Some(100), false, 60_000), Some(2_000));
        assert_eq!(decided(Prefer, Some(0), false, 0), None);
    }

    #[test]
    fn auto_waits_where_the_prediction_allows_it_or_the_client_asks() {
        assert_eq!(decided(Auto, None, false, 2_000), Some(2_000));
        assert_eq!(decided(Auto, None, false, 2_001), None);
        assert_eq!(decided(Auto, Some(1), false, 2_001), Some(1_000));
        assert_eq!(decided(Auto, Some(0), false, 0), None);
    }

    #[test]
    fn refusals_are_waited_for_whatever_the_client_prefers_but_an_answer_at_once() {
        for wait in [None, Some(0), Some(30)] {
            assert_eq!(decided(Refusals, wait, false, 60_000), Some(2_000), "{wait:?}");
        }
        assert_eq!(decided(Refusals, None, true, 0), None);
    }

    #[test]
    fn never_waits_for_nobody_and_respond_async_always_wins() {
        assert_eq!(decided(Never, Some(1), false, 0), None);
        assert_eq!(decided(Prefer, Some(1), true, 0), None);
        assert_eq!(decided(Auto, None, true, 0), None);
    }

    #[test]
    fn a_failed_job_is_told_with_its_own_code_and_words() {
        let end = |result: &str| JobEnd { status_code: 409, ended_ms: 1, result: result.to_owned() };
        let error = refused(
            &end(
                r#"{"type":"request_conflict","reason":"person_inactive","message":"Person is not active"}"#,
            ),
            0,
        );
        assert_eq!((error.status().as_u16(), &*error.message()), (409, "Person is not active"));
        assert_eq!(error.reason(), Reason::PersonInactive);
        assert_eq!(refused(&end("{}"), 0), ApiError::Internal);
    }
}
