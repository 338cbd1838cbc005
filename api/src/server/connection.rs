//! One connection, HTTP/1.1 or HTTP/2, from the accept to its end.

use std::convert::Infallible;
use std::io;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use axum::response::Response;
use hyper::body::Incoming;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use shared::telemetry::LogThrottle;
use tokio::net::TcpStream;

use super::activity::{Activity, Watched};
use super::lanes::Lanes;
use super::seats::Seats;
use crate::config::ServerLimits;
use crate::middleware::exchange::Exchange;

/// Bytes of a head the parser takes; the bound clients meet is half of it and answered in the usual shape. The
/// parser's bound on the number of headers is its own, 100: another one would cost an allocation a request.
const HEAD_BUFFER: u32 = 32 * 1024;

/// HTTP/2: requests at once on one connection, and how a dead peer is found.
const STREAMS: u32 = 200;
const PING: (Duration, Duration) = (Duration::from_secs(20), Duration::from_secs(10));

/// All open connections.
pub(super) struct Connections {
    builder: Arc<Builder<TokioExecutor>>,
    lanes: Lanes,
    limits: ServerLimits,
    graceful: GracefulShutdown,
    seats: Seats,
}

impl Connections {
    pub(super) fn new(lanes: Lanes, limits: ServerLimits) -> Self {
        let mut builder = Builder::new(TokioExecutor::new());
        // Heads are timed by `Activity`: the server's own timer starts only after the protocol is known, and counts
        // the wait between two requests too.
        builder.http1().timer(TokioTimer::new()).header_read_timeout(None).max_buf_size(HEAD_BUFFER as usize);
        builder
            .http2()
            .timer(TokioTimer::new())
            .max_header_list_size(HEAD_BUFFER)
            .max_concurrent_streams(STREAMS)
            .keep_alive_interval(PING.0)
            .keep_alive_timeout(PING.1);
        let (seats, graceful) = (Seats::new(&limits), GracefulShutdown::new());
        Self { builder: Arc::new(builder), lanes, limits, graceful, seats }
    }

    /// Serves a connection in a task of its own; one too many is closed. It belongs to no runtime yet.
    pub(super) fn take(&self, stream: io::Result<std::net::TcpStream>, peer: IpAddr) {
        let stream = match stream {
            Ok(stream) => stream,
            Err(error) => return not_taken(&error),
        };
        let Some(seat) = self.seats.take(peer) else { return };
        let (builder, watcher) = (self.builder.clone(), self.graceful.watcher());
        let activity = Activity::new(&self.limits);
        self.lanes.spawn(|exchange| async move {
            let _seat = seat;
            let stream = match TcpStream::from_std(stream) {
                Ok(stream) => stream,
                Err(error) => return not_taken(&error),
            };
            // Answers are small and whole: there is nothing to gather.
            drop(stream.set_nodelay(true));
            let io = TokioIo::new(Watched::new(stream, activity.clone()));
            let connection =
                pin!(watcher.watch(builder.serve_connection(io, service(exchange, activity.clone()))));
            tokio::select! {
                // Its errors are the peer's: a broken connection or a broken protocol.
                _ = connection => {}
                () = activity.overstayed() => {}
            }
        });
    }

    /// How many are open.
    pub(super) fn count(&self) -> usize {
        self.graceful.count()
    }

    /// Closes what is idle, lets open requests end, and is done with the last connection.
    pub(super) async fn finish(self) {
        self.graceful.shutdown().await;
    }
}

/// The system would not hand a connection from one runtime to another; its client sees it closed.
fn not_taken(error: &io::Error) {
    static THROTTLE: LogThrottle = LogThrottle::new();
    if let Some(suppressed) = THROTTLE.allow() {
        tracing::warn!(%error, suppressed, "cannot take a connection");
    }
}

/// The answers, with the connection told when a request begins and ends.
fn service(
    exchange: Arc<Exchange>,
    activity: Activity,
) -> impl Service<Request<Incoming>, Response = Response, Error = Infallible, Future: Send + 'static> {
    service_fn(move |request: Request<Incoming>| {
        let open = activity.begin(request.version());
        let (exchange, connection) = (exchange.clone(), activity.clone());
        async move {
            let answer = exchange.answer(request.map(Body::new), connection).await;
            drop(open);
            Ok(answer)
        }
    })
}
