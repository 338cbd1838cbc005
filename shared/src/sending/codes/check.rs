//! The check of a code, in two steps around the comparison. *Guess* counts before anything is compared, in one step
//! with reading what to compare with, so that a thousand guesses at once get as many comparisons as are left.
//! *Spend* uses the code up in one step, so that of two right guesses at once one is right. In between, hashes are
//! compared here and not in Redis: the key stays out of it, and the comparison takes the same time whatever it finds.

use redis::ScriptInvocation;
use subtle::{Choice, ConstantTimeEq as _};
use uuid::Uuid;

use super::key::OtpKey;
use super::{Code, Codes};
use crate::domain::ids::JobId;
use crate::domain::phone::PhoneNumber;
use crate::redis::RedisError;

/// What became of a guess.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Checked {
    /// It is the code, which is used up now.
    Right(Verified),
    /// It is not. Neither is any guess at a phone that was sent none: the two are not told apart.
    Wrong,
    /// The phone's codes are too old.
    Expired,
    /// There were too many guesses; this one was not looked at.
    Spent,
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
    job: JobId,
    hash: String,
}

/// What a phone's record has for one guess.
enum Taken<'a> {
    Candidates(Vec<Candidate<'a>>),
    Expired,
    Spent {
        /// Whether any code is live that the guesses may have been aimed at.
        is_live: bool,
    },
}

impl Codes {
    /// Checks a guess at the code that was sent to a phone. While keys rotate there may be a record under each; a guess
    /// is taken from both, so that together they allow no more than one alone.
    pub async fn check(&self, phone: &PhoneNumber, guess: &Code) -> Result<Checked, RedisError> {
        let (mut candidates, mut expired, mut spent) = (Vec::new(), false, false);
        for key in [Some(&self.key), self.older_key.as_ref()].into_iter().flatten() {
            match self.take_guess(key, phone).await? {
                Taken::Candidates(found) => candidates.extend(found),
                Taken::Expired => expired = true,
                Taken::Spent { is_live: true } => return Ok(Checked::Spent),
                // Guesses at codes that are gone do not count against those under the other key.
                Taken::Spent { is_live: false } => spent = true,
            }
        }
        match find(&candidates, phone, guess) {
            Some(candidate) => self.spend(candidate, phone).await,
            None if candidates.is_empty() && spent => Ok(Checked::Spent),
            None if candidates.is_empty() && expired => Ok(Checked::Expired),
            None => Ok(Checked::Wrong),
        }
    }

    async fn take_guess<'a>(&self, key: &'a OtpKey, phone: &PhoneNumber) -> Result<Taken<'a>, RedisError> {
        let mut call = self.scripts.guess.key(self.record(key, phone));
        call.arg(self.max_guesses).arg(self.life_ms).arg(nonce());
        let (word, codes): (String, Vec<(String, String)>) = self.confirmed(&call).await?;
        Ok(match word.as_str() {
            "compare" => {
                Taken::Candidates(codes.into_iter().filter_map(|code| candidate(key, code)).collect())
            }
            "expired" => Taken::Expired,
            _ => Taken::Spent { is_live: !codes.is_empty() },
        })
    }

    async fn spend(&self, candidate: &Candidate<'_>, phone: &PhoneNumber) -> Result<Checked, RedisError> {
        let Candidate { key, job, .. } = candidate;
        let mut call = self.scripts.spend.key(self.record(key, phone));
        call.key(self.used(key, phone, job)).arg(job.as_str()).arg(self.life_ms).arg(nonce());
        let expires_ms: Option<u64> = self.confirmed(&call).await?;
        let verified = |expires_ms| Checked::Right(Verified { id: key.verification(job), expires_ms });
        Ok(expires_ms.map_or(Checked::Wrong, verified))
    }

    /// Guesses taken and codes used must outlive a fail-over.
    async fn confirmed<T: redis::FromRedisValue>(
        &self,
        call: &ScriptInvocation<'_>,
    ) -> Result<T, RedisError> {
        self.queue.redis().script_confirmed(call).await
    }
}

/// A record no build of ours wrote has nothing to compare with.
fn candidate(key: &OtpKey, (job, hash): (String, String)) -> Option<Candidate<'_>> {
    Some(Candidate { key, job: job.parse().ok()?, hash })
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
    Uuid::new_v4().simple().to_string()
}
