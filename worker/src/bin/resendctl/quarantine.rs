//! `quarantine list`, `retry`, `purge`.

use std::process::ExitCode;
use std::time::Duration;

use serde::Serialize;
use serde_json::json;
use shared::domain::clock;
use shared::queue::{QuarantineId, Quarantined, Queue, Restored};

use super::arguments::Selection;
use super::confirm::confirm;
use super::exit::{CtlError, WorstResult};
use super::operator;
use super::output::{Output, table};
use worker::ops::format::{count, span};

/// How many entries `--all` handles at a time.
const ALL: usize = 10_000;

#[derive(Serialize)]
struct Row {
    id: String,
    since: String,
    reason: String,
    deliveries: u64,
    job: Option<String>,
    bytes: usize,
}

#[derive(Serialize)]
struct Outcome {
    id: String,
    done: bool,
    what: String,
}

pub(super) async fn list(queue: &Queue, limit: usize, output: Output) -> Result<(), CtlError> {
    let entries = queue.operator().quarantined(limit).await?;
    output.answer(&entries.iter().map(row).collect::<Vec<_>>(), || words(&entries))
}

pub(super) async fn retry(queue: &Queue, which: Selection, output: Output) -> Result<ExitCode, CtlError> {
    let (mut done, mut worst) = (Vec::new(), WorstResult::Done);
    for id in ids(queue, which).await? {
        let (what, how) = match queue.operator().restore(&id).await? {
            Restored::Back(job) => (format!("job {job} is back in the queue"), WorstResult::Done),
            Restored::Ended(job) => {
                (format!("job {job} has ended, and an ended job never changes"), WorstResult::Refused)
            }
            Restored::Waiting(job) => (format!("job {job} is in the queue already"), WorstResult::Refused),
            Restored::Orphan => ("it has no job: purge it".to_owned(), WorstResult::Refused),
            Restored::Unknown => ("no such entry".to_owned(), WorstResult::NotFound),
        };
        worst = worst.max(how);
        if how == WorstResult::Done {
            operator::record(queue, "quarantine retry", &id.to_string(), "").await;
        }
        done.push(Outcome { id: id.to_string(), done: how == WorstResult::Done, what });
    }
    let told = || done.iter().map(|of| format!("{}  {}", of.id, of.what)).collect::<Vec<_>>().join("\n");
    output.answer(&done, || if done.is_empty() { "The quarantine is empty.".to_owned() } else { told() })?;
    Ok(worst.into())
}

pub(super) async fn purge(
    queue: &Queue,
    which: Selection,
    yes: bool,
    output: Output,
) -> Result<ExitCode, CtlError> {
    let all = which.all;
    let ids = ids(queue, which).await?;
    if !ids.is_empty() {
        confirm(&format!("{} entries will be deleted for good. Purge?", ids.len()), yes)?;
    }
    let purged = queue.operator().purge(&ids).await?;
    if purged > 0 {
        operator::record(queue, "quarantine purge", &format!("{purged} entries"), "").await;
    }
    output.answer(&json!({"purged": purged}), || format!("Purged: {}.", count(purged)))?;
    let missing = !all && usize::try_from(purged).is_ok_and(|purged| purged < ids.len());
    Ok(if missing { WorstResult::NotFound.into() } else { ExitCode::SUCCESS })
}

async fn ids(queue: &Queue, which: Selection) -> Result<Vec<QuarantineId>, CtlError> {
    if !which.all {
        return Ok(which.ids);
    }
    Ok(queue.operator().quarantined(ALL).await?.into_iter().map(|entry| entry.id).collect())
}

fn row(entry: &Quarantined) -> Row {
    Row {
        id: entry.id.to_string(),
        since: clock::iso(entry.since_ms),
        reason: entry.reason.clone(),
        deliveries: entry.deliveries,
        job: entry.job.as_ref().map(ToString::to_string),
        bytes: entry.bytes,
    }
}

fn words(entries: &[Quarantined]) -> String {
    let now = clock::now_ms();
    let line = |entry: &Quarantined| {
        let age = Duration::from_millis(now.saturating_sub(entry.since_ms));
        vec![
            entry.id.to_string(),
            format!("{} ago", span(age)),
            entry.reason.clone(),
            entry.deliveries.to_string(),
            entry
                .job
                .as_ref()
                .map_or_else(|| format!("unreadable, {} bytes", entry.bytes), ToString::to_string),
        ]
    };
    let header = ["id", "set aside", "reason", "deliveries", "job"];
    table(&header, entries.iter().map(line).collect(), "The quarantine is empty.")
}
