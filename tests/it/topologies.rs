//! Redis in other shapes than one server: a cluster with partitions on their own slots, and a master that sentinels
//! replace.

use std::collections::HashSet;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream;
use redis::cluster::ClusterClient;
use redis::cmd;
use reqwest::{Method, StatusCode};
use serde_json::json;
use shared::queue::GROUP;
use tests::client::{Answer, resend_path};
use tests::eventually::eventually;
use tests::place::Place;
use tests::redis_cluster::RedisCluster;
use tests::redis_sentinels::{MASTER, RedisSentinels};
use tests::sandbox::scenarios::{Expected, scenarios};
use tests::stack::{Stack, StackBuilder};
use uuid::Uuid;

/// What `XPENDING` answers of a group: how many entries, the first, the last, and whose they are.
type Pending = (usize, redis::Value, redis::Value, redis::Value);

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_serves_partitions_on_slots_of_their_own() {
    const PARTITIONS: usize = 6;
    let place = Place::new().unwrap();
    let cluster = RedisCluster::start(place.path(), 3, 0).await;
    let stack = StackBuilder::new()
        .set("RESEND_REDIS_URL", cluster.urls())
        .set("RESEND_REDIS_MODE", "cluster")
        .set("RESEND_QUEUE_PARTITIONS", PARTITIONS)
        .workers(2)
        .start()
        .await;
    let client = stack.client();
    let ended = run_all(&stack).await;
    assert!(ended.iter().all(|job| job.body["data"]["status"] == "processed"), "{ended:#?}");
    assert_eq!(stack.ledger().len(), ended.len());

    let mut holding = HashSet::new();
    for node in &cluster.nodes {
        for key in node.command::<Vec<String>>(&["KEYS", "resend:{*}:job:*"]).await {
            holding.insert((node.port(), key.split(':').nth(1).unwrap().to_owned()));
        }
    }
    let nodes: HashSet<_> = holding.iter().map(|(node, _)| *node).collect();
    let tags: HashSet<_> = holding.iter().map(|(_, tag)| tag).collect();
    assert!(
        nodes.len() > 1 && tags.len() == holding.len(),
        "jobs spread over nodes, a partition on one: {holding:?}"
    );

    // A key used for another approval is noticed wherever that approval lives.
    let ids = scenarios().into_iter().map(|scenario| (scenario.patient_id, scenario.approval_id));
    let mut statuses = Vec::new();
    for (patient, approval) in ids.rev().take(5) {
        let path = resend_path(patient, approval);
        let answer =
            Answer::of(client.request(Method::PATCH, &path).header("idempotency-key", "one-key")).await;
        statuses.push(answer.status);
    }
    assert_eq!(statuses[0], StatusCode::ACCEPTED);
    assert!(statuses[1..].iter().all(|status| *status == StatusCode::UNPROCESSABLE_ENTITY), "{statuses:?}");
}

/// Each partition is read by a loop of its own there, and all of them share the slots.
#[tokio::test(flavor = "multi_thread")]
async fn in_a_cluster_a_worker_takes_no_more_than_it_has_slots_for() {
    const PARTITIONS: usize = 8;
    let place = Place::new().unwrap();
    let cluster = RedisCluster::start(place.path(), 3, 0).await;
    let mut stack = StackBuilder::new()
        .set("RESEND_REDIS_URL", cluster.urls())
        .set("RESEND_REDIS_MODE", "cluster")
        .set("RESEND_QUEUE_PARTITIONS", PARTITIONS)
        .set("RESEND_WORKER_CONCURRENCY", PARTITIONS)
        .workers(0)
        .start()
        .await;
    stack.set_faults(json!([{"target": "persons", "action": {"hang": true}}])).await;
    for _ in 0..20 * PARTITIONS {
        let accepted = stack.client().resend(Uuid::new_v4(), Uuid::new_v4()).await;
        assert_eq!(accepted.status, StatusCode::ACCEPTED, "{}", accepted.body);
    }
    stack.add_worker(&[]).await;
    let nodes = ClusterClient::new(cluster.urls().split(',').collect::<Vec<_>>()).unwrap();
    let redis = nodes.get_async_connection().await.unwrap();
    let held = eventually("all its slots are taken", Duration::from_secs(10), || {
        let mut redis = redis.clone();
        async move {
            let mut held = 0;
            for partition in 0..PARTITIONS {
                let mut summary = cmd("XPENDING");
                summary.arg(format!("resend:{{{partition}}}:stream")).arg(GROUP);
                // No group before the worker made it.
                let answer: redis::RedisResult<Pending> = summary.query_async(&mut redis).await;
                held += answer.map_or(0, |(held, ..)| held);
            }
            (held >= PARTITIONS).then_some(held)
        }
    })
    .await;
    // One each, and one more of a loop that read while others had not yet taken their slots.
    assert!(held <= 2 * PARTITIONS, "{held} entries for {PARTITIONS} slots");
}

/// Accepts and waits for one job of every case that sends.
async fn run_all(stack: &Stack) -> Vec<Answer> {
    let sendable =
        scenarios().into_iter().filter(|scenario| matches!(scenario.expected, Expected::Sent { .. }));
    let jobs = stream::iter(sendable).map(|scenario| {
        let client = stack.client();
        async move { client.resend_to_end(scenario.patient_id, scenario.approval_id).await }
    });
    jobs.buffer_unordered(4).collect().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fail_over_loses_no_confirmed_job_and_the_programs_follow_the_new_master() {
    let place = Place::new().unwrap();
    let mut redis = RedisSentinels::start(place.path()).await;
    let stack = StackBuilder::new()
        .set("RESEND_REDIS_URL", redis.urls())
        .set("RESEND_REDIS_MODE", "sentinel")
        .set("RESEND_REDIS_SENTINEL_MASTER", MASTER)
        .set("RESEND_REDIS_MIN_REPLICAS", 1)
        .set("RESEND_LIMIT_COOLDOWN_SECONDS", 0)
        .start()
        .await;
    let before = run_all(&stack).await;
    assert!(before.iter().all(|job| job.body["data"]["status"] == "processed"), "{before:#?}");

    let old = redis.master_port().await.unwrap();
    redis.servers[0].kill().await;
    eventually("the sentinels name a new master", Duration::from_secs(20), || async {
        redis.master_port().await.filter(|port| *port != old)
    })
    .await;
    for job in &before {
        let href =
            job.body["meta"]["url"].as_str().unwrap().trim_start_matches(&stack.apis[0].url).to_owned();
        let found = eventually("the API reads from the new master", Duration::from_secs(10), || async {
            let answer = stack.client().get(&href).await;
            (answer.status != StatusCode::SERVICE_UNAVAILABLE).then_some(answer)
        })
        .await;
        assert_eq!(found.body["data"], job.body["data"]);
    }

    // The old master comes back as the replica that confirms.
    redis.servers[0].restart().await;
    let plain = scenarios().swap_remove(0);
    let accepted = eventually("jobs are accepted again", Duration::from_secs(30), || async {
        let answer = stack.client().resend(plain.patient_id, plain.approval_id).await;
        (answer.status == StatusCode::ACCEPTED).then_some(answer)
    })
    .await;
    let ended = stack.client().end_of(&accepted.location(), Duration::from_secs(20)).await;
    assert_eq!(ended.body["data"]["status"], "processed");
}
