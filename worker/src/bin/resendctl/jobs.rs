//! `jobs list`, `show`, `retry`, `cancel`.

use std::process::ExitCode;
use std::time::Duration;

use serde::Serialize;
use shared::domain::clock;
use shared::domain::ids::JobId;
use shared::queue::{Cancelled, JobStatus, Progress, Queue, RetriedNow};

use super::arguments::Filter;
use super::confirm::confirm;
use super::exit::{CtlError, WorstResult};
use super::operator;
use super::output::{Output, table};
use worker::ops::format::span;
use worker::ops::story::{answer, story};

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

/// What became of one job.
#[derive(Serialize)]
struct Outcome<'a> {
    job: &'a JobId,
    done: bool,
    what: &'static str,
}

pub(super) async fn list(queue: &Queue, filter: &Filter, output: Output) -> Result<(), CtlError> {
    let fits = |job: &JobStatus| filter.fits(job);
    // A reason is known of failed jobs only.
    let mut jobs = match (filter.state, &filter.reason) {
        (Some(Progress::Failed), _) | (None, Some(_)) => {
            queue.operator().failed_jobs(filter.limit, fits).await?
        }
        _ => queue.operator().live_jobs(filter.limit, fits).await?,
    };
    jobs.sort_by_key(|job| job.accepted_ms);
    output.answer(&jobs.iter().map(row).collect::<Vec<_>>(), || words(&jobs, filter))
}

pub(super) async fn show(queue: &Queue, job: &JobId, output: Output) -> Result<(), CtlError> {
    let found = queue.operator().status_of(job).await?;
    let found = found.ok_or_else(|| CtlError::NotFound(unknown(job)))?;
    output.answer(&row(&found), || details(&found))
}

pub(super) async fn retry(queue: &Queue, jobs: &[JobId], output: Output) -> Result<ExitCode, CtlError> {
    let (mut done, mut worst) = (Vec::new(), WorstResult::Done);
    for job in jobs {
        let (what, how) = match queue.operator().retry_now(job).await? {
            RetriedNow::Ready => ("ready now", WorstResult::Done),
            RetriedNow::Waiting => ("it is ready or running already", WorstResult::Refused),
            RetriedNow::Ended => {
                ("it has ended, which never changes; the client may send a new request", WorstResult::Refused)
            }
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
    yes: bool,
    output: Output,
) -> Result<ExitCode, CtlError> {
    confirm(&format!("{} job(s) will end as failed for good. Cancel?", jobs.len()), yes)?;
    let (mut done, mut worst) = (Vec::new(), WorstResult::Done);
    for job in jobs {
        let (what, how) = match queue.operator().cancel(job).await? {
            Cancelled::Done => ("cancelled: no message goes out for it", WorstResult::Done),
            Cancelled::Ended => ("it had ended before", WorstResult::Refused),
            Cancelled::SendBegun => ("its send has begun: it ends by itself", WorstResult::Refused),
            Cancelled::Unknown => ("no such job, or it has expired", WorstResult::NotFound),
        };
        worst = worst.max(how);
        if how == WorstResult::Done {
            operator::record(queue, "cancel", job.as_str(), "").await;
        }
        done.push(Outcome { job, done: how == WorstResult::Done, what });
    }
    output.answer(&done, || told(&done))?;
    Ok(worst.into())
}

fn unknown(job: &JobId) -> String {
    format!("no job {job}: it never was, or its retention is over")
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

fn words(jobs: &[JobStatus], filter: &Filter) -> String {
    let now = clock::now_ms();
    let line = |job: &JobStatus| {
        let age = Duration::from_millis(now.saturating_sub(job.accepted_ms));
        vec![
            job.job.to_string(),
            job.progress.as_str().to_owned(),
            job.status_code.map(|code| code.to_string()).unwrap_or_default(),
            job.reason.clone().unwrap_or_default(),
            span(age),
            job.sends.to_string(),
            job.client.clone(),
            job.worker.clone().unwrap_or_default(),
        ]
    };
    let header = ["job", "state", "code", "reason", "age", "sends", "client", "worker"];
    let wishes = filter.words();
    let none =
        if wishes.is_empty() { "No job is live.".to_owned() } else { format!("No job with {wishes}.") };
    let text = table(&header, jobs.iter().map(line).collect(), &none);
    let limit = filter.limit;
    if jobs.len() == limit { format!("{text}\n(the first {limit}; --limit shows more)") } else { text }
}

fn details(job: &JobStatus) -> String {
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
        ("promised for", row.eta),
        ("sends begun", job.sends.to_string()),
    ];
    lines.extend(row.due_at.map(|due| ("next try", due)));
    lines.extend(job.worker.clone().map(|worker| ("worker", worker)));
    lines.extend(job.heartbeat.map(|age| ("heartbeat", format!("{} ago", span(age)))));
    lines.extend(job.deliveries.map(|number| ("delivery", number.to_string())));
    let facts = lines.iter().map(|(name, value)| format!("{name:<13} {value}"));
    let steps = story(job).into_iter().map(|(when, what)| format!("{when:<26}{what}"));
    let head = [answer(job), String::new()];
    head.into_iter().chain(facts).chain([String::new()]).chain(steps).collect::<Vec<_>>().join("\n")
}
