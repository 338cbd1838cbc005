//! The frame of every page.

use axum::http::header;
use axum::response::{IntoResponse, Response};
use maud::{DOCTYPE, Markup, html};
use shared::domain::clock;

use super::sampler::Sample;
use crate::ops::alarms::alarms;
use crate::ops::format::{count, moment, time_of_day};

/// The pages in the menu: path and name.
const PAGES: [(&str, &str); 6] = [
    ("/board", "Now"),
    ("/board/jobs", "Jobs"),
    ("/board/errors", "Errors"),
    ("/board/quarantine", "Quarantine"),
    ("/board/workers", "Workers"),
    ("/board/activity", "Who did what"),
];

/// The icon in the browser's tab, green or red.
const QUIET: &str = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 8 8'%3E%3Ccircle cx='4' cy='4' r='4' fill='%231b7a34'/%3E%3C/svg%3E";
const LOUD: &str = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 8 8'%3E%3Crect width='8' height='8' fill='%23b3261e'/%3E%3C/svg%3E";

/// A finished page, and the seconds after which a browser reloads it.
pub(super) struct Page {
    content: Markup,
    reload_seconds: Option<u32>,
}

impl IntoResponse for Page {
    fn into_response(self) -> Response {
        let html = [(header::CONTENT_TYPE, "text/html; charset=utf-8")];
        let mut response = (html, self.content.into_string()).into_response();
        if let Some(seconds) = self.reload_seconds {
            response.headers_mut().insert(header::REFRESH, seconds.into());
        }
        response
    }
}

/// A page with the menu; `path` is its own. Only the first page reloads, and that can be paused: otherwise text typed
/// into its search would be lost.
pub(super) fn page(path: &str, sample: &Sample, reload_seconds: Option<u32>, body: &Markup) -> Page {
    let alarms =
        sample.figures.as_ref().map(alarms).unwrap_or_default().len() + usize::from(sample.trouble.is_some());
    let quarantined = sample.figures.as_ref().map_or(0, |figures| figures.quarantined);
    let queue = sample.figures.as_ref().map_or("resend", |figures| &figures.queue);
    let name = PAGES.iter().find(|(known, _)| *known == path).map_or("Job", |(_, name)| *name);
    let menu = html! {
        nav aria-label="Pages" {
            @for (known, name) in PAGES {
                a href=(known) aria-current=[(known == path).then_some("page")] {
                    (name)
                    @if known == "/board/quarantine" && quarantined > 0 { " " span.count { (count(quarantined)) } }
                }
            }
        }
        form action="/board/jobs" role="search" {
            input type="search" name="find" aria-label="Find a job, request, approval or patient by its id"
                placeholder="job, request, approval or patient id";
            button { "Find" }
        }
        (liveness(path, sample, reload_seconds))
    };
    let title =
        if alarms > 0 { format!("({alarms}) {name} – {queue}") } else { format!("{name} – {queue}") };
    Page { content: frame(&title, alarms > 0, &menu, body), reload_seconds }
}

/// Whether the figures are current.
fn liveness(path: &str, sample: &Sample, reload_seconds: Option<u32>) -> Markup {
    let at = sample.figures.as_ref().map(|figures| time_of_day(figures.at_ms)).unwrap_or_default();
    html! {
        span.live {
            @if sample.trouble.is_some() {
                span.bad { "● Redis away, as of " (at) }
            } @else if reload_seconds.is_some() {
                span.good { "● live " (at) }
                @if path == "/board" { " " a href="/board?hold=yes" { "Hold" } }
            } @else {
                span.soft { "as of " (at) }
                @if path == "/board" { " " a href="/board" { "Go on" } }
            }
        }
    }
}

/// A time, short for people and complete for programs.
pub(super) fn when(at_ms: u64) -> Markup {
    let iso = clock::iso(at_ms);
    html! { time datetime=(iso) title=(iso) { (moment(at_ms)) } }
}

/// A page without figures.
pub(super) fn message(heading: &str, text: &str) -> Page {
    let body =
        html! { div.alarm role="alert" { b { (heading) } (text) } p { a href="/board" { "Back to now" } } };
    Page { content: frame(heading, true, &html! {}, &body), reload_seconds: Some(5) }
}

fn frame(title: &str, is_loud: bool, menu: &Markup, body: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) }
                link rel="icon" href=(if is_loud { LOUD } else { QUIET });
                link rel="stylesheet" href="/board/style.css";
            }
            body {
                header { div { b { "resend" } (menu) } }
                main { (body) }
            }
        }
    }
}

/// A table; numbers are right-aligned in the columns named.
pub(super) fn table(header: &[&str], numbers: &[usize], rows: &[Vec<Markup>], none: &str) -> Markup {
    let class = |column: usize| numbers.contains(&column).then_some("number");
    html! {
        @if rows.is_empty() {
            p.soft { (none) }
        } @else {
            div.wide tabindex="0" role="region" aria-label=(header.join(", ")) {
                table {
                    thead { tr { @for (column, name) in header.iter().enumerate() { th.(class(column).unwrap_or_default()) scope="col" { (name) } } } }
                    tbody {
                        @for row in rows {
                            tr { @for (column, cell) in row.iter().enumerate() { td.(class(column).unwrap_or_default()) { (cell) } } }
                        }
                    }
                }
            }
        }
    }
}

/// The link to a job's page.
pub(super) fn job_link(job: &str) -> Markup {
    html! { a href={ "/board/jobs/" (job) } { code { (job) } } }
}
