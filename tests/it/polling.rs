//! Polls: ids cannot be guessed, a poll is one read of Redis, and an idle system starts a job without waiting for a
//! poll of its own.

use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::stream;
use shared::domain::ids::JobId;
use tests::sandbox::scenarios::scenarios;
use tests::stack::{Stack, StackBuilder};

#[tokio::test(flavor = "multi_thread")]
async fn a_poll_is_one_read_and_no_guessed_id_is_a_job() {
    const GUESSES: usize = 2_000;
    let stack = StackBuilder::new().workers(0).start().await;
    let (client, plain) = (stack.client(), scenarios().swap_remove(0));
    assert_eq!(client.resend(plain.patient_id, plain.approval_id).await.status, 202);
    let before = reads_of(&stack).await;
    let guesses = stream::iter(0..GUESSES)
        .map(async |_| client.get(&format!("/Jobs/{}", JobId::generate())).await.status == 404);
    let unknown: Vec<_> = guesses.buffer_unordered(64).collect().await;
    assert!(unknown.into_iter().all(|unknown| unknown));
    assert_eq!(reads_of(&stack).await - before, GUESSES as u64);
}

/// How often Redis was asked for a job.
async fn reads_of(stack: &Stack) -> u64 {
    let info: String = stack.redis.command(&["INFO", "commandstats"]).await;
    let calls = info.lines().find_map(|line| line.strip_prefix("cmdstat_hmget:calls="));
    calls.and_then(|rest| rest.split(',').next()?.parse().ok()).unwrap_or(0)
}

/// No step between PATCH and result waits for a timer; how fast it is is measured by the bench.
#[tokio::test(flavor = "multi_thread")]
async fn an_idle_system_takes_a_job_up_without_a_tick() {
    let stack = Stack::start().await;
    let plain = scenarios().swap_remove(0);
    let start = Instant::now();
    let ended = stack.client().resend_to_end(plain.patient_id, plain.approval_id).await;
    let took = start.elapsed();
    assert_eq!(ended.body["data"]["status"], "processed");
    assert!(took < Duration::from_secs(1), "{took:?}");
    stack.stop().await;
}
