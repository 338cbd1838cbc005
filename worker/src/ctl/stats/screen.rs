//! What a look says to a person: pure text, drawn or printed by others.

use std::time::Duration;

use shared::queue::JobStatus;

use super::figures::Figures;
use crate::ctl::words::{count, rate, span, span_or_none};
use crate::ctl::workers;

/// Bars of the backlog's history, from none to the most.
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// Age of the oldest entry that wants looking at: well above a run, well below the deadline.
const OLD: Duration = Duration::from_secs(30);

/// Jobs put back that are more than the odd retry.
const MANY_RETRIES: u64 = 10;

/// Failures a second that are more than the odd refusal.
const MANY_FAILURES: f64 = 1.0;

/// Everything on the screen.
pub(crate) struct Screen<'a> {
    pub(crate) now: &'a Figures,
    pub(crate) failures: &'a [JobStatus],
    pub(crate) backlog: &'a [u64],
    pub(crate) trouble: Option<&'a str>,
    pub(crate) live: bool,
}

/// How a line is to be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    Plain,
    Faint,
    Title,
    Alarm,
}

/// One line.
pub(crate) type Line = (Tone, String);

impl<'a> Screen<'a> {
    /// One look by itself.
    pub(crate) fn default_for(now: &'a Figures) -> Self {
        Self { now, failures: &[], backlog: &[], trouble: None, live: false }
    }

    /// The lines as plain text.
    pub(crate) fn text(&self) -> String {
        self.lines().into_iter().map(|(_, line)| line).collect::<Vec<_>>().join("\n")
    }

    /// The lines, the most urgent first.
    pub(crate) fn lines(&self) -> Vec<Line> {
        let mut lines = vec![(Tone::Title, format!("queue {}   {}", self.now.queue, self.now.at))];
        lines.extend(self.alarms().into_iter().map(|alarm| (Tone::Alarm, alarm)));
        lines.push(blank());
        lines.extend(self.depth());
        lines.push(blank());
        lines.extend(self.speed());
        lines.push(blank());
        lines.extend(workers::words(&self.now.overview.workers).lines().map(plain));
        if !self.failures.is_empty() {
            lines.push(blank());
            lines.extend(self.newest_failures());
        }
        if self.live {
            lines.push(blank());
            lines.push((Tone::Faint, "q or Ctrl-C ends".to_owned()));
        }
        lines
    }

    pub(crate) fn alarms(&self) -> Vec<String> {
        let now = self.now;
        let mut alarms = Vec::new();
        alarms.extend(self.trouble.map(|error| format!("NO FIGURES since {}: {error}", now.at)));
        alarms.extend(now.paused_seconds.map(|seconds| {
            format!(
                "PAUSED for {}: `resendctl resume` lets the workers on",
                span(Duration::from_secs_f64(seconds))
            )
        }));
        if now.workers == 0 {
            alarms.push("NO WORKER LIVES: jobs wait, and fail at their deadline".to_owned());
        }
        if let Some(oldest) = now.oldest_seconds.map(Duration::from_secs_f64).filter(|oldest| *oldest > OLD) {
            alarms.push(format!("BACKLOG: the oldest entry has been ready for {}", span(oldest)));
        }
        alarms.extend(self.trouble_upstream());
        if now.quarantined > 0 {
            alarms.push(format!(
                "QUARANTINE: {} set aside; `resendctl quarantine list`",
                count(now.quarantined)
            ));
        }
        alarms
    }

    fn trouble_upstream(&self) -> Vec<String> {
        let (now, mut alarms) = (self.now, Vec::new());
        if now.scheduled >= MANY_RETRIES && now.scheduled > now.ready + now.running {
            let waiting = count(now.scheduled);
            alarms.push(format!("RETRYING: {waiting} jobs wait for another try: something upstream fails"));
        }
        if let Some(rates) =
            now.rates.filter(|rates| rates.failed >= MANY_FAILURES && rates.failed * 2.0 > rates.ended)
        {
            let (failed, ended) = (rate(rates.failed), rate(rates.ended));
            alarms.push(format!("FAILING: {failed} of {ended} jobs end without an SMS"));
        }
        alarms
    }

    fn depth(&self) -> Vec<Line> {
        let now = self.now;
        let header = format!("{:>12}{:>12}{:>12}{:>14}", "ready", "running", "scheduled", "quarantined");
        let figures = [now.ready, now.running, now.scheduled, now.quarantined].map(count);
        let [ready, running, scheduled, quarantined] = figures;
        let figures = format!("{ready:>12}{running:>12}{scheduled:>12}{quarantined:>14}");
        let mut lines = vec![(Tone::Faint, header), plain(&figures)];
        if let Some(most) = self.backlog.iter().max() {
            lines.push((
                Tone::Faint,
                format!("  {}  jobs not ended, at most {}", bars(self.backlog), count(*most)),
            ));
        }
        lines
    }

    fn speed(&self) -> Vec<Line> {
        let now = self.now;
        let seconds = |of: Option<f64>| span_or_none(of.map(Duration::from_secs_f64));
        let rates = now.rates.map_or_else(
            || "measuring".to_owned(),
            |rates| {
                let (accepted, ended, failed) = (rate(rates.accepted), rate(rates.ended), rate(rates.failed));
                format!("accepted {accepted}   ended {ended}   of these failed {failed}")
            },
        );
        let ended = now.ended.iter().map(|(code, jobs)| format!("{code}: {}", count(*jobs)));
        let ended = ended.collect::<Vec<_>>().join("   ");
        vec![
            plain(&format!("rates      {rates}")),
            plain(&format!(
                "times      oldest {}   mean run {}   next retry in {}",
                seconds(now.oldest_seconds),
                seconds(now.mean_run_seconds),
                seconds(now.next_retry_seconds)
            )),
            plain(&format!("ended      {}", if ended.is_empty() { "none yet" } else { &ended })),
            plain(&format!("workers    {} alive, {} slots", now.workers, count(now.slots))),
        ]
    }

    fn newest_failures(&self) -> Vec<Line> {
        let line = |job: &JobStatus| {
            let age = Duration::from_millis(self.now.at_ms.saturating_sub(job.accepted_ms));
            let code = job.status_code.map(|code| code.to_string()).unwrap_or_default();
            plain(&format!("{code:>5}  {}  asked for {} ago by {}", job.job, span(age), job.client))
        };
        let mut lines = vec![(Tone::Faint, "newest failures".to_owned())];
        lines.extend(self.failures.iter().map(line));
        lines
    }
}

fn plain(text: &str) -> Line {
    (Tone::Plain, text.to_owned())
}

fn blank() -> Line {
    plain("")
}

/// One bar for each look.
fn bars(history: &[u64]) -> String {
    let most = history.iter().copied().max().unwrap_or(0).max(1);
    let bar = |value: &u64| {
        let at = usize::try_from(value * 7 / most).unwrap_or(0);
        BARS[at.min(7)]
    };
    history.iter().map(bar).collect()
}

#[cfg(test)]
mod tests {
    use shared::queue::{Overview, PartitionOverview};

    use super::*;

    fn figures(partition: PartitionOverview) -> Figures {
        let overview = Overview { partitions: vec![partition], ..Overview::default() };
        Figures::new("resend", 1_533_206_716_000, overview, None)
    }

    #[test]
    fn what_is_wrong_stands_on_top() {
        let now = figures(PartitionOverview {
            ready: 1_234,
            quarantined: 2,
            scheduled: 2_000,
            oldest: Some(Duration::from_secs(75)),
            paused: Some(Duration::from_secs(200)),
            ..PartitionOverview::default()
        });
        let screen = Screen { trouble: Some("redis is unreachable"), ..Screen::default_for(&now) };
        let alarms: Vec<_> = screen.lines().into_iter().filter(|(tone, _)| *tone == Tone::Alarm).collect();
        for (alarm, begins) in alarms.iter().zip([
            "NO FIGURES",
            "PAUSED for 3 m 20 s",
            "NO WORKER",
            "BACKLOG",
            "RETRYING: 2 000",
            "QUARANTINE",
        ]) {
            assert!(alarm.1.starts_with(begins), "{alarms:?}");
        }
        assert_eq!(alarms.len(), 6);
        assert!(screen.text().contains("1 234"));
    }

    #[test]
    fn the_history_is_drawn_to_its_own_scale() {
        assert_eq!(bars(&[0, 50, 100]), "▁▄█");
        assert_eq!(bars(&[0, 0]), "▁▁");
    }
}
