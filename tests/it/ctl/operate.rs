//! An operator's steps against a real Redis: what each changes, and what none may change.

use std::time::Duration;

use shared::domain::ids::JobId;
use shared::domain::job::JobState;
use shared::queue::{
    Cancelled, Finished, GROUP, JobCursor, JobStatus, Progress, PutBack, QuarantineId, Restored, RetriedNow,
};
use tests::eventually::eventually;
use tests::keys::keys;
use tokio_util::sync::CancellationToken;
use worker::runner::{WorkerRunner, unique_name};

use crate::test_queue::{RUN, SendStart, TestQueue, job, job_of, refused};

const LONG: Duration = Duration::from_mins(1);
const SOON: Duration = Duration::from_secs(10);

#[tokio::test]
async fn a_waiting_job_is_cancelled_for_good_and_its_approval_is_free() {
    let fixture = TestQueue::new().await;
    let ticket = fixture.accept(&job()).await;
    assert_eq!(fixture.queue.operator().cancel(&ticket.job).await.unwrap(), Cancelled::Done);
    let job = fixture.job(&ticket.job).await;
    let end = job.end.unwrap();
    assert_eq!((job.state, end.status_code), (JobState::Failed, 409));
    assert_eq!(
        end.result,
        r#"{"type":"request_conflict","reason":"cancelled","message":"The request was cancelled by an operator"}"#
    );
    assert_eq!(fixture.entries().await, 0);
    assert_eq!(fixture.live().await, 0);
    assert_eq!(fixture.queue.operator().cancel(&ticket.job).await.unwrap(), Cancelled::Ended);
    assert_eq!(fixture.queue.operator().cancel(&JobId::generate()).await.unwrap(), Cancelled::Unknown);
}

#[tokio::test]
async fn a_job_in_a_workers_hands_is_cancelled_before_it_sends() {
    let fixture = TestQueue::new().await;
    let ticket = fixture.accept(&job()).await;
    let delivery = fixture.deliver("w1").await;
    assert_eq!(fixture.queue.operator().cancel(&ticket.job).await.unwrap(), Cancelled::Done);
    assert_eq!(fixture.begin_send(&delivery).await, SendStart::Lost);
    assert_eq!(fixture.put_back(&delivery, RUN).await, PutBack::Lost);
    assert_eq!(fixture.end(&delivery).await, Finished::Before);
    assert_eq!(fixture.job(&ticket.job).await.end.unwrap().status_code, 409);
}

#[tokio::test]
async fn a_job_whose_send_has_begun_is_not_cancelled_not_even_while_it_is_put_back() {
    let fixture = TestQueue::new().await;
    let ticket = fixture.accept(&job()).await;
    let delivery = fixture.deliver("w1").await;
    assert_eq!(fixture.begin_send(&delivery).await, SendStart::Go);
    assert_eq!(fixture.queue.operator().cancel(&ticket.job).await.unwrap(), Cancelled::SendBegun);
    // The outcome of that send is unknown.
    fixture.put_back(&delivery, LONG).await;
    assert_eq!(fixture.queue.operator().cancel(&ticket.job).await.unwrap(), Cancelled::SendBegun);
    assert_eq!(fixture.state(&delivery).await, JobState::Scheduled);
}

#[tokio::test]
async fn a_job_put_back_is_cancelled_and_leaves_the_schedule() {
    let fixture = TestQueue::new().await;
    let (ticket, other) = (fixture.accept(&job()).await, fixture.accept(&job()).await);
    for _ in 0..2 {
        let delivery = fixture.deliver("w1").await;
        fixture.put_back(&delivery, LONG).await;
    }
    assert_eq!(fixture.queue.operator().cancel(&ticket.job).await.unwrap(), Cancelled::Done);
    let left: Vec<String> = fixture.server.command(&["ZRANGE", &keys().scheduled(), "0", "-1"]).await;
    assert!(left.len() == 1 && left[0].contains(other.job.as_str()), "{left:?}");
}

#[tokio::test]
async fn only_a_job_that_was_put_back_is_made_ready_by_hand() {
    let fixture = TestQueue::new().await;
    let ticket = fixture.accept(&job()).await;
    assert_eq!(fixture.queue.operator().retry_now(&ticket.job).await.unwrap(), RetriedNow::Waiting);
    let delivery = fixture.deliver("w1").await;
    fixture.put_back(&delivery, LONG).await;
    assert_eq!(fixture.queue.operator().retry_now(&ticket.job).await.unwrap(), RetriedNow::Ready);
    let again = fixture.deliver("w1").await;
    assert_eq!(again.message, delivery.message);
    fixture.end(&again).await;
    assert_eq!(fixture.queue.operator().retry_now(&ticket.job).await.unwrap(), RetriedNow::Ended);
    assert_eq!(fixture.queue.operator().retry_now(&JobId::generate()).await.unwrap(), RetriedNow::Unknown);
    assert_eq!(fixture.entries().await, 0);
}

async fn set_aside(fixture: &TestQueue, message: &str) -> QuarantineId {
    let add =
        ["XADD", &keys().quarantine(), "*", "reason", "unknown_version", "deliveries", "1", "m", message];
    let entry: String = fixture.server.command(&add).await;
    entry.parse().unwrap()
}

#[tokio::test]
async fn an_entry_goes_back_only_while_somebody_waits_for_its_job() {
    let fixture = TestQueue::new().await;
    let ticket = fixture.accept(&job()).await;
    let delivery = fixture.deliver("w1").await;
    let id = set_aside(&fixture, &delivery.message.encode().unwrap()).await;
    assert_eq!(fixture.queue.operator().restore(&id).await.unwrap(), Restored::Waiting(ticket.job.clone()));
    let _: u64 = fixture.server.command(&["XACK", &keys().stream(), GROUP, &delivery.entry]).await;
    let _: u64 = fixture.server.command(&["XDEL", &keys().stream(), &delivery.entry]).await;
    assert_eq!(fixture.queue.operator().restore(&id).await.unwrap(), Restored::Back(ticket.job.clone()));
    assert_eq!(fixture.queue.operator().restore(&id).await.unwrap(), Restored::Unknown);

    let again = fixture.deliver("w1").await;
    fixture.end(&again).await;
    let id = set_aside(&fixture, &delivery.message.encode().unwrap()).await;
    assert_eq!(fixture.queue.operator().restore(&id).await.unwrap(), Restored::Ended(ticket.job));
    assert_eq!(fixture.entries().await, 0);
    let garbage = set_aside(&fixture, "{\"job\":1}").await;
    assert_eq!(fixture.queue.operator().restore(&garbage).await.unwrap(), Restored::Orphan);
}

#[tokio::test]
async fn a_purge_takes_what_it_was_shown_and_nothing_that_came_later() {
    let fixture = TestQueue::new().await;
    for _ in 0..3 {
        set_aside(&fixture, "garbage").await;
    }
    let shown = fixture.queue.operator().quarantined(100).await.unwrap();
    let later = set_aside(&fixture, "garbage").await;
    let ids: Vec<_> = shown.into_iter().map(|entry| entry.id).collect();
    assert_eq!(fixture.queue.operator().purge(&ids).await.unwrap(), 3);
    let left: Vec<_> = fixture.queue.operator().quarantined(100).await.unwrap();
    assert_eq!(left.iter().map(|entry| &entry.id).collect::<Vec<_>>(), [&later]);
}

#[tokio::test]
async fn the_overview_counts_every_state_and_how_jobs_ended() {
    let fixture = TestQueue::new().await;
    for _ in 0..6 {
        fixture.accept(&job()).await;
    }
    let ended = fixture.deliver("w1").await;
    fixture.end(&ended).await;
    let put_back = fixture.deliver("w1").await;
    fixture.put_back(&put_back, LONG).await;
    fixture.deliver("w2").await;
    set_aside(&fixture, "garbage").await;
    let seen = fixture.queue.operator().overview().await.unwrap();
    assert_eq!((seen.ready, seen.running, seen.scheduled), (3, 1, 1));
    assert_eq!((seen.quarantined, seen.live, seen.ended_total()), (1, 5, 1));
    assert_eq!(seen.ended.get(&404), Some(&1));
    assert!(seen.oldest.is_some() && seen.next_due.is_some_and(|due| due <= LONG));
    let w2 = seen.workers.iter().find(|worker| worker.name == "w2").unwrap();
    assert!(!w2.alive && w2.running == 1, "it holds a job and says nothing: {w2:?}");
}

#[tokio::test]
async fn jobs_are_found_by_where_they_stand_and_whose_they_are() {
    let fixture = TestQueue::new().await;
    let failed = fixture.accept(&job_of("mis-b", uuid::Uuid::new_v4())).await;
    let delivery = fixture.deliver("w1").await;
    fixture.end(&delivery).await;
    // More than Redis returns in one reply of a small hash.
    for _ in 0..700 {
        fixture.accept(&job()).await;
    }
    let running = fixture.deliver("w1").await.message.job;
    let of = |progress: Progress| {
        fixture
            .queue
            .operator()
            .jobs(JobCursor::of(Some(progress)), false, 1_000, move |job| job.progress == progress)
    };
    assert_eq!(of(Progress::Ready).await.unwrap().jobs.len(), 699);
    let found = of(Progress::Running).await.unwrap().jobs;
    assert_eq!((found.len(), &found[0].job), (1, &running));
    assert_eq!((found[0].worker.as_deref(), found[0].deliveries), (Some("w1"), Some(1)));
    let first = fixture.queue.operator().jobs(JobCursor::of(None), false, 450, |_| true).await.unwrap();
    let rest = fixture.queue.operator().jobs(first.next.unwrap(), false, 450, |_| true).await.unwrap();
    assert_eq!((first.jobs.len(), rest.jobs.len(), rest.next), (450, 250, None));
    assert!(first.jobs.iter().all(|job| !rest.jobs.contains(job)), "each is listed once");
    assert!(first.jobs[449].accepted_ms <= rest.jobs[0].accepted_ms, "oldest first");
    let of_b = |job: &JobStatus| job.client == "mis-b";
    let found = fixture.queue.operator().jobs(JobCursor::failed(), true, 10, of_b).await.unwrap().jobs;
    assert_eq!((found.len(), &found[0].job, found[0].status_code), (1, &failed.job, Some(404)));
}

#[tokio::test]
async fn a_paused_worker_takes_nothing_and_a_resumed_one_goes_on() {
    let fixture = TestQueue::new().await;
    assert!(
        fixture.queue.operator().pause().await.unwrap() && !fixture.queue.operator().pause().await.unwrap()
    );
    let ticket = fixture.accept(&job()).await;
    let stop = CancellationToken::new();
    let worker = WorkerRunner { queue: fixture.queue.clone(), name: unique_name(), concurrency: 8 };
    let handler = |_, _| async { shared::queue::JobDisposition::End(refused()) };
    let working = tokio::spawn(worker.run(handler, stop.clone()));
    eventually("the worker lives", SOON, || async {
        (fixture.queue.operator().overview().await.unwrap().live_workers() == 1).then_some(())
    })
    .await;
    let seen = fixture.queue.operator().overview().await.unwrap();
    assert!(seen.paused.is_some() && seen.ready == 1, "{seen:?}");

    assert!(
        fixture.queue.operator().resume().await.unwrap() && !fixture.queue.operator().resume().await.unwrap()
    );
    eventually("the job ends", SOON, || async { fixture.job(&ticket.job).await.end }).await;
    // A busy worker notices a pause too.
    fixture.queue.operator().pause().await.unwrap();
    eventually("a job is left alone", SOON, || async {
        let seen = fixture.queue.operator().overview().await.unwrap();
        if seen.live == 0 {
            fixture.accept(&job()).await;
        }
        seen.oldest.filter(|age| *age > Duration::from_millis(500))
    })
    .await;
    stop.cancel();
    working.await.unwrap().unwrap();
}
