//! 38: one worker is cut off from Redis and another is not. The second sends, once, what the first had not yet
//! submitted; when the first is back, it sends and finishes only what is still its own.

use std::collections::HashSet;
use std::time::Duration;

use serde_json::json;
use tests::chaos::env::{ChaosEnv, Setup, fleet};
use tests::chaos::orphans::Orphans;
use tests::chaos::proxy::{Flow, Proxy};
use tests::chaos::scenario_result::ScenarioResult;
use tests::client::ApiClient;

/// The lease, seconds.
const LEASE: u64 = 4;

pub(crate) async fn run(setup: Setup) -> ScenarioResult {
    let (jobs, away) = setup.size((200, 12), (2_000, 40));
    let mut result = ScenarioResult::default();
    let mut env = ChaosEnv::start(fleet(LEASE).workers(0)).await;
    let proxy = Proxy::to(env.stack.redis.port()).await.expect("a proxy");
    // The registry is slow, so that the worker holds jobs without a submitted message when it is cut off.
    let slow = |target| json!({"target": target, "action": {"delay_ms": 1_500}});
    env.control.faults(&json!([slow("persons"), slow("approvals")])).await;
    env.stack.add_worker(&[("RESEND_REDIS_URL", &proxy.redis_url())]).await;
    let first = env.ask_all(60).await;
    proxy.carry(Flow::Swallow, Flow::Swallow);
    let held = held_by_the_only_worker(&env).await;
    result.at_least("jobs held when it was cut off", held.len(), 1);
    let sent_before: HashSet<String> =
        env.ledger().into_iter().filter_map(|message| message.reference).collect();
    env.stack.add_worker(&[]).await;
    let asked = [first, env.load(50.0).run(env.people(jobs).await).await].concat();
    tokio::time::sleep(Duration::from_secs(away)).await;
    proxy.heal();
    result.within("drained", env.drained(Duration::from_mins(1)).await, Duration::from_mins(1));
    result.exactly("404 for an accepted job", unknown(&env, &asked).await, 0);
    // A message that was submitted before the cut, but whose end could not be recorded, may be sent once more.
    let excused = held.into_iter().filter(|job| sent_before.contains(job)).collect();
    let evidence = env.evidence(asked, excused).await;
    result.note(format!("{} with two SMS", evidence.with_messages(2)));
    result.exactly("not processed", evidence.accepted().len() - evidence.in_state("processed"), 0);
    result.exactly("processes exited", env.exited(), 0);
    env.check(&evidence, &mut result).await;
    env.close(&mut result);
    result
}

async fn held_by_the_only_worker(env: &ChaosEnv) -> Vec<String> {
    let mut redis = env.redis().await;
    let mut jobs = Vec::new();
    for consumer in Orphans::consumers(&mut redis).await.expect("Redis answers") {
        jobs.extend(Orphans::of(&mut redis, &consumer).await.expect("Redis answers").jobs);
    }
    jobs
}

async fn unknown(env: &ChaosEnv, asked: &[tests::chaos::client_request::ClientRequest]) -> usize {
    let client = ApiClient::new(&env.targets.next(), "mis-a-token");
    let mut unknown = 0;
    for job in asked.iter().filter_map(tests::chaos::client_request::ClientRequest::job) {
        unknown += usize::from(client.get(&format!("/Jobs/{job}")).await.status == 404);
    }
    unknown
}
