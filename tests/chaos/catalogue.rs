//! Every scenario with its requirement, numbered as in `RELIABILITY.md`.

use std::future::Future;
use std::pin::Pin;

use tests::chaos::env::Setup;
use tests::chaos::scenario_result::ScenarioResult;

/// A running scenario.
pub(crate) type Running = Pin<Box<dyn Future<Output = ScenarioResult> + Send>>;

/// One scenario.
#[derive(Clone, Copy)]
pub(crate) struct Scenario {
    /// Its number.
    pub(crate) number: u8,
    /// What it does.
    pub(crate) name: &'static str,
    /// Its requirement.
    pub(crate) asked: &'static str,
    /// Runs it.
    pub(crate) run: fn(Setup) -> Running,
}

macro_rules! scenario {
    ($number:literal, $module:ident, $name:literal, $asked:literal) => {
        Scenario {
            number: $number,
            name: $name,
            asked: $asked,
            run: |setup| Box::pin(crate::$module::run(setup)),
        }
    };
}

/// Scenarios that need the machine to themselves: a backlog, thousands of polls a second.
pub(crate) const ALONE: &[u8] = &[19, 20];

/// The scenario whose full form is a load of two hours; all others take minutes.
pub(crate) const LONGEST: u8 = 44;

/// All of them.
pub(crate) static ALL: &[Scenario] = &[
    scenario!(
        1,
        workers_killed,
        "workers killed (-9) at random under load",
        "0 lost; taken over ≤ lease + 6 s (36 s), ended ≤ 60 s after the owner died; I2, I3"
    ),
    scenario!(
        2,
        killed_at_fail_points,
        "worker killed at each fail point",
        "before submit: 1 SMS; after submit: ≤ 2, same code; after finish: 1; nothing pending after 60 s"
    ),
    scenario!(
        3,
        stopped_past_the_lease,
        "worker stopped past its lease, then continued",
        "stale finishes accepted: 0; 1 SMS where it was stopped before submit"
    ),
    scenario!(
        4,
        api_dies_after_enqueue,
        "API dies after the enqueue, client retries with its key",
        "as many jobs as keys, same id returned"
    ),
    scenario!(
        5,
        rolling_restart,
        "rolling restart of 3 APIs and 3 workers under load",
        "0 failed requests, 0 lost, 0 second SMS; exit ≤ 25 s"
    ),
    scenario!(
        6,
        handlers_panic,
        "5 % of handlers panic; a job that kills its process; workers dead before the run",
        "process goes on; that job set aside after 3 deliveries and failed; the others end; a run that never began counts nothing"
    ),
    scenario!(
        7,
        malformed_entries,
        "100 malformed entries among good ones",
        "100 set aside ≤ 10 s, good ones not delayed"
    ),
    scenario!(8, two_versions, "old and new worker versions side by side", "no job fails for its version"),
    scenario!(
        9,
        redis_killed,
        "Redis killed (-9) and away",
        "0 acknowledged lost; 503 + Retry-After ≤ 2 s; fetching again ≤ 5 s; no process exits; control without AOF loses"
    ),
    scenario!(
        10,
        unsafe_redis,
        "Redis without persistence or with an evicting policy",
        "doctor and start-up say so loudly; with RESEND_STRICT no 202 is ever given"
    ),
    scenario!(
        11,
        flushed,
        "FLUSHALL under load",
        "group made again ≤ 5 s; later jobs complete; old ids 404; no log flood (≤ 1 line/s per process)"
    ),
    scenario!(
        12,
        writes_fail,
        "memory limit reached; disk full; then released",
        "no 202 and no SMS while writes fail; running jobs end where Redis allows; back ≤ 5 s"
    ),
    scenario!(
        13,
        sentinel_fail_over,
        "Sentinel fail-over, graceful and kill -9; a cut-off replica promoted",
        "0 acknowledged lost; API refuses ≤ 10 s; a control without WAIT does lose"
    ),
    scenario!(
        14,
        cluster_changes,
        "Redis Cluster: slot moved under load, master killed",
        "0 lost, 0 extra SMS"
    ),
    scenario!(
        15,
        redis_slow,
        "slow, frozen, half-open Redis",
        "no exits; nothing pending > lease + 6 s (36 s); 503 ≤ 2.5 s, in-flight bounded"
    ),
    scenario!(
        16,
        replies_cut,
        "SCRIPT FLUSH every 100 ms; replies cut after a script ran",
        "no error to clients; no second entry, no double count"
    ),
    scenario!(
        17,
        gateway_misbehaves,
        "gateway hangs, fails, is refused, drips, floods, redirects",
        "I2, I3, I5; calls ≤ 10 s; redirects 0; breaker opens ≤ 10 failures and probes"
    ),
    scenario!(
        18,
        registry_misbehaves,
        "registry fails, is slow, answers wrongly; approval changes while queued",
        "retried; 0 SMS for wrong or closed approvals"
    ),
    scenario!(
        19,
        backlog,
        "a long backlog; many retries due at once",
        "all drained, no script over 500 ids, worker RSS ≤ 150 MB, API p99 not harmed"
    ),
    scenario!(
        20,
        pollers,
        "5,000 pollers a second; one client flooding",
        "one Redis read a poll, jobs not slowed > 10 %; another client's job starts ≤ 5 s"
    ),
    scenario!(
        28,
        power_lost,
        "power lost under load (shim: what fsync did not cover is gone)",
        "0 acknowledged lost with appendfsync always; a control with everysec does lose"
    ),
    scenario!(
        29,
        clock_jumps,
        "Redis' clock +1 h, back, -2 h, back, under load (shim)",
        "I1-I8: no second SMS, every job ends once the clock is right"
    ),
    scenario!(
        30,
        restarted_as_shipped,
        "Redis stopped and killed (-9), started again under the files of deploy/redis as shipped",
        "0 of 1,000 jobs, keys, limits and codes lost; a control without the default user's rights does lose"
    ),
    scenario!(
        31,
        gateway_takes_and_fails,
        "gateway takes the message, then 503, 500, cut or silence; honest outage; one blink",
        "≤ 2 SMS a job, one code (≤ 4 where it lies with 503 and a time); no 429 for a message that may be out; honest: 0 fail; lonely: sent"
    ),
    scenario!(
        32,
        another_shard,
        "cluster, confirmed writes: another shard's replica and then its primary die",
        "0 refused, 0 lost: the queue's shard is whole"
    ),
    scenario!(
        33,
        slot_migrated,
        "the queue's slot moved with its keys, jobs waiting, running and scheduled",
        "0 lost, request kept; longest refusal printed; all ended ≤ 60 s after"
    ),
    scenario!(
        34,
        clock_steps,
        "Redis' clock +31 s, +60 s, +120 s, -2 h, messages at the gateway, jobs put back (shim)",
        "0 second SMS with everybody alive; none after its deadline"
    ),
    scenario!(
        35,
        settings_change,
        "lease, deadline and key changed by rolling restarts under load",
        "0 lost, 0 second SMS"
    ),
    scenario!(
        36,
        memory_full_restart,
        "memory full: workers replaced, one killed, released",
        "who takes nothing says why; no SMS without a recorded intent; back ≤ 5 s"
    ),
    scenario!(
        37,
        hosts_gone,
        "hosts gone (packets swallowed): gateway and registry; first sentinel, then the master",
        "all end well; answers ≤ 2.5 s; sending again ≤ 10 s after the fail-over"
    ),
    scenario!(
        38,
        worker_cut_off,
        "one worker cut off from Redis, another not",
        "no second SMS but for what was submitted before the cut; no 404 for an accepted job"
    ),
    scenario!(
        41,
        more_than_can_be_sent,
        "a channel at 10/s under 50/s; a gateway down under 50/s",
        "refusals before jobs run out, ≤ 1 % of accepted end at the deadline; ≤ 2 look-ups a job"
    ),
    scenario!(
        42,
        fallback_near_the_deadline,
        "fallback order, slow first channel, seconds before the deadline",
        "0 SMS after the deadline"
    ),
    scenario!(
        43,
        reads_lost,
        "replies of reads and take-overs lost",
        "no delivery counted for a run that never began; ≤ 1 lease lost"
    ),
    scenario!(
        44,
        long_run,
        "a steady load over a full quarantine with kills, cut connections and garbage (short form: 60 s)",
        "connections, memory, keys and files flat"
    ),
];
