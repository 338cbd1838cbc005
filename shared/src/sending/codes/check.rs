//! The check of a code, in two steps around the comparison. *Guess* counts the check before anything is compared, in
//! the same step that reads the hashes, so that a thousand guesses at once get only as many comparisons as are left.
//! *Spend* uses up the code in one step, so that of two right guesses at once only one succeeds. The hashes are
//! compared in between, here and not in Redis: Redis never sees the key, and the comparison takes the same time
//! whatever it finds.

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

/// Failed checks a client may make within a minute.
const FAILED_PER_CLIENT_MINUTE: u64 = 60;

/// The result of a check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Checked {
    /// The code is right, and is used up now.
    Right(Verified),
    /// The code is wrong, or no code was sent to the phone: the two are not told apart.
    Wrong,
    /// The phone's codes are too old.
    Expired,
    /// Too many guesses were made at the phone's codes; this one was not compared.
    Spent(NextCheck),
    /// The client failed too often; this check was not compared.
    ClientLimit(NextCheck),
}

/// When the next check will be compared, by Redis' clock.
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
    /// Name of the verification; it reveals neither job nor phone.
    pub id: Uuid,
    /// When the code would have expired, milliseconds since the epoch.
    pub expires_ms: u64,
}

/// A code a guess may be compared with.
struct Candidate<'a> {
    key: &'a OtpKey,
    /// The index of its key.
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
    /// Checks a client's guess at the code that was sent to a phone.
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

    /// A record that none of our builds wrote has nothing to compare with.
    fn candidate(&self, (number, job, hash): (usize, String, String)) -> Option<Candidate<'_>> {
        let index = number.checked_sub(1)?;
        Some(Candidate { key: self.keys.get(index)?, index, job: job.parse().ok()?, hash })
    }

    /// Used codes must outlive a fail-over, as guesses must.
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

/// The candidate that the guess matches. All are compared, whichever matches.
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

/// Identifies a call, so that repeating it after a lost answer is recognised.
fn nonce() -> String {
    URL_SAFE_NO_PAD.encode(Uuid::new_v4().as_bytes())
}
