//! The rules of the platform's OTP service, as far as a caller can see them: a code of four digits, three
//! attempts, fifteen minutes, one open verification per phone.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use chrono::{DateTime, Duration, Utc};
use rand::RngExt;
use uuid::Uuid;

const MAX_ATTEMPTS: u8 = 3;
const LIFETIME: Duration = Duration::minutes(15);

/// Open verifications kept at most; beyond it the expired ones are dropped.
const SWEEP_ABOVE: usize = 100_000;

/// A code that was sent and waits to be typed in.
#[derive(Debug, Clone)]
pub(crate) struct Verification {
    pub(crate) id: Uuid,
    pub(crate) code: String,
    pub(crate) code_expired_at: DateTime<Utc>,
    attempts: u8,
}

/// Why a code was not accepted.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Rejected {
    Unknown,
    TooManyAttempts,
    WrongCode,
    Expired,
}

impl Verification {
    fn start(now: DateTime<Utc>) -> Self {
        Self { id: Uuid::new_v4(), code: new_code(), code_expired_at: now + LIFETIME, attempts: 0 }
    }

    fn check(&mut self, code: &str, now: DateTime<Utc>) -> Result<(), Rejected> {
        if self.attempts >= MAX_ATTEMPTS {
            return Err(Rejected::TooManyAttempts);
        }
        if self.code_expired_at <= now {
            return Err(Rejected::Expired);
        }
        if self.code != code {
            self.attempts += 1;
            return Err(Rejected::WrongCode);
        }
        Ok(())
    }
}

/// The open verification of each phone, and when one was last asked for under a limit.
#[derive(Default)]
pub(crate) struct Verifications {
    open: Mutex<HashMap<String, Verification>>,
    asked: Mutex<HashMap<String, DateTime<Utc>>>,
}

impl Verifications {
    /// Whether the service's limit of one call a phone in `window` lets this one through; then it counts.
    pub(crate) fn may_start(&self, phone: &str, window: std::time::Duration, now: DateTime<Utc>) -> bool {
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        let is_within = |last: &DateTime<Utc>| (now - *last).to_std().is_ok_and(|since| since < window);
        if asked.len() >= SWEEP_ABOVE {
            asked.retain(|_, last| is_within(last));
        }
        if asked.get(phone).is_some_and(is_within) {
            return false;
        }
        asked.insert(phone.to_owned(), now);
        true
    }

    /// A new code for the phone; an earlier one is void.
    pub(crate) fn start(&self, phone: &str, now: DateTime<Utc>) -> Verification {
        let verification = Verification::start(now);
        let mut open = self.lock();
        if open.len() >= SWEEP_ABOVE {
            open.retain(|_, verification| verification.code_expired_at > now);
        }
        open.insert(phone.to_owned(), verification.clone());
        verification
    }

    /// Ends the verification if the code is right.
    pub(crate) fn complete(
        &self,
        phone: &str,
        code: &str,
        now: DateTime<Utc>,
    ) -> Result<Verification, Rejected> {
        let mut open = self.lock();
        open.get_mut(phone).ok_or(Rejected::Unknown)?.check(code, now)?;
        open.remove(phone).ok_or(Rejected::Unknown)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Verification>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// `+380` and nine digits: the only phones the platform's OTP service takes.
pub(crate) fn is_ukrainian(phone: &str) -> bool {
    phone
        .strip_prefix("+380")
        .is_some_and(|rest| rest.len() == 9 && rest.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Three digits from 1 to 9 and their Luhn check digit.
fn new_code() -> String {
    let mut rng = rand::rng();
    let digits: [u32; 3] = std::array::from_fn(|_| rng.random_range(1..=9));
    let [first, second, third] = digits;
    format!("{first}{second}{third}{}", luhn(digits))
}

/// The digit that makes the sum of all four, first and third doubled, a multiple of ten.
fn luhn([first, second, third]: [u32; 3]) -> u32 {
    let doubled = |digit: u32| if digit > 4 { digit * 2 - 9 } else { digit * 2 };
    (10 - (doubled(first) + second + doubled(third)) % 10) % 10
}

#[cfg(test)]
mod tests {
    use super::*;

    const PHONE: &str = "+380200000001";

    #[test]
    fn the_code_sent_completes_once() {
        let (open, now) = (Verifications::default(), Utc::now());
        let code = open.start(PHONE, now).code;
        assert!(open.complete(PHONE, &code, now).is_ok());
        assert_eq!(open.complete(PHONE, &code, now).unwrap_err(), Rejected::Unknown);
    }

    #[test]
    fn the_limit_lets_one_call_a_phone_through_in_its_window() {
        let (open, now, window) = (Verifications::default(), Utc::now(), std::time::Duration::from_mins(1));
        let calls = [0, 59, 60].map(|later| open.may_start(PHONE, window, now + Duration::seconds(later)));
        assert_eq!(calls, [true, false, true]);
        assert!(open.may_start("+380200000002", window, now));
    }

    #[test]
    fn three_wrong_codes_lock_even_the_right_one() {
        let (open, now) = (Verifications::default(), Utc::now());
        let code = open.start(PHONE, now).code;
        for _ in 0..MAX_ATTEMPTS {
            assert_eq!(open.complete(PHONE, "0000", now).unwrap_err(), Rejected::WrongCode);
        }
        assert_eq!(open.complete(PHONE, &code, now).unwrap_err(), Rejected::TooManyAttempts);
    }

    #[test]
    fn a_code_dies_with_its_time_and_with_the_next_one() {
        let (open, now) = (Verifications::default(), Utc::now());
        let code = open.start(PHONE, now).code;
        assert_eq!(open.complete(PHONE, &code, now + LIFETIME).unwrap_err(), Rejected::Expired);
        let id = open.start(PHONE, now).id;
        let next = open.start(PHONE, now);
        assert_ne!(next.id, id);
        assert_eq!(open.complete(PHONE, &next.code, now).unwrap().id, next.id);
    }

    #[test]
    fn a_code_has_four_digits_of_which_the_last_checks_the_others() {
        assert_eq!(luhn([7, 9, 9]), 7);
        assert_eq!(luhn([1, 2, 3]), 0);
        for _ in 0..100 {
            let code = new_code();
            assert!(code.len() == 4 && !code[..3].contains('0'), "{code}");
        }
    }

    #[test]
    fn only_ukrainian_phones_are_taken() {
        assert!(is_ukrainian(PHONE));
        for phone in ["380200000001", "+38020000000", "+3802000000011", "+48110000071", "+38020000000x"] {
            assert!(!is_ukrainian(phone), "{phone}");
        }
    }
}
