//! (a) Accept: PATCH against a bare axum handler that runs the same script, and against a hello handler; and (g) by how
//! durably Redis stores it.

use tests::stack::{Stack, StackBuilder};

use super::Effort;
use super::load::{Load, LoadOptions, Requests, rates, words};
use super::report::{Bound, Figure, Report};
use super::series::{median, ratio};
use super::server::start_role;
use super::usage::peak_rss_mib;

/// Redis set-ups, by how much of a crash they survive.
const SET_UPS: [(&str, [&str; 6]); 3] = [
    ("no AOF", ["--appendonly", "no", "--appendfsync", "no", "--save", ""]),
    ("AOF everysec", ["--appendonly", "yes", "--appendfsync", "everysec", "--save", ""]),
    ("AOF always", ["--appendonly", "yes", "--appendfsync", "always", "--save", ""]),
];

/// The set-up that most figures use.
const USUAL: &str = "AOF everysec";

pub(crate) async fn measure(effort: Effort, report: &mut Report) {
    let mut at_64 = Vec::new();
    for (name, redis) in SET_UPS {
        let stack = under_load().redis(&redis).start().await;
        for connections in [16, 64] {
            let rate = compare_with_bare(&stack, name, connections, effort, report).await;
            if connections == 64 {
                at_64.push(rate);
            }
        }
    }
    report.add(Figure {
        name: "accept c64, AOF always / everysec".into(),
        ours: format!("{:.0}/s", at_64[2]),
        other: format!("{:.0}/s", at_64[1]),
        value: at_64[2] / at_64[1],
        bound: Bound::AtLeast(0.5),
    });
}

/// One API with everything that is on by default. A single client calls it, so its limit is as wide as possible.
pub(crate) fn under_load() -> StackBuilder {
    StackBuilder::new().workers(0).set("RESEND_LIMIT_PER_CLIENT_MINUTE", 100_000)
}

/// Runs ours and the bare server alternately, in pairs; returns our median rate.
async fn compare_with_bare(
    stack: &Stack,
    name: &str,
    connections: u32,
    effort: Effort,
    report: &mut Report,
) -> f64 {
    let (floor, floor_url) = start_role("floor", stack.settings(), stack.folder()).await;
    let (api, redis) = (&stack.apis[0], stack.redis.process());
    let asking = |watched| LoadOptions { connections, seconds: effort.seconds, watched };
    let (mut ours, mut floors, mut hellos): (Vec<Load>, Vec<Load>, Vec<Load>) = Default::default();
    for run in 1..=effort.runs {
        report.step(format!("accept c{connections}, {name}, run {run}"));
        let resends = Requests::resends(stack.folder());
        floors.push(resends.run(&floor_url, &asking(vec![&floor, redis])).await);
        flush_redis(stack).await;
        let resends = Requests::resends(stack.folder());
        ours.push(resends.run(&api.url, &asking(vec![&api.process, redis])).await);
        flush_redis(stack).await;
        if connections == 64 && name == USUAL {
            let hello = Requests::reads(stack.folder(), "/hello", None);
            hellos.push(hello.run(&floor_url, &asking(vec![&floor])).await);
        }
    }
    let bound = if connections == 64 { Bound::AtLeast(0.85) } else { Bound::None };
    let named = format!("accept c{connections}, {name}");
    add(report, format!("{named} / axum floor with the same script"), (&ours, &floors), bound);
    if !hellos.is_empty() {
        add(report, format!("{named} / axum that says hello"), (&ours, &hellos), Bound::None);
        let rss = peak_rss_mib(&api.process);
        report.add(Figure {
            name: "RSS of the API, its peak under load, MiB".into(),
            ours: format!("{rss:.1}"),
            other: "20".into(),
            value: rss,
            bound: Bound::AtMost(20.0),
        });
    }
    median(rates(&ours))
}

/// A figure of two alternating loads.
pub(crate) fn add(report: &mut Report, name: String, (ours, others): (&[Load], &[Load]), bound: Bound) {
    let value = ratio(&rates(ours), &rates(others));
    report.add(Figure { name, ours: words(ours), other: words(others), value, bound });
}

/// Empties Redis between runs, because a backlog would change the figure.
async fn flush_redis(stack: &Stack) {
    let _: String = stack.redis.command(&["FLUSHALL"]).await;
}
