//! (b) Poll: GET of a pending and of an ended job and a 304, against axum with one read.

use tests::sandbox::scenarios::scenarios;
use tests::stack::{Stack, StackBuilder};

use super::Effort;
use super::accept::add;
use super::load::{Load, LoadOptions, Requests};
use super::report::{Bound, Report};
use super::server::start_role;

const CONNECTIONS: u32 = 64;

/// The request that is repeated.
struct Read<'a> {
    name: &'a str,
    href: &'a str,
    etag: Option<&'a str>,
}

pub(crate) async fn measure(effort: Effort, report: &mut Report) {
    let mut stack = StackBuilder::new().workers(0).start().await;
    let plain = scenarios().swap_remove(0);
    let client = stack.client();
    let href = &client.resend(plain.patient_id, plain.approval_id).await.location();
    against_one_read(&stack, Read { name: "pending job", href, etag: None }, effort, report).await;
    stack.add_worker(&[]).await;
    let ended = client.end_of(href, std::time::Duration::from_secs(10)).await;
    stack.workers.clear();
    against_one_read(&stack, Read { name: "ended job", href, etag: None }, effort, report).await;
    let etag = Some(ended.header("etag").expect("an ETag"));
    against_one_read(&stack, Read { name: "304", href, etag }, effort, report).await;
}

async fn against_one_read(stack: &Stack, read: Read<'_>, effort: Effort, report: &mut Report) {
    let (floor, floor_url) = start_role("floor", stack.settings(), stack.folder()).await;
    let (api, redis) = (&stack.apis[0], stack.redis.process());
    let asking = |watched| LoadOptions { connections: CONNECTIONS, seconds: effort.seconds, watched };
    let requests = Requests::reads(stack.folder(), read.href, read.etag);
    let (mut ours, mut floors): (Vec<Load>, Vec<Load>) = Default::default();
    for run in 1..=effort.runs {
        report.step(format!("poll, {}, run {run}", read.name));
        floors.push(requests.run(&floor_url, &asking(vec![&floor, redis])).await);
        ours.push(requests.run(&api.url, &asking(vec![&api.process, redis])).await);
    }
    let name = format!("poll c{CONNECTIONS}, {} / axum with one read", read.name);
    add(report, name, (&ours, &floors), Bound::AtLeast(0.85));
}
