//! 12: Redis' memory limit is reached; its disk is full; then there is room again.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::json;
use tests::chaos::client_request::{ClientAnswer, ClientRequest};
use tests::chaos::env::{ChaosEnv, Setup, fleet};
use tests::chaos::evidence::Evidence;
use tests::chaos::records;
use tests::chaos::scenario_result::ScenarioResult;
use tests::redis_server::RedisServer;
use tests::temp_dir::TempDir;

/// Longest time until jobs are accepted and run again.
const BACK_WITHIN: Duration = Duration::from_secs(5);

/// Jobs whose message the gateway has when writes begin to fail, and whose answer it delays.
const RUNNING: usize = 20;

/// How long it delays the answer: beyond the moment at which Redis notices that its disk is full.
const KEPT_WAITING: Duration = Duration::from_secs(4);

/// Size of the disk that fills up.
const DISK: &str = "size=48m";

pub(crate) async fn run(setup: Setup) -> ScenarioResult {
    let mut result = ScenarioResult::default();
    memory_full(setup, &mut result).await;
    disk_full(setup, &mut result).await;
    result
}

async fn memory_full(setup: Setup, result: &mut ScenarioResult) {
    let mut env = ChaosEnv::start(fleet(4).workers(2)).await;
    let before = running(&env).await;
    let _: String = env.stack.redis.command(&["CONFIG", "SET", "maxmemory", "1mb"]).await;
    // A script whose first write is an acknowledgement may write on, so running jobs can end.
    let ended = processed(&env, &before).await;
    result.exactly("running jobs processed while memory full", ended, RUNNING);
    let during = refused_for(&env, setup, "memory full", result).await;
    let _: String = env.stack.redis.command(&["CONFIG", "SET", "maxmemory", "0"]).await;
    finish(&mut env, [before, during].concat(), "memory", result).await;
    env.close(result);
}

/// A Redis whose append-only file is on a small separate disk, which something else fills.
async fn disk_full(setup: Setup, result: &mut ScenarioResult) {
    let temp_dir = TempDir::new().expect("a folder");
    let _disk = match Disk::mount(temp_dir.path()) {
        Ok(disk) => disk,
        // Only half of the requirement was observed, which is not enough.
        Err(reason) => return result.not_run = Some(format!("no small disk to fill up: {reason}")),
    };
    let mut env = ChaosEnv::start(fleet(4).apis(0).workers(0)).await;
    let arguments = ["--appendonly", "yes", "--appendfsync", "everysec", "--save", ""];
    env.stack.redis = RedisServer::start_with(temp_dir.path(), &arguments).await;
    env.stack.set("RESEND_REDIS_URL", env.stack.redis.url());
    env.add_api(&[]).await;
    env.stack.add_worker(&[]).await;
    // Two workers, so that one could take over what the other could not renew.
    env.stack.add_worker(&[]).await;
    let before = running(&env).await;
    let filler = temp_dir.path().join("filler");
    let _ = Command::new("dd").args(["if=/dev/zero", &format!("of={}", filler.display()), "bs=64k"]).output();
    let during = refused_for(&env, setup, "disk full", result).await;
    let _ = std::fs::remove_file(&filler);
    // A full disk accepts no writes at all: running jobs end as soon as there is room, and nothing is sent again.
    let ended = processed(&env, &before).await;
    result.exactly("running jobs processed once the disk had room", ended, RUNNING);
    finish(&mut env, [before, during].concat(), "disk", result).await;
    env.close(result);
}

/// A small disk, which exists as long as this value.
struct Disk(PathBuf);

impl Disk {
    fn mount(at: &Path) -> Result<Self, String> {
        let output = Command::new("mount").args(["-t", "tmpfs", "-o", DISK, "tmpfs"]).arg(at).output();
        let output = output.map_err(|error| error.to_string())?;
        let refused = || String::from_utf8_lossy(&output.stderr).trim().to_owned();
        if output.status.success() { Ok(Self(at.to_owned())) } else { Err(refused()) }
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

/// Jobs whose worker waits for the answer of a gateway that took their message.
async fn running(env: &ChaosEnv) -> Vec<ClientRequest> {
    let delay = u64::try_from(KEPT_WAITING.as_millis()).expect("a short time");
    env.control.faults(&json!([{"target": "sms", "action": {"delay_ms": delay, "accept": true}}])).await;
    let asked = env.ask_all(RUNNING).await;
    env.messages_reach(RUNNING, Duration::from_secs(10)).await;
    env.control.faults(&json!([])).await;
    asked
}

/// How many of these jobs are processed, once all are or it is clear that some will not be.
async fn processed(env: &ChaosEnv, asked: &[ClientRequest]) -> usize {
    let jobs: Vec<String> = asked.iter().filter_map(ClientRequest::job).map(str::to_owned).collect();
    let (start, mut redis, mut look) =
        (Instant::now(), env.redis().await, tokio::time::interval(Duration::from_millis(100)));
    loop {
        look.tick().await;
        let records = records::of(&mut redis, &jobs).await.expect("Redis can be read");
        let processed = records.values().filter(|record| record.state == "processed").count();
        if processed == jobs.len() || start.elapsed() > KEPT_WAITING + BACK_WITHIN {
            return processed;
        }
    }
}

/// While writes fail, no job is accepted and nothing is sent.
async fn refused_for(
    env: &ChaosEnv,
    setup: Setup,
    what: &str,
    result: &mut ScenarioResult,
) -> Vec<ClientRequest> {
    let sent = env.messages();
    let time = Duration::from_secs(setup.size(3, 10));
    // The first second does not count: Redis notices a full disk only at its next flush.
    let _ = env.load(50.0).patience(Duration::ZERO).run(env.people(75).await).await;
    let noticed = env.messages() - sent;
    let load = env.load(50.0).patience(time);
    let asked = load.run(env.people(50).await).await;
    let told = asked.iter().flat_map(|asked| &asked.attempts).map(|attempt| &attempt.told);
    let accepted = told.filter(|told| matches!(told, ClientAnswer::Accepted { .. })).count();
    result.exactly(&format!("202 while {what}"), accepted, 0);
    result.exactly(&format!("SMS while {what}"), env.messages() - sent - noticed, 0);
    asked
}

async fn finish(env: &mut ChaosEnv, asked: Vec<ClientRequest>, what: &str, result: &mut ScenarioResult) {
    let people = env.people(20).await;
    let start = Instant::now();
    let after = env.load(200.0).run(people).await;
    let drained = env.drained(Duration::from_mins(1)).await.map(|_| start.elapsed());
    result.within(&format!("{what} back"), drained, BACK_WITHIN);
    result.exactly("processes exited", env.exited(), 0);
    let evidence: Evidence = env.evidence([asked, after].concat(), HashSet::new()).await;
    env.check(&evidence, result).await;
}
