//! A wall clock that can be set wrong for one `redis-server`.

use std::fs::File;
use std::os::unix::fs::FileExt as _;

use super::shim::Shim;

/// Source of the library.
const SOURCE: &str = include_str!("../../chaos/shims/clock.c");

/// The clock.
pub struct Clock(Shim);

impl Clock {
    /// A clock that is correct so far; `None` without a C compiler.
    pub fn new() -> Option<Self> {
        let clock = Self(Shim::build(SOURCE)?);
        clock.set(0);
        Some(clock)
    }

    /// The environment variables for `redis-server`.
    pub fn environment(&self) -> [(&'static str, String); 2] {
        self.0.environment("CLOCK_OFFSET")
    }

    /// Sets its error in seconds. The file is written under another name and moved, because the server may read it at
    /// any moment.
    pub fn set(&self, seconds: i64) {
        let (file, aside) = (self.0.file(), self.0.file().with_extension("new"));
        std::fs::write(&aside, format!("{seconds}\n")).expect("a file of our own");
        std::fs::rename(aside, file).expect("a file of our own");
    }
}

/// A wall clock that stands still until it is set.
pub struct HeldClock {
    shim: Shim,
    file: File,
}

impl HeldClock {
    /// A clock that shows this time, milliseconds since the epoch; `None` without a C compiler.
    pub fn at(ms: u64) -> Option<Self> {
        let shim = Shim::build(SOURCE)?;
        let file = File::options().create(true).truncate(true).write(true).open(shim.file()).ok()?;
        file.set_len(4_096).ok()?;
        let clock = Self { shim, file };
        clock.set(ms);
        Some(clock)
    }

    /// The variables `redis-server` is to be started with.
    pub fn environment(&self) -> [(&'static str, String); 2] {
        self.shim.environment("CLOCK_HELD")
    }

    /// Sets it; the server notices with its next command.
    pub fn set(&self, ms: u64) {
        self.file.write_all_at(&ms.to_ne_bytes(), 0).expect("a file of our own");
    }
}
