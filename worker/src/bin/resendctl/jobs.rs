//! `jobs list`, `show`, `retry`, `cancel`.

use std::process::ExitCode;
use std::time::Duration;

use serde::Serialize;
use shared::domain::clock;
use shared::domain::ids::JobId;
use shared::queue::{Cancelled, JobCursor, JobPage, JobStatus, Queue, RetriedNow};

use super::arguments::Filter;
use super::confirm::confirm;
use super::exit::{CtlError, WorstResult};
use super::operator;
use super::output::{Output, table, width};
use worker::ops::format::{count, span};
use worker::ops::story::{answer, message, story};

/// How many actions of operators are searched for those on one job: all that are kept.
const ACTIONS: usize = 1_000;

#[derive(Serialize)]
struct Row<'a> {
    job: &'a JobId,
    state: &'static str,
    client: &'a str,
    patient: &'a str,
    approval: &'a str,
    accepted_at: String,
    deadline: String,
    eta: String,
    sends: u64,
    due_at: Option<String>,
    status_code: Option<u16>,
    reason: Option<&'a str>,
    request: Option<&'a str>,
    tries: u64,
    cause: Option<&'a str>,
    handed: u64,
    channel: Option<&'a str>,
    ended_at: Option<String>,
    worker: Option<&'a str>,
    heartbeat_seconds: Option<f64>,
    deliveries: Option<u64>,
}

/// A job with its client's view and its history.
#[derive(Serialize)]
struct Shown<'a> {
    #[serde(flatten)]
    row: Row<'a>,
    message: Option<&'a str>,
    /// Time and event.
    story: Vec<(String, String)>,
}

/// The result for one job.
#[derive(Serialize)]
struct Outcome<'a> {
    job: &'a JobId,
    done: bool,
    what: &'static str,
}

pub(super) async fn list(queue: &Queue, filter: &Filter, output: Output) -> Result<(), CtlError> {
    let fits = |job: &JobStatus| filter.fits(job);
    let mut page = queue.operator().jobs(filter.from(), filter.wants_failed(), filter.limit, fits).await?;
    page.jobs.sort_by_key(|job| job.accepted_ms);
    output.answer(&page.jobs.iter().map(row).collect::<Vec<_>>(), || words(&page, filter))?;
    // To standard error, because programs read the answer.
    if let Some(next) = &page.next {
        eprintln!("there may be more: continue with --after {next}");
    }
    Ok(())
}

pub(super) async fn show(queue: &Queue, job: &JobId, output: Output) -> Result<(), CtlError> {
    let found = queue.operator().status_of(job).await?;
    let found = found.ok_or_else(|| CtlError::NotFound(unknown(job)))?;
    let actions = queue.operator().actions(ACTIONS).await?;
    let done: Vec<_> = actions.into_iter().filter(|action| action.subject == job.as_str()).collect();
    let message = message(queue, &found).await?;
    let shown = Shown { row: row(&found), message: message.as_deref(), story: story(&found, &done) };
    output.answer(&shown, || details(&found, &shown))
}

pub(super) async fn retry(queue: &Queue, jobs: &[JobId], output: Output) -> Result<ExitCode, CtlError> {
    let (mut done, mut worst) = (Vec::new(), WorstResult::Done);
    for job in jobs {
        let (what, how) = match queue.operator().retry_now(job).await? {
            RetriedNow::Ready => ("ready now", WorstResult::Done),
            RetriedNow::Waiting => ("it is ready or running already", WorstResult::Refused),
            RetriedNow::Ended => (
                "it has ended, and an ended job never changes; the client may send a new request",
                WorstResult::Refused,
            ),
            RetriedNow::Unknown => ("no such job, or it has expired", WorstResult::NotFound),
        };
        worst = worst.max(how);
        if how == WorstResult::Done {
            operator::record(queue, "retry", job.as_str(), "").await;
        }
        done.push(Outcome { job, done: how == WorstResult::Done, what });
    }
    output.answer(&done, || told(&done))?;
    Ok(worst.into())
}

pub(super) async fn cancel(
    queue: &Queue,
    jobs: &[JobId],
    (because, yes): (&str, bool),
    output: Output,
) -> Result<ExitCode, CtlError> {
    confirm(&format!("{} job(s) will end as failed for good. Cancel?", jobs.len()), yes)?;
    let (mut done, mut worst) = (Vec::new(), WorstResult::Done);
    for job in jobs {
        let (what, how) = match queue.operator().cancel(job).await? {
            Cancelled::Done => ("cancelled: no message goes out for it", WorstResult::Done),
            Cancelled::Ended => ("it had ended before", WorstResult::Refused),
            Cancelled::SendBegun => ("it is being sent, and will end by itself", WorstResult::Refused),
            Cancelled::Unknown => ("no such job, or it has expired", WorstResult::NotFound),
        };
        worst = worst.max(how);
        if how == WorstResult::Done {
            operator::record(queue, "cancel", job.as_str(), because).await;
        }
        done.push(Outcome { job, done: how == WorstResult::Done, what });
    }
    output.answer(&done, || told(&done))?;
    Ok(worst.into())
}

fn unknown(job: &JobId) -> String {
    format!("no job {job}: it never existed, or its retention has passed")
}

fn told(done: &[Outcome<'_>]) -> String {
    done.iter().map(|of| format!("{}  {}", of.job, of.what)).collect::<Vec<_>>().join("\n")
}

fn row(job: &JobStatus) -> Row<'_> {
    Row {
        job: &job.job,
        state: job.progress.as_str(),
        client: &job.client,
        patient: &job.patient,
        approval: &job.approval,
        accepted_at: clock::iso(job.accepted_ms),
        deadline: clock::iso(job.deadline_ms),
        eta: clock::iso(job.eta_ms),
        sends: job.sends,
        due_at: job.due_ms.map(clock::iso),
        status_code: job.status_code,
        reason: job.reason.as_deref(),
        request: job.request.as_deref(),
        tries: job.tries,
        cause: job.cause.as_deref(),
        handed: job.handed,
        channel: job.channel.as_deref(),
        ended_at: job.ended_ms.map(clock::iso),
        worker: job.worker.as_deref(),
        heartbeat_seconds: job.heartbeat.map(|age| age.as_secs_f64()),
        deliveries: job.deliveries,
    }
}

/// Width of a terminal that also has room for ids of requests and approvals.
const WIDE: usize = 190;

fn words(page: &JobPage, filter: &Filter) -> String {
    let (now, is_wide) = (clock::now_ms(), width().is_some_and(|columns| columns >= WIDE));
    let line = |job: &JobStatus| {
        let age = Duration::from_millis(now.saturating_sub(job.accepted_ms));
        let or_empty = |text: &Option<String>| text.clone().unwrap_or_default();
        let mut cells = vec![
            job.job.to_string(),
            job.progress.as_str().to_owned(),
            job.status_code.map(|code| code.to_string()).unwrap_or_default(),
            or_empty(&job.reason),
            span(age),
            job.handed.to_string(),
            job.client.clone(),
            or_empty(&job.worker),
        ];
        if is_wide {
            cells.extend([job.approval.clone(), or_empty(&job.request)]);
        }
        cells
    };
    let mut header = vec!["job", "state", "code", "reason", "age", "sends", "client", "worker"];
    if is_wide {
        header.extend(["approval", "request"]);
    }
    table(&header, page.jobs.iter().map(line).collect(), &none(page, filter))
}

/// The filter, if nothing was found.
fn none(page: &JobPage, filter: &Filter) -> String {
    let (wishes, looked_at) = (filter.words(), count(page.looked_at.try_into().unwrap_or(u64::MAX)));
    let of = if filter.from() == JobCursor::failed() { "failed" } else { "live" };
    match (wishes.as_str(), page.looked_at) {
        ("", 0) => "No job is live.".to_owned(),
        (wishes, _) => format!("No {of} job has {wishes} ({looked_at} searched)."),
    }
}

fn details(job: &JobStatus, shown: &Shown<'_>) -> String {
    let row = row(job);
    let code = job.status_code.map(|code| format!(" ({code})")).unwrap_or_default();
    let mut lines = vec![
        ("job", job.job.to_string()),
        ("state", format!("{}{code}", row.state)),
        ("client", job.client.clone()),
        ("patient", job.patient.clone()),
        ("approval", job.approval.clone()),
        ("accepted", row.accepted_at),
        ("deadline", row.deadline),
        ("eta", row.eta),
        ("sends begun", job.sends.to_string()),
    ];
    lines.extend(row.due_at.map(|due| ("next try", due)));
    lines.extend(job.worker.clone().map(|worker| ("worker", worker)));
    lines.extend(job.heartbeat.map(|age| ("heartbeat", format!("{} ago", span(age)))));
    lines.extend(job.deliveries.map(|number| ("delivery", number.to_string())));
    let facts = lines.iter().map(|(name, value)| format!("{name:<13} {value}"));
    let steps = shown.story.iter().map(|(when, what)| format!("{when:<26}{what}"));
    let message = shown.message.map(|message| format!("The client reads: {message}"));
    let head = [Some(answer(job)), message, Some(String::new())].into_iter().flatten();
    head.chain(facts).chain([String::new()]).chain(steps).collect::<Vec<_>>().join("\n")
}
