//! The independent record of what was sent: a line per message, on its way to the disk before the answer.

use std::{
    fs::{File, OpenOptions},
    io::{self, Write},
    path::Path,
};

use super::message::Message;

/// The file, if one was asked for.
pub(crate) struct Ledger(Option<File>);

impl Ledger {
    /// Opens for appending; an existing ledger is continued.
    pub(crate) fn open(path: Option<&Path>) -> io::Result<Self> {
        let open = |path: &Path| {
            let file = OpenOptions::new().create(true).append(true).open(path);
            file.map_err(|error| io::Error::new(error.kind(), format!("ledger {}: {error}", path.display())))
        };
        Ok(Self(path.map(open).transpose()?))
    }

    /// Appends one line with a single `write`, which the system keeps whole between concurrent writers
    /// (`O_APPEND`). The page cache takes it in microseconds, so no thread is handed over for it; it survives
    /// the end of this process, not of the machine.
    pub(crate) fn append(&self, message: &Message) -> io::Result<()> {
        let Some(mut file) = self.0.as_ref() else { return Ok(()) };
        let mut line = serde_json::to_vec(message)?;
        line.push(b'\n');
        file.write_all(&line)
    }
}
