//! Crash handling: a panic becomes a log line like any other, and memory with its secrets is never written to disk.

use std::panic;

use rustix::process::{Resource, Rlimit, setrlimit};

/// Forbids core dumps and turns panics into log lines. Called once by every program, after logging has started.
pub fn contain() {
    if let Err(error) = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) }) {
        tracing::warn!(%error, "cannot forbid core dumps");
    }
    panic::set_hook(Box::new(|info| {
        let location = info.location().map(ToString::to_string);
        let cause = info.payload_as_str().unwrap_or("unknown");
        tracing::error!(location, cause, "panicked");
    }));
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};
    use std::thread;

    use rustix::process::getrlimit;
    use serde_json::Value;

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_panic_is_a_log_line_and_no_core_is_dumped() {
        let lines = Lines::default();
        let writer = lines.clone();
        tracing_subscriber::fmt().json().with_writer(move || writer.clone()).init();
        contain();
        assert!(thread::spawn(|| panic!("on purpose")).join().is_err());
        let line: Value = serde_json::from_slice(&lines.0.lock().unwrap()).unwrap();
        assert_eq!(
            (&line["fields"]["message"], &line["fields"]["cause"]),
            (&"panicked".into(), &"on purpose".into())
        );
        assert_eq!(getrlimit(Resource::Core).maximum, Some(0));
    }
}
