//! Keys and arguments of one item, in one allocation.

use std::fmt::{Display, Write};

/// Keys, then arguments.
#[derive(Debug)]
pub struct ScriptArgs {
    bytes: Vec<u8>,
    ends: Vec<usize>,
    keys: usize,
}

/// A writer of text into bytes.
struct Text<'a>(&'a mut Vec<u8>);

impl ScriptArgs {
    /// An empty list; keys come before arguments.
    pub fn new() -> Self {
        // Most have two keys and half a dozen arguments, most of them ids.
        Self { bytes: Vec::with_capacity(512), ends: Vec::with_capacity(16), keys: 0 }
    }

    /// Adds a key.
    #[must_use]
    pub fn key(mut self, key: impl Display) -> Self {
        debug_assert_eq!(self.keys, self.ends.len(), "keys come before arguments");
        self.keys += 1;
        self.arg(key)
    }

    /// Adds an argument.
    #[must_use]
    pub fn arg(mut self, argument: impl Display) -> Self {
        // Writing to memory cannot fail.
        let _ = write!(Text(&mut self.bytes), "{argument}");
        self.ends.push(self.bytes.len());
        self
    }

    /// Adds an argument that is not text.
    #[must_use]
    pub fn bytes(mut self, argument: &[u8]) -> Self {
        self.bytes.extend_from_slice(argument);
        self.ends.push(self.bytes.len());
        self
    }

    pub(super) fn keys(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        self.words(0, self.keys)
    }

    pub(super) fn arguments(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        self.words(self.keys, self.ends.len())
    }

    /// Bytes of keys and arguments together.
    pub(super) fn size(&self) -> usize {
        self.bytes.len()
    }

    fn words(&self, from: usize, to: usize) -> impl ExactSizeIterator<Item = &[u8]> {
        (from..to).map(|word| {
            let start = word.checked_sub(1).map_or(0, |before| self.ends[before]);
            &self.bytes[start..self.ends[word]]
        })
    }
}

impl Default for ScriptArgs {
    fn default() -> Self {
        Self::new()
    }
}

impl Write for Text<'_> {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        self.0.extend_from_slice(text.as_bytes());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_come_out_as_they_went_in_also_empty_ones() {
        let item = ScriptArgs::new().key("a").key("").arg("é").arg(7).bytes(&[0xff, 0]).arg("");
        assert_eq!(item.keys().collect::<Vec<_>>(), [&b"a"[..], b""]);
        assert_eq!(item.arguments().collect::<Vec<_>>(), ["é".as_bytes(), b"7", &[0xff, 0], b""]);
        assert_eq!(
            (item.size(), ScriptArgs::new().keys().len(), ScriptArgs::new().arguments().len()),
            (6, 0, 0)
        );
    }
}
