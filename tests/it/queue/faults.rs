//! The queue with lost replies, with full memory, with different leases, and with records damaged from outside.

use std::sync::Arc;
use std::time::Duration;

use shared::domain::clock::{self, millis};
use shared::queue::{Backend, GROUP, Intake, JobDisposition, PutBack, Queue};
use shared::redis::Redis;
use shared::settings::{QueueConfig, RedisConfig, Settings};
use tests::eventually::eventually;
use tests::keys::{job_record, keys};
use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;
use worker::runner::{WorkerRunner, unique_name};

use crate::test_queue::{RUN, TestQueue, job, refused};

/// Makes an entry look as if its owner had been silent for this long.
async fn silent_for(fixture: &TestQueue, entry: &str, consumer: &str, time: Duration) {
    let idle = millis(time).to_string();
    let claim = ["XCLAIM", &keys().stream(), GROUP, consumer, "0", entry, "IDLE", &idle, "JUSTID"];
    let _: Vec<String> = fixture.server.command(&claim).await;
}

#[tokio::test]
async fn an_entry_whose_reply_was_lost_is_run_as_the_delivery_it_is() {
    let fixture = TestQueue::new().await;
    let ticket = fixture.accept(&job()).await;
    let name = unique_name();
    // As after a read whose reply was lost: the worker holds the entry without knowing it.
    fixture.deliver(&name).await;
    let (stop, (ran, mut runs)) = (CancellationToken::new(), mpsc::unbounded_channel());
    let worker = WorkerRunner { queue: fixture.queue.clone(), name, concurrency: 4 };
    let run = move |held: shared::queue::LeasedJob, _: worker::runner::RunState| {
        let _ = ran.send(held.delivery().number);
        async { JobDisposition::End(refused()) }
    };
    let working = tokio::spawn(worker.run(run, stop.clone()));
    eventually("the job ends", Duration::from_secs(5), || async { fixture.job(&ticket.job).await.end }).await;
    stop.cancel();
    working.await.unwrap().unwrap();
    assert_eq!((runs.recv().await, runs.recv().await), (Some(1), None));
}

#[tokio::test]
async fn a_run_that_crashes_each_time_is_set_aside_after_three() {
    let fixture = TestQueue::with(&[("RESEND_LEASE_SECONDS", "2")]).await;
    let ticket = fixture.accept(&job()).await;
    let (stop, (ran, mut runs)) = (CancellationToken::new(), mpsc::unbounded_channel());
    let worker = WorkerRunner { queue: fixture.queue.clone(), name: unique_name(), concurrency: 4 };
    let run = move |held: shared::queue::LeasedJob, _: worker::runner::RunState| {
        let _ = ran.send(held.delivery().number);
        async { panic!("each time") }
    };
    let working = tokio::spawn(worker.run(run, stop.clone()));
    let end =
        eventually("the job ends", Duration::from_secs(20), || async { fixture.job(&ticket.job).await.end })
            .await;
    stop.cancel();
    working.await.unwrap().unwrap();
    assert_eq!(end.status_code, 500);
    let mut numbers = Vec::new();
    while let Some(number) = runs.recv().await {
        numbers.push(number);
    }
    assert_eq!(numbers, [1, 2, 3]);
}

#[tokio::test]
async fn a_run_after_a_crash_counts_also_where_the_reply_of_its_take_over_is_lost() {
    let fixture = TestQueue::with(&[("RESEND_LEASE_SECONDS", "2")]).await;
    fixture.accept(&job()).await;
    let (stop, (ran, mut runs)) = (CancellationToken::new(), mpsc::unbounded_channel());
    let worker = WorkerRunner { queue: fixture.queue.clone(), name: unique_name(), concurrency: 4 };
    let name = worker.name.clone();
    // The longest lease counts, so nobody takes the entry over on its own.
    let ahead = (clock::now_ms() + 60_000).to_string();
    let _: u64 = fixture.server.command(&["ZADD", &keys().workers(), &ahead, "other|4|30000"]).await;
    let run = move |held: shared::queue::LeasedJob, _: worker::runner::RunState| {
        let number = held.delivery().number;
        let _ = ran.send(number);
        async move {
            assert!(number > 1, "a crash");
            JobDisposition::End(refused())
        }
    };
    let working = tokio::spawn(worker.run(run, stop.clone()));
    let entry = eventually("the run has crashed", Duration::from_secs(10), || async {
        fixture.pending().await.pop().filter(|entry| entry.1 == "crashed").map(|entry| entry.0)
    })
    .await;
    let claim = ["XCLAIM", &keys().stream(), GROUP, &name, "0", &entry, "RETRYCOUNT", "1", "JUSTID"];
    let _: Vec<String> = fixture.server.command(&claim).await;
    let left = || async { fixture.entries().await };
    eventually("the job ends", Duration::from_secs(10), || async { (left().await == 0).then_some(()) }).await;
    stop.cancel();
    working.await.unwrap().unwrap();
    assert_eq!((runs.recv().await, runs.recv().await), (Some(1), Some(2)));
}

#[tokio::test]
async fn a_worker_that_starts_after_redis_clock_was_set_takes_nothing_from_the_living() {
    let fixture = TestQueue::with(&[("RESEND_LEASE_SECONDS", "8")]).await;
    eventually("redis is no fresh one", Duration::from_secs(10), || async {
        let info: String = fixture.server.command(&["INFO", "server"]).await;
        let uptime = info.lines().find_map(|line| line.strip_prefix("uptime_in_seconds:")?.parse().ok());
        uptime.filter(|seconds: &u64| *seconds > 4)
    })
    .await;
    fixture.accept(&job()).await;
    let held = fixture.deliver("old").await;
    // As after a step of a minute: every announcement of live workers is a minute old.
    silent_for(&fixture, &held.entry, "old", Duration::from_mins(1)).await;
    let says = async |at: u64| {
        let _: u64 =
            fixture.server.command(&["ZADD", &keys().workers(), &at.to_string(), "old|4|8000"]).await;
    };
    says(clock::now_ms() - 60_000).await;
    for _ in 0..2 {
        let _: u64 = fixture.server.command(&["DEL", &keys().audit_lock()]).await;
        fixture.work_until(|| swept(&fixture)).await;
        assert_eq!(owner_of_the_first(&fixture).await, "old");
        // Live workers are heard again; a worker that starts only now still knows of the step.
        says(clock::now_ms()).await;
    }
    let left = || async { fixture.entries().await };
    fixture.work_until(|| async { (left().await == 0).then_some(()) }).await;
}

/// Some once a worker has swept since the lock of the audit, which comes after a sweep, was last removed.
async fn swept(fixture: &TestQueue) -> Option<()> {
    let locks: u64 = fixture.server.command(&["EXISTS", &keys().audit_lock()]).await;
    (locks == 1).then_some(())
}

/// The owner of the first pending entry.
async fn owner_of_the_first(fixture: &TestQueue) -> String {
    fixture.pending().await[0].1.clone()
}

#[tokio::test]
async fn with_memory_full_a_worker_takes_jobs_and_takes_over_and_says_so() {
    let fixture = TestQueue::with(&[("RESEND_LEASE_SECONDS", "2")]).await;
    let ticket = fixture.accept(&job()).await;
    let silent = fixture.deliver("silent").await;
    silent_for(&fixture, &silent.entry, "silent", Duration::from_secs(2)).await;
    let _: String = fixture.server.command(&["CONFIG", "SET", "maxmemory", "1"]).await;
    assert!(fixture.queue.producer().enqueue(&job(), fixture.limits()).await.is_err(), "memory is full");
    fixture
        .work_until(|| async {
            let workers: u64 = fixture.server.command(&["ZCARD", &keys().workers()]).await;
            let ended = fixture.job(&ticket.job).await.end;
            ended.filter(|_| workers > 0)
        })
        .await;
}

#[tokio::test]
async fn a_worker_tells_whether_it_takes_jobs_and_why_not() {
    let mut fixture = TestQueue::new().await;
    let stop = CancellationToken::new();
    let backend = Backend::start(fixture.queue.deliveries().clone(), &unique_name(), 4, &stop);
    let consumer = backend.consumer();
    let becomes = async |what: &str, is: fn(Intake) -> bool| {
        eventually(what, Duration::from_secs(10), || async { is(consumer.intake()).then_some(()) }).await;
    };
    becomes("it takes jobs", |intake| intake == Intake::Taking).await;
    assert!(fixture.queue.operator().pause().await.unwrap());
    becomes("it is paused", |intake| intake == Intake::Paused).await;
    assert!(fixture.queue.operator().resume().await.unwrap());
    becomes("it takes jobs again", |intake| intake == Intake::Taking).await;
    fixture.server.kill().await;
    becomes("it says why not", |intake| matches!(intake, Intake::Refused(_))).await;
    stop.cancel();
}

#[tokio::test]
async fn nothing_is_taken_over_before_the_longest_lease_of_a_live_worker() {
    let fixture = TestQueue::with(&[("RESEND_LEASE_SECONDS", "2")]).await;
    fixture.accept(&job()).await;
    let held = fixture.deliver("old").await;
    let ahead = (clock::now_ms() + 60_000).to_string();
    let _: u64 = fixture.server.command(&["ZADD", &keys().workers(), &ahead, "old|4|30000"]).await;
    silent_for(&fixture, &held.entry, "old", Duration::from_secs(10)).await;
    fixture.work_until(|| swept(&fixture)).await;
    assert_eq!(owner_of_the_first(&fixture).await, "old");
    let _: u64 = fixture.server.command(&["ZREM", &keys().workers(), "old|4|30000"]).await;
    fixture
        .work_until(|| async {
            let left = fixture.entries().await;
            (left == 0).then_some(())
        })
        .await;
}

#[tokio::test]
async fn a_worker_that_is_stopping_keeps_what_it_works_on_from_workers_with_a_shorter_lease() {
    let fixture = TestQueue::new().await;
    fixture.accept(&job()).await;
    let (name, (stop, free)) = (unique_name(), (CancellationToken::new(), Arc::new(Notify::new())));
    let (begun, freed) = (Arc::new(Notify::new()), free.clone());
    let begins = begun.clone();
    let run = move |_: shared::queue::LeasedJob, _: worker::runner::RunState| {
        let (begins, freed) = (begins.clone(), freed.clone());
        async move {
            begins.notify_one();
            freed.notified().await;
            JobDisposition::End(refused())
        }
    };
    let old = WorkerRunner { queue: fixture.queue.clone(), name: name.clone(), concurrency: 4 };
    let working = tokio::spawn(old.run(run, stop.clone()));
    begun.notified().await;
    let pending = fixture.pending().await;
    // Its last heartbeat was a while ago, as between two of a lease of 30 s.
    silent_for(&fixture, &pending[0].0, &name, Duration::from_secs(9)).await;
    stop.cancel();

    let pairs = [("RESEND_REDIS_URL", fixture.server.url()), ("RESEND_LEASE_SECONDS", "2".into())];
    let settings = Settings::from_pairs(pairs).unwrap();
    let redis = Redis::new(&RedisConfig::from_settings(&settings).unwrap()).unwrap();
    let queue = Queue::new(redis, QueueConfig::from_settings(&settings).unwrap());
    let (stop_new, new) =
        (CancellationToken::new(), WorkerRunner { queue, name: unique_name(), concurrency: 4 });
    let new = tokio::spawn(new.run(|_, _| async { JobDisposition::End(refused()) }, stop_new.clone()));
    for _ in 0..2 {
        let _: u64 = fixture.server.command(&["DEL", &keys().audit_lock()]).await;
        eventually("the new worker has swept", Duration::from_secs(10), || swept(&fixture)).await;
    }
    assert_eq!(owner_of_the_first(&fixture).await, name);
    free.notify_one();
    working.await.unwrap().unwrap();
    stop_new.cancel();
    new.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_job_whose_record_has_no_deadline_is_not_put_back() {
    let fixture = TestQueue::new().await;
    let ticket = fixture.accept(&job()).await;
    let delivery = fixture.deliver("w1").await;
    let record = job_record(&ticket.job);
    let _: u64 = fixture.server.command(&["HDEL", &record, "deadline"]).await;
    assert_eq!(fixture.put_back(&delivery, RUN).await, PutBack::Late);
}

#[tokio::test]
async fn the_quarantine_keeps_the_newest_entries_and_counts_those_it_drops() {
    let fixture = TestQueue::new().await;
    let fill = "for i = 1, 10000 do redis.call('XADD', KEYS[1], '*', 'reason', 'malformed') end";
    let _: Option<u64> = fixture.server.command(&["EVAL", fill, "1", &keys().quarantine()]).await;
    let _: String = fixture.server.command(&["XADD", &keys().stream(), "*", "m", "not a message"]).await;
    fixture
        .work_until(|| async {
            let seen = fixture.queue.operator().overview().await.unwrap();
            (seen.quarantine_dropped == 1).then_some(())
        })
        .await;
    assert_eq!(fixture.queue.operator().overview().await.unwrap().quarantined, 10_000);
}

#[tokio::test]
async fn an_end_is_shown_only_once_replicas_confirm_it() {
    let fixture = TestQueue::new().await;
    let ticket = fixture.accept(&job()).await;
    let pairs = [("RESEND_REDIS_URL", fixture.server.url()), ("RESEND_REDIS_MIN_REPLICAS", "1".into())];
    let settings = Settings::from_pairs(pairs).unwrap();
    let redis = Redis::new(&RedisConfig::from_settings(&settings).unwrap()).unwrap();
    let confirming = Queue::new(redis, fixture.queue.config().clone());
    assert!(confirming.job_store().job(&ticket.job).await.unwrap().unwrap().end.is_none());
    let delivery = fixture.deliver("w1").await;
    fixture.end(&delivery).await;
    assert!(confirming.job_store().job(&ticket.job).await.is_err(), "no replica has it");
}
