//! One client's flood: the number of its jobs accepted per minute is limited, so that other clients' jobs do not wait
//! behind it.

use shared::domain::outcome::Reason;
use shared::queue::{Enqueued, NewJob};
use tests::keys::keys;
use uuid::Uuid;

use crate::test_queue::{TestQueue, job, job_of};

/// Jobs a client may have accepted in a minute where it may send fewer than half as many messages.
const LEAST: usize = 1_000;

#[tokio::test]
async fn past_its_jobs_of_a_minute_a_client_is_told_when_to_come_back_and_others_are_let_in() {
    let fixture = TestQueue::with(&[("RESEND_LIMIT_PER_CLIENT_MINUTE", "3")]).await;
    let keyed = NewJob { idempotency: Some("key-1".parse().unwrap()), ..job() };
    let first = fixture.accept(&keyed).await;
    for _ in 1..LEAST {
        fixture.accept(&job()).await;
    }
    let Enqueued::Limited { limit: Reason::ClientJobs, next_attempt_ms, now_ms, .. } =
        fixture.enqueue(&job()).await
    else {
        panic!("let in past its jobs of a minute")
    };
    assert!((1..=60_000).contains(&(next_attempt_ms - now_ms)), "{next_attempt_ms} at {now_ms}");
    assert!(matches!(fixture.enqueue(&keyed).await, Enqueued::Replayed(again) if again.job == first.job));
    fixture.accept(&job_of("mis-b", Uuid::new_v4())).await;

    // Its minute is over.
    let expired: i64 =
        fixture.server.command(&["PEXPIRE", &keys().client_jobs(&"mis-a".parse().unwrap()), "0"]).await;
    assert_eq!(expired, 1);
    fixture.accept(&job()).await;
}

#[tokio::test]
async fn without_the_limit_nothing_is_counted() {
    let fixture = TestQueue::with(&[("RESEND_LIMIT_PER_CLIENT_MINUTE", "0")]).await;
    fixture.accept(&job()).await;
    let counted: i64 =
        fixture.server.command(&["EXISTS", &keys().client_jobs(&"mis-a".parse().unwrap())]).await;
    assert_eq!(counted, 0);
}
