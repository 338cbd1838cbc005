//! The master behind sentinels. All of them are queried at once, so that one whose host drops packets causes no delay
//! while others answer, and no lock is held meanwhile.

use std::time::Duration;

use ::redis::aio::MultiplexedConnection;
use ::redis::{
    Client, ConnectionAddr, ConnectionInfo, ErrorKind, RedisConnectionInfo, RedisError, RedisResult, Value,
};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use secrecy::ExposeSecret;
use tokio::time::{Instant, timeout_at};

use super::options::{connection_config, server_info};
use crate::settings::{RedisConfig, SentinelConfig};

/// Longest all sentinels together may take to answer.
const ANSWER_LIMIT: Duration = Duration::from_millis(500);

/// Longest wait for a majority once a sentinel has answered. A sentinel that was cut off from the others still names
/// the previous master.
const MAJORITY_LIMIT: Duration = Duration::from_millis(100);

/// Longest a handshake with the master may take: with the sentinels' answers it stays within the time limit of a
/// command.
const CONNECT_LIMIT: Duration = Duration::from_millis(800);

/// The sentinels, and how to log in at the master they name.
pub struct Sentinels {
    clients: Vec<Client>,
    master_name: String,
    master: ConnectionInfo,
}

/// Addresses that sentinels named, each with how many named it.
#[derive(Default)]
struct Votes(Vec<(ConnectionAddr, usize)>);

impl Sentinels {
    /// User, password, database and TLS of the first URL are for the master, as without sentinels; sentinels have users
    /// of their own, and no databases.
    pub(super) fn new(config: &RedisConfig, of: &SentinelConfig) -> RedisResult<Self> {
        let infos = config.urls.iter().map(|url| server_info(url.expose_secret()));
        let infos = infos.collect::<RedisResult<Vec<_>>>()?;
        let Some(master) = infos.first().cloned() else { return Err(no_master("no sentinel is given")) };
        let mut user = RedisConnectionInfo::default().set_skip_set_lib_name();
        if let Some(name) = &of.user {
            user = user.set_username(name);
        }
        if let Some(password) = &of.password {
            user = user.set_password(password.expose_secret());
        }
        let clients = infos.into_iter().map(|info| Client::open(info.set_redis_settings(user.clone())));
        Ok(Self { clients: clients.collect::<RedisResult<_>>()?, master_name: of.master.clone(), master })
    }

    /// A connection to the master, which has confirmed that it is one.
    pub(super) async fn connect(&self) -> RedisResult<(MultiplexedConnection, ConnectionAddr)> {
        let mut failed = None;
        for address in self.ask_all().await? {
            match self.connect_to(&address).await {
                Ok(connection) => return Ok((connection, address)),
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        Err(failed.unwrap_or_else(|| no_master("no sentinel names a master")))
    }

    /// The master that most sentinels name; not connected, and not yet asked whether it is one.
    pub(super) async fn master(&self) -> RedisResult<Client> {
        let named = self.ask_all().await?.into_iter().next();
        let address = named.ok_or_else(|| no_master("no sentinel names a master"))?;
        Client::open(self.master.clone().set_addr(address))
    }

    async fn connect_to(&self, address: &ConnectionAddr) -> RedisResult<MultiplexedConnection> {
        let client = Client::open(self.master.clone().set_addr(address.clone()))?;
        let config = connection_config(CONNECT_LIMIT);
        let mut connection = client.get_multiplexed_async_connection_with_config(&config).await?;
        let role: Vec<Value> = ::redis::cmd("ROLE").query_async(&mut connection).await?;
        match role.first() {
            Some(Value::BulkString(word)) if word == b"master" => Ok(connection),
            _ => Err(no_master("the server that the sentinels name is not a master")),
        }
    }

    /// The addresses that sentinels named, most votes first.
    async fn ask_all(&self) -> RedisResult<Vec<ConnectionAddr>> {
        let mut asked: FuturesUnordered<_> = self.clients.iter().map(|client| self.ask(client)).collect();
        let (mut votes, mut failed) = (Votes::default(), None);
        let mut until = Instant::now() + ANSWER_LIMIT;
        while let Ok(Some(answer)) = timeout_at(until, asked.next()).await {
            match answer {
                Ok(address) => {
                    if votes.add(address) > self.clients.len() / 2 {
                        break;
                    }
                    until = until.min(Instant::now() + MAJORITY_LIMIT);
                }
                Err(error) => failed = Some(error),
            }
        }
        match votes.ranked() {
            named if named.is_empty() => Err(failed.unwrap_or_else(|| no_master("no sentinel answers"))),
            named => Ok(named),
        }
    }

    async fn ask(&self, client: &Client) -> RedisResult<ConnectionAddr> {
        let config = connection_config(ANSWER_LIMIT);
        let mut connection = client.get_multiplexed_async_connection_with_config(&config).await?;
        let mut question = ::redis::cmd("SENTINEL");
        question.arg("GET-MASTER-ADDR-BY-NAME").arg(&self.master_name);
        let named: Option<(String, u16)> = question.query_async(&mut connection).await?;
        let (host, port) = named.ok_or_else(|| no_master("a sentinel knows no master of this name"))?;
        Ok(match self.master.addr() {
            ConnectionAddr::TcpTls { insecure, tls_params, .. } => {
                ConnectionAddr::TcpTls { host, port, insecure: *insecure, tls_params: tls_params.clone() }
            }
            _ => ConnectionAddr::Tcp(host, port),
        })
    }
}

impl Votes {
    /// Counts a vote, and returns how many this address has.
    fn add(&mut self, address: ConnectionAddr) -> usize {
        if let Some((_, count)) = self.0.iter_mut().find(|(known, _)| *known == address) {
            *count += 1;
            return *count;
        }
        self.0.push((address, 1));
        1
    }

    fn ranked(mut self) -> Vec<ConnectionAddr> {
        self.0.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        self.0.into_iter().map(|(address, _)| address).collect()
    }
}

/// An I/O error, so that it counts as a server that cannot be reached.
fn no_master(why: &'static str) -> RedisError {
    (ErrorKind::Io, why).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_that_most_sentinels_name_comes_first() {
        let server = |host: &str| ConnectionAddr::Tcp(host.to_owned(), 6_379);
        let mut votes = Votes::default();
        let counts = ["old", "new", "new"].map(|host| votes.add(server(host)));
        assert_eq!(counts, [1, 1, 2]);
        assert!(votes.ranked() == [server("new"), server("old")]);
    }
}
