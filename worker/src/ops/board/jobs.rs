//! Jobs: a list by state, and the search.

use axum::extract::{Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use maud::html;
use reqwest::Url;
use serde::Deserialize;
use shared::domain::ids::JobId;
use shared::queue::{JobCursor, JobPage, JobStatus, Progress, QueueError};

use super::layout::{job_link, page, table, when};
use super::{Board, Unavailable};
use crate::ops::format::count;

/// Jobs shown.
const SHOWN: usize = 100;

/// The query.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Asked {
    /// Only jobs in this state.
    #[serde(default)]
    state: String,
    /// The id of a job, or the request, approval or patient of jobs.
    #[serde(default)]
    find: String,
    /// The end of the previous page.
    #[serde(default)]
    after: String,
}

/// `GET /board/jobs`. The id of a job leads to its page.
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
    let page_of_jobs = found(&board, &asked).await?;
    let jobs = &page_of_jobs.jobs;
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
        p.soft {
            "Oldest first; " (count(page_of_jobs.looked_at.try_into().unwrap_or(u64::MAX))) " looked at."
            @if let Some(next) = &page_of_jobs.next {
                " " a href=(link(&asked, next)) { "Go on" }
            }
        }
    };
    Ok(page("/board/jobs", &sample, None, &body).into_response())
}

/// The same search from a cursor on.
fn link(asked: &Asked, after: &JobCursor) -> String {
    let query = [("state", asked.state.as_str()), ("find", asked.find.trim()), ("after", &after.to_string())];
    let page = Url::parse_with_params("http://board/board/jobs", query);
    page.map(|page| format!("{}?{}", page.path(), page.query().unwrap_or_default())).unwrap_or_default()
}

async fn found(board: &Board, asked: &Asked) -> Result<JobPage, QueueError> {
    let find = asked.find.trim().to_ascii_lowercase();
    let state = Progress::ALL.into_iter().find(|state| state.as_str() == asked.state);
    let fits = |job: &JobStatus| {
        state.is_none_or(|state| state == job.progress)
            && (find.is_empty() || job.patient == find || job.approval == find || is_request(job, &find))
    };
    let only_failed = state == Some(Progress::Failed);
    let from = asked.after.parse().unwrap_or_else(|_| JobCursor::of(state));
    let with_failed = only_failed || (state.is_none() && !find.is_empty());
    let mut page = board.queue.operator().jobs(from, with_failed, SHOWN, fits).await?;
    page.jobs.sort_by_key(|job| job.accepted_ms);
    Ok(page)
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
        when(job.accepted_ms),
        html! { (job.handed) },
        html! { (job.client) },
        html! { (job.worker.as_deref().unwrap_or_default()) },
    ]
}
