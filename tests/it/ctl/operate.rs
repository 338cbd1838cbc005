//! An operator's steps against a real Redis: what each changes, and what none may change.

use std::time::Duration;

use shared::domain::ids::JobId;
use shared::domain::job::JobState;
use shared::queue::{Cancelled, Finished, GROUP, Progress, PutBack, QuarantineId, Restored, RetriedNow};
use tests::eventually::eventually;
use tokio_util::sync::CancellationToken;
use worker::runner::{WorkerRunner, unique_name};

use crate::bench::{Bench, SendStart, job, job_of, refused};

const RUN: Duration = Duration::from_millis(20);
const LONG: Duration = Duration::from_mins(1);
const SOON: Duration = Duration::from_secs(10);

async fn entries(bench: &Bench) -> u64 {
    bench.server.command(&["XLEN", "{resend}:stream"]).await
}

#[tokio::test]
async fn a_waiting_job_is_cancelled_for_good_and_its_approval_is_free() {
    let bench = Bench::new().await;
    let ticket = bench.accept(&job()).await;
    assert_eq!(bench.queue.cancel(&ticket.job).await.unwrap(), Cancelled::Done);
    let job = bench.queue.job(&ticket.job).await.unwrap().unwrap();
    let end = job.end.unwrap();
    assert_eq!((job.state, end.status_code), (JobState::Failed, 409));
    assert_eq!(
        end.result,
        r#"{"type":"request_conflict","reason":"cancelled","message":"The request was cancelled by an operator"}"#
    );
    assert_eq!(entries(&bench).await, 0);
    assert_eq!(bench.server.command::<u64>(&["HLEN", "{resend}:live"]).await, 0);
    assert_eq!(bench.queue.cancel(&ticket.job).await.unwrap(), Cancelled::Ended);
    assert_eq!(bench.queue.cancel(&JobId::generate()).await.unwrap(), Cancelled::Unknown);
}

#[tokio::test]
async fn a_job_in_a_workers_hands_is_cancelled_before_it_sends() {
    let bench = Bench::new().await;
    let ticket = bench.accept(&job()).await;
    let delivery = bench.deliver("w1").await;
    assert_eq!(bench.queue.cancel(&ticket.job).await.unwrap(), Cancelled::Done);
    assert_eq!(bench.begin_send(&delivery).await, SendStart::Lost);
    assert_eq!(bench.queue.retry_later(&delivery, RUN, RUN, "upstream_failed").await.unwrap(), PutBack::Lost);
    assert_eq!(bench.queue.finish(&delivery, &refused(), RUN).await.unwrap(), Finished::Before);
    assert_eq!(bench.queue.job(&ticket.job).await.unwrap().unwrap().end.unwrap().status_code, 409);
}

#[tokio::test]
async fn a_job_whose_send_has_begun_is_not_cancelled_not_even_while_it_is_put_back() {
    let bench = Bench::new().await;
    let ticket = bench.accept(&job()).await;
    let delivery = bench.deliver("w1").await;
    assert_eq!(bench.begin_send(&delivery).await, SendStart::Go);
    assert_eq!(bench.queue.cancel(&ticket.job).await.unwrap(), Cancelled::SendBegun);
    // Nobody knows what became of that send.
    bench.queue.retry_later(&delivery, LONG, RUN, "upstream_failed").await.unwrap();
    assert_eq!(bench.queue.cancel(&ticket.job).await.unwrap(), Cancelled::SendBegun);
    assert_eq!(bench.state(&delivery).await, JobState::Scheduled);
}

#[tokio::test]
async fn a_job_put_back_is_cancelled_and_leaves_the_schedule() {
    let bench = Bench::new().await;
    let (ticket, other) = (bench.accept(&job()).await, bench.accept(&job()).await);
    for _ in 0..2 {
        let delivery = bench.deliver("w1").await;
        bench.queue.retry_later(&delivery, LONG, RUN, "upstream_failed").await.unwrap();
    }
    assert_eq!(bench.queue.cancel(&ticket.job).await.unwrap(), Cancelled::Done);
    let left: Vec<String> = bench.server.command(&["ZRANGE", "{resend}:scheduled", "0", "-1"]).await;
    assert!(left.len() == 1 && left[0].contains(other.job.as_str()), "{left:?}");
}

#[tokio::test]
async fn only_a_job_that_was_put_back_is_made_ready_by_hand() {
    let bench = Bench::new().await;
    let ticket = bench.accept(&job()).await;
    assert_eq!(bench.queue.retry_now(&ticket.job).await.unwrap(), RetriedNow::Waiting);
    let delivery = bench.deliver("w1").await;
    bench.queue.retry_later(&delivery, LONG, RUN, "upstream_failed").await.unwrap();
    assert_eq!(bench.queue.retry_now(&ticket.job).await.unwrap(), RetriedNow::Ready);
    let again = bench.deliver("w1").await;
    assert_eq!(again.message, delivery.message);
    bench.queue.finish(&again, &refused(), RUN).await.unwrap();
    assert_eq!(bench.queue.retry_now(&ticket.job).await.unwrap(), RetriedNow::Ended);
    assert_eq!(bench.queue.retry_now(&JobId::generate()).await.unwrap(), RetriedNow::Unknown);
    assert_eq!(entries(&bench).await, 0);
}

async fn set_aside(bench: &Bench, message: &str) -> QuarantineId {
    let add =
        ["XADD", "{resend}:quarantine", "*", "reason", "unknown_version", "deliveries", "1", "m", message];
    let entry: String = bench.server.command(&add).await;
    entry.parse().unwrap()
}

#[tokio::test]
async fn an_entry_goes_back_only_while_somebody_waits_for_its_job() {
    let bench = Bench::new().await;
    let ticket = bench.accept(&job()).await;
    let delivery = bench.deliver("w1").await;
    let id = set_aside(&bench, &delivery.message.encode().unwrap()).await;
    assert_eq!(bench.queue.restore(&id).await.unwrap(), Restored::Waiting(ticket.job.clone()));
    let _: u64 = bench.server.command(&["XACK", "{resend}:stream", GROUP, &delivery.entry]).await;
    let _: u64 = bench.server.command(&["XDEL", "{resend}:stream", &delivery.entry]).await;
    assert_eq!(bench.queue.restore(&id).await.unwrap(), Restored::Back(ticket.job.clone()));
    assert_eq!(bench.queue.restore(&id).await.unwrap(), Restored::Unknown);

    let again = bench.deliver("w1").await;
    bench.queue.finish(&again, &refused(), RUN).await.unwrap();
    let id = set_aside(&bench, &delivery.message.encode().unwrap()).await;
    assert_eq!(bench.queue.restore(&id).await.unwrap(), Restored::Ended(ticket.job));
    assert_eq!(entries(&bench).await, 0);
    let garbage = set_aside(&bench, "{\"job\":1}").await;
    assert_eq!(bench.queue.restore(&garbage).await.unwrap(), Restored::Orphan);
}

#[tokio::test]
async fn a_purge_takes_what_it_was_shown_and_nothing_that_came_later() {
    let bench = Bench::new().await;
    for _ in 0..3 {
        set_aside(&bench, "garbage").await;
    }
    let shown = bench.queue.quarantined(100).await.unwrap();
    let later = set_aside(&bench, "garbage").await;
    let ids: Vec<_> = shown.into_iter().map(|entry| entry.id).collect();
    assert_eq!(bench.queue.purge(&ids).await.unwrap(), 3);
    let left: Vec<_> = bench.queue.quarantined(100).await.unwrap();
    assert_eq!(left.iter().map(|entry| &entry.id).collect::<Vec<_>>(), [&later]);
}

#[tokio::test]
async fn the_overview_counts_every_state_and_how_jobs_ended() {
    let bench = Bench::new().await;
    for _ in 0..6 {
        bench.accept(&job()).await;
    }
    let ended = bench.deliver("w1").await;
    bench.queue.finish(&ended, &refused(), RUN).await.unwrap();
    let put_back = bench.deliver("w1").await;
    bench.queue.retry_later(&put_back, LONG, RUN, "upstream_failed").await.unwrap();
    bench.deliver("w2").await;
    set_aside(&bench, "garbage").await;
    let seen = bench.queue.overview().await.unwrap();
    assert_eq!((seen.ready, seen.running, seen.scheduled), (3, 1, 1));
    assert_eq!((seen.quarantined, seen.live, seen.ended_total()), (1, 5, 1));
    assert_eq!(seen.ended.get(&404), Some(&1));
    assert!(seen.oldest.is_some() && seen.next_due.is_some_and(|due| due <= LONG));
    let w2 = seen.workers.iter().find(|worker| worker.name == "w2").unwrap();
    assert!(!w2.alive && w2.running == 1, "it holds a job and says nothing: {w2:?}");
}

#[tokio::test]
async fn jobs_are_found_by_where_they_stand_and_whose_they_are() {
    let bench = Bench::new().await;
    let failed = bench.accept(&job_of("mis-b", uuid::Uuid::new_v4())).await;
    let delivery = bench.deliver("w1").await;
    bench.queue.finish(&delivery, &refused(), RUN).await.unwrap();
    // More than Redis answers in one go of a small hash.
    for _ in 0..700 {
        bench.accept(&job()).await;
    }
    let running = bench.deliver("w1").await.message.job;
    let of = |progress: Progress| bench.queue.live_jobs(1_000, move |job| job.progress == progress);
    assert_eq!(of(Progress::Ready).await.unwrap().len(), 699);
    let found = of(Progress::Running).await.unwrap();
    assert_eq!((found.len(), &found[0].job), (1, &running));
    assert_eq!((found[0].worker.as_deref(), found[0].deliveries), (Some("w1"), Some(1)));
    assert_eq!(bench.queue.live_jobs(10, |_| true).await.unwrap().len(), 10);
    let found = bench.queue.failed_jobs(10, |job| job.client == "mis-b").await.unwrap();
    assert_eq!((found.len(), &found[0].job, found[0].status_code), (1, &failed.job, Some(404)));
}

#[tokio::test]
async fn a_paused_worker_takes_nothing_and_a_resumed_one_goes_on() {
    let bench = Bench::new().await;
    assert!(bench.queue.pause().await.unwrap() && !bench.queue.pause().await.unwrap());
    let ticket = bench.accept(&job()).await;
    let stop = CancellationToken::new();
    let worker = WorkerRunner { queue: bench.queue.clone(), name: unique_name(), concurrency: 8 };
    let handler = |_, _| async { shared::queue::JobDisposition::End(refused()) };
    let working = tokio::spawn(worker.run(handler, stop.clone()));
    eventually("the worker lives", SOON, || async {
        (bench.queue.overview().await.unwrap().live_workers() == 1).then_some(())
    })
    .await;
    let seen = bench.queue.overview().await.unwrap();
    assert!(seen.paused.is_some() && seen.ready == 1, "{seen:?}");

    assert!(bench.queue.resume().await.unwrap() && !bench.queue.resume().await.unwrap());
    eventually("the job ends", SOON, || async { bench.queue.job(&ticket.job).await.unwrap().unwrap().end })
        .await;
    // A worker at work learns of a pause, too.
    bench.queue.pause().await.unwrap();
    eventually("a job is left alone", SOON, || async {
        let seen = bench.queue.overview().await.unwrap();
        if seen.live == 0 {
            bench.accept(&job()).await;
        }
        seen.oldest.filter(|age| *age > Duration::from_millis(500))
    })
    .await;
    stop.cancel();
    working.await.unwrap().unwrap();
}
