//! Codes made here (`RESEND_OTP_MODE=local`): how they are made, what is stored of them, and how they are checked. No
//! code is stored: every try of a job derives the same one again. For checks, the record of a phone holds keyed hashes
//! of its last codes.
//!
//! | step | what it does |
//! |---|---|
//! | *offer*, with the permit to send | makes the job's code checkable before its message leaves, alongside earlier ones |
//! | *activate*, with the end of the job | a gateway took the message: deletes codes taken before its offer |
//! | *guess* | counts a check and returns the hashes to compare with |
//! | *spend* | uses up the code that was right |
//!
//! So a code is valid from its offer until a gateway took a later message than its own, even if nobody learns whether a
//! gateway took its own. Each code allows `RESEND_OTP_MAX_GUESSES` guesses, and a phone fifteen failed ones in an hour,
//! which no resend resets. A client may fail 60 times a minute.

mod check;
mod key;
mod send;

use std::fmt;

use redis::Script;

pub use check::{Checked, NextCheck, Verified};
pub(crate) use send::JobCode;
pub use send::OfferedCode;

use super::phone_names::PhoneNames;
use super::{GUESS, SPEND};
use crate::domain::clock::millis;
use crate::domain::phone::PhoneNumber;
use crate::queue::Queue;
use crate::settings::OtpConfig;
use key::OtpKey;

/// Makes codes, stores their hashes, and checks them.
pub struct Codes {
    queue: Queue,
    /// The newest first.
    keys: Vec<OtpKey>,
    names: PhoneNames,
    length: u8,
    life_ms: u64,
    max_guesses: u64,
    guess: Script,
    spend: Script,
}

/// A one-time code, or a guess at one. It does not print.
#[derive(Clone, PartialEq, Eq)]
pub struct Code(String);

impl Codes {
    /// Codes with these settings; records are in the queue's Redis.
    pub fn new(config: &OtpConfig, queue: Queue) -> Self {
        let life_ms = millis(config.life);
        let secrets = || std::iter::once(&config.key).chain(&config.older_key);
        Self {
            keys: secrets().map(OtpKey::new).collect(),
            names: PhoneNames::new(secrets()),
            length: config.length,
            life_ms,
            max_guesses: config.max_guesses,
            guess: Script::new(GUESS),
            spend: Script::new(SPEND),
            queue,
        }
    }

    /// Digits of a code.
    pub fn length(&self) -> u8 {
        self.length
    }

    /// How long a code is valid, in milliseconds.
    pub(crate) fn life_ms(&self) -> u64 {
        self.life_ms
    }

    /// The phone's records, the one under the newest key first.
    fn records(&self, phone: &PhoneNumber) -> Vec<String> {
        self.names.names(phone).iter().map(|name| self.queue.keys().phone(name)).collect()
    }
}

impl Code {
    /// Takes digits unchecked.
    pub fn new(digits: String) -> Self {
        Self(digits)
    }

    /// The digits, for the text of the message and the hash of the check only.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Code(***)")
    }
}
