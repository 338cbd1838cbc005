//! Redis: whether it keeps what is written to it, and whether the clocks agree.

use std::time::{Duration, Instant};

use shared::domain::clock;
use shared::queue::Queue;
use shared::queue::QueueError;
use shared::redis::{ConfigIssue, DefaultUser, Redis, RedisError, Server};
use shared::settings::{ApprovalLimits, Settings};

use super::Check;
use worker::ops::capacity::OfOneClient;
use worker::ops::format::{count, span};

const AREA: &str = "redis";

/// Skew above which times in logs and metrics are misleading.
const SKEW: Duration = Duration::from_secs(1);

/// Skew above which contradicting clocks judge approvals and codes.
const SKEW_TOO_GREAT: Duration = Duration::from_secs(30);

/// A round trip slower than this makes every request slow.
const SLOW: Duration = Duration::from_millis(20);

/// Share of the memory limit, in percent, above which writes will soon be refused.
const NEARLY_FULL: u64 = 80;

pub(super) async fn check(queue: &Queue, settings: &Settings) -> Result<Vec<Check>, QueueError> {
    let redis = queue.redis();
    let server = redis.server().await?;
    let mut checks: Vec<_> = redis.config_issues().await?.iter().map(from_issue).collect();
    checks.push(seen(&server));
    checks.extend(memory(&server));
    checks.extend(room_for_a_client(&server, settings, queue.config().retention));
    if server.append_only {
        checks.push(append_fsync(config(redis, "appendfsync").await.as_deref()));
        checks.extend(loading(redis.default_user().await?));
    }
    if redis.is_cluster() {
        checks.push(full_coverage(config(redis, "cluster-require-full-coverage").await.as_deref()));
    }
    checks.push(time(redis).await?);
    Ok(checks)
}

fn from_issue(found: &ConfigIssue) -> Check {
    let make = if found.loses_jobs { Check::problem } else { Check::warning };
    make(AREA, found.what.clone(), found.change)
}

fn seen(server: &Server) -> Check {
    let file = if server.append_only { "append-only file on" } else { "append-only file off" };
    let Server { version, role, replicas, .. } = server;
    Check::ok(AREA, format!("version {version}, {role}, {replicas} replicas connected, {file}"))
}

fn memory(server: &Server) -> Option<Check> {
    let percent = (server.used_memory * 100).checked_div(server.max_memory)?;
    let what = format!("memory {percent} % of maxmemory in use");
    Some(if percent < NEARLY_FULL {
        Check::ok(AREA, what)
    } else {
        Check::warning(
            AREA,
            what,
            "raise maxmemory or lower RESEND_JOB_RETENTION_SECONDS: at 100 % no job is accepted",
        )
    })
}

/// Whether one client within its limits can fill the memory.
fn room_for_a_client(server: &Server, settings: &Settings, retention: Duration) -> Option<Check> {
    let limits = ApprovalLimits::from_settings(settings).ok().filter(|_| server.max_memory > 0)?;
    if limits.jobs_per_client_minute == 0 {
        let what = "RESEND_LIMIT_PER_CLIENT_MINUTE=0: nothing keeps one client from filling the memory";
        return Some(Check::warning(AREA, what, "set it to what a client needs in its busiest minute"));
    }
    let kept = OfOneClient::new(limits.jobs_per_client_minute, retention);
    let what = format!(
        "one client within its limits can have {} jobs kept: {}, and {} if each result were as large as one may be; maxmemory is {}",
        count(kept.jobs),
        gigabytes(kept.bytes()),
        gigabytes(kept.most_bytes()),
        gigabytes(server.max_memory),
    );
    let fits = kept.bytes() <= server.max_memory / 100 * NEARLY_FULL;
    Some(if fits {
        Check::ok(AREA, what)
    } else {
        let change =
            "raise maxmemory, or lower RESEND_LIMIT_PER_CLIENT_MINUTE or RESEND_JOB_RETENTION_SECONDS";
        Check::warning(AREA, what, change)
    })
}

#[allow(clippy::cast_precision_loss, reason = "shown with one digit behind the point")]
fn gigabytes(bytes: u64) -> String {
    format!("{:.1} GB", bytes as f64 / 1e9)
}

/// Whether jobs survive a restart; if not, that is an issue of its own.
fn loading(default: DefaultUser) -> Option<Check> {
    match default {
        DefaultUser::CanLoad => {
            Some(Check::ok(AREA, "the append-only file can be loaded: user default has all rights"))
        }
        DefaultUser::CannotLoad => None,
        DefaultUser::Hidden => Some(Check::ok(
            AREA,
            "rights of the user default not visible: this user may not ask ACL DRYRUN; the ACL file must say \
             user default off resetpass ~* &* +@all, or a restart loses accepted jobs",
        )),
    }
}

/// Reads one setting of the server. Needs `CONFIG GET`, which minimal rights do not include; the result then says that
/// it could not be checked.
async fn config(redis: &Redis, name: &str) -> Option<String> {
    let mut ask = ::redis::cmd("CONFIG");
    ask.arg("GET").arg(name);
    let answer: Result<Vec<String>, RedisError> = redis.command(&ask).await;
    answer.ok()?.into_iter().nth(1)
}

fn append_fsync(value: Option<&str>) -> Check {
    match value {
        Some("always") => Check::ok(AREA, "appendfsync always: power loss loses nothing"),
        Some("everysec") => Check::warning(
            AREA,
            "appendfsync everysec: power loss loses the last second of accepted jobs, and so does a crash while the disk is busy",
            "set appendfsync always, or RESEND_REDIS_MIN_REPLICAS to at least 1",
        ),
        Some(other) => Check::problem(
            AREA,
            format!("appendfsync {other}: power loss loses accepted jobs"),
            "set appendfsync always",
        ),
        None => {
            Check::ok(AREA, "appendfsync not visible: this user may not ask CONFIG; look into redis.conf")
        }
    }
}

/// A queue is on one shard, and needs no other.
fn full_coverage(value: Option<&str>) -> Check {
    match value {
        Some("no") => Check::ok(AREA, "cluster: the loss of another shard does not stop the queue's"),
        Some(_) => Check::warning(
            AREA,
            "cluster-require-full-coverage yes: while any shard has no primary, the queue's refuses everything",
            "set cluster-require-full-coverage no on every node",
        ),
        None => Check::ok(
            AREA,
            "cluster-require-full-coverage not visible: this user may not ask CONFIG; every node's redis.conf \
             must say no, or the loss of another shard stops the queue's",
        ),
    }
}

async fn time(redis: &Redis) -> Result<Check, QueueError> {
    redis.ping().await?;
    let (start, before) = (Instant::now(), clock::now_ms());
    let (seconds, micros): (u64, u64) = redis.command(&::redis::cmd("TIME")).await?;
    let trip = start.elapsed();
    let half = u64::try_from(trip.as_millis()).unwrap_or(0) / 2;
    let skew = Duration::from_millis((seconds * 1_000 + micros / 1_000).abs_diff(before + half));
    Ok(judge_time(skew, trip))
}

fn judge_time(skew: Duration, trip: Duration) -> Check {
    let change = "let both machines follow the same time source (chrony, systemd-timesyncd)";
    let what = format!("clock {} apart from this machine's, round trip {}", span(skew), span(trip));
    match skew {
        skew if skew > SKEW_TOO_GREAT => Check::problem("clock", what, change),
        skew if skew > SKEW => Check::warning("clock", what, change),
        _ if trip > SLOW => Check::warning("clock", what, "every request waits for it: bring Redis nearer"),
        _ => Check::ok("clock", what),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Level;

    #[test]
    fn clocks_apart_are_told_by_how_much_they_harm() {
        for (seconds, expected) in [(0, Level::Ok), (5, Level::Warning), (31, Level::Problem)] {
            assert_eq!(judge_time(Duration::from_secs(seconds), Duration::ZERO).level, expected);
        }
        assert_eq!(judge_time(Duration::ZERO, Duration::from_millis(50)).level, Level::Warning);
    }

    #[test]
    fn a_queue_that_depends_on_other_shards_is_a_warning() {
        assert_eq!(full_coverage(Some("yes")).level, Level::Warning);
        assert_eq!(full_coverage(Some("no")).level, Level::Ok);
        assert!(full_coverage(None).what.contains("not visible"));
    }

    fn server(used_memory: u64, max_memory: u64) -> Server {
        Server {
            version: "7.0.15".into(),
            role: "master".into(),
            replicas: 0,
            append_only: true,
            used_memory,
            max_memory,
        }
    }

    #[test]
    fn a_client_that_could_fill_the_memory_within_its_limits_is_told() {
        const DAY: Duration = Duration::from_hours(24);
        let judged = |messages: &str, max_memory, retention| {
            let settings = Settings::from_pairs([("RESEND_LIMIT_PER_CLIENT_MINUTE", messages)]).unwrap();
            room_for_a_client(&server(0, max_memory), &settings, retention).map(|check| check.level)
        };
        assert_eq!(judged("600", 4_000_000_000, DAY), Some(Level::Ok), "as shipped");
        assert_eq!(judged("600", 2_000_000_000, DAY), Some(Level::Warning));
        assert_eq!(judged("600", 4_000_000_000, 7 * DAY), Some(Level::Warning));
        assert_eq!(judged("0", 4_000_000_000, DAY), Some(Level::Warning));
        assert_eq!(judged("600", 0, DAY), None, "nothing to compare with");
    }

    #[test]
    fn memory_is_judged_where_it_is_limited() {
        assert_eq!(memory(&server(5, 0)), None);
        assert_eq!(memory(&server(79, 100)).unwrap().level, Level::Ok);
        assert_eq!(memory(&server(80, 100)).unwrap().level, Level::Warning);
    }
}
