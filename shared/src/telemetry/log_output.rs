//! The output of the logging thread: lines that come soon after each other are written together.

use std::io::{self, BufWriter, Write};
use std::thread;
use std::time::Duration;

/// Pause after each write: the longest a line waits, and so what a killed program may leave unwritten. Without it the
/// thread is woken for each line, which cost up to a fifth of a worker's CPU at one line per job
/// (`tests/bench/README.md`).
const PAUSE: Duration = Duration::from_millis(5);

/// Most bytes written together: all that is ready when the thread wakes, up to this.
const WRITTEN_TOGETHER: usize = 64 * 1024;

/// A buffer that pauses after each flush, while the next lines gather in the queue before it.
pub(super) struct LogOutput<W: Write>(BufWriter<W>);

impl<W: Write> LogOutput<W> {
    pub(super) fn new(out: W) -> Self {
        Self(BufWriter::with_capacity(WRITTEN_TOGETHER, out))
    }
}

impl<W: Write> Write for LogOutput<W> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.write(line)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()?;
        thread::sleep(PAUSE);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Sender, channel};

    use super::*;

    /// Passes on what is written, write by write.
    struct Writes(Sender<Vec<u8>>);

    impl Write for Writes {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.send(bytes.to_vec()).map_err(io::Error::other)?;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn lines_between_two_flushes_are_one_write() {
        let (sender, writes) = channel();
        let mut output = LogOutput::new(Writes(sender));
        for lines in [&["one\n", "two\n"][..], &["three\n"]] {
            for line in lines {
                output.write_all(line.as_bytes()).unwrap();
            }
            output.flush().unwrap();
        }
        drop(output);
        assert_eq!(writes.iter().collect::<Vec<_>>(), [b"one\ntwo\n".to_vec(), b"three\n".to_vec()]);
    }
}
