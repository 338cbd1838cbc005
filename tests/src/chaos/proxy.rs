//! A TCP proxy between any two processes, whose two directions can be disturbed while it runs.

mod flow;
mod traffic;

use std::net::SocketAddr;

use tokio::io::AsyncReadExt;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

pub use flow::Flow;
use traffic::Traffic;

pub use traffic::Call;

/// Size of the buffer.
const CHUNK: usize = 16 * 1024;

/// A running proxy; dropping it ends it and all its connections.
pub struct Proxy {
    address: SocketAddr,
    rules: watch::Sender<Rules>,
    traffic: Traffic,
    accepting: JoinHandle<()>,
}

/// What happens to the bytes of each direction.
#[derive(Debug, Clone, Copy)]
struct Rules {
    /// From the caller to the called.
    asked: Flow,
    /// From the called to the caller.
    answered: Flow,
    /// Grows when all connections are cut.
    cut: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Direction {
    Request,
    Reply,
}

impl Proxy {
    /// A proxy to this port of the loopback interface that passes everything on.
    pub async fn to(port: u16) -> std::io::Result<Self> {
        Self::at(0, port).await
    }

    /// The same on a given port, where nothing listens yet.
    pub async fn at(own: u16, port: u16) -> std::io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", own)).await?;
        let address = listener.local_addr()?;
        let traffic = Traffic::default();
        let rules = watch::Sender::new(Rules { asked: Flow::Pass, answered: Flow::Pass, cut: 0 });
        let accepting = tokio::spawn(accept(listener, port, rules.subscribe(), traffic.clone()));
        Ok(Self { address, rules, traffic, accepting })
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Every call that has passed so far.
    pub fn calls(&self) -> Vec<Call> {
        self.traffic.calls()
    }

    /// As a value of `RESEND_REDIS_URL`.
    pub fn redis_url(&self) -> String {
        format!("redis://{}/0", self.address)
    }

    /// Changes both directions, for open connections too.
    pub fn carry(&self, asked: Flow, answered: Flow) {
        self.rules.send_modify(|rules| (rules.asked, rules.answered) = (asked, answered));
    }

    /// Passes everything on again. Connections that lost bytes stay broken, so they are closed.
    pub fn heal(&self) {
        self.carry(Flow::Pass, Flow::Pass);
        self.cut();
    }

    /// Closes every open connection.
    pub fn cut(&self) {
        self.rules.send_modify(|rules| rules.cut += 1);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, port: u16, rules: watch::Receiver<Rules>, traffic: Traffic) {
    while let Ok((caller, _)) = listener.accept().await {
        tokio::spawn(join(caller, port, rules.clone(), traffic.clone()));
    }
}

async fn join(near: TcpStream, port: u16, rules: watch::Receiver<Rules>, traffic: Traffic) {
    let Ok(far) = TcpStream::connect(("127.0.0.1", port)).await else { return };
    let _ = (near.set_nodelay(true), far.set_nodelay(true));
    let (question, reply) = near.into_split();
    let (answer, forward) = far.into_split();
    let connection = traffic.open();
    // When one direction ends, so does the other: connections are closed as a whole.
    tokio::select! {
        () = pump(question, forward, rules.clone(), Direction::Request, |bytes| traffic.passed(connection, Direction::Request, bytes)) => {}
        () = pump(answer, reply, rules, Direction::Reply, |bytes| traffic.passed(connection, Direction::Reply, bytes)) => {}
    }
    traffic.closed(connection);
}

async fn pump(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut rules: watch::Receiver<Rules>,
    direction: Direction,
    passed: impl Fn(usize),
) {
    let mut chunk = vec![0; CHUNK];
    let (mut carried, first) = (0_u64, rules.borrow().cut);
    loop {
        let most = rules.borrow().flow(direction).most_at_once().min(CHUNK);
        let read = tokio::select! {
            read = from.read(&mut chunk[..most]) => read.unwrap_or(0),
            _ = rules.wait_for(|rules| rules.cut != first) => return,
        };
        if read == 0 {
            return;
        }
        let flow = rules.borrow().flow(direction);
        let done = tokio::select! {
            done = flow.carry(&chunk[..read], carried, &mut to) => done,
            _ = rules.wait_for(|rules| rules.cut != first) => return,
        };
        if !done {
            return;
        }
        carried += read as u64;
        passed(read);
    }
}

impl Rules {
    fn flow(&self, direction: Direction) -> Flow {
        match direction {
            Direction::Request => self.asked,
            Direction::Reply => self.answered,
        }
    }
}

#[cfg(test)]
mod tests;
