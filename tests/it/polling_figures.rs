//! What polls cost, measured with ids that are guessed: nobody's job is found, and a poll is one read of Redis.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use futures_util::StreamExt;
use futures_util::stream;
use shared::domain::ids::JobId;
use tests::sandbox::scenarios::scenarios;
use tests::stack::{Stack, StackBuilder};

#[tokio::test(flavor = "multi_thread")]
async fn of_100_000_guessed_ids_none_is_a_job() {
    const GUESSES: usize = 100_000;
    let stack = StackBuilder::new().workers(0).start().await;
    let client = stack.client();
    let plain = scenarios().swap_remove(0);
    assert_eq!(client.resend(plain.patient_id, plain.approval_id).await.status, 202);
    let (start, hits, reads) = (Instant::now(), AtomicUsize::new(0), reads_of(&stack).await);
    let guesses = stream::iter(0..GUESSES).map(async |_| {
        let status = client.get(&format!("/Jobs/{}", JobId::generate())).await.status;
        hits.fetch_add(usize::from(status != 404), Ordering::Relaxed);
    });
    guesses.buffer_unordered(64).collect::<Vec<_>>().await;
    let took = start.elapsed();
    let reads = reads_of(&stack).await - reads;
    #[allow(clippy::cast_precision_loss)]
    let rate = GUESSES as f64 / took.as_secs_f64();
    println!(
        "{GUESSES} polls of guessed ids in {took:.1?} ({rate:.0}/s, debug build, client on the same cores), {reads} reads"
    );
    assert_eq!((hits.into_inner(), reads), (0, GUESSES as u64));
}

/// How often Redis was asked for a job.
async fn reads_of(stack: &Stack) -> u64 {
    let info: String = stack.redis.command(&["INFO", "commandstats"]).await;
    let calls = info.lines().find_map(|line| line.strip_prefix("cmdstat_hmget:calls="));
    calls.and_then(|rest| rest.split(',').next()?.parse().ok()).unwrap_or(0)
}
