//! The `redis-cli` lines of the runbook and of `shared/README.md`, run as they stand there; what stands for this installation (ports, ids) is put in.
//! Its `resendctl` lines are read by that program's own test, its `journalctl` lines run by `tests/deploy/systemd`. There
//! is no Kubernetes to run its `kubectl` lines on: they are compared with the set they are about.

use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use tests::eventually::eventually;
use tests::keys::keys;
use tests::redis_cluster::RedisCluster;
use tests::redis_sentinels::RedisSentinels;
use tests::redis_server::{RedisServer, Shipped, User};
use tests::sandbox::scenarios::scenarios;
use tests::stack::Stack;
use tests::temp_dir::TempDir;
use tokio::process::Command;

use super::{path, read};

const SOON: Duration = Duration::from_secs(15);

/// Lines of a page that begin with a program: code between backticks, and lines that are set in.
fn lines(page: &str, program: &str) -> Vec<String> {
    let text = read(page);
    let (code, prose): (Vec<_>, Vec<_>) = text.lines().partition(|line| line.starts_with("    "));
    let prose = prose.join("\n");
    let spans = prose.split('`').skip(1).step_by(2).map(str::to_owned);
    let code = code.into_iter().map(|line| line.trim().to_owned());
    spans.chain(code).filter(|line| line.starts_with(&format!("{program} "))).collect()
}

/// The lines of the runbook with this word in them.
fn runbook(word: &str) -> Vec<String> {
    let found: Vec<_> =
        lines("deploy/runbook.md", "redis-cli").into_iter().filter(|line| line.contains(word)).collect();
    assert!(!found.is_empty(), "no redis-cli line of the runbook has {word}");
    found
}

/// A shell in which `redis-cli` finds the server of a test where a line names none, and fails where Redis refuses.
struct Shell {
    folder: TempDir,
}

impl Shell {
    /// With these words before those of each line.
    fn new(options: &[&str]) -> Self {
        let folder = TempDir::new().unwrap();
        let (file, path) = (folder.path().join("redis-cli"), std::env::var("PATH").unwrap());
        let script = format!("#!/bin/sh\nPATH='{path}' exec redis-cli -e {} \"$@\"\n", options.join(" "));
        std::fs::write(&file, script).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
        Self { folder }
    }

    fn at(server: &RedisServer) -> Self {
        let port = server.port().to_string();
        let user = server.user().map(User::redis_cli);
        Self::new(&[&["-p", &port][..], user.as_ref().map_or(&[], |words| &words[..])].concat())
    }

    async fn run(&self, line: &str, environment: &[(&str, String)]) -> String {
        let path = format!("{}:{}", self.folder.path().display(), std::env::var("PATH").unwrap());
        let mut shell = Command::new("sh");
        shell.args(["-c", line]).env("PATH", path);
        shell.envs(environment.iter().map(|(name, value)| (name, value)));
        let output = shell.output().await.unwrap();
        assert!(output.status.success(), "{line}: {output:?}");
        // A long result is compressed.
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}

#[test]
fn every_redis_cli_line_of_the_runbook_is_run_by_a_test() {
    let run = ["$RESEND_REDIS_URL", "SENTINEL", "CONFIG SET", "ACL LOAD", "DBSIZE", "--cluster reshard"];
    for line in lines("deploy/runbook.md", "redis-cli") {
        assert!(run.iter().any(|word| line.contains(word)), "{line}");
    }
}

#[tokio::test]
async fn redis_is_pinged_by_the_url_of_each_program() {
    let temp_dir = TempDir::new().unwrap();
    let server = RedisServer::start_shipped(temp_dir.path(), Shipped::Exact).await;
    for line in runbook("$RESEND_REDIS_URL") {
        for user in [User::API, User::WORKER, User::RESENDCTL] {
            let url = ("RESEND_REDIS_URL", server.url_for(Some(user)));
            assert_eq!(Shell::new(&[]).run(&line, &[url]).await.trim(), "PONG");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sentinel_names_the_master() {
    let temp_dir = TempDir::new().unwrap();
    let redis = RedisSentinels::start(temp_dir.path()).await;
    for line in runbook("SENTINEL") {
        let line = line.replace("26379", &redis.sentinel_port(0).to_string());
        let answer = Shell::new(&[]).run(&line, &[]).await;
        assert_eq!(answer, format!("127.0.0.1\n{}\n", redis.servers[0].port()));
    }
}

#[tokio::test]
async fn an_administrator_makes_redis_safe_while_it_runs() {
    let temp_dir = TempDir::new().unwrap();
    let server = RedisServer::start_shipped(temp_dir.path(), Shipped::Observed).await;
    for line in runbook("CONFIG SET").into_iter().chain(runbook("ACL LOAD")) {
        assert_eq!(Shell::at(&server).run(&line, &[]).await.trim(), "OK", "{line}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_queues_slot_is_moved_as_the_runbook_says() {
    let temp_dir = TempDir::new().unwrap();
    let cluster = RedisCluster::start(temp_dir.path(), 3, 0).await;
    let id = async |node: usize| cluster.nodes[node].command::<String>(&["CLUSTER", "MYID"]).await;
    let (port, from, to) = (cluster.nodes[0].port().to_string(), id(0).await, id(1).await);
    let slots = async |node: usize| {
        let all: String = cluster.nodes[0].command(&["CLUSTER", "NODES"]).await;
        let own = id(node).await;
        all.lines().find(|line| line.starts_with(&own)).unwrap().split(' ').skip(8).count()
    };
    for line in runbook("DBSIZE").into_iter().chain(runbook("--cluster reshard")) {
        let line = line.replace("7000", &port).replacen("NODE-ID", &from, 1).replacen("NODE-ID", &to, 1);
        Shell::new(&[]).run(&line, &[]).await;
    }
    // Its range of its own, and the slot that it was given.
    assert_eq!(slots(1).await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_system_is_looked_at_as_the_page_on_its_keys_says() {
    let stack = Stack::start().await;
    let plain = scenarios().swap_remove(0);
    let accepted = stack.client().resend(plain.patient_id, plain.approval_id).await.location();
    stack.client().end_of(&accepted, SOON).await;
    let _: String = stack.redis.command(&["XADD", &keys().stream(), "*", "m", "garbage"]).await;
    eventually("garbage is set aside", SOON, || async {
        (stack.redis.command::<u64>(&["XLEN", &keys().quarantine()]).await > 0).then_some(())
    })
    .await;
    let (shell, job) = (Shell::at(&stack.redis), accepted.rsplit('/').next().unwrap());
    let expected = [
        ("XLEN", "0"),
        ("XINFO", "workers"),
        ("XPENDING", ""),
        ("scheduled", ""),
        ("quarantine", "malformed"),
        ("}:workers", "|"),
        ("HGETALL", "processed"),
    ];
    let found = lines("shared/README.md", "redis-cli");
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    for (line, (word, says)) in found.iter().zip(expected) {
        assert!(line.contains(word), "{line}");
        let answer = shell.run(&line.replace("NBXk9EyErUZv1RhXgyvgg", job), &[]).await;
        assert!(answer.contains(says), "{line}: {answer}");
    }
    let _: u64 = stack.redis.command(&["DEL", &keys().quarantine()]).await;
    stack.stop().await;
}

#[test]
fn the_kubectl_lines_name_what_the_kubernetes_set_has() {
    let lines = lines("deploy/runbook.md", "kubectl");
    assert!(lines.len() > 4, "{lines:?}");
    let kustomization = read("deploy/kubernetes/kustomization.yaml");
    for line in lines {
        let mut words = line.split(' ').skip(1);
        while let Some(word) = words.next() {
            match (word, words.clone().next()) {
                ("-n", Some(namespace)) => {
                    assert!(kustomization.contains(&format!("namespace: {namespace}\n")), "{line}");
                }
                ("-l", Some(label)) => {
                    let (name, value) = label.split_once('=').unwrap();
                    let file = read(&format!("deploy/kubernetes/{value}.yaml"));
                    assert!(file.contains(&format!("metadata: {{labels: {{{name}: {value}}}}}")), "{line}");
                }
                ("-f" | "-k", Some(file)) => assert!(path(file).exists(), "{line}"),
                ("-it", Some(pod)) => {
                    assert!(
                        read("deploy/kubernetes/resendctl.yaml").contains(&format!("  name: {pod}\n")),
                        "{line}"
                    );
                }
                _ => {}
            }
        }
    }
}
