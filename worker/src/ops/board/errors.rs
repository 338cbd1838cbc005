//! Failures by reason.

use std::collections::BTreeMap;

use axum::extract::State;
use maud::{Markup, html};
use shared::queue::{Queue, QueueError};

use super::layout::{Page, job_link, page, table, when};
use super::{Board, Unavailable};
use crate::ops::format::count;

/// How many of the newest failures are counted.
const LOOKED_AT: usize = 1_000;

/// One reason, with its failures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cause {
    status_code: u16,
    reason: String,
    jobs: u64,
    first_ms: u64,
    last_ms: u64,
    example: String,
}

/// `GET /board/errors`.
pub(super) async fn show(State(board): State<Board>) -> Result<Page, Unavailable> {
    let causes = by_reason(&board.queue).await?;
    let sample = board.sampler.sample().await;
    let body = html! {
        h1 { "Failures by reason" }
        p.soft { "Of the newest " (LOOKED_AT) " failures, those of ours (5xx) first." }
        (table_of(&causes))
    };
    Ok(page("/board/errors", &sample, None, &body))
}

/// The newest failures by reason: our own first, then by number.
pub(super) async fn by_reason(queue: &Queue) -> Result<Vec<Cause>, QueueError> {
    let mut causes: BTreeMap<(u16, String), Cause> = BTreeMap::new();
    for job in queue.operator().newest_failures(LOOKED_AT).await? {
        let status_code = job.status_code.unwrap_or(0);
        let at_ms = job.ended_ms.unwrap_or(job.accepted_ms);
        let reason = job.reason.unwrap_or_else(|| "unknown".to_owned());
        let cause = causes.entry((status_code, reason.clone())).or_insert_with(|| Cause {
            status_code,
            reason,
            jobs: 0,
            first_ms: at_ms,
            last_ms: at_ms,
            example: job.job.to_string(),
        });
        cause.jobs += 1;
        cause.first_ms = cause.first_ms.min(at_ms);
        cause.last_ms = cause.last_ms.max(at_ms);
    }
    let mut causes: Vec<_> = causes.into_values().collect();
    causes.sort_by_key(|cause| (cause.status_code < 500, u64::MAX - cause.jobs));
    Ok(causes)
}

pub(super) fn table_of(causes: &[Cause]) -> Markup {
    let row = |cause: &Cause| {
        let class = if cause.status_code >= 500 { "bad" } else { "" };
        vec![
            html! { span.(class) { (cause.status_code) " " (cause.reason) } },
            html! { (count(cause.jobs)) },
            when(cause.first_ms),
            when(cause.last_ms),
            job_link(&cause.example),
        ]
    };
    let rows: Vec<_> = causes.iter().map(row).collect();
    table(&["reason", "jobs", "first", "last", "example"], &[1], &rows, "No job has failed.")
}
