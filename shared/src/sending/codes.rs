//! Codes made here (`RESEND_OTP_MODE=local`): what they are, what is kept of them, and how one is checked. None is
//! stored: every try of a job derives the same one again. For checking, the record of a phone holds keyed hashes of its
//! last codes.
//!
//! | step | what it does |
//! |---|---|
//! | *offer*, with the permit to send | makes the job's code checkable before its message leaves, beside those before it |
//! | *activate*, with the end of the job | a gateway took the message: codes whose messages were taken before this one was offered are gone |
//! | *guess* | counts a check and hands out what it may be compared with |
//! | *spend* | uses up the code that was right |
//!
//! So a code is good from its offer until a later message than its own was taken, also where nobody learns whether a
//! gateway took it. Each code stands `RESEND_OTP_MAX_GUESSES` guesses, and a phone fifteen failed ones in an hour, which no
//! resend takes back. A client may fail 60 times a minute.

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

/// Makes codes, keeps what checking them needs, and checks them.
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
    /// Codes as the settings have them, records in the queue's Redis.
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

    /// How long a code is good, in milliseconds.
    pub(crate) fn life_ms(&self) -> u64 {
        self.life_ms
    }

    /// The phone's records, that under the newest key first.
    fn records(&self, phone: &PhoneNumber) -> Vec<String> {
        self.names.names(phone).iter().map(|name| self.queue.keys().phone(name)).collect()
    }
}

impl Code {
    /// Takes digits as they are.
    pub fn new(digits: String) -> Self {
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
