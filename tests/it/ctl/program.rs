//! `resendctl` as its users start it: what it prints, how it exits, and what it never shows.

use std::process::Output;
use std::time::Duration;

use serde_json::Value;
use shared::settings::table;
use tests::client::ApiClient;
use tests::eventually::eventually;
use tests::keys::keys;
use tests::process::{Process, program};
use tests::redis_cluster::RedisCluster;
use tests::sandbox::scenarios::{Expected, scenarios};
use tests::stack::{Stack, StackBuilder};
use tests::temp_dir::TempDir;
use tokio::process::Command;

const SOON: Duration = Duration::from_secs(15);

pub(crate) async fn ctl_with(settings: &[(String, String)], words: &[&str]) -> Output {
    let mut command = Command::new(program("resendctl"));
    command.args(words).env_clear().envs(settings.iter().cloned());
    command.stdin(std::process::Stdio::null()).output().await.unwrap()
}

/// Runs it with the settings of the stack, and requires this exit status.
pub(crate) async fn ctl(stack: &Stack, words: &[&str], status: i32) -> String {
    let output = ctl_with(stack.settings(), words).await;
    assert_eq!(output.status.code(), Some(status), "{words:?}: {output:?}");
    let shown = String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
    for secret in ["sandbox-secret", "registry-token", "sms-token", "dGVzdHM", "+38020"] {
        assert!(!shown.contains(secret), "{words:?} shows {secret}: {shown}");
    }
    shown
}

pub(crate) async fn json(stack: &Stack, words: &[&str]) -> Value {
    let words = [words, &["--output", "json"]].concat();
    serde_json::from_str(&ctl(stack, &words, 0).await).unwrap()
}

/// Accepts a job for each of this many approvals that can be sent.
async fn accept(stack: &Stack, jobs: usize) -> Vec<String> {
    let client: ApiClient = stack.client();
    let mut ids = Vec::new();
    for scenario in
        scenarios().into_iter().filter(|one| matches!(one.expected, Expected::Sent { .. })).take(jobs)
    {
        let location = client.resend(scenario.patient_id, scenario.approval_id).await.location();
        ids.push(location.rsplit('/').next().unwrap().to_owned());
    }
    ids
}

/// Without a terminal, as in the pod that operators enter.
#[tokio::test(flavor = "multi_thread")]
async fn a_watch_outlasts_an_outage_of_redis() {
    let mut stack = StackBuilder::new().workers(0).start().await;
    let log = stack.folder().join("watch.log");
    let words = ["stats", "--watch"].map(str::to_owned);
    let mut watch = Process::start(&program("resendctl"), &words, stack.settings(), &log).unwrap();
    let lines = |watch: &Process, of: &str| watch.log().lines().filter(|line| line.contains(of)).count();
    let is_shown = async |watch: &Process, of: &str, more_than: usize| {
        eventually(of, SOON, || async { (lines(watch, of) > more_than).then_some(()) }).await;
    };
    is_shown(&watch, "ready", 0).await;
    stack.redis.kill().await;
    is_shown(&watch, "no figures", 0).await;
    let seen = lines(&watch, "ready");
    stack.redis.restart().await;
    is_shown(&watch, "ready", seen).await;
    assert_eq!(watch.has_ended(), None);
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_queue_is_seen_steered_and_resumed() {
    let stack = StackBuilder::new().workers(0).start().await;
    ctl(&stack, &["pause"], 1).await;
    assert!(ctl(&stack, &["pause", "--yes"], 0).await.starts_with("Paused."));
    let jobs = accept(&stack, 3).await;
    let stats = json(&stack, &["stats"]).await;
    assert_eq!((&stats["ready"], &stats["live"], &stats["workers"]), (&3.into(), &3.into(), &0.into()));
    assert!(stats["paused_seconds"].is_number() && stats["rates"]["accepted"] == 0.0, "{stats}");
    let words = ctl(&stack, &["stats"], 0).await;
    assert!(words.contains("PAUSED for") && words.contains("NO WORKER IS ALIVE"), "{words}");

    let listed = json(&stack, &["jobs", "list", "--state", "ready"]).await;
    assert_eq!(listed.as_array().unwrap().len(), 3);
    let shown = json(&stack, &["jobs", "show", &jobs[0]]).await;
    assert_eq!((&shown["job"], &shown["client"]), (&jobs[0].clone().into(), &"mis-a".into()));
    assert!(ctl(&stack, &["jobs", "cancel", &jobs[0]], 1).await.contains("use --yes"));
    ctl(&stack, &["jobs", "cancel", "--yes", &jobs[0]], 0).await;
    ctl(&stack, &["jobs", "cancel", "--yes", &jobs[0]], 1).await;
    ctl(&stack, &["jobs", "retry", &jobs[0]], 1).await;
    ctl(&stack, &["jobs", "show", "AAAAAAAAAAAAAAAAAAAAA"], 3).await;
    let failed = json(&stack, &["jobs", "list", "--state", "failed"]).await;
    assert_eq!((&failed[0]["job"], &failed[0]["status_code"]), (&jobs[0].clone().into(), &409.into()));
    let told = stack.client().get(&format!("/Jobs/{}", jobs[0])).await;
    assert_eq!(told.body["data"]["error"]["message"], "The request was cancelled by an operator");

    let mut stack = stack;
    stack.add_worker(&[]).await;
    let worker = eventually("the worker lives", SOON, || async {
        json(&stack, &["workers"]).await.as_array().unwrap().first().cloned()
    })
    .await;
    assert_eq!((&worker["alive"], &worker["slots"]), (&true.into(), &64.into()));
    assert_eq!(json(&stack, &["stats"]).await["ready"], 2, "a paused worker takes nothing");
    ctl(&stack, &["resume"], 0).await;
    eventually("what waited ends", SOON, || async {
        (json(&stack, &["stats"]).await["live"] == 0).then_some(())
    })
    .await;
    assert_eq!(stack.ledger().len(), 2, "no message went out for the cancelled job");
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quarantine_is_listed_tried_again_and_purged() {
    let stack = Stack::start().await;
    let _: String = stack.redis.command(&["XADD", &keys().stream(), "*", "m", "+380201112233"]).await;
    let listed = eventually("it is set aside", SOON, || async {
        json(&stack, &["quarantine", "list"]).await.as_array().unwrap().first().cloned()
    })
    .await;
    assert_eq!((&listed["reason"], &listed["job"]), (&"malformed".into(), &Value::Null));
    let id = listed["id"].as_str().unwrap();
    assert!(ctl(&stack, &["quarantine", "retry", id], 1).await.contains("it has no job"));
    ctl(&stack, &["quarantine", "purge", id], 1).await;
    ctl(&stack, &["quarantine", "purge", "--yes", id], 0).await;
    ctl(&stack, &["quarantine", "purge", "--yes", id], 3).await;
    assert!(ctl(&stack, &["quarantine", "list"], 0).await.contains("empty"));
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_finds_what_would_lose_jobs_and_says_what_to_change() {
    let stack = StackBuilder::new().workers(2).start().await;
    let checks = json(&stack, &["doctor"]).await;
    let checks = checks.as_array().unwrap();
    assert!(checks.iter().all(|check| check["level"] != "problem"), "{checks:#?}");
    for service in ["RESEND_AUTH_URL", "RESEND_REGISTRY_URL", "RESEND_SMS_URL"] {
        let reached =
            |check: &Value| check["what"].as_str().unwrap().starts_with(service) && check["level"] == "ok";
        assert!(checks.iter().any(reached), "{service}: {checks:#?}");
    }
    let _: String = stack.redis.command(&["CONFIG", "SET", "appendfsync", "everysec"]).await;
    assert!(ctl(&stack, &["doctor"], 0).await.contains("appendfsync everysec"));

    let _: String = stack.redis.command(&["CONFIG", "SET", "appendonly", "no"]).await;
    let _: String = stack.redis.command(&["CONFIG", "SET", "maxmemory-policy", "allkeys-lru"]).await;
    let found = ctl(&stack, &["doctor"], 1).await;
    for part in ["set appendonly yes and appendfsync always", "set maxmemory-policy noeviction"] {
        assert!(found.contains(part), "{found}");
    }
    let mut unreachable = stack.settings().to_vec();
    unreachable.push(("RESEND_REGISTRY_URL".into(), "http://127.0.0.1:1".into()));
    let output = ctl_with(&unreachable, &["doctor"]).await;
    assert_eq!(output.status.code(), Some(1));
    let found = String::from_utf8(output.stdout).unwrap();
    assert!(found.contains("RESEND_REGISTRY_URL: 127.0.0.1:1 cannot be reached"), "{found}");
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_message_goes_through_the_configured_channel() {
    let stack = StackBuilder::new().apis(0).workers(0).start().await;
    assert!(ctl(&stack, &["send-test", "--to", "+380210000001"], 1).await.contains("use --yes"));
    let sent = json(&stack, &["send-test", "--to", "+380210000001", "--yes"]).await;
    assert_eq!((&sent["taken"], &sent["parts"]), (&true.into(), &1.into()), "{sent}");
    assert_eq!(sent["to"], "+38021*****01");
    assert_eq!(stack.messages_of(sent["reference"].as_str().unwrap()).len(), 1);
    let abroad = ctl(&stack, &["send-test", "--to", "+48501234567", "--yes"], 1).await;
    assert!(abroad.contains("RESEND_LIMIT_COUNTRIES"), "{abroad}");
    assert_eq!(stack.ledger().len(), 1);
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_sees_and_changes_a_queue_in_a_cluster() {
    let temp_dir = TempDir::new().unwrap();
    let cluster = RedisCluster::start(temp_dir.path(), 3, 0).await;
    let stack = StackBuilder::new()
        .set("RESEND_REDIS_URL", cluster.urls())
        .set("RESEND_REDIS_MODE", "cluster")
        .workers(0)
        .start()
        .await;
    let jobs = accept(&stack, 4).await;
    assert_eq!(json(&stack, &["stats"]).await["ready"], jobs.len());
    assert_eq!(json(&stack, &["jobs", "list"]).await.as_array().unwrap().len(), jobs.len());
    let found = ctl(&stack, &["doctor"], 1).await;
    assert!(found.contains("NO WORKER IS ALIVE") && found.contains("append-only file on"), "{found}");
    assert!(found.contains("the loss of another shard does not stop the queue's"), "{found}");
    let of_queue = cluster.master_of(&keys().stream()).await;
    let _: String = of_queue.command(&["CONFIG", "SET", "cluster-require-full-coverage", "yes"]).await;
    assert!(ctl(&stack, &["doctor"], 1).await.contains("cluster-require-full-coverage yes"));
    ctl(&stack, &["pause", "--yes"], 0).await;
    ctl(&stack, &["resume"], 0).await;
    let words: Vec<&str> =
        ["jobs", "cancel", "--yes"].into_iter().chain(jobs.iter().map(String::as_str)).collect();
    ctl(&stack, &words, 0).await;
    assert_eq!(json(&stack, &["stats"]).await["live"], 0);
}

#[tokio::test]
async fn errors_say_where_redis_was_looked_for_and_name_every_wrong_setting() {
    let said = async |settings: &[(&str, &str)], words: &[&str]| {
        let settings: Vec<_> =
            settings.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        String::from_utf8(ctl_with(&settings, words).await.stderr).unwrap()
    };
    let away = said(&[("RESEND_REDIS_URL", "redis://ops:secret@127.0.0.1:1/0")], &["stats"]).await;
    assert!(away.contains("127.0.0.1:1/0") && !away.contains("secret"), "{away}");
    let wrong = [("RESEND_REDIS_URL", "nowhere"), ("RESEND_LEASE_SECONDS", "1"), ("RESEND_QUEUENAME", "x")];
    let named = said(&wrong, &["stats"]).await;
    assert!(wrong.iter().all(|(name, _)| named.contains(name)), "{named}");
}

#[tokio::test]
async fn completions_know_values() {
    let script = String::from_utf8(ctl_with(&[], &["completions", "bash"]).await.stdout).unwrap();
    for value in ["scheduled", "upstream_failed", "zsh"] {
        assert!(script.contains(value), "{value}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_list_says_what_was_looked_for() {
    let stack = StackBuilder::new().apis(0).workers(0).start().await;
    let none = ctl(&stack, &["jobs", "list", "--state", "failed", "--client", "mis-x"], 0).await;
    assert!(none.contains("No failed job has state failed, client mis-x (0 searched)."), "{none}");
    assert!(ctl(&stack, &["jobs", "list"], 0).await.contains("No job is live."));
}

#[tokio::test]
async fn exit_statuses_tell_what_went_wrong() {
    let url = |url: &str| vec![("RESEND_REDIS_URL".to_owned(), url.to_owned())];
    for (settings, words, status) in [
        (url("redis://127.0.0.1:1"), &["stats"][..], 4),
        (url("redis://127.0.0.1:1"), &["doctor"], 4),
        (url("nowhere"), &["stats"], 2),
        (url("redis://127.0.0.1:1"), &[], 2),
        (url("redis://127.0.0.1:1"), &["jobs", "show", "short"], 2),
        (url("redis://127.0.0.1:1"), &["--check-config"], 0),
        (url("redis://127.0.0.1:1"), &["completions", "bash"], 0),
    ] {
        let output = ctl_with(&settings, words).await;
        assert_eq!(output.status.code(), Some(status), "{words:?}: {output:?}");
    }
}

async fn help(words: &[&str]) -> String {
    let narrow = [("COLUMNS".to_owned(), "80".to_owned())];
    String::from_utf8(ctl_with(&narrow, words).await.stdout).unwrap()
}

#[tokio::test]
async fn help_fits_the_terminal_and_lists_what_a_verb_reads() {
    let top = help(&["--help"]).await;
    assert!(top.contains("See what is wrong:") && top.contains("4  Redis is unreachable"), "{top}");
    let doctor = help(&["doctor", "--help"]).await;
    for variable in table::variables(table::ALL) {
        assert!(doctor.contains(variable.name), "{}", variable.name);
    }
    let list = help(&["jobs", "list", "--help"]).await;
    assert!(list.contains("RESEND_REDIS_URL") && !list.contains("RESEND_SMS_URL"), "{list}");
    for text in [&top, &list, &help(&["send-test", "-h"]).await] {
        let long: Vec<_> = text.lines().filter(|line| line.chars().count() > 80).collect();
        assert!(long.is_empty(), "{long:#?}");
    }
    let version = String::from_utf8(ctl_with(&[], &["--version"]).await.stdout).unwrap();
    assert_eq!(version.trim(), format!("resendctl {}", env!("CARGO_PKG_VERSION")));
}
