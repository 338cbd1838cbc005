//! The one connection layer to Redis. It outlives restarts, fail-overs and half-open sockets: every call has a time
//! limit, a broken link is replaced with backoff, and while Redis is away calls fail at once instead of queueing up.

mod batch;
mod confirm;
mod connect;
mod error;
mod link;
mod listener;
mod safety;

use std::sync::{Arc, PoisonError, RwLock};

use ::redis::{Cmd, ErrorKind, FromRedisValue, Pipeline, RedisResult, ScriptInvocation, ServerErrorKind};
use tokio::sync::Mutex;

pub use batch::{ScriptArgs, ScriptBatcher};
pub use connect::{Connection, Connector};
pub use error::RedisError;
pub use listener::{ChannelSubscription, Listener};
pub use safety::{ConfigIssue, Server};

use crate::settings::RedisConfig;
use batch::Evaluation;
use error::within;
use link::{Attempts, Link, Outage};

/// Times a command is sent again after its link broke or its script was flushed away. All our scripts may run twice.
const REPEATS: u32 = 2;

const NO_SCRIPT: ErrorKind = ErrorKind::Server(ServerErrorKind::NoScript);

/// A shared handle; clones use the same link, over which commands are pipelined.
#[derive(Clone)]
pub struct Redis {
    inner: Arc<Inner>,
}

struct Inner {
    connector: Arc<Connector>,
    link: RwLock<Option<Link>>,
    attempts: Mutex<Attempts>,
    /// Shared with the handles beside this one.
    outage: Outage,
    min_replicas: u64,
    /// Connections for confirmed writes: `WAIT` holds up whatever comes behind it, so each write has one to itself. Each
    /// is of the time of one link, and of no use after it.
    idle: std::sync::Mutex<Vec<(u64, Connection)>>,
}

/// Anything that can be asked of Redis in one round trip.
enum Request<'a> {
    Command(&'a Cmd),
    Pipeline(&'a Pipeline),
    Script(&'a ScriptInvocation<'a>),
    Evaluation(&'a Evaluation<'a>),
}

impl Redis {
    /// A handle that connects on first use.
    pub fn new(config: &RedisConfig) -> Result<Self, RedisError> {
        let connector = Connector::new(config).map_err(|error| RedisError::Refused(Arc::new(error)))?;
        Ok(Self::over(Arc::new(connector), Outage::default(), config.min_replicas))
    }

    /// A handle with a link of its own, which also connects on first use. A link is driven by the runtime it was made
    /// on: who has a runtime of its own has calls of its own answered there.
    #[must_use]
    pub fn beside(&self) -> Self {
        Self::over(self.inner.connector.clone(), self.inner.outage.clone(), self.inner.min_replicas)
    }

    fn over(connector: Arc<Connector>, outage: Outage, min_replicas: u64) -> Self {
        let (link, idle) = (RwLock::default(), std::sync::Mutex::default());
        let attempts = Mutex::new(Attempts::new(outage.clone()));
        Self { inner: Arc::new(Inner { connector, link, attempts, outage, min_replicas, idle }) }
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

    /// Runs a script for many items at once.
    async fn evaluate<T: FromRedisValue>(
        &self,
        evaluation: &Evaluation<'_>,
        is_confirmed: bool,
    ) -> Result<T, RedisError> {
        let request = Request::Evaluation(evaluation);
        if is_confirmed { self.ask_confirmed(&request).await } else { self.ask(&request).await }
    }

    /// How many replicas must confirm a write.
    pub fn min_replicas(&self) -> u64 {
        self.inner.min_replicas
    }

    /// What about the servers' set-up an operator should know.
    pub async fn findings(&self) -> Result<Vec<ConfigIssue>, RedisError> {
        let info = self.command(&::redis::cmd("INFO")).await?;
        let mut findings = safety::findings(&info, self.inner.min_replicas);
        // Not every user may ask; then only the server's own log tells.
        let may_load: Result<String, _> = self.command(&safety::may_default_user_write()).await;
        findings.extend(may_load.ok().and_then(|answer| safety::default_user(&answer)));
        Ok(findings)
    }

    /// The servers behind this handle, as they say of themselves.
    pub async fn servers(&self) -> Result<Vec<Server>, RedisError> {
        Ok(safety::servers(&self.command(&::redis::cmd("INFO")).await?))
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

    /// Whether keys live on several servers: a script's must share a hash tag then.
    pub(crate) fn is_cluster(&self) -> bool {
        matches!(*self.inner.connector, Connector::Cluster(_))
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

    async fn link(&self) -> Result<Link, RedisError> {
        if let Some(link) = self.current() {
            return Ok(link);
        }
        // A heap of its own: in line it would be part of every call, which is moved and kept a few times over.
        Box::pin(self.connect()).await
    }

    async fn connect(&self) -> Result<Link, RedisError> {
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
            Self::Evaluation(evaluation) => match evaluation.call().query_async(connection).await {
                Err(error) if error.kind() == NO_SCRIPT => {
                    let _: String = evaluation.load().query_async(connection).await?;
                    evaluation.call().query_async(connection).await
                }
                answer => answer,
            },
        }
    }
}
