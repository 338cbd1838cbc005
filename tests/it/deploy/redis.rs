//! Redis with the shipped files: the configuration keeps what is written, and each program can do its work with its own
//! rights, and nothing else.

use std::time::Duration;

use ::redis::{Client, cmd};
use reqwest::Method;
use tests::client::{Answer, ApiClient, resend_path};
use tests::eventually::eventually;
use tests::keys::keys;
use tests::process::program;
use tests::redis_cluster::RedisCluster;
use tests::redis_sentinels::{MASTER, RedisSentinels, SENTINELS_PASSWORD};
use tests::redis_server::{RedisServer, Shipped, User};
use tests::sandbox::scenarios::scenarios;
use tests::stack::{Stack, StackBuilder};
use tests::temp_dir::TempDir;
use tokio::process::Command;

use super::read;

const SOON: Duration = Duration::from_secs(15);
const BOARD_TOKEN: &str = "board-token-of-these-tests";

/// Redis with the shipped files, and a user for the test's own reads.
async fn start() -> Stack {
    StackBuilder::new().apis(0).workers(0).shipped_redis(Shipped::Observed).start().await
}

async fn ctl(stack: &Stack, words: &[&str]) -> String {
    ctl_as(stack, User::RESENDCTL, words).await
}

async fn ctl_as(stack: &Stack, user: User, words: &[&str]) -> String {
    ctl_at(stack, &stack.redis.url_for(Some(user)), words).await
}

async fn ctl_at(stack: &Stack, url: &str, words: &[&str]) -> String {
    let mut command = Command::new(program("resendctl"));
    command.args(words).env_clear().envs(stack.settings().iter().cloned());
    command.env("RESEND_REDIS_URL", url);
    let output = command.output().await.unwrap();
    assert!(output.status.success(), "{words:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_programs_do_all_their_work_under_their_own_rights() {
    let mut stack = start().await;
    stack.add_api(&[]).await;
    let client = stack.client();
    ctl(&stack, &["pause", "--yes"]).await;
    let cancelled = scenarios().swap_remove(1);
    let job = client.resend(cancelled.patient_id, cancelled.approval_id).await.location();
    ctl(&stack, &["jobs", "cancel", "--yes", job.rsplit('/').next().unwrap()]).await;
    ctl(&stack, &["resume"]).await;
    // A worker's container has only the worker's settings: whoever may pause there may also resume there.
    ctl_as(&stack, User::WORKER, &["pause", "--yes", "--because", "a look"]).await;
    assert!(ctl_as(&stack, User::WORKER, &["resume"]).await.starts_with("Resumed"));

    for _ in 0..2 {
        stack.add_worker(&[("RESEND_BOARD_TOKEN", BOARD_TOKEN)]).await;
    }
    for scenario in scenarios() {
        let answer = client.resend(scenario.patient_id, scenario.approval_id).await;
        if answer.status == 202 {
            client.end_of(&answer.location(), SOON).await;
        }
    }
    let _: String = stack.redis.command(&["XADD", &keys().stream(), "*", "m", "garbage"]).await;
    eventually("garbage is set aside", SOON, || async {
        ctl(&stack, &["quarantine", "list"]).await.contains("malformed").then_some(())
    })
    .await;
    for words in [
        &["quarantine", "purge", "--all", "--yes"][..],
        &["stats"],
        &["workers"],
        &["jobs", "list", "--state", "failed"],
        &["doctor"],
    ] {
        ctl(&stack, words).await;
    }
    let board = ApiClient::new(&stack.workers[0].url, BOARD_TOKEN).get("/board").await;
    assert_eq!(board.status, 200, "{}", board.body);
    let denied: Vec<Vec<::redis::Value>> = stack.redis.command(&["ACL", "LOG"]).await;
    // `resendctl doctor` tries CONFIG, is refused, and says so.
    let denied = format!("{denied:?}");
    assert!(!denied.contains("resend-api") && !denied.contains("resend-worker"), "{denied}");
    for member in stack.apis.iter().chain(&stack.workers) {
        assert!(!member.process.log().contains("NOPERM"), "{}", member.process.log());
    }
    stack.stop().await;
}

/// Users and sentinels both have passwords: each comes from its own setting.
#[tokio::test(flavor = "multi_thread")]
async fn behind_sentinels_everybody_works_under_the_same_rights() {
    let temp_dir = TempDir::new().unwrap();
    let redis = RedisSentinels::shipped(temp_dir.path()).await;
    let mut stack = StackBuilder::new()
        .apis(0)
        .workers(0)
        .set("RESEND_REDIS_MODE", "sentinel")
        .set("RESEND_REDIS_SENTINEL_MASTER", MASTER)
        .set("RESEND_REDIS_SENTINEL_PASSWORD", SENTINELS_PASSWORD)
        .set("RESEND_REDIS_MIN_REPLICAS", 1)
        .set("RESEND_LIMIT_COOLDOWN_SECONDS", 0)
        .start()
        .await;
    stack.add_api(&[("RESEND_REDIS_URL", &redis.urls_for(Some(User::API)))]).await;
    stack.add_worker(&[("RESEND_REDIS_URL", &redis.urls_for(Some(User::WORKER)))]).await;
    let urls = redis.urls_for(Some(User::RESENDCTL));
    for words in [&["pause", "--yes"][..], &["resume"]] {
        ctl_at(&stack, &urls, words).await;
    }
    let plain = scenarios().swap_remove(0);
    let processed = async |stack: &Stack| {
        let accepted = eventually("a job is accepted", SOON, async || {
            let answer = stack.client().resend(plain.patient_id, plain.approval_id).await;
            (answer.status == 202).then_some(answer)
        })
        .await;
        let ended = stack.client().end_of(&accepted.location(), SOON).await;
        assert_eq!(ended.body["data"]["status"], "processed", "{}", ended.body);
    };
    processed(&stack).await;
    let before = redis.master_port().await;
    redis.fail_over_as_planned().await;
    assert_ne!(redis.master_port().await, before);
    processed(&stack).await;
    stack.stop().await;
}

/// In a cluster the programs send commands that they do not send to a single server.
#[tokio::test(flavor = "multi_thread")]
async fn in_a_cluster_the_programs_have_the_rights_they_need() {
    let temp_dir = TempDir::new().unwrap();
    let cluster = RedisCluster::shipped(temp_dir.path(), 3).await;
    let mut stack = StackBuilder::new().apis(0).workers(0).set("RESEND_REDIS_MODE", "cluster").start().await;
    stack.add_api(&[("RESEND_REDIS_URL", &cluster.urls_for(Some(User::API)))]).await;
    stack.add_worker(&[("RESEND_REDIS_URL", &cluster.urls_for(Some(User::WORKER)))]).await;
    for scenario in scenarios() {
        let path = resend_path(scenario.patient_id, scenario.approval_id);
        let waiting = stack.client().request(Method::PATCH, &path).header("prefer", "wait=2");
        let answer = Answer::of(waiting.header("idempotency-key", scenario.approval_id.to_string())).await;
        assert_ne!(answer.status, 503, "{}", answer.body);
    }
    for node in &cluster.nodes {
        let mut denied: Vec<Vec<::redis::Value>> = node.command(&["ACL", "LOG"]).await;
        // The cluster client sends its library name to nodes that it discovers; Redis 7.0 has no right for that
        // (redis.conf).
        denied.retain(|entry| !format!("{entry:?}").contains("client|setinfo"));
        assert!(denied.is_empty(), "{denied:?}");
    }
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_program_may_do_what_its_work_does_not_need() {
    let stack = start().await;
    for user in [User::API, User::WORKER, User::RESENDCTL, User::METRICS] {
        let client = Client::open(stack.redis.url_for(Some(user))).unwrap();
        let mut connection = client.get_multiplexed_async_connection().await.unwrap();
        let ping: String = cmd("PING").query_async(&mut connection).await.unwrap();
        assert_eq!(ping, "PONG");
        for words in [
            &["KEYS", "*"][..],
            &["CONFIG", "GET", "*"],
            &["CONFIG", "SET", "appendonly", "no"],
            &["DEBUG", "SLEEP", "0"],
            &["FLUSHALL"],
            &["FLUSHDB"],
            &["ACL", "LIST"],
            &["SHUTDOWN", "NOSAVE"],
            &["SCRIPT", "FLUSH"],
            &["MONITOR"],
            &["EVAL", "return 1", "0"],
            &["XGROUP", "DESTROY", &keys().stream(), "workers"],
            // Another application's keys on the same server.
            &["XLEN", "other:stream"],
        ] {
            let answer: Result<::redis::Value, _> =
                cmd(words[0]).arg(&words[1..]).query_async(&mut connection).await;
            let refused = answer.expect_err(&format!("{user} may {words:?}")).to_string();
            assert!(
                ["permission", "NOPERM", "not allowed"].iter().any(|word| refused.contains(word)),
                "{user} {words:?}: {refused}"
            );
        }
    }
    stack.stop().await;
}

#[tokio::test]
async fn the_shipped_configuration_starts_and_has_no_finding() {
    let temp_dir = TempDir::new().unwrap();
    let server = RedisServer::start_shipped(temp_dir.path(), Shipped::Exact).await;
    let checks = doctor(&server).await;
    let of_redis: Vec<_> = checks.iter().filter(|check| check["area"] == "redis").collect();
    assert!(of_redis.iter().all(|check| check["level"] == "ok"), "{of_redis:#?}");
}

#[tokio::test]
async fn a_default_user_without_rights_to_load_is_a_finding() {
    let temp_dir = TempDir::new().unwrap();
    let server = RedisServer::start_shipped(temp_dir.path(), Shipped::WithoutRightsToLoad).await;
    let checks = doctor(&server).await;
    let found = checks.iter().find(|check| check["level"] == "problem" && check["area"] == "redis");
    if loads_without_rights(&server).await {
        assert!(found.is_none(), "{found:?}");
    } else {
        let found = found.unwrap().to_string();
        assert!(found.contains("user default off resetpass ~* &* +@all"), "{found}");
    }
}

/// From version 9 on, Valkey checks no rights while it loads.
async fn loads_without_rights(server: &RedisServer) -> bool {
    let info: String = server.command(&["INFO", "server"]).await;
    let version = info.lines().find_map(|line| line.strip_prefix("valkey_version:"));
    version.and_then(|version| version.split('.').next()?.parse::<u32>().ok()).is_some_and(|major| major >= 9)
}

async fn doctor(server: &RedisServer) -> Vec<serde_json::Value> {
    let mut doctor = Command::new(program("resendctl"));
    doctor.args(["doctor", "--output", "json"]).env_clear().env("RESEND_REDIS_URL", server.url());
    serde_json::from_slice(&doctor.output().await.unwrap().stdout).unwrap()
}

/// The table of capacity.md says what a day of each load needs; the country is what this file is for.
#[test]
fn the_shipped_memory_holds_a_day_of_the_country_with_what_belongs_to_it() {
    let capacity = read("deploy/capacity.md");
    let row = capacity.lines().find(|line| line.starts_with("| the whole country |")).unwrap();
    let gigabytes: f64 = row.split('|').nth(8).unwrap().trim().parse().unwrap();
    let conf = read("deploy/redis/redis.conf");
    let memory = conf.lines().find_map(|line| line.strip_prefix("maxmemory ")).unwrap();
    let limit: f64 = memory.strip_suffix("gb").unwrap().parse().unwrap();
    // Besides the jobs: limits, codes, idempotency keys, buffers.
    assert!(limit * 1.073_741_824 >= 2.0 * gigabytes, "maxmemory {memory}, a day needs {gigabytes} GB");
}
