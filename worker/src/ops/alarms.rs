//! What an operator must know first: a sentence for each thing that is wrong, the most urgent first.

use std::time::Duration;

use super::figures::Figures;
use super::format::{count, rate, span};

/// Age of the oldest entry that wants looking at: well above a run, well below the deadline.
const OLD: Duration = Duration::from_secs(30);

/// Jobs put back that are more than the odd retry.
const MANY_RETRIES: u64 = 10;

/// Failures a second that are more than the odd refusal.
const MANY_FAILURES: f64 = 1.0;

/// Every alarm of this look.
pub fn alarms(now: &Figures) -> Vec<String> {
    let alarms = [paused(now), no_worker(now), backlog(now), retrying(now), failing(now), quarantine(now)];
    alarms.into_iter().flatten().collect()
}

fn paused(now: &Figures) -> Option<String> {
    let since = span(Duration::from_secs_f64(now.paused_seconds?));
    Some(format!("PAUSED for {since}: `resendctl resume` lets the workers on"))
}

fn no_worker(now: &Figures) -> Option<String> {
    (now.workers == 0).then(|| "NO WORKER LIVES: jobs wait, and fail at their deadline".to_owned())
}

fn backlog(now: &Figures) -> Option<String> {
    let oldest = now.oldest_seconds.map(Duration::from_secs_f64).filter(|oldest| *oldest > OLD)?;
    Some(format!("BACKLOG: the oldest entry has been ready for {}", span(oldest)))
}

fn retrying(now: &Figures) -> Option<String> {
    let many = now.scheduled >= MANY_RETRIES && now.scheduled > now.ready + now.running;
    many.then(|| {
        format!("RETRYING: {} jobs wait for another try: something upstream fails", count(now.scheduled))
    })
}

fn failing(now: &Figures) -> Option<String> {
    let rates =
        now.rates.filter(|rates| rates.failed >= MANY_FAILURES && rates.failed * 2.0 > rates.ended)?;
    Some(format!("FAILING: {} of {} jobs end without an SMS", rate(rates.failed), rate(rates.ended)))
}

fn quarantine(now: &Figures) -> Option<String> {
    (now.quarantined > 0)
        .then(|| format!("QUARANTINE: {} set aside; `resendctl quarantine list`", count(now.quarantined)))
}

#[cfg(test)]
mod tests {
    use shared::queue::Overview;

    use super::*;

    #[test]
    fn the_most_urgent_alarm_comes_first() {
        let overview = Overview {
            ready: 1_234,
            quarantined: 2,
            scheduled: 2_000,
            oldest: Some(Duration::from_secs(75)),
            paused: Some(Duration::from_secs(200)),
            ..Overview::default()
        };
        let alarms = alarms(&Figures::new("resend", 1_533_206_716_000, overview, None));
        let begins = ["PAUSED for 3 m 20 s", "NO WORKER", "BACKLOG", "RETRYING: 2 000", "QUARANTINE"];
        assert_eq!(alarms.len(), begins.len());
        for (alarm, begins) in alarms.iter().zip(begins) {
            assert!(alarm.starts_with(begins), "{alarms:?}");
        }
    }
}
