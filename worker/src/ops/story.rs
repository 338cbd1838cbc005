//! A job's history, from what its record keeps anyway.

use std::time::Duration;

use serde_json::Value;
use shared::domain::clock;
use shared::queue::{JobStatus, OperatorAction, Progress, Queue, QueueError};

use super::format::span;

/// The client's current view, in one line.
pub fn answer(job: &JobStatus) -> String {
    let reason = job.reason.as_deref().map(|reason| format!(", {reason}")).unwrap_or_default();
    match (job.progress, job.status_code) {
        (Progress::Processed, _) => "Processed: the message was sent".to_owned(),
        (_, Some(code)) => format!("Failed with {code}{reason}"),
        (Progress::Scheduled, None) => "Pending: waits for its next try".to_owned(),
        (Progress::Ready, None) => "Pending: waits for a worker".to_owned(),
        (Progress::Running, None) => "Pending: a worker works on it".to_owned(),
        (_, None) => "Pending: its message may be on its way".to_owned(),
    }
}

/// The message that the client of a failed job reads. The result of a processed one is nobody else's business.
pub async fn message(queue: &Queue, job: &JobStatus) -> Result<Option<String>, QueueError> {
    if job.progress != Progress::Failed {
        return Ok(None);
    }
    let end = queue.job_store().job(&job.job).await?.and_then(|job| job.end);
    let error = end.and_then(|end| serde_json::from_str::<Value>(&end.result).ok());
    Ok(error.and_then(|error| Some(error["message"].as_str()?.to_owned())))
}

/// Each known step: its time since the accept, and what happened, including actions of operators.
pub fn story(job: &JobStatus, actions: &[OperatorAction]) -> Vec<(String, String)> {
    let request = job.request.as_deref().map(|request| format!(", request {request}")).unwrap_or_default();
    let mut steps = vec![(clock::iso(job.accepted_ms), format!("accepted from {}{request}", job.client))];
    if job.tries > 0 {
        let cause =
            job.cause.as_deref().map(|cause| format!(", the last time because: {cause}")).unwrap_or_default();
        steps.push((String::new(), format!("put back {}{cause}", times(job.tries))));
    }
    if job.handed > 0 {
        let channel =
            job.channel.as_deref().map(|channel| format!(", last by {channel}")).unwrap_or_default();
        steps.push((String::new(), format!("handed to a gateway {}{channel}", times(job.handed))));
    }
    steps.extend(job.worker.as_ref().map(|worker| {
        let heard = job.heartbeat.map(|age| format!(", heartbeat {} ago", span(age))).unwrap_or_default();
        (String::new(), format!("held by {worker}, delivery {}{heard}", job.deliveries.unwrap_or(1)))
    }));
    steps.extend(job.due_ms.map(|due| (clock::iso(due), "next try".to_owned())));
    steps.extend(actions.iter().rev().map(|action| (after(job, action.at_ms), told(action))));
    steps.extend(job.ended_ms.map(|ended| (after(job, ended), answer(job))));
    steps
}

fn told(action: &OperatorAction) -> String {
    let OperatorAction { who, action, because, .. } = action;
    let because = if because.is_empty() { String::new() } else { format!(": {because}") };
    let what = if action == "cancel" { "cancelled" } else { "tried again at once" };
    format!("{what} by {who}{because}")
}

fn after(job: &JobStatus, at_ms: u64) -> String {
    format!("+{}", span(Duration::from_millis(at_ms.saturating_sub(job.accepted_ms))))
}

fn times(number: u64) -> String {
    if number == 1 { "once".to_owned() } else { format!("{number} times") }
}

#[cfg(test)]
mod tests {
    use shared::domain::ids::JobId;

    use super::*;

    fn failed() -> JobStatus {
        JobStatus {
            job: JobId::generate(),
            progress: Progress::Failed,
            client: "mis-a".into(),
            patient: "p".into(),
            approval: "a".into(),
            accepted_ms: 1_533_206_716_000,
            deadline_ms: 1_533_207_016_000,
            eta_ms: 1_533_206_717_000,
            sends: 1,
            due_ms: None,
            status_code: Some(502),
            request: Some("94d9dd33".into()),
            reason: Some("upstream_failed".into()),
            handed: 2,
            channel: Some("http".into()),
            cause: Some("status 503".into()),
            tries: 1,
            ended_ms: Some(1_533_206_720_200),
            worker: None,
            heartbeat: None,
            deliveries: None,
        }
    }

    #[test]
    fn the_story_of_a_failed_job_names_its_causes() {
        let action = OperatorAction {
            at_ms: 1_533_206_718_000,
            who: "oksana@ops-3".into(),
            action: "retry".into(),
            subject: String::new(),
            because: "the gateway is back".into(),
        };
        let steps = story(&failed(), &[action]);
        let told: Vec<_> =
            steps.iter().map(|(when, what)| format!("{when} {what}").trim().to_owned()).collect();
        assert_eq!(
            told,
            [
                "2018-08-02T10:45:16.000Z accepted from mis-a, request 94d9dd33",
                "put back once, the last time because: status 503",
                "handed to a gateway 2 times, last by http",
                "+2.0 s tried again at once by oksana@ops-3: the gateway is back",
                "+4.2 s Failed with 502, upstream_failed",
            ]
        );
    }
}
