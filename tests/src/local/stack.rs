//! Starting and stopping the processes of a local run, with data and logs under `target/local`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::process::Command;

use crate::keys::keys;
use crate::process::{Process, free_port, program};
use crate::redis_server::RedisServer;

use super::profile::Expectation;
use super::{LocalError, Profile};

/// Ports to use if they are free, so that the addresses are the same every time.
const SANDBOX_PORT: u16 = 7070;
const API_PORT: u16 = 8080;
const WORKER_PORT: u16 = 9090;

/// The board's password here.
const BOARD_TOKEN: &str = "board-of-the-local-run";

const STOPS_WITHIN: Duration = Duration::from_secs(27);

/// Everything that runs.
pub(super) struct LocalStack {
    pub(super) redis: RedisServer,
    pub(super) sandbox: String,
    pub(super) api: String,
    pub(super) worker: String,
    pub(super) expected: Expectation,
    /// In the order they are to be stopped.
    processes: Vec<(&'static str, Process)>,
    folder: PathBuf,
}

impl LocalStack {
    pub(super) async fn start(profile: Profile, own: Vec<(String, String)>) -> Result<Self, LocalError> {
        let folder = fresh_folder()?;
        println!("Data and logs: {}\n", folder.display());
        let redis = RedisServer::start(&folder.join("redis")).await;
        said("Redis with its append-only file", &redis.url());

        let sandbox_port = preferred(SANDBOX_PORT)?;
        let sandbox = format!("http://127.0.0.1:{sandbox_port}");
        let arguments = ["--listen".to_owned(), format!("127.0.0.1:{sandbox_port}")];
        let stand_in =
            Process::start(&program("resend-sandbox"), &arguments, &[], &folder.join("resend-sandbox.log"))?;
        wait_until_healthy(&sandbox).await;
        said("Sandbox: tokens, registry, SMS gateway", &sandbox);

        let mut settings = profile.settings(&redis.url(), &sandbox);
        settings.retain(|(name, _)| !name.ends_with("_LISTEN"));
        settings.push(("RESEND_API_LISTEN".into(), format!("127.0.0.1:{}", preferred(API_PORT)?)));
        settings.push(("RESEND_WORKER_LISTEN".into(), format!("127.0.0.1:{}", preferred(WORKER_PORT)?)));
        settings.push(("RESEND_BOARD_TOKEN".into(), BOARD_TOKEN.into()));
        settings.push(("RESEND_OTP_URL".into(), format!("{sandbox}/otp")));
        let expected = profile.expectation(&own);
        settings.extend(own);
        let (api_process, api) = start_program("resend-api", &settings, &folder).await?;
        said("API", &api);
        let (mut worker_process, worker) = start_program("resend-worker", &settings, &folder).await?;
        worker_process.logged("taking jobs").await;
        said("Worker: health and metrics", &worker);

        let processes = vec![
            ("resend-api", api_process),
            ("resend-worker", worker_process),
            ("resend-sandbox", stand_in),
        ];
        Ok(Self { redis, sandbox, api, worker, expected, processes, folder })
    }

    pub(super) fn print_addresses(&self) {
        println!("\nEverything stays up until Ctrl-C:\n");
        for (what, address) in [
            ("inbox of sent messages", format!("{}/inbox", self.sandbox)),
            ("sandbox: scenarios, tokens, faults to inject", self.sandbox.clone()),
            ("API", self.api.clone()),
            ("its description, to read and try", format!("{}/docs", self.api)),
            ("board, password board-of-the-local-run", format!("{}/board", self.worker)),
            (
                "operators",
                format!("RESEND_REDIS_URL={} {} stats", self.redis.url(), program("resendctl").display()),
            ),
            ("API metrics", format!("{}/metrics", self.api)),
            ("worker metrics", format!("{}/metrics", self.worker)),
            ("the queue", format!("redis-cli -p {} XINFO STREAM '{}'", self.redis.port(), keys().stream())),
            ("logs", format!("tail -f {}/*.log", self.folder.display())),
        ] {
            println!("  {what:<46} {address}");
        }
    }

    pub(super) async fn stop(&mut self) -> Result<(), LocalError> {
        for (name, process) in &mut self.processes {
            let status = process.stop(STOPS_WITHIN).await;
            if !status.success() {
                let what = format!("{name} ended with {status}; its log is in {}", self.folder.display());
                return Err(LocalError::Differs { step: "stopping", what });
            }
        }
        Ok(())
    }
}

fn said(what: &str, address: &str) {
    println!("  started  {what:<40} {address}");
}

/// A new folder for this run under `target/local`, beside the programs of this build: another run, before or beside this
/// one, keeps its own.
fn fresh_folder() -> std::io::Result<PathBuf> {
    let build = program("resend-local").ancestors().nth(2).map(Path::to_owned).unwrap_or_default();
    let all = build.join("local");
    std::fs::create_dir_all(&all)?;
    for number in 1.. {
        let folder = all.join(number.to_string());
        match std::fs::create_dir(&folder) {
            Ok(()) => return Ok(folder),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(std::io::ErrorKind::AlreadyExists.into())
}

/// This port if it is free, else any.
fn preferred(port: u16) -> std::io::Result<u16> {
    match std::net::TcpListener::bind(("127.0.0.1", port)) {
        Ok(_) => Ok(port),
        Err(_) => free_port(),
    }
}

async fn start_program(
    name: &str,
    settings: &[(String, String)],
    folder: &Path,
) -> Result<(Process, String), LocalError> {
    check(name, settings).await?;
    let mut process = Process::start(&program(name), &[], settings, &folder.join(format!("{name}.log")))?;
    let address = process.address().await;
    Ok((process, format!("http://{address}")))
}

/// The program's own message about its settings.
async fn check(name: &str, settings: &[(String, String)]) -> Result<(), LocalError> {
    let mut command = Command::new(program(name));
    let output = command.arg("--check-config").env_clear().envs(settings.iter().cloned()).output().await?;
    if output.status.success() {
        return Ok(());
    }
    Err(LocalError::Settings(format!("{name}: {}", String::from_utf8_lossy(&output.stderr).trim())))
}

async fn wait_until_healthy(base: &str) {
    crate::eventually::eventually("the sandbox answers", Duration::from_secs(20), || async {
        reqwest::get(format!("{base}/healthz")).await.ok().filter(|answer| answer.status().is_success())
    })
    .await;
}
