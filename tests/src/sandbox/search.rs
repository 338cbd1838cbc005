//! Searches the inbox for certain messages, and continues with those that arrive later.

use std::{collections::VecDeque, sync::Arc};

use super::{inbox::Inbox, message::Message};

/// Messages looked at under one hold of the inbox's lock.
const AT_A_TIME: usize = 2_048;

/// The filter of messages; an absent member matches all.
#[derive(Debug, Default)]
pub(crate) struct Filter {
    to: Option<String>,
    reference: Option<String>,
}

impl Filter {
    /// `to` may lack the plus: in a query string an unescaped one arrives as a space.
    pub(crate) fn new(to: Option<&str>, reference: Option<String>) -> Self {
        Self { to: to.map(|to| digits(to.trim()).to_owned()), reference }
    }

    fn wants(&self, message: &Message) -> bool {
        self.to.as_deref().is_none_or(|to| to == digits(&message.to))
            && self.reference.as_ref().is_none_or(|reference| Some(reference) == message.reference.as_ref())
    }
}

/// The latest wanted messages so far, in order of arrival.
pub(crate) struct Search {
    filter: Filter,
    position: u64,
    limit: usize,
    seen: usize,
    found: VecDeque<Arc<Message>>,
}

impl Search {
    pub(crate) fn new(filter: Filter, limit: usize) -> Self {
        Self { filter, position: 0, limit, seen: 0, found: VecDeque::new() }
    }

    /// Searches the messages that arrived since the last call; returns how many matched in all.
    pub(crate) fn look(&mut self, inbox: &Inbox) -> usize {
        loop {
            let (messages, next) = inbox.read(self.position, AT_A_TIME);
            self.position = next;
            if messages.is_empty() {
                return self.seen;
            }
            for message in messages.into_iter().filter(|message| self.filter.wants(message)) {
                self.seen += 1;
                self.found.push_back(message);
                if self.found.len() > self.limit {
                    self.found.pop_front();
                }
            }
        }
    }

    pub(crate) fn found(&self) -> Vec<&Message> {
        self.found.iter().map(AsRef::as_ref).collect()
    }
}

fn digits(phone: &str) -> &str {
    phone.trim_start_matches('+')
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn message(to: &str, text: &str) -> Message {
        Message {
            ts: 0,
            message_id: "msg".to_owned(),
            channel: "sms".to_owned(),
            to: to.to_owned(),
            from: "eHealth".to_owned(),
            text: text.to_owned(),
            reference: Some(format!("ref-{text}")),
            idempotency_key: None,
            request_id: None,
        }
    }

    fn found(filter: Filter, limit: usize) -> Vec<String> {
        let inbox = Inbox::new(10);
        for (to, text) in [("+380200000001", "a"), ("+380200000002", "b"), ("+380200000001", "c")] {
            inbox.push(Arc::new(message(to, text)));
        }
        let mut search = Search::new(filter, limit);
        search.look(&inbox);
        search.found().into_iter().map(|message| message.text.clone()).collect()
    }

    #[test]
    fn a_phone_is_found_with_plus_without_and_with_the_plus_turned_to_a_space() {
        for to in ["+380200000001", "380200000001", " 380200000001"] {
            assert_eq!(found(Filter::new(Some(to), None), 10), ["a", "c"], "{to:?}");
        }
    }

    #[test]
    fn a_reference_narrows_and_no_filter_takes_all() {
        assert_eq!(found(Filter::new(None, Some("ref-b".to_owned())), 10), ["b"]);
        assert_eq!(found(Filter::new(Some("+380200000001"), Some("ref-b".to_owned())), 10), [""; 0]);
        assert_eq!(found(Filter::default(), 10), ["a", "b", "c"]);
    }

    #[test]
    fn the_limit_keeps_the_latest() {
        assert_eq!(found(Filter::default(), 2), ["b", "c"]);
    }

    #[test]
    fn a_second_look_sees_only_what_is_new() {
        let inbox = Inbox::new(10);
        let mut search = Search::new(Filter::default(), 10);
        assert_eq!(search.look(&inbox), 0);
        inbox.push(Arc::new(message("+380200000001", "a")));
        assert_eq!(search.look(&inbox), 1);
        assert_eq!(search.look(&inbox), 1);
    }
}
