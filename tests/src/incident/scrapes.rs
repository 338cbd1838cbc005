//! The metrics of both workers, scraped as by Prometheus, in the format of its rule tests.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::chaos::env::ChaosEnv;
use crate::chaos::metrics;

/// Calls that really reached the gateway; `resend_sms_total` also counts tries that a breaker held back.
pub(super) const CALLS_OF_THE_GATEWAY: &str = "resend_upstream_seconds_count{service=\"sms\"";

/// The series that alerts use, and the one above.
const SERIES: [&str; 4] = [
    CALLS_OF_THE_GATEWAY,
    "resend_sms_total{",
    "resend_queue_jobs{state=\"scheduled\"",
    "resend_jobs_finished_total{",
];

/// Values of each series, by worker and series, in the order of the scrapes; absent ones are left out as `_`.
#[derive(Default)]
pub(super) struct Scrapes {
    seen: BTreeMap<String, BTreeMap<usize, f64>>,
    count: usize,
    every: Duration,
}

pub(super) struct Scraping {
    task: JoinHandle<Scrapes>,
    stop: CancellationToken,
}

pub(super) fn start(env: &ChaosEnv, every: Duration) -> Scraping {
    let urls: Vec<String> = env.stack.workers.iter().map(|worker| worker.url.clone()).collect();
    let stop = CancellationToken::new();
    let until = stop.clone();
    let task = tokio::spawn(async move {
        let (mut scrapes, mut tick) = (Scrapes { every, ..Scrapes::default() }, tokio::time::interval(every));
        while until.run_until_cancelled(tick.tick()).await.is_some() {
            for (instance, url) in urls.iter().enumerate() {
                scrapes.take(instance, &metrics::of(url).await);
            }
            scrapes.count += 1;
        }
        scrapes
    });
    Scraping { task, stop }
}

impl Scraping {
    pub(super) async fn stop(self) -> Scrapes {
        self.stop.cancel();
        self.task.await.expect("no panic")
    }
}

impl Scrapes {
    fn take(&mut self, instance: usize, text: &str) {
        for line in text.lines().filter(|line| SERIES.iter().any(|name| line.starts_with(name))) {
            let Some((series, value)) = line.rsplit_once(' ') else { continue };
            let (Some(series), Ok(value)) = (series.strip_suffix('}'), value.parse()) else { continue };
            let name = format!("{series},instance=\"worker-{}\"}}", instance + 1);
            self.seen.entry(name).or_default().insert(self.count, value);
        }
    }

    /// The maximum of a gauge, over all series with this prefix.
    pub(super) fn most(&self, begin: &str) -> f64 {
        let series = self.seen.iter().filter(|(name, _)| name.starts_with(begin));
        series.flat_map(|(_, values)| values.values()).copied().fold(0.0, f64::max)
    }

    /// The sum of the last values of counters with this prefix.
    pub(super) fn last(&self, begin: &str) -> f64 {
        let series = self.seen.iter().filter(|(name, _)| name.starts_with(begin));
        series.filter_map(|(_, values)| values.values().last()).sum()
    }

    /// As `input_series` of `promtool test rules`.
    pub(super) fn say(&self, say: fn(&str)) {
        say(&format!("scraped every {} s, as promtool's input_series:", self.every.as_secs()));
        for (name, values) in &self.seen {
            let value = |at| values.get(&at).map_or_else(|| "_".to_owned(), f64::to_string);
            let all: Vec<_> = (0..self.count).map(value).collect();
            say(&format!("      - {{series: '{name}', values: '{}'}}", all.join(" ")));
        }
    }
}
