//! Reads the queue for all viewers together. Rates are measured over the same seconds whoever asks and however often,
//! so that viewers do not disturb each other's rates.

use std::collections::VecDeque;

use shared::domain::clock;
use shared::queue::Queue;
use tokio::sync::Mutex;

use crate::ops::figures::{Figures, look};

/// How long figures are shared by all viewers, milliseconds.
const FRESH_MS: u64 = 1_000;

/// About the time that rates are measured over, milliseconds.
const RATES_OVER_MS: u64 = 10_000;

/// The newest figures.
pub(super) struct Sampler {
    queue: Queue,
    looks: Mutex<VecDeque<Figures>>,
}

/// What is shown.
pub(super) struct Sample {
    /// The figures, current or from before Redis went away.
    pub(super) figures: Option<Figures>,
    /// Why there are no current ones.
    pub(super) trouble: Option<String>,
}

impl Sampler {
    pub(super) fn new(queue: Queue) -> Self {
        Self { queue, looks: Mutex::default() }
    }

    /// The current figures, or the last ones with the reason why there are no newer.
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

/// Keeps one sample that is old enough to measure rates from, and all later ones.
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
