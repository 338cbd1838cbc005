//! A master, a replica and the sentinels that watch over them.

use std::path::{Path, PathBuf};
use std::time::Duration;

use redis::{Client, FromRedisValue, cmd};
use tokio::process::Command;

use crate::eventually::eventually;
use crate::process::{Process, free_port};
use crate::redis_server::{RedisServer, Shipped, User, server_program, shipped_file};

/// The name the sentinels know the master by.
pub const MASTER: &str = "resend-master";

/// Longest time until all of them know each other.
const AGREES_WITHIN: Duration = Duration::from_secs(30);

const SENTINELS: usize = 3;

/// The password of sentinels that require one.
pub const SENTINELS_PASSWORD: &str = "change-me-sentinels";

/// As in `deploy/redis/redis.conf`: the sync of a returning replica starts at once.
const SERVER: [&str; 2] = ["--repl-diskless-sync-delay", "0"];

/// As in `deploy/redis/sentinel.conf`: a master that was replaced on request is told within about three seconds.
const PERIODS: [&str; 6] = ["SENTINEL", "DEBUG", "PUBLISH-PERIOD", "500", "INFO-PERIOD", "1000"];

/// Everything running.
pub struct RedisSentinels {
    /// The first is the master at the start, the others its replicas.
    pub servers: Vec<RedisServer>,
    sentinels: Vec<(Process, u16)>,
    /// The sentinels' password, if they have one.
    password: Option<&'static str>,
}

impl RedisSentinels {
    /// Starts a master, a replica and three sentinels, and waits until they know each other.
    pub async fn start(folder: &Path) -> Self {
        Self::with_replicas(folder, 1).await
    }

    /// The same with so many replicas.
    pub async fn with_replicas(folder: &Path, replicas: usize) -> Self {
        Self::started(folder, replicas).await
    }

    /// The same with one replica, everything under the files of `deploy/redis`, and with the lines in force that these have
    /// as comments for replicas and for sentinels with a password.
    pub async fn shipped(folder: &Path) -> Self {
        let users = ["--masteruser", "replica", "--masterauth", "change-me-replica"];
        let start = async |name: &str, own: &[&str]| {
            let own = [&users[..], own].concat();
            RedisServer::start_shipped_with(&folder.join(name), Shipped::Observed, &own).await
        };
        let master = start("server-0", &[]).await;
        let of = format!("127.0.0.1 {}", master.port());
        let replica = start("server-1", &["--replicaof", &of]).await;
        let text = std::fs::read_to_string(shipped_file("sentinel.conf")).expect("the shipped file");
        let file = text
            .replace("127.0.0.1 6379", &of)
            .replace("# requirepass ", "requirepass ")
            .replace("# sentinel sentinel-pass ", "sentinel sentinel-pass ");
        Self::watched(folder, vec![master, replica], &file, Some(SENTINELS_PASSWORD)).await
    }

    async fn started(folder: &Path, replicas: usize) -> Self {
        let arguments = [&SERVER[..], &["--appendonly", "yes", "--appendfsync", "always", "--save", ""]];
        let master = RedisServer::start_with(&folder.join("server-0"), &arguments.concat()).await;
        let of = format!("127.0.0.1 {}", master.port());
        let arguments =
            [&SERVER[..], &["--appendonly", "yes", "--appendfsync", "always", "--replicaof", &of]].concat();
        let mut servers = vec![master];
        for number in 1..=replicas {
            let folder = folder.join(format!("server-{number}"));
            servers.push(RedisServer::start_with(&folder, &arguments).await);
        }
        let file = format!(
            "sentinel monitor {MASTER} {of} 2\nsentinel down-after-milliseconds {MASTER} 2000\n\
             sentinel failover-timeout {MASTER} 10000\n"
        );
        Self::watched(folder, servers, &file, None).await
    }

    /// With sentinels whose file begins like this; the first server is the master.
    async fn watched(
        folder: &Path,
        servers: Vec<RedisServer>,
        file: &str,
        password: Option<&'static str>,
    ) -> Self {
        let sentinels = (0..SENTINELS)
            .map(|number| start_sentinel(&folder.join(format!("sentinel-{number}")), file))
            .collect();
        let started = Self { servers, sentinels, password };
        for number in 0..SENTINELS {
            eventually("the sentinel takes its periods", AGREES_WITHIN, || {
                started.ask::<String>(number, &PERIODS)
            })
            .await;
        }
        started.agree().await;
        started
    }

    /// The sentinels, as `RESEND_REDIS_URL` wants them.
    pub fn urls(&self) -> String {
        self.urls_for(None)
    }

    /// The same for this user of the master.
    pub fn urls_for(&self, user: Option<User>) -> String {
        let user = user.map(|user| format!("{user}@")).unwrap_or_default();
        let urls: Vec<_> =
            self.sentinels.iter().map(|(_, port)| format!("redis://{user}127.0.0.1:{port}")).collect();
        urls.join(",")
    }

    /// The port of the master, as the first sentinel sees it now.
    pub async fn master_port(&self) -> Option<u16> {
        self.master_port_by(0).await
    }

    /// The port of the master, as this sentinel sees it now.
    pub async fn master_port_by(&self, sentinel: usize) -> Option<u16> {
        let ask = ["SENTINEL", "GET-MASTER-ADDR-BY-NAME", MASTER];
        let address: Vec<String> = self.ask(sentinel, &ask).await?;
        address.get(1)?.parse().ok()
    }

    /// The port of a sentinel, in the order of their URLs.
    pub fn sentinel_port(&self, sentinel: usize) -> u16 {
        self.sentinels[sentinel].1
    }

    /// Requests a fail-over without a failure.
    pub async fn fail_over(&self) {
        let asked: Option<String> = self.ask(0, &["SENTINEL", "FAILOVER", MASTER]).await;
        assert_eq!(asked.as_deref(), Some("OK"));
    }

    /// Replaces the master as in the runbook.
    pub async fn fail_over_as_planned(&self) {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/redis/fail-over");
        let sentinel = format!("127.0.0.1:{}", self.sentinels[0].1);
        let mut command = Command::new(script);
        command.args([&sentinel, MASTER]);
        if let Some(password) = self.password {
            command.env("SENTINEL_AUTH", password);
            command.env("REDISCLI_USER", "sentinel").env("REDISCLI_AUTH", "change-me-sentinel");
        }
        let output = command.output().await.expect("the script starts");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    async fn agree(&self) {
        eventually("sentinels, master and replicas know each other", AGREES_WITHIN, || async {
            for number in 0..SENTINELS {
                let about: Vec<String> = self.ask(number, &["SENTINEL", "MASTER", MASTER]).await?;
                let get = |name: &str| about.iter().skip_while(|word| *word != name).nth(1).cloned();
                let others = (SENTINELS - 1).to_string();
                let replicas = (self.servers.len() - 1).to_string();
                let known = get("num-slaves")? == replicas && get("num-other-sentinels")? == others;
                if !known {
                    return None;
                }
            }
            Some(())
        })
        .await;
        self.servers[0].confirmed_by(self.servers.len() - 1).await;
    }

    async fn ask<T: FromRedisValue>(&self, sentinel: usize, words: &[&str]) -> Option<T> {
        let who = self.password.map(|password| format!(":{password}@")).unwrap_or_default();
        let client = Client::open(format!("redis://{who}127.0.0.1:{}", self.sentinels[sentinel].1)).ok()?;
        let mut connection = client.get_multiplexed_async_connection().await.ok()?;
        let mut command = cmd(words[0]);
        command.arg(&words[1..]);
        command.query_async(&mut connection).await.ok()
    }
}

/// A sentinel writes into its file, so each has a copy.
fn start_sentinel(folder: &Path, text: &str) -> (Process, u16) {
    std::fs::create_dir_all(folder).expect("a folder for a sentinel");
    let port = free_port().expect("a free port");
    let file: PathBuf = folder.join("sentinel.conf");
    std::fs::write(&file, text).expect("a file for a sentinel");
    let arguments = [file.display().to_string(), "--sentinel".to_owned()];
    let own = ["--port", &port.to_string(), "--bind", "127.0.0.1", "--dir", &folder.display().to_string()]
        .map(str::to_owned);
    let arguments = [&arguments[..], &own[..]].concat();
    let started = Process::start(&server_program(), &arguments, &[], &folder.join("sentinel.log"));
    (started.expect("redis-server is installed"), port)
}
