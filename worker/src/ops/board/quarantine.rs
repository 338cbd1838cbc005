//! Quarantined entries.

use axum::extract::State;
use maud::html;
use shared::queue::Quarantined;

use super::layout::{Page, job_link, page, table, when};
use super::{Board, Unavailable};
use crate::ops::format::count;

/// Entries shown.
const SHOWN: usize = 100;

/// `GET /board/quarantine`.
pub(super) async fn show(State(board): State<Board>) -> Result<Page, Unavailable> {
    let entries = board.queue.operator().quarantined(SHOWN).await?;
    let sample = board.sampler.sample().await;
    let row = |entry: &Quarantined| {
        let job = entry.job.as_ref().map(|job| job_link(job.as_str()));
        vec![
            html! { code { (entry.id) } },
            when(entry.since_ms),
            html! { (entry.reason) },
            html! { (count(entry.deliveries)) },
            job.unwrap_or_else(|| html! { "unreadable, " (entry.bytes) " bytes" }),
        ]
    };
    let rows: Vec<_> = entries.iter().map(row).collect();
    let body = html! {
        h1 { "Quarantine" }
        p.soft { "Entries nobody could finish or read; the newest " (SHOWN) ". Put one back with " code { "resendctl quarantine retry ID" } ", or delete it with " code { "resendctl quarantine purge ID" } "." }
        (table(&["entry", "set aside", "reason", "deliveries", "job"], &[3], &rows, "The quarantine is empty."))
    };
    Ok(page("/board/quarantine", &sample, None, &body))
}
