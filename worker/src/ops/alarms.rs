//! What an operator must know first: a sentence for each problem, most urgent first.

use std::time::Duration;

use shared::domain::clock;
use shared::queue::WorkerStatus;
use shared::telemetry::upstream_health::HUNG_CALL_MS;

use super::figures::Figures;
use super::format::{count, span, time_of_day};
use super::upstreams::{Upstream, sentence};

/// Age of the oldest entry that deserves attention: well above a run, well below the deadline.
const OLD: Duration = Duration::from_secs(30);

/// Scheduled jobs beyond the occasional retry.
const MANY_RETRIES: u64 = 10;

/// Our own failures beyond chance, and their share of all ends, one in this many.
const FEWEST_FAILURES: u64 = 3;
const ONE_IN: u64 = 5;

/// A run this long hangs: its parts are limited to 22 seconds together.
const HUNG: f64 = 15.0;

/// Nearly all slots, in percent: some are always between two calls.
const NEARLY_ALL: u64 = 90;

/// Every alarm in these figures.
pub fn alarms(now: &Figures) -> Vec<String> {
    let first = [paused(now), no_worker(now)];
    let causes = upstreams(now).into_iter().chain(workers_gone(now)).chain(slots_hung(now));
    let effects = [slow(now), backlog(now), retrying(now), failing(now), quarantine(now)];
    first.into_iter().flatten().chain(causes).chain(effects.into_iter().flatten()).collect()
}

/// How alarms begin, and what to do about each.
const CHANGES: [(&str, &str); 9] = [
    ("PAUSED", "`resendctl resume` lets the workers continue"),
    ("NO WORKER", "start resend-worker; jobs wait, and fail at their deadline"),
    ("IS DOWN", "check the setting that is named, and the service; `resendctl send-test` tests a channel"),
    ("WORKER GONE", "find out why it ended; its jobs are taken over automatically"),
    ("SLOTS HUNG", "check the service that is named; more workers would only wait too"),
    ("SLOW RUNS", "see which upstream is slow"),
    ("BACKLOG", "start more workers, or see which upstream is slow"),
    ("QUARANTINE", "`resendctl quarantine list` says why; then retry or purge"),
    ("FAILING", "`resendctl jobs list --state failed` shows reasons"),
];

/// What an operator does about an alarm.
pub fn what_to_do(alarm: &str) -> &'static str {
    CHANGES
        .iter()
        .find(|(begins, _)| alarm.contains(begins))
        .map_or("see `resendctl jobs list`", |(_, change)| change)
}

fn paused(now: &Figures) -> Option<String> {
    let since = span(Duration::from_secs_f64(now.paused_seconds?));
    let by = now.paused_by.as_deref().map(|by| format!(" by {by}")).unwrap_or_default();
    Some(format!("PAUSED for {since}{by}: `resendctl resume` lets the workers continue"))
}

fn no_worker(now: &Figures) -> Option<String> {
    (now.workers == 0).then(|| "NO WORKER IS ALIVE: jobs wait, and fail at their deadline".to_owned())
}

/// An upstream that is down: causes come before their effects.
fn upstreams(now: &Figures) -> Vec<String> {
    let down = now.upstreams.iter().filter(|upstream| upstream.is_down);
    down.map(|upstream| format!("{} IS DOWN: {}", upstream.name.to_uppercase(), sentence(upstream))).collect()
}

/// Jobs held by a worker that is gone are not a backlog: they are taken over when their lease ends.
fn workers_gone(now: &Figures) -> Vec<String> {
    now.overview.gone().map(|worker| gone(worker, now.at_ms)).collect()
}

fn gone(worker: &WorkerStatus, now_ms: u64) -> String {
    let WorkerStatus { name, running, .. } = worker;
    let jobs = if *running == 1 { "job" } else { "jobs" };
    let left = clock::millis(worker.taken_over_in.unwrap_or_default());
    let by = time_of_day(now_ms + left);
    format!("WORKER GONE: {} {jobs} held by {name}, which is gone; taken over by {by}", count(*running))
}

/// If every slot waits for one upstream, the backlog is its fault, not the workers'.
fn slots_hung(now: &Figures) -> Option<String> {
    let holds_all = |upstream: &&Upstream| upstream.in_flight * 100 >= now.slots * NEARLY_ALL;
    let hangs = |upstream: &&Upstream| upstream.longest_ms.is_some_and(|longest| longest >= HUNG_CALL_MS);
    let mut called = now.upstreams.iter().filter(|one| now.slots > 0 && one.is_called_by_workers());
    let upstream = called.find(|one| holds_all(one) && hangs(one))?;
    let (waiting, slots) = (count(upstream.in_flight), count(now.slots));
    let longest = span(Duration::from_millis(upstream.longest_ms.unwrap_or_default()));
    let name = &upstream.name;
    Some(format!("SLOTS HUNG: {waiting} calls of {slots} slots wait for {name}, the longest for {longest}"))
}

fn slow(now: &Figures) -> Option<String> {
    let longest = now.longest_run_seconds.filter(|longest| *longest >= HUNG)?;
    let all = now.slots > 0 && now.running >= now.slots;
    let slots = if all { ", and every slot is taken" } else { "" };
    Some(format!("SLOW RUNS: the longest has taken {}{slots}", span(Duration::from_secs_f64(longest))))
}

fn backlog(now: &Figures) -> Option<String> {
    let is_held_by_the_dead = now.overview.orphaned() > 0 && now.ready == 0;
    let oldest = now.oldest_seconds.map(Duration::from_secs_f64).filter(|oldest| *oldest > OLD)?;
    (!is_held_by_the_dead).then(|| format!("BACKLOG: the oldest entry has been ready for {}", span(oldest)))
}

fn retrying(now: &Figures) -> Option<String> {
    let many = now.scheduled >= MANY_RETRIES && now.scheduled > now.ready + now.running;
    many.then(|| format!("RETRYING: {} jobs wait for another try; an upstream fails", count(now.scheduled)))
}

/// By share, not by rate: at night there is less than one job a second. Refusals (404, 409, 429) are answers, not
/// failures.
fn failing(now: &Figures) -> Option<String> {
    let recent = now.recent?;
    let many = recent.failed >= FEWEST_FAILURES && recent.failed * ONE_IN >= recent.ended;
    many.then(|| {
        let (failed, ended) = (count(recent.failed), count(recent.ended));
        format!("FAILING: {failed} of {ended} jobs of the last {} minutes ended with 5xx", recent.minutes)
    })
}

fn quarantine(now: &Figures) -> Option<String> {
    (now.quarantined > 0)
        .then(|| format!("QUARANTINE: {} set aside; `resendctl quarantine list`", count(now.quarantined)))
}

#[cfg(test)]
mod tests {
    use shared::queue::Overview;
    use shared::telemetry::upstream_health::Totals;

    use super::*;
    use crate::ops::figures::Recent;

    fn figures(overview: Overview) -> Figures {
        Figures::new("resend", 1_533_206_716_000, overview, None)
    }

    fn quiet() -> Overview {
        let worker = WorkerStatus {
            name: "w".into(),
            slots: 64,
            running: 0,
            silent: Some(Duration::ZERO),
            alive: true,
            taken_over_in: None,
        };
        Overview { workers: vec![worker], ..Overview::default() }
    }

    fn upstream(name: &str) -> Upstream {
        Upstream {
            name: name.into(),
            minute: Totals::default(),
            quarter: Totals { calls: 412, failures: 412 },
            p95_ms: None,
            last: Some("status 401".into()),
            since: None,
            last_good: None,
            is_down: false,
            setting: Some("RESEND_SMS_TOKEN".into()),
            in_flight: 0,
            longest_ms: None,
        }
    }

    fn begins(now: &Figures) -> Vec<String> {
        alarms(now).iter().map(|alarm| alarm.split(':').next().unwrap_or_default().to_owned()).collect()
    }

    #[test]
    fn a_quiet_night_has_no_alarm() {
        let mut now = figures(quiet());
        now.recent = Some(Recent { ended: 9, failed: 1, minutes: 5 });
        assert_eq!(alarms(&now), Vec::<String>::new());
    }

    #[test]
    fn the_most_urgent_alarm_comes_first() {
        let now = figures(Overview {
            ready: 1_234,
            quarantined: 2,
            scheduled: 2_000,
            oldest: Some(Duration::from_secs(75)),
            paused: Some(Duration::from_secs(200)),
            ..Overview::default()
        });
        let expected = ["PAUSED for 3 m 20 s", "NO WORKER IS ALIVE", "BACKLOG", "RETRYING", "QUARANTINE"];
        assert_eq!(begins(&now), expected);
    }

    #[test]
    fn an_upstream_that_is_down_stands_before_what_it_causes() {
        let mut now = figures(Overview { scheduled: 50, ..quiet() });
        now.recent = Some(Recent { ended: 3, failed: 3, minutes: 5 });
        now.upstreams = vec![Upstream { is_down: true, ..upstream("sms http") }];
        assert_eq!(begins(&now), ["SMS HTTP IS DOWN", "RETRYING", "FAILING"]);
        assert!(alarms(&now)[0].contains("answers 401") && alarms(&now)[0].contains("RESEND_SMS_TOKEN"));
    }

    #[test]
    fn what_a_dead_worker_holds_is_no_backlog() {
        let mut overview = Overview { running: 64, oldest: Some(Duration::from_secs(45)), ..quiet() };
        overview.workers.push(WorkerStatus {
            name: "x".into(),
            slots: 0,
            running: 64,
            silent: None,
            alive: false,
            taken_over_in: Some(Duration::from_secs(28)),
        });
        assert_eq!(
            alarms(&figures(overview)),
            ["WORKER GONE: 64 jobs held by x, which is gone; taken over by 10:45:44 UTC"]
        );
    }

    #[test]
    fn slots_that_all_wait_for_one_upstream_name_it() {
        let mut now = figures(Overview { running: 64, ..quiet() });
        now.upstreams = vec![
            upstream("sms http"),
            Upstream { in_flight: 200, longest_ms: Some(2_900), ..upstream("tokens introspection") },
            Upstream { in_flight: 62, longest_ms: Some(2_900), ..upstream("registry") },
        ];
        assert_eq!(
            alarms(&now),
            ["SLOTS HUNG: 62 calls of 64 slots wait for registry, the longest for 2.9 s"]
        );
        now.upstreams[2].longest_ms = Some(80);
        assert_eq!(alarms(&now), Vec::<String>::new());
    }
}
