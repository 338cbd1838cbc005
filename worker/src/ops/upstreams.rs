//! Upstream services and channels, merged over all processes that call them.

use std::collections::BTreeMap;

use serde::Serialize;
use shared::domain::clock;
use shared::queue::ProcessReport;
use shared::telemetry::upstream_health::{HealthSnapshot, Totals};

use super::format::{count, moment};

/// One upstream, merged from the reports of all processes that call it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Upstream {
    /// `registry`, `tokens`, `otp`, `sms http`, …
    pub name: String,
    /// Calls of the last minute.
    pub minute: Totals,
    /// Calls of the last quarter of an hour.
    pub quarter: Totals,
    /// The longest p95 any process sees, milliseconds.
    pub p95_ms: Option<u64>,
    /// Its last answer, according to the process that saw the latest change.
    pub last: Option<String>,
    /// Since when, ISO 8601.
    pub since: Option<String>,
    /// When it last answered any process properly, ISO 8601.
    pub last_good: Option<String>,
    /// Whether some process counts it as down.
    pub is_down: bool,
    /// The setting to look at.
    pub setting: Option<String>,
    /// Calls that have not been answered yet.
    pub in_flight: u64,
    /// How long the longest of these has waited, milliseconds.
    pub longest_ms: Option<u64>,
}

/// Merges the reports of all processes; upstreams that are down come first.
pub fn together<'a>(reports: impl IntoIterator<Item = &'a ProcessReport>) -> Vec<Upstream> {
    let mut by_name: BTreeMap<&str, Vec<&HealthSnapshot>> = BTreeMap::new();
    for report in reports {
        for upstream in &report.upstreams {
            by_name.entry(&upstream.upstream).or_default().push(upstream);
        }
    }
    let mut upstreams: Vec<_> = by_name.into_iter().map(|(name, seen)| one(name, &seen)).collect();
    upstreams.sort_by_key(|upstream| !upstream.is_down);
    upstreams
}

fn one(name: &str, seen: &[&HealthSnapshot]) -> Upstream {
    // A process that counts it as down knows more than one that has not called it since.
    let telling = seen.iter().max_by_key(|report| (report.is_down, report.since_ms));
    let sum = |of: fn(&HealthSnapshot) -> Totals| {
        seen.iter().map(|report| of(report)).fold(Totals::default(), |all, one| Totals {
            calls: all.calls + one.calls,
            failures: all.failures + one.failures,
        })
    };
    Upstream {
        name: name.to_owned(),
        minute: sum(|report| report.minute),
        quarter: sum(|report| report.quarter),
        p95_ms: seen.iter().filter_map(|report| report.p95_ms).max(),
        last: telling.and_then(|report| report.last.clone()),
        since: telling.and_then(|report| report.since_ms).map(clock::iso),
        last_good: seen.iter().filter_map(|report| report.last_good_ms).max().map(clock::iso),
        is_down: seen.iter().any(|report| report.is_down),
        setting: telling.and_then(|report| report.setting.clone()),
        in_flight: seen.iter().map(|report| u64::try_from(report.in_flight).unwrap_or(u64::MAX)).sum(),
        longest_ms: seen.iter().filter_map(|report| report.longest_ms).max(),
    }
}

impl Upstream {
    /// Tokens are checked by the API; every other upstream is called from the slots of workers.
    pub fn is_called_by_workers(&self) -> bool {
        !self.name.starts_with("tokens ")
    }
}

/// Its state in one sentence: `answers 401 since …, 412 of 412 calls failed; last good …; see RESEND_SMS_TOKEN`.
pub fn sentence(upstream: &Upstream) -> String {
    let Totals { calls, failures } = upstream.quarter;
    let p95 = upstream.p95_ms.map(|p95| format!(", p95 {p95} ms")).unwrap_or_default();
    if !upstream.is_down {
        let well = count(calls.saturating_sub(failures).into());
        return format!("{well} of {} calls succeeded in the last 15 minutes{p95}", count(calls.into()));
    }
    let does = does(upstream.last.as_deref().unwrap_or("no answer"));
    let when = |iso: &Option<String>| iso.as_deref().and_then(clock::parse_iso).map(moment);
    let since = when(&upstream.since).unwrap_or_else(|| "start".to_owned());
    let good = when(&upstream.last_good).map(|good| format!("; last good {good}")).unwrap_or_default();
    let setting = upstream.setting.as_ref().map(|setting| format!("; see {setting}")).unwrap_or_default();
    let (failures, calls) = (count(failures.into()), count(calls.into()));
    format!("{does} since {since}, {failures} of {calls} calls failed{p95}{good}{setting}")
}

/// A description of an upstream's last answer.
fn does(last: &str) -> String {
    match last {
        "no answer" => "does not answer".to_owned(),
        "no connection" => "cannot be reached".to_owned(),
        _ => format!("answers {}", last.strip_prefix("status ").unwrap_or(last)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(is_down: bool, last: &str, since_ms: u64, totals: (u32, u32)) -> ProcessReport {
        let (calls, failures) = totals;
        let quarter = Totals { calls, failures };
        ProcessReport {
            version: "1".into(),
            started_ms: 0,
            longest_run_ms: None,
            settings: shared::settings::FleetSettings::default(),
            upstreams: vec![HealthSnapshot {
                upstream: "sms http".into(),
                minute: quarter,
                quarter,
                p95_ms: Some(8),
                last: Some(last.into()),
                since_ms: Some(since_ms),
                last_good_ms: Some(1_533_206_716_000),
                is_down,
                is_closed: is_down,
                setting: is_down.then(|| "RESEND_SMS_TOKEN".to_owned()),
                in_flight: 3,
                longest_ms: Some(40),
            }],
        }
    }

    #[test]
    fn a_process_that_sees_it_down_speaks_for_all() {
        let reports = [
            report(true, "status 401", 1_533_206_717_000, (400, 400)),
            report(false, "ok", 1_533_206_718_000, (12, 0)),
        ];
        let [upstream] = &together(&reports)[..] else { panic!("one upstream") };
        assert_eq!((upstream.quarter.calls, upstream.quarter.failures), (412, 400));
        assert_eq!((upstream.in_flight, upstream.longest_ms), (6, Some(40)));
        assert_eq!(
            sentence(upstream),
            "answers 401 since 2018-08-02 10:45:17, 400 of 412 calls failed, p95 8 ms; last good 2018-08-02 10:45:16; \
             see RESEND_SMS_TOKEN"
        );
    }

    #[test]
    fn a_silent_one_does_not_answer() {
        for (last, said) in [
            ("no answer", "does not answer"),
            ("no connection", "cannot be reached"),
            ("status 503", "answers 503"),
            ("code 103", "answers code 103"),
        ] {
            assert_eq!(does(last), said);
        }
    }

    #[test]
    fn one_that_works_says_how_well() {
        let [upstream] = &together(&[report(false, "ok", 0, (9_412, 2))])[..] else { panic!("one upstream") };
        assert_eq!(sentence(upstream), "9 410 of 9 412 calls succeeded in the last 15 minutes, p95 8 ms");
    }
}
