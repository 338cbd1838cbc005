//! The scripts of the queue against a real Redis: what each step changes, and what the fence keeps from changing.

use std::time::Duration;

use shared::job::JobState;
use shared::outcome::{Outcome, Refusal};
use shared::queue::{Enqueued, Finished, GROUP, NewJob, PutBack, SendStart};
use uuid::Uuid;

use crate::bench::{Bench, job, job_of, refused};

const RUN: Duration = Duration::from_millis(20);

#[tokio::test]
async fn an_accepted_job_is_readable_and_waits_in_the_stream() {
    let bench = Bench::new().await;
    let new = job();
    let ticket = bench.accept(&new).await;
    let job = bench.queue.job(&ticket.job).await.unwrap().unwrap();
    assert_eq!(
        (job.state, job.end, job.eta_ms, job.client),
        (JobState::Queued, None, ticket.eta_ms, new.client)
    );
    assert_eq!(bench.server.command::<u64>(&["XLEN", "resend:{0}:stream"]).await, 1);
    let ttl: i64 = bench.server.command(&["TTL", &format!("resend:{{0}}:job:{}", ticket.job)]).await;
    assert!((86_400..=86_700).contains(&ttl), "{ttl}");
}

#[tokio::test]
async fn a_live_job_is_given_again_to_its_client_and_to_nobody_else() {
    let bench = Bench::new().await;
    let new = job();
    let first = bench.accept(&new).await;
    match bench.enqueue(&new).await {
        Enqueued::Live(again) => assert_eq!((again.job, again.eta_ms), (first.job, first.eta_ms)),
        other => panic!("{other:?}"),
    }
    let of_another = NewJob { client: "mis-b".parse().unwrap(), ..new };
    assert!(matches!(bench.enqueue(&of_another).await, Enqueued::Foreign { .. }));
    assert_eq!(bench.server.command::<u64>(&["XLEN", "resend:{0}:stream"]).await, 1);
}

#[tokio::test]
async fn who_asks_under_a_wrong_patient_neither_gets_nor_holds_up_the_right_job() {
    let bench = Bench::new().await;
    let approval = Uuid::new_v4();
    let wrong = bench.accept(&job_of("mis-b", approval)).await;
    let right = bench.accept(&job_of("mis-a", approval)).await;
    assert_ne!(wrong.job, right.job);
}

#[tokio::test]
async fn an_ended_job_frees_its_approval_and_keeps_its_result() {
    let bench = Bench::new().await;
    let approval = Uuid::new_v4();
    let ticket = bench.accept(&job_of("mis-a", approval)).await;
    let delivery = bench.deliver("w1").await;
    let finished = bench.queue.finish(&delivery, &refused(), RUN).await.unwrap();
    assert!(matches!(finished, Finished::Done { .. }), "{finished:?}");
    let job = bench.queue.job(&ticket.job).await.unwrap().unwrap();
    let end = job.end.unwrap();
    assert_eq!((job.state, end.status_code), (JobState::Failed, 404));
    assert_eq!(end.result, r#"{"type":"not_found","message":"Person not found"}"#);
    assert_eq!(bench.server.command::<u64>(&["XLEN", "resend:{0}:stream"]).await, 0);
    assert_eq!(bench.server.command::<u64>(&["HLEN", "resend:{0}:live"]).await, 0);
    assert_ne!(bench.accept(&job_of("mis-b", approval)).await.job, ticket.job);
}

#[tokio::test]
async fn a_worker_that_lost_its_delivery_changes_nothing() {
    let bench = Bench::new().await;
    bench.accept(&job()).await;
    let zombie = bench.deliver("w1").await;
    let owner = bench.take_over(&zombie, "w2").await;
    assert_eq!(bench.queue.finish(&zombie, &refused(), RUN).await.unwrap(), Finished::Lost);
    assert_eq!(bench.queue.begin_send(&zombie).await.unwrap(), SendStart::Lost);
    assert_eq!(bench.queue.retry_later(&zombie, RUN, false, RUN).await.unwrap(), PutBack::Lost);
    assert!(!bench.queue.hand_back(&zombie).await.unwrap());
    assert_eq!(bench.state(&owner).await, JobState::Queued);
    assert_eq!(bench.server.command::<u64>(&["XLEN", "resend:{0}:stream"]).await, 1);
    assert!(matches!(bench.queue.finish(&owner, &refused(), RUN).await.unwrap(), Finished::Done { .. }));
}

#[tokio::test]
async fn the_same_consumer_is_fenced_by_the_delivery_number_too() {
    let bench = Bench::new().await;
    bench.accept(&job()).await;
    let before = bench.deliver("w1").await;
    let now = bench.take_over(&before, "w1").await;
    assert_eq!(bench.queue.begin_send(&before).await.unwrap(), SendStart::Lost);
    assert_eq!(bench.queue.begin_send(&now).await.unwrap(), SendStart::Go);
}

#[tokio::test]
async fn an_ended_job_never_changes() {
    let bench = Bench::new().await;
    bench.accept(&job()).await;
    let delivery = bench.deliver("w1").await;
    bench.queue.finish(&delivery, &refused(), RUN).await.unwrap();
    let before = bench.queue.job(&delivery.message.job).await.unwrap();
    let again = Outcome::Refused(Refusal::UpstreamFailed);
    assert_eq!(bench.queue.finish(&delivery, &again, RUN).await.unwrap(), Finished::Before);
    assert_eq!(bench.queue.begin_send(&delivery).await.unwrap(), SendStart::Lost);
    assert_eq!(bench.queue.job(&delivery.message.job).await.unwrap(), before);
}

#[tokio::test]
async fn a_send_is_counted_once_per_delivery_and_twice_per_job() {
    let bench = Bench::new().await;
    bench.accept(&job()).await;
    let first = bench.deliver("w1").await;
    for _ in 0..3 {
        assert_eq!(
            bench.queue.begin_send(&first).await.unwrap(),
            SendStart::Go,
            "asked again after a lost answer"
        );
    }
    assert_eq!(bench.state(&first).await, JobState::Sending);
    let second = bench.take_over(&first, "w2").await;
    assert_eq!(bench.queue.begin_send(&second).await.unwrap(), SendStart::Go);
    let third = bench.take_over(&second, "w3").await;
    assert_eq!(bench.queue.begin_send(&third).await.unwrap(), SendStart::Exhausted);
    let sends = format!("resend:{{0}}:sends:{}", first.message.approval);
    assert_eq!(bench.server.command::<u64>(&["LLEN", &sends]).await, 2);
}

#[tokio::test]
async fn a_send_that_certainly_did_not_happen_is_not_counted() {
    let bench = Bench::new().await;
    bench.accept(&job()).await;
    for _ in 0..5 {
        let delivery = bench.deliver("w1").await;
        assert_eq!(bench.queue.begin_send(&delivery).await.unwrap(), SendStart::Go);
        let put_back = bench.queue.retry_later(&delivery, Duration::ZERO, true, RUN).await.unwrap();
        assert_eq!(put_back, PutBack::Scheduled);
        let promoted: Vec<String> =
            bench.server.command(&["ZRANGE", "resend:{0}:scheduled", "0", "-1"]).await;
        let _: u64 = bench.server.command(&["ZREM", "resend:{0}:scheduled", &promoted[0]]).await;
        let _: String = bench
            .server
            .command(&[
                "XADD",
                "resend:{0}:stream",
                "*",
                "m",
                &promoted[0],
                "at",
                &delivery.accepted_ms.to_string(),
            ])
            .await;
    }
    let last = bench.deliver("w1").await;
    let sends = format!("resend:{{0}}:sends:{}", last.message.approval);
    assert_eq!(bench.server.command::<u64>(&["LLEN", &sends]).await, 0);
}

#[tokio::test]
async fn no_send_begins_and_no_retry_waits_past_the_deadline() {
    let bench = Bench::with(&[("RESEND_JOB_DEADLINE_SECONDS", "1")]).await;
    bench.accept(&job()).await;
    let delivery = bench.deliver("w1").await;
    let late = bench.queue.retry_later(&delivery, Duration::from_millis(1_500), false, RUN).await.unwrap();
    assert_eq!(late, PutBack::Late);
    let record = format!("resend:{{0}}:job:{}", delivery.message.job);
    let _: i64 = bench.server.command(&["HSET", &record, "deadline", "1"]).await;
    assert_eq!(bench.queue.begin_send(&delivery).await.unwrap(), SendStart::Late);
}

#[tokio::test]
async fn a_delivery_handed_back_is_a_first_delivery_again() {
    let bench = Bench::new().await;
    let ticket = bench.accept(&job()).await;
    let delivery = bench.deliver("w1").await;
    assert!(bench.queue.hand_back(&delivery).await.unwrap());
    let again = bench.deliver("w2").await;
    assert_eq!((&again.message.job, again.accepted_ms), (&ticket.job, delivery.accepted_ms));
    let pending: Vec<(String, String, u64, u64)> =
        bench.server.command(&["XPENDING", "resend:{0}:stream", GROUP, "-", "+", "10"]).await;
    assert_eq!(pending.len(), 1);
    assert_eq!((pending[0].1.as_str(), pending[0].3), ("w2", 1));
}

#[tokio::test]
async fn the_cool_down_and_the_hourly_limit_count_sends() {
    let bench = Bench::with(&[("RESEND_LIMIT_PER_APPROVAL_HOUR", "2")]).await;
    let approval = Uuid::new_v4();
    let sends = format!("resend:{{0}}:sends:{approval}");
    bench.accept(&job_of("mis-a", approval)).await;
    let delivery = bench.deliver("w1").await;
    bench.queue.begin_send(&delivery).await.unwrap();
    bench.queue.finish(&delivery, &refused(), RUN).await.unwrap();

    let Enqueued::Limited { limit: "cooldown", next_attempt_ms, now_ms } =
        bench.enqueue(&job_of("mis-a", approval)).await
    else {
        panic!("let in during the cool-down")
    };
    assert!((59_000..=60_000).contains(&(next_attempt_ms - now_ms)));

    let _: i64 = bench.server.command(&["DEL", &sends]).await;
    let (oldest, newest) = (now_ms - 3_000_000, now_ms - 120_000);
    let _: i64 = bench.server.command(&["RPUSH", &sends, &oldest.to_string(), &newest.to_string()]).await;
    let Enqueued::Limited { limit: "approval_hour", next_attempt_ms, .. } =
        bench.enqueue(&job_of("mis-a", approval)).await
    else {
        panic!("let in past the hourly limit")
    };
    assert_eq!(next_attempt_ms, oldest + 3_600_000);
}

#[tokio::test]
async fn an_idempotency_key_replays_its_first_job_and_no_other_path() {
    let bench = Bench::new().await;
    let keyed = NewJob { idempotency: Some("key-1".parse().unwrap()), ..job() };
    let first = bench.accept(&keyed).await;
    let delivery = bench.deliver("w1").await;
    bench.queue.finish(&delivery, &refused(), RUN).await.unwrap();
    match bench.enqueue(&keyed).await {
        Enqueued::Replayed(again) => assert_eq!((again.job, again.eta_ms), (first.job, first.eta_ms)),
        other => panic!("{other:?}"),
    }
    let elsewhere = NewJob { idempotency: keyed.idempotency.clone(), ..job() };
    assert_eq!(bench.enqueue(&elsewhere).await, Enqueued::KeyReused);
    let of_another = NewJob { client: "mis-b".parse().unwrap(), ..elsewhere };
    assert!(matches!(bench.enqueue(&of_another).await, Enqueued::Accepted(_)));
}

#[tokio::test]
async fn a_backlog_longer_than_the_deadline_is_refused_once_a_rate_is_known() {
    let bench = Bench::with(&[("RESEND_JOB_DEADLINE_SECONDS", "10")]).await;
    for _ in 0..5 {
        bench.accept(&job()).await;
    }
    // One slot and runs of 3 s: the sixth job would wait 15 s.
    let _: i64 = bench.server.command(&["HSET", "resend:{0}:eta", "run", "3000", "slots", "1"]).await;
    let Enqueued::Overloaded { retry_after_ms } = bench.enqueue(&job()).await else { panic!("accepted") };
    assert_eq!(retry_after_ms, 5_000);
    let _: i64 = bench.server.command(&["HSET", "resend:{0}:eta", "slots", "2"]).await;
    let ticket = bench.accept(&job()).await;
    assert_eq!(ticket.eta_ms - ticket.now_ms, 4 * 3_000 / 2 + 3_000);
}

#[tokio::test]
async fn scripts_flushed_away_are_loaded_again() {
    let bench = Bench::new().await;
    bench.accept(&job()).await;
    let _: String = bench.server.command(&["SCRIPT", "FLUSH"]).await;
    bench.accept(&job()).await;
}

#[tokio::test]
async fn the_audit_puts_back_what_has_no_entry_and_frees_what_has_no_record() {
    let bench = Bench::with(&[("RESEND_LEASE_SECONDS", "2")]).await;
    let lost = bench.accept(&job()).await;
    let gone = bench.accept(&job()).await;
    let late = bench.accept(&job()).await;
    let scheduled = bench.accept(&job()).await;
    let record = |id: &str| format!("resend:{{0}}:job:{id}");
    // The first three lose their entries, the second its record too, and the third is past its deadline.
    for _ in 0..3 {
        let delivery = bench.deliver("gone").await;
        let _: u64 = bench.server.command(&["XACK", "resend:{0}:stream", GROUP, &delivery.entry]).await;
        let _: u64 = bench.server.command(&["XDEL", "resend:{0}:stream", &delivery.entry]).await;
    }
    let _: u64 = bench.server.command(&["DEL", &record(gone.job.as_str())]).await;
    let _: i64 = bench.server.command(&["HSET", &record(late.job.as_str()), "deadline", "1"]).await;
    let delivery = bench.deliver("gone").await;
    assert_eq!(
        bench.queue.retry_later(&delivery, Duration::from_secs(200), false, RUN).await.unwrap(),
        PutBack::Scheduled
    );

    let ended = bench.work_until(|| async {
        let lost = bench.queue.job(&lost.job).await.unwrap().unwrap();
        let late = bench.queue.job(&late.job).await.unwrap().unwrap();
        let live: u64 = bench.server.command(&["HLEN", "resend:{0}:live"]).await;
        (live == 1 && lost.end.is_some()).then(|| (lost.end.unwrap(), late.end.unwrap()))
    });
    let (lost, late) = ended.await;
    assert_eq!((lost.status_code, late.status_code), (404, 500));
    // What is merely scheduled is left alone, and so is its place.
    let job = bench.queue.job(&scheduled.job).await.unwrap().unwrap();
    assert_eq!((job.state, job.end), (JobState::Scheduled, None));
}

#[tokio::test]
async fn an_entry_without_a_record_is_dropped_before_anything_is_sent() {
    let bench = Bench::new().await;
    let ticket = bench.accept(&job()).await;
    let delivery = bench.deliver("w1").await;
    let _: u64 = bench.server.command(&["DEL", &format!("resend:{{0}}:job:{}", ticket.job)]).await;
    assert_eq!(bench.queue.begin_send(&delivery).await.unwrap(), SendStart::Lost);
    assert_eq!(bench.server.command::<u64>(&["XLEN", "resend:{0}:stream"]).await, 0);
}
