//! The SMPP channel (3.4): `submit_sm` over one session, which a separate task keeps bound. A message is handed over
//! only while the session is bound, and never twice by this channel.

mod encoding;
mod error;
mod frame;
mod incoming;
mod lost_wakeup;
mod receipt;
mod session;
mod submit_sm;
mod transport;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rusmpp::CommandId;
use rusmpp::pdus::SubmitSm;
use rusmppc::Client;
use rusmppc::error::Error;
use tokio::sync::{Semaphore, watch};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::{Cause, Closing, SmsChannel, SmsMessage, Submission, SubmitResult, Submitting, plain_id};
use crate::config::SmppConfig;
use session::{Link, Session};

/// Its name in settings and metrics.
const NAME: &str = SmppChannel::NAME;

/// Longest a message waits for the first bind after a program's start.
const BIND_WAIT: Duration = Duration::from_secs(2);

/// Longest a message waits for room in the window; with the answer's 5 s it stays within what all channels may take.
const WINDOW_WAIT: Duration = Duration::from_secs(4);

/// Longest the end of the session may take: unbind and answer.
const UNBIND_TIMEOUT: Duration = Duration::from_secs(3);

/// The client.
pub struct SmppChannel {
    sender: String,
    window: Semaphore,
    /// Cleared when the SMSC refuses a validity period.
    with_validity: AtomicBool,
    link: watch::Receiver<Link>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl SmppChannel {
    /// Its name in settings and metrics.
    pub const NAME: &'static str = "smpp";

    /// Starts the task that keeps the session; needs a runtime. The task ends when this value is dropped.
    pub fn new(config: &SmppConfig) -> Self {
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        let (session, link) = Session::new(config.clone(), stop.clone());
        tasks.spawn(session.keep());
        tasks.close();
        Self {
            sender: config.sender.clone(),
            window: Semaphore::new(config.window),
            with_validity: AtomicBool::new(config.validity_period),
            link,
            stop,
            tasks,
        }
    }

    async fn send(&self, message: SmsMessage<'_>) -> Submission {
        let Some(client) = self.bound().await else {
            return Submission::new(SubmitResult::Unreachable, Cause::NoConnection);
        };
        // If our own window is full, that is no fault of the SMSC.
        let Ok(Ok(_room)) = timeout(WINDOW_WAIT, self.window.acquire()).await else {
            return SubmitResult::Held { retry_after: None }.into();
        };
        if !(message.may_submit)() {
            return SubmitResult::Held { retry_after: None }.into();
        }
        if !client.is_active() {
            return Submission::new(SubmitResult::Unreachable, Cause::NoConnection);
        }
        let with_validity = self.with_validity.load(Ordering::Relaxed);
        let submission = self.submit_parts(&client, message, with_validity).await;
        if !with_validity || submission.cause != Some(Cause::CommandStatus(error::INVALID_VALIDITY)) {
            return submission;
        }
        if self.with_validity.swap(false, Ordering::Relaxed) {
            tracing::warn!("the SMSC refuses validity periods: messages go without one from now on");
        }
        self.submit_parts(&client, message, false).await
    }

    async fn submit_parts(
        &self,
        client: &Client,
        message: SmsMessage<'_>,
        with_validity: bool,
    ) -> Submission {
        let mut taken = None;
        for part in submit_sm::parts(message, &self.sender, with_validity).unwrap_or_default() {
            let submission = submit(client, part).await;
            match (&taken, &submission.result) {
                (None, SubmitResult::Accepted { .. }) => taken = Some(submission),
                (None, _) => return submission,
                (Some(_), SubmitResult::Accepted { .. }) => {}
                // One part was taken, so the phone may show it: whatever the answers to the rest, this may be a
                // message.
                (Some(_), _) => {
                    let result = SubmitResult::Indeterminate { silent: false };
                    return Submission { result, cause: submission.cause };
                }
            }
        }
        // No parts: SMPP cannot carry the text.
        taken.unwrap_or(SubmitResult::ChannelUnavailable.into())
    }

    /// The bound session; waits for the first bind, but not for a broken session.
    async fn bound(&self) -> Option<Client> {
        let mut link = self.link.clone();
        let settled = timeout(BIND_WAIT, link.wait_for(|link| !matches!(link, Link::Starting))).await;
        match &*settled.ok()?.ok()? {
            Link::Bound(client) => Some(client.clone()),
            Link::Starting | Link::Down => None,
        }
    }

    async fn unbind(&self) {
        self.stop.cancel();
        if timeout(UNBIND_TIMEOUT, self.tasks.wait()).await.is_err() {
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

async fn submit(client: &Client, part: SubmitSm) -> Submission {
    judge(client.submit_sm(part).await.map(|answer| answer.message_id().to_string()))
}

/// How an answer, or its absence, is interpreted. Connections lost before and after the write are not told apart.
fn judge(answer: Result<String, Error>) -> Submission {
    match answer {
        Ok(id) => {
            let message_id = Some(plain_id(&id)).filter(|id| !id.is_empty());
            SubmitResult::Accepted { message_id }.into()
        }
        Err(Error::UnexpectedResponse { response }) => {
            let status = u32::from(response.status());
            let (status_text, cause) = (format!("{status:#04x}"), Cause::CommandStatus(status));
            tracing::warn!(status = status_text, "the SMSC did not take the message");
            let is_refusal = matches!(response.id(), CommandId::SubmitSmResp | CommandId::GenericNack);
            let result = if is_refusal && status != 0 {
                error::refusal(status)
            } else {
                SubmitResult::Indeterminate { silent: false }
            };
            Submission::new(result, cause)
        }
        Err(Error::Encode(_)) => SubmitResult::ChannelUnavailable.into(),
        Err(_) => Submission::silent(),
    }
}

#[cfg(test)]
mod tests;
