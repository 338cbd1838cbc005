//! Redis in other topologies than one server: a cluster, and a master that sentinels replace.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::{future, stream};
use redis::Script;
use reqwest::{Method, StatusCode};
use shared::redis::Redis;
use shared::settings::{RedisConfig, Settings};
use tests::client::{Answer, resend_path};
use tests::eventually::eventually;
use tests::redis_cluster::RedisCluster;
use tests::redis_sentinels::{MASTER, RedisSentinels};
use tests::sandbox::scenarios::{Expected, scenarios};
use tests::stack::{Stack, StackBuilder};
use tests::temp_dir::TempDir;
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

/// Every confirmed write of these tests.
const WRITE: &str = "return redis.call('INCR', KEYS[1])";

/// A handle with these settings.
fn handle(pairs: &[(&str, &str)]) -> Redis {
    let settings = Settings::from_pairs(pairs.iter().copied()).unwrap();
    Redis::new(&RedisConfig::from_settings(&settings).unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_cluster_a_queue_lives_in_one_slot() {
    let temp_dir = TempDir::new().unwrap();
    let cluster = RedisCluster::start(temp_dir.path(), 3, 0).await;
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
    let temp_dir = TempDir::new().unwrap();
    let mut redis = RedisSentinels::start(temp_dir.path()).await;
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

    // The old master returns as the replica that confirms.
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

/// A port that neither accepts nor refuses a connection, as if packets were dropped: its backlog is full.
struct BlackHolePort {
    address: SocketAddr,
    _open: Vec<TcpStream>,
    _listener: tokio::net::TcpListener,
}

impl BlackHolePort {
    async fn new() -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let listener = socket.listen(1).unwrap();
        let address = listener.local_addr().unwrap();
        let mut open = Vec::new();
        while let Ok(stream) = timeout(Duration::from_millis(300), TcpStream::connect(address)).await {
            open.push(stream.unwrap());
        }
        Self { address, _open: open, _listener: listener }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sentinel_whose_host_is_gone_delays_no_connection() {
    let temp_dir = TempDir::new().unwrap();
    let redis = RedisSentinels::start(temp_dir.path()).await;
    let gone = BlackHolePort::new().await;
    let urls = format!("redis://{},{}", gone.address, redis.urls());
    let redis = handle(&[
        ("RESEND_REDIS_URL", &urls),
        ("RESEND_REDIS_MODE", "sentinel"),
        ("RESEND_REDIS_SENTINEL_MASTER", MASTER),
    ]);
    // A busy machine delays some of them; a sentinel that is waited for delays each by a tenth of a second or more.
    let mut quickest = Duration::MAX;
    for _ in 0..20 {
        let start = Instant::now();
        redis.dedicated().await.unwrap();
        quickest = quickest.min(start.elapsed());
    }
    assert!(quickest < Duration::from_millis(100), "{quickest:?}");
    let connections = future::join_all((0..20).map(|_| redis.dedicated())).await;
    assert!(connections.iter().all(Result::is_ok));
}

#[tokio::test(flavor = "multi_thread")]
async fn no_sentinel_that_answers_is_an_error_within_the_time_of_a_command() {
    let gone = BlackHolePort::new().await;
    let redis = handle(&[
        ("RESEND_REDIS_URL", &format!("redis://{}", gone.address)),
        ("RESEND_REDIS_MODE", "sentinel"),
        ("RESEND_REDIS_SENTINEL_MASTER", MASTER),
    ]);
    // Past the time of a command the error is another: "Redis did not answer within 1500 ms".
    assert!(redis.ping().await.unwrap_err().to_string().starts_with("Redis is unreachable"));
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_cluster_only_the_queues_own_shard_must_confirm() {
    let temp_dir = TempDir::new().unwrap();
    let mut cluster = RedisCluster::start(temp_dir.path(), 3, 1).await;
    let redis = handle(&[
        ("RESEND_REDIS_URL", &cluster.urls()),
        ("RESEND_REDIS_MODE", "cluster"),
        ("RESEND_REDIS_MIN_REPLICAS", "1"),
    ]);
    let script = Script::new(WRITE);
    let write = || async { redis.script_confirmed::<u64>(&script.key("{resend}:probe")).await };
    eventually("the replica confirms", Duration::from_secs(20), || async { write().await.ok() }).await;

    let master = cluster.master_of("{resend}:probe").await.port();
    let (own, others) = cluster.replicas_of(master).await;
    for replica in others {
        cluster.nodes[replica].kill().await;
    }
    let mut failed = Vec::new();
    for _ in 0..20 {
        failed.extend(write().await.err());
    }
    assert!(failed.is_empty(), "other shards' replicas are missing: {failed:?}");

    cluster.nodes[own[0]].kill().await;
    let error =
        eventually("its own replica is missed", Duration::from_secs(10), || async { write().await.err() })
            .await;
    assert_eq!(error.to_string(), "the write was confirmed by 0 of 1 replicas");
}

#[tokio::test(flavor = "multi_thread")]
async fn confirmed_calls_share_a_bounded_number_of_connections() {
    let temp_dir = TempDir::new().unwrap();
    let cluster = RedisCluster::start(temp_dir.path(), 3, 1).await;
    let redis = handle(&[
        ("RESEND_REDIS_URL", &cluster.urls()),
        ("RESEND_REDIS_MODE", "cluster"),
        ("RESEND_REDIS_MIN_REPLICAS", "1"),
    ]);
    let script = Script::new(WRITE);
    let invocation = script.key("{resend}:probe");
    eventually("the replica confirms", Duration::from_secs(20), || async {
        redis.script_confirmed::<u64>(&invocation).await.ok()
    })
    .await;
    let calls = (0..200).map(|_| redis.script_confirmed::<u64>(&invocation));
    let written = future::join_all(calls).await;
    assert!(written.iter().filter(|answer| answer.is_ok()).count() > 100, "{written:?}");
    let node = cluster.master_of("{resend}:probe").await;
    // 16 for confirmed calls, the shared link, and this look; the one that found the master is closed soon.
    eventually("no more than 18 connections are open", Duration::from_secs(10), || async {
        let clients: String = node.command(&["CLIENT", "LIST", "TYPE", "NORMAL"]).await;
        (clients.lines().count() <= 18).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_do_not_name_their_library() {
    let temp_dir = TempDir::new().unwrap();
    let server = tests::redis_server::RedisServer::start(temp_dir.path()).await;
    let redis = handle(&[("RESEND_REDIS_URL", &server.url())]);
    redis.ping().await.unwrap();
    let clients: String = server.command(&["CLIENT", "LIST"]).await;
    let ours = clients.lines().find(|client| client.contains("cmd=ping")).unwrap();
    assert!(!ours.contains("lib-name=redis"), "CLIENT SETINFO was sent: {ours}");
}
