//! (f) What a queued and a finished job cost Redis.

use shared::domain::approval::Approval;
use shared::domain::outcome::Outcome;
use shared::domain::person::MethodKind;
use shared::queue::JobDisposition;
use tests::redis_server::RedisServer;
use tests::sandbox::scenarios::scenarios;
use tokio_util::sync::CancellationToken;
use worker::runner::{WorkerRunner, unique_name};

use super::backlog::{BacklogRedis, fill, wait_until_drained};
use super::report::{Bound, Figure, Report};

const JOBS: usize = 20_000;

#[allow(clippy::cast_precision_loss)]
pub(crate) async fn measure(report: &mut Report) {
    let served = BacklogRedis::empty().await;
    let remaining = served.remaining().await;
    let BacklogRedis { server, queue, .. } = served;
    use_shipped_encodings(&server).await;
    let empty = used(&server).await;
    fill(&queue, JOBS).await;
    let queued = (used(&server).await - empty) / JOBS as f64;

    let approval = scenarios().swap_remove(0).approval.expect("the plain case has one");
    let (approval, phone) =
        (Approval::from_registry(approval).expect("a right approval"), "+380200000001".parse());
    let sent = approval.response_data(MethodKind::Otp, &phone.expect("a right phone"));
    let sent = Outcome::Sent(sent.to_string());
    let stop = CancellationToken::new();
    let consuming = WorkerRunner { queue, name: unique_name(), concurrency: 64 };
    let handler = move |_, _| {
        let sent = sent.clone();
        async move { JobDisposition::End(sent) }
    };
    let working = tokio::spawn(consuming.run(handler, stop.clone()));
    wait_until_drained(remaining).await;
    stop.cancel();
    working.await.expect("no panic").expect("a graceful stop");
    let finished = (used(&server).await - empty) / JOBS as f64;
    for (name, value, bound) in [("queued", queued, 700.0), ("finished", finished, 900.0)] {
        report.add(Figure {
            name: format!("Redis bytes per {name} job"),
            ours: format!("{value:.0}"),
            other: format!("{bound:.0}"),
            value,
            bound: Bound::AtMost(bound),
        });
    }
}

/// Uses the settings of `deploy/redis/redis.conf`, which determine the size of a small hash.
pub(crate) async fn use_shipped_encodings(server: &RedisServer) {
    let shipped = include_str!("../../deploy/redis/redis.conf");
    for setting in shipped.lines().filter(|line| line.starts_with("hash-max-listpack-")) {
        let (name, value) = setting.split_once(' ').expect("a name and a value");
        let _: String = server.command(&["CONFIG", "SET", name, value]).await;
    }
}

/// Bytes used by its data.
pub(crate) async fn used(server: &RedisServer) -> f64 {
    let info: String = server.command(&["INFO", "memory"]).await;
    let line = info.lines().find_map(|line| line.strip_prefix("used_memory_dataset:"));
    line.and_then(|text| text.trim().parse().ok()).expect("a figure in INFO")
}
