//! Log lines, buffered for a moment and written together: under load there is a line for each request, and a system
//! call for each is a twentieth of what a request costs. A warning or an error is written at once, with all before it.
//! Where standard error takes no more, whoever logs waits, as without this.

use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tracing::{Level, Metadata};
use tracing_subscriber::fmt::MakeWriter;

/// Longest a line waits, and so what a process that is killed may leave unsaid.
const LONGEST_WAIT: Duration = Duration::from_millis(5);

/// Bytes that are written without waiting for more.
const FLUSH_SIZE: usize = 64 * 1024;

/// Takes lines from any thread; clones share what is buffered.
pub(super) struct BufferedWriter<W> {
    shared: Arc<Shared<W>>,
}

struct Shared<W> {
    lines: Mutex<Vec<u8>>,
    first: Condvar,
    /// Locked before `lines`, so that lines come out in the order they went in.
    out: Mutex<Sink<W>>,
}

struct Sink<W> {
    to: W,
    /// What is being written; between two writes empty, and changed for `lines`, so that neither is ever made anew.
    writing: Vec<u8>,
}

/// Writes one event.
pub(super) struct LineWriter<'a, W: Write> {
    writer: &'a BufferedWriter<W>,
    urgent: bool,
}

impl<W: Write + Send + 'static> BufferedWriter<W> {
    /// Writes to `out` from a thread of its own.
    pub(super) fn to(out: W) -> io::Result<Self> {
        let out = Mutex::new(Sink { to: out, writing: Vec::new() });
        let shared = Arc::new(Shared { lines: Mutex::default(), first: Condvar::new(), out });
        let writing = shared.clone();
        std::thread::Builder::new().name("log".into()).spawn(move || writing.write_on())?;
        Ok(Self { shared })
    }
}

impl<W: Write> BufferedWriter<W> {
    /// Writes what is there.
    pub(super) fn flush(&self) -> io::Result<()> {
        self.shared.write()
    }
}

impl<W> Clone for BufferedWriter<W> {
    fn clone(&self) -> Self {
        Self { shared: self.shared.clone() }
    }
}

impl<W: Write> Shared<W> {
    fn write_on(&self) {
        loop {
            let empty = self.first.wait_while(self.lines(), |lines| lines.is_empty());
            drop(empty.unwrap_or_else(PoisonError::into_inner));
            std::thread::sleep(LONGEST_WAIT);
            // Standard error that takes nothing is nobody's to tell.
            drop(self.write());
        }
    }

    fn write(&self) -> io::Result<()> {
        let mut out = self.out.lock().unwrap_or_else(PoisonError::into_inner);
        let Sink { to, writing } = &mut *out;
        std::mem::swap(&mut *self.lines(), writing);
        let written = to.write_all(writing);
        writing.clear();
        written
    }

    fn lines(&self) -> MutexGuard<'_, Vec<u8>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<'a, W: Write + 'a> MakeWriter<'a> for BufferedWriter<W> {
    type Writer = LineWriter<'a, W>;

    fn make_writer(&'a self) -> Self::Writer {
        LineWriter { writer: self, urgent: true }
    }

    fn make_writer_for(&'a self, meta: &Metadata<'_>) -> Self::Writer {
        LineWriter { writer: self, urgent: *meta.level() <= Level::WARN }
    }
}

impl<W: Write> Write for LineWriter<'_, W> {
    /// A whole line comes in one call.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let shared = &self.writer.shared;
        let mut lines = shared.lines();
        let before = lines.len();
        lines.extend_from_slice(line);
        let enough = lines.len() >= FLUSH_SIZE;
        drop(lines);
        if self.urgent || enough {
            shared.write()?;
        } else if before == 0 {
            shared.first.notify_one();
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, Sender, channel};

    use super::*;

    /// Hands on what is written, write by write.
    struct Writes(Sender<String>);

    impl Write for Writes {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let text = String::from_utf8(bytes.to_vec()).map_err(io::Error::other)?;
            self.0.send(text).map_err(io::Error::other)?;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn writer() -> (BufferedWriter<Writes>, Receiver<String>) {
        let (sender, receiver) = channel();
        (BufferedWriter::to(Writes(sender)).unwrap(), receiver)
    }

    fn say(writer: &BufferedWriter<Writes>, urgent: bool, line: &str) {
        LineWriter { writer, urgent }.write_all(line.as_bytes()).unwrap();
    }

    #[test]
    fn lines_of_a_moment_are_written_together_and_soon() {
        let (writer, writes) = writer();
        let lines: Vec<_> = (0..100).map(|line| format!("{line}\n")).collect();
        for line in &lines {
            say(&writer, false, line);
        }
        let (mut text, mut count) = (String::new(), 0);
        while !text.ends_with("99\n") {
            text += &writes.recv_timeout(Duration::from_secs(5)).unwrap();
            count += 1;
        }
        assert!(count < 20, "{count} writes");
        assert_eq!(text, lines.concat());
    }

    #[test]
    fn what_is_urgent_is_written_before_the_call_is_done_and_behind_all_before_it() {
        let (writer, writes) = writer();
        say(&writer, false, "a\n");
        say(&writer, true, "b\n");
        assert_eq!(writes.try_iter().collect::<String>(), "a\nb\n");
    }

    #[test]
    fn much_is_not_held_back() {
        let (writer, writes) = writer();
        say(&writer, false, &"a".repeat(FLUSH_SIZE));
        assert_eq!(writes.try_iter().map(|text| text.len()).sum::<usize>(), FLUSH_SIZE);
    }

    #[test]
    fn a_flush_leaves_nothing_behind() {
        let (writer, writes) = writer();
        say(&writer, false, "a\n");
        writer.flush().unwrap();
        assert_eq!(writes.try_iter().collect::<String>(), "a\n");
    }
}
