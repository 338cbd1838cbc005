//! Graphs of the last hour, drawn on the server.

use maud::{Markup, html};
use shared::queue::Minute;

/// Minutes shown.
const MINUTES: u64 = 60;

/// Height of a graph, in its own units.
const HEIGHT: u64 = 100;

/// The minute between two records.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Bar {
    /// How many minutes before the newest.
    ago: u64,
    sent: u64,
    failed: u64,
    live: u64,
}

/// Jobs ended in each minute, and jobs that had not ended at its end.
pub(super) fn bars(history: &[Minute]) -> Vec<Bar> {
    // The record made at the start of a minute ends the bar of the minute before.
    let minute_of = |record: &Minute| record.at_ms.saturating_sub(1) / 60_000;
    let newest = history.last().map_or(0, |minute| minute.at_ms / 60_000);
    let bar = |pair: &[Minute]| {
        let [before, after] = pair else { return None };
        let ended = |code: u16| {
            let of = |minute: &Minute| minute.ended.get(&code).copied().unwrap_or(0);
            of(after).saturating_sub(of(before))
        };
        // Only our own failures count as failed; a refusal is the answer to its request.
        let failed = after.ended.keys().filter(|code| **code >= 500).map(|code| ended(*code)).sum();
        Some(Bar { ago: newest.saturating_sub(minute_of(after)), sent: ended(200), failed, live: after.live })
    };
    history.windows(2).filter_map(bar).filter(|bar| bar.ago < MINUTES).collect()
}

/// Jobs sent and failed by minute.
pub(super) fn ended(bars: &[Bar]) -> Markup {
    let most = bars.iter().map(|bar| bar.sent + bar.failed).max().unwrap_or(0).max(1);
    let total: u64 = bars.iter().map(|bar| bar.sent).sum();
    let failed: u64 = bars.iter().map(|bar| bar.failed).sum();
    let label = format!(
        "Jobs ended in the last hour by minute: {total} sent, {failed} failed, at most {most} a minute"
    );
    drawing(
        &label,
        &html! {
            @for bar in bars {
                @let height = bar.sent * HEIGHT / most;
                @let above = (bar.failed * HEIGHT).div_ceil(most);
                rect.sent x=(x(bar)) y=(HEIGHT - height) width="9" height=(height) {}
                rect.failed x=(x(bar)) y=((HEIGHT - height).saturating_sub(above)) width="9" height=(above) {}
            }
        },
    )
}

/// Jobs that had not ended, by minute.
pub(super) fn backlog(bars: &[Bar]) -> Markup {
    let most = bars.iter().map(|bar| bar.live).max().unwrap_or(0).max(1);
    let label = format!("Jobs not ended in the last hour by minute, at most {most}");
    drawing(
        &label,
        &html! {
            @for bar in bars {
                @let height = bar.live * HEIGHT / most;
                rect.live x=(x(bar)) y=(HEIGHT - height) width="9" height=(height) {}
            }
        },
    )
}

fn x(bar: &Bar) -> u64 {
    (MINUTES - 1 - bar.ago) * 10
}

fn drawing(label: &str, content: &Markup) -> Markup {
    html! {
        svg viewBox="0 0 600 100" preserveAspectRatio="none" role="img" aria-label=(label) { (content) }
        div.axis { span { "an hour ago" } span { "now" } }
        p.soft { (label) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_what_a_minute_added() {
        let minute = |at: u64, sent: u64, failed: u64, live| Minute {
            at_ms: at * 60_000,
            live,
            ended: [(200, sent), (502, failed), (409, 7 * at)].into(),
        };
        let bars = bars(&[minute(10, 100, 0, 1), minute(11, 150, 2, 30), minute(13, 150, 2, 0)]);
        let expected =
            [Bar { ago: 3, sent: 50, failed: 2, live: 30 }, Bar { ago: 1, sent: 0, failed: 0, live: 0 }];
        assert_eq!(bars, expected);
    }

    #[test]
    fn a_queue_that_was_emptied_has_no_negative_bar() {
        let minute = |at: u64, sent: u64| Minute { at_ms: at * 60_000, live: 0, ended: [(200, sent)].into() };
        assert_eq!(bars(&[minute(1, 50), minute(2, 3)])[0].sent, 0);
    }
}
