//! A queue that a user might choose instead: its programs under `peers/`, how they are started, how their jobs are
//! counted. Each has the same roles: `api`, `worker`, `fill JOBS`, `pickup JOBS`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use ::tests::process::Process;
use redis::aio::MultiplexedConnection;
use serde_json::Value;
use uuid::Uuid;

use super::backlog::Remaining;

/// Where the command installs them.
const INSTALLED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/peers");

/// Longest a fill may take; Celery needs a second for a thousand jobs.
const FILLED_WITHIN: Duration = Duration::from_mins(3);

/// A queue with the API in front of it.
pub(crate) struct Peer {
    /// Its folder, and part of its name in the table.
    pub(crate) name: &'static str,
    /// Its components, as text.
    pub(crate) title: &'static str,
    /// Its program and the first arguments, relative to its folder.
    command: &'static [&'static str],
    /// Commands whose results add up to the jobs not done yet.
    remaining: &'static [[&'static str; 2]],
    /// Jobs it drains.
    pub(crate) backlog: usize,
}

/// All of them.
pub(crate) const PEERS: [Peer; 4] = [
    Peer {
        name: "bullmq",
        title: "Fastify + BullMQ",
        command: &["node", "peer.js"],
        remaining: &[["LLEN", "bull:resend:wait"], ["LLEN", "bull:resend:active"]],
        backlog: 20_000,
    },
    Peer {
        name: "arq",
        title: "FastAPI + arq",
        command: &["venv/bin/python", "peer.py"],
        remaining: &[["ZCARD", "arq:queue"]],
        backlog: 20_000,
    },
    Peer {
        name: "celery",
        title: "FastAPI + Celery",
        command: &["venv/bin/python", "peer.py"],
        remaining: &[["LLEN", "celery"], ["HLEN", "unacked"]],
        backlog: 20_000,
    },
    Peer {
        name: "apalis-redis",
        title: "axum + apalis-redis",
        command: &["peer-apalis-redis"],
        remaining: &[
            ["ZCARD", "resend:scheduled"],
            ["LLEN", "resend:active"],
            ["SCARD", "resend:inflight:peer"],
        ],
        // With more due jobs its worker ends for good, because its script unpacks them all at once.
        backlog: 6_000,
    },
];

impl Peer {
    /// Why it cannot run here; `None` if it can. The installer leaves a note if it failed.
    pub(crate) fn missing(&self, installed: &Path) -> Option<String> {
        let folder = installed.join(self.name);
        if let Ok(why) = std::fs::read_to_string(folder.with_extension("not-run")) {
            return Some(why.trim().replace('|', "/"));
        }
        let last = self.command.last().map(|last| folder.join(last));
        match last {
            Some(program) if program.exists() => None,
            _ => Some("not installed; tests/bench/peers/install does".to_owned()),
        }
    }

    /// The same for the installer's own folder.
    pub(crate) fn missing_here(&self) -> Option<String> {
        self.missing(Path::new(INSTALLED))
    }

    /// Starts its API or its worker; returns the address.
    pub(crate) async fn start(&self, role: &str, redis: &str, folder: &Path) -> (Process, String) {
        let mut process = self.spawn(&[role], redis, folder);
        let address = process.address().await;
        (process, format!("http://{address}"))
    }

    /// Runs a role that ends by itself.
    pub(crate) async fn finish(&self, role: &str, jobs: usize, redis: &str, folder: &Path) {
        let mut process = self.spawn(&[role, &jobs.to_string()], redis, folder);
        let status = process.ended(FILLED_WITHIN).await;
        assert!(status.success(), "{role} of {}: {status}", self.name);
    }

    /// A function that counts the jobs not done.
    pub(crate) fn remaining(&self, connection: MultiplexedConnection) -> impl Fn() -> Remaining + use<> {
        let commands = self.remaining;
        move || {
            let mut connection = connection.clone();
            Box::pin(async move {
                let mut ask = redis::pipe();
                for [command, key] in commands {
                    ask.cmd(command).arg(key);
                }
                let counts: Vec<u64> = ask.query_async(&mut connection).await.expect("a running Redis");
                counts.into_iter().sum()
            })
        }
    }

    fn spawn(&self, role: &[&str], redis: &str, folder: &Path) -> Process {
        let home = Path::new(INSTALLED).join(self.name);
        // A program outside its folder, such as node, is found on the path.
        let below = |word: &&str| {
            let path = home.join(word);
            if path.exists() { path } else { PathBuf::from(word) }
        };
        let mut words = self.command.iter().map(below);
        let program = words.next().expect("a program");
        let arguments = words.map(|word| word.display().to_string());
        let arguments: Vec<String> = arguments.chain(role.iter().map(|word| (*word).to_owned())).collect();
        let log = folder.join(format!("{}-{}-{}.log", self.name, role[0], Uuid::new_v4().simple()));
        let environment = [("REDIS_URL".to_owned(), redis.to_owned())];
        Process::start(&program, &arguments, &environment, &log).expect("an installed peer")
    }
}

/// The waits of the jobs that a worker picked up, from its log, milliseconds.
pub(crate) fn waits_ms(log: &str) -> Vec<f64> {
    let said = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    said.filter_map(|line| line["waited_ms"].as_f64()).collect()
}

#[cfg(test)]
mod tests {
    use ::tests::temp_dir::TempDir;

    use super::*;

    #[test]
    fn a_peer_that_is_not_there_says_why() {
        let temp_dir = TempDir::new().expect("a folder");
        let [bullmq, ..] = &PEERS;
        assert_eq!(
            bullmq.missing(temp_dir.path()).as_deref(),
            Some("not installed; tests/bench/peers/install does")
        );
        std::fs::write(temp_dir.path().join("bullmq.not-run"), "no node here\n").expect("written");
        assert_eq!(bullmq.missing(temp_dir.path()).as_deref(), Some("no node here"));
        std::fs::remove_file(temp_dir.path().join("bullmq.not-run")).expect("removed");
        std::fs::create_dir(temp_dir.path().join("bullmq")).expect("made");
        std::fs::write(temp_dir.path().join("bullmq/peer.js"), "").expect("written");
        assert_eq!(bullmq.missing(temp_dir.path()), None);
    }

    #[test]
    fn waits_are_read_from_between_other_words() {
        assert_eq!(waits_ms("starting\n{\"message\":\"listening\"}\n{\"waited_ms\": 1.5}\n"), vec![1.5]);
    }
}
