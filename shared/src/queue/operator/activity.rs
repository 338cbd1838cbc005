//! Who did what to the queue: a bounded stream of operators' actions.

use super::role::Operator;
use crate::queue::error::QueueError;
use std::collections::HashMap;

/// How many actions are kept, to within a block of the stream.
const KEPT: usize = 1_000;

/// One action of an operator. It names a job, an entry or a phone's digest, never a person or a number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperatorAction {
    /// When, milliseconds since the epoch by Redis' clock.
    pub at_ms: u64,
    /// Who and where: `user@host`.
    pub who: String,
    /// What: `pause`, `resume`, `cancel`, `retry`, `purge`, `unlock`, …
    pub action: String,
    /// On what, if anything.
    pub subject: String,
    /// The reason given, if any.
    pub because: String,
}

impl Operator {
    /// Records an action that was done.
    pub async fn record_action(
        &self,
        who: &str,
        action: &str,
        subject: &str,
        because: &str,
    ) -> Result<(), QueueError> {
        let mut add = ::redis::cmd("XADD");
        add.arg(self.core.keys.activity()).arg("MAXLEN").arg("~").arg(KEPT).arg("*");
        add.arg(&[("who", who), ("action", action), ("subject", subject), ("because", because)]);
        let _entry: String = self.core.redis.command(&add).await?;
        Ok(())
    }

    /// The newest actions, newest first.
    pub async fn actions(&self, limit: usize) -> Result<Vec<OperatorAction>, QueueError> {
        let mut read = ::redis::cmd("XREVRANGE");
        read.arg(self.core.keys.activity()).arg("+").arg("-").arg("COUNT").arg(limit);
        let entries: Vec<(String, HashMap<String, String>)> = self.core.redis.command(&read).await?;
        Ok(entries.into_iter().map(|(entry, fields)| read_action(&entry, fields)).collect())
    }
}

fn read_action(entry: &str, mut fields: HashMap<String, String>) -> OperatorAction {
    let mut field = |name: &str| fields.remove(name).unwrap_or_default();
    let at_ms = entry.split('-').next().and_then(|ms| ms.parse().ok()).unwrap_or(0);
    let (who, action, subject, because) = (field("who"), field("action"), field("subject"), field("because"));
    OperatorAction { at_ms, who, action, subject, because }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_action_is_dated_by_its_entry_and_absent_members_are_empty() {
        let fields = HashMap::from([("who".to_owned(), "oksana@ops-3".to_owned())]);
        let action = read_action("1533206716000-0", fields);
        assert_eq!((action.at_ms, action.who.as_str()), (1_533_206_716_000, "oksana@ops-3"));
        assert!(action.subject.is_empty() && action.because.is_empty());
    }
}
