//! Codes made here (`RESEND_OTP_MODE=local`): what they are, what is kept of them, and how one is checked. None is
//! stored: every try of a job derives the same one again. For checking, a record per phone holds keyed hashes of two:
//!
//! | fields | whose code | set by |
//! |---|---|---|
//! | `job`, `hash`, `expires` | the last message a gateway took | *activate* |
//! | `next_job`, `next_hash`, `next_expires` | the message now on its way | *offer* |
//! | `guesses`, `guess` | guesses taken, and the last one's nonce | *guess* |
//!
//! A check accepts either code until its `expires` (ms since the epoch, by Redis' clock): the one before stays good
//! until a gateway took the new one, and the new one is good as soon as it can arrive, also where nobody learns whether
//! it was taken. A code that was used leaves a mark of its own, so that no retry of its job makes it one again. The
//! record outlives its codes by one life, so that a late code is told from a wrong one.
//!
//! No resend takes a guess back: they begin anew only once no code is live that they could have been aimed at. So a
//! code is compared at most `RESEND_OTP_MAX_GUESSES` times, and a phone is locked no longer than its codes live.

mod check;
mod key;
mod send;

use std::fmt;

use redis::Script;

pub use check::{Checked, Verified};
pub use send::Offered;

use crate::domain::clock::millis;
use crate::domain::ids::JobId;
use crate::domain::phone::PhoneNumber;
use crate::queue::Queue;
use crate::redis::{Redis, ScriptArgs, ScriptBatcher};
use crate::settings::OtpConfig;
use key::OtpKey;

/// Makes codes, keeps what checking them needs, and checks them.
pub struct Codes {
    queue: Queue,
    key: OtpKey,
    older_key: Option<OtpKey>,
    length: u8,
    life_ms: u64,
    max_guesses: u64,
    scripts: Scripts,
}

/// A one-time code, or what somebody takes for one. It does not print.
#[derive(Clone, PartialEq, Eq)]
pub struct Code(String);

struct Scripts {
    offer: Script,
    activate: ScriptBatcher,
    guess: Script,
    spend: Script,
}

impl Codes {
    /// Codes as the settings have them, records in the queue's Redis.
    pub fn new(config: &OtpConfig, queue: Queue) -> Self {
        let life_ms = millis(config.life);
        Self {
            key: OtpKey::new(&config.key),
            older_key: config.older_key.as_ref().map(OtpKey::new),
            length: config.length,
            life_ms,
            max_guesses: config.max_guesses,
            scripts: Scripts::new(queue.redis(), life_ms),
            queue,
        }
    }

    /// Digits of a code.
    pub fn length(&self) -> u8 {
        self.length
    }

    /// Name of a phone's record under this key.
    fn record(&self, key: &OtpKey, phone: &PhoneNumber) -> String {
        self.queue.keys().otp(&key.name(phone))
    }

    /// Name of the mark that a job's code was used.
    fn used(&self, key: &OtpKey, phone: &PhoneNumber, job: &JobId) -> String {
        self.queue.keys().otp_used(&key.name(phone), job)
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

impl Scripts {
    fn new(redis: &Redis, life_ms: u64) -> Self {
        macro_rules! text {
            ($($file:literal),+) => {
                concat!(include_str!("../redis/scripts/prelude.lua"), $(include_str!($file)),+)
            };
        }
        let activate =
            ScriptBatcher::new(redis, text!("codes/scripts/activate.lua"), ScriptArgs::new().arg(life_ms));
        Self {
            offer: Script::new(text!("codes/scripts/codes.lua", "codes/scripts/offer.lua")),
            activate: activate.on_tags_of_their_own(),
            guess: Script::new(text!("codes/scripts/guess.lua")),
            spend: Script::new(text!("codes/scripts/spend.lua")),
        }
    }
}
