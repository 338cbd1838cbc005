//! The ports for operators: limited like the clients' port, and separate from it if configured.

use std::time::Duration;

use reqwest::StatusCode;
use serde_json::json;
use tests::client::ApiClient;
use tests::process::free_port;
use tests::sandbox::scenarios::scenarios;
use tests::stack::{Stack, StackBuilder};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

const WITHIN: Duration = Duration::from_secs(10);

#[tokio::test(flavor = "multi_thread")]
async fn half_a_head_is_cut_off_at_the_workers_port_too() {
    let stack = Stack::start().await;
    let mut stream = TcpStream::connect(stack.workers[0].url.trim_start_matches("http://")).await.unwrap();
    stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: a\r\n").await.unwrap();
    let mut answer = Vec::new();
    let _ = timeout(WITHIN, stream.read_to_end(&mut answer)).await.expect("cut off within ten seconds");
    assert!(answer.is_empty());
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn health_and_metrics_are_on_the_admin_port_alone_where_there_is_one() {
    shared::runtime::tls::install_crypto_provider();
    let admin = format!("127.0.0.1:{}", free_port().unwrap());
    let mut stack = StackBuilder::new().workers(0).start().await;
    let api = stack.add_api(&[("RESEND_API_ADMIN_LISTEN", &admin)]).await;
    for path in ["/healthz", "/readyz", "/metrics"] {
        let get = async |base: &str| reqwest::get(format!("{base}{path}")).await.unwrap().status();
        assert_eq!(get(&stack.apis[api].url).await, StatusCode::NOT_FOUND, "{path}");
        assert_eq!(get(&format!("http://{admin}")).await, StatusCode::OK, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_is_ready_once_redis_has_answered() {
    let mut stack = StackBuilder::new().workers(0).start().await;
    stack.redis.kill().await;
    let api = stack.add_api(&[]).await;
    let ready = || async { ApiClient::new(&stack.apis[api].url, "").get("/readyz").await.status };
    assert_eq!(ready().await, StatusCode::SERVICE_UNAVAILABLE);
    stack.redis.restart().await;
    tests::eventually::eventually("it is ready", WITHIN, || async {
        (ready().await == StatusCode::OK).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_signal_ends_a_program_at_once_whatever_is_open() {
    let mut stack = Stack::start().await;
    stack.set_faults(json!([{"target": "persons", "action": {"hang": true}}])).await;
    let plain = scenarios().swap_remove(0);
    stack.client().resend(plain.patient_id, plain.approval_id).await;
    let sandbox = ApiClient::new(&stack.sandbox.url, "");
    tests::eventually::eventually("the job is in the worker's hands", WITHIN, || async {
        let calls = sandbox.get("/sandbox/calls").await;
        (calls.body["persons"]["total"].as_u64()? > 0).then_some(())
    })
    .await;
    let mut held = TcpStream::connect(stack.apis[0].url.trim_start_matches("http://")).await.unwrap();
    held.write_all(b"GET /healthz HTTP/1.1\r\nHost: a\r\n").await.unwrap();
    for member in stack.apis.iter_mut().chain(&mut stack.workers) {
        member.process.signal("TERM").await;
        member.process.logged("signal: stopping gracefully, a second one stops at once").await;
        member.process.signal("TERM").await;
        let ended = member.process.ended(Duration::from_secs(2)).await;
        assert_eq!(ended.code(), Some(143));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_program_leaves_its_memory_on_disk_when_it_crashes() {
    let stack = Stack::start().await;
    for member in stack.apis.iter().chain(&stack.workers) {
        let limits =
            std::fs::read_to_string(format!("/proc/{}/limits", member.process.id().unwrap())).unwrap();
        let line = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
        assert_eq!(line.split_whitespace().filter(|word| *word == "0").count(), 2, "{line}");
    }
    stack.stop().await;
}
