//! A message's slot at a channel.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::pacing::Pacing;

/// A slot at a channel, to be used at once. If it is dropped unused, the next message gets it.
pub struct Slot {
    channel: Option<&'static str>,
    pacing: Option<Arc<Pacing>>,
    is_used: AtomicBool,
}

impl Slot {
    /// No slot: only a channel without a rate, or one that is free right now, can be used.
    pub fn none() -> Self {
        Self { channel: None, pacing: None, is_used: AtomicBool::new(false) }
    }

    /// A slot at this channel.
    pub(super) fn at(channel: &'static str, pacing: Option<Arc<Pacing>>) -> Self {
        Self { channel: Some(channel), pacing, is_used: AtomicBool::new(false) }
    }

    /// Whether it is for this channel.
    pub(super) fn is_at(&self, channel: &str) -> bool {
        self.channel == Some(channel)
    }

    /// Uses it, if it is for this channel.
    pub(super) fn use_at(&self, channel: &str) -> bool {
        let is_here = self.is_at(channel);
        self.is_used.fetch_or(is_here, Ordering::Relaxed);
        is_here
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        if let (Some(channel), Some(pacing), false) = (self.channel, &self.pacing, *self.is_used.get_mut()) {
            pacing.give_back(channel);
        }
    }
}

impl fmt::Debug for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Slot({:?})", self.channel)
    }
}
