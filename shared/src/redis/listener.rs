//! Subscribes to published messages, over a separate connection. In a cluster any node will do: each forwards
//! everything that is published.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use ::redis::aio::{MultiplexedConnection, SendError};
use ::redis::{Client, Cmd, ConnectionInfo, ProtocolVersion, PushInfo, PushKind, RedisResult, Value};
use secrecy::ExposeSecret;
use tokio::sync::Notify;
use tokio::time::sleep;

use super::RedisError;
use super::connect::CONNECT_LIMIT;
use super::error::within;
use super::options::{connection_config, server_info};
use super::sentinel::Sentinels;
use crate::settings::{RedisConfig, RedisMode};

/// How often the subscription is tested: a connection may die silently.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// Makes subscriptions.
pub struct Listener {
    source: Source,
    /// Counts subscriptions, so that each uses another node of a cluster.
    subscriptions: AtomicUsize,
}

enum Source {
    Server(Box<Client>),
    Nodes(Vec<Client>),
    Master(Box<Sentinels>),
}

/// Channels being listened to.
pub struct ChannelSubscription {
    connection: MultiplexedConnection,
    broken: Arc<Notify>,
    question: (Cmd, fn(&Value) -> bool),
}

impl Listener {
    /// Parses the addresses. Nothing is connected yet.
    pub fn new(config: &RedisConfig) -> Result<Self, RedisError> {
        Ok(Self { source: Source::new(config)?, subscriptions: AtomicUsize::new(0) })
    }

    /// Calls `hear` with every message on these channels, from before this completes until the subscription is dropped.
    /// `hear` must not block, because nothing is read meanwhile.
    pub async fn subscribe(
        &self,
        channels: &[String],
        hear: impl Fn(&[u8]) + Send + Sync + 'static,
    ) -> Result<ChannelSubscription, RedisError> {
        let broken = Arc::new(Notify::new());
        let tell = broken.clone();
        let pushed = move |info: PushInfo| {
            match (info.kind, info.data.last()) {
                (PushKind::Message, Some(Value::BulkString(message))) => hear(message),
                (PushKind::Disconnection, _) => tell.notify_one(),
                _ => {}
            }
            Ok::<_, SendError>(())
        };
        let config = connection_config(CONNECT_LIMIT).set_push_sender(pushed);
        let connected = async {
            let client = self.client().await?;
            let mut connection = client.get_multiplexed_async_connection_with_config(&config).await?;
            connection.subscribe(channels).await?;
            Ok(connection)
        };
        let connection = within(connected).await?;
        Ok(ChannelSubscription { connection, broken, question: self.source.question() })
    }

    async fn client(&self) -> RedisResult<Client> {
        Ok(match &self.source {
            Source::Server(client) => *client.clone(),
            Source::Nodes(nodes) => {
                nodes[self.subscriptions.fetch_add(1, Ordering::Relaxed) % nodes.len()].clone()
            }
            Source::Master(sentinels) => over_resp3(sentinels.master().await?.get_connection_info())?,
        })
    }
}

impl Source {
    fn new(config: &RedisConfig) -> RedisResult<Self> {
        let urls = config.urls.iter().map(ExposeSecret::expose_secret);
        Ok(match &config.mode {
            RedisMode::Sentinel(of) => Self::Master(Box::new(Sentinels::new(config, of)?)),
            RedisMode::Cluster => {
                let nodes: RedisResult<_> = urls.map(|url| over_resp3(&server_info(url)?)).collect();
                Self::Nodes(nodes?)
            }
            RedisMode::Single => {
                Self::Server(Box::new(over_resp3(&server_info(config.urls[0].expose_secret())?)?))
            }
        })
    }

    /// The command that tests whether a server still receives published messages, and the check of its reply.
    fn question(&self) -> (Cmd, fn(&Value) -> bool) {
        match self {
            Self::Server(_) => (::redis::cmd("PING"), |_| true),
            // A node that is cut off from the others, or was removed by them, says so in its reply.
            Self::Nodes(_) => {
                (::redis::cmd("CLUSTER").arg("INFO").to_owned(), |info| holds(info, "cluster_state:ok"))
            }
            Self::Master(_) => (::redis::cmd("ROLE"), |role| match role {
                Value::Array(parts) => parts.first().is_some_and(|word| holds(word, "master")),
                _ => false,
            }),
        }
    }
}

impl ChannelSubscription {
    /// Completes when the subscription is lost.
    pub async fn lost(&mut self) {
        loop {
            tokio::select! {
                () = self.broken.notified() => return,
                () = sleep(POLL_INTERVAL) => {}
            }
            let (question, hears) = &self.question;
            let answer = within(question.query_async::<Value>(&mut self.connection)).await;
            if !answer.is_ok_and(|answer| hears(&answer)) {
                return;
            }
        }
    }
}

/// A client that speaks RESP3, in which published messages arrive on the same connection as replies.
fn over_resp3(info: &ConnectionInfo) -> RedisResult<Client> {
    let settings = info.redis_settings().clone().set_protocol(ProtocolVersion::RESP3);
    Client::open(info.clone().set_redis_settings(settings))
}

fn holds(value: &Value, word: &str) -> bool {
    match value {
        Value::BulkString(text) => String::from_utf8_lossy(text).contains(word),
        Value::SimpleString(text) | Value::VerbatimString { text, .. } => text.contains(word),
        _ => false,
    }
}
