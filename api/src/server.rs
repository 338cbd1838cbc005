//! The HTTP server: takes connections until it is told to stop, then lets open requests end.

mod activity;
mod connection;
mod descriptors;
mod lanes;
mod seats;

use std::io;
use std::pin::pin;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::time::{Instant, sleep, timeout};

use crate::middleware::exchange::Exchange;
use crate::state::Api;
pub(crate) use activity::{Activity, OpenRequest};
use connection::Connections;
use lanes::Lanes;

/// Between looks at whether open requests have ended.
const DRAIN_LOOK: Duration = Duration::from_millis(10);

/// Wait after the system could not give a connection, most often for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves until `stop`, on a lane for each of `exchanges`. Readiness turns at once; then new connections are still taken
/// while those who send them learn of it and while requests are open; then the open ones end.
pub(crate) async fn serve(
    listener: TcpListener,
    exchanges: Vec<Exchange>,
    api: &Api,
    stop: impl Future<Output = ()>,
) -> io::Result<()> {
    descriptors::raise_limit(api.server.connections);
    let connections = Connections::new(Lanes::start(exchanges)?, api.server.clone());
    let address = listener.local_addr()?;
    api.readiness.set(true);
    tracing::info!(%address, "listening");
    take_until(&listener, &connections, stop).await;
    let stop_at = Instant::now() + api.server.stop;
    api.readiness.set(false);
    api.stopping.cancel();
    tracing::info!(open_requests = api.in_flight.now(), "stopping");
    take_until(&listener, &connections, drained(api)).await;
    take_accepted(listener, &connections)?;
    let left = connections.count();
    if timeout(stop_at - Instant::now(), connections.finish()).await.is_ok() {
        tracing::info!("stopped");
    } else {
        tracing::warn!(connections = left, "stopped with requests still open");
    }
    Ok(())
}

async fn take_until(listener: &TcpListener, connections: &Connections, end: impl Future<Output = ()>) {
    let mut end = pin!(end);
    loop {
        tokio::select! {
            biased;
            () = &mut end => return,
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => connections.take(stream.into_std(), peer.ip()),
                Err(error) if is_the_peers(&error) => {}
                Err(error) => {
                    tracing::warn!(%error, "cannot take connections");
                    sleep(ACCEPT_PAUSE).await;
                }
            },
        }
    }
}

/// A connection that was gone before it was taken is no trouble of ours.
fn is_the_peers(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionReset
    )
}

/// Done when the linger is over and no request is open; at the latest when every request of before the stop must
/// have ended.
async fn drained(api: &Api) {
    sleep(api.server.linger).await;
    let all_ended = async {
        while api.in_flight.now() + api.waits.now() > 0 {
            sleep(DRAIN_LOOK).await;
        }
    };
    drop(timeout(api.server.request, all_ended).await);
}

/// Takes what the system has accepted for us already: closing the socket would reset those connections.
fn take_accepted(listener: TcpListener, connections: &Connections) -> io::Result<()> {
    let listener = listener.into_std()?;
    while let Ok((stream, peer)) = listener.accept() {
        connections.take(stream.set_nonblocking(true).map(|()| stream), peer.ip());
    }
    Ok(())
}
