//! Waiting for a job: long polls, event streams, and a PATCH that waits for its result.

use std::time::{Duration, Instant};

use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use tests::client::{Answer, resend_path};
use tests::eventually::eventually;
use tests::place::Place;
use tests::redis_cluster::RedisCluster;
use tests::redis_sentinels::{MASTER, RedisSentinels};
use tests::sandbox::scenarios::{Expected, Scenario, scenarios};
use tests::stack::{STOPS_WITHIN, Stack, StackBuilder};

use crate::waiting_figures::all_wait;

fn named(name: &str) -> Scenario {
    scenarios().into_iter().find(|scenario| scenario.name == name).unwrap()
}

fn plain() -> Scenario {
    scenarios().swap_remove(0)
}

fn patch(stack: &Stack, scenario: &Scenario, prefer: &str) -> RequestBuilder {
    let path = resend_path(scenario.patient_id, scenario.approval_id);
    stack.client().request(Method::PATCH, &path).header("prefer", prefer)
}

async fn accepted(stack: &Stack) -> String {
    let scenario = plain();
    stack.client().resend(scenario.patient_id, scenario.approval_id).await.location()
}

/// Starts a long poll.
fn poll(stack: &Stack, href: &str, seconds: u64) -> tokio::task::JoinHandle<Answer> {
    let request = stack.client().request(Method::GET, href).header("prefer", format!("wait={seconds}"));
    tokio::spawn(Answer::of(request))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_poll_is_answered_as_soon_as_the_job_ends() {
    let mut stack = StackBuilder::new().workers(0).start().await;
    let href = accepted(&stack).await;
    let polls = [poll(&stack, &href, 30), poll(&stack, &href, 30)];
    stack.add_worker(&[]).await;
    for poll in polls {
        let answer = poll.await.unwrap();
        assert_eq!((answer.status, &answer.body["data"]["status"]), (StatusCode::OK, &json!("processed")));
        assert_eq!(answer.header("preference-applied"), Some("wait=30"));
    }
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_poll_that_runs_out_answers_the_pending_job() {
    let stack = StackBuilder::new().workers(0).start().await;
    let href = accepted(&stack).await;
    let start = Instant::now();
    let answer = poll(&stack, &href, 1).await.unwrap();
    assert!(start.elapsed() >= Duration::from_secs(1), "{:?}", start.elapsed());
    assert_eq!((answer.status, &answer.body["data"]["status"]), (StatusCode::OK, &json!("pending")));
    assert!(answer.header("retry-after").is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_poll_outlasts_the_limit_of_other_requests() {
    let stack = StackBuilder::new().workers(0).start().await;
    let href = accepted(&stack).await;
    let start = Instant::now();
    let answer = poll(&stack, &href, 12).await.unwrap();
    assert!(start.elapsed() >= Duration::from_secs(12), "{:?}", start.elapsed());
    assert_eq!(answer.status, StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_or_unknown_job_is_not_waited_for() {
    let stack = StackBuilder::new().workers(0).start().await;
    let href = accepted(&stack).await;
    let start = Instant::now();
    for (token, href) in [("mis-b-token", href.as_str()), ("mis-a-token", "/Jobs/NBXk9EyErUZv1RhXgyvgg")] {
        for path in [href.to_owned(), format!("{href}/events")] {
            let client = stack.client().with_token(token);
            let answer = Answer::of(client.request(Method::GET, &path).header("prefer", "wait=30")).await;
            assert_eq!(answer.status, StatusCode::NOT_FOUND);
        }
    }
    assert!(start.elapsed() < Duration::from_secs(5));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopping_api_answers_long_polls_and_ends_streams_at_once() {
    let mut stack = StackBuilder::new().workers(0).start().await;
    let href = accepted(&stack).await;
    let poll = poll(&stack, &href, 30);
    let mut stream = stack.client().request(Method::GET, &format!("{href}/events")).send().await.unwrap();
    assert!(stream.chunk().await.unwrap().is_some(), "the pending event");
    all_wait(&stack, 2).await;
    let start = Instant::now();
    let status = stack.apis[0].process.stop(STOPS_WITHIN).await;
    assert!(status.success() && start.elapsed() < Duration::from_secs(8), "{:?}", start.elapsed());
    assert_eq!(poll.await.unwrap().body["data"]["status"], "pending");
    assert_eq!(stream.chunk().await.unwrap(), None, "the stream ends in good order");
}

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
async fn a_stream_tells_each_status_and_ends_with_the_last() {
    let mut stack = StackBuilder::new().workers(0).start().await;
    let href = accepted(&stack).await;
    let path = format!("{}/events", href.replace("/Jobs/", "/api/jobs/"));
    let stream = stack.client().request(Method::GET, &path).send().await.unwrap();
    assert_eq!(stream.headers()["content-type"], "text/event-stream");
    assert_eq!(stream.headers()["cache-control"], "no-store");
    stack.add_worker(&[]).await;
    let text = stream.text().await.unwrap();
    let events: Vec<_> = text.split("\n\n").filter(|event| event.contains("event:")).collect();
    let [pending, processed] = events.as_slice() else { panic!("{text}") };
    let field = |event: &str, name: &str| {
        event.lines().find_map(|line| line.strip_prefix(name)).unwrap().trim_start_matches(": ").to_owned()
    };
    assert_eq!((field(pending, "event"), field(processed, "event")), ("pending".into(), "processed".into()));
    let told: Value = serde_json::from_str(&field(processed, "data")).unwrap();
    let shown = stack.client().get(&href).await;
    assert_eq!(told["data"], shown.body["data"]);

    // A browser that connects again is told that there is no more.
    let last = field(processed, "id");
    let again = stack.client().request(Method::GET, &path).header("last-event-id", last);
    assert_eq!(Answer::of(again).await.status, StatusCode::NO_CONTENT);
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_patch_that_waits_answers_201_with_the_approval() {
    let stack = Stack::start().await;
    let scenario = plain();
    let answer = Answer::of(patch(&stack, &scenario, "wait=10").header("x-request-id", "req-1")).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.body);
    assert_eq!(answer.header("preference-applied"), Some("wait=2"), "as long as the server allows");
    assert_eq!(answer.body["data"]["id"], json!(scenario.approval_id));
    let url = format!("{}{}", stack.apis[0].url, resend_path(scenario.patient_id, scenario.approval_id));
    let meta = json!({"code": 201, "url": url, "type": "object", "request_id": "req-1"});
    assert_eq!(answer.body["meta"], meta);
    let method = &answer.body["data"]["authentication_method_current"];
    assert!(method["number"].as_str().unwrap().contains("*****"), "{method}");
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_patch_that_waits_answers_the_jobs_own_error() {
    let stack = StackBuilder::new()
        .set("RESEND_JOB_DEADLINE_SECONDS", 3)
        .set("RESEND_SYNC_MAX_WAIT_MS", 20_000)
        .start()
        .await;
    let mut seen = Vec::new();
    for scenario in scenarios() {
        let Expected::Refused { status_code, error_type, message } = scenario.expected.clone() else {
            continue;
        };
        let answer = Answer::of(patch(&stack, &scenario, "wait=20")).await;
        assert_eq!(answer.status.as_u16(), status_code, "{}: {}", scenario.name, answer.body);
        let message =
            message.map_or_else(|| answer.body["error"]["message"].clone(), |message| json!(message));
        assert_eq!(answer.body["error"], json!({"type": error_type, "message": message}));
        assert_eq!(answer.body["meta"]["code"], status_code);
        assert_eq!(answer.header("preference-applied"), Some("wait=20"));
        seen.push(status_code);
    }
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen, [404, 409]);
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_patch_that_waits_answers_502_or_504_for_an_upstream_in_trouble() {
    let stack = StackBuilder::new()
        .set("RESEND_JOB_DEADLINE_SECONDS", 2)
        .set("RESEND_SYNC_MAX_WAIT_MS", 30_000)
        .start()
        .await;
    for (action, status) in [
        (json!({"hang": true}), StatusCode::GATEWAY_TIMEOUT),
        (json!({"status": 500}), StatusCode::BAD_GATEWAY),
    ] {
        stack.set_faults(json!([{"target": "persons", "action": action}])).await;
        let answer = Answer::of(patch(&stack, &plain(), "wait=30")).await;
        assert_eq!((answer.status, &answer.body["error"]["type"]), (status, &json!("internal_error")));
    }
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_patch_waits_only_if_it_may_and_answers_202_when_the_wait_runs_out() {
    let stack = StackBuilder::new().workers(0).set("RESEND_SYNC_MAX_WAIT_MS", 300).start().await;
    for (prefer, applied) in [
        ("wait=10", Some("wait=1")),
        ("respond-async, wait=10", Some("respond-async")),
        ("wait=0", None),
        ("return=minimal", None),
    ] {
        let answer = Answer::of(patch(&stack, &plain(), prefer)).await;
        assert_eq!(
            (answer.status, answer.header("preference-applied")),
            (StatusCode::ACCEPTED, applied),
            "{prefer}"
        );
        assert!(answer.header("location").is_some());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_servers_policy_decides() {
    let mut stack = StackBuilder::new().set("RESEND_SYNC_POLICY", "never").start().await;
    let never = Answer::of(patch(&stack, &plain(), "wait=2")).await;
    assert_eq!((never.status, never.header("preference-applied")), (StatusCode::ACCEPTED, None));
    stack.client().end_of(&never.location(), Duration::from_secs(10)).await;

    let auto = stack.add_api(&[("RESEND_SYNC_POLICY", "auto")]).await;
    let scenario = named("otp-authorized");
    let client = tests::client::ApiClient::new(&stack.apis[auto].url, "mis-a-token");
    let answer = client.resend(scenario.patient_id, scenario.approval_id).await;
    assert_eq!(
        (answer.status, answer.header("preference-applied")),
        (StatusCode::CREATED, None),
        "{}",
        answer.body
    );
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn waiters_of_a_cluster_hear_from_every_partition() {
    let place = Place::new().unwrap();
    let cluster = RedisCluster::start(place.path(), 3, 0).await;
    let mut stack = StackBuilder::new()
        .set("RESEND_REDIS_URL", cluster.urls())
        .set("RESEND_REDIS_MODE", "cluster")
        .set("RESEND_QUEUE_PARTITIONS", 6)
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
    let place = Place::new().unwrap();
    let mut redis = RedisSentinels::start(place.path()).await;
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
    // Nobody is left to confirm what this worker writes.
    stack.add_worker(&[("RESEND_REDIS_MIN_REPLICAS", "0")]).await;
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
