use std::time::{Duration, Instant};

use tokio::io::AsyncWriteExt;
use tokio::time::timeout;

use super::*;

const QUIET: Duration = Duration::from_millis(100);

/// A proxy before a server that sends back what it gets, and a connection through it.
async fn echo() -> (Proxy, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut caller, _)) = listener.accept().await {
            tokio::spawn(async move {
                let (mut read, mut write) = caller.split();
                tokio::io::copy(&mut read, &mut write).await
            });
        }
    });
    let proxy = Proxy::to(port).await.unwrap();
    let caller = TcpStream::connect(("127.0.0.1", proxy.port())).await.unwrap();
    (proxy, caller)
}

async fn said(caller: &mut TcpStream, word: &[u8]) -> Vec<u8> {
    caller.write_all(word).await.unwrap();
    let mut answer = vec![0; word.len()];
    let read = timeout(QUIET, caller.read(&mut answer)).await;
    answer.truncate(read.ok().and_then(Result::ok).unwrap_or(0));
    answer
}

#[tokio::test]
async fn bytes_pass_until_they_are_swallowed_and_again_on_a_new_connection() {
    let (proxy, mut caller) = echo().await;
    assert_eq!(said(&mut caller, b"one").await, b"one");
    proxy.carry(Flow::Pass, Flow::Swallow);
    assert_eq!(said(&mut caller, b"two").await, b"");
    proxy.heal();
    let mut again = TcpStream::connect(("127.0.0.1", proxy.port())).await.unwrap();
    assert_eq!(said(&mut again, b"three").await, b"three");
}

#[tokio::test]
async fn a_cut_closes_what_is_open() {
    let (proxy, mut caller) = echo().await;
    assert_eq!(said(&mut caller, b"one").await, b"one");
    proxy.cut();
    let end = timeout(Duration::from_secs(5), caller.read(&mut [0; 8])).await.unwrap();
    assert!(matches!(end, Ok(0) | Err(_)));
}

#[tokio::test]
async fn an_answer_is_cut_after_so_many_bytes() {
    let (proxy, mut caller) = echo().await;
    proxy.carry(Flow::Pass, Flow::CutAfter(2));
    caller.write_all(b"hello").await.unwrap();
    let mut answer = Vec::new();
    let _ = timeout(Duration::from_secs(5), caller.read_to_end(&mut answer)).await.unwrap();
    assert_eq!(answer, b"he");
}

#[tokio::test]
async fn delay_and_drip_take_their_time() {
    let (proxy, mut caller) = echo().await;
    proxy.carry(Flow::Delay(Duration::from_millis(30)), Flow::Pass);
    let start = Instant::now();
    assert_eq!(said(&mut caller, b"one").await, b"one");
    assert!(start.elapsed() >= Duration::from_millis(30));
    proxy.carry(Flow::Pass, Flow::Drip(Duration::from_millis(10)));
    assert_eq!(said(&mut caller, b"two").await, b"t");
}
