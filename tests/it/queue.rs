//! The queue's scripts against a real Redis: what each step changes, and what the fence prevents.

use std::sync::Arc;
use std::time::Duration;

use shared::domain::clock::millis;
use shared::domain::job::JobState;
use shared::queue::{Finished, GROUP, JobDisposition, LeasedJob, PutBack};
use tests::eventually::eventually;
use tests::keys::{job_record, keys};
use tokio::sync::{Notify, Semaphore, mpsc};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use worker::runner::{WorkerRunner, unique_name};

use crate::test_queue::{RUN, SendStart, TestQueue, job, job_of, refused};

mod faults;
mod order;

#[tokio::test]
async fn an_ended_job_frees_its_approval_and_keeps_its_result() {
    let fixture = TestQueue::new().await;
    let approval = Uuid::new_v4();
    let ticket = fixture.accept(&job_of("mis-a", approval)).await;
    let delivery = fixture.deliver("w1").await;
    let finished = fixture.end(&delivery).await;
    assert!(matches!(finished, Finished::Done { .. }), "{finished:?}");
    let job = fixture.job(&ticket.job).await;
    let end = job.end.unwrap();
    assert_eq!((job.state, end.status_code), (JobState::Failed, 404));
    assert_eq!(
        end.result,
        r#"{"type":"not_found","reason":"person_not_found","message":"Person not found"}"#
    );
    assert_eq!(fixture.entries().await, 0);
    assert_eq!(fixture.live().await, 0);
    assert_ne!(fixture.accept(&job_of("mis-b", approval)).await.job, ticket.job);
}

#[tokio::test]
async fn the_same_consumer_is_fenced_by_the_delivery_number_too() {
    let fixture = TestQueue::new().await;
    fixture.accept(&job()).await;
    let before = fixture.deliver("w1").await;
    let now = fixture.take_over(&before, "w1").await;
    assert_eq!(fixture.begin_send(&before).await, SendStart::Lost);
    assert_eq!(fixture.put_back(&before, RUN).await, PutBack::Lost);
    assert!(!fixture.queue.deliveries().release(&before).await.unwrap());
    assert_eq!(fixture.end(&before).await, Finished::Lost);
    assert_eq!(fixture.begin_send(&now).await, SendStart::Go);
}

#[tokio::test]
async fn no_retry_waits_past_the_deadline() {
    let fixture = TestQueue::with(&[("RESEND_JOB_DEADLINE_SECONDS", "1")]).await;
    fixture.accept(&job()).await;
    let delivery = fixture.deliver("w1").await;
    let late = fixture.put_back(&delivery, Duration::from_millis(1_500)).await;
    assert_eq!(late, PutBack::Late);
}

#[tokio::test]
async fn a_delivery_handed_back_is_a_first_delivery_again() {
    let fixture = TestQueue::new().await;
    let ticket = fixture.accept(&job()).await;
    let delivery = fixture.deliver("w1").await;
    assert!(fixture.queue.deliveries().release(&delivery).await.unwrap());
    let again = fixture.deliver("w2").await;
    assert_eq!((&again.message.job, again.accepted_ms), (&ticket.job, delivery.accepted_ms));
    let pending = fixture.pending().await;
    assert_eq!(pending.len(), 1);
    assert_eq!((pending[0].1.as_str(), pending[0].3), ("w2", 1));
}

#[tokio::test]
async fn what_was_put_back_before_the_clock_was_set_back_does_not_wait_for_it() {
    let fixture = TestQueue::new().await;
    let ticket = fixture.accept(&job()).await;
    let delivery = fixture.deliver("w1").await;
    let put_back = fixture.put_back(&delivery, Duration::from_secs(20)).await;
    assert_eq!(put_back, PutBack::Scheduled);
    let due = (shared::domain::clock::now_ms() + 7_200_000).to_string();
    let messages: Vec<String> = fixture.server.command(&["ZRANGE", &keys().scheduled(), "0", "-1"]).await;
    let _: u64 = fixture.server.command(&["ZADD", &keys().scheduled(), &due, &messages[0]]).await;
    let record = job_record(&ticket.job);
    let _: u64 = fixture.server.command(&["HSET", &record, "due", &due]).await;
    let ended = fixture.work_until(|| async { fixture.job(&ticket.job).await.end }).await;
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
    let nobody_knows = fixture.put_back(&second, RUN).await;
    assert_eq!(
        nobody_knows,
        PutBack::Late,
        "the caller ends the job with what it met, not a third run with silence"
    );
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
    assert_eq!(fixture.put_back(&put_back, RUN).await, PutBack::Lost);
    assert!(!fixture.queue.deliveries().release(&handed_back).await.unwrap());
    assert_eq!(fixture.entries().await, 0);
    // Its approval is not blocked, and neither is the audit, which frees the other two.
    let again = fixture.accept(&new).await;
    fixture
        .work_until(|| async {
            let live = fixture.live().await;
            (live == 0).then_some(())
        })
        .await;
    assert!(fixture.job(&again.job).await.end.is_some());
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
    // A replica that has the entry, but not the read of it.
    let _: String = fixture.server.command(&["XGROUP", "SETID", &keys().stream(), GROUP, "0"]).await;
    let second = fixture.accept(&job()).await.job;
    assert_eq!(
        begun.recv().await,
        Some(second),
        "the read that brings it brings the first once more, before it"
    );
    may_end.notify_one();
    let ended = eventually("the one run ends its job", Duration::from_secs(5), async || {
        fixture.job(&first).await.end
    });
    assert_eq!(ended.await.status_code, 404);
    stop.cancel();
    working.await.unwrap().unwrap();
    assert!(begun.try_recv().is_err(), "no third run");
}

#[tokio::test]
async fn what_has_no_slot_when_a_stop_is_asked_for_goes_back_untouched() {
    // A sweep takes one over even if no slot is free.
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
    let pending =
        async || fixture.pending().await.into_iter().map(|(_, consumer, ..)| consumer).collect::<Vec<_>>();
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
    assert_eq!(fixture.entries().await, 1);
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
    assert_eq!(fixture.put_back(&delivery, Duration::from_secs(200)).await, PutBack::Scheduled);

    let ended = fixture.work_until(|| async {
        let lost = fixture.job(&lost.job).await;
        let late = fixture.job(&late.job).await;
        let live = fixture.live().await;
        (live == 1 && lost.end.is_some()).then(|| (lost.end.unwrap(), late.end.unwrap()))
    });
    let (lost, late) = ended.await;
    assert_eq!((lost.status_code, late.status_code), (404, 500));
    // Scheduled jobs and their places are left alone.
    let job = fixture.job(&scheduled.job).await;
    assert_eq!((job.state, job.end), (JobState::Scheduled, None));
}

#[tokio::test]
async fn an_entry_without_a_record_is_dropped_before_anything_is_sent() {
    let fixture = TestQueue::new().await;
    let ticket = fixture.accept(&job()).await;
    let delivery = fixture.deliver("w1").await;
    let _: u64 = fixture.server.command(&["DEL", &job_record(&ticket.job)]).await;
    assert_eq!(fixture.begin_send(&delivery).await, SendStart::Lost);
    assert_eq!(fixture.entries().await, 0);
}
