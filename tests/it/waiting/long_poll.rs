//! Long polls: answered when the job ends, when the wait runs out, or at once where there is nothing to wait for.

use std::time::{Duration, Instant};

use reqwest::{Method, StatusCode};
use serde_json::json;
use tests::client::Answer;
use tests::stack::{STOPS_WITHIN, StackBuilder};

use super::{accepted, all_wait, poll};

#[tokio::test(flavor = "multi_thread")]
async fn a_long_poll_is_answered_as_soon_as_the_job_ends() {
    let mut stack = StackBuilder::new().workers(0).start().await;
    let href = accepted(&stack).await;
    let polls = [poll(&stack, &href, 30), poll(&stack, &href, 30)];
    stack.add_worker(&[]).await;
    for poll in polls {
        let answer = poll.await.unwrap();
        assert_eq!((answer.status, &answer.body["data"]["status"]), (StatusCode::OK, &json!("processed")));
        assert_eq!(answer.header("preference-applied"), Some("wait=30"));
    }
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_poll_that_runs_out_answers_the_pending_job() {
    let stack = StackBuilder::new().workers(0).start().await;
    let href = accepted(&stack).await;
    let start = Instant::now();
    let answer = poll(&stack, &href, 1).await.unwrap();
    assert!(start.elapsed() >= Duration::from_secs(1), "{:?}", start.elapsed());
    assert_eq!((answer.status, &answer.body["data"]["status"]), (StatusCode::OK, &json!("pending")));
    assert!(answer.header("retry-after").is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_poll_outlasts_the_limit_of_other_requests() {
    let stack = StackBuilder::new().workers(0).start().await;
    let href = accepted(&stack).await;
    let start = Instant::now();
    let answer = poll(&stack, &href, 12).await.unwrap();
    assert!(start.elapsed() >= Duration::from_secs(12), "{:?}", start.elapsed());
    assert_eq!(answer.status, StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_or_unknown_job_is_not_waited_for() {
    let stack = StackBuilder::new().workers(0).start().await;
    let href = accepted(&stack).await;
    let start = Instant::now();
    for (token, href) in [("mis-b-token", href.as_str()), ("mis-a-token", "/Jobs/NBXk9EyErUZv1RhXgyvgg")] {
        for path in [href.to_owned(), format!("{href}/events")] {
            let client = stack.client().with_token(token);
            let answer = Answer::of(client.request(Method::GET, &path).header("prefer", "wait=30")).await;
            assert_eq!(answer.status, StatusCode::NOT_FOUND);
        }
    }
    assert!(start.elapsed() < Duration::from_secs(5));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopping_api_answers_long_polls_and_ends_streams_at_once() {
    let mut stack = StackBuilder::new().workers(0).start().await;
    let href = accepted(&stack).await;
    let poll = poll(&stack, &href, 30);
    let mut stream = stack.client().request(Method::GET, &format!("{href}/events")).send().await.unwrap();
    assert!(stream.chunk().await.unwrap().is_some(), "the pending event");
    all_wait(&stack, 2).await;
    let start = Instant::now();
    let status = stack.apis[0].process.stop(STOPS_WITHIN).await;
    assert!(status.success() && start.elapsed() < Duration::from_secs(8), "{:?}", start.elapsed());
    assert_eq!(poll.await.unwrap().body["data"]["status"], "pending");
    assert_eq!(stream.chunk().await.unwrap(), None, "the stream ends in good order");
}
