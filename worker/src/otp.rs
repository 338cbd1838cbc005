//! Codes: what they are, how they are made, and what is kept to check them later. Checking is not done here.

mod key;
mod local;

use std::fmt;

pub use local::{LocalCodes, Offered};

/// A one-time code. It does not print.
#[derive(Clone, PartialEq, Eq)]
pub struct Code(String);

impl Code {
    pub(crate) fn new(digits: String) -> Self {
        Self(digits)
    }

    /// The digits. Only the text of the message and the hash to check it may ask for them.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Code(***)")
    }
}
