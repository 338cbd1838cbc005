//! The page as text. Every value from outside goes through `escaped`.

use std::time::Duration;

use shared::queue::{JobStatus, Quarantined, WorkerStatus};

use crate::ops::alarms::alarms as alarms_of;
use crate::ops::figures::Figures;
use crate::ops::format::{count, rate, span, span_or_none};

const FRAME: &str = include_str!("page.html");

pub(super) fn render(now: &Figures, failures: &[JobStatus], quarantined: &[Quarantined]) -> String {
    let title = format!("Queue {}", escaped(&now.queue));
    let body = [
        format!("<h1>{title}</h1>\n<p class=\"soft\">{}</p>", escaped(&now.at)),
        alarms(now),
        tiles(now),
        speed(now),
        section(
            "Workers",
            &["worker", "said it lives", "running", "slots"],
            now.overview.workers.iter().map(worker),
        ),
        section(
            "Newest failures",
            &["code", "job", "asked for", "client"],
            failures.iter().map(|job| failure(job, now)),
        ),
        section("Quarantine", &["id", "reason", "deliveries", "job"], quarantined.iter().map(set_aside)),
    ];
    FRAME.replace("{title}", &title).replace("{body}", &body.join("\n"))
}

fn alarms(now: &Figures) -> String {
    let alarms = alarms_of(now);
    if alarms.is_empty() {
        return "<p>Nothing stands out.</p>".to_owned();
    }
    let line = |alarm: &String| format!("<p class=\"alarm\">{}</p>\n", escaped(alarm));
    alarms.iter().map(line).collect::<Vec<_>>().concat()
}

fn tiles(now: &Figures) -> String {
    let tile = |(name, figure): (&str, u64)| format!("<li>{name}<b>{}</b></li>", count(figure));
    let figures = [
        ("ready", now.ready),
        ("running", now.running),
        ("scheduled", now.scheduled),
        ("quarantined", now.quarantined),
        ("slots", now.slots),
    ];
    format!("<ul class=\"tiles\">{}</ul>", figures.map(tile).concat())
}

fn speed(now: &Figures) -> String {
    let rates = now.rates.map_or_else(
        || "measured from the next look on".to_owned(),
        |rates| {
            let over = span(Duration::from_secs_f64(rates.over_seconds));
            let (accepted, ended, failed) = (rate(rates.accepted), rate(rates.ended), rate(rates.failed));
            format!("accepted {accepted}, ended {ended}, of these failed {failed} (over the last {over})")
        },
    );
    let times = [
        ("oldest", now.oldest_seconds),
        ("mean run", now.mean_run_seconds),
        ("next retry in", now.next_retry_seconds),
    ]
    .map(|(name, seconds)| format!("{name} {}", span_or_none(seconds.map(Duration::from_secs_f64))));
    let ended: Vec<_> = now.ended.iter().map(|(code, jobs)| format!("{code}: {}", count(*jobs))).collect();
    let ended = if ended.is_empty() { "none yet".to_owned() } else { ended.join(", ") };
    format!("<p>Rates: {rates}</p>\n<p>Times: {}</p>\n<p>Ended: {ended}</p>", times.join(", "))
}

fn worker(of: &WorkerStatus) -> Vec<String> {
    let said = of
        .silent
        .filter(|_| of.alive)
        .map_or_else(|| "gone".to_owned(), |silent| format!("{} ago", span(silent)));
    vec![of.name.clone(), said, of.running.to_string(), of.slots.to_string()]
}

fn failure(job: &JobStatus, now: &Figures) -> Vec<String> {
    let age = Duration::from_millis(now.at_ms.saturating_sub(job.accepted_ms));
    let code = job.status_code.map(|code| code.to_string()).unwrap_or_default();
    vec![code, job.job.to_string(), format!("{} ago", span(age)), job.client.clone()]
}

fn set_aside(entry: &Quarantined) -> Vec<String> {
    let job = entry.job.as_ref().map_or_else(|| "unreadable".to_owned(), ToString::to_string);
    vec![entry.id.to_string(), entry.reason.clone(), entry.deliveries.to_string(), job]
}

fn section(name: &str, header: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    let cells = |tag: &str, cells: &[String]| -> String {
        let cell = |cell: &String| format!("<{tag}>{}</{tag}>", escaped(cell));
        cells.iter().map(cell).collect::<Vec<_>>().concat()
    };
    let rows = rows.map(|row| format!("<tr>{}</tr>\n", cells("td", &row))).collect::<Vec<_>>().concat();
    if rows.is_empty() {
        return format!("<h2>{name}</h2>\n<p class=\"soft\">None.</p>");
    }
    let header: Vec<_> = header.iter().map(|cell| (*cell).to_owned()).collect();
    format!(
        "<h2>{name}</h2>\n<div class=\"wide\"><table><tr>{}</tr>\n{rows}</table></div>",
        cells("th", &header)
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use shared::queue::Overview;

    use super::*;

    #[test]
    fn what_comes_from_outside_is_text_and_not_markup() {
        let worker = WorkerStatus {
            name: "<script>\"&".into(),
            slots: 1,
            running: 0,
            silent: Some(Duration::ZERO),
            alive: true,
        };
        let overview = Overview { workers: vec![worker], ..Overview::default() };
        let page = render(&Figures::new("resend", 0, overview, None), &[], &[]);
        assert!(page.contains("&lt;script&gt;&quot;&amp;") && !page.contains("<script"), "{page}");
        assert!(!page.contains("{body}") && !page.contains("{title}"));
    }
}
