//! The whole service as real processes over real sockets: Redis, the sandbox, APIs and workers, with a test's own
//! settings. A test fails if it leaves anything in the queue.

mod settings;

use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::Method;
use serde_json::Value;

use crate::client::ApiClient;
use crate::eventually::eventually;
use crate::keys::keys;
use crate::process::{Process, program};
use crate::redis_server::{RedisServer, Shipped};
use crate::sandbox::{Options, Running};
use crate::temp_dir::TempDir;

pub use settings::service_settings;

/// Longest a graceful stop may take (contract, section 7), and a moment for a busy machine.
pub const STOPS_WITHIN: Duration = Duration::from_secs(27);

/// The processes to start.
pub struct StackBuilder {
    settings: Vec<(String, String)>,
    apis: usize,
    workers: usize,
    redis: Vec<&'static str>,
    redis_environment: Vec<(String, String)>,
    shipped: Option<Shipped>,
    programs: Option<PathBuf>,
}

/// One running program with its address.
pub struct Member {
    /// The process.
    pub process: Process,
    /// Its base URL.
    pub url: String,
}

/// Everything started.
pub struct Stack {
    /// Redis.
    pub redis: RedisServer,
    /// The services it talks to.
    pub sandbox: Running,
    /// The APIs.
    pub apis: Vec<Member>,
    /// The workers.
    pub workers: Vec<Member>,
    settings: Vec<(String, String)>,
    programs: Option<PathBuf>,
    started: usize,
    temp_dir: TempDir,
}

impl StackBuilder {
    /// One API and one worker over a Redis that syncs every write.
    pub fn new() -> Self {
        let redis = vec!["--appendonly", "yes", "--appendfsync", "always", "--save", ""];
        Self {
            settings: Vec::new(),
            apis: 1,
            workers: 1,
            redis,
            redis_environment: Vec::new(),
            shipped: None,
            programs: None,
        }
    }

    /// Sets a variable of all programs.
    #[must_use]
    pub fn set(mut self, name: &str, value: impl Display) -> Self {
        self.settings.push((name.to_owned(), value.to_string()));
        self
    }

    /// How many APIs.
    #[must_use]
    pub fn apis(mut self, apis: usize) -> Self {
        self.apis = apis;
        self
    }

    /// How many workers.
    #[must_use]
    pub fn workers(mut self, workers: usize) -> Self {
        self.workers = workers;
        self
    }

    /// Arguments of `redis-server`.
    #[must_use]
    pub fn redis(mut self, arguments: &[&'static str]) -> Self {
        self.redis = arguments.to_vec();
        self
    }

    /// Starts Redis with the files of `deploy/redis`, and each program under its own user.
    #[must_use]
    pub fn shipped_redis(mut self, shipped: Shipped) -> Self {
        self.shipped = Some(shipped);
        self
    }

    /// Variables of `redis-server`.
    #[must_use]
    pub fn redis_environment(mut self, variables: &[(&str, String)]) -> Self {
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), value.clone()));
        self.redis_environment = variables.collect();
        self
    }

    /// Uses API and worker from this folder with another build.
    #[must_use]
    pub fn programs(mut self, folder: &Path) -> Self {
        self.programs = Some(folder.to_owned());
        self
    }

    /// Starts it all and waits until all are ready.
    pub async fn start(self) -> Stack {
        let temp_dir = TempDir::new().expect("a folder of its own");
        let folder = temp_dir.path().join("redis");
        let redis = match self.shipped {
            Some(shipped) => RedisServer::start_shipped(&folder, shipped).await,
            None => RedisServer::start_in(&folder, &self.redis, self.redis_environment).await,
        };
        let options = Options { ledger: Some(temp_dir.path().join("ledger.jsonl")), ..Options::default() };
        let sandbox = crate::sandbox::start(options).await.expect("the sandbox");
        let mut settings = service_settings(&redis.url(), &sandbox.url);
        settings.extend(self.settings);
        let (apis, workers) = (Vec::new(), Vec::new());
        let programs = self.programs;
        let mut stack = Stack { redis, sandbox, apis, workers, settings, programs, started: 0, temp_dir };
        for _ in 0..self.apis {
            stack.add_api(&[]).await;
        }
        for _ in 0..self.workers {
            stack.add_worker(&[]).await;
        }
        stack
    }
}

impl Default for StackBuilder {
    fn default() -> Self {
        Self::new()
    }
}

impl Stack {
    /// One API and one worker.
    pub async fn start() -> Self {
        StackBuilder::new().start().await
    }

    /// Starts one more API, with settings of its own on top.
    pub async fn add_api(&mut self, own: &[(&str, &str)]) -> usize {
        let member = self.member("resend-api", own).await;
        self.apis.push(member);
        self.apis.len() - 1
    }

    /// Starts one more worker, with settings of its own on top.
    pub async fn add_worker(&mut self, own: &[(&str, &str)]) -> usize {
        let mut member = self.member("resend-worker", own).await;
        member.process.logged("taking jobs").await;
        self.workers.push(member);
        self.workers.len() - 1
    }

    /// Runs one more worker until a fail point among these settings ends it, perhaps before it has logged anything.
    pub async fn worker_that_dies(&mut self, own: &[(&str, &str)], within: Duration) {
        let program = self.program_of("resend-worker");
        let mut process = self.process_of(&program, own);
        assert!(!process.ended(within).await.success(), "it died at the fail point");
    }

    /// Starts a worker of another build.
    pub async fn add_worker_of(&mut self, program: &Path) {
        let mut member = self.member_of(program, &[]).await;
        member.process.logged("taking jobs").await;
        self.workers.push(member);
    }

    /// A client with the sandbox's first token.
    pub fn client(&self) -> ApiClient {
        ApiClient::new(&self.apis[0].url, "mis-a-token")
    }

    /// All messages that the gateway took, oldest first: it writes the ledger before it answers.
    pub fn ledger(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(self.temp_dir.path().join("ledger.jsonl")).unwrap_or_default();
        text.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect()
    }

    /// Messages with this job's reference.
    pub fn messages_of(&self, job: &str) -> Vec<Value> {
        self.ledger().into_iter().filter(|message| message["reference"] == job).collect()
    }

    /// The settings every program here is started with.
    pub fn settings(&self) -> &[(String, String)] {
        &self.settings
    }

    /// The folder of data and logs.
    pub fn folder(&self) -> &Path {
        self.temp_dir.path()
    }

    /// Changes a setting of the programs started from now on.
    pub fn set(&mut self, name: &str, value: impl Display) {
        self.settings.push((name.to_owned(), value.to_string()));
    }

    /// Keeps data and logs when this ends, and returns their folder.
    pub fn keep(self) -> PathBuf {
        self.temp_dir.keep()
    }

    /// Sets exactly these faults in the services that it talks to.
    pub async fn set_faults(&self, faults: Value) {
        let put = ApiClient::new(&self.sandbox.url, "").request(Method::PUT, "/sandbox/faults").json(&faults);
        assert!(put.send().await.is_ok_and(|answer| answer.status().is_success()), "{faults}");
    }

    /// Waits until no job is left in the queue.
    pub async fn queue_is_empty(&self) {
        eventually("the queue is empty", Duration::from_secs(30), || async {
            (self.redis.command::<u64>(&["XLEN", &keys().stream()]).await == 0).then_some(())
        })
        .await;
    }

    /// Stops APIs and workers gracefully, and fails if one of them ends badly or the queue is not empty.
    pub async fn stop(mut self) {
        for member in self.apis.iter_mut().chain(&mut self.workers) {
            let status = member.process.stop(STOPS_WITHIN).await;
            assert!(status.success(), "{status}:\n{}", member.process.log());
        }
        let left: (u64, u64, u64) = (
            self.redis.command(&["XLEN", &keys().stream()]).await,
            self.redis.command(&["ZCARD", &keys().scheduled()]).await,
            self.redis.command(&["HLEN", &keys().live()]).await,
        );
        assert_eq!(left, (0, 0, 0), "left over: entries, scheduled, live approvals");
        self.sandbox.stop().await.expect("the sandbox stops");
    }

    async fn member(&mut self, name: &str, own: &[(&str, &str)]) -> Member {
        let program = self.program_of(name);
        self.member_of(&program, own).await
    }

    async fn member_of(&mut self, program: &Path, own: &[(&str, &str)]) -> Member {
        let mut process = self.process_of(program, own);
        let url = format!("http://{}", process.address().await);
        Member { process, url }
    }

    fn program_of(&self, name: &str) -> PathBuf {
        self.programs.as_ref().map_or_else(|| program(name), |folder| folder.join(name))
    }

    fn process_of(&mut self, program: &Path, own: &[(&str, &str)]) -> Process {
        self.started += 1;
        let name = program.file_name().unwrap_or_default().to_string_lossy();
        let log: PathBuf = self.temp_dir.path().join(format!("{name}-{}.log", self.started));
        let mut environment = self.settings.clone();
        // Before a test's own settings, because later ones win.
        environment.insert(1, ("RESEND_REDIS_URL".to_owned(), self.redis.url_of_program(&name)));
        environment.extend(own.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        Process::start(program, &[], &environment, &log).expect("a program of ours")
    }
}
