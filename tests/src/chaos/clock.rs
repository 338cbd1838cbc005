//! A clock on the wall that can be set wrong for one `redis-server`.

use super::shim::Shim;

/// Source of the library.
const SOURCE: &str = include_str!("../../chaos/shims/clock.c");

/// The clock.
pub struct Clock(Shim);

impl Clock {
    /// A clock that is right so far; `None` without a C compiler.
    pub fn new() -> Option<Self> {
        let clock = Self(Shim::build(SOURCE)?);
        clock.set(0);
        Some(clock)
    }

    /// The variables `redis-server` is to be started with.
    pub fn environment(&self) -> [(&'static str, String); 2] {
        self.0.environment("CLOCK_OFFSET")
    }

    /// Makes it wrong by so many seconds. Written aside and moved: the server reads the file at any moment.
    pub fn set(&self, seconds: i64) {
        let (file, aside) = (self.0.file(), self.0.file().with_extension("new"));
        std::fs::write(&aside, format!("{seconds}\n")).expect("a file of our own");
        std::fs::rename(aside, file).expect("a file of our own");
    }
}
