//! The scripts of the queue against a real Redis: what each step changes, and what the fence keeps from changing.

use std::sync::Arc;
use std::time::Duration;

use shared::domain::clock::millis;
use shared::domain::job::JobState;
use shared::domain::outcome::{Outcome, Refusal};
use shared::queue::{Finished, GROUP, JobDisposition, LeasedJob, PutBack};
use tests::eventually::eventually;
use tests::keys::{job_record, keys};
use tokio::sync::{Notify, Semaphore, mpsc};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use worker::runner::{WorkerRunner, unique_name};

use crate::test_queue::{SendStart, TestQueue, job, job_of, refused};

mod faults;
mod order;

const RUN: Duration = Duration::from_millis(20);

#[tokio::test]
async fn an_ended_job_frees_its_approval_and_keeps_its_result() {
    let fixture = TestQueue::new().await;
    let approval = Uuid::new_v4();
    let ticket = fixture.accept(&job_of("mis-a", approval)).await;
    let delivery = fixture.deliver("w1").await;
    let finished = fixture.queue.deliveries().finish(&delivery, &refused(), RUN).await.unwrap();
    assert!(matches!(finished, Finished::Done { .. }), "{finished:?}");
    let job = fixture.queue.job_store().job(&ticket.job).await.unwrap().unwrap();
    let end = job.end.unwrap();
    assert_eq!((job.state, end.status_code), (JobState::Failed, 404));
    assert_eq!(
        end.result,
        r#"{"type":"not_found","reason":"person_not_found","message":"Person not found"}"#
    );
    assert_eq!(fixture.server.command::<u64>(&["XLEN", &keys().stream()]).await, 0);
    assert_eq!(fixture.server.command::<u64>(&["HLEN", &keys().live()]).await, 0);
    assert_ne!(fixture.accept(&job_of("mis-b", approval)).await.job, ticket.job);
}

#[tokio::test]
async fn a_worker_that_lost_its_delivery_changes_nothing() {
    let fixture = TestQueue::new().await;
    fixture.accept(&job()).await;
    let zombie = fixture.deliver("w1").await;
    let owner = fixture.take_over(&zombie, "w2").await;
    assert_eq!(fixture.queue.deliveries().finish(&zombie, &refused(), RUN).await.unwrap(), Finished::Lost);
    assert_eq!(fixture.begin_send(&zombie).await, SendStart::Lost);
    assert_eq!(
        fixture.queue.deliveries().retry_later(&zombie, RUN, RUN, "upstream_failed").await.unwrap(),
        PutBack::Lost
    );
    assert!(!fixture.queue.deliveries().release(&zombie).await.unwrap());
    assert_eq!(fixture.state(&owner).await, JobState::Queued);
    assert_eq!(fixture.server.command::<u64>(&["XLEN", &keys().stream()]).await, 1);
    assert!(matches!(
        fixture.queue.deliveries().finish(&owner, &refused(), RUN).await.unwrap(),
        Finished::Done { .. }
    ));
}

#[tokio::test]
async fn the_same_consumer_is_fenced_by_the_delivery_number_too() {
    let fixture = TestQueue::new().await;
    fixture.accept(&job()).await;
    let before = fixture.deliver("w1").await;
    let now = fixture.take_over(&before, "w1").await;
    assert_eq!(fixture.begin_send(&before).await, SendStart::Lost);
    assert_eq!(fixture.begin_send(&now).await, SendStart::Go);
}

#[tokio::test]
async fn an_ended_job_never_changes() {
    let fixture = TestQueue::new().await;
    fixture.accept(&job()).await;
    let delivery = fixture.deliver("w1").await;
    fixture.queue.deliveries().finish(&delivery, &refused(), RUN).await.unwrap();
    let end = async || fixture.queue.job_store().job(&delivery.message.job).await.unwrap().unwrap().end;
    let before = end().await;
    let again = Outcome::Refused(Refusal::UpstreamFailed);
    assert_eq!(fixture.queue.deliveries().finish(&delivery, &again, RUN).await.unwrap(), Finished::Before);
    assert_eq!(fixture.begin_send(&delivery).await, SendStart::Lost);
    assert_eq!(end().await, before);
}

#[tokio::test]
async fn a_send_is_counted_once_per_delivery_and_twice_per_job() {
    let fixture = TestQueue::new().await;
    fixture.accept(&job()).await;
    let first = fixture.deliver("w1").await;
    for _ in 0..3 {
        assert_eq!(fixture.begin_send(&first).await, SendStart::Go, "asked again after a lost answer");
    }
    assert_eq!(fixture.state(&first).await, JobState::Sending);
    let second = fixture.take_over(&first, "w2").await;
    assert_eq!(fixture.begin_send(&second).await, SendStart::Go);
    let third = fixture.take_over(&second, "w3").await;
    assert_eq!(fixture.begin_send(&third).await, SendStart::Exhausted);
    let patient = keys().patient(&first.message.patient);
    let sends: String = fixture.server.command(&["GET", &patient]).await;
    assert_eq!(sends.lines().count(), 2, "{sends}");
}

#[tokio::test]
async fn a_send_that_certainly_did_not_happen_is_not_counted() {
    let fixture = TestQueue::new().await;
    fixture.accept(&job()).await;
    for _ in 0..5 {
        let delivery = fixture.deliver("w1").await;
        assert_eq!(fixture.begin_send(&delivery).await, SendStart::Go);
        fixture.unsent(&delivery).await;
        let put_back = fixture
            .queue
            .deliveries()
            .retry_later(&delivery, Duration::ZERO, RUN, "upstream_failed")
            .await
            .unwrap();
        assert_eq!(put_back, PutBack::Scheduled);
        let promoted: Vec<String> = fixture.server.command(&["ZRANGE", &keys().scheduled(), "0", "-1"]).await;
        let _: u64 = fixture.server.command(&["ZREM", &keys().scheduled(), &promoted[0]]).await;
        let _: String = fixture
            .server
            .command(&[
                "XADD",
                &keys().stream(),
                "*",
                "m",
                &promoted[0],
                "at",
                &delivery.accepted_ms.to_string(),
            ])
            .await;
    }
    let last = fixture.deliver("w1").await;
    let patient = keys().patient(&last.message.patient);
    assert!(!fixture.server.command::<bool>(&["EXISTS", &patient]).await);
    let counts = fixture.queue.deliveries().send_counts(&last).await.unwrap();
    assert_eq!((counts.handed, counts.open), (5, 0), "how often it was handed over stays known");
}

#[tokio::test]
async fn no_send_begins_and_no_retry_waits_past_the_deadline() {
    let fixture = TestQueue::with(&[("RESEND_JOB_DEADLINE_SECONDS", "1")]).await;
    fixture.accept(&job()).await;
    let delivery = fixture.deliver("w1").await;
    let late = fixture
        .queue
        .deliveries()
        .retry_later(&delivery, Duration::from_millis(1_500), RUN, "upstream_failed")
        .await
        .unwrap();
    assert_eq!(late, PutBack::Late);
    let record = job_record(&delivery.message.job);
    let _: i64 = fixture.server.command(&["HSET", &record, "deadline", "1"]).await;
    assert_eq!(fixture.begin_send(&delivery).await, SendStart::Late);
}

#[tokio::test]
async fn a_delivery_handed_back_is_a_first_delivery_again() {
    let fixture = TestQueue::new().await;
    let ticket = fixture.accept(&job()).await;
    let delivery = fixture.deliver("w1").await;
    assert!(fixture.queue.deliveries().release(&delivery).await.unwrap());
    let again = fixture.deliver("w2").await;
    assert_eq!((&again.message.job, again.accepted_ms), (&ticket.job, delivery.accepted_ms));
    let pending: Vec<(String, String, u64, u64)> =
        fixture.server.command(&["XPENDING", &keys().stream(), GROUP, "-", "+", "10"]).await;
    assert_eq!(pending.len(), 1);
    assert_eq!((pending[0].1.as_str(), pending[0].3), ("w2", 1));
}

#[tokio::test]
async fn what_was_put_back_before_the_clock_was_set_back_does_not_wait_for_it() {
    let fixture = TestQueue::new().await;
    let ticket = fixture.accept(&job()).await;
    let delivery = fixture.deliver("w1").await;
    let put_back = fixture
        .queue
        .deliveries()
        .retry_later(&delivery, Duration::from_secs(20), RUN, "upstream_failed")
        .await
        .unwrap();
    assert_eq!(put_back, PutBack::Scheduled);
    let due = (shared::domain::clock::now_ms() + 7_200_000).to_string();
    let messages: Vec<String> = fixture.server.command(&["ZRANGE", &keys().scheduled(), "0", "-1"]).await;
    let _: u64 = fixture.server.command(&["ZADD", &keys().scheduled(), &due, &messages[0]]).await;
    let record = job_record(&ticket.job);
    let _: u64 = fixture.server.command(&["HSET", &record, "due", &due]).await;
    let ended = fixture
        .work_until(|| async { fixture.queue.job_store().job(&ticket.job).await.unwrap().unwrap().end })
        .await;
    assert_eq!(ended.status_code, 404);
}

#[tokio::test]
async fn a_second_send_without_an_answer_is_the_last_try() {
    let fixture = TestQueue::new().await;
    fixture.accept(&job()).await;
    let first = fixture.deliver("w1").await;
    assert_eq!(fixture.begin_send(&first).await, SendStart::Go);
    let second = fixture.take_over(&first, "w2").await;
    assert_eq!(fixture.begin_send(&second).await, SendStart::Go);
    fixture.unsent(&second).await;
    let unsent = fixture.queue.deliveries().retry_later(&second, RUN, RUN, "upstream_failed").await.unwrap();
    assert_eq!(unsent, PutBack::Scheduled, "one that was not sent is not counted");

    fixture.accept(&job()).await;
    let first = fixture.deliver("w1").await;
    assert_eq!(fixture.begin_send(&first).await, SendStart::Go);
    let second = fixture.take_over(&first, "w2").await;
    assert_eq!(fixture.begin_send(&second).await, SendStart::Go);
    let nobody_knows =
        fixture.queue.deliveries().retry_later(&second, RUN, RUN, "upstream_failed").await.unwrap();
    assert_eq!(
        nobody_knows,
        PutBack::Late,
        "the caller ends the job with what it met, not a third run with silence"
    );
}

#[tokio::test]
async fn leave_that_was_given_before_the_deadline_is_none_after_it() {
    let fixture = TestQueue::new().await;
    fixture.accept(&job()).await;
    let delivery = fixture.deliver("w1").await;
    assert_eq!(fixture.begin_send(&delivery).await, SendStart::Go);
    let record = job_record(&delivery.message.job);
    let _: i64 = fixture.server.command(&["HSET", &record, "deadline", "1"]).await;
    assert_eq!(fixture.begin_send(&delivery).await, SendStart::Late);
}

#[tokio::test]
async fn a_record_some_other_hand_spoilt_is_none_and_its_job_leaves_the_queue() {
    let fixture = TestQueue::with(&[("RESEND_LEASE_SECONDS", "2")]).await;
    let new = job();
    let tickets = [fixture.accept(&new).await, fixture.accept(&job()).await, fixture.accept(&job()).await];
    for ticket in &tickets {
        let record = job_record(&ticket.job);
        let _: u64 = fixture.server.command(&["DEL", &record]).await;
        let _: String = fixture.server.command(&["SET", &record, "not a hash"]).await;
    }
    let [sent, put_back, handed_back] =
        [fixture.deliver("w1").await, fixture.deliver("w1").await, fixture.deliver("w1").await];
    assert_eq!(fixture.begin_send(&sent).await, SendStart::Lost);
    assert_eq!(
        fixture.queue.deliveries().retry_later(&put_back, RUN, RUN, "upstream_failed").await.unwrap(),
        PutBack::Lost
    );
    assert!(!fixture.queue.deliveries().release(&handed_back).await.unwrap());
    assert_eq!(fixture.server.command::<u64>(&["XLEN", &keys().stream()]).await, 0);
    // Its approval is not held up, and neither is the audit, which frees the other two.
    let again = fixture.accept(&new).await;
    fixture
        .work_until(|| async {
            let live: u64 = fixture.server.command(&["HLEN", &keys().live()]).await;
            (live == 0).then_some(())
        })
        .await;
    assert!(fixture.queue.job_store().job(&again.job).await.unwrap().unwrap().end.is_some());
}

#[tokio::test]
async fn what_a_promoted_master_gives_out_once_more_is_no_second_run() {
    let fixture = TestQueue::new().await;
    let first = fixture.accept(&job()).await.job;
    let (stop, may_end) = (CancellationToken::new(), Arc::new(Notify::new()));
    let (tell, mut begun) = mpsc::unbounded_channel();
    let (waits, asked) = (first.clone(), may_end.clone());
    let run = move |held: LeasedJob, _| {
        let (job, asked) = (held.delivery().message.job.clone(), asked.clone());
        let is_to_wait = job == waits;
        tell.send(job).unwrap();
        async move {
            if is_to_wait {
                asked.notified().await;
            }
            JobDisposition::End(refused())
        }
    };
    let worker = WorkerRunner { queue: fixture.queue.clone(), name: unique_name(), concurrency: 8 };
    let working = tokio::spawn(worker.run(run, stop.clone()));
    assert_eq!(begun.recv().await.as_ref(), Some(&first));
    // A replica that has the entry and not that it was read.
    let _: String = fixture.server.command(&["XGROUP", "SETID", &keys().stream(), GROUP, "0"]).await;
    let second = fixture.accept(&job()).await.job;
    assert_eq!(
        begun.recv().await,
        Some(second),
        "the read that brings it brings the first once more, before it"
    );
    may_end.notify_one();
    let ended = eventually("the one run ends its job", Duration::from_secs(5), async || {
        fixture.queue.job_store().job(&first).await.unwrap().unwrap().end
    });
    assert_eq!(ended.await.status_code, 404);
    stop.cancel();
    working.await.unwrap().unwrap();
    assert!(begun.try_recv().is_err(), "no third run");
}

#[tokio::test]
async fn what_has_no_slot_when_a_stop_is_asked_for_goes_back_untouched() {
    // A sweep takes one over also where no slot is free.
    let fixture = TestQueue::with(&[("RESEND_LEASE_SECONDS", "2")]).await;
    fixture.accept(&job()).await;
    fixture.queue.deliveries().make_group().await.unwrap();
    let silent = fixture.deliver("silent").await;
    let lease = millis(fixture.queue.config().lease).to_string();
    let claim = ["XCLAIM", &keys().stream(), GROUP, "silent", "0", &silent.entry, "IDLE", &lease, "JUSTID"];
    let _: Vec<String> = fixture.server.command(&claim).await;
    fixture.accept(&job()).await;
    let (stop, started) = (CancellationToken::new(), Arc::new(Semaphore::new(0)));
    let (asked, begun) = (stop.clone(), started.clone());
    let run = move |_, _| {
        let (asked, begun) = (asked.clone(), begun.clone());
        async move {
            begun.add_permits(1);
            asked.cancelled().await;
            JobDisposition::End(refused())
        }
    };
    let pending = async || {
        let all: Vec<(String, String, u64, u64)> =
            fixture.server.command(&["XPENDING", &keys().stream(), GROUP, "-", "+", "10"]).await;
        all.into_iter().map(|(_, consumer, ..)| consumer).collect::<Vec<_>>()
    };
    let worker = WorkerRunner { queue: fixture.queue.clone(), name: unique_name(), concurrency: 1 };
    let working = tokio::spawn(worker.run(run, stop.clone()));
    started.acquire().await.unwrap().forget();
    eventually("another waits for the slot", Duration::from_secs(5), async || {
        (!pending().await.contains(&"silent".to_owned())).then_some(())
    })
    .await;
    stop.cancel();
    working.await.unwrap().unwrap();
    assert_eq!(started.available_permits(), 0, "nothing was begun after the stop was asked for");
    assert!(pending().await.is_empty());
    assert_eq!(fixture.server.command::<u64>(&["XLEN", &keys().stream()]).await, 1);
}

#[tokio::test]
async fn scripts_flushed_away_are_loaded_again() {
    let fixture = TestQueue::new().await;
    fixture.accept(&job()).await;
    let _: String = fixture.server.command(&["SCRIPT", "FLUSH"]).await;
    fixture.accept(&job()).await;
}

#[tokio::test]
async fn the_audit_puts_back_what_has_no_entry_and_frees_what_has_no_record() {
    let fixture = TestQueue::with(&[("RESEND_LEASE_SECONDS", "2")]).await;
    let lost = fixture.accept(&job()).await;
    let gone = fixture.accept(&job()).await;
    let late = fixture.accept(&job()).await;
    let scheduled = fixture.accept(&job()).await;
    let record = |id: &str| job_record(&id);
    // The first three lose their entries, the second its record too, and the third is past its deadline.
    for _ in 0..3 {
        let delivery = fixture.deliver("gone").await;
        let _: u64 = fixture.server.command(&["XACK", &keys().stream(), GROUP, &delivery.entry]).await;
        let _: u64 = fixture.server.command(&["XDEL", &keys().stream(), &delivery.entry]).await;
    }
    let _: u64 = fixture.server.command(&["DEL", &record(gone.job.as_str())]).await;
    let _: i64 = fixture.server.command(&["HSET", &record(late.job.as_str()), "deadline", "1"]).await;
    let delivery = fixture.deliver("gone").await;
    assert_eq!(
        fixture
            .queue
            .deliveries()
            .retry_later(&delivery, Duration::from_secs(200), RUN, "upstream_failed")
            .await
            .unwrap(),
        PutBack::Scheduled
    );

    let ended = fixture.work_until(|| async {
        let lost = fixture.queue.job_store().job(&lost.job).await.unwrap().unwrap();
        let late = fixture.queue.job_store().job(&late.job).await.unwrap().unwrap();
        let live: u64 = fixture.server.command(&["HLEN", &keys().live()]).await;
        (live == 1 && lost.end.is_some()).then(|| (lost.end.unwrap(), late.end.unwrap()))
    });
    let (lost, late) = ended.await;
    assert_eq!((lost.status_code, late.status_code), (404, 500));
    // What is merely scheduled is left alone, and so is its place.
    let job = fixture.queue.job_store().job(&scheduled.job).await.unwrap().unwrap();
    assert_eq!((job.state, job.end), (JobState::Scheduled, None));
}

#[tokio::test]
async fn an_entry_without_a_record_is_dropped_before_anything_is_sent() {
    let fixture = TestQueue::new().await;
    let ticket = fixture.accept(&job()).await;
    let delivery = fixture.deliver("w1").await;
    let _: u64 = fixture.server.command(&["DEL", &job_record(&ticket.job)]).await;
    assert_eq!(fixture.begin_send(&delivery).await, SendStart::Lost);
    assert_eq!(fixture.server.command::<u64>(&["XLEN", &keys().stream()]).await, 0);
}
