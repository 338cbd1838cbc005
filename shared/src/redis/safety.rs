//! Whether Redis, as configured, keeps what is written to it.

use ::redis::cmd;

use super::{Redis, RedisError};

/// Oldest version with all commands the queue uses.
const OLDEST: (u64, u64) = (7, 0);

/// From this version on, Valkey loads its append-only file without checking the rights of the user `default`.
const VALKEY_LOADS_ALWAYS: (u64, u64) = (9, 1);

/// Something about a server's configuration that an operator should know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigIssue {
    /// What is wrong.
    pub what: String,
    /// What to change.
    pub change: &'static str,
    /// Accepted jobs would be lost or evicted: `RESEND_STRICT` refuses to accept any.
    pub loses_jobs: bool,
}

/// Facts about the server for an operator.
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
    /// Bytes it may use; 0 where there is no limit.
    pub max_memory: u64,
}

/// Whether the server would load its append-only file after a restart. While loading, Redis 7.0 to 8.0 and Valkey 8
/// check the commands of transactions against the user `default`: without rights they are skipped, and all jobs with
/// them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DefaultUser {
    /// It may run every command on every key, or the server does not check.
    CanLoad,
    /// It may not use some commands or keys.
    CannotLoad,
    /// This user may not run `ACL DRYRUN`.
    Hidden,
}

impl Redis {
    /// Finds what is wrong with the configuration of the server that holds the queue.
    pub async fn config_issues(&self) -> Result<Vec<ConfigIssue>, RedisError> {
        let info: String = self.command(&cmd("INFO")).await?;
        let mut issues = of_server(&Info(&info), self.min_replicas());
        if self.default_user().await? == DefaultUser::CannotLoad {
            issues.push(cannot_load());
        }
        Ok(issues)
    }

    /// The server that holds the queue.
    pub async fn server(&self) -> Result<Server, RedisError> {
        let info: String = self.command(&cmd("INFO")).await?;
        Ok(Server::of(&Info(&info)))
    }

    /// Whether the server would load its append-only file after a restart.
    pub async fn default_user(&self) -> Result<DefaultUser, RedisError> {
        let info: String = self.command(cmd("INFO").arg("server")).await?;
        if Info(&info).version("valkey_version") >= VALKEY_LOADS_ALWAYS {
            return Ok(DefaultUser::CanLoad);
        }
        let mut ask = cmd("ACL");
        let key = format!("{{{}}}:job", self.inner.hash_tag);
        ask.arg("DRYRUN").arg("default").arg("HSET").arg(key).arg("field").arg("value");
        match self.command::<String>(&ask).await {
            Ok(answer) if answer == "OK" => Ok(DefaultUser::CanLoad),
            Ok(_) => Ok(DefaultUser::CannotLoad),
            Err(RedisError::Refused(_)) => Ok(DefaultUser::Hidden),
            Err(error) => Err(error),
        }
    }
}

/// The reply to `INFO`.
struct Info<'a>(&'a str);

impl<'a> Info<'a> {
    fn get(&self, name: &str) -> Option<&'a str> {
        let value = |line: &'a str| line.strip_prefix(name)?.strip_prefix(':');
        self.0.lines().find_map(value).map(str::trim)
    }

    fn number(&self, name: &str) -> u64 {
        self.get(name).and_then(|value| value.parse().ok()).unwrap_or(0)
    }

    /// Major and minor version; 0.0 if there is no such member.
    fn version(&self, name: &str) -> (u64, u64) {
        let mut parts = self.get(name).unwrap_or_default().split('.').map(|part| part.parse().unwrap_or(0));
        (parts.next().unwrap_or(0), parts.next().unwrap_or(0))
    }
}

impl Server {
    fn of(info: &Info<'_>) -> Self {
        Self {
            version: info.get("redis_version").unwrap_or_default().to_owned(),
            role: info.get("role").unwrap_or_default().to_owned(),
            replicas: info.number("connected_slaves"),
            append_only: info.get("aof_enabled") == Some("1"),
            used_memory: info.number("used_memory"),
            max_memory: info.number("maxmemory"),
        }
    }
}

fn of_server(info: &Info<'_>, min_replicas: u64) -> Vec<ConfigIssue> {
    let found = |what: String, change, loses_jobs| ConfigIssue { what, change, loses_jobs };
    let mut all = Vec::new();
    if info.version("redis_version") < OLDEST {
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

fn cannot_load() -> ConfigIssue {
    let what = "the user default may not run every command on every key: at its next start the server skips \
                transactions in its append-only file, and accepted jobs are lost";
    ConfigIssue {
        what: what.to_owned(),
        change: "in the ACL file: user default off resetpass ~* &* +@all (it stays off, nobody can log in as it)",
        loses_jobs: true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAFE: &str = "redis_version:7.0.15\r\naof_enabled:1\r\naof_last_write_status:ok\r\nrole:master\r\n\
                        connected_slaves:1\r\nmaxmemory_policy:noeviction\r\n";

    fn of(text: &str, min_replicas: u64) -> Vec<ConfigIssue> {
        of_server(&Info(text), min_replicas)
    }

    #[test]
    fn a_server_that_keeps_jobs_has_no_issue() {
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
    fn missing_replicas_are_an_issue_but_refuse_by_themselves() {
        let found = of(SAFE, 2);
        assert_eq!((found.len(), found[0].loses_jobs), (1, false));
    }

    #[test]
    fn versions_are_compared_by_number() {
        let info = Info("redis_version:7.2.4\r\nvalkey_version:10.0.1\r\n");
        assert!(info.version("valkey_version") > VALKEY_LOADS_ALWAYS);
        assert_eq!(Info("redis_version:7.0.15").version("valkey_version"), (0, 0));
    }
}
