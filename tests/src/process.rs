//! Real processes: the shipped programs, started with given settings and watched through their logs.

use std::fs::File;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::Value;
use tokio::process::{Child, Command};

use crate::eventually::eventually;

/// Whether children end with this process, however it ends.
static TIED: AtomicBool = AtomicBool::new(false);

/// Makes every process started from now on end when the thread that started it does, even if that is killed. Linux
/// only, by `setpriv`.
pub fn tie_children() {
    let there = std::process::Command::new("setpriv").arg("--version").output().is_ok();
    TIED.store(there, Ordering::Relaxed);
}

/// The program, or `setpriv` before it.
fn command_of(program: &Path) -> Command {
    if !TIED.load(Ordering::Relaxed) {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "TERM", "--"]).arg(program);
    command
}

/// How long a program may take to start on a busy machine.
const STARTS_WITHIN: Duration = Duration::from_secs(20);

/// A running program. It is killed on drop.
pub struct Process {
    name: String,
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts a program with this environment and only `PATH` of ours; its standard error becomes its log.
    pub fn start(
        program: &Path,
        arguments: &[String],
        environment: &[(String, String)],
        log: &Path,
    ) -> std::io::Result<Self> {
        let name = program.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let mut command = command_of(program);
        command.args(arguments).env_clear().envs(environment.iter().cloned());
        command.envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
        command.stdin(Stdio::null()).stdout(File::options().create(true).append(true).open(log)?);
        command.stderr(File::options().create(true).append(true).open(log)?).kill_on_drop(true);
        // A separate process group: whoever started it passes on a Ctrl-C at the terminal, once.
        command.process_group(0);
        let child = command.spawn().map_err(|error| {
            let hint = "build it first: cargo build --workspace";
            std::io::Error::new(error.kind(), format!("{}: {error}; {hint}", program.display()))
        })?;
        Ok(Self { name, child, log: log.to_owned() })
    }

    /// The process number; `None` once it has ended and was waited for.
    pub fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// Everything it has written so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Waits for a log line with this message and returns the line. Fails if the program ends before.
    pub async fn logged(&mut self, message: &str) -> Value {
        let (what, log) = (format!("{} logs {message:?}", self.name), self.log.clone());
        let child = &mut self.child;
        eventually(what, STARTS_WITHIN, || {
            let text = std::fs::read_to_string(&log).unwrap_or_default();
            let line = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
            let found = line.into_iter().find(|line| line["message"] == message);
            let ended = child.try_wait().ok().flatten();
            assert!(
                found.is_some() || ended.is_none(),
                "ended with {ended:?} before it logged {message:?}:\n{text}"
            );
            async move { found }
        })
        .await
    }

    /// Waits until it logs its address.
    pub async fn address(&mut self) -> SocketAddr {
        let line = self.logged("listening").await;
        line["address"].as_str().and_then(|text| text.parse().ok()).expect("an address in the log line")
    }

    /// Sends a signal by its name, such as `TERM` or `STOP`.
    pub async fn signal(&self, signal: &str) {
        let Some(id) = self.id() else { return };
        let sent = Command::new("kill").arg(format!("-{signal}")).arg(id.to_string()).status().await;
        assert!(sent.is_ok_and(|status| status.success()), "kill -{signal} of {}", self.name);
    }

    /// Ends it as a crash would, and waits until it is gone.
    pub async fn kill(&mut self) {
        self.child.kill().await.expect("a process of ours can be killed");
    }

    /// How it ended, if it has.
    pub fn has_ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// Asks it to stop and waits for it.
    pub async fn stop(&mut self, within: Duration) -> ExitStatus {
        self.signal("TERM").await;
        self.ended(within).await
    }

    /// Waits for its end.
    pub async fn ended(&mut self, within: Duration) -> ExitStatus {
        let ended = tokio::time::timeout(within, self.child.wait()).await;
        ended
            .unwrap_or_else(|_| panic!("{} did not end within {within:?}", self.name))
            .expect("a child of ours")
    }
}

/// A program of this workspace, built beside the one that runs now.
pub fn program(name: &str) -> PathBuf {
    let mut folder = std::env::current_exe().expect("this program has a path");
    folder.pop();
    if folder.ends_with("deps") {
        folder.pop();
    }
    folder.join(name)
}

/// A port that is free at this moment.
pub fn free_port() -> std::io::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}
