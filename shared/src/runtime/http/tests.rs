//! The server over real sockets.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::middleware::from_fn;
use axum::routing::get;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::*;

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";

/// A server with these limits, and what stops it.
fn serving(limits: HttpLimits) -> (SocketAddr, CancellationToken, JoinHandle<io::Result<()>>) {
    let listener = listen(([127, 0, 0, 1], 0).into()).unwrap();
    let (address, stop) = (listener.local_addr().unwrap(), CancellationToken::new());
    let router = Router::new().route("/", get(async || "hello")).layer(from_fn(refuse_excess));
    let server = Server::new("test", limits, Readiness::default());
    let serving = tokio::spawn(server.serve(listener, vec![router], stop.clone().cancelled_owned()));
    (address, stop, serving)
}

async fn answer_on(stream: &mut TcpStream) -> String {
    stream.write_all(REQUEST).await.unwrap();
    let mut answer = vec![0; 1_024];
    let read = timeout(Duration::from_secs(5), stream.read(&mut answer)).await.unwrap().unwrap();
    String::from_utf8_lossy(&answer[..read]).into_owned()
}

#[tokio::test]
async fn a_connection_too_many_is_answered_503_and_closed() {
    let limits = HttpLimits { connections: 1, stop_delay: Duration::ZERO, ..HttpLimits::default() };
    let (address, stop, served) = serving(limits);
    let mut first = TcpStream::connect(address).await.unwrap();
    assert!(answer_on(&mut first).await.starts_with("HTTP/1.1 200 "));
    let mut second = TcpStream::connect(address).await.unwrap();
    let refused = answer_on(&mut second).await;
    assert!(refused.starts_with("HTTP/1.1 503 ") && refused.contains("connection: close"), "{refused}");
    assert_eq!(second.read(&mut [0; 8]).await.unwrap(), 0);
    assert!(answer_on(&mut first).await.starts_with("HTTP/1.1 200 "));
    stop.cancel();
    assert!(served.await.unwrap().is_ok());
}

#[tokio::test]
async fn a_connection_past_its_lifetime_ends_with_its_next_answer() {
    let lifetime = Duration::from_millis(20);
    let limits = HttpLimits { lifetime, stop_delay: Duration::ZERO, ..HttpLimits::default() };
    let (address, stop, served) = serving(limits);
    let mut stream = TcpStream::connect(address).await.unwrap();
    let asked_until_closed = async { while !answer_on(&mut stream).await.contains("connection: close") {} };
    timeout(Duration::from_secs(5), asked_until_closed).await.unwrap();
    stop.cancel();
    assert!(served.await.unwrap().is_ok());
}

#[tokio::test]
async fn at_a_stop_idle_connections_are_answered_until_the_delay_is_over() {
    let limits = HttpLimits { stop_delay: Duration::from_millis(300), ..HttpLimits::default() };
    let (address, stop, served) = serving(limits);
    let mut idle = TcpStream::connect(address).await.unwrap();
    assert!(answer_on(&mut idle).await.starts_with("HTTP/1.1 200 "));
    stop.cancel();
    tokio::task::yield_now().await;
    let last = answer_on(&mut idle).await;
    assert!(last.starts_with("HTTP/1.1 200 ") && last.contains("connection: close"), "{last}");
    let mut fresh = TcpStream::connect(address).await.unwrap();
    assert!(answer_on(&mut fresh).await.starts_with("HTTP/1.1 200 "));
    assert!(served.await.unwrap().is_ok());
    assert!(TcpStream::connect(address).await.is_err());
}
