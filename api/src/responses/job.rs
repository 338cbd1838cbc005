//! A job as its client sees it (section 3 of the contract).

use serde::Serialize;
use serde_json::value::RawValue;
use shared::domain::clock;
use shared::domain::job::{Job, JobState};
use utoipa::ToSchema;

use super::schemas::{Approval, Failed, FailedStatusCode, JobError, Pending, Processed, ProcessedStatusCode};

/// A job, in one of three states.
#[derive(Serialize, ToSchema)]
#[schema(as = Job, discriminator(property_name = "status", mapping(
    ("pending" = "#/components/schemas/PendingJob"),
    ("processed" = "#/components/schemas/ProcessedJob"),
    ("failed" = "#/components/schemas/FailedJob"),
)))]
#[serde(untagged)]
pub(crate) enum JobView<'a> {
    /// Not ended yet.
    Pending(PendingView<'a>),
    /// Ended with a message sent.
    Processed(ProcessedView<'a>),
    /// Ended without a message sent.
    Failed(FailedView<'a>),
}

/// A job that has not ended; also the answer that accepts it.
#[derive(Serialize, ToSchema)]
#[schema(as = PendingJob)]
#[serde(deny_unknown_fields)]
pub(crate) struct PendingView<'a> {
    #[schema(inline)]
    status: Pending,
    /// When the job will have ended, or was predicted to end: ISO 8601, UTC.
    #[schema(format = DateTime, example = "2018-08-02T10:45:16.000Z")]
    eta: String,
    #[schema(min_items = 1, max_items = 1)]
    links: [Link<'a>; 1],
}

/// A link.
#[derive(Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Link<'a> {
    #[schema(inline)]
    entity: JobEntity,
    #[schema(example = "/Jobs/NBXk9EyErUZv1RhXgyvgg")]
    href: &'a str,
}

/// What a link leads to.
#[derive(Serialize, ToSchema, Clone, Copy)]
#[serde(rename_all = "snake_case")]
pub(crate) enum JobEntity {
    /// A job.
    Job,
}

/// A job that ended with a message sent.
#[derive(Serialize, ToSchema)]
#[schema(as = ProcessedJob)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProcessedView<'a> {
    #[schema(inline)]
    status: Processed,
    /// When the job will have ended, or was predicted to end: ISO 8601, UTC.
    #[schema(format = DateTime, example = "2018-08-02T10:45:16.000Z")]
    eta: String,
    #[schema(min_items = 1, max_items = 1)]
    links: [Link<'a>; 1],
    /// When the job ended: ISO 8601, UTC.
    #[schema(format = DateTime, example = "2018-08-02T10:45:15.270Z")]
    ended_at: String,
    #[schema(inline, value_type = ProcessedStatusCode)]
    status_code: u16,
    #[schema(value_type = Approval)]
    response_data: &'a RawValue,
}

/// A job that ended without a message sent.
#[derive(Serialize, ToSchema)]
#[schema(as = FailedJob)]
#[serde(deny_unknown_fields)]
pub(crate) struct FailedView<'a> {
    #[schema(inline)]
    status: Failed,
    /// When the job will have ended, or was predicted to end: ISO 8601, UTC.
    #[schema(format = DateTime, example = "2018-08-02T10:45:16.000Z")]
    eta: String,
    #[schema(min_items = 1, max_items = 1)]
    links: [Link<'a>; 1],
    /// When the job ended: ISO 8601, UTC.
    #[schema(format = DateTime, example = "2018-08-02T10:45:15.270Z")]
    ended_at: String,
    #[schema(inline, value_type = FailedStatusCode)]
    status_code: u16,
    #[schema(value_type = JobError)]
    error: &'a RawValue,
}

impl<'a> PendingView<'a> {
    /// A job with this link and this predicted end, milliseconds since the epoch.
    pub(crate) fn new(eta_ms: u64, href: &'a str) -> Self {
        Self { status: Pending::Pending, eta: clock::iso(eta_ms), links: links_to(href) }
    }
}

impl<'a> JobView<'a> {
    /// The value of `status`.
    pub(crate) fn status(&self) -> &'static str {
        match self {
            Self::Pending(_) => "pending",
            Self::Processed(_) => "processed",
            Self::Failed(_) => "failed",
        }
    }

    /// The view of a job; an error if its result is not JSON.
    pub(crate) fn new(job: &'a Job, href: &'a str) -> Result<Self, serde_json::Error> {
        let Some(end) = &job.end else {
            return Ok(Self::Pending(PendingView::new(job.eta_ms, href)));
        };
        let (eta, ended_at) = (clock::iso(job.eta_ms), clock::iso(end.ended_ms));
        let (links, status_code) = (links_to(href), end.status_code);
        // Validated once, but kept as text: no tree is built.
        let result: &RawValue = serde_json::from_str(&end.result)?;
        Ok(if job.state == JobState::Processed {
            let status = Processed::Processed;
            Self::Processed(ProcessedView {
                status,
                eta,
                links,
                ended_at,
                status_code,
                response_data: result,
            })
        } else {
            let status = Failed::Failed;
            Self::Failed(FailedView { status, eta, links, ended_at, status_code, error: result })
        })
    }
}

fn links_to(href: &str) -> [Link<'_>; 1] {
    [Link { entity: JobEntity::Job, href }]
}

#[cfg(test)]
mod tests {
    use shared::domain::job::JobEnd;

    use super::*;

    fn view(state: JobState, end: Option<(u16, &str)>) -> Result<String, serde_json::Error> {
        let end = end.map(|(status_code, result)| JobEnd {
            status_code,
            ended_ms: 1_533_206_715_270,
            result: result.to_owned(),
        });
        let id = "NBXk9EyErUZv1RhXgyvgg".parse().unwrap();
        let job = Job {
            id,
            client: "mis-a".parse().unwrap(),
            state,
            eta_ms: 1_533_206_716_000,
            now_ms: 1_533_206_710_000,
            end,
        };
        serde_json::to_string(&JobView::new(&job, "/Jobs/NBXk9EyErUZv1RhXgyvgg")?)
    }

    #[test]
    fn a_live_job_is_pending_whatever_is_being_done_with_it() {
        for state in [JobState::Queued, JobState::Scheduled, JobState::Sending] {
            assert_eq!(
                view(state, None).unwrap(),
                r#"{"status":"pending","eta":"2018-08-02T10:45:16.000Z","links":[{"entity":"job","href":"/Jobs/NBXk9EyErUZv1RhXgyvgg"}]}"#
            );
        }
    }

    #[test]
    fn a_processed_job_holds_the_result_unchanged() {
        assert_eq!(
            view(JobState::Processed, Some((200, r#"{"id":"d5a5","reason":{}}"#))).unwrap(),
            r#"{"status":"processed","eta":"2018-08-02T10:45:16.000Z","links":[{"entity":"job","href":"/Jobs/NBXk9EyErUZv1RhXgyvgg"}],"ended_at":"2018-08-02T10:45:15.270Z","status_code":200,"response_data":{"id":"d5a5","reason":{}}}"#
        );
    }

    #[test]
    fn a_failed_job_holds_code_and_error() {
        assert_eq!(
            view(JobState::Failed, Some((404, r#"{"type":"not_found","message":"Person not found"}"#)))
                .unwrap(),
            r#"{"status":"failed","eta":"2018-08-02T10:45:16.000Z","links":[{"entity":"job","href":"/Jobs/NBXk9EyErUZv1RhXgyvgg"}],"ended_at":"2018-08-02T10:45:15.270Z","status_code":404,"error":{"type":"not_found","message":"Person not found"}}"#
        );
    }

    #[test]
    fn a_result_that_is_no_json_is_not_passed_on() {
        assert!(view(JobState::Processed, Some((200, "{\"id\":"))).is_err());
    }
}
