//! Redis in other shapes than one server: a cluster, and a master that sentinels replace.

use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream;
use reqwest::{Method, StatusCode};
use tests::client::{Answer, resend_path};
use tests::eventually::eventually;
use tests::place::Place;
use tests::redis_cluster::RedisCluster;
use tests::redis_sentinels::{MASTER, RedisSentinels};
use tests::sandbox::scenarios::{Expected, scenarios};
use tests::stack::{Stack, StackBuilder};

#[tokio::test(flavor = "multi_thread")]
async fn in_a_cluster_a_queue_lives_in_one_slot() {
    let place = Place::new().unwrap();
    let cluster = RedisCluster::start(place.path(), 3, 0).await;
    let stack = StackBuilder::new()
        .set("RESEND_REDIS_URL", cluster.urls())
        .set("RESEND_REDIS_MODE", "cluster")
        .workers(2)
        .start()
        .await;
    let client = stack.client();
    let ended = run_all(&stack).await;
    assert!(ended.iter().all(|job| job.body["data"]["status"] == "processed"), "{ended:#?}");
    assert_eq!(stack.ledger().len(), ended.len());

    let mut holding = Vec::new();
    for node in &cluster.nodes {
        holding.push(node.command::<Vec<String>>(&["KEYS", "*"]).await);
    }
    holding.retain(|keys| !keys.is_empty());
    assert_eq!(holding.len(), 1, "{holding:?}");
    assert!(holding[0].iter().all(|key| key.starts_with("{resend}:")), "{holding:?}");

    // A key used for another approval is noticed.
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
