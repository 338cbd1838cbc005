//! 3, the control: what would happen without the fence. A worker that was frozen past its lease wakes up when another
//! holds its jobs. With our finish script it takes nothing from the other; with a plain `XACK`, which does not check
//! the owner, it takes everything, although not one job has ended.

use std::time::Duration;

use tests::chaos::env::{ChaosEnv, Setup, fleet};
use tests::chaos::records::GROUP;
use tests::chaos::scenario_result::ScenarioResult;
use tests::eventually::eventually;
use tests::keys::keys;

/// Seconds of the lease here.
pub(crate) const LEASE: u64 = 2;

/// Time limit for every wait here.
pub(crate) const WITHIN: Duration = Duration::from_mins(1);

pub(crate) async fn run(setup: Setup, result: &mut ScenarioResult) {
    let jobs = setup.size(20, 100);
    let mut env = ChaosEnv::start(fleet(LEASE).workers(0)).await;
    let asked = env.ask_all(jobs).await;
    // The second worker takes over what the first holds, and freezes at the same place.
    for worker in 0..2 {
        stop_with_all(&mut env, worker, jobs).await;
    }
    assert_eq!(held(&env).await.len(), jobs, "the second worker holds them all");

    let late = &mut env.stack.workers[0].process;
    // It is told to stop before it continues: so it finishes the jobs it holds, and takes over nothing.
    late.signal("TERM").await;
    late.signal("CONT").await;
    let status = late.ended(WITHIN).await;
    result.require(status.success(), "", format!("the late worker: {status}"));
    let left = held(&env).await;
    result.exactly(
        &format!("of {jobs} entries taken from their new owner by a late finish"),
        jobs - left.len(),
        0,
    );

    let stream = keys().stream();
    let mut plain = vec!["XACK", &stream, GROUP];
    plain.extend(left.iter().map(String::as_str));
    let taken: usize = env.stack.redis.command(&plain).await;
    let evidence = env.evidence(asked, std::collections::HashSet::new()).await;
    let ended = evidence.in_state("processed") + evidence.in_state("failed");
    result.at_least(&format!("taken by the control, a plain XACK ({ended} of the jobs had ended)"), taken, 1);
    result.require(ended == 0, "", "the control's jobs had ended, so that it shows nothing");
}

async fn stop_with_all(env: &mut ChaosEnv, worker: usize, jobs: usize) {
    let plan = format!("before_finish=stop*1#{jobs}");
    env.stack.add_worker(&[("FAILPOINTS", plan.as_str()), ("RESEND_WORKER_CONCURRENCY", "256")]).await;
    let id = env.stack.workers[worker].process.id().expect("it runs");
    eventually("the worker stops itself", WITHIN, || async { is_stopped(id).then_some(()) }).await;
}

/// Entries held by workers.
async fn held(env: &ChaosEnv) -> Vec<String> {
    let pending: Vec<(String, String, u64, u64)> =
        env.stack.redis.command(&["XPENDING", &keys().stream(), GROUP, "-", "+", "1000"]).await;
    pending.into_iter().map(|(entry, ..)| entry).collect()
}

/// Whether the kernel reports the state `T`, after the name in brackets.
pub(crate) fn is_stopped(id: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    stat.rsplit(") ").next().is_some_and(|rest| rest.starts_with('T'))
}
