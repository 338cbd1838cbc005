//! 3: a worker that was frozen past its lease wakes up and goes on as if nothing had happened.

use std::collections::HashSet;

use tests::chaos::client_request::ClientRequest;
use tests::chaos::env::{ChaosEnv, Setup, fleet};
use tests::chaos::evidence::Evidence;
use tests::chaos::scenario_result::ScenarioResult;
use tests::eventually::eventually;

use crate::unfenced_ack::{self, LEASE, WITHIN, is_stopped};

pub(crate) async fn run(setup: Setup) -> ScenarioResult {
    let jobs = setup.size(40, 200);
    let mut result = ScenarioResult::default();
    let mut env = ChaosEnv::start(fleet(LEASE).workers(0)).await;
    let before_submit = stop_and_continue(&mut env, "before_submit", jobs).await;
    let first = env.evidence(before_submit, HashSet::new()).await;
    result.exactly("with 1 SMS stopped before submit", first.with_messages(1), jobs);
    let before_finish = stop_and_continue(&mut env, "before_finish", jobs).await;
    let second = env.evidence(before_finish, HashSet::new()).await;
    result.note(format!(
        "before finish: {} × 1 SMS, {} × 2",
        second.with_messages(1),
        second.with_messages(2)
    ));
    let excused = second.accepted().into_iter().map(str::to_owned).collect();
    let all =
        Evidence { asked: first.asked.into_iter().chain(second.asked.clone()).collect(), excused, ..second };
    result.exactly("stale finishes accepted", stale_finishes(&all), 0);
    result.exactly("ended", all.in_state("processed"), 2 * jobs);
    env.check(&all, &mut result).await;
    env.close(&mut result);
    unfenced_ack::run(setup, &mut result).await;
    result
}

/// A worker takes all the jobs and freezes with each at the place; another finishes them; then the first continues.
async fn stop_and_continue(env: &mut ChaosEnv, place: &str, jobs: usize) -> Vec<ClientRequest> {
    env.stack.workers.clear();
    let asked = env.ask_all(jobs).await;
    let plan = format!("{place}=stop*1#{jobs}");
    let own = [("FAILPOINTS", plan.as_str()), ("RESEND_WORKER_CONCURRENCY", "256")];
    env.stack.add_worker(&own).await;
    let id = env.stack.workers[0].process.id().expect("it runs");
    eventually("the worker stops itself", WITHIN, || async { is_stopped(id).then_some(()) }).await;
    env.stack.add_worker(&[]).await;
    assert!(env.drained(WITHIN).await.is_some(), "the second worker finishes everything");
    env.stack.workers[0].process.signal("CONT").await;
    // When it is told to stop, it first finishes the jobs it holds: once it has exited, it has done all it could.
    let status = env.stack.workers[0].process.stop(WITHIN).await;
    assert!(status.success(), "the worker that was stopped ends well: {status}");
    asked
}

/// Ends that were written twice, or changed after they were first read.
fn stale_finishes(evidence: &Evidence) -> usize {
    tests::chaos::check::no_ended_job_changed(evidence).map_or(0, |breach| breach.jobs.len())
}
