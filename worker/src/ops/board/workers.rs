//! The workers.

use std::time::Duration;

use axum::extract::State;
use maud::{Markup, html};
use shared::queue::WorkerStatus;

use super::Board;
use super::layout::{Page, page, table, when};
use crate::ops::figures::Figures;
use crate::ops::format::{count, span};

/// `GET /board/workers`.
pub(super) async fn show(State(board): State<Board>) -> Page {
    let sample = board.sampler.sample().await;
    let body = html! {
        h1 { "Workers" }
        @if let Some(now) = &sample.figures { (table_of(now)) }
    };
    page("/board/workers", &sample, None, &body)
}

pub(super) fn table_of(now: &Figures) -> Markup {
    let row = |worker: &WorkerStatus| {
        let report = now.processes.get(&worker.name);
        vec![
            html! { (worker.name) },
            html! { (count(worker.running)) @if worker.alive { " / " (count(worker.slots)) } },
            longest(report.and_then(|report| report.longest_run_ms)),
            html! { @if let Some(report) = report { (when(report.started_ms)) } },
            html! { @if let Some(report) = report { (report.version) } },
            heard(worker),
        ]
    };
    let rows: Vec<_> = now.overview.workers.iter().map(row).collect();
    table(
        &["worker", "running", "longest run", "since", "version", "heard"],
        &[1, 2],
        &rows,
        "No worker is alive.",
    )
}

fn longest(run_ms: Option<u64>) -> Markup {
    html! { (run_ms.map_or_else(|| "–".to_owned(), |ms| span(Duration::from_millis(ms)))) }
}

fn heard(worker: &WorkerStatus) -> Markup {
    html! {
        @match worker.silent {
            Some(silent) if worker.alive => { (span(silent)) " ago" }
            Some(silent) => { span.bad { "gone: silent for " (span(silent)) } }
            None => { span.bad { "gone" } }
        }
    }
}
