//! One job and its story.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use maud::{Markup, html};
use shared::domain::clock;
use shared::domain::ids::JobId;
use shared::queue::{JobStatus, OperatorAction};

use super::layout::{message, page};
use super::{Board, Unavailable};
use crate::ops::story::{answer, message as told_to_client, story};

/// How many actions of operators are searched for those on this job: all that are kept.
const ACTIONS: usize = 1_000;

/// `GET /board/jobs/{job}`.
pub(super) async fn show(
    State(board): State<Board>,
    Path(job): Path<String>,
) -> Result<Response, Unavailable> {
    let Ok(id) = job.parse::<JobId>() else { return Ok(unknown()) };
    let Some(job) = board.queue.operator().status_of(&id).await? else { return Ok(unknown()) };
    let actions = board.queue.operator().actions(ACTIONS).await?;
    let done: Vec<_> = actions.into_iter().filter(|action| action.subject == id.as_str()).collect();
    let told = told_to_client(&board.queue, &job).await?;
    let sample = board.sampler.sample().await;
    let is_ours = job.status_code.is_some_and(|code| code >= 500);
    let body = html! {
        h1 { "Job " code { (job.job) } }
        div.(if is_ours { "alarm" } else { "card" }) {
            b { (answer(&job)) }
            @if let Some(told) = &told { "The client reads: " (told) }
        }
        div.halves {
            section.card { h2 { "Story" } (timeline(&job, &done)) }
            section.card { h2 { "Facts" } (facts(&job)) p { code { "resendctl jobs show " (job.job) } } }
        }
    };
    Ok(page("/board/job", &sample, None, &body).into_response())
}

fn unknown() -> Response {
    let page = message("No such job", "It never existed, or its retention has passed.");
    (StatusCode::NOT_FOUND, page).into_response()
}

fn timeline(job: &JobStatus, actions: &[OperatorAction]) -> Markup {
    html! { ol.story { @for (when, what) in story(job, actions) { li { span.soft { (when) } " " (what) } } } }
}

fn facts(job: &JobStatus) -> Markup {
    let rows = [
        ("client", Some(job.client.clone())),
        ("approval", Some(shortened(&job.approval))),
        ("patient", Some(shortened(&job.patient))),
        ("request", job.request.clone()),
        ("deadline", Some(clock::iso(job.deadline_ms))),
        ("eta", Some(clock::iso(job.eta_ms))),
        ("worker", job.worker.clone()),
    ];
    html! {
        dl { @for (name, value) in rows { @if let Some(value) = value { dt { (name) } dd { (value) } } } }
    }
}

/// Enough of an id to compare with a known one, and too little to look up a person.
fn shortened(id: &str) -> String {
    match (id.get(..13), id.get(32..)) {
        (Some(head), Some(tail)) => format!("{head}…{tail}"),
        _ => id.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_shown_by_its_ends() {
        assert_eq!(shortened("5eedb01c-0001-4000-8000-00000000172c"), "5eedb01c-0001…172c");
        assert_eq!(shortened("x"), "x");
    }
}
