//! Waiting while notifications fail: nobody hears them, Redis restarts, a master changes.

use std::time::{Duration, Instant};

use reqwest::StatusCode;
use tests::client::Answer;
use tests::eventually::eventually;
use tests::redis_cluster::RedisCluster;
use tests::redis_sentinels::{MASTER, RedisSentinels};
use tests::sandbox::scenarios::{Expected, scenarios};
use tests::stack::{Stack, StackBuilder};
use tests::temp_dir::TempDir;

use super::{accepted, all_wait, poll};

/// The subscription is cut again and again while jobs end, so that ends are published which nobody hears.
#[tokio::test(flavor = "multi_thread")]
async fn an_end_that_was_published_to_nobody_reaches_its_waiters() {
    let mut stack = StackBuilder::new().workers(0).start().await;
    let polls = polls_of_all(&stack).await;
    let mut connection = stack.redis.connection().await;
    let cutting = tokio::spawn(async move {
        loop {
            let mut kill = redis::cmd("CLIENT");
            kill.arg(&["KILL", "TYPE", "pubsub"]);
            let _: u64 = kill.query_async(&mut connection).await.unwrap();
            tokio::time::sleep(Duration::from_millis(3)).await;
        }
    });
    stack.add_worker(&[]).await;
    stack.queue_is_empty().await;
    cutting.abort();
    let start = Instant::now();
    for poll in polls {
        assert_eq!(poll.await.unwrap().body["data"]["status"], "processed");
    }
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn waiters_outlive_a_restart_of_redis() {
    let mut stack = StackBuilder::new().workers(0).start().await;
    let href = accepted(&stack).await;
    let poll = poll(&stack, &href, 30);
    all_wait(&stack, 1).await;
    stack.redis.kill().await;
    stack.redis.restart().await;
    stack.add_worker(&[]).await;
    assert_eq!(poll.await.unwrap().body["data"]["status"], "processed");
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn waiters_are_woken_in_a_cluster() {
    let temp_dir = TempDir::new().unwrap();
    let cluster = RedisCluster::start(temp_dir.path(), 3, 0).await;
    let mut stack = StackBuilder::new()
        .set("RESEND_REDIS_URL", cluster.urls())
        .set("RESEND_REDIS_MODE", "cluster")
        .workers(0)
        .start()
        .await;
    let polls = polls_of_all(&stack).await;
    stack.add_worker(&[]).await;
    for poll in polls {
        assert_eq!(poll.await.unwrap().body["data"]["status"], "processed");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn waiters_follow_the_master_that_sentinels_name() {
    let temp_dir = TempDir::new().unwrap();
    let mut redis = RedisSentinels::start(temp_dir.path()).await;
    let mut stack = StackBuilder::new()
        .set("RESEND_REDIS_URL", redis.urls())
        .set("RESEND_REDIS_MODE", "sentinel")
        .set("RESEND_REDIS_SENTINEL_MASTER", MASTER)
        .set("RESEND_REDIS_MIN_REPLICAS", 1)
        .workers(0)
        .start()
        .await;
    let polls = polls_of_all(&stack).await;
    all_wait(&stack, polls.len()).await;
    let old = redis.master_port().await.unwrap();
    redis.servers[0].kill().await;
    eventually("the sentinels name a new master", Duration::from_secs(20), || async {
        redis.master_port().await.filter(|port| *port != old)
    })
    .await;
    // An end is shown once a replica has confirmed it: the old master comes back as one.
    redis.servers[0].restart().await;
    stack.add_worker(&[]).await;
    for poll in polls {
        let answer = poll.await.unwrap();
        assert_eq!(answer.body["data"]["status"], "processed", "{}", answer.body);
    }
}

/// Long polls for one job of every case that sends.
async fn polls_of_all(stack: &Stack) -> Vec<tokio::task::JoinHandle<Answer>> {
    let mut polls = Vec::new();
    for scenario in scenarios().into_iter().filter(|case| matches!(case.expected, Expected::Sent { .. })) {
        let accepted = stack.client().resend(scenario.patient_id, scenario.approval_id).await;
        assert_eq!(accepted.status, StatusCode::ACCEPTED, "{}", accepted.body);
        polls.push(poll(stack, &accepted.location(), 30));
    }
    polls
}
