//! Recent messages, in memory and in order of arrival, and a signal when the next one arrives.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::watch;

use super::message::Message;

struct StoredMessage {
    /// How many messages went before the first one kept.
    gone: u64,
    messages: VecDeque<Arc<Message>>,
}

/// A bounded list of messages; a position counts messages since the start and never repeats.
pub(crate) struct Inbox {
    keep: usize,
    kept: Mutex<StoredMessage>,
    end: watch::Sender<u64>,
}

impl Inbox {
    pub(crate) fn new(keep: usize) -> Self {
        let kept = Mutex::new(StoredMessage { gone: 0, messages: VecDeque::new() });
        Self { keep, kept, end: watch::Sender::new(0) }
    }

    pub(crate) fn push(&self, message: Arc<Message>) {
        let end = {
            let mut kept = self.lock();
            kept.messages.push_back(message);
            if kept.messages.len() > self.keep {
                kept.messages.pop_front();
                kept.gone += 1;
            }
            kept.end()
        };
        // Two senders may arrive here in reverse order; the end must not step back.
        self.end.send_if_modified(|latest| {
            let newer = end > *latest;
            *latest = end.max(*latest);
            newer
        });
    }

    /// Up to `most` messages from `position` on, and the position after them. Few at a time keep the lock short.
    pub(crate) fn read(&self, position: u64, most: usize) -> (Vec<Arc<Message>>, u64) {
        let kept = self.lock();
        let skipped = usize::try_from(position.saturating_sub(kept.gone)).unwrap_or(usize::MAX);
        let messages: Vec<_> = kept.messages.iter().skip(skipped).take(most).cloned().collect();
        let next = position.max(kept.gone).min(kept.end()) + messages.len() as u64;
        (messages, next)
    }

    /// The position after the latest message.
    pub(crate) fn end(&self) -> u64 {
        self.lock().end()
    }

    /// Completes when a message has arrived since the last read.
    pub(crate) fn arrivals(&self) -> watch::Receiver<u64> {
        self.end.subscribe()
    }

    /// Empties it; positions go on.
    pub(crate) fn clear(&self) {
        let mut kept = self.lock();
        kept.gone = kept.end();
        kept.messages = VecDeque::new();
    }

    fn lock(&self) -> MutexGuard<'_, StoredMessage> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl StoredMessage {
    fn end(&self) -> u64 {
        self.gone + self.messages.len() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::search::tests::message;

    fn texts(inbox: &Inbox, position: u64, most: usize) -> (Vec<String>, u64) {
        let (messages, next) = inbox.read(position, most);
        (messages.iter().map(|message| message.text.clone()).collect(), next)
    }

    fn inbox(keep: usize, texts: &[&str]) -> Inbox {
        let inbox = Inbox::new(keep);
        for text in texts {
            inbox.push(Arc::new(message("+380200000001", text)));
        }
        inbox
    }

    #[test]
    fn the_oldest_go_when_it_is_full_and_positions_go_on() {
        let inbox = inbox(2, &["a", "b", "c"]);
        assert_eq!(texts(&inbox, 0, 10), (vec!["b".to_owned(), "c".to_owned()], 3));
        assert_eq!(texts(&inbox, 2, 10), (vec!["c".to_owned()], 3));
        assert_eq!(inbox.end(), 3);
    }

    #[test]
    fn reading_goes_on_where_it_stopped() {
        let inbox = inbox(10, &["a", "b", "c"]);
        assert_eq!(texts(&inbox, 0, 2), (vec!["a".to_owned(), "b".to_owned()], 2));
        assert_eq!(texts(&inbox, 2, 2), (vec!["c".to_owned()], 3));
        assert_eq!(texts(&inbox, 3, 2), (vec![], 3));
    }

    #[test]
    fn clearing_hides_what_was_and_keeps_what_comes() {
        let inbox = inbox(10, &["a", "b"]);
        inbox.clear();
        assert_eq!(texts(&inbox, 0, 10), (vec![], 2));
        inbox.push(Arc::new(message("+380200000001", "c")));
        assert_eq!(texts(&inbox, 2, 10), (vec!["c".to_owned()], 3));
    }

    #[test]
    fn an_arrival_wakes_those_who_wait() {
        let inbox = inbox(10, &[]);
        let arrivals = inbox.arrivals();
        assert!(!arrivals.has_changed().unwrap());
        inbox.push(Arc::new(message("+380200000001", "a")));
        assert!(arrivals.has_changed().unwrap());
    }
}
