//! Listening to what Redis publishes, over a connection of its own. Of a cluster any node will do: all of them hear
//! everything that is published.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use ::redis::aio::{MultiplexedConnection, SendError};
use ::redis::sentinel::SentinelClient;
use ::redis::{AsyncConnectionConfig, Client, Cmd, ProtocolVersion, PushInfo, PushKind, RedisResult, Value};
use secrecy::ExposeSecret;
use tokio::sync::{Mutex, Notify};
use tokio::time::sleep;

use super::RedisError;
use super::error::within;
use crate::settings::{RedisConfig, RedisMode};

/// How often the other end is asked whether it still hears: a link may die without a word.
const ASKED_EVERY: Duration = Duration::from_secs(1);

/// Makes subscriptions.
pub struct Listener {
    source: Source,
    /// The node whose turn it is.
    turn: AtomicUsize,
}

enum Source {
    Server(Box<Client>),
    Nodes(Vec<Client>),
    Master(Box<Mutex<SentinelClient>>),
}

/// Channels being listened to.
pub struct ChannelSubscription {
    connection: MultiplexedConnection,
    broken: Arc<Notify>,
    question: (Cmd, fn(&Value) -> bool),
}

impl Listener {
    /// Reads the addresses. Nothing is connected yet.
    pub fn new(config: &RedisConfig) -> Result<Self, RedisError> {
        Ok(Self { source: Source::new(config)?, turn: AtomicUsize::new(0) })
    }

    /// Calls `hear` with every message on these channels, from before this is done until the subscription is dropped.
    /// `hear` must not block: nothing is read meanwhile.
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
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(super::connect::CONNECT_LIMIT))
            .set_response_timeout(None)
            .set_push_sender(pushed);
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
            Source::Nodes(nodes) => nodes[self.turn.fetch_add(1, Ordering::Relaxed) % nodes.len()].clone(),
            Source::Master(sentinels) => pushing(&sentinels.lock().await.async_get_client().await?)?,
        })
    }
}

impl Source {
    fn new(config: &RedisConfig) -> RedisResult<Self> {
        let urls = config.urls.iter().map(ExposeSecret::expose_secret);
        Ok(match &config.mode {
            RedisMode::Sentinel(of) => {
                let urls: Vec<_> = urls.map(str::to_owned).collect();
                Self::Master(Box::new(Mutex::new(super::connect::sentinels(&urls, of)?)))
            }
            RedisMode::Cluster => {
                let nodes: RedisResult<_> = urls.map(|url| pushing(&Client::open(url)?)).collect();
                Self::Nodes(nodes?)
            }
            RedisMode::Single => {
                Self::Server(Box::new(pushing(&Client::open(config.urls[0].expose_secret())?)?))
            }
        })
    }

    /// What a server is asked to learn whether it still hears what is published, and what it answers if so.
    fn question(&self) -> (Cmd, fn(&Value) -> bool) {
        match self {
            Self::Server(_) => (::redis::cmd("PING"), |_| true),
            // A node cut off from the others, or forgotten by them, says so.
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
    /// Done when nothing more will be heard.
    pub async fn lost(&mut self) {
        loop {
            tokio::select! {
                () = self.broken.notified() => return,
                () = sleep(ASKED_EVERY) => {}
            }
            let (question, hears) = &self.question;
            let answer = within(question.query_async::<Value>(&mut self.connection)).await;
            if !answer.is_ok_and(|answer| hears(&answer)) {
                return;
            }
        }
    }
}

/// The same client over RESP3, in which messages come beside answers.
fn pushing(client: &Client) -> RedisResult<Client> {
    let info = client.get_connection_info().clone();
    let settings = info.redis_settings().clone().set_protocol(ProtocolVersion::RESP3);
    Client::open(info.set_redis_settings(settings))
}

fn holds(value: &Value, word: &str) -> bool {
    match value {
        Value::BulkString(text) => String::from_utf8_lossy(text).contains(word),
        Value::SimpleString(text) | Value::VerbatimString { text, .. } => text.contains(word),
        _ => false,
    }
}
