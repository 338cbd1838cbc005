//! 14: in a Redis Cluster the queue's slot is moved to another master under load, and then that master is killed.

use std::collections::HashSet;
use std::time::Duration;

use tests::chaos::env::{ChaosEnv, Setup, fleet};
use tests::chaos::refusals;
use tests::chaos::scenario_result::ScenarioResult;
use tests::eventually::eventually;
use tests::keys::keys;
use tests::redis_cluster::RedisCluster;
use tests::redis_server::RedisServer;

/// Masters, each with one replica.
pub(crate) const MASTERS: usize = 3;

pub(crate) async fn run(setup: Setup) -> ScenarioResult {
    let jobs = setup.size(1_000, 6_000);
    let mut result = ScenarioResult::default();
    let (mut env, mut cluster) = over_a_cluster(4).await;
    env.stack.add_worker(&[]).await;
    let (load, people) = (env.load(100.0).at_once(500), env.people(jobs).await);
    let asking = tokio::spawn(async move { load.run(people).await });

    env.messages_reach(jobs / 5, Duration::from_secs(30)).await;
    let moved = move_slot(&cluster).await;
    result.note(format!("{moved} keys moved with their slot"));
    env.messages_reach(jobs / 2, Duration::from_secs(30)).await;
    kill_owner(&mut cluster).await;
    let asked = asking.await.expect("the clients");
    let without = refusals::longest_without_a_202(&asked);
    result.note(format!("longest without a 202 {:.1} s", without.as_secs_f64()));

    let owner = owner(&cluster).await;
    env.stack.redis = cluster.nodes.remove(owner);
    let drained = env.drained(Duration::from_mins(1)).await;
    result.require(drained.is_some(), "", "not drained a minute later");
    let evidence = env.evidence(asked, HashSet::new()).await;
    let lost = evidence.accepted().into_iter().filter(|job| !evidence.records.contains_key(*job)).count();
    result.exactly(&format!("of {} acknowledged lost", evidence.accepted().len()), lost, 0);
    result.exactly("clients never accepted", jobs - evidence.accepted().len(), 0);
    result.exactly("extra SMS", evidence.ledger.len() - evidence.messages().len(), 0);
    result.exactly("processes exited", env.exited(), 0);
    env.check(&evidence, &mut result).await;
    env.close(&mut result);
    result
}

/// A fleet of one API and one worker over a cluster in which a replica confirms every write.
pub(crate) async fn over_a_cluster(lease_seconds: u64) -> (ChaosEnv, RedisCluster) {
    let mut env = ChaosEnv::start(fleet(lease_seconds).apis(0).workers(0)).await;
    let cluster = RedisCluster::start(&env.stack.folder().join("cluster"), MASTERS, 1).await;
    env.stack.set("RESEND_REDIS_URL", cluster.urls());
    env.stack.set("RESEND_REDIS_MODE", "cluster");
    env.stack.set("RESEND_REDIS_MIN_REPLICAS", 1);
    env.add_api(&[]).await;
    env.stack.add_worker(&[]).await;
    (env, cluster)
}

async fn slot(node: &RedisServer) -> String {
    let slot: u32 = node.command(&["CLUSTER", "KEYSLOT", &keys().stream()]).await;
    slot.to_string()
}

/// Which node serves the queue's slot now.
pub(crate) async fn owner(cluster: &RedisCluster) -> usize {
    for (number, node) in cluster.nodes.iter().enumerate() {
        let slot: u32 = slot(node).await.parse().expect("a number");
        let role: Vec<redis::Value> = node.command(&["ROLE"]).await;
        let master = redis::from_redis_value::<String>(role[0].clone()).is_ok_and(|role| role == "master");
        if master && serves(node, slot).await {
            return number;
        }
    }
    panic!("nobody serves the slot")
}

/// Whether the node reports that it serves the slot.
async fn serves(node: &RedisServer, slot: u32) -> bool {
    let nodes: String = node.command(&["CLUSTER", "NODES"]).await;
    let Some(own) = nodes.lines().find(|line| line.contains("myself")) else { return false };
    own.split_whitespace().skip(8).any(|range| {
        let (from, to) = range.split_once('-').unwrap_or((range, range));
        matches!((from.parse::<u32>(), to.parse::<u32>()), (Ok(from), Ok(to)) if (from..=to).contains(&slot))
    })
}

/// Moves the slot key by key, as `redis-cli --cluster reshard` does; returns how many keys were moved.
pub(crate) async fn move_slot(cluster: &RedisCluster) -> usize {
    let from = owner(cluster).await;
    let to = (0..MASTERS).find(|node| *node != from).expect("another master");
    let (from, to) = (&cluster.nodes[from], &cluster.nodes[to]);
    let slot = slot(from).await;
    let (source, target): (String, String) =
        (from.command(&["CLUSTER", "MYID"]).await, to.command(&["CLUSTER", "MYID"]).await);
    let _: String = to.command(&["CLUSTER", "SETSLOT", &slot, "IMPORTING", &source]).await;
    let _: String = from.command(&["CLUSTER", "SETSLOT", &slot, "MIGRATING", &target]).await;
    let (port, mut moved) = (to.port().to_string(), 0);
    loop {
        let keys: Vec<String> = from.command(&["CLUSTER", "GETKEYSINSLOT", &slot, "50"]).await;
        if keys.is_empty() {
            break;
        }
        moved += keys.len();
        let mut words = vec!["MIGRATE", "127.0.0.1", &port, "", "0", "5000", "KEYS"];
        words.extend(keys.iter().map(String::as_str));
        let _: String = from.command(&words).await;
    }
    for node in &cluster.nodes[..MASTERS] {
        let _: String = node.command(&["CLUSTER", "SETSLOT", &slot, "NODE", &target]).await;
    }
    moved
}

/// Kills the owner, waits for its replica to take over, and starts it again as the replica of that.
async fn kill_owner(cluster: &mut RedisCluster) {
    let old = owner(cluster).await;
    cluster.nodes[old].kill().await;
    let others: Vec<&RedisServer> =
        cluster.nodes.iter().enumerate().filter(|(number, _)| *number != old).map(|(_, node)| node).collect();
    let slot: u32 = slot(others[0]).await.parse().expect("a number");
    eventually("a replica takes over", Duration::from_secs(30), || async {
        for node in &others {
            if serves(node, slot).await {
                return Some(());
            }
        }
        None
    })
    .await;
    cluster.nodes[old].restart().await;
    cluster.agrees().await;
}
