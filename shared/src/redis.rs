//! The connection layer to Redis. It outlives restarts, fail-overs and half-open sockets: every call has a time limit, a
//! broken link is replaced with backoff, and while Redis is away calls fail at once instead of queueing up.

mod batch;
mod confirm;
mod connect;
mod error;
mod listener;
mod options;
mod reconnect;
mod request;
mod safety;
mod sentinel;

use std::sync::{Arc, PoisonError, RwLock};

use ::redis::{Cmd, FromRedisValue, Pipeline, ScriptInvocation};
use tokio::sync::Mutex;

pub use batch::{ScriptArgs, ScriptBatcher};
pub use connect::{Connection, Connector};
pub use error::RedisError;
pub use listener::{ChannelSubscription, Listener};
pub use safety::{ConfigIssue, DefaultUser, Server};

use crate::settings::RedisConfig;
use batch::BatchCall;
use confirm::ConfirmationPool;
use error::within;
use reconnect::{Link, ReconnectState, SharedState};
use request::{Request, ScriptCall};

/// How often a command is sent again after its link broke or its script was missing. All our scripts are safe to
/// repeat.
const MAX_REPEATS: u32 = 2;

/// A shared handle; clones use the same link, over which commands are pipelined.
#[derive(Clone)]
pub struct Redis {
    inner: Arc<Inner>,
}

struct Inner {
    connector: Arc<Connector>,
    link: RwLock<Option<Link>>,
    /// Held by the caller that connects; the others wait for its link.
    reconnect: Mutex<ReconnectState>,
    /// State shared by all handles of the process.
    shared: Arc<SharedState>,
    min_replicas: u64,
    /// The slot of every key of the queue.
    hash_tag: String,
    confirmations: ConfirmationPool,
}

impl Redis {
    /// A handle that connects on first use.
    pub fn new(config: &RedisConfig) -> Result<Self, RedisError> {
        let connector = Connector::new(config).map_err(|error| RedisError::Refused(Arc::new(error)))?;
        let hash_tag = config.hash_tag.clone();
        Ok(Self::with(Arc::new(connector), Arc::default(), config.min_replicas, hash_tag))
    }

    /// A handle with a connection of its own, which also connects on first use. A connection is driven by the runtime it
    /// was made on, so each runtime of a process needs one.
    #[must_use]
    pub fn with_own_connection(&self) -> Self {
        let Inner { connector, shared, min_replicas, hash_tag, .. } = &*self.inner;
        Self::with(connector.clone(), shared.clone(), *min_replicas, hash_tag.clone())
    }

    fn with(
        connector: Arc<Connector>,
        shared: Arc<SharedState>,
        min_replicas: u64,
        hash_tag: String,
    ) -> Self {
        let inner = Inner {
            connector,
            link: RwLock::default(),
            reconnect: Mutex::new(ReconnectState::new(shared.clone())),
            shared,
            min_replicas,
            hash_tag,
            confirmations: ConfirmationPool::default(),
        };
        Self { inner: Arc::new(inner) }
    }

    /// Runs one command.
    pub async fn command<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, RedisError> {
        self.ask(&Request::Command(command)).await
    }

    /// Runs several commands in one round trip.
    pub async fn pipeline<T: FromRedisValue>(&self, pipeline: &Pipeline) -> Result<T, RedisError> {
        self.ask(&Request::Pipeline(pipeline)).await
    }

    /// Runs a script by its hash, and loads it if Redis does not have it.
    pub async fn script<T: FromRedisValue>(&self, script: &ScriptInvocation<'_>) -> Result<T, RedisError> {
        self.ask(&Request::Script(ScriptCall::One(script))).await
    }

    /// Runs a script for many items at once.
    async fn batch<T: FromRedisValue>(
        &self,
        call: &BatchCall<'_>,
        is_confirmed: bool,
    ) -> Result<T, RedisError> {
        let call = ScriptCall::Batch(call);
        if is_confirmed { self.call_confirmed(call).await } else { self.ask(&Request::Script(call)).await }
    }

    /// How many replicas must confirm a write.
    pub fn min_replicas(&self) -> u64 {
        self.inner.min_replicas
    }

    /// Whether it is a Redis Cluster.
    pub fn is_cluster(&self) -> bool {
        matches!(*self.inner.connector, Connector::Cluster(..))
    }

    /// Whether Redis answers and is done loading.
    pub async fn ping(&self) -> Result<(), RedisError> {
        self.command(&::redis::cmd("PING")).await
    }

    /// A separate connection for blocking reads, which would hold up everything behind them on the shared link. It has
    /// no time limit of its own; the caller sets one.
    pub async fn dedicated(&self) -> Result<Connection, RedisError> {
        let connected = within(self.inner.connector.connect()).await?;
        self.inner.shared.note_master(connected.server);
        Ok(connected.connection)
    }

    /// Counts the links of this handle: a change shows that Redis was away.
    pub fn generation(&self) -> u64 {
        self.current().map_or(0, |link| link.generation)
    }

    async fn ask<T: FromRedisValue>(&self, request: &Request<'_>) -> Result<T, RedisError> {
        let mut repeats = 0;
        loop {
            let mut link = self.link().await?;
            match within(request.send(&mut link.connection)).await {
                Ok(answer) => return Ok(answer),
                Err(error) => {
                    if error.breaks_link() {
                        self.discard(link.generation);
                    }
                    if repeats == MAX_REPEATS || !error.may_repeat() {
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
        // Boxed, because inline it would be part of every call's future, which is moved and stored several times.
        Box::pin(self.connect()).await
    }

    async fn connect(&self) -> Result<Link, RedisError> {
        let mut reconnect = self.inner.reconnect.lock().await;
        if let Some(link) = self.current() {
            return Ok(link);
        }
        reconnect.check_backoff()?;
        let connected = within(self.inner.connector.connect()).await;
        let connected = connected.inspect_err(|error| reconnect.note_failure(error))?;
        let link = reconnect.note_success(connected);
        *self.inner.link.write().unwrap_or_else(PoisonError::into_inner) = Some(link.clone());
        Ok(link)
    }

    /// The link, unless a newer connection of this process leads to another master.
    fn current(&self) -> Option<Link> {
        let link = self.inner.link.read().unwrap_or_else(PoisonError::into_inner).clone();
        link.filter(|link| link.epoch == self.inner.shared.epoch())
    }

    /// Drops a broken link, unless another caller has replaced it already.
    fn discard(&self, generation: u64) {
        let mut link = self.inner.link.write().unwrap_or_else(PoisonError::into_inner);
        if link.as_ref().is_some_and(|link| link.generation == generation) {
            *link = None;
        }
    }
}
