//! The platform's OTP service (`RESEND_OTP_MODE=service`): it makes the code, sends the SMS itself and checks the code
//! later. A repeated call sends another code, because the service cancels the previous one: unlike our own codes, the
//! same one cannot be sent again.

mod error;

use std::time::{Duration, Instant};

use serde::Serialize;
use shared::domain::phone::PhoneNumber;

use crate::config::OtpServiceConfig;
use crate::sms::{Breaker, SendHistory, Submission, SubmitResult};
use crate::upstream::{HttpClient, Origin, Upstream};
use shared::telemetry::upstream_health::{CallResult, HealthHints, HealthSnapshot, UpstreamHealth};

const HINTS: HealthHints = HealthHints { url: "RESEND_OTP_URL", credentials: "RESEND_OTP_URL" };

/// The client.
pub struct OtpService {
    upstream: Upstream,
    url: String,
    breaker: Breaker,
    health: UpstreamHealth,
}

#[derive(Serialize)]
struct Start<'a> {
    phone_number: &'a str,
}

impl OtpService {
    /// A client of the service at the configured URL.
    pub fn new(config: &OtpServiceConfig, client: &HttpClient) -> Self {
        Self {
            upstream: Upstream::new(client, "otp", None, config.limit),
            url: format!("{}/verifications", config.url),
            breaker: Breaker::default(),
            health: UpstreamHealth::new("otp", HINTS),
        }
    }

    /// Whether a job with this history may have its code sent now, which reserves a due probe for it; else how long
    /// not.
    pub fn may_go(&self, history: &SendHistory) -> Result<(), Duration> {
        self.breaker.claim(Instant::now(), history)
    }

    /// Whether it can be called now.
    pub fn takes_messages(&self) -> bool {
        self.breaker.takes_messages(Instant::now())
    }

    /// Its health.
    pub fn health(&self) -> HealthSnapshot {
        HealthSnapshot { is_closed: !self.breaker.is_open(), ..self.health.snapshot() }
    }

    /// Sends a code to the phone, once. `Throttled` is the service's own limit on messages to this phone: this call
    /// sent none.
    pub async fn start(
        &self,
        phone: &PhoneNumber,
        origin: Origin<'_>,
        history: &SendHistory,
    ) -> SubmitResult {
        let start = Instant::now();
        if let Err(wait) = self.breaker.admit(start, history) {
            return SubmitResult::Held { retry_after: Some(wait) };
        }
        let _call = self.health.begin();
        let request = self.upstream.post(&self.url).json(&Start { phone_number: phone.expose() });
        let submission = match self.upstream.call(request, origin).await {
            Ok(answer) => error::read(&answer),
            Err(error) => Submission::unanswered(error),
        };
        self.note(&submission, start);
        submission.result
    }

    fn note(&self, submission: &Submission, start: Instant) {
        let (call, for_breaker) = match &submission.result {
            // A limit on one phone is an answer, like any refusal.
            SubmitResult::Throttled { .. } => (CallResult::Good, &SubmitResult::Rejected),
            result @ (SubmitResult::Accepted { .. } | SubmitResult::Rejected) => (CallResult::Good, result),
            result @ SubmitResult::ChannelUnavailable => (CallResult::Closed, result),
            result => (CallResult::Failed, result),
        };
        self.breaker.note(for_breaker, Instant::now());
        let answer = submission.cause.map_or_else(|| "ok".to_owned(), |cause| cause.to_string());
        self.health.note(call, &answer, start.elapsed());
    }
}

#[cfg(test)]
mod tests;
