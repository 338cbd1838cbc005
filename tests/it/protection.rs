//! The conditions of a 202: a Redis that keeps what is written, and replicas that have it.

use std::time::Duration;

use reqwest::StatusCode;
use shared::queue::Finished;
use tests::client::Answer;
use tests::eventually::eventually;
use tests::keys::{job_record, keys};
use tests::redis_server::RedisServer;
use tests::sandbox::scenarios::scenarios;
use tests::stack::{Stack, StackBuilder};
use tests::temp_dir::TempDir;

use crate::test_queue::{TestQueue, job, refused};

const RUN: Duration = Duration::from_millis(20);

const WITHIN: Duration = Duration::from_secs(12);

async fn resend(stack: &Stack) -> Answer {
    let plain = scenarios().swap_remove(0);
    stack.client().resend(plain.patient_id, plain.approval_id).await
}

#[tokio::test(flavor = "multi_thread")]
async fn strict_accepts_nothing_while_redis_would_lose_or_evict_it() {
    let without_aof = ["--appendonly", "no", "--save", ""];
    let stack = StackBuilder::new().workers(0).set("RESEND_STRICT", true).redis(&without_aof).start().await;
    eventually("the start-up check says so", WITHIN, || async {
        stack.apis[0].process.log().contains("no append-only file").then_some(())
    })
    .await;
    assert_eq!(resend(&stack).await.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(stack.redis.command::<u64>(&["EXISTS", &keys().stream()]).await, 0);

    let _: String = stack.redis.command(&["CONFIG", "SET", "appendonly", "yes"]).await;
    let _: String = stack.redis.command(&["CONFIG", "SET", "maxmemory-policy", "allkeys-lru"]).await;
    eventually("the evicting policy is found", WITHIN, || async {
        stack.apis[0].process.log().contains("evicts jobs").then_some(())
    })
    .await;
    assert_eq!(resend(&stack).await.status, StatusCode::SERVICE_UNAVAILABLE);

    let _: String = stack.redis.command(&["CONFIG", "SET", "maxmemory-policy", "noeviction"]).await;
    eventually("jobs are accepted once Redis is safe", WITHIN, || async {
        (resend(&stack).await.status == StatusCode::ACCEPTED).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_strict_the_danger_is_said_and_jobs_are_accepted() {
    let stack = StackBuilder::new().redis(&["--appendonly", "no", "--save", ""]).start().await;
    for member in stack.apis.iter().chain(&stack.workers) {
        eventually("it is said at start", WITHIN, || async {
            member.process.log().contains("set appendonly yes and appendfsync always").then_some(())
        })
        .await;
    }
    assert_eq!(resend(&stack).await.status, StatusCode::ACCEPTED);
}

#[tokio::test(flavor = "multi_thread")]
async fn strict_accepts_nothing_while_the_append_only_file_could_not_be_loaded() {
    let temp_dir = TempDir::new().unwrap();
    let server = RedisServer::start(temp_dir.path()).await;
    let _: String = server.command(&["ACL", "SETUSER", "app", "on", ">secret", "~*", "&*", "+@all"]).await;
    let url = format!("redis://app:secret@127.0.0.1:{}", server.port());
    let stack =
        StackBuilder::new().workers(0).set("RESEND_REDIS_URL", url).set("RESEND_STRICT", true).start().await;
    eventually("jobs are accepted while the user default has all rights", WITHIN, || async {
        (resend(&stack).await.status == StatusCode::ACCEPTED).then_some(())
    })
    .await;
    let _: String = server.command(&["ACL", "SETUSER", "default", "-hset"]).await;
    eventually("the missing right is found", WITHIN, || async {
        stack.apis[0].process.log().contains("user default off resetpass ~* &* +@all").then_some(())
    })
    .await;
    assert_eq!(resend(&stack).await.status, StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_202_waits_for_its_replicas_and_a_retry_finds_the_same_job() {
    let stack = StackBuilder::new().workers(0).set("RESEND_REDIS_MIN_REPLICAS", 1).start().await;
    let refused = resend(&stack).await;
    assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE, "{}", refused.body);
    assert!(refused.header("retry-after").is_some());
    let written: Vec<String> = stack.redis.command(&["HVALS", &keys().live()]).await;
    assert_eq!(written.len(), 1);

    // Redis waits 5 s for more replicas before a full copy.
    let _: String = stack.redis.command(&["CONFIG", "SET", "repl-diskless-sync-delay", "0"]).await;
    let master = format!("127.0.0.1 {}", stack.redis.port());
    let replica = RedisServer::start_with(&stack.folder().join("replica"), &["--replicaof", &master]).await;
    let accepted = eventually("the replica confirms", WITHIN, || async {
        let answer = resend(&stack).await;
        (answer.status == StatusCode::ACCEPTED).then_some(answer)
    })
    .await;
    let job = accepted.location().trim_start_matches("/Jobs/").to_owned();
    assert_eq!(job, written[0]);
    let there: u64 = replica.command(&["EXISTS", &job_record(&job)]).await;
    assert_eq!(there, 1, "the replica has the job at the moment of the 202");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_end_is_written_again_until_its_replicas_have_it() {
    let fixture = TestQueue::with(&[("RESEND_REDIS_MIN_REPLICAS", "1")]).await;
    let temp_dir = TempDir::new().unwrap();
    // Redis waits 5 s for more replicas before a full copy.
    let _: String = fixture.server.command(&["CONFIG", "SET", "repl-diskless-sync-delay", "0"]).await;
    let master = format!("127.0.0.1 {}", fixture.server.port());
    let mut replica =
        RedisServer::start_with(temp_dir.path(), &["--appendonly", "yes", "--replicaof", &master]).await;
    fixture.server.confirmed_by(1).await;
    let ticket = fixture.accept(&job()).await;
    let delivery = fixture.deliver("w1").await;
    let outcome = refused();
    let finish = || fixture.queue.deliveries().finish(&delivery, &outcome, RUN);

    replica.kill().await;
    for _ in 0..2 {
        let error = finish().await.unwrap_err();
        assert_eq!(error.to_string(), "the write was confirmed by 0 of 1 replicas");
    }
    let record = job_record(&ticket.job);
    assert_eq!(fixture.server.command::<String>(&["HGET", &record, "state"]).await, "failed");
    let shown = fixture.queue.job_store().job(&ticket.job).await;
    assert!(shown.is_err(), "an end is shown only once it is confirmed: {shown:?}");

    replica.restart().await;
    let finished = eventually("the replica confirms", WITHIN, || async { finish().await.ok() }).await;
    assert!(matches!(finished, Finished::Before), "{finished:?}");
    assert_eq!(replica.command::<String>(&["HGET", &record, "state"]).await, "failed");
}
