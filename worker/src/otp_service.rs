//! The platform's OTP service (`RESEND_OTP_MODE=service`): it makes the code, sends the SMS itself and checks the code
//! later. A repeat brings another code, for the service cancels the one before: unlike our own, it cannot be asked for
//! the same again.

use std::time::Duration;

use reqwest::StatusCode;
use serde::{Deserialize, Serialize};
use shared::domain::phone::PhoneNumber;

use crate::config::OtpServiceConfig;
use crate::sms::SubmitResult;
use crate::upstream::{Answer, NoAnswer, Origin, Upstream};

/// The client.
pub struct OtpService {
    upstream: Upstream,
    url: String,
}

/// The service's own limit on messages to this phone is reached; it has sent none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limited {
    /// Its `Retry-After`.
    pub retry_after: Option<Duration>,
}

#[derive(Serialize)]
struct Start<'a> {
    phone_number: &'a str,
}

#[derive(Deserialize)]
struct Started {
    data: Verification,
}

#[derive(Deserialize)]
struct Verification {
    id: String,
}

impl OtpService {
    /// A client of the service at the configured URL.
    pub fn new(config: &OtpServiceConfig) -> Result<Self, reqwest::Error> {
        let upstream = Upstream::new("otp", None, config.limit)?;
        Ok(Self { upstream, url: format!("{}/verifications", config.url) })
    }

    /// Has a code sent to the phone, once.
    pub async fn start(&self, phone: &PhoneNumber, origin: Origin<'_>) -> Result<SubmitResult, Limited> {
        let request = self.upstream.post(&self.url).json(&Start { phone_number: phone.expose() });
        match self.upstream.call(request, origin).await {
            Ok(answer) => read(&answer),
            Err(NoAnswer::Unreached) => Ok(SubmitResult::Unreachable),
            Err(NoAnswer::Unanswered) => Ok(SubmitResult::Unanswered),
        }
    }
}

fn read(answer: &Answer) -> Result<SubmitResult, Limited> {
    match answer.status {
        status if status.is_success() => Ok(SubmitResult::Accepted { message_id: id(answer) }),
        StatusCode::TOO_MANY_REQUESTS => Err(Limited { retry_after: answer.retry_after }),
        // Turned away at the door, by the service or by what stands before it.
        StatusCode::SERVICE_UNAVAILABLE => Ok(SubmitResult::Throttled { retry_after: answer.retry_after }),
        status if status.is_server_error() => Ok(SubmitResult::Failed),
        status => {
            tracing::warn!(status = status.as_u16(), "the OTP service refused the request");
            Ok(SubmitResult::Rejected)
        }
    }
}

/// The verification's id, for the log; a service that says 2xx has sent the message, whatever else it says.
fn id(answer: &Answer) -> Option<String> {
    let Started { data: Verification { id } } = answer.json()?;
    (id.len() <= 64 && id.bytes().all(|byte| byte.is_ascii_graphic())).then_some(id)
}

#[cfg(test)]
mod tests;
