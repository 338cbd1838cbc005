//! Keeps one session bound: connects, sends `bind_transceiver` and keep-alives, and reconnects after a pause when it
//! breaks.

use std::str::FromStr as _;
use std::time::{Duration, Instant};

use futures_util::{Stream, StreamExt as _};
use rusmpp::Pdu;
use rusmpp::pdus::BindTransceiver;
use rusmpp::types::COctetString;
use rusmpp::values::InterfaceVersion;
use rusmppc::error::Error;
use rusmppc::{Client, ConnectionBuilder, Event};
use secrecy::ExposeSecret as _;
use shared::runtime::backoff::Backoff;
use shared::telemetry::LogThrottle;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::lost_wakeup::driven;
use super::transport::guarded;
use crate::config::SmppConfig;

/// Pauses between connections.
const BACKOFF: Backoff = Backoff::between(Duration::from_secs(1), Duration::from_secs(30));

/// A session that lasted this long worked: the next pause is short again.
const LASTED: Duration = Duration::from_secs(10);

/// The state of the session.
#[derive(Clone)]
pub(super) enum Link {
    /// The first attempt is still going on.
    Starting,
    /// Bound.
    Bound(Client),
    /// Broken, or refused by the SMSC.
    Down,
}

pub(super) struct Session {
    config: SmppConfig,
    stop: CancellationToken,
    link: watch::Sender<Link>,
}

impl Session {
    pub(super) fn new(config: SmppConfig, stop: CancellationToken) -> (Self, watch::Receiver<Link>) {
        let (link, seen) = watch::channel(Link::Starting);
        (Self { config, stop, link }, seen)
    }

    /// Runs until `stop` is cancelled.
    pub(super) async fn keep(self) {
        static THROTTLE: LogThrottle = LogThrottle::new();
        let mut failed = 0_u32;
        while !self.stop.is_cancelled() {
            let start = Instant::now();
            let Err(why) = self.once().await else { continue };
            self.link.send_replace(Link::Down);
            if let Some(suppressed) = THROTTLE.allow() {
                tracing::warn!(why, suppressed, "the SMPP session is down");
            }
            failed = if start.elapsed() >= LASTED { 0 } else { failed.saturating_add(1) };
            let _ = self.stop.run_until_cancelled(sleep(BACKOFF.wait_anywhere(failed))).await;
        }
        self.link.send_replace(Link::Down);
    }

    /// One session from beginning to end; `Ok` if it was told to stop.
    async fn once(&self) -> Result<(), String> {
        let Some(opened) = self.stop.run_until_cancelled(self.open()).await else { return Ok(()) };
        let (client, mut events) = opened?;
        tracing::info!(host = self.config.host, "the SMPP session is bound");
        self.link.send_replace(Link::Bound(client.clone()));
        let ended = self.stop.run_until_cancelled(listen(&client, &mut events)).await;
        self.link.send_replace(Link::Down);
        if ended.is_none() {
            // Answers to outstanding submits arrive before the answer to this.
            let _ = client.unbind().await;
        }
        let _ = client.close().await;
        ended.map_or(Ok(()), Err)
    }

    async fn open(&self) -> Result<(Client, impl Stream<Item = Event> + Unpin + use<>), String> {
        let SmppConfig { host, port, limit, keep_alive, window, .. } = &self.config;
        let connected = timeout(*limit, TcpStream::connect((host.as_str(), *port))).await;
        let stream = connected.map_err(|_| "no connection in time")?.map_err(|error| error.to_string())?;
        stream.set_nodelay(true).map_err(|error| error.to_string())?;
        let (client, events, connection) = ConnectionBuilder::new()
            .disable_interface_version_check()
            .enquire_link_interval(*keep_alive)
            .enquire_link_response_timeout(*limit)
            .response_timeout(*limit)
            .no_spawn()
            .connected(guarded(stream, *limit));
        tokio::spawn(driven(connection, *window));
        match client.bind_transceiver(self.bind()?).await {
            Ok(_) => Ok((client, events)),
            Err(error) => {
                let _ = client.close().await;
                Err(words(&error))
            }
        }
    }

    fn bind(&self) -> Result<BindTransceiver, String> {
        let wrong = |_| "credentials that a bind cannot carry".to_owned();
        Ok(BindTransceiver::builder()
            .system_id(COctetString::from_str(&self.config.system_id).map_err(wrong)?)
            .password(COctetString::from_str(self.config.password.expose_secret()).map_err(wrong)?)
            .interface_version(InterfaceVersion::Smpp3_4)
            .build())
    }
}

/// Waits for the end of the session; returns its reason. Everything else from the SMSC was answered before this.
async fn listen(client: &Client, events: &mut (impl Stream<Item = Event> + Unpin)) -> String {
    while let Some(event) = events.next().await {
        match event {
            Event::Incoming(command) if matches!(command.pdu(), Some(Pdu::Unbind)) => {
                let _ = client.unbind_resp(command.sequence_number()).await;
                return "the SMSC ended it".to_owned();
            }
            // An answer that came after its caller had given up.
            Event::Incoming(_) => {}
            Event::Error(error) => return words(&error),
        }
    }
    "closed".to_owned()
}

/// Never contains the answer itself, which may repeat what was sent.
fn words(error: &Error) -> String {
    match error {
        Error::UnexpectedResponse { response } => {
            format!("refused with status {:#04x}", u32::from(response.status()))
        }
        Error::Io(error) | Error::Connect(error) => error.to_string(),
        Error::ConnectionClosed | Error::ConnectionClosedByPeer => "the connection was closed".to_owned(),
        Error::ResponseTimeout { .. } | Error::EnquireLinkTimeout { .. } => "no answer in time".to_owned(),
        _ => "an answer that is not SMPP".to_owned(),
    }
}
