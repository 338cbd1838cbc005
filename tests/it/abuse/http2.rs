//! Abuse that HTTP/2 allows: not reading streams, naming two hosts, sending HEAD.

use std::time::{Duration, Instant};

use axum::body::Body;
use hyper::client::conn::http2::{Builder, SendRequest};
use hyper::{Request, Response, body::Incoming};
use hyper_util::rt::{TokioExecutor, TokioIo};
use reqwest::{Method, StatusCode};
use tests::client::ApiClient;
use tests::sandbox::scenarios::scenarios;
use tests::stack::{Stack, StackBuilder};
use tokio::net::TcpStream;

use super::bystander::Bystander;
use crate::waiting::all_wait;

/// Longest a stop may take although open streams are not read.
const STOPS_WITHIN: Duration = Duration::from_secs(8);

/// A separate connection, whose streams have this window.
async fn connect(stack: &Stack, window: u32) -> SendRequest<Body> {
    let stream = TcpStream::connect(stack.apis[0].url.trim_start_matches("http://")).await.unwrap();
    let mut builder = Builder::new(TokioExecutor::new());
    builder.initial_stream_window_size(window);
    let (sender, connection) = builder.handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    sender
}

async fn send(
    sender: &mut SendRequest<Body>,
    method: Method,
    path: &str,
    host: Option<&str>,
) -> hyper::Result<Response<Incoming>> {
    let mut request = Request::builder()
        .method(method)
        .uri(format!("http://a{path}"))
        .header("authorization", "Bearer mis-a-token");
    if let Some(host) = host {
        request = request.header("host", host);
    }
    sender.send_request(request.body(Body::empty()).unwrap()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_nobody_reads_hold_up_neither_others_nor_a_stop() {
    const CONNECTIONS: usize = 50;
    const STREAMS: usize = 20;
    let mut stack = StackBuilder::new().workers(0).start().await;
    let plain = scenarios().swap_remove(0);
    let href = stack.client().resend(plain.patient_id, plain.approval_id).await.location();
    let bystander = Bystander::watch(&stack).await;
    let mut open = Vec::new();
    for _ in 0..CONNECTIONS {
        let mut sender = connect(&stack, 0).await;
        for _ in 0..STREAMS {
            let stream = send(&mut sender, Method::GET, &format!("{href}/events"), None).await.unwrap();
            assert_eq!(stream.status(), StatusCode::OK);
            open.push((sender.clone(), stream));
        }
    }
    bystander.assert_unharmed("1,000 streams with a window of 0").await;
    let stopped = Instant::now();
    assert!(stack.apis[0].process.stop(tests::stack::STOPS_WITHIN).await.success());
    println!("a stop with {} streams nobody reads took {:.1?}", open.len(), stopped.elapsed());
    assert!(stopped.elapsed() < STOPS_WITHIN, "{:?}", stopped.elapsed());
}

/// Nothing of the stream can be delivered; the job ends, and so does the wait.
#[tokio::test(flavor = "multi_thread")]
async fn a_place_is_free_when_the_job_ends_although_its_client_never_reads() {
    let mut stack = StackBuilder::new().workers(0).start().await;
    let plain = scenarios().swap_remove(0);
    let href = stack.client().resend(plain.patient_id, plain.approval_id).await.location();
    let mut sender = connect(&stack, 0).await;
    let stream = send(&mut sender, Method::GET, &format!("{href}/events"), None).await.unwrap();
    assert_eq!(stream.status(), StatusCode::OK);
    all_wait(&stack, 1).await;
    stack.add_worker(&[]).await;
    all_wait(&stack, 0).await;
    drop(stream);
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_of_a_head_is_no_protocol_error() {
    let stack = StackBuilder::new().workers(0).start().await;
    let mut sender = connect(&stack, 65_535).await;
    for (path, status) in [("/nothing", 404), ("/Jobs/NBXk9EyErUZv1RhXgyvgg", 404), ("/openapi.json", 200)] {
        let answer = send(&mut sender, Method::HEAD, path, None).await.expect("no protocol error");
        assert_eq!(answer.status(), status, "{path}");
    }
    assert_eq!(ApiClient::new(&stack.apis[0].url, "").get("/healthz").await.status, StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_names_of_the_host_have_to_agree() {
    let stack = StackBuilder::new().workers(0).start().await;
    let mut sender = connect(&stack, 65_535).await;
    for (host, status) in [(None, 200), (Some("a"), 200), (Some("b"), 400)] {
        let answer = send(&mut sender, Method::GET, "/healthz", host).await.unwrap();
        assert_eq!(answer.status(), status, "{host:?}");
    }
}
