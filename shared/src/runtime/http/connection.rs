//! One connection, HTTP/1.1 or HTTP/2, from the accept to its end.

use std::convert::Infallible;
use std::io;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, Version, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use hyper::body::Incoming;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::net::TcpStream;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::idle::{IdleTracker, RequestGuard};
use super::limiter::{ConnectionLimiter, ConnectionPermit};
use super::limits::HttpLimits;
use super::open_requests::OpenRequests;
use super::stream::MonitoredStream;
use super::threads::ServerThreads;
use super::{HttpService, Server};
use crate::telemetry::LogThrottle;

/// Most bytes of a head that the parser takes; clients meet a limit of half of it, which is answered in the usual
/// format. The parser's limit on the number of headers stays at its default of 100, because another one would cost an
/// allocation per request.
const HEAD_BUFFER: u32 = 32 * 1024;

/// HTTP/2: concurrent requests on one connection, and how a dead peer is detected.
const STREAMS: u32 = 200;
const PING: (Duration, Duration) = (Duration::from_secs(20), Duration::from_secs(10));

/// All open connections of a server.
pub(super) struct Connections<S> {
    builder: Arc<Builder<TokioExecutor>>,
    threads: ServerThreads<S>,
    limits: HttpLimits,
    stopping: CancellationToken,
    closing: CancellationToken,
    limiter: ConnectionLimiter,
    open_requests: OpenRequests,
    tasks: TaskTracker,
}

/// What a service may know about a request's connection: an extension of every request.
#[derive(Clone)]
pub struct Connection {
    /// The peer's address: the client's or its proxy's.
    pub peer: IpAddr,
    /// Whether that is a trusted proxy.
    pub is_trusted: bool,
    /// Whether the connection exceeds the limit: its only request must be answered 503.
    pub is_excess: bool,
    idle: IdleTracker,
}

impl<S: HttpService> Connections<S> {
    pub(super) fn new(threads: ServerThreads<S>, server: &Server) -> Self {
        Self {
            builder: Arc::new(protocols()),
            threads,
            limits: server.limits.clone(),
            stopping: server.stopping.clone(),
            closing: CancellationToken::new(),
            limiter: ConnectionLimiter::new(server),
            open_requests: OpenRequests::default(),
            tasks: TaskTracker::new(),
        }
    }

    /// Serves a connection in a separate task. The stream is not registered with any runtime yet.
    pub(super) fn accept(&self, stream: io::Result<std::net::TcpStream>, peer: IpAddr) {
        let stream = match stream {
            Ok(stream) => stream,
            Err(error) => return not_accepted(&error),
        };
        let Some(permit) = self.limiter.admit(peer) else { return };
        let connection = Connection {
            peer: peer.to_canonical(),
            is_trusted: permit.is_trusted(),
            is_excess: permit.is_excess(),
            idle: IdleTracker::new(&self.limits, self.open_requests.clone()),
        };
        let held: (ConnectionPermit, _) = (permit, self.tasks.token());
        let (builder, end) = (self.builder.clone(), self.end_of(connection.idle.clone()));
        let stopping = self.stopping.clone();
        self.threads.spawn(|service| async move {
            let _held = held;
            match TcpStream::from_std(stream) {
                Ok(stream) => {
                    serve(
                        &builder,
                        stream,
                        connection.clone(),
                        answering(service, connection, stopping),
                        end,
                    )
                    .await;
                }
                Err(error) => not_accepted(&error),
            }
        });
    }

    /// How many are open.
    pub(super) fn count(&self) -> usize {
        self.tasks.len()
    }

    /// Open requests on all of them.
    pub(super) fn open_requests(&self) -> &OpenRequests {
        &self.open_requests
    }

    /// Completes when a connection must end, but never before its first request. HTTP/2 is told at once, because GOAWAY
    /// loses no request. HTTP/1.1 is not closed while idle, because that might cross a request: past its lifetime it
    /// ends with its next answer, and at a stop once the stop delay is over.
    fn end_of(&self, idle: IdleTracker) -> impl Future<Output = ()> + Send + use<S> {
        let (stopping, closing) = (self.stopping.clone(), self.closing.clone());
        let lifetime = about(self.limits.lifetime);
        async move {
            tokio::select! {
                () = sleep(lifetime) => idle.retire(),
                () = stopping.cancelled() => {}
            }
            if !idle.is_multiplexed() {
                closing.cancelled().await;
            }
            idle.first_request().await;
        }
    }

    /// Completes with the last connection.
    pub(super) async fn finish(self) {
        self.closing.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

impl Connection {
    /// Keeps a request open although its answer has begun: while the guard lives, the connection is not idle and a stop
    /// waits.
    pub fn begin(&self, version: Version) -> RequestGuard {
        self.idle.begin(version)
    }

    /// A connection without a socket, to test a service.
    pub fn for_tests() -> Self {
        let idle = IdleTracker::new(&HttpLimits::default(), OpenRequests::default());
        Self { peer: [127, 0, 0, 1].into(), is_trusted: false, is_excess: false, idle }
    }
}

fn protocols() -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    // `IdleTracker` limits the time for heads: the parser's own timer starts only once the protocol is known, and also
    // counts the wait between two requests.
    builder.http1().timer(TokioTimer::new()).header_read_timeout(None).max_buf_size(HEAD_BUFFER as usize);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_header_list_size(HEAD_BUFFER)
        .max_concurrent_streams(STREAMS)
        .keep_alive_interval(PING.0)
        .keep_alive_timeout(PING.1);
    builder
}

/// Serves until the peer leaves, is too slow, or `ends` completes; then closes the connection by the protocol's own
/// means (GOAWAY in HTTP/2) before cutting it.
async fn serve<A>(
    builder: &Builder<TokioExecutor>,
    stream: TcpStream,
    connection: Connection,
    service: A,
    end: impl Future<Output = ()>,
) where
    A: Service<Request<Incoming>, Response = Response, Error = Infallible, Future: Send + 'static>,
{
    // Answers are small and written whole, so there is no more data to wait for.
    drop(stream.set_nodelay(true));
    let idle = connection.idle.clone();
    let io = TokioIo::new(MonitoredStream::new(stream, idle.clone()));
    let mut served = pin!(builder.serve_connection(io, service));
    tokio::select! {
        biased;
        // Errors here are the peer's: a broken connection or protocol.
        _ = served.as_mut() => return,
        () = idle.expired() => {}
        () = end => {}
    }
    served.as_mut().graceful_shutdown();
    idle.drain();
    tokio::select! {
        _ = served => {}
        () = idle.expired() => {}
    }
}

/// The service, reporting the begin and end of each request to the tracker.
fn answering<S: HttpService>(
    service: Arc<S>,
    connection: Connection,
    stopping: CancellationToken,
) -> impl Service<Request<Incoming>, Response = Response, Error = Infallible, Future: Send + 'static> {
    service_fn(move |request: Request<Incoming>| {
        let open = connection.begin(request.version());
        let is_http_1 = request.version() <= Version::HTTP_11;
        let is_last = connection.is_excess || has_transfer_encoding(&request);
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(connection.clone());
        let answer = S::clone(&service).call(request);
        let (idle, stopping) = (connection.idle.clone(), stopping.clone());
        async move {
            let mut response = answer.await?;
            if matches!(response.status(), StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED) {
                // The router sets a length of 0 on every empty body; that of a 304 would have to be the length of the
                // 200 (RFC 9110, 8.6).
                response.headers_mut().remove(header::CONTENT_LENGTH);
            }
            // During a stop, the client must send its next request to another replica.
            if is_http_1 && (is_last || idle.is_retired() || stopping.is_cancelled()) {
                response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
            }
            drop(open);
            Ok(response)
        }
    })
}

/// The parser drops a length next to a transfer encoding, which hides a head that two servers in a row may understand
/// differently; so the connection ends after any request with a transfer encoding (RFC 9112, 6.1).
fn has_transfer_encoding(request: &Request<Incoming>) -> bool {
    request.headers().contains_key(header::TRANSFER_ENCODING)
}

/// A layer for services that have none: answers 503 on a connection that exceeds the limit.
pub async fn refuse_excess(request: Request, next: Next) -> Response {
    match request.extensions().get::<Connection>() {
        Some(connection) if connection.is_excess => {
            (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, "1")], "too many connections\n")
                .into_response()
        }
        _ => next.run(request).await,
    }
}

/// Within ± 10 %, so that connections opened together do not end together.
fn about(time: Duration) -> Duration {
    time.mul_f64(rand::random_range(0.9..1.1))
}

/// The system could not move a connection from one runtime to another; its client sees it closed.
fn not_accepted(error: &io::Error) {
    static THROTTLE: LogThrottle = LogThrottle::new();
    if let Some(suppressed) = THROTTLE.allow() {
        tracing::warn!(%error, suppressed, "cannot accept a connection");
    }
}
