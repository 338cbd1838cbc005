//! *Enqueue* against a real Redis: which client gets which job, under which limits, and how a repeated request is
//! treated.

use shared::domain::ids::ApprovalId;
use shared::domain::job::JobState;
use shared::domain::outcome::Reason;
use shared::queue::{Enqueued, NewJob};
use shared::settings::ApprovalLimits;
use tests::keys::{job_record, keys};
use uuid::Uuid;

use crate::test_queue::{SendStart, TestQueue, job, job_of};

#[tokio::test]
async fn an_accepted_job_is_readable_and_waits_in_the_stream() {
    let fixture = TestQueue::new().await;
    let new = job();
    let ticket = fixture.accept(&new).await;
    let job = fixture.job(&ticket.job).await;
    assert_eq!(
        (job.state, job.end, job.eta_ms, job.client),
        (JobState::Queued, None, ticket.eta_ms, new.client)
    );
    assert_eq!(fixture.entries().await, 1);
    let ttl: i64 = fixture.server.command(&["TTL", &job_record(&ticket.job)]).await;
    assert!((86_400..=86_700).contains(&ttl), "{ttl}");
}

#[tokio::test]
async fn a_live_job_is_given_again_to_its_client_and_to_nobody_else() {
    let fixture = TestQueue::new().await;
    let new = job();
    let first = fixture.accept(&new).await;
    match fixture.enqueue(&new).await {
        Enqueued::Live(again) => assert_eq!((again.job, again.eta_ms), (first.job, first.eta_ms)),
        other => panic!("{other:?}"),
    }
    let of_another = NewJob { client: "mis-b".parse().unwrap(), ..new };
    assert!(matches!(fixture.enqueue(&of_another).await, Enqueued::Foreign { .. }));
    assert_eq!(fixture.entries().await, 1);
}

#[tokio::test]
async fn who_asks_under_a_wrong_patient_neither_gets_nor_holds_up_the_right_job() {
    let fixture = TestQueue::new().await;
    let approval = Uuid::new_v4();
    let wrong = fixture.accept(&job_of("mis-b", approval)).await;
    let right = fixture.accept(&job_of("mis-a", approval)).await;
    assert_ne!(wrong.job, right.job);
}

#[tokio::test]
async fn the_cool_down_and_the_hourly_limit_count_sends() {
    let fixture = TestQueue::with(&[("RESEND_LIMIT_PER_APPROVAL_HOUR", "2")]).await;
    let approval = Uuid::new_v4();
    let new = job_of("mis-a", approval);
    let sends = keys().patient(&new.patient);
    fixture.accept(&new).await;
    let delivery = fixture.deliver("w1").await;
    assert_eq!(fixture.begin_send(&delivery).await, SendStart::Go);
    fixture.end(&delivery).await;

    let Enqueued::Limited { limit: Reason::Cooldown, next_attempt_ms, now_ms, .. } =
        fixture.enqueue(&new).await
    else {
        panic!("let in during the cool-down")
    };
    assert!((59_000..=60_000).contains(&(next_attempt_ms - now_ms)));

    let (oldest, newest) = (now_ms - 3_000_000, now_ms - 120_000);
    let text = format!("{oldest} {approval}\n{newest} {approval}\n{now_ms} {}", Uuid::new_v4());
    let _: String = fixture.server.command(&["SET", &sends, &text]).await;
    let Enqueued::Limited { limit: Reason::ApprovalHour, next_attempt_ms, .. } = fixture.enqueue(&new).await
    else {
        panic!("let in past the hourly limit")
    };
    assert_eq!(next_attempt_ms, oldest + 3_600_000);
}

/// Even if the patient's last message was for another approval.
#[tokio::test]
async fn a_cool_down_names_the_job_that_began_it_to_its_own_client_alone() {
    let fixture = TestQueue::new().await;
    let new = job();
    let other =
        NewJob { approval: ApprovalId(Uuid::new_v4()), client: "mis-b".parse().unwrap(), ..new.clone() };
    let mut began = Vec::new();
    for asked in [&new, &other] {
        began.push(fixture.accept(asked).await.job);
        let delivery = fixture.deliver("w1").await;
        assert_eq!(fixture.begin_send(&delivery).await, SendStart::Go);
        fixture.end(&delivery).await;
    }
    let named = async |asked: &NewJob| match fixture.enqueue(asked).await {
        Enqueued::Limited { limit: Reason::Cooldown, last_job, .. } => last_job,
        other => panic!("{other:?}"),
    };
    assert_eq!(named(&new).await, Some(began[0].clone()));
    assert_eq!(named(&other).await, Some(began[1].clone()));
    assert_eq!(named(&NewJob { client: "mis-b".parse().unwrap(), ..new.clone() }).await, None);
    let _: u64 = fixture.server.command(&["DEL", &job_record(&began[0])]).await;
    assert_eq!(named(&new).await, None, "the job can be read no more");
}

#[tokio::test]
async fn an_idempotency_key_replays_its_first_job_and_no_other_path() {
    let fixture = TestQueue::new().await;
    let keyed = NewJob { idempotency: Some("key-1".parse().unwrap()), ..job() };
    let first = fixture.accept(&keyed).await;
    let delivery = fixture.deliver("w1").await;
    // A failed try changed the prediction; the first answer is still repeated.
    let record = job_record(&first.job);
    let _: u64 = fixture.server.command(&["HSET", &record, "eta", "1"]).await;
    fixture.end(&delivery).await;
    match fixture.enqueue(&keyed).await {
        Enqueued::Replayed(again) => assert_eq!((again.job, again.eta_ms), (first.job, first.eta_ms)),
        other => panic!("{other:?}"),
    }
    let elsewhere = NewJob { idempotency: keyed.idempotency.clone(), ..job() };
    assert_eq!(fixture.enqueue(&elsewhere).await, Enqueued::KeyReused);
    let of_another = NewJob { client: "mis-b".parse().unwrap(), ..elsewhere };
    assert!(matches!(fixture.enqueue(&of_another).await, Enqueued::Accepted(_)));
}

#[tokio::test]
async fn two_clients_never_share_an_idempotency_key() {
    let fixture = TestQueue::new().await;
    let approval = Uuid::new_v4();
    let keyed = |client: &str, key: &str| NewJob {
        idempotency: Some(key.parse().unwrap()),
        ..job_of(client, approval)
    };
    let first = keyed("mis", "a:b");
    let second = NewJob { patient: first.patient, ..keyed("mis:a", "b") };
    fixture.accept(&first).await;
    let delivery = fixture.deliver("w1").await;
    fixture.end(&delivery).await;
    assert!(matches!(fixture.enqueue(&second).await, Enqueued::Accepted(_)));
}

#[tokio::test]
async fn an_idempotency_key_replays_its_answer_longer_than_the_job_is_kept() {
    let fixture = TestQueue::new().await;
    let keyed = NewJob { idempotency: Some("key-1".parse().unwrap()), ..job() };
    let first = fixture.accept(&keyed).await;
    let delivery = fixture.deliver("w1").await;
    fixture.end(&delivery).await;
    let record = job_record(&first.job);
    assert_eq!(fixture.server.command::<u64>(&["DEL", &record]).await, 1);
    match fixture.enqueue(&keyed).await {
        Enqueued::Replayed(again) => assert_eq!((again.job, again.eta_ms), (first.job, first.eta_ms)),
        other => panic!("{other:?}"),
    }
    // A key that an earlier build stored without an ETA: the answer has none.
    let names: Vec<String> = fixture.server.command(&["KEYS", "*:idempotency:*"]).await;
    let noted = format!("{}/{} {}", keyed.patient, keyed.approval, delivery.message.job);
    let _: String = fixture.server.command(&["SET", &names[0], &noted]).await;
    assert!(matches!(fixture.enqueue(&keyed).await, Enqueued::Accepted(_)));
}

#[tokio::test]
async fn keys_of_a_live_job_count_as_jobs_do() {
    let fixture = TestQueue::new().await;
    let live = job();
    let limits = ApprovalLimits { jobs_per_client_minute: 3, ..fixture.limits().clone() };
    let keyed = |key: &str| NewJob { idempotency: Some(key.parse().unwrap()), ..live.clone() };
    for key in ["key-1", "key-2", "key-3"] {
        let given = fixture.queue.producer().enqueue(&keyed(key), &limits).await.unwrap();
        assert!(matches!(given, Enqueued::Accepted(_) | Enqueued::Live(_)), "{key}: {given:?}");
    }
    let one_too_many = fixture.queue.producer().enqueue(&keyed("key-4"), &limits).await.unwrap();
    assert!(matches!(one_too_many, Enqueued::Limited { limit: Reason::ClientJobs, .. }), "{one_too_many:?}");
    let again = fixture.queue.producer().enqueue(&keyed("key-2"), &limits).await.unwrap();
    assert!(matches!(again, Enqueued::Replayed(_)), "{again:?}");
    let without_a_key = fixture.queue.producer().enqueue(&live, &limits).await.unwrap();
    assert!(matches!(without_a_key, Enqueued::Live(_)), "{without_a_key:?}");
    let names: Vec<String> = fixture.server.command(&["KEYS", "*:idempotency:*"]).await;
    assert_eq!(names.len(), 3);
}

#[tokio::test]
async fn the_key_of_a_refused_request_stays_free() {
    let fixture = TestQueue::new().await;
    let limits = ApprovalLimits { jobs_per_client_minute: 1, ..fixture.limits().clone() };
    let keyed = || NewJob { idempotency: Some("key-1".parse().unwrap()), ..job() };
    let ask = async |new: &NewJob, limits| fixture.queue.producer().enqueue(new, limits).await.unwrap();
    assert!(matches!(ask(&job(), &limits).await, Enqueued::Accepted(_)));
    let refused = ask(&keyed(), &limits).await;
    assert!(matches!(refused, Enqueued::Limited { limit: Reason::ClientJobs, .. }), "{refused:?}");
    let elsewhere = ask(&keyed(), fixture.limits()).await;
    assert!(matches!(elsewhere, Enqueued::Accepted(_)), "{elsewhere:?}");
}

#[tokio::test]
async fn no_limit_rests_on_a_clock_that_was_set_back() {
    let fixture = TestQueue::new().await;
    let new = job();
    let limits = ApprovalLimits { per_hour: 1, jobs_per_client_minute: 1, ..fixture.limits().clone() };
    let ahead = |hours: u64| shared::domain::clock::now_ms() + hours * 3_600_000;
    // The data left behind by a clock two hours ahead: a send, and a client's minute that seems to last two hours.
    let (sends, minute) = (keys().patient(&new.patient), &keys().client_jobs(&"mis-a".parse().unwrap()));
    let send_at = |at: u64, approval: ApprovalId| format!("{at} {approval}");
    let _: String = fixture.server.command(&["SET", &sends, &send_at(ahead(2), new.approval)]).await;
    let _: u64 = fixture.server.command(&["HSET", minute, "jobs", "1"]).await;
    let _: u64 = fixture.server.command(&["PEXPIREAT", minute, &ahead(2).to_string()]).await;
    let accepted = fixture.queue.producer().enqueue(&new, &limits).await.unwrap();
    assert!(matches!(accepted, Enqueued::Accepted(_)), "{accepted:?}");
    let left: u64 = fixture.server.command(&["PTTL", minute]).await;
    assert!(left <= 60_000, "{left} ms");
    let next = fixture.queue.producer().enqueue(&job(), &limits).await.unwrap();
    assert!(matches!(next, Enqueued::Limited { limit: Reason::ClientJobs, .. }), "{next:?}");
    // A clock slightly ahead, as another server's may be, sets locks as usual.
    let slightly = shared::domain::clock::now_ms() + 500;
    let other = job();
    let sends = keys().patient(&other.patient);
    let _: String = fixture.server.command(&["SET", &sends, &send_at(slightly, other.approval)]).await;
    let locked = fixture.queue.producer().enqueue(&other, &limits).await.unwrap();
    assert!(matches!(locked, Enqueued::Limited { limit: Reason::Cooldown, .. }), "{locked:?}");
}

#[tokio::test]
async fn a_backlog_longer_than_the_deadline_is_refused_once_a_rate_is_known() {
    let fixture = TestQueue::with(&[("RESEND_JOB_DEADLINE_SECONDS", "10")]).await;
    for _ in 0..5 {
        fixture.accept(&job()).await;
    }
    // One slot and runs of 3 s: the sixth job would wait 15 s.
    let _: i64 = fixture.server.command(&["HSET", &keys().eta(), "run", "3000", "slots", "1"]).await;
    let Enqueued::Overloaded { retry_after_ms } = fixture.enqueue(&job()).await else { panic!("accepted") };
    assert_eq!(retry_after_ms, 5_000);
    let _: i64 = fixture.server.command(&["HSET", &keys().eta(), "slots", "2"]).await;
    let ticket = fixture.accept(&job()).await;
    assert_eq!(ticket.eta_ms - ticket.now_ms, 4 * 3_000 / 2 + 3_000);
}
