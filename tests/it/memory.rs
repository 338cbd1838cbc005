//! What a job costs Redis in memory.

use std::time::Duration;

use serde_json::json;
use shared::domain::approval::Approval;
use shared::domain::outcome::Outcome;
use shared::domain::person::MethodKind;
use tests::sandbox::scenarios::scenarios;

use crate::test_queue::{TestQueue, job};

const JOBS: u64 = 5_000;

async fn used(fixture: &TestQueue) -> u64 {
    let info: String = fixture.server.command(&["INFO", "memory"]).await;
    let line = info.lines().find_map(|line| line.strip_prefix("used_memory_dataset:")).unwrap();
    line.trim().parse().unwrap()
}

#[tokio::test]
async fn a_queued_job_takes_700_bytes_at_most_and_a_finished_one_1500_with_its_result() {
    let unlimited = [("RESEND_LIMIT_COOLDOWN_SECONDS", "0"), ("RESEND_LIMIT_PER_CLIENT_MINUTE", "0")];
    let fixture = TestQueue::with(&unlimited).await;
    let shipped = include_str!("../../deploy/redis/redis.conf");
    for setting in shipped.lines().filter(|line| line.starts_with("hash-max-listpack-")) {
        let (name, value) = setting.split_once(' ').unwrap();
        let _: String = fixture.server.command(&["CONFIG", "SET", name, value]).await;
    }
    // The first job pays for what all share: scripts, stream, group.
    fixture.accept(&job()).await;
    let empty = used(&fixture).await;
    for _ in 0..JOBS {
        fixture.accept(&job()).await;
    }
    let queued = (used(&fixture).await - empty) / JOBS;

    let approval = scenarios().swap_remove(0).approval.unwrap();
    let phone = "+380200000001".parse().unwrap();
    let sent = Approval::from_registry(approval).unwrap().response_data(MethodKind::Otp, &phone);
    let sent = Outcome::Sent(sent.to_string());
    for _ in 0..=JOBS {
        let delivery = fixture.deliver("w1").await;
        fixture.queue.deliveries().finish(&delivery, &sent, Duration::from_millis(20)).await.unwrap();
    }
    let finished = (used(&fixture).await - empty) / JOBS;
    let result = json!(sent.result().unwrap().len());
    println!(
        "Redis memory: {queued} bytes per queued job, {finished} per finished one (result of {result} bytes)"
    );
    assert!(queued <= 700, "{queued} bytes per queued job");
    assert!(finished <= 1_500, "{finished} bytes per finished job");
}
