//! Where states are kept: under the channel and the gateway's name for the message, so that a receipt that overtakes the
//! answer to the submit is as good as any. The job's record only names its message.

use redis::{Cmd, Script};

use super::MessageState;
use crate::domain::clock::millis;
use crate::domain::ids::JobId;
use crate::queue::Queue;
use crate::redis::RedisError;
use crate::telemetry::metric;

/// The channel whose receipts may spell a message's number otherwise than the answer to its submit did.
const SMPP: &str = "smpp";

/// Keeps states as long as jobs are kept after their end (`RESEND_JOB_RETENTION_SECONDS`), also of messages nobody here
/// knows: only a gateway that was let in can name them.
pub struct MessageStates {
    queue: Queue,
    advance: Script,
    note: Script,
}

/// The message of a job, as its gateway knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SentMessage {
    /// The channel that took it.
    pub channel: String,
    /// The gateway's name for it.
    pub message_id: String,
    /// What became of it, and since when, milliseconds since the epoch; `None` where the gateway said nothing.
    pub state: Option<(MessageState, u64)>,
}

impl MessageStates {
    /// States kept in the queue's Redis.
    pub fn new(queue: Queue) -> Self {
        Self {
            queue,
            advance: Script::new(include_str!("scripts/advance.lua")),
            note: Script::new(include_str!("scripts/note.lua")),
        }
    }

    /// Keeps a state unless a stronger one is known. `channel` is one of ours: it is the label of a metric.
    pub async fn advance(
        &self,
        channel: &'static str,
        message_id: &str,
        state: MessageState,
    ) -> Result<bool, RedisError> {
        let mut call = self.advance.key(self.queue.keys().message(channel, message_id));
        call.arg(state.as_str()).arg(state.rank()).arg(millis(self.queue.config().retention));
        let is_news: bool = self.queue.redis().script(&call).await?;
        metrics::counter!(metric::SMS_RECEIPTS, "channel" => channel, "state" => state.as_str()).increment(1);
        Ok(is_news)
    }

    /// Notes in the job's record, while there is one, which message it sent last.
    pub async fn note(&self, job: &JobId, channel: &str, message_id: &str) -> Result<(), RedisError> {
        let keys = self.queue.keys();
        let mut call = self.note.key(keys.job(job));
        call.arg(format!("{channel} {message_id}"));
        self.queue.redis().script::<bool>(&call).await.map(drop)
    }

    /// The message a job sent last, where its gateway named it.
    pub async fn of_job(&self, job: &JobId) -> Result<Option<SentMessage>, RedisError> {
        let keys = self.queue.keys();
        let mut read = Cmd::new();
        read.arg("HGET").arg(keys.job(job)).arg("message");
        let noted: Option<String> = self.queue.redis().command(&read).await?;
        let Some((channel, message_id)) = noted.as_deref().and_then(|noted| noted.split_once(' ')) else {
            return Ok(None);
        };
        let mut state = None;
        for spelling in spellings(channel, message_id) {
            state = self.state(channel, &spelling).await?;
            if state.is_some() {
                break;
            }
        }
        Ok(Some(SentMessage { channel: channel.to_owned(), message_id: message_id.to_owned(), state }))
    }

    async fn state(
        &self,
        channel: &str,
        message_id: &str,
    ) -> Result<Option<(MessageState, u64)>, RedisError> {
        let mut read = Cmd::new();
        read.arg("HMGET").arg(self.queue.keys().message(channel, message_id)).arg("state").arg("at");
        let (word, at): (Option<String>, Option<u64>) = self.queue.redis().command(&read).await?;
        Ok(word.and_then(|word| MessageState::from_word(&word)).zip(at))
    }
}

/// A message's name and, of `smpp`, the same number in the other of hex and decimal: many SMSCs answer a submit with the one
/// and write receipts with the other.
fn spellings(channel: &str, message_id: &str) -> Vec<String> {
    let mut all = vec![message_id.to_owned()];
    if channel == SMPP {
        if let Ok(number) = message_id.parse::<u64>() {
            all.extend([
                format!("{number:x}"),
                format!("{number:X}"),
                format!("{number:08x}"),
                format!("{number:08X}"),
            ]);
        }
        if let Ok(number) = u64::from_str_radix(message_id, 16) {
            all.extend([number.to_string(), format!("{number:010}")]);
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_smpp_numbers_have_other_spellings() {
        assert_eq!(spellings("turbosms", "0015"), ["0015"]);
        assert!(spellings("smpp", "0000001F").contains(&"31".to_owned()));
        assert!(spellings("smpp", "31").contains(&"1f".to_owned()));
        assert!(spellings("smpp", "31").contains(&"0000001F".to_owned()));
        assert_eq!(spellings("smpp", "msg-1"), ["msg-1"]);
    }
}
