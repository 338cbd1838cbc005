//! 36: Redis' memory is full while workers are replaced one by one and one is killed. A worker that takes nothing is
//! not ready and says why; nothing is sent whose intent could not be recorded; everything goes on once there is room.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use serde_json::json;
use tests::chaos::env::{ChaosEnv, Setup, fleet};
use tests::chaos::scenario_result::ScenarioResult;
use tests::eventually::eventually;

/// The lease, seconds: after it, what a dead worker held is taken over.
const LEASE: u64 = 4;

/// Longest time until everything goes on after the release, and until a worker knows that it cannot fetch.
const BACK_WITHIN: Duration = Duration::from_secs(5);

/// Jobs at the gateway when memory becomes full.
const RUNNING: usize = 10;

/// Jobs that wait during that time.
const WAITING: usize = 40;

pub(crate) async fn run(_: Setup) -> ScenarioResult {
    let mut result = ScenarioResult::default();
    let mut env =
        ChaosEnv::start(fleet(LEASE).workers(2).set("RESEND_WORKER_CONCURRENCY", RUNNING / 2)).await;
    env.control.faults(&json!([{"target": "sms", "action": {"delay_ms": 6_000, "accept": true}}])).await;
    let asked = env.ask_all(RUNNING + WAITING).await;
    env.messages_reach(RUNNING, Duration::from_secs(10)).await;
    let _: String = env.stack.redis.command(&["CONFIG", "SET", "maxmemory", "1mb"]).await;
    env.control.faults(&json!([])).await;
    let sent = env.messages();

    let held = env.stack.workers.remove(0);
    let excused = replace_workers(&mut env, held, &mut result).await;
    // Longer than a lease and a sweep, so that the remaining workers have checked the dead worker's jobs.
    tokio::time::sleep(Duration::from_secs(LEASE + 6)).await;
    result.exactly("SMS while memory is full", env.messages() - sent, 0);
    for worker in &env.stack.workers {
        let (status, text) = readiness(&worker.url).await;
        let is_told = status == 200 || text.trim().len() > 5;
        result.require(
            is_told,
            format!("a new worker is {status}, {:?}", text.trim()),
            "asked: ready, or a reason",
        );
    }
    refuse_reads(&env).await;
    let _: String = env.stack.redis.command(&["CONFIG", "SET", "maxmemory", "0"]).await;
    let released = Instant::now();
    let first = env.messages_reach(sent + 1, BACK_WITHIN).await.map(|_| released.elapsed());
    result.within("sending again after", first, BACK_WITHIN);
    result.require(env.drained(Duration::from_mins(1)).await.is_some(), "", "not drained a minute later");
    result.exactly("processes exited", env.exited(), 0);
    let evidence = env.evidence(asked, excused).await;
    result.exactly("processed", evidence.in_state("processed"), RUNNING + WAITING);
    env.check(&evidence, &mut result).await;
    env.close(&mut result);
    result
}

/// Redis refuses only the commands for fetching: each worker reports it, and is ready again once they are allowed.
async fn refuse_reads(env: &ChaosEnv) {
    for (right, is_ready) in [("-xreadgroup", false), ("+xreadgroup", true)] {
        let _: String = env.stack.redis.command(&["ACL", "SETUSER", "default", right]).await;
        for worker in &env.stack.workers {
            eventually("a worker is ready if and only if it can fetch", BACK_WITHIN, || async {
                let (status, text) = readiness(&worker.url).await;
                let says_why = status == 503 && text.starts_with("no jobs are taken: Redis refused");
                (if is_ready { status == 200 } else { says_why }).then_some(())
            })
            .await;
        }
    }
}

/// Kills one old worker, stops the other in order, and starts two new ones. Returns the jobs whose worker died.
async fn replace_workers(
    env: &mut ChaosEnv,
    mut killed: tests::stack::Member,
    result: &mut ScenarioResult,
) -> HashSet<String> {
    killed.process.kill().await;
    // A message of either worker may be the dead one's: the ledger does not say which.
    let excused = env.ledger().into_iter().filter_map(|message| message.reference).collect();
    env.stack.add_worker(&[]).await;
    env.stack.add_worker(&[]).await;
    let mut old = env.stack.workers.remove(0);
    let status = old.process.stop(Duration::from_secs(27)).await;
    result.require(status.success(), "", format!("a worker ended with {status}"));
    excused
}

async fn readiness(url: &str) -> (u16, String) {
    let answer = reqwest::get(format!("{url}/readyz")).await.expect("the worker answers");
    (answer.status().as_u16(), answer.text().await.unwrap_or_default())
}
