//! What predictions of a job's end use, and that the predicted end of a pending job is in the future.

use std::time::Duration;

use shared::domain::clock;
use shared::queue::{Enqueued, JobDisposition, NewJob, PutBack};
use tests::eventually::eventually;
use tests::keys::{job_record, keys};
use tests::sandbox::scenarios::scenarios;
use tests::stack::StackBuilder;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use worker::runner::{WorkerRunner, unique_name};

use super::test_queue::{TestQueue, job, refused};

impl TestQueue {
    /// Accepts and ends one job whose run took this long, or is not to be counted.
    async fn ends_after(&self, run_ms: Option<u64>) {
        self.accept(&job()).await;
        let delivery = self.deliver("w1").await;
        self.queue
            .deliveries()
            .finish(&delivery, &refused(), run_ms.map(Duration::from_millis))
            .await
            .unwrap();
    }

    async fn mean_run(&self) -> Option<f64> {
        self.server.command(&["HGET", &keys().eta(), "run"]).await
    }

    async fn knows(&self, run_ms: u64, slots: u64) {
        let (run, slots) = (run_ms.to_string(), slots.to_string());
        let _: i64 = self.server.command(&["HSET", &keys().eta(), "run", &run, "slots", &slots]).await;
    }

    /// Says that a worker spoke last so long ago.
    async fn last_heard(&self, member: &str, ago_ms: u64) {
        let at = (clock::now_ms() - ago_ms).to_string();
        let _: i64 = self.server.command(&["ZADD", &keys().workers(), &at, member]).await;
    }

    /// Makes a worker of 8 slots announce itself until the fleet is known to have this many.
    async fn slots_become(&self, slots: u64) {
        self.work_until(|| async {
            let known: Option<u64> = self.server.command(&["HGET", &keys().eta(), "slots"]).await;
            (known == Some(slots)).then_some(())
        })
        .await;
    }
}

#[tokio::test]
async fn the_first_runs_count_alike_and_one_slow_run_among_many_little() {
    let fixture = TestQueue::new().await;
    fixture.ends_after(Some(100)).await;
    fixture.ends_after(Some(300)).await;
    let first_two = fixture.mean_run().await.unwrap();
    assert!((200.0..205.0).contains(&first_two), "{first_two}");
    for _ in 0..200 {
        fixture.ends_after(Some(100)).await;
    }
    fixture.ends_after(Some(10_000)).await;
    let mean = fixture.mean_run().await.unwrap();
    assert!((110.0..200.0).contains(&mean), "{mean}");
}

#[tokio::test]
async fn a_change_of_the_runs_is_followed_even_when_they_are_few() {
    let fixture = TestQueue::new().await;
    for _ in 0..200 {
        fixture.ends_after(Some(100)).await;
    }
    for _ in 0..100 {
        // As if the previous one had ended a minute ago.
        let _: i64 = fixture.server.command(&["HSET", &keys().eta(), "at", "1"]).await;
        fixture.ends_after(Some(1_000)).await;
    }
    let mean = fixture.mean_run().await.unwrap();
    assert!(mean > 750.0, "{mean}");
}

#[tokio::test]
async fn a_run_that_is_not_to_be_counted_changes_no_prediction() {
    let fixture = TestQueue::new().await;
    fixture.ends_after(None).await;
    assert_eq!(fixture.mean_run().await, None);
    fixture.ends_after(Some(100)).await;
    fixture.ends_after(None).await;
    assert_eq!(fixture.mean_run().await, Some(100.0));
}

#[tokio::test]
async fn a_run_that_redis_was_away_from_is_not_counted() {
    let mut fixture = TestQueue::new().await;
    let ticket = fixture.accept(&job()).await;
    let queue = fixture.queue.clone();
    let (begun, mut runs) = mpsc::unbounded_channel();
    let (go_on, back) = watch::channel(false);
    let handler = move |_, _| {
        let (begun, mut back) = (begun.clone(), back.clone());
        async move {
            let _ = begun.send(());
            let _ = back.wait_for(|back| *back).await;
            JobDisposition::End(refused())
        }
    };
    let stop = CancellationToken::new();
    let consuming = WorkerRunner { queue, name: unique_name(), concurrency: 8 };
    let working = tokio::spawn(consuming.run(handler, stop.clone()));
    runs.recv().await.unwrap();
    fixture.server.kill().await;
    fixture.server.restart().await;
    // The worker asks over the same link, so it knows, too; and if it asked in between, nobody asks again at once.
    eventually("the link is made anew", Duration::from_secs(20), || async {
        fixture.queue.redis().ping().await.ok()
    })
    .await;
    go_on.send(true).unwrap();
    eventually("the job ends", Duration::from_secs(20), || async {
        fixture.queue.job_store().job(&ticket.job).await.ok()??.end
    })
    .await;
    assert_eq!(fixture.mean_run().await, None);
    stop.cancel();
    working.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_job_put_back_is_promised_for_after_its_next_try() {
    let fixture = TestQueue::new().await;
    let ticket = fixture.accept(&job()).await;
    let delivery = fixture.deliver("w1").await;
    for _ in 0..10 {
        fixture.accept(&job()).await;
    }
    fixture.knows(2_000, 1).await;
    assert_eq!(fixture.put_back(&delivery, Duration::from_secs(20)).await, PutBack::Scheduled);
    // Due in 20 s, behind the ten that wait, each 2 s, and its own run.
    let promised = fixture.job(&ticket.job).await.eta_ms;
    let ahead = promised.saturating_sub(clock::now_ms());
    assert!((40_000..=42_000).contains(&ahead), "{ahead} ms");
    fixture.queue.operator().retry_now(&ticket.job).await.unwrap();
    let promised = fixture.job(&ticket.job).await.eta_ms;
    let ahead = promised.saturating_sub(clock::now_ms());
    assert!((20_000..=22_000).contains(&ahead), "{ahead} ms");
}

#[tokio::test]
async fn load_that_cannot_be_sent_in_time_is_refused() {
    let schedule = "for i = 1, ARGV[1] do redis.call('ZADD', KEYS[1], ARGV[2], i) end";
    let later = (clock::now_ms() + 200_000).to_string();
    let closed = (clock::now_ms() - 151_000).to_string();
    // The deadline is 300 s. Put back jobs count, a rate of the channels bounds what a fleet does, of which four fifths are
    // counted on, and channels that have been closed for half a deadline are taken to stay so for the other half.
    for (put_back, known) in [
        ("400", &["run", "1000", "slots", "1"][..]),
        ("4000", &["run", "1", "slots", "64", "rate", "10"]),
        ("2500", &["rate", "10"]),
        ("1", &["run", "1", "slots", "64", "closed", &closed]),
    ] {
        let fixture = TestQueue::new().await;
        let _: Option<u64> =
            fixture.server.command(&["EVAL", schedule, "1", &keys().scheduled(), put_back, &later]).await;
        let _: u64 = fixture.server.command(&[&["HSET", &keys().eta()][..], known].concat()).await;
        let refused = fixture.enqueue(&job()).await;
        assert!(matches!(refused, Enqueued::Overloaded { .. }), "{known:?}: {refused:?}");
    }
}

#[tokio::test]
async fn channels_that_are_closed_are_tried_by_the_next_job_where_none_is_left() {
    let fixture = TestQueue::new().await;
    let hour_ago = (clock::now_ms() - 3_600_000).to_string();
    let _: u64 = fixture
        .server
        .command(&["HSET", &keys().eta(), "run", "1", "slots", "64", "closed", &hour_ago])
        .await;
    fixture.accept(&job()).await;
    let refused = fixture.enqueue(&job()).await;
    assert!(matches!(refused, Enqueued::Overloaded { .. }), "{refused:?}");
}

#[tokio::test]
async fn a_worker_announces_what_its_channels_can_take() {
    let fixture = TestQueue::new().await;
    fixture.queue.send_capacity().set_rate(Some(10.0));
    fixture.queue.send_capacity().set_closed(true);
    fixture
        .work_until(|| async {
            let known: (Option<f64>, Option<u64>) =
                fixture.server.command(&["HMGET", &keys().eta(), "rate", "closed"]).await;
            (known.0 == Some(10.0) && known.1.is_some()).then_some(())
        })
        .await;
    fixture.queue.send_capacity().set_rate(None);
    fixture.queue.send_capacity().set_closed(false);
    fixture
        .work_until(|| async {
            let known: (Option<f64>, Option<u64>) =
                fixture.server.command(&["HMGET", &keys().eta(), "rate", "closed"]).await;
            (known == (None, None)).then_some(())
        })
        .await;
}

#[tokio::test]
async fn workers_that_redis_was_away_from_are_given_time_to_be_heard() {
    let fixture = TestQueue::new().await;
    fixture.last_heard("a|24|30000", 60_000).await;
    fixture.last_heard("b|32|30000", 61_000).await;
    fixture.slots_become(8 + 24 + 32).await;
    // They are forgotten if they are not.
    fixture.slots_become(8).await;
}

#[tokio::test]
async fn a_worker_that_fell_silent_alone_is_forgotten_at_once() {
    let fixture = TestQueue::new().await;
    fixture.last_heard("a|24|30000", 60_000).await;
    fixture.last_heard("b|32|30000", 0).await;
    fixture.slots_become(8 + 32).await;
}

#[tokio::test]
async fn while_no_worker_is_left_the_last_fleet_stands_for_the_next() {
    let fixture = TestQueue::new().await;
    fixture.slots_become(8).await;
    let left: u64 = fixture.server.command(&["ZCARD", &keys().workers()]).await;
    let slots: Option<u64> = fixture.server.command(&["HGET", &keys().eta(), "slots"]).await;
    assert_eq!((left, slots), (0, Some(8)));
}

#[tokio::test]
async fn what_is_said_of_a_late_job_lies_ahead() {
    let stack = StackBuilder::new().workers(0).start().await;
    let (client, plain) = (stack.client(), scenarios().swap_remove(0));
    let accepted = client.resend(plain.patient_id, plain.approval_id).await;
    let record = job_record(&accepted.location().rsplit('/').next().unwrap());
    let late = clock::now_ms() - 10_000;
    let _: i64 = stack.redis.command(&["HSET", &record, "eta", &late.to_string()]).await;
    // Ten seconds late: taken to come true sixteen after it was said for.
    let expected = clock::iso(late + 16_000);
    let polled = client.get(&accepted.location()).await;
    let (data, meta) = (&polled.body["data"], &polled.body["meta"]);
    let links = &accepted.body["data"]["links"];
    assert_eq!(*data, serde_json::json!({"status": "pending", "eta": expected, "links": links}), "{meta}");
    assert!(["5", "6"].contains(&polled.header("retry-after").unwrap()), "{polled:?}");
    let again = client.resend(plain.patient_id, plain.approval_id).await;
    assert_eq!((again.status.as_u16(), &again.body["data"]), (202, data));
}

#[tokio::test]
async fn another_clients_next_attempt_lies_ahead_too() {
    let fixture = TestQueue::new().await;
    let first = job();
    let ticket = fixture.accept(&first).await;
    let record = job_record(&ticket.job);
    let _: i64 =
        fixture.server.command(&["HSET", &record, "eta", &(ticket.now_ms - 1_000).to_string()]).await;
    let foreign = NewJob { client: "mis-b".parse().unwrap(), ..first };
    let Enqueued::Foreign { next_attempt_ms, now_ms } = fixture.enqueue(&foreign).await else {
        panic!("another client's job was given")
    };
    assert!(next_attempt_ms > now_ms);
}
