//! The schedule: the order in which scheduled jobs return, and whose entry an operator changes.

use std::time::Duration;

use shared::domain::clock;
use shared::queue::{Cancelled, PutBack, RetriedNow};
use tests::keys::{job_record, keys};

use crate::test_queue::{TestQueue, job};

/// Schedules the next job; returns its id.
async fn put_back(fixture: &TestQueue) -> String {
    let delivery = fixture.deliver("w1").await;
    let put_back = fixture.put_back(&delivery, Duration::from_secs(100)).await;
    assert_eq!(put_back, PutBack::Scheduled);
    delivery.message.job.to_string()
}

/// Makes every scheduled job due at this time.
async fn all_due_at(fixture: &TestQueue, due_ms: u64) {
    let due = due_ms.to_string();
    for message in fixture.server.command::<Vec<String>>(&["ZRANGE", &keys().scheduled(), "0", "-1"]).await {
        let _: u64 = fixture.server.command(&["ZADD", &keys().scheduled(), &due, &message]).await;
    }
}

#[tokio::test]
async fn what_is_due_at_one_time_goes_by_age() {
    let fixture = TestQueue::new().await;
    let mut by_age = Vec::new();
    for age in 1..=8 {
        fixture.accept(&job()).await;
        let id = put_back(&fixture).await;
        let accepted = (clock::now_ms() - age * 1_000).to_string();
        let record = job_record(&id);
        let _: u64 = fixture.server.command(&["HSET", &record, "accepted", &accepted]).await;
        by_age.insert(0, accepted);
    }
    all_due_at(&fixture, 1).await;
    fixture.queue.deliveries().promote_once().await.unwrap();
    // The accepted time is stored next to the message.
    let entries: Vec<(String, Vec<String>)> =
        fixture.server.command(&["XRANGE", &keys().stream(), "-", "+"]).await;
    let accepted: Vec<_> = entries.into_iter().map(|(_, mut fields)| fields.remove(3)).collect();
    assert_eq!(accepted, by_age);
}

#[tokio::test]
async fn an_operator_changes_the_job_named_and_not_one_whose_request_is_called_so() {
    let fixture = TestQueue::new().await;
    let first = fixture.accept(&job()).await.job;
    let mut namesake = job();
    namesake.request = first.as_str().parse().unwrap();
    let second = fixture.accept(&namesake).await.job;
    let due = clock::now_ms() + 100_000;
    for _ in 0..2 {
        let record = job_record(&put_back(&fixture).await);
        let _: u64 = fixture.server.command(&["HSET", &record, "due", &due.to_string()]).await;
    }
    all_due_at(&fixture, due).await;
    assert_eq!(fixture.queue.operator().cancel(&first).await.unwrap(), Cancelled::Done);
    let left: Vec<String> = fixture.server.command(&["ZRANGE", &keys().scheduled(), "0", "-1"]).await;
    assert!(left.len() == 1 && left[0].contains(&format!(r#""job":"{second}""#)), "{left:?}");
    assert_eq!(fixture.queue.operator().retry_now(&second).await.unwrap(), RetriedNow::Ready);
}
