//! The first page: problems and their causes, then the figures.

use std::time::Duration;

use axum::extract::{Query, State};
use maud::{Markup, html};
use serde::Deserialize;
use shared::queue::Minute;

use super::layout::{Page, page};
use super::sampler::Sample;
use super::{Board, errors, graph, workers};
use crate::ops::alarms::{alarms, what_to_do};
use crate::ops::figures::Figures;
use crate::ops::format::{count, rate, span_or_none};
use crate::ops::upstreams::{self, Upstream};

/// Seconds between two reloads.
const RELOAD: u32 = 5;

/// Causes shown.
const CAUSES: usize = 8;

/// The query.
#[derive(Debug, Default, Deserialize)]
pub(super) struct View {
    /// The page does not reload.
    hold: Option<String>,
}

/// `GET /board`. While Redis is away it shows the last figures, and says so.
pub(super) async fn show(State(board): State<Board>, Query(view): Query<View>) -> Page {
    let sample = board.sampler.sample().await;
    let history = board.queue.operator().history().await.unwrap_or_default();
    let causes = errors::by_reason(&board.queue).await.unwrap_or_default();
    let reload = view.hold.is_none().then_some(RELOAD);
    let body = html! {
        h1.hidden { "Now" }
        (what_is_wrong(&sample))
        @if let Some(now) = &sample.figures {
            (upstream_cards(&now.upstreams))
            (graphs(history, now))
            (tiles(now))
            div.halves {
                section.card { h2 { "Why jobs fail" } (errors::table_of(&causes[..causes.len().min(CAUSES)])) }
                section.card { h2 { "Workers" } (workers::table_of(now)) }
            }
        }
    };
    page("/board", &sample, reload, &body)
}

fn what_is_wrong(sample: &Sample) -> Markup {
    let found = sample.figures.as_ref().map(alarms).unwrap_or_default();
    html! {
        @if let Some(trouble) = &sample.trouble {
            div.alarm role="alert" { b { "Redis does not answer" } (trouble) ". The figures below are of before." }
        }
        @for alarm in &found {
            @let (head, rest) = alarm.split_once(": ").unwrap_or((alarm.as_str(), ""));
            div.alarm role="alert" { b { (head) } (rest) p.soft { "What to do: " (what_to_do(alarm)) } }
        }
        @if found.is_empty() && sample.trouble.is_none() { p.good { "Nothing is wrong." } }
    }
}

fn upstream_cards(upstreams: &[Upstream]) -> Markup {
    html! {
        div.grid {
            @for upstream in upstreams {
                section.card.(if upstream.is_down { "down" } else { "up" }) {
                    h2 { (upstream.name) }
                    p.soft { (upstreams::sentence(upstream)) }
                }
            }
        }
    }
}

fn graphs(mut history: Vec<Minute>, now: &Figures) -> Markup {
    // Includes the current minute so far.
    history.push(Minute { at_ms: now.at_ms, live: now.live, ended: now.ended.clone() });
    let bars = graph::bars(&history);
    html! {
        @if !bars.is_empty() {
            div.halves {
                section.card {
                    h2 { "Ended by minute " span.key { span.good { "■ sent" } " " span.bad { "■ failed" } } }
                    (graph::ended(&bars))
                }
                section.card { h2 { "Not ended" } (graph::backlog(&bars)) }
            }
        }
    }
}

fn tiles(now: &Figures) -> Markup {
    let seconds = |of: Option<f64>| span_or_none(of.map(Duration::from_secs_f64));
    let rates = now
        .rates
        .map_or_else(|| "–".to_owned(), |rates| format!("{} / {}", rate(rates.accepted), rate(rates.ended)));
    let tiles = [
        ("ready", count(now.ready)),
        ("running, of slots", format!("{} / {}", count(now.running), count(now.slots))),
        ("scheduled", count(now.scheduled)),
        ("accepted / ended", rates),
        ("longest run now", seconds(now.longest_run_seconds)),
        ("oldest entry", seconds(now.oldest_seconds)),
    ];
    html! { div.tiles { @for (name, value) in tiles { div.card.tile { (name) b { (value) } } } } }
}
