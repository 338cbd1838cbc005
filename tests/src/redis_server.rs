//! A Redis for one test: a real `redis-server` on a free port with its data in its own folder.

mod shipped;

use std::path::{Path, PathBuf};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, FromRedisValue, cmd};

use crate::eventually::eventually;
use crate::process::{Process, free_port};

pub(crate) use shipped::shipped_file;
pub use shipped::{Shipped, User};

/// How long a server may take until it answers, loading included.
const ANSWERS_WITHIN: Duration = Duration::from_secs(20);

/// A running `redis-server`.
pub struct RedisServer {
    process: Process,
    port: u16,
    folder: PathBuf,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
    /// The user of a test; none if the server has no users.
    user: Option<User>,
}

impl RedisServer {
    /// Starts a server that survives kill and power loss: append-only file, synced at every command.
    pub async fn start(folder: &Path) -> Self {
        Self::start_with(folder, &["--appendonly", "yes", "--appendfsync", "always", "--save", ""]).await
    }

    /// Starts a server with these arguments.
    pub async fn start_with(folder: &Path, arguments: &[&str]) -> Self {
        Self::start_in(folder, arguments, Vec::new()).await
    }

    /// Starts a server with these arguments and variables.
    pub async fn start_in(folder: &Path, arguments: &[&str], environment: Vec<(String, String)>) -> Self {
        std::fs::create_dir_all(folder).expect("a folder for Redis");
        let port = free_port().expect("a free port");
        let mut all = vec!["--port".to_owned(), port.to_string(), "--bind".into(), "127.0.0.1".into()];
        all.extend([
            "--dir".to_owned(),
            folder.display().to_string(),
            "--maxmemory-policy".into(),
            "noeviction".into(),
        ]);
        all.extend(arguments.iter().map(|argument| (*argument).to_owned()));
        Self::launch(folder, port, all, environment, None).await
    }

    async fn launch(
        folder: &Path,
        port: u16,
        arguments: Vec<String>,
        environment: Vec<(String, String)>,
        user: Option<User>,
    ) -> Self {
        let process = spawn(folder, &arguments, &environment);
        let server = Self { process, port, folder: folder.to_owned(), arguments, environment, user };
        server.answers().await;
        server
    }

    /// Its URL, for `RESEND_REDIS_URL`.
    pub fn url(&self) -> String {
        self.url_for(self.user)
    }

    /// The same with this user.
    pub fn url_for(&self, user: Option<User>) -> String {
        let user = user.map(|user| format!("{user}@")).unwrap_or_default();
        format!("redis://{user}127.0.0.1:{}/0", self.port)
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Ends it as a crash would.
    pub async fn kill(&mut self) {
        self.process.kill().await;
    }

    /// Asks it to end, and waits until it has.
    pub async fn terminate(&mut self) {
        let _ = self.process.stop(ANSWERS_WITHIN).await;
    }

    /// Starts it again on the same port and data, and waits until it answers.
    pub async fn restart(&mut self) {
        self.process = spawn(&self.folder, &self.arguments, &self.environment);
        self.answers().await;
    }

    /// Where its files are.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The process behind it.
    pub fn process(&self) -> &Process {
        &self.process
    }

    /// A connection for a test's own reads.
    pub async fn connection(&self) -> MultiplexedConnection {
        let client = Client::open(self.url()).expect("a right URL");
        // Longer than the library's half a second: a slot is moved with many keys per command.
        let config = AsyncConnectionConfig::new().set_response_timeout(Some(ANSWERS_WITHIN));
        client.get_multiplexed_async_connection_with_config(&config).await.expect("a running Redis")
    }

    /// Runs one command.
    pub async fn command<T: FromRedisValue>(&self, words: &[&str]) -> T {
        let mut command = cmd(words[0]);
        command.arg(&words[1..]);
        command.query_async(&mut self.connection().await).await.expect("an answer of the right type")
    }

    /// Waits until this many replicas confirm a write. The master's `online` would not do: a replica is shown so before
    /// it has acknowledged anything.
    pub async fn confirmed_by(&self, replicas: usize) {
        eventually("the replicas confirm a write", ANSWERS_WITHIN, || async {
            let mut connection = self.connection().await;
            let mut write_and_wait = redis::pipe();
            write_and_wait.cmd("SET").arg("probe").arg(1).arg("PX").arg(1).ignore();
            write_and_wait.cmd("WAIT").arg(replicas).arg(200);
            let (confirmed,): (usize,) = write_and_wait.query_async(&mut connection).await.ok()?;
            (confirmed == replicas).then_some(())
        })
        .await;
    }

    async fn answers(&self) {
        let client = Client::open(self.url()).expect("a right URL");
        eventually("redis-server answers", ANSWERS_WITHIN, || async {
            let mut connection = client.get_multiplexed_async_connection().await.ok()?;
            cmd("PING").query_async::<String>(&mut connection).await.ok()
        })
        .await;
    }
}

/// The server under test: the one installed, or what `tests/run --server PATH` names.
pub fn server_program() -> PathBuf {
    std::env::var_os("RESEND_TEST_REDIS_SERVER").map_or_else(|| "redis-server".into(), PathBuf::from)
}

fn spawn(folder: &Path, arguments: &[String], environment: &[(String, String)]) -> Process {
    let started = Process::start(&server_program(), arguments, environment, &folder.join("redis.log"));
    started.expect("redis-server is installed")
}
