//! Jobs for their clients: reading one, and waiting for its end.

mod notifier;
mod read;

pub use notifier::{JobNotifier, Subscription};
pub use read::JobStore;
