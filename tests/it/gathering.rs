//! Group commit: simultaneous calls go to Redis in few batches, and each is answered as if it had been alone.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use shared::domain::ids::JobId;
use shared::domain::outcome::Reason;
use shared::queue::{Enqueued, Finished, NewJob, QueueError};
use tests::keys::{job_record, keys};
use uuid::Uuid;

use crate::test_queue::{TestQueue, job, job_of, refused};

const RUN: Duration = Duration::from_millis(20);

/// Longest a client waits for a refusal while Redis is silent (scenario 15).
const REFUSED_WITHIN: Duration = Duration::from_millis(2_500);

async fn ask_all(fixture: &TestQueue, jobs: &[NewJob]) -> Vec<Result<Enqueued, QueueError>> {
    join_all(jobs.iter().map(|job| fixture.queue.producer().enqueue(job, fixture.limits()))).await
}

fn accepted(answers: &[Result<Enqueued, QueueError>]) -> Vec<JobId> {
    let ticket = |answer: &Result<Enqueued, QueueError>| match answer {
        Ok(Enqueued::Accepted(ticket)) => Some(ticket.job.clone()),
        _ => None,
    };
    answers.iter().filter_map(ticket).collect()
}

async fn script_calls(fixture: &TestQueue) -> u64 {
    let stats: String = fixture.server.command(&["INFO", "commandstats"]).await;
    let calls = |name: &str| {
        let line = stats
            .lines()
            .find_map(|line| line.strip_prefix(name)?.split_once("calls="))
            .map(|(_, rest)| rest);
        line.and_then(|rest| rest.split(',').next()?.parse::<u64>().ok()).unwrap_or(0)
    };
    calls("cmdstat_evalsha:") + calls("cmdstat_eval:")
}

#[tokio::test]
async fn what_is_asked_at_once_goes_in_few_calls_and_each_has_its_own_answer() {
    let fixture = TestQueue::new().await;
    let jobs: Vec<_> = (0..1_000).map(|_| job()).collect();
    let before = script_calls(&fixture).await;
    let answers = ask_all(&fixture, &jobs).await;
    let calls = script_calls(&fixture).await - before;
    assert!((1_000 / 64..=40).contains(&calls), "{calls} calls for 1,000 jobs");
    let ids: HashSet<_> = accepted(&answers).into_iter().collect();
    assert_eq!(ids.len(), 1_000);
    for (new, answer) in jobs.iter().zip(&answers) {
        let Ok(Enqueued::Accepted(ticket)) = answer else { panic!("{answer:?}") };
        let record: Vec<String> =
            fixture.server.command(&["HMGET", &job_record(&ticket.job), "patient", "approval"]).await;
        assert_eq!(record, [new.patient.to_string(), new.approval.to_string()]);
    }
}

#[tokio::test]
async fn who_asks_alone_does_not_wait_for_company() {
    let fixture = TestQueue::new().await;
    fixture.accept(&job()).await;
    let before = script_calls(&fixture).await;
    for _ in 0..10 {
        fixture.accept(&job()).await;
    }
    assert_eq!(script_calls(&fixture).await - before, 10);
}

#[tokio::test]
async fn of_many_who_ask_for_one_approval_at_once_one_makes_the_job() {
    let fixture = TestQueue::new().await;
    let approval = Uuid::new_v4();
    let new = job_of("mis-a", approval);
    let answers = ask_all(&fixture, &vec![new; 200]).await;
    let jobs = accepted(&answers);
    assert_eq!(jobs.len(), 1);
    let given_again = answers.iter().filter(|answer| match answer {
        Ok(Enqueued::Live(ticket)) => ticket.job == jobs[0],
        _ => false,
    });
    assert_eq!(given_again.count(), 199);
    assert_eq!(fixture.entries().await, 1);
}

#[tokio::test]
async fn a_clients_limit_holds_within_one_call() {
    let fixture = TestQueue::with(&[("RESEND_LIMIT_PER_CLIENT_MINUTE", "1")]).await;
    let jobs: Vec<_> = (0..1_100).map(|_| job()).chain([job_of("mis-b", Uuid::new_v4())]).collect();
    let answers = ask_all(&fixture, &jobs).await;
    assert_eq!(accepted(&answers[..1_100]).len(), 1_000);
    let limited = answers
        .iter()
        .filter(|answer| matches!(answer, Ok(Enqueued::Limited { limit: Reason::ClientJobs, .. })));
    assert_eq!(limited.count(), 100);
    assert!(
        matches!(answers[1_100], Ok(Enqueued::Accepted(_))),
        "another client's job: {:?}",
        answers[1_100]
    );
}

#[tokio::test]
async fn what_one_jobs_keys_are_to_blame_for_is_nobody_elses_error() {
    let fixture = TestQueue::new().await;
    let jobs: Vec<_> = (0..200).map(|_| job()).collect();
    let spoilt = keys().patient(&jobs[77].patient);
    fixture.server.command::<u64>(&["RPUSH", &spoilt, "no text"]).await;
    let answers = ask_all(&fixture, &jobs).await;
    let failed: Vec<_> = (0..200).filter(|i| answers[*i].is_err()).collect();
    assert_eq!(failed, [77]);
    // Jobs that were stored before the call broke are found when it is repeated.
    let stored = |answer: &Result<Enqueued, QueueError>| match answer {
        Ok(Enqueued::Accepted(ticket) | Enqueued::Live(ticket)) => Some(ticket.job.clone()),
        _ => None,
    };
    assert_eq!(answers.iter().filter_map(stored).collect::<HashSet<_>>().len(), 199);
    assert_eq!(fixture.entries().await, 199);
}

#[tokio::test]
async fn a_record_that_is_none_keeps_no_other_job_from_its_end() {
    let fixture = TestQueue::new().await;
    let answers = ask_all(&fixture, &(0..200).map(|_| job()).collect::<Vec<_>>()).await;
    let mut deliveries = Vec::new();
    for _ in 0..200 {
        deliveries.push(fixture.deliver("w1").await);
    }
    let spoilt = job_record(&deliveries[77].message.job);
    fixture.server.command::<()>(&["SET", &spoilt, "no hash"]).await;
    let outcome = refused();
    let ends = join_all(
        deliveries.iter().map(|delivery| fixture.queue.deliveries().finish(delivery, &outcome, RUN)),
    )
    .await;
    let failed: Vec<_> = (0..200).filter(|i| matches!(ends[*i], Err(QueueError::Corrupt(_)))).collect();
    let done = ends.iter().filter(|end| matches!(end, Ok(Finished::Done { .. })));
    assert_eq!((failed, done.count(), accepted(&answers).len()), (vec![77], 199, 200));
    assert_eq!(fixture.live().await, 1);
}

#[tokio::test]
async fn ends_written_together_are_fenced_and_counted_one_by_one() {
    let fixture = TestQueue::new().await;
    ask_all(&fixture, &(0..300).map(|_| job()).collect::<Vec<_>>()).await;
    let mut deliveries = Vec::new();
    for _ in 0..300 {
        deliveries.push(fixture.deliver("w1").await);
    }
    let owner = fixture.take_over(&deliveries[150], "w2").await;
    // The same delivery twice, as after a late answer: the job ends once.
    deliveries.push(deliveries[0].clone());
    let outcome = refused();
    let ends = join_all(
        deliveries.iter().map(|delivery| fixture.queue.deliveries().finish(delivery, &outcome, RUN)),
    )
    .await;
    let ends: Vec<_> = ends.into_iter().map(Result::unwrap).collect();
    let lost: Vec<_> = (0..301).filter(|i| ends[*i] == Finished::Lost).collect();
    let before: Vec<_> = (0..301).filter(|i| ends[*i] == Finished::Before).collect();
    assert_eq!((lost, before.len()), (vec![150], 1));
    assert!(before[0] == 0 || before[0] == 300, "{before:?}");
    let counts: HashMap<String, u64> = fixture.server.command(&["HGETALL", &keys().counts()]).await;
    assert_eq!(counts, HashMap::from([("404".to_owned(), 299)]));
    assert_eq!(fixture.server.command::<u64>(&["LLEN", &keys().failures()]).await, 299);
    let live: Vec<String> = fixture.server.command(&["HVALS", &keys().live()]).await;
    assert_eq!(live, [owner.message.job.to_string()]);
}

#[tokio::test]
async fn while_redis_is_silent_nobody_waits_behind_another() {
    let fixture = TestQueue::new().await;
    fixture.accept(&job()).await;
    fixture.server.process().signal("STOP").await;
    let start = Instant::now();
    let answers = ask_all(&fixture, &(0..500).map(|_| job()).collect::<Vec<_>>()).await;
    let took = start.elapsed();
    fixture.server.process().signal("CONT").await;
    assert!(answers.iter().all(Result::is_err));
    assert!(took < REFUSED_WITHIN, "{took:?}");
}

#[tokio::test]
async fn who_goes_away_takes_no_answer_from_the_others() {
    let fixture = TestQueue::new().await;
    let jobs: Vec<_> = (0..100).map(|_| job()).collect();
    let (queue, limits, first) = (fixture.queue.clone(), fixture.limits().clone(), jobs[0].clone());
    let impatient = tokio::spawn(async move { queue.producer().enqueue(&first, &limits).await });
    tokio::task::yield_now().await;
    impatient.abort();
    let answers = ask_all(&fixture, &jobs[1..]).await;
    assert_eq!(accepted(&answers).len(), 99);
}

#[tokio::test]
async fn a_line_whose_runtime_ended_goes_on_over_another() {
    let fixture = TestQueue::new().await;
    fixture.accept(&job()).await;
    fixture.server.process().signal("STOP").await;
    let (queue, limits, jobs) =
        (fixture.queue.clone(), fixture.limits().clone(), (0..50).map(|_| job()).collect::<Vec<_>>());
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let asked = join_all(jobs.iter().map(|job| queue.producer().enqueue(job, &limits)));
            let cut_off = tokio::time::timeout(Duration::from_millis(50), asked).await;
            assert!(cut_off.is_err(), "answered by a server that stands still");
        });
    })
    .join()
    .unwrap();
    fixture.server.process().signal("CONT").await;
    fixture.accept(&job()).await;
}
