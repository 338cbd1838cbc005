//! Waiting for a job: long polls, event streams, and a PATCH that waits for its result.

mod events;
mod faults;
mod long_poll;
mod sync;

use std::time::Duration;

use reqwest::Method;
use tests::client::Answer;
use tests::eventually::eventually;
use tests::sandbox::scenarios::{Scenario, scenarios};
use tests::stack::Stack;

fn plain() -> Scenario {
    scenarios().swap_remove(0)
}

async fn accepted(stack: &Stack) -> String {
    let scenario = plain();
    stack.client().resend(scenario.patient_id, scenario.approval_id).await.location()
}

/// Starts a long poll.
fn poll(stack: &Stack, href: &str, seconds: u64) -> tokio::task::JoinHandle<Answer> {
    let request = stack.client().request(Method::GET, href).header("prefer", format!("wait={seconds}"));
    tokio::spawn(Answer::of(request))
}

/// Waits until so many clients wait for jobs, by the metrics.
pub(crate) async fn all_wait(stack: &Stack, clients: usize) {
    eventually("all of them wait", Duration::from_secs(20), || async {
        let metrics = stack.client().get("/metrics").await.body;
        let waiting = metrics.as_str()?.lines().find_map(|line| line.strip_prefix("resend_http_waiting "));
        (waiting?.parse() == Ok(clients)).then_some(())
    })
    .await;
}
