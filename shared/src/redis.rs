//! The one connection layer to Redis. It outlives restarts, fail-overs and half-open sockets: every call has a time
//! limit, a broken link is replaced with backoff, and while Redis is away calls fail at once instead of queueing up.

mod connect;
mod safety;

use std::future::Future;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use ::redis::{Cmd, ErrorKind, FromRedisValue, Pipeline, RedisResult, ScriptInvocation, ServerErrorKind};
use tokio::sync::Mutex;
use tokio::time::timeout;

pub use connect::{Connection, Connector};
pub use safety::Finding;

use crate::config::RedisConfig;

/// Longest a command may take, connect included where it must: with it a request is refused within 2.5 s.
const COMMAND_LIMIT: Duration = Duration::from_millis(1_500);

/// Waits between attempts to connect grow from the first to the second.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));

/// How long replicas may take to confirm a write.
const CONFIRM_LIMIT: Duration = Duration::from_millis(800);

/// Times a command is sent again after its link broke or its script was flushed away. All our scripts may run twice.
const REPEATS: u32 = 2;

/// Why Redis gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum RedisError {
    /// No connection, or it broke.
    #[error("redis is unreachable: {0}")]
    Unreachable(#[source] Arc<::redis::RedisError>),
    /// No answer within the time limit.
    #[error("redis did not answer within {} ms", .0.as_millis())]
    Silent(Duration),
    /// An error answer: read-only, out of memory, loading, a wrong type.
    #[error("redis refused: {0}")]
    Refused(#[source] Arc<::redis::RedisError>),
    /// Written, but not confirmed by as many replicas as were asked for.
    #[error("the write was confirmed by {confirmed} of {wanted} replicas")]
    Unconfirmed {
        /// Replicas that confirmed in time.
        confirmed: u64,
        /// `RESEND_REDIS_MIN_REPLICAS`.
        wanted: u64,
    },
}

/// A shared handle; clones use the same link, over which commands are pipelined.
#[derive(Clone)]
pub struct Redis {
    inner: Arc<Inner>,
}

struct Inner {
    connector: Connector,
    link: RwLock<Option<Link>>,
    attempts: Mutex<Attempts>,
    min_replicas: u64,
    /// Connections for confirmed writes: `WAIT` holds up whatever comes behind it, so each write has one to itself.
    idle: std::sync::Mutex<Vec<Connection>>,
}

#[derive(Clone)]
struct Link {
    generation: u64,
    connection: Connection,
}

#[derive(Default)]
struct Attempts {
    generation: u64,
    failed: u32,
    not_before: Option<Instant>,
    last: Option<Arc<::redis::RedisError>>,
}

/// Anything that can be asked of Redis in one round trip.
enum Request<'a> {
    Command(&'a Cmd),
    Pipeline(&'a Pipeline),
    Script(&'a ScriptInvocation<'a>),
}

impl Redis {
    /// A handle that connects on first use.
    pub fn new(config: &RedisConfig) -> Result<Self, RedisError> {
        let connector = Connector::new(config).map_err(|error| RedisError::Refused(Arc::new(error)))?;
        let (link, attempts, idle) = (RwLock::default(), Mutex::default(), std::sync::Mutex::default());
        let min_replicas = config.min_replicas;
        Ok(Self { inner: Arc::new(Inner { connector, link, attempts, min_replicas, idle }) })
    }

    /// Runs one command.
    pub async fn command<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, RedisError> {
        self.ask(&Request::Command(command)).await
    }

    /// Runs several commands in one round trip.
    pub async fn pipeline<T: FromRedisValue>(&self, pipeline: &Pipeline) -> Result<T, RedisError> {
        self.ask(&Request::Pipeline(pipeline)).await
    }

    /// Runs a script by its hash, loading it where Redis does not have it.
    pub async fn script<T: FromRedisValue>(&self, script: &ScriptInvocation<'_>) -> Result<T, RedisError> {
        self.ask(&Request::Script(script)).await
    }

    /// Runs a script whose writes must outlive a fail-over: with `RESEND_REDIS_MIN_REPLICAS` it is done only once so
    /// many replicas have it. The script must write something, or there is nothing to confirm.
    pub async fn script_confirmed<T: FromRedisValue>(
        &self,
        script: &ScriptInvocation<'_>,
    ) -> Result<T, RedisError> {
        let wanted = self.inner.min_replicas;
        if wanted == 0 {
            return self.script(script).await;
        }
        let mut repeats = 0;
        loop {
            match self.write_and_wait(script, wanted).await {
                Err(error) if error.may_repeat() && repeats < REPEATS => repeats += 1,
                answer => return answer,
            }
        }
    }

    /// How many replicas must confirm a write.
    pub fn min_replicas(&self) -> u64 {
        self.inner.min_replicas
    }

    /// What about the servers' set-up an operator should know.
    pub async fn findings(&self) -> Result<Vec<Finding>, RedisError> {
        let info = self.command(&::redis::cmd("INFO")).await?;
        Ok(safety::findings(&info, self.inner.min_replicas))
    }

    /// Whether Redis answers and is done loading.
    pub async fn ping(&self) -> Result<(), RedisError> {
        self.command(&::redis::cmd("PING")).await
    }

    /// A connection of its own, for reads that block: on the shared link they would hold up everything behind them.
    /// It has no time limit inside; the caller sets one.
    pub async fn dedicated(&self) -> Result<Connection, RedisError> {
        within(self.inner.connector.connect()).await
    }

    /// Counts the links there were: a change tells that Redis was away.
    pub fn generation(&self) -> u64 {
        self.current().map_or(0, |link| link.generation)
    }

    /// Which streams may be read by one command: all of them on one server, each alone in a cluster.
    pub fn read_together<T: Clone>(&self, streams: &[T]) -> Vec<Vec<T>> {
        match self.inner.connector {
            Connector::Cluster(_) => streams.iter().map(|stream| vec![stream.clone()]).collect(),
            Connector::Single(_) | Connector::Sentinel(_) => vec![streams.to_vec()],
        }
    }

    async fn ask<T: FromRedisValue>(&self, request: &Request<'_>) -> Result<T, RedisError> {
        let mut repeats = 0;
        loop {
            let mut link = self.link().await?;
            match within(request.send(&mut link.connection)).await {
                Ok(answer) => return Ok(answer),
                Err(error) => {
                    let broken = error.breaks_link();
                    if broken {
                        self.discard(link.generation);
                    }
                    if repeats == REPEATS || !error.may_repeat() {
                        return Err(error);
                    }
                    repeats += 1;
                }
            }
        }
    }

    async fn write_and_wait<T: FromRedisValue>(
        &self,
        script: &ScriptInvocation<'_>,
        wanted: u64,
    ) -> Result<T, RedisError> {
        let idle = self.idle().pop();
        let mut connection = match idle {
            Some(connection) => connection,
            None => self.dedicated().await?,
        };
        // A connection that fails in between is dropped, and with it whatever answer is still on its way.
        let answer = within(script.invoke_async(&mut connection)).await?;
        let mut wait = ::redis::cmd("WAIT");
        wait.arg(wanted).arg(CONFIRM_LIMIT.as_millis().to_string());
        let confirmed: u64 = within(wait.query_async(&mut connection)).await?;
        self.idle().push(connection);
        if confirmed < wanted { Err(RedisError::Unconfirmed { confirmed, wanted }) } else { Ok(answer) }
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Connection>> {
        self.inner.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn link(&self) -> Result<Link, RedisError> {
        if let Some(link) = self.current() {
            return Ok(link);
        }
        let mut attempts = self.inner.attempts.lock().await;
        if let Some(link) = self.current() {
            return Ok(link);
        }
        attempts.check_backoff()?;
        let connected = within(self.inner.connector.connect()).await;
        let connection = connected.inspect_err(|error| attempts.note_failure(error))?;
        let link = attempts.note_success(connection);
        *self.inner.link.write().unwrap_or_else(PoisonError::into_inner) = Some(link.clone());
        Ok(link)
    }

    fn current(&self) -> Option<Link> {
        self.inner.link.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Drops a link that broke, unless somebody replaced it already.
    fn discard(&self, generation: u64) {
        let mut link = self.inner.link.write().unwrap_or_else(PoisonError::into_inner);
        if link.as_ref().is_some_and(|link| link.generation == generation) {
            *link = None;
        }
    }
}

impl Request<'_> {
    async fn send<T: FromRedisValue>(&self, connection: &mut Connection) -> RedisResult<T> {
        match self {
            Self::Command(command) => command.query_async(connection).await,
            Self::Pipeline(pipeline) => pipeline.query_async(connection).await,
            Self::Script(script) => script.invoke_async(connection).await,
        }
    }
}

impl Attempts {
    fn check_backoff(&self) -> Result<(), RedisError> {
        match (&self.last, self.not_before) {
            (Some(last), Some(not_before)) if Instant::now() < not_before => {
                Err(RedisError::Unreachable(last.clone()))
            }
            _ => Ok(()),
        }
    }

    fn note_failure(&mut self, error: &RedisError) {
        // Logged when the state changes, not for every attempt: an outage must not flood the log.
        if self.failed == 0 {
            tracing::warn!(%error, "redis is away, trying again with backoff");
        }
        let longest = BACKOFF.0.saturating_mul(1 << self.failed.min(5)).min(BACKOFF.1);
        self.failed += 1;
        self.not_before = Some(Instant::now() + longest.mul_f64(rand::random_range(0.5..1.0)));
        self.last = Some(error.source_error());
    }

    fn note_success(&mut self, connection: Connection) -> Link {
        if self.failed > 0 {
            tracing::info!(attempts = self.failed + 1, "redis is back");
        }
        self.generation += 1;
        (self.failed, self.not_before, self.last) = (0, None, None);
        Link { generation: self.generation, connection }
    }
}

impl RedisError {
    /// Whether the link is of no more use: broken, silent, or leading to a server that is no longer the master.
    fn breaks_link(&self) -> bool {
        match self {
            Self::Unreachable(_) | Self::Silent(_) => true,
            Self::Refused(error) => error.kind() == ErrorKind::Server(ServerErrorKind::ReadOnly),
            Self::Unconfirmed { .. } => false,
        }
    }

    /// Whether sending it again at once may help. Not after silence: the time for an answer is used up.
    fn may_repeat(&self) -> bool {
        match self {
            Self::Unreachable(_) => true,
            Self::Silent(_) | Self::Unconfirmed { .. } => false,
            Self::Refused(error) => error.kind() == ErrorKind::Server(ServerErrorKind::NoScript),
        }
    }

    fn source_error(&self) -> Arc<::redis::RedisError> {
        match self {
            Self::Unreachable(error) | Self::Refused(error) => error.clone(),
            Self::Silent(_) | Self::Unconfirmed { .. } => {
                Arc::new((ErrorKind::Io, "no answer within the time limit").into())
            }
        }
    }
}

impl From<::redis::RedisError> for RedisError {
    fn from(error: ::redis::RedisError) -> Self {
        if error.is_io_error() || error.is_connection_dropped() || error.is_timeout() {
            Self::Unreachable(Arc::new(error))
        } else {
            Self::Refused(Arc::new(error))
        }
    }
}

/// Runs one round trip within the command's time limit.
async fn within<T>(answer: impl Future<Output = RedisResult<T>>) -> Result<T, RedisError> {
    match timeout(COMMAND_LIMIT, answer).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(error.into()),
        Err(_) => Err(RedisError::Silent(COMMAND_LIMIT)),
    }
}
