//! The check of a code, in two steps around the comparison. *Guess* counts the check before anything is compared, in one
//! step with reading what to compare with, so that a thousand guesses at once get as many comparisons as are left.
//! *Spend* uses the code up in one step, so that of two right guesses at once one is right. In between, hashes are
//! compared here and not in Redis: the key stays out of it, and the comparison takes the same time whatever it finds.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use subtle::{Choice, ConstantTimeEq as _};
use uuid::Uuid;

use super::key::OtpKey;
use super::{Code, Codes};
use crate::domain::ids::{ClientId, JobId};
use crate::domain::phone::PhoneNumber;
use crate::redis::RedisError;
use crate::settings::FAILED_CHECKS_PER_PHONE_HOUR;

/// Failed checks of a client within a minute.
const FAILED_PER_CLIENT_MINUTE: u64 = 60;

/// The result of a check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Checked {
    /// It is the code, which is used up now.
    Right(Verified),
    /// It is not. Neither is any guess at a phone that was sent none: the two are not told apart.
    Wrong,
    /// The phone's codes are too old.
    Expired,
    /// There were too many guesses at the phone's codes; this one was not looked at.
    Spent(NextCheck),
    /// The client failed too often; this check was not looked at.
    ClientLimit(NextCheck),
}

/// When a check is looked at again, by Redis' clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NextCheck {
    /// Milliseconds since the epoch.
    pub at_ms: u64,
    /// The clock at this check.
    pub now_ms: u64,
}

/// A code that was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// Name of the verification; it does not lead back to job or phone.
    pub id: Uuid,
    /// When the code would have expired, milliseconds since the epoch.
    pub expires_ms: u64,
}

/// A code a guess may be compared with.
struct Candidate<'a> {
    key: &'a OtpKey,
    /// Where the key stands among the keys.
    index: usize,
    job: JobId,
    hash: String,
}

/// A check that was counted.
struct Guess<'a> {
    checks: String,
    records: Vec<String>,
    at_ms: u64,
    candidates: Vec<Candidate<'a>>,
}

impl Codes {
    /// Checks a guess of this client at the code that was sent to a phone.
    pub async fn check(
        &self,
        client: &ClientId,
        phone: &PhoneNumber,
        guess: &Code,
    ) -> Result<Checked, RedisError> {
        let counted = match self.count_guess(client, phone).await? {
            Ok(counted) => counted,
            Err(refused) => return Ok(refused),
        };
        match find(&counted.candidates, phone, guess) {
            Some(candidate) => self.spend(&counted, candidate).await,
            None => Ok(Checked::Wrong),
        }
    }

    async fn count_guess(
        &self,
        client: &ClientId,
        phone: &PhoneNumber,
    ) -> Result<Result<Guess<'_>, Checked>, RedisError> {
        let (checks, records) = (self.queue.keys().client_checks(client), self.records(phone));
        let mut call = self.guess.key(&checks);
        for record in &records {
            call.key(record);
        }
        call.arg(self.max_guesses)
            .arg(FAILED_CHECKS_PER_PHONE_HOUR)
            .arg(FAILED_PER_CLIENT_MINUTE)
            .arg(self.life_ms);
        let (word, next_attempt_ms, at_ms, codes): (String, u64, u64, Vec<(usize, String, String)>) =
            self.queue.redis().script_confirmed(&call).await?;
        let next = NextCheck { at_ms: next_attempt_ms, now_ms: at_ms };
        Ok(match word.as_str() {
            "compare" => {
                let candidates = codes.into_iter().filter_map(|code| self.candidate(code)).collect();
                Ok(Guess { checks, records, at_ms, candidates })
            }
            "expired" => Err(Checked::Expired),
            "client" => Err(Checked::ClientLimit(next)),
            _ => Err(Checked::Spent(next)),
        })
    }

    /// A record no build of ours wrote has nothing to compare with.
    fn candidate(&self, (number, job, hash): (usize, String, String)) -> Option<Candidate<'_>> {
        let index = number.checked_sub(1)?;
        Some(Candidate { key: self.keys.get(index)?, index, job: job.parse().ok()?, hash })
    }

    /// Codes used must outlive a fail-over, as guesses must.
    async fn spend(&self, guess: &Guess<'_>, right: &Candidate<'_>) -> Result<Checked, RedisError> {
        let mut call = self.spend.key(&guess.checks);
        call.key(&guess.records[right.index]);
        let others = guess.records.iter().enumerate().filter(|(index, _)| *index != right.index);
        others.for_each(|(_, record)| _ = call.key(record));
        call.arg(right.job.as_str()).arg(self.life_ms).arg(nonce()).arg(guess.at_ms);
        let expires_ms: Option<u64> = self.queue.redis().script_confirmed(&call).await?;
        let verified =
            |expires_ms| Checked::Right(Verified { id: right.key.verification(&right.job), expires_ms });
        Ok(expires_ms.map_or(Checked::Wrong, verified))
    }
}

/// The candidate whose code the guess is. All are compared, whichever fits.
fn find<'a, 'k>(
    candidates: &'a [Candidate<'k>],
    phone: &PhoneNumber,
    guess: &Code,
) -> Option<&'a Candidate<'k>> {
    let fits: Vec<Choice> = candidates
        .iter()
        .map(|known| known.key.hash(phone, &known.job, guess).as_bytes().ct_eq(known.hash.as_bytes()))
        .collect();
    candidates.iter().zip(fits).find(|(_, fits)| bool::from(*fits)).map(|(candidate, _)| candidate)
}

/// Tells one call from its own repetition after a lost answer.
fn nonce() -> String {
    URL_SAFE_NO_PAD.encode(Uuid::new_v4().as_bytes())
}
