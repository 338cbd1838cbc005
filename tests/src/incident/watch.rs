//! What an operator sees: the lines of `resendctl stats --watch`, and the workers' log.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::chaos::env::ChaosEnv;
use crate::process::{Process, program};

/// Longest time until a worker leaves the gateway alone: eight failures in a row at the load of the shortest run.
pub(super) const OPENS_WITHIN: Duration = Duration::from_secs(10);

/// The log line that reports it.
const OPENED: &str = "upstream is down";

/// How often logs are read.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Longest `resendctl` may take to end once told to.
const ENDS_WITHIN: Duration = Duration::from_secs(5);

/// A running `resendctl stats --watch`, whose lines are passed on.
pub(super) struct Watching {
    process: Process,
    passing_on: JoinHandle<()>,
    stop: CancellationToken,
}

pub(super) fn start(env: &ChaosEnv, every: Duration, say: fn(&str)) -> Watching {
    let (log, seconds) = (env.stack.folder().join("stats.log"), every.as_secs().to_string());
    let words = ["stats", "--watch", "--every", &seconds].map(str::to_owned);
    let process = Process::start(&program("resendctl"), &words, env.stack.settings(), &log);
    let process = process.expect("resendctl is built");
    let stop = CancellationToken::new();
    let passing_on = tokio::spawn(pass_on(log, say, stop.clone()));
    Watching { process, passing_on, stop }
}

impl Watching {
    pub(super) async fn stop(mut self) {
        self.process.stop(ENDS_WITHIN).await;
        self.stop.cancel();
        self.passing_on.await.expect("no panic");
    }
}

/// Passes on each whole line once, and what is left at the end.
async fn pass_on(log: PathBuf, say: fn(&str), stop: CancellationToken) {
    let (mut said, mut look) = (0, tokio::time::interval(LOOK_EVERY));
    while stop.run_until_cancelled(look.tick()).await.is_some() {
        said = say_new(&log, said, say);
    }
    say_new(&log, said, say);
}

fn say_new(log: &PathBuf, said: usize, say: fn(&str)) -> usize {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let whole = text.rfind('\n').map_or(0, |end| end + 1);
    text.get(said..whole).unwrap_or_default().lines().for_each(say);
    whole.max(said)
}

/// Waits until every worker has written that its breaker opened; `None` when one does not in time.
pub(super) async fn breakers_opened(env: &ChaosEnv, say: fn(&str)) -> Option<Duration> {
    let (start, mut look) = (Instant::now(), tokio::time::interval(LOOK_EVERY));
    while start.elapsed() < OPENS_WITHIN {
        look.tick().await;
        let lines: Vec<_> =
            env.stack.workers.iter().filter_map(|worker| line(&worker.process.log())).collect();
        if lines.len() == env.stack.workers.len() {
            for line in &lines {
                say(&format!("resend-worker: {line}"));
            }
            return Some(start.elapsed());
        }
    }
    None
}

fn line(log: &str) -> Option<String> {
    log.lines().find(|line| line.contains(OPENED)).map(str::to_owned)
}
