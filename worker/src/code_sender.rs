//! Who makes the code and sends it: this service, or the platform's OTP service.

use std::sync::Arc;
use std::time::Duration;

use shared::queue::Queue;
use shared::sending::codes::Codes;
use shared::sending::limits::RateLimiter;

use crate::config::SendingConfig;
use crate::otp_service::OtpService;
use crate::sms::{SendHistory, Slot, Sms};
use shared::telemetry::upstream_health::HealthSnapshot;

/// The way a code goes (`RESEND_OTP_MODE`).
pub enum CodeSender {
    /// It is made here and goes out through a channel of ours.
    Local {
        /// Makes codes and keeps what checking them needs.
        codes: Arc<Codes>,
        /// Sends them.
        sms: Sms,
    },
    /// The platform's OTP service does both.
    Service(OtpService),
}

impl CodeSender {
    /// Waits until a message of a job with this history may go. The error is how long none may.
    pub async fn slot(&self, history: &SendHistory) -> Result<Slot, Duration> {
        match self {
            Self::Local { sms, .. } => sms.slot(history).await,
            Self::Service(service) => service.may_go(history).map(|()| Slot::NONE),
        }
    }

    /// How the channels stand, or the OTP service.
    pub fn health(&self) -> Vec<HealthSnapshot> {
        match self {
            Self::Local { sms, .. } => sms.health(),
            Self::Service(service) => vec![service.health()],
        }
    }

    /// Ends what channels keep open.
    pub async fn close(&self) {
        if let Self::Local { sms, .. } = self {
            sms.close().await;
        }
    }

    /// The way the settings have it. The error is that of an HTTP client that cannot be made.
    pub fn new(config: &SendingConfig, queue: Queue) -> Result<Self, reqwest::Error> {
        Ok(match config {
            SendingConfig::Local { otp, sms } => {
                otp.warnings().iter().for_each(|warning| tracing::warn!("{warning}"));
                let channels = Sms::from_config(sms)?.paced(sms, RateLimiter::new(queue.clone()));
                Self::Local { codes: Arc::new(Codes::new(otp, queue)), sms: channels }
            }
            SendingConfig::Service(service) => Self::Service(OtpService::new(service)?),
        })
    }
}
