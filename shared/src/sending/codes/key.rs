//! What is derived from one secret of `RESEND_OTP_KEY`: codes, the hashes to check them, and the names of
//! verifications. Each has its own key, expanded from the secret under its own label (as in RFC 5869, section 2.3, with
//! one block), so that no value found in Redis reveals anything about another kind.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use secrecy::{ExposeSecret, SecretSlice};
use sha2::Sha256;
use uuid::Uuid;

use super::Code;
use crate::domain::ids::JobId;
use crate::domain::phone::PhoneNumber;

/// The purpose of the codes; part of every name and hash, so that a code is valid for nothing else.
const PURPOSE: &str = "approval";

/// Stored bytes of a hash: an HMAC truncated to 128 bits is as good against guessing (RFC 2104, section 5).
const HASH_BYTES: usize = 16;

/// The keys under one secret.
#[derive(Clone)]
pub(super) struct OtpKey {
    codes: Hmac<Sha256>,
    hashes: Hmac<Sha256>,
    verifications: Hmac<Sha256>,
}

impl OtpKey {
    pub(super) fn new(secret: &SecretSlice<u8>) -> Self {
        let expand = |label: &str| keyed(&mac(&keyed(secret.expose_secret()), &[label]));
        Self {
            codes: expand("resend/otp/code/1"),
            hashes: expand("resend/otp/check/1"),
            verifications: expand("resend/otp/verification/1"),
        }
    }

    /// The code of a job: RFC 4226 with the job's random id for the counter and SHA-256 for SHA-1 (RFC 6238, section
    /// 1.2, allows it; the truncation is the same).
    pub(super) fn code(&self, job: &JobId, digits: u8) -> Code {
        Code::new(truncate(&mac(&self.codes, &[job.as_str()]), digits))
    }

    /// The hash to check a code: without the key, trying 10^6 guesses against it is useless.
    pub(super) fn hash(&self, phone: &PhoneNumber, job: &JobId, code: &Code) -> String {
        let mac = mac(&self.hashes, &[PURPOSE, phone.expose(), job.as_str(), code.expose()]);
        URL_SAFE_NO_PAD.encode(&mac[..HASH_BYTES])
    }

    /// The name of the verification of the job's code: a UUID of version 8 (RFC 9562, section 5.8).
    pub(super) fn verification(&self, job: &JobId) -> Uuid {
        let mac = mac(&self.verifications, &[job.as_str()]);
        uuid::Builder::from_custom_bytes(mac.first_chunk().copied().unwrap_or_default()).into_uuid()
    }
}

fn keyed(key: &[u8]) -> Hmac<Sha256> {
    #[expect(clippy::expect_used, reason = "HMAC takes keys of every length (RFC 2104, section 2)")]
    Hmac::new_from_slice(key).expect("a key of any length")
}

/// The MAC of the parts, which never hold a zero byte themselves.
fn mac(key: &Hmac<Sha256>, parts: &[&str]) -> [u8; 32] {
    let mut mac = key.clone();
    for (index, part) in parts.iter().enumerate() {
        if index > 0 {
            mac.update(&[0]);
        }
        mac.update(part.as_bytes());
    }
    mac.finalize().into_bytes().into()
}

/// Dynamic truncation (RFC 4226, section 5.3): four bytes at the place the last half-byte names, without the sign, and
/// of that number the last digits, leading zeros kept.
fn truncate(mac: &[u8], digits: u8) -> String {
    let offset = usize::from(mac.last().copied().unwrap_or_default() & 0x0f);
    let bytes = mac[offset..offset + 4].iter().fold(0_u32, |number, byte| (number << 8) | u32::from(*byte));
    let width = usize::from(digits);
    format!("{:0width$}", (bytes & 0x7fff_ffff) % 10_u32.pow(digits.into()))
}

#[cfg(test)]
mod tests;
