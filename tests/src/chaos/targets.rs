//! The APIs that clients use, like the list of a load balancer: it changes while they send requests.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use crate::stack::Member;

/// Base URLs, handed out in turn.
#[derive(Clone, Default)]
pub struct Targets {
    urls: Arc<RwLock<Vec<String>>>,
    turn: Arc<AtomicUsize>,
}

impl Targets {
    /// Replaces the list.
    pub fn set(&self, members: &[Member]) {
        let urls = members.iter().map(|member| member.url.clone()).collect();
        *self.urls.write().unwrap_or_else(PoisonError::into_inner) = urls;
    }

    /// Removes one.
    pub fn remove(&self, url: &str) {
        self.urls.write().unwrap_or_else(PoisonError::into_inner).retain(|known| known != url);
    }

    /// The next one; empty if there is none.
    pub fn next(&self) -> String {
        let urls = self.urls.read().unwrap_or_else(PoisonError::into_inner);
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        if urls.is_empty() { String::new() } else { urls[turn % urls.len()].clone() }
    }
}
