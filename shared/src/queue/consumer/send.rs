//! The sends in a job's record: how often it was handed to a gateway, and with what possible result.

use std::sync::Arc;

use super::deliveries::Deliveries;
use crate::domain::ids::ApprovalId;
use crate::queue::delivery::Delivery;
use crate::redis::RedisError;

/// Most submits with an unknown outcome: the first, and one more with the same code.
pub(crate) const MAX_OPEN: u32 = 2;

/// How often a job believes a gateway that answers 503 with a time; any further such answer counts as open.
pub(crate) const MAX_BELIEVED: u32 = 2;

/// How often a job was handed to a gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SendCounts {
    /// In all, whatever the answer was.
    pub handed: u32,
    /// Without knowing whether the message was taken.
    pub open: u32,
    /// Answered by a 503 with a time, which was believed.
    pub believed: u32,
    /// How often it was scheduled for another try.
    pub put_back: u32,
}

/// The outcome of one try's submits, for the job's record and the limits; cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SendSettlement {
    pub(crate) send: Arc<CountedSend>,
    /// How many answers of 503 with a time were believed.
    pub(crate) believed: u32,
    /// Whether a message may be out nevertheless.
    pub(crate) is_open: bool,
}

/// A send that is recorded and counted.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct CountedSend {
    /// The name of its delivery.
    pub(crate) delivery: String,
    pub(crate) approval: ApprovalId,
    /// The job's record, and what the message counts against: messages of everybody, the patient, and the phone under
    /// each secret.
    pub(crate) keys: Vec<String>,
}

/// The code of a message that a gateway took. The job's end *activates* it: this deletes the codes whose messages were
/// taken before it was offered. Its times are those of the message, so that an end has the same effect however
/// late it comes and however often; milliseconds since the epoch by Redis' clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TakenCode {
    /// The phone's records, one for each secret.
    pub(crate) records: Vec<String>,
    /// When the code was offered for the message.
    pub(crate) offered_ms: u64,
    /// When a gateway took the message.
    pub(crate) taken_ms: u64,
}

impl SendCounts {
    /// Whether the next submit is the job's last if its outcome stays unknown.
    pub fn has_one_left(self) -> bool {
        self.open + 1 == MAX_OPEN
    }
}

impl Deliveries {
    /// How often this job was handed to a gateway before.
    pub async fn send_counts(&self, delivery: &Delivery) -> Result<SendCounts, RedisError> {
        let mut read = ::redis::cmd("HMGET");
        read.arg(self.core.keys.job(&delivery.message.job))
            .arg("handed")
            .arg("open")
            .arg("believed")
            .arg("tries");
        let counts: [Option<u32>; 4] = self.core.redis.command(&read).await?;
        let [handed, open, believed, put_back] = counts.map(Option::unwrap_or_default);
        Ok(SendCounts { handed, open, believed, put_back })
    }

    /// Records the outcome of a try. Safe to repeat.
    pub async fn settle_send(&self, settlement: &SendSettlement) -> Result<(), RedisError> {
        let mut call = self.core.scripts.settle_send.prepare_invoke();
        let SendSettlement { send, believed, is_open } = settlement;
        send.keys.iter().for_each(|key| _ = call.key(key));
        call.arg(&send.delivery).arg(believed).arg(u8::from(*is_open)).arg(send.approval.to_string());
        call.arg(self.core.keys.client_messages(""));
        self.core.redis.script_confirmed::<u32>(&call).await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_one_open_outcome_the_next_submit_is_the_last() {
        for (open, expected) in [(0, false), (1, true), (2, false)] {
            assert_eq!(SendCounts { open, ..SendCounts::default() }.has_one_left(), expected, "{open}");
        }
    }
}
