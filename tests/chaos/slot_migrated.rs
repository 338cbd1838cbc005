//! 33: the queue's slot is moved to another primary with 20,000 keys in it, while jobs wait, run, and are scheduled.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use serde_json::json;
use tests::chaos::client_request::ClientRequest;
use tests::chaos::env::{ChaosEnv, Setup, fleet};
use tests::chaos::refusals;
use tests::chaos::scenario_result::ScenarioResult;
use tests::eventually::eventually;
use tests::keys::keys;
use tests::redis_cluster::RedisCluster;
use tests::redis_server::RedisServer;

use crate::cluster_changes::{MASTERS, move_slot, owner};

/// Longest time until every job has ended after the move.
const ENDED_WITHIN: Duration = Duration::from_mins(1);

/// How long a message takes at the gateway, so that workers hold jobs during the move.
const AT_THE_GATEWAY_MS: u64 = 400;

pub(crate) async fn run(setup: Setup) -> ScenarioResult {
    let (keys, scheduled, jobs) = setup.size((4_000, 50, 200), (20_000, 500, 3_000));
    let mut result = ScenarioResult::default();
    let mut env = ChaosEnv::start(fleet(6).apis(0).workers(0)).await;
    let mut cluster = RedisCluster::start(&env.stack.folder().join("cluster"), MASTERS, 0).await;
    env.stack.set("RESEND_REDIS_URL", cluster.urls());
    env.stack.set("RESEND_REDIS_MODE", "cluster");
    env.add_api(&[]).await;
    env.stack.add_worker(&[]).await;
    env.stack.add_worker(&[]).await;
    fill(&cluster.nodes[owner(&cluster).await], keys).await;
    let mut asked = put_back(&env, &cluster, scheduled).await;
    env.control.faults(&json!([{"target": "sms", "action": {"delay_ms": AT_THE_GATEWAY_MS}}])).await;

    let (load, people) = (env.load(50.0).at_once(300), env.people(jobs).await);
    let asking = tokio::spawn(async move { load.run(people).await });
    env.messages_reach(jobs / 10, Duration::from_secs(30)).await;
    let began = Instant::now();
    let moved = move_slot(&cluster).await;
    result.note(format!("{moved} keys moved in {:.1} s", began.elapsed().as_secs_f64()));
    let after = Instant::now();
    asked.extend(asking.await.expect("the clients"));
    let without = refusals::longest_without_a_202(&asked);
    result.note(format!("longest without a 202 {:.1} s", without.as_secs_f64()));

    let owner = owner(&cluster).await;
    env.stack.redis = cluster.nodes.remove(owner);
    let drained = env.drained(ENDED_WITHIN).await.map(|_| after.elapsed());
    result.require(drained.is_some(), "", "not all ended a minute after the slot had moved");
    let evidence = env.evidence(asked, HashSet::new()).await;
    result.exactly("lost", jobs + scheduled - evidence.in_state("processed"), 0);
    result.exactly("second SMS", evidence.ledger.len() - evidence.messages().len(), 0);
    let untraced = evidence.ledger.iter().filter(|message| message.request_id.is_none()).count();
    result.exactly("messages without the request's id", untraced, 0);
    result.exactly("processes exited", env.exited(), 0);
    env.check(&evidence, &mut result).await;
    env.close(&mut result);
    result
}

/// Requests jobs whose patients the registry cannot return yet, and waits until they are scheduled. The fault is at the
/// registry, which has no breaker: at the gateway it would delay all jobs, and none would run during the move.
async fn put_back(env: &ChaosEnv, cluster: &RedisCluster, jobs: usize) -> Vec<ClientRequest> {
    let later = json!({"target": "persons", "action": {"status": 503, "retry_after": 10}, "times": jobs});
    env.control.faults(&json!([later])).await;
    let asked = env.ask_all(jobs).await;
    let node = &cluster.nodes[owner(cluster).await];
    eventually("all are put back", Duration::from_secs(8), || async {
        (node.command::<usize>(&["ZCARD", &keys().scheduled()]).await == jobs).then_some(())
    })
    .await;
    asked
}

/// Fills the slot with unused keys.
async fn fill(node: &RedisServer, keys: usize) {
    let mut fill = redis::pipe();
    for number in 0..keys {
        fill.cmd("SET").arg(format!("{{resend}}:filler:{number}")).arg("x".repeat(400)).ignore();
    }
    let () = fill.query_async(&mut node.connection().await).await.expect("keys of the slot's owner");
}
