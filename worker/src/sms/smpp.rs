//! The SMPP channel (3.4): `submit_sm` over one session that a task of its own keeps. A message is handed over only while
//! the session is bound, and never twice by this channel.

mod driven;
mod encoding;
mod order;
mod receipt_text;
mod refusal;
mod session;

use std::time::Duration;

use rusmppc::Client;
use rusmppc::error::Error;
use tokio::sync::{Semaphore, watch};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::{Closing, Receipts, SmsChannel, SmsMessage, SubmitResult, Submitting, plain_id};
use crate::config::SmppConfig;
use session::{Link, Session};

/// Its name in settings and metrics.
const NAME: &str = SmppChannel::NAME;

/// Submits without an answer at a time; SMSCs commonly allow ten.
const WINDOW: usize = 10;

/// Longest a message waits for its turn, and for the first bind of a program that has just started.
const TURN: Duration = Duration::from_secs(2);

/// Longest the end of the session may take: an unbind and its answer.
const FAREWELL: Duration = Duration::from_secs(3);

/// The client.
pub struct SmppChannel {
    sender: String,
    window: Semaphore,
    link: watch::Receiver<Link>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl SmppChannel {
    /// Its name in settings and metrics.
    pub const NAME: &'static str = "smpp";

    /// Starts the task that keeps the session; it needs a runtime, and ends with this value. Receipts go where told.
    pub fn new(config: &SmppConfig, receipts: Receipts) -> Self {
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        let (session, link) = Session::new(config.clone(), receipts, stop.clone());
        tasks.spawn(session.keep());
        tasks.close();
        Self { sender: config.sender.clone(), window: Semaphore::new(WINDOW), link, stop, tasks }
    }

    async fn send(&self, message: SmsMessage<'_>) -> SubmitResult {
        let Some(orders) = order::orders(message, &self.sender) else {
            return SubmitResult::ChannelUnavailable;
        };
        let Some(client) = self.bound().await else { return SubmitResult::Unreachable };
        let Ok(Ok(_turn)) = timeout(TURN, self.window.acquire()).await else {
            return SubmitResult::Throttled { retry_after: None };
        };
        if !client.is_active() {
            return SubmitResult::Unreachable;
        }
        let mut taken = None;
        for order in orders {
            let submission =
                judge(client.submit_sm(order).await.map(|answer| answer.message_id().to_string()));
            match (&taken, submission) {
                (None, submission @ SubmitResult::Accepted { .. }) => taken = Some(submission),
                (None, submission) => return submission,
                (Some(_), SubmitResult::Accepted { .. }) => {}
                // One part is taken: the phone may show it, so whatever is said of the rest, this may be a message.
                (Some(_), _) => return SubmitResult::Failed,
            }
        }
        taken.unwrap_or(SubmitResult::ChannelUnavailable)
    }

    /// The bound session; the first bind is waited for, a broken session is not.
    async fn bound(&self) -> Option<Client> {
        let mut link = self.link.clone();
        let settled = timeout(TURN, link.wait_for(|link| !matches!(link, Link::Starting))).await;
        match &*settled.ok()?.ok()? {
            Link::Bound(client) => Some(client.clone()),
            Link::Starting | Link::Down => None,
        }
    }

    async fn unbind(&self) {
        self.stop.cancel();
        if timeout(FAREWELL, self.tasks.wait()).await.is_err() {
            tracing::warn!("the SMPP session did not end in time");
        }
    }
}

impl Drop for SmppChannel {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl SmsChannel for SmppChannel {
    fn name(&self) -> &'static str {
        NAME
    }

    fn submit<'a>(&'a self, message: SmsMessage<'a>) -> Submitting<'a> {
        Box::pin(self.send(message))
    }

    fn close(&self) -> Closing<'_> {
        Box::pin(self.unbind())
    }
}

/// What an answer says, or its absence. Whether a connection was lost before or after the write is not told apart.
fn judge(answer: Result<String, Error>) -> SubmitResult {
    match answer {
        Ok(id) => SubmitResult::Accepted { message_id: Some(plain_id(&id)).filter(|id| !id.is_empty()) },
        Err(Error::UnexpectedResponse { response }) if u32::from(response.status()) == 0 => {
            SubmitResult::Accepted { message_id: None }
        }
        Err(Error::UnexpectedResponse { response }) => {
            let status = response.status();
            tracing::warn!(
                status = format!("{:#04x}", u32::from(status)),
                "the SMSC did not take the message"
            );
            refusal::refusal(status)
        }
        Err(Error::Encode(_)) => SubmitResult::ChannelUnavailable,
        Err(_) => SubmitResult::Unanswered,
    }
}

#[cfg(test)]
mod tests;
