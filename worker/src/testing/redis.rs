//! A Redis server for each test, on a socket in its own directory.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use shared::queue::Queue;
use shared::redis::Redis;
use shared::settings::{QueueConfig, RedisConfig, Settings};

/// Longest a server may take to answer its first ping.
const START_LIMIT: Duration = Duration::from_secs(10);

pub(crate) struct PrivateRedis {
    server: Child,
    directory: PathBuf,
    pub(crate) queue: Queue,
}

impl PrivateRedis {
    pub(crate) async fn start() -> Self {
        let directory = std::env::temp_dir().join(format!("resend-worker-{}", uuid::Uuid::new_v4()));
        std::fs::create_dir(&directory).unwrap();
        let socket = directory.join("redis.sock");
        let server = Command::new("redis-server")
            .args(["--port", "0", "--save", "", "--unixsocket"])
            .arg(&socket)
            .arg("--dir")
            .arg(&directory)
            .stdout(Stdio::null())
            .spawn()
            .expect("these tests need redis-server on the PATH");
        let url = format!("unix://{}", socket.display());
        let settings = Settings::from_pairs([("RESEND_REDIS_URL", url)]).unwrap();
        let redis = Redis::new(&RedisConfig::from_settings(&settings).unwrap()).unwrap();
        let queue = Queue::new(redis, QueueConfig::from_settings(&settings).unwrap());
        let started = Self { server, directory, queue };
        started.answers().await;
        started
    }

    /// Stops the server, as in an outage.
    pub(crate) fn stop(&mut self) {
        self.server.kill().unwrap();
        self.server.wait().unwrap();
    }

    async fn answers(&self) {
        let deadline = Instant::now() + START_LIMIT;
        while let Err(error) = self.queue.redis().ping().await {
            assert!(Instant::now() < deadline, "redis-server does not answer: {error}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for PrivateRedis {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}
