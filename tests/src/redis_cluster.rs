//! A Redis Cluster for one test.

use std::path::Path;
use std::time::Duration;

use tokio::process::Command;

use crate::eventually::eventually;
use crate::redis_server::{RedisServer, Shipped, User};

/// How long the nodes may take to agree.
const AGREES_WITHIN: Duration = Duration::from_secs(30);

/// The lines for a cluster node that `deploy/redis/redis.conf` has as comments.
const CLUSTER: [&str; 4] = ["--cluster-enabled", "yes", "--cluster-require-full-coverage", "no"];

/// Running nodes that agree on who serves which slot.
pub struct RedisCluster {
    /// The nodes; masters first.
    pub nodes: Vec<RedisServer>,
}

impl RedisCluster {
    /// Starts a cluster of this many masters with this many replicas each.
    pub async fn start(folder: &Path, masters: usize, replicas: usize) -> Self {
        let mut nodes = Vec::new();
        for number in 0..masters * (replicas + 1) {
            let arguments =
                [&CLUSTER[..], &["--cluster-node-timeout", "2000", "--appendonly", "yes"]].concat();
            nodes.push(RedisServer::start_with(&folder.join(format!("node-{number}")), &arguments).await);
        }
        Self::of(nodes, replicas).await
    }

    /// Starts a cluster of so many masters under the files of `deploy/redis`.
    pub async fn shipped(folder: &Path, masters: usize) -> Self {
        let mut nodes = Vec::new();
        for number in 0..masters {
            let folder = folder.join(format!("node-{number}"));
            nodes.push(RedisServer::start_shipped_with(&folder, Shipped::Observed, &CLUSTER).await);
        }
        Self::of(nodes, 0).await
    }

    async fn of(nodes: Vec<RedisServer>, replicas: usize) -> Self {
        let cluster = Self { nodes };
        cluster.create(replicas).await;
        cluster.agrees().await;
        if replicas > 0 {
            let masters = cluster.nodes.len() / (replicas + 1);
            for master in &cluster.nodes[..masters] {
                confirmed(master, replicas).await;
            }
        }
        cluster
    }

    /// All nodes, as `RESEND_REDIS_URL` wants them.
    pub fn urls(&self) -> String {
        self.urls_for(None)
    }

    /// The same with this user.
    pub fn urls_for(&self, user: Option<User>) -> String {
        let urls: Vec<_> = self.nodes.iter().map(|node| node.url_for(user)).collect();
        urls.join(",")
    }

    /// The node that serves this key.
    pub async fn master_of(&self, key: &str) -> &RedisServer {
        for node in &self.nodes {
            let mut ask = redis::cmd("EXISTS");
            // Any other node replies MOVED.
            if ask.arg(key).query_async::<u64>(&mut node.connection().await).await.is_ok() {
                return node;
            }
        }
        panic!("no node serves {key}")
    }

    /// The indexes of the replicas of the master at this port, and of all others.
    pub async fn replicas_of(&self, master: u16) -> (Vec<usize>, Vec<usize>) {
        let (mut own, mut others) = (Vec::new(), Vec::new());
        for (index, node) in self.nodes.iter().enumerate() {
            let replication: String = node.command(&["INFO", "replication"]).await;
            if replication.contains(&format!("master_port:{master}\r")) {
                own.push(index);
            } else if replication.contains("role:slave") {
                others.push(index);
            }
        }
        (own, others)
    }

    /// Waits until every node reports that the cluster serves all slots.
    pub async fn agrees(&self) {
        eventually("the cluster agrees", AGREES_WITHIN, || async {
            for node in &self.nodes {
                let info: String = node.command(&["CLUSTER", "INFO"]).await;
                let size = node.command::<String>(&["CLUSTER", "NODES"]).await.lines().count();
                if !info.contains("cluster_state:ok") || size != self.nodes.len() {
                    return None;
                }
            }
            Some(())
        })
        .await;
    }

    async fn create(&self, replicas: usize) {
        // redis-cli creates no cluster of fewer than three masters; a single one needs no agreement.
        if let [only] = &*self.nodes {
            let _: String = only.command(&["CLUSTER", "ADDSLOTSRANGE", "0", "16383"]).await;
            return;
        }
        let mut command = Command::new("redis-cli");
        command.args(["--cluster", "create"]);
        command.args(self.nodes.iter().map(|node| format!("127.0.0.1:{}", node.port())));
        command.args(["--cluster-replicas", &replicas.to_string(), "--cluster-yes"]);
        command.args(self.nodes[0].user().into_iter().flat_map(User::redis_cli));
        let output = command.output().await.expect("redis-cli is installed");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    }
}

/// Waits until this many replicas confirm this master's writes, so that they follow it from then on.
async fn confirmed(master: &RedisServer, replicas: usize) {
    eventually("the replicas confirm a write", AGREES_WITHIN, || async {
        let mut connection = master.connection().await;
        // One of these keys is in one of this node's slots; the others are refused.
        for number in 0..64 {
            let mut write_and_wait = redis::pipe();
            write_and_wait.cmd("SET").arg(format!("probe:{number}")).arg(1).arg("PX").arg(1).ignore();
            write_and_wait.cmd("WAIT").arg(replicas).arg(200);
            let confirmed: Result<(usize,), _> = write_and_wait.query_async(&mut connection).await;
            if let Ok((confirmed,)) = confirmed {
                return (confirmed == replicas).then_some(());
            }
        }
        None
    })
    .await;
}
