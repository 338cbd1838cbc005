//! The HTTP server of every program: accepts connections until it is told to stop, then lets open requests finish.
//!
//! It limits connections, heads, idle time and lifetimes. Limits on a request's work are the service's.

mod connection;
mod descriptors;
mod idle;
mod limiter;
mod limits;
mod listener;
mod open_requests;
mod parser_refusal;
mod stream;
mod threads;

use std::io;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use tokio::net::TcpListener;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::runtime::health::Readiness;
use connection::Connections;
pub use connection::{Connection, refuse_excess};
pub use idle::RequestGuard;
pub use limits::HttpLimits;
pub use listener::listen;
pub use open_requests::OpenRequests;
use threads::ServerThreads;

/// The service that answers requests: an axum router, or one with layers around it.
pub trait HttpService:
    tower::Service<Request<Body>, Response = Response, Error = std::convert::Infallible, Future: Send>
    + Clone
    + Send
    + Sync
    + 'static
{
}

impl<S> HttpService for S where
    S: tower::Service<Request<Body>, Response = Response, Error = std::convert::Infallible, Future: Send>
        + Clone
        + Send
        + Sync
        + 'static
{
}

/// A server before it serves.
pub struct Server {
    /// Label of its metrics: `api`, `admin` or `worker`.
    pub name: &'static str,
    /// Its limits.
    pub limits: HttpLimits,
    /// Addresses that are exempt from the limit per address: those of trusted proxies.
    pub is_trusted: Arc<dyn Fn(IpAddr) -> bool + Send + Sync>,
    /// Set to false at the stop, before anything else happens.
    pub readiness: Readiness,
    /// Cancelled at the stop.
    pub stopping: CancellationToken,
}

impl Server {
    /// A server that trusts no proxy.
    pub fn new(name: &'static str, limits: HttpLimits, readiness: Readiness) -> Self {
        let is_trusted = Arc::new(|_| false);
        Self { name, limits, is_trusted, readiness, stopping: CancellationToken::new() }
    }

    /// Serves until `stop` completes, on a thread for each of `services`, or on this runtime if there is only one.
    ///
    /// After the stop, new connections are still accepted during the stop delay and while requests are open, so that a
    /// load balancer sees the change of readiness before a connection is refused.
    pub async fn serve<S: HttpService>(
        self,
        listener: TcpListener,
        services: Vec<S>,
        stop: impl Future<Output = ()>,
    ) -> io::Result<()> {
        descriptors::raise_limit(self.limits.connections);
        let threads = ServerThreads::start(services)?;
        let connections = Connections::new(threads, &self);
        tracing::info!(address = %listener.local_addr()?, server = self.name, "listening");
        listener::accept_until(&listener, &connections, stop).await;
        let stop_at = Instant::now() + self.limits.stop;
        self.readiness.set(false);
        self.stopping.cancel();
        tracing::info!(open_requests = connections.open_requests().count(), server = self.name, "stopping");
        listener::accept_until(&listener, &connections, self.drained(connections.open_requests())).await;
        listener::accept_pending(listener, &connections)?;
        let left = connections.count();
        if timeout(stop_at - Instant::now(), connections.finish()).await.is_ok() {
            tracing::info!(server = self.name, "stopped");
        } else {
            tracing::warn!(connections = left, server = self.name, "stopped with requests still open");
        }
        Ok(())
    }

    /// Completes once the stop delay has passed and no request is open, or when the request timeout ends.
    async fn drained(&self, open: &OpenRequests) {
        let mut idle = pin!(async {
            sleep(self.limits.stop_delay).await;
            open.none().await;
        });
        drop(timeout(self.limits.stop_delay + self.limits.request, &mut idle).await);
    }
}

#[cfg(test)]
mod tests;
