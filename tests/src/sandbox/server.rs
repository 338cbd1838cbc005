//! The listener: accepts connections, serves the routes on them, and stops at once when told to. It has its own
//! loop because a fault must be able to close a connection before a byte of the answer left.

use std::{future::Future, io, pin::pin, sync::Arc};

use axum::{Router, body::Body};
use hyper::{Request, body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto::Builder,
};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::Service;

use super::{
    connection::Connection,
    routes::routes,
    state::{Options, Sandbox},
};

/// Serves a sandbox on `listener` until `shutdown` resolves, then drops all connections. The error is that the
/// ledger cannot be opened.
pub async fn serve(
    listener: TcpListener,
    options: Options,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()> {
    let router = routes(&Sandbox::open(&options)?);
    let stop = CancellationToken::new();
    let connections = TaskTracker::new();
    let mut shutdown = pin!(shutdown);
    loop {
        tokio::select! {
            () = &mut shutdown => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => drop(connections.spawn(converse(stream, router.clone(), stop.child_token()))),
                Err(error) => refused(&error).await,
            },
        }
    }
    stop.cancel();
    connections.close();
    connections.wait().await;
    Ok(())
}

/// Out of file handles, or a caller that left already: neither ends the server, but the first would spin.
async fn refused(error: &io::Error) {
    tracing::warn!(%error, "cannot accept");
    tokio::time::sleep(std::time::Duration::from_millis(20)).await;
}

async fn converse(stream: TcpStream, router: Router, end: CancellationToken) {
    // Without it small answers may wait for the caller's acknowledgement; failing, it only costs time.
    let _ = stream.set_nodelay(true);
    let connection = Connection::new(end.clone());
    let service = service_fn(move |request: Request<Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(connection.clone());
        router.clone().call(request)
    });
    let builder = Arc::new(Builder::new(TokioExecutor::new()));
    let serving = builder.serve_connection(TokioIo::new(stream), service);
    tokio::select! {
        biased;
        () = end.cancelled() => {}
        served = serving => if let Err(error) = served {
            tracing::debug!(%error, "connection ended");
        },
    }
}
