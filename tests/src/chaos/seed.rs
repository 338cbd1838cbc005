//! The source of randomness: one number, printed with every run, from which each part derives its own sequence.

use std::hash::{DefaultHasher, Hash, Hasher};

use rand::SeedableRng;
use rand::rngs::StdRng;

/// The seed of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seed(pub u64);

impl Seed {
    /// A sequence for one purpose, independent of what other parts draw.
    pub fn rng(self, purpose: &str) -> StdRng {
        let mut hasher = DefaultHasher::new();
        (self.0, purpose).hash(&mut hasher);
        StdRng::seed_from_u64(hasher.finish())
    }
}

#[cfg(test)]
mod tests {
    use rand::RngExt;

    use super::*;

    #[test]
    fn the_same_seed_and_purpose_draw_the_same() {
        let draw = |seed, purpose| Seed(seed).rng(purpose).random::<u64>();
        assert_eq!(draw(7, "kill"), draw(7, "kill"));
        assert_ne!(draw(7, "kill"), draw(7, "cut"));
        assert_ne!(draw(7, "kill"), draw(8, "kill"));
    }
}
