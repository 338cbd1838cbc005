//! How a connection is made: to one server, to the master that sentinels name, or to a cluster.

use std::time::Duration;

use ::redis::aio::{ConnectionLike, MultiplexedConnection};
use ::redis::cluster::{ClusterClient, ClusterClientBuilder};
use ::redis::cluster_async::ClusterConnection;
use ::redis::sentinel::{SentinelClient, SentinelNodeConnectionInfo, SentinelServerType};
use ::redis::{
    AsyncConnectionConfig, Client, Cmd, ConnectionAddr, ConnectionInfo, IntoConnectionInfo, Pipeline,
    RedisConnectionInfo, RedisFuture, RedisResult, TlsMode, Value,
};
use secrecy::ExposeSecret;
use tokio::sync::Mutex;

use crate::settings::{RedisConfig, RedisMode, SentinelConfig};

/// Longest a TCP and TLS handshake may take.
pub(super) const CONNECT_LIMIT: Duration = Duration::from_secs(1);

/// Makes connections.
pub enum Connector {
    /// To one server.
    Single(Box<Client>),
    /// To whoever is master now.
    Sentinel(Box<Mutex<SentinelClient>>),
    /// To all nodes.
    Cluster(Box<ClusterClient>),
}

/// One connection, whatever is behind it.
#[derive(Clone)]
pub enum Connection {
    /// To one server.
    Single(MultiplexedConnection),
    /// To the nodes of a cluster; follows `MOVED`, `ASK` and `TRYAGAIN` itself.
    Cluster(ClusterConnection),
}

impl Connector {
    /// Reads the addresses. Nothing is connected yet.
    pub fn new(config: &RedisConfig) -> RedisResult<Self> {
        let urls: Vec<_> = config.urls.iter().map(|url| url.expose_secret().to_owned()).collect();
        Ok(match &config.mode {
            RedisMode::Single => Self::Single(Box::new(Client::open(nameless(&urls[0])?)?)),
            RedisMode::Sentinel(of) => Self::Sentinel(Box::new(Mutex::new(sentinels(&urls, of)?))),
            RedisMode::Cluster => {
                let nodes: Vec<_> = urls.iter().map(|url| nameless(url)).collect::<RedisResult<_>>()?;
                let builder = ClusterClientBuilder::new(nodes).connection_timeout(CONNECT_LIMIT);
                Self::Cluster(Box::new(builder.response_timeout(Duration::MAX).build()?))
            }
        })
    }

    /// A new connection. It has no response timeout of its own: the library's default of 500 ms is shorter than any
    /// useful blocking read, and its late reply would strand stream entries as pending.
    pub async fn connect(&self) -> RedisResult<Connection> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT_LIMIT))
            .set_response_timeout(None);
        Ok(match self {
            Self::Single(client) => {
                Connection::Single(client.get_multiplexed_async_connection_with_config(&config).await?)
            }
            Self::Sentinel(client) => {
                Connection::Single(client.lock().await.get_async_connection_with_config(&config).await?)
            }
            Self::Cluster(client) => Connection::Cluster(client.get_async_connection().await?),
        })
    }
}

/// What a URL says, without `CLIENT SETINFO` at the start of each connection: Redis 7.0 does not know that command, and users
/// with the rights they need and no more may not run it.
fn nameless(url: &str) -> RedisResult<ConnectionInfo> {
    let info = url.into_connection_info()?;
    let settings = info.redis_settings().clone().set_skip_set_lib_name();
    Ok(info.set_redis_settings(settings))
}

/// The sentinels at these URLs, for the master they name. User, password, database and TLS of the first URL are those of the
/// master, as they are where there are no sentinels; these have users of their own, and no databases.
pub(super) fn sentinels(urls: &[String], of: &SentinelConfig) -> RedisResult<SentinelClient> {
    let infos: Vec<_> = urls.iter().map(|url| nameless(url)).collect::<RedisResult<_>>()?;
    let mut node = SentinelNodeConnectionInfo::default();
    if let Some(first) = infos.first() {
        node = node.set_redis_connection_info(first.redis_settings().clone());
        node = match first.addr() {
            ConnectionAddr::TcpTls { insecure: false, .. } => node.set_tls_mode(TlsMode::Secure),
            ConnectionAddr::TcpTls { insecure: true, .. } => node.set_tls_mode(TlsMode::Insecure),
            _ => node,
        };
    }
    let mut own = RedisConnectionInfo::default().set_skip_set_lib_name();
    if let Some(user) = &of.user {
        own = own.set_username(user);
    }
    if let Some(password) = &of.password {
        own = own.set_password(password.expose_secret());
    }
    let asked = infos.into_iter().map(|info| info.set_redis_settings(own.clone())).collect();
    SentinelClient::build(asked, &of.master, Some(node), SentinelServerType::Master)
}

impl ConnectionLike for Connection {
    fn req_packed_command<'a>(&'a mut self, cmd: &'a Cmd) -> RedisFuture<'a, Value> {
        match self {
            Self::Single(connection) => connection.req_packed_command(cmd),
            Self::Cluster(connection) => connection.req_packed_command(cmd),
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
            Self::Cluster(connection) => connection.req_packed_commands(cmd, offset, count),
        }
    }

    fn get_db(&self) -> i64 {
        match self {
            Self::Single(connection) => connection.get_db(),
            Self::Cluster(connection) => connection.get_db(),
        }
    }
}
