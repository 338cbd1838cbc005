//! Looks at the queue for all viewers together. Rates are taken over the same seconds whoever asks and however often, so
//! two viewers do not read each other's.

use std::collections::VecDeque;

use shared::domain::clock;
use shared::queue::Queue;
use tokio::sync::Mutex;

use crate::ops::figures::{Figures, look};

/// A look is shared by everybody who asks within this time, milliseconds.
const FRESH_MS: u64 = 1_000;

/// Rates are taken over about this time, milliseconds.
const RATES_OVER_MS: u64 = 10_000;

/// The newest looks.
pub(super) struct Sampler {
    queue: Queue,
    looks: Mutex<VecDeque<Figures>>,
}

/// What is shown.
pub(super) struct Sample {
    /// The figures, of now or of before Redis went away.
    pub(super) figures: Option<Figures>,
    /// Why there are none of now.
    pub(super) trouble: Option<String>,
}

impl Sampler {
    pub(super) fn new(queue: Queue) -> Self {
        Self { queue, looks: Mutex::default() }
    }

    /// The figures of now, or the last ones with the reason why there are no newer.
    pub(super) async fn sample(&self) -> Sample {
        let mut looks = self.looks.lock().await;
        let now = clock::now_ms();
        if let Some(fresh) = looks.back().filter(|look| now.saturating_sub(look.at_ms) < FRESH_MS) {
            return Sample { figures: Some(fresh.clone()), trouble: None };
        }
        match look(&self.queue, looks.front()).await {
            Ok(figures) => {
                looks.push_back(figures.clone());
                forget(&mut looks, now);
                Sample { figures: Some(figures), trouble: None }
            }
            Err(error) => Sample { figures: looks.back().cloned(), trouble: Some(error.to_string()) },
        }
    }
}

/// Keeps one look that is old enough to take rates from, and what came after it.
fn forget(looks: &mut VecDeque<Figures>, now: u64) {
    while looks.get(1).is_some_and(|second| now.saturating_sub(second.at_ms) >= RATES_OVER_MS) {
        looks.pop_front();
    }
}

#[cfg(test)]
mod tests {
    use shared::queue::Overview;

    use super::*;

    #[test]
    fn one_look_old_enough_for_rates_stays() {
        let look = |at_ms| Figures::new("resend", at_ms, Overview::default(), None);
        let mut looks: VecDeque<_> = [0, 1_000, 5_000, 11_000].map(look).into();
        forget(&mut looks, 12_000);
        assert_eq!(looks.iter().map(|look| look.at_ms).collect::<Vec<_>>(), [1_000, 5_000, 11_000]);
    }
}
