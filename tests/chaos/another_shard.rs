//! 32: a Redis Cluster in which a replica confirms writes; the replica, and then the primary, of a shard without the
//! queue dies. The queue's shard is unharmed, so clients must notice nothing.

use std::collections::HashSet;
use std::time::Duration;

use tests::chaos::client_request::{ClientAnswer, ClientRequest};
use tests::chaos::env::Setup;
use tests::chaos::scenario_result::ScenarioResult;
use tests::redis_cluster::RedisCluster;

use crate::cluster_changes::{MASTERS, over_a_cluster, owner};

/// Requests a second.
const RATE: f64 = 50.0;

pub(crate) async fn run(setup: Setup) -> ScenarioResult {
    let jobs = setup.size(300, 3_000);
    let mut result = ScenarioResult::default();
    let (mut env, mut cluster) = over_a_cluster(6).await;
    let (load, people) = (env.load(RATE), env.people(jobs).await);
    let asking = tokio::spawn(async move { load.run(people).await });
    env.messages_reach(jobs / 4, Duration::from_secs(30)).await;
    let of_queue = owner(&cluster).await;
    let primary = (0..MASTERS).find(|node| *node != of_queue).expect("another primary");
    let replica = replica_of(&cluster, primary).await;
    cluster.nodes[replica].kill().await;
    env.messages_reach(jobs / 2, Duration::from_secs(30)).await;
    cluster.nodes[primary].kill().await;
    let asked = asking.await.expect("the clients");
    result.exactly("requests refused", refused(&asked), 0);

    env.stack.redis = cluster.nodes.remove(of_queue);
    let drained = env.drained(Duration::from_mins(1)).await;
    result.require(drained.is_some(), "", "not drained a minute later");
    let evidence = env.evidence(asked, HashSet::new()).await;
    result.exactly("lost", jobs - evidence.in_state("processed"), 0);
    result.exactly("second SMS", evidence.ledger.len() - evidence.messages().len(), 0);
    result.exactly("processes exited", env.exited(), 0);
    env.check(&evidence, &mut result).await;
    env.close(&mut result);
    result
}

/// The node that replicates this primary.
async fn replica_of(cluster: &RedisCluster, primary: usize) -> usize {
    let id: String = cluster.nodes[primary].command(&["CLUSTER", "MYID"]).await;
    for (number, node) in cluster.nodes.iter().enumerate() {
        let nodes: String = node.command(&["CLUSTER", "NODES"]).await;
        let own = nodes.lines().find(|line| line.contains("myself")).unwrap_or_default();
        if own.split_whitespace().nth(3) == Some(&*id) {
            return number;
        }
    }
    panic!("every primary has a replica")
}

fn refused(asked: &[ClientRequest]) -> usize {
    let told = asked.iter().flat_map(|asked| &asked.attempts).map(|attempt| &attempt.told);
    told.filter(|told| !matches!(told, ClientAnswer::Accepted { .. })).count()
}
