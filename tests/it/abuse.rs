//! Requests that no honest client sends: each is answered 4xx or its connection is closed within ten seconds, nothing
//! panics, and honest clients notice nothing.

mod bystander;
mod http2;
mod ports;
mod proxies;

use std::path::Path;
use std::time::{Duration, Instant};

use bystander::Bystander;
use reqwest::StatusCode;
use serde_json::Value;
use tests::keys::keys;
use tests::process::{Process, program};
use tests::stack::{STOPS_WITHIN, Stack, StackBuilder};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

const WITHIN: Duration = Duration::from_secs(10);

async fn connect(stack: &Stack) -> TcpStream {
    TcpStream::connect(stack.apis[0].url.trim_start_matches("http://")).await.unwrap()
}

/// Sends bytes and returns the status, or `None` if the connection was closed instead.
async fn status_of(stack: &Stack, request: &[u8]) -> Option<u16> {
    let mut stream = connect(stack).await;
    let (mut read, mut write) = stream.split();
    let mut answer = Vec::new();
    // The server may answer and close before it has received everything.
    let exchange = async { tokio::join!(write.write_all(request), read.read_to_end(&mut answer)) };
    let _ = timeout(WITHIN, exchange).await.expect("an answer or an end within ten seconds");
    let line = String::from_utf8_lossy(&answer);
    line.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()
}

/// A complete request for a job, with these lines in its head; it closes the connection.
fn get(path: &str, lines: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{lines}\r\n").into_bytes()
}

fn patch(lines: &str, body: &[u8]) -> Vec<u8> {
    let path = tests::client::resend_path(uuid::Uuid::new_v4(), uuid::Uuid::new_v4());
    let head = format!(
        "PATCH {path} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer mis-a-token\r\nConnection: close\r\n{lines}\r\n"
    );
    [head.as_bytes(), body].concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_no_honest_client_sends_is_refused_or_cut_off() {
    let stack = StackBuilder::new().workers(0).start().await;
    let job = "/Jobs/NBXk9EyErUZv1RhXgyvgg";
    let chunked = "Transfer-Encoding: chunked\r\n";
    for (what, request, wanted) in [
        ("101 headers", get(job, &"X-Filler: a\r\n".repeat(101)), &[Some(431), None][..]),
        ("65 headers", get(job, &"X-Filler: a\r\n".repeat(65)), &[Some(431)]),
        ("1 MB header", get(job, &format!("X-Filler: {}\r\n", "a".repeat(1024 * 1024))), &[Some(431), None]),
        ("64 KiB path", get(&format!("/Jobs/{}", "a".repeat(64 * 1024)), ""), &[Some(414), Some(431), None]),
        ("%00 in the path", get("/Jobs/%00", "Authorization: Bearer mis-a-token\r\n"), &[Some(404)]),
        ("no host", b"GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n".to_vec(), &[Some(400)]),
        ("two hosts", get("/healthz", "Host: b\r\n"), &[Some(400)]),
        (
            "a host that is none",
            b"GET /healthz HTTP/1.1\r\nHost: a b\r\nConnection: close\r\n\r\n".to_vec(),
            &[Some(400)],
        ),
        ("garbage", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n".to_vec(), &[Some(400), None]),
        ("two lengths", patch("Content-Length: 2\r\nContent-Length: 3\r\n", b"[]"), &[Some(400), None]),
        ("a bad chunk", patch(chunked, b"zz\r\n[]\r\n0\r\n\r\n"), &[Some(400), None]),
        ("a body that stops", patch("Content-Length: 100\r\n", b"[]"), &[Some(400), None]),
        ("100 MB announced", patch("Content-Length: 104857600\r\n", b"[]"), &[Some(413)]),
        (
            "1 MB sent in chunks",
            patch(chunked, &[b"100000\r\n", &vec![b' '; 0x10_0000][..], b"\r\n0\r\n\r\n"].concat()),
            &[Some(413), None],
        ),
    ] {
        let status = status_of(&stack, &request).await;
        assert!(wanted.contains(&status), "{what}: {status:?}");
    }
    assert!(!stack.apis[0].process.log().contains("panicked"));
    assert_eq!(stack.redis.command::<u64>(&["HLEN", &keys().live()]).await, 0);
}

/// If a proxy before us and this server see different ends of a request, that must not lead to a second request on the
/// same connection.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_behind_an_ambiguous_end_is_taken_for_a_request() {
    let stack = StackBuilder::new().workers(0).start().await;
    let smuggled = b"0\r\n\r\nGET /healthz HTTP/1.1\r\nHost: a\r\n\r\n";
    let mut request = patch("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", smuggled);
    let head = String::from_utf8(request.clone()).unwrap().replace("Connection: close\r\n", "");
    request = head.into_bytes();
    let mut stream = connect(&stack).await;
    stream.write_all(&request).await.unwrap();
    let mut answer = String::new();
    timeout(WITHIN, stream.read_to_string(&mut answer)).await.unwrap().unwrap();
    assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_thousand_clients_that_send_byte_by_byte_are_cut_off_and_harm_nobody() {
    const CLIENTS: usize = 2_000;
    let stack = StackBuilder::new().workers(0).start().await;
    let start = Instant::now();
    let mut slow = Vec::with_capacity(CLIENTS);
    for _ in 0..CLIENTS {
        let mut stream = connect(&stack).await;
        stream.write_all(b"GET /Jobs/NBXk9EyErUZv1RhXgyvgg HTTP/1.1\r\n").await.unwrap();
        slow.push(tokio::spawn(async move {
            let (mut read, mut write) = stream.split();
            let mut end = [0; 512];
            let drip = async {
                while write.write_all(b"X").await.is_ok() {
                    tokio::time::sleep(Duration::from_millis(500)).await;
                }
            };
            tokio::select! { () = drip => {}, _ = read.read(&mut end) => {} }
            Instant::now()
        }));
    }
    let connected = Instant::now();
    let mut longest = Duration::ZERO;
    for _ in 0..50 {
        let sent = Instant::now();
        assert_eq!(stack.client().get("/Jobs/NBXk9EyErUZv1RhXgyvgg").await.status, StatusCode::NOT_FOUND);
        longest = longest.max(sent.elapsed());
    }
    let mut last = Duration::ZERO;
    for client in slow {
        last = last.max(timeout(WITHIN, client).await.expect("cut off").unwrap().duration_since(start));
    }
    println!(
        "{CLIENTS} slow clients (connected in {:.1?}): the last cut off {last:.1?} after the first came; an honest request \
         took {longest:.1?} at most meanwhile",
        connected.duration_since(start)
    );
    assert!(last < WITHIN + connected.duration_since(start), "{last:?}");
    assert!(longest < Duration::from_secs(1), "{longest:?}");
    assert!(!stack.apis[0].process.log().contains("panicked"));
}

/// Started as from a shell: with a low limit of descriptors, which may be raised.
#[tokio::test(flavor = "multi_thread")]
async fn more_clients_are_served_than_the_soft_limit_of_descriptors_allows() {
    const CLIENTS: usize = 400;
    let stack = StackBuilder::new().workers(0).start().await;
    let mut settings = stack.settings().to_vec();
    settings.push(("RESEND_API_LISTEN".to_owned(), "127.0.0.1:0".to_owned()));
    let api = program("resend-api").display().to_string();
    let arguments = ["-c".to_owned(), "ulimit -S -n 128; exec \"$0\"".to_owned(), api];
    let log = stack.folder().join("few-descriptors.log");
    let mut process = Process::start(Path::new("/bin/sh"), &arguments, &settings, &log).unwrap();
    let address = process.address().await;
    let mut open = Vec::with_capacity(CLIENTS);
    for _ in 0..CLIENTS {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
        let mut answer = [0; 12];
        let read = timeout(WITHIN, stream.read_exact(&mut answer)).await;
        read.expect("an answer in time").expect("an answer");
        assert_eq!(&answer, b"HTTP/1.1 200");
        open.push(stream);
    }
    assert!(process.stop(STOPS_WITHIN).await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_the_parser_or_the_head_check_refuses_lacks_the_envelope() {
    let stack = StackBuilder::new().workers(0).start().await;
    for (what, request, status, reason) in [
        ("garbage", b"GET\x01 / HTTP/1.1\r\n\r\n".to_vec(), 400, "request_invalid"),
        ("101 headers", get("/healthz", &"X-Filler: a\r\n".repeat(101)), 431, "head_too_large"),
        ("two lengths", patch("Content-Length: 2\r\nContent-Length: 3\r\n", b"[]"), 400, "request_invalid"),
        ("gzip", patch("Transfer-Encoding: gzip, chunked\r\n", b"0\r\n\r\n"), 501, "request_invalid"),
    ] {
        let mut stream = connect(&stack).await;
        stream.write_all(&request).await.unwrap();
        let mut answer = String::new();
        // A peer that closes with unread bytes may lose the end of the answer.
        let _ = timeout(WITHIN, stream.read_to_string(&mut answer)).await.expect("an end within ten seconds");
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{what}: {answer}"));
        assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{what}: {head}");
        let body: Value = serde_json::from_str(body).unwrap();
        assert_eq!(body["error"]["reason"], reason, "{what}");
        let request_id = body["meta"]["request_id"].as_str().unwrap();
        assert!(head.contains(&format!("x-request-id: {request_id}")), "{what}: {head}");
    }
}

/// Each announces a body and sends none: the client's share of bodies is used up, but other clients' work does not
/// wait.
#[tokio::test(flavor = "multi_thread")]
async fn bodies_that_do_not_come_hold_up_nobody_else() {
    const BODIES: usize = 1_500;
    const SHARE: usize = 1_024;
    let stack = StackBuilder::new().workers(0).start().await;
    let bystander = Bystander::watch(&stack).await;
    let mut open = Vec::with_capacity(BODIES);
    for _ in 0..BODIES {
        let mut stream = connect(&stack).await;
        stream.write_all(&patch("Content-Length: 100\r\n", b"[")).await.unwrap();
        open.push(tokio::spawn(async move {
            let mut answer = Vec::new();
            let _ =
                timeout(WITHIN, stream.read_to_end(&mut answer)).await.expect("an end within ten seconds");
            String::from_utf8_lossy(&answer).get(9..12).unwrap_or_default().to_owned()
        }));
    }
    let mut refused = 0;
    for answer in open {
        let status = answer.await.unwrap();
        assert!(["400", "503"].contains(&status.as_str()), "{status}");
        refused += usize::from(status == "503");
    }
    println!("{BODIES} bodies that do not come: {refused} refused at once");
    assert!(refused > 0 && refused <= BODIES - SHARE, "{refused}");
    bystander.assert_unharmed("bodies that do not come").await;
}
