//! How a connection is made: to one server, to the master behind sentinels, or to the shard of a cluster that holds the
//! queue.

use std::time::Duration;

use ::redis::aio::{ConnectionLike, MultiplexedConnection};
use ::redis::cluster::{ClusterClient, ClusterClientBuilder};
use ::redis::cluster_async::ClusterConnection;
use ::redis::cluster_routing::{Route, RoutingInfo, SingleNodeRoutingInfo, SlotAddr};
use ::redis::{Client, Cmd, ConnectionAddr, Pipeline, RedisFuture, RedisResult, Value};
use secrecy::ExposeSecret;

use super::options::{connection_config, server_info};
use super::sentinel::Sentinels;
use crate::settings::{RedisConfig, RedisMode};

/// Longest a TCP and TLS handshake may take.
pub(super) const CONNECT_LIMIT: Duration = Duration::from_secs(1);

/// Makes connections.
pub enum Connector {
    /// To one server.
    Single(Box<Client>),
    /// To the current master.
    Sentinel(Box<Sentinels>),
    /// To all nodes; every command goes to the master with this slot.
    Cluster(Box<ClusterClient>, Route),
}

/// One connection, to any of these.
#[derive(Clone)]
pub enum Connection {
    /// To one server.
    Single(MultiplexedConnection),
    /// To the nodes of a cluster. Every command goes to the master with this slot, even one without a key, such as
    /// `WAIT`, `SCRIPT LOAD`, `INFO` and `TIME`: the other shards hold nothing of the queue, so their faults must not
    /// affect it. It follows `MOVED`, `ASK` and `TRYAGAIN` itself.
    Cluster(ClusterConnection, Route),
}

/// A connection and the server that sentinels led it to.
pub(super) struct Connected {
    pub(super) connection: Connection,
    pub(super) server: Option<ConnectionAddr>,
}

impl Connector {
    /// Parses the addresses. Nothing is connected yet.
    pub fn new(config: &RedisConfig) -> RedisResult<Self> {
        let urls = config.urls.iter().map(ExposeSecret::expose_secret);
        Ok(match &config.mode {
            RedisMode::Single => Self::Single(Box::new(Client::open(server_info(
                config.urls.first().map_or("", ExposeSecret::expose_secret),
            )?)?)),
            RedisMode::Sentinel(of) => Self::Sentinel(Box::new(Sentinels::new(config, of)?)),
            RedisMode::Cluster => {
                let builder = ClusterClientBuilder::new(urls).connection_timeout(CONNECT_LIMIT);
                let client = builder.response_timeout(Duration::MAX).build()?;
                Self::Cluster(Box::new(client), Route::with_key(&config.hash_tag, SlotAddr::Master))
            }
        })
    }

    /// Makes a new connection.
    pub(super) async fn connect(&self) -> RedisResult<Connected> {
        let config = connection_config(CONNECT_LIMIT);
        let (connection, server) = match self {
            Self::Single(client) => {
                let connection = client.get_multiplexed_async_connection_with_config(&config).await?;
                (Connection::Single(connection), None)
            }
            Self::Sentinel(sentinels) => {
                let (connection, server) = sentinels.connect().await?;
                (Connection::Single(connection), Some(server))
            }
            Self::Cluster(client, route) => {
                (Connection::Cluster(client.get_async_connection().await?, *route), None)
            }
        };
        Ok(Connected { connection, server })
    }
}

impl ConnectionLike for Connection {
    fn req_packed_command<'a>(&'a mut self, cmd: &'a Cmd) -> RedisFuture<'a, Value> {
        match self {
            Self::Single(connection) => connection.req_packed_command(cmd),
            Self::Cluster(connection, route) => {
                let node = RoutingInfo::SingleNode(SingleNodeRoutingInfo::SpecificNode(*route));
                Box::pin(connection.route_command(cmd.clone(), node))
            }
        }
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        cmd: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        match self {
            Self::Single(connection) => connection.req_packed_commands(cmd, offset, count),
            Self::Cluster(connection, route) => {
                let node = SingleNodeRoutingInfo::SpecificNode(*route);
                Box::pin(connection.route_pipeline(cmd.clone(), offset, count, node))
            }
        }
    }

    fn get_db(&self) -> i64 {
        match self {
            Self::Single(connection) => connection.get_db(),
            Self::Cluster(connection, _) => connection.get_db(),
        }
    }
}
