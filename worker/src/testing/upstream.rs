//! Upstream services on a free port: one that speaks HTTP, and others that violate it as networks do.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, Response, Uri};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::task::AbortOnDropHandle;

/// A received request.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// A running service and the requests it received.
pub(crate) struct Service {
    pub(crate) url: String,
    seen: Arc<Mutex<Vec<Seen>>>,
    _running: AbortOnDropHandle<()>,
}

/// What happens to a connection after its first request was read and `said` was written.
#[derive(Debug, Clone, Copy)]
pub(crate) enum ConnectionEnd {
    Cut,
    Hang,
}

impl Service {
    /// Answers every request as the function says.
    pub(crate) async fn answering(
        answer: impl Fn(&Seen) -> Response<String> + Clone + Send + Sync + 'static,
    ) -> Self {
        let seen = Arc::<Mutex<Vec<Seen>>>::default();
        let record = seen.clone();
        let app = Router::new().fallback(async move |uri: Uri, headers: HeaderMap, body: Bytes| {
            let request = Seen { path: uri.path().to_owned(), headers, body };
            let response = answer(&request);
            record.lock().unwrap().push(request);
            response
        });
        let (listener, url) = listen().await;
        let running = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { url, seen, _running: AbortOnDropHandle::new(running) }
    }

    /// Answers every request the same way.
    pub(crate) async fn always(
        status: u16,
        headers: &'static [(&'static str, &'static str)],
        body: &str,
    ) -> Self {
        let body = body.to_owned();
        Self::answering(move |_| reply(status, headers, &body)).await
    }

    /// Reads a request, writes these bytes, and then breaks the connection.
    pub(crate) async fn breaking(said: &'static str, then: ConnectionEnd) -> Self {
        let (listener, url) = listen().await;
        let running = tokio::spawn(async move {
            let mut open = Vec::new();
            loop {
                let mut stream = listener.accept().await.unwrap().0;
                read_some(&mut stream).await;
                let _ = stream.write_all(said.as_bytes()).await;
                if matches!(then, ConnectionEnd::Hang) {
                    open.push(stream);
                }
            }
        });
        Self { url, seen: Arc::default(), _running: AbortOnDropHandle::new(running) }
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
}

/// A URL where nothing listens.
pub(crate) async fn nobody() -> String {
    listen().await.1
}

pub(crate) fn reply(status: u16, headers: &[(&str, &str)], body: &str) -> Response<String> {
    let mut response = Response::builder().status(status);
    for (name, value) in headers {
        response = response.header(*name, *value);
    }
    response.body(body.to_owned()).unwrap()
}

async fn listen() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    (listener, url)
}

/// Reads the whole of a small request, so that closing the connection afterwards does not reset it.
async fn read_some(stream: &mut TcpStream) {
    let _ = stream.read(&mut [0; 4_096]).await;
}
