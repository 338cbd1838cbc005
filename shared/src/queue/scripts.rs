//! The queue's scripts, each behind the shared preludes and the steps that it uses. The steps that every job goes
//! through are called for many jobs at once.

use std::time::Duration;

use ::redis::Script;

use crate::domain::clock::millis;
use crate::redis::{Redis, ScriptArgs, ScriptBatcher};
use crate::settings::QueueConfig;

use super::keys::{GROUP, Keys};

/// How long an idempotency key replays its first answer (contract, section 2).
const IDEMPOTENCY_LIFE: Duration = Duration::from_hours(24);

macro_rules! text {
    ($file:literal) => {
        text!(; $file)
    };
    ($file:literal, with eta) => {
        text!("eta.lua"; $file)
    };
    ($file:literal, with eta and phones) => {
        text!(
            "eta.lua",
            "limits.lua",
            "phone.lua";
            $file
        )
    };
    ($file:literal, with limits) => {
        text!(
            "limits.lua",
            "phone.lua",
            "patient.lua";
            $file
        )
    };
    ($($with:literal),*; $file:literal) => {
        concat!(
            include_str!("../redis/prelude.lua"),
            include_str!("prelude.lua"),
            $(include_str!($with),)*
            include_str!($file)
        )
    };
}

macro_rules! script {
    ($($file:tt)*) => {
        Script::new(text!($($file)*))
    };
}

/// The steps of every job, batched.
pub(super) struct Steps {
    pub(super) enqueue: ScriptBatcher,
    pub(super) finish: ScriptBatcher,
}

impl Steps {
    pub(super) fn new(redis: &Redis, keys: &Keys, config: &QueueConfig) -> Self {
        let enqueue = ScriptArgs::new()
            .key(keys.stream())
            .key(keys.live())
            .key(keys.eta())
            .key(keys.scheduled())
            .arg(millis(config.deadline))
            .arg(millis(config.retention))
            .arg(keys.job_prefix())
            .arg(millis(IDEMPOTENCY_LIFE))
            .arg(redis.min_replicas());
        let finish = ScriptArgs::new()
            .key(keys.stream())
            .key(keys.live())
            .key(keys.eta())
            .key(keys.counts())
            .key(keys.failures())
            .arg(GROUP)
            .arg(millis(config.retention))
            .arg(keys.ended());
        Self {
            enqueue: ScriptBatcher::new(redis, text!("producer/enqueue.lua", with eta), enqueue).confirmed(),
            finish: ScriptBatcher::new(redis, text!("consumer/finish.lua", with eta and phones), finish)
                .confirmed(),
        }
    }
}

/// Every other script, hashed once.
pub(super) struct Scripts {
    pub(super) settle_send: Script,
    pub(super) retry_later: Script,
    pub(super) release: Script,
    pub(super) expire_lease: Script,
    pub(super) promote: Script,
    pub(super) heartbeat: Script,
    pub(super) reclaim: Script,
    pub(super) begin: Script,
    pub(super) quarantine: Script,
    pub(super) announce: Script,
    pub(super) look: Script,
    pub(super) audit: Script,
    pub(super) remove_dead_consumers: Script,
    pub(super) overview: Script,
    pub(super) confirm_end: Script,
    pub(super) mark_confirmed: Script,
    pub(super) describe: Script,
    pub(super) pause: Script,
    pub(super) resume: Script,
    pub(super) cancel: Script,
    pub(super) retry_now: Script,
    pub(super) unquarantine: Script,
    pub(super) record_minute: Script,
    pub(super) report_upstreams: Script,
    pub(super) upstream_reports: Script,
}

impl Scripts {
    pub(super) fn new() -> Self {
        Self {
            settle_send: script!("consumer/settle.lua", with limits),
            retry_later: script!("consumer/retry_later.lua", with eta),
            release: script!("consumer/release.lua", with eta),
            expire_lease: script!("consumer/expire_lease.lua"),
            promote: script!("consumer/promote.lua"),
            heartbeat: script!("consumer/heartbeat.lua"),
            reclaim: script!("consumer/reclaim.lua"),
            begin: script!("consumer/begin.lua"),
            quarantine: script!("consumer/quarantine.lua"),
            announce: script!("consumer/announce.lua"),
            look: script!("consumer/look.lua"),
            audit: script!("consumer/audit.lua"),
            remove_dead_consumers: script!("consumer/remove_dead_consumers.lua"),
            overview: script!("operator/overview.lua"),
            confirm_end: script!("confirm_end.lua"),
            mark_confirmed: script!("mark_confirmed.lua"),
            describe: script!("operator/describe.lua"),
            pause: script!("operator/pause.lua"),
            resume: script!("operator/resume.lua"),
            cancel: script!("operator/cancel.lua"),
            retry_now: script!("operator/retry_now.lua", with eta),
            unquarantine: script!("operator/unquarantine.lua"),
            record_minute: script!("operator/record_minute.lua"),
            report_upstreams: script!("operator/report_upstreams.lua"),
            upstream_reports: script!("operator/upstream_reports.lua"),
        }
    }
}
