//! (a) Accept: PATCH against the floor, a bare axum handler running the same script, and against a hello handler.

use tests::stack::{Stack, StackBuilder};

use super::Effort;
use super::load::{Load, Requests, rss_mib};
use super::report::{Asked, Figure, Report, median};
use super::server::start_role;

/// Redis set-ups, by how much of a crash they survive.
const SET_UPS: [(&str, [&str; 6]); 3] = [
    ("no AOF", ["--appendonly", "no", "--appendfsync", "no", "--save", ""]),
    ("AOF everysec", ["--appendonly", "yes", "--appendfsync", "everysec", "--save", ""]),
    ("AOF always", ["--appendonly", "yes", "--appendfsync", "always", "--save", ""]),
];

pub(crate) async fn measure(effort: Effort, report: &mut Report) {
    eprintln!("accept");
    let mut at_64 = Vec::new();
    for (name, redis) in SET_UPS {
        let stack = StackBuilder::new().redis(&redis).workers(0).set("RESEND_LOG", "info").start().await;
        for connections in [16, 64] {
            let rate = beside_the_floor(&stack, name, connections, effort, report).await;
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
        asked: Asked::AtLeast(0.5),
    });
}

/// Ours and the floor in turn, pair by pair; answers our median rate.
async fn beside_the_floor(
    stack: &Stack,
    name: &str,
    connections: u32,
    effort: Effort,
    report: &mut Report,
) -> f64 {
    let (floor, floor_url) = start_role("floor", stack.settings(), stack.folder()).await;
    let api = &stack.apis[0];
    let (mut ours, mut floors): (Vec<Load>, Vec<Load>) = (Vec::new(), Vec::new());
    for _ in 0..effort.runs {
        let requests = Requests::resends(stack.folder());
        floors.push(requests.run(&floor_url, &floor, connections, effort.seconds).await);
        forget(stack).await;
        let requests = Requests::resends(stack.folder());
        ours.push(requests.run(&api.url, &api.process, connections, effort.seconds).await);
        forget(stack).await;
    }
    let ratios = ours.iter().zip(&floors).map(|(ours, floor)| ours.rate / floor.rate).collect();
    let of = |loads: &[Load], part: fn(&Load) -> f64| median(loads.iter().map(part).collect());
    let words = |loads: &[Load]| {
        let (rate, p50, p99) = (of(loads, |l| l.rate), of(loads, |l| l.p50_ms), of(loads, |l| l.p99_ms));
        format!("{rate:.0}/s, p50 {p50:.1} ms, p99 {p99:.1} ms, {:.0} µs CPU", of(loads, |l| l.cpu_us))
    };
    report.add(Figure {
        name: format!("accept c{connections}, {name} / axum floor with the same script"),
        ours: words(&ours),
        other: words(&floors),
        value: median(ratios),
        asked: if connections == 64 { Asked::AtLeast(0.85) } else { Asked::Nothing },
    });
    if connections == 64 && name == "AOF everysec" {
        let rss = rss_mib(&api.process);
        report.add(Figure {
            name: "RSS of the API under load, MiB".into(),
            ours: format!("{rss:.1}"),
            other: "20".into(),
            value: rss,
            asked: Asked::AtMost(20.0),
        });
    }
    of(&ours, |load| load.rate)
}

/// Empties Redis between runs: a backlog is another figure's business.
async fn forget(stack: &Stack) {
    let _: String = stack.redis.command(&["FLUSHALL"]).await;
}
