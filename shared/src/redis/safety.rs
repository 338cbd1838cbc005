//! Whether Redis, as it is set up, keeps what it is given. `INFO` and `ACL DRYRUN` are asked, which every access list may allow.

use ::redis::{Cmd, Value, cmd};

/// Oldest version with all commands the queue uses.
const OLDEST: (u64, u64) = (7, 0);

/// Something about a server that an operator should know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigIssue {
    /// What is so.
    pub what: String,
    /// What to change.
    pub change: &'static str,
    /// Accepted jobs would be lost or evicted: `RESEND_STRICT` refuses to accept any.
    pub loses_jobs: bool,
}

/// What an operator wants to know of one server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// Its version.
    pub version: String,
    /// `master` or `slave`.
    pub role: String,
    /// Replicas connected to it.
    pub replicas: u64,
    /// Whether it writes an append-only file.
    pub append_only: bool,
    /// Bytes in use.
    pub used_memory: u64,
    /// Bytes it may use; 0 where it may use any.
    pub max_memory: u64,
}

/// What one server says of itself.
struct Info<'a>(&'a str);

impl<'a> Info<'a> {
    fn get(&self, name: &str) -> Option<&'a str> {
        let value = |line: &'a str| line.strip_prefix(name)?.strip_prefix(':');
        self.0.lines().find_map(value).map(str::trim)
    }

    fn number(&self, name: &str) -> u64 {
        self.get(name).and_then(|value| value.parse().ok()).unwrap_or(0)
    }

    fn version(&self) -> (u64, u64) {
        let mut parts =
            self.get("redis_version").unwrap_or_default().split('.').map(|part| part.parse().unwrap_or(0));
        (parts.next().unwrap_or(0), parts.next().unwrap_or(0))
    }
}

/// Everything worth saying about the servers that answered `INFO`: one text from one server, several from a cluster.
pub(super) fn findings(answer: &Value, min_replicas: u64) -> Vec<ConfigIssue> {
    let mut texts = Vec::new();
    collect_texts(answer, &mut texts);
    let mut all: Vec<_> = texts.iter().flat_map(|text| of_server(&Info(text), min_replicas)).collect();
    all.dedup();
    all
}

/// Every server that answered `INFO`.
pub(super) fn servers(answer: &Value) -> Vec<Server> {
    let mut texts = Vec::new();
    collect_texts(answer, &mut texts);
    let server = |info: Info<'_>| Server {
        version: info.get("redis_version").unwrap_or_default().to_owned(),
        role: info.get("role").unwrap_or_default().to_owned(),
        replicas: info.number("connected_slaves"),
        append_only: info.get("aof_enabled") == Some("1"),
        used_memory: info.number("used_memory"),
        max_memory: info.number("maxmemory"),
    };
    texts.iter().map(|text| server(Info(text))).collect()
}

/// Asks whether the user `default` may run what scripts write with.
pub(super) fn may_default_user_write() -> Cmd {
    let mut ask = cmd("ACL");
    ask.arg("DRYRUN").arg("default").arg("HSET").arg("key").arg("field").arg("value");
    ask
}

/// What the answer means. Only the command is judged: rights to keys may be given by a name that is not known here.
pub(super) fn default_user(answer: &str) -> Option<ConfigIssue> {
    let is_refused = answer.contains("no permissions to run");
    is_refused.then(|| ConfigIssue {
        what: "the user default may not write: after a restart, what scripts wrote is not loaded".to_owned(),
        change: "have its line in the ACL file read: user default off resetpass ~* &* +@all",
        loses_jobs: true,
    })
}

fn of_server(info: &Info<'_>, min_replicas: u64) -> Vec<ConfigIssue> {
    let found = |what: String, change, loses_jobs| ConfigIssue { what, change, loses_jobs };
    let mut all = Vec::new();
    if info.version() < OLDEST {
        let what = format!("version {} is older than 7.0", info.get("redis_version").unwrap_or("unknown"));
        all.push(found(what, "use Redis 7.0 or later", true));
    }
    if info.get("aof_enabled") == Some("0") {
        let what = "no append-only file: a crash loses accepted jobs".to_owned();
        all.push(found(what, "set appendonly yes and appendfsync always", true));
    }
    match info.get("maxmemory_policy") {
        Some(policy) if policy != "noeviction" => {
            let what = format!("maxmemory-policy {policy} evicts jobs when memory is full");
            all.push(found(what, "set maxmemory-policy noeviction", true));
        }
        _ => {}
    }
    if info.get("aof_last_write_status").is_some_and(|status| status != "ok") {
        all.push(found("the append-only file cannot be written".to_owned(), "free space on its disk", true));
    }
    if info.get("role") == Some("master") && info.number("connected_slaves") < min_replicas {
        let what = format!("{} of {min_replicas} replicas are connected", info.number("connected_slaves"));
        all.push(found(what, "start the missing replicas, or lower RESEND_REDIS_MIN_REPLICAS", false));
    }
    all
}

fn collect_texts(value: &Value, texts: &mut Vec<String>) {
    match value {
        Value::BulkString(bytes) => texts.extend(info_text(&String::from_utf8_lossy(bytes))),
        Value::VerbatimString { text, .. } | Value::SimpleString(text) => texts.extend(info_text(text)),
        Value::Array(values) => values.iter().for_each(|value| collect_texts(value, texts)),
        Value::Map(pairs) => pairs.iter().for_each(|(_, value)| collect_texts(value, texts)),
        _ => {}
    }
}

/// A cluster's answer holds the nodes' names too.
fn info_text(text: &str) -> Option<String> {
    text.contains("redis_version:").then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAFE: &str = "redis_version:7.0.15\r\naof_enabled:1\r\naof_last_write_status:ok\r\nrole:master\r\n\
                        connected_slaves:1\r\nmaxmemory_policy:noeviction\r\n";

    fn of(text: &str, min_replicas: u64) -> Vec<ConfigIssue> {
        findings(&Value::BulkString(text.into()), min_replicas)
    }

    #[test]
    fn a_server_set_up_right_is_no_finding() {
        assert_eq!(of(SAFE, 1), []);
    }

    #[test]
    fn what_would_lose_jobs_is_found_with_what_to_change() {
        for (right, wrong, change) in [
            ("7.0.15", "6.2.14", "use Redis 7.0 or later"),
            ("aof_enabled:1", "aof_enabled:0", "set appendonly yes and appendfsync always"),
            ("noeviction", "allkeys-lru", "set maxmemory-policy noeviction"),
            ("aof_last_write_status:ok", "aof_last_write_status:err", "free space on its disk"),
        ] {
            let found = of(&SAFE.replace(right, wrong), 0);
            assert_eq!(found.len(), 1, "{wrong}");
            assert_eq!((found[0].change, found[0].loses_jobs), (change, true), "{wrong}");
        }
    }

    #[test]
    fn a_default_user_without_rights_to_load_is_found() {
        assert_eq!(default_user("OK"), None);
        let by_key = "User default has no permissions to access the 'key' key";
        assert_eq!(default_user(by_key), None);
        let refused = default_user("User default has no permissions to run the 'hset' command").unwrap();
        assert!(refused.loses_jobs && refused.change.contains("user default off resetpass ~* &* +@all"));
    }

    #[test]
    fn missing_replicas_are_told_but_refuse_by_themselves() {
        let found = of(SAFE, 2);
        assert_eq!((found.len(), found[0].loses_jobs), (1, false));
    }

    #[test]
    fn every_node_of_a_cluster_is_looked_at() {
        let node =
            |text: &str| (Value::SimpleString("127.0.0.1:7000".into()), Value::BulkString(text.into()));
        let nodes = Value::Map(vec![node(SAFE), node(&SAFE.replace("aof_enabled:1", "aof_enabled:0"))]);
        assert_eq!(findings(&nodes, 0).len(), 1);
    }
}
