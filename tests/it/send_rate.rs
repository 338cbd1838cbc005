//! The rate of a channel, kept by all workers together: turns as Redis gives them out, and messages as the gateway's own
//! ledger has them.

use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use chrono::Utc;
use futures_util::future::join_all;
use shared::sending::limits::{RateLimiter, Slot};
use tests::keys::keys;
use tests::stack::{Stack, StackBuilder};
use uuid::Uuid;

use crate::limits::approval;
use crate::test_queue::TestQueue;

const RATE: usize = 20;
const LONG: Duration = Duration::from_secs(10);

async fn slot(limiter: &RateLimiter, channel: &str, per_second: u32, longest: Duration) -> Slot {
    limiter.slot(channel, NonZeroU32::new(per_second).unwrap(), longest).await.unwrap()
}

/// The wait of an allotted slot.
fn after(slot: Slot) -> Duration {
    let Slot::After(wait) = slot else { panic!("{slot:?}") };
    wait
}

#[tokio::test]
async fn slots_are_spaced_out_and_those_of_one_channel_do_not_hold_up_another() {
    let fixture = TestQueue::new().await;
    let limiter = RateLimiter::new(fixture.queue.clone());
    let start = Instant::now();
    for number in 0..10_u32 {
        let wait = after(slot(&limiter, "smpp", 5, LONG).await);
        let (due, passed) = (Duration::from_millis(200) * number, start.elapsed());
        assert!(
            wait <= due && wait + passed >= due.saturating_sub(Duration::from_millis(2)),
            "{number}: {wait:?}"
        );
    }
    assert_eq!(slot(&limiter, "turbosms", 5, LONG).await, Slot::After(Duration::ZERO));
}

#[tokio::test]
async fn a_slot_too_far_off_is_not_taken() {
    let fixture = TestQueue::new().await;
    let limiter = RateLimiter::new(fixture.queue.clone());
    assert_eq!(slot(&limiter, "smpp", 1, Duration::ZERO).await, Slot::After(Duration::ZERO));
    for _ in 0..5 {
        let refused = slot(&limiter, "smpp", 1, Duration::ZERO).await;
        assert!(matches!(refused, Slot::NoneBefore(wait) if wait <= Duration::from_secs(1)), "{refused:?}");
    }
    assert!(after(slot(&limiter, "smpp", 1, LONG).await) <= Duration::from_secs(1));
}

#[tokio::test]
async fn who_does_not_wait_takes_nothing_from_those_who_do() {
    let fixture = TestQueue::new().await;
    let limiter = RateLimiter::new(fixture.queue.clone());
    for _ in 0..4 {
        after(slot(&limiter, "smpp", 1, LONG).await);
    }
    for _ in 0..5 {
        let refused = slot(&limiter, "smpp", 1, Duration::ZERO).await;
        assert!(matches!(refused, Slot::NoneBefore(wait) if wait > Duration::from_secs(3)), "{refused:?}");
    }
    assert!(after(slot(&limiter, "smpp", 1, LONG).await) > Duration::from_secs(3));
}

#[tokio::test]
async fn a_clock_that_was_set_back_locks_nobody_out_and_the_key_ends_by_itself() {
    let fixture = TestQueue::new().await;
    let limiter = RateLimiter::new(fixture.queue.clone());
    let in_an_hour = (Utc::now().timestamp_micros() + 3_600_000_000).to_string();
    let _: String = fixture.server.command(&["SET", &keys().rate("smpp"), &in_an_hour]).await;
    assert_eq!(slot(&limiter, "smpp", 20, LONG).await, Slot::After(Duration::ZERO));
    let left: i64 = fixture.server.command(&["PTTL", &keys().rate("smpp")]).await;
    assert!((1..=50).contains(&left), "{left}");
}

/// Sends this many messages to as many phones through three workers; when the gateway took each, ms, oldest first.
async fn sent_at(stack: &Stack, messages: usize) -> Vec<i64> {
    let mut ids = Vec::new();
    for number in 0..messages {
        ids.push(approval(stack, Uuid::new_v4(), &format!("+38020200{number:04}")).await);
    }
    let client = stack.client();
    let ended = join_all(ids.into_iter().map(|(patient, id)| client.resend_to_end(patient, id))).await;
    assert!(ended.iter().all(|answer| answer.body["data"]["status_code"] == 200));
    let mut times: Vec<_> =
        stack.ledger().iter().map(|message| message["ts"].as_i64().expect("a time")).collect();
    times.sort_unstable();
    assert_eq!(times.len(), messages, "one message each");
    times
}

/// Most messages within one second.
fn most_a_second(times: &[i64]) -> usize {
    let within = |from: i64| times.iter().filter(|time| (from..from + 1_000).contains(*time)).count();
    times.iter().map(|from| within(*from)).max().unwrap_or(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn three_workers_together_keep_to_the_rate_and_use_it() {
    let stack = StackBuilder::new().workers(3).set("RESEND_SMS_PER_SECOND", RATE).start().await;
    let start = Utc::now().timestamp_millis();
    let times = sent_at(&stack, 120).await;
    let seconds = Duration::from_millis(times[119].abs_diff(times[0])).as_secs_f64();
    println!("120 messages at {RATE} a second: {seconds:.1} s");
    // Two may go together. A busy machine delays messages, so that more of them arrive together, but none arrives
    // before its slot.
    let due = |number: i64| start + (number - 2) * 1_000 / i64::try_from(RATE).unwrap();
    let early: Vec<_> = (0..).zip(&times).filter(|(number, time)| **time < due(*number)).collect();
    assert!(early.is_empty(), "before their slots, from {start} on: {early:?}");
    assert!(seconds <= 120.0 / 20.0 / 0.8, "{seconds} s");
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_rate_the_same_workers_send_faster() {
    let stack = StackBuilder::new().workers(3).start().await;
    let most = most_a_second(&sent_at(&stack, 120).await);
    assert!(most > 2 * RATE, "{most} within a second");
    stack.stop().await;
}
