//! (b) Poll: GET of a pending and of an ended job and a 304, against axum with one read.

use tests::sandbox::scenarios::scenarios;
use tests::stack::{Stack, StackBuilder};

use super::Effort;
use super::load::{Load, Requests};
use super::report::{Asked, Figure, Report, median};
use super::server::start_role;

const CONNECTIONS: u32 = 64;

pub(crate) async fn measure(effort: Effort, report: &mut Report) {
    eprintln!("poll");
    let mut stack = StackBuilder::new().workers(0).start().await;
    let plain = scenarios().swap_remove(0);
    let client = stack.client();
    let href = client.resend(plain.patient_id, plain.approval_id).await.location();
    against_one_read(&stack, "pending job", &href, None, effort, report).await;
    stack.add_worker(&[]).await;
    let ended = client.end_of(&href, std::time::Duration::from_secs(10)).await;
    against_one_read(&stack, "ended job", &href, None, effort, report).await;
    let etag = ended.header("etag").expect("an ETag").to_owned();
    against_one_read(&stack, "304", &href, Some(&etag), effort, report).await;
}

async fn against_one_read(
    stack: &Stack,
    name: &str,
    href: &str,
    etag: Option<&str>,
    effort: Effort,
    report: &mut Report,
) {
    let (floor, floor_url) = start_role("floor", stack.settings(), stack.folder()).await;
    let api = &stack.apis[0];
    let (mut ours, mut floors): (Vec<Load>, Vec<Load>) = (Vec::new(), Vec::new());
    for _ in 0..effort.runs {
        let requests = Requests::reads(stack.folder(), href, etag);
        floors.push(requests.run(&floor_url, &floor, CONNECTIONS, effort.seconds).await);
        ours.push(requests.run(&api.url, &api.process, CONNECTIONS, effort.seconds).await);
    }
    let ratios = ours.iter().zip(&floors).map(|(ours, floor)| ours.rate / floor.rate).collect();
    let rate = |loads: &[Load]| format!("{:.0}/s", median(loads.iter().map(|load| load.rate).collect()));
    report.add(Figure {
        name: format!("poll c{CONNECTIONS}, {name} / axum with one read"),
        ours: rate(&ours),
        other: rate(&floors),
        value: median(ratios),
        asked: Asked::AtLeast(0.85),
    });
}
