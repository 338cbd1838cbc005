//! Jobs: a list by state, and the search.

use axum::extract::{Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use maud::html;
use serde::Deserialize;
use shared::domain::clock;
use shared::domain::ids::JobId;
use shared::queue::{JobStatus, Progress, QueueError};

use super::layout::{job_link, page, table};
use super::{Board, Unavailable};

/// Jobs shown.
const SHOWN: usize = 100;

/// What is asked for.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Asked {
    /// Only this state.
    #[serde(default)]
    state: String,
    /// A job, or the request, approval or patient of jobs.
    #[serde(default)]
    find: String,
}

/// `GET /board/jobs`. A job's own id leads to its page.
pub(super) async fn show(
    State(board): State<Board>,
    Query(asked): Query<Asked>,
) -> Result<Response, Unavailable> {
    let find = asked.find.trim();
    if let Some(job) = find.rsplit('/').next().and_then(|id| id.parse::<JobId>().ok())
        && board.queue.operator().status_of(&job).await?.is_some()
    {
        return Ok(Redirect::to(&format!("/board/jobs/{job}")).into_response());
    }
    let jobs = found(&board, &asked).await?;
    let sample = board.sampler.sample().await;
    let rows: Vec<_> = jobs.iter().map(row).collect();
    let none = if find.is_empty() { "No such job." } else { "No live or newly failed job has this id." };
    let body = html! {
        h1 { @if find.is_empty() { "Jobs" } @else { "Jobs of " code { (find) } } }
        form action="/board/jobs" {
            label { "State " select name="state" {
                option value="" selected[asked.state.is_empty()] { "not ended" }
                @for state in Progress::ALL.into_iter().filter(|state| *state != Progress::Processed) {
                    option value=(state.as_str()) selected[asked.state == state.as_str()] { (state.as_str()) }
                }
            } }
            button { "Show" }
        }
        (table(&["job", "state", "accepted", "sends", "client", "worker"], &[3], &rows, none))
        @if jobs.len() == SHOWN { p.soft { "The first " (SHOWN) ", oldest first." } }
    };
    Ok(page("/board/jobs", &sample, None, &body).into_response())
}

async fn found(board: &Board, asked: &Asked) -> Result<Vec<JobStatus>, QueueError> {
    let find = asked.find.trim().to_ascii_lowercase();
    let state = Progress::ALL.into_iter().find(|state| state.as_str() == asked.state);
    let fits = |job: &JobStatus| {
        state.is_none_or(|state| state == job.progress)
            && (find.is_empty() || job.patient == find || job.approval == find || is_request(job, &find))
    };
    let mut jobs = match state {
        Some(Progress::Failed) => Vec::new(),
        _ => board.queue.operator().live_jobs(SHOWN, fits).await?,
    };
    if state == Some(Progress::Failed) || (state.is_none() && !find.is_empty()) {
        jobs.extend(board.queue.operator().failed_jobs(SHOWN.saturating_sub(jobs.len()), fits).await?);
    }
    jobs.sort_by_key(|job| job.accepted_ms);
    Ok(jobs)
}

fn is_request(job: &JobStatus, find: &str) -> bool {
    job.request.as_deref().is_some_and(|request| request.eq_ignore_ascii_case(find))
}

fn row(job: &JobStatus) -> Vec<maud::Markup> {
    let code = job.status_code.map(|code| format!(" {code}")).unwrap_or_default();
    let reason = job.reason.as_deref().map(|reason| format!(" {reason}")).unwrap_or_default();
    vec![
        job_link(job.job.as_str()),
        html! { (job.progress.as_str()) (code) (reason) },
        html! { (clock::iso(job.accepted_ms)) },
        html! { (job.sends) },
        html! { (job.client) },
        html! { (job.worker.as_deref().unwrap_or_default()) },
    ]
}
