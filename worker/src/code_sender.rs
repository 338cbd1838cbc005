//! Makes and sends the code: in this service, or through the platform's OTP service.

use std::sync::Arc;
use std::time::Duration;

use shared::queue::{Queue, SendCapacity};
use shared::sending::codes::Codes;
use shared::sending::limits::RateLimiter;

use crate::config::SendingConfig;
use crate::otp_service::OtpService;
use crate::sms::{SendHistory, Slot, Sms};
use crate::upstream::HttpClient;
use shared::telemetry::upstream_health::HealthSnapshot;

/// How codes are made and sent (`RESEND_OTP_MODE`).
pub enum CodeSender {
    /// Made here, and sent through one of our channels.
    Local {
        /// Makes codes and stores their hashes.
        codes: Arc<Codes>,
        /// Sends them.
        sms: Sms,
    },
    /// The platform's OTP service does both.
    Service(Box<OtpService>),
}

impl CodeSender {
    /// Waits for a slot if channels have rates, first come first served and however long it takes.
    pub async fn reserve(&self) -> Slot {
        match self {
            Self::Local { sms, .. } => sms.reserve().await,
            Self::Service(_) => Slot::none(),
        }
    }

    /// Waits until a message of a job with this history may be sent, perhaps in the reserved slot. The error is how
    /// long none may be sent.
    pub async fn slot(&self, history: &SendHistory, reserved: Slot) -> Result<Slot, Duration> {
        match self {
            Self::Local { sms, .. } => sms.slot(history, reserved).await,
            Self::Service(service) => service.may_go(history).map(|()| Slot::none()),
        }
    }

    /// Announces what can be sent now, for predictions.
    pub fn announce(&self, capacity: &SendCapacity) {
        match self {
            Self::Local { sms, .. } => sms.announce(capacity),
            Self::Service(service) => capacity.set_closed(!service.takes_messages()),
        }
    }

    /// The health of the channels, or of the OTP service.
    pub fn health(&self) -> Vec<HealthSnapshot> {
        match self {
            Self::Local { sms, .. } => sms.health(),
            Self::Service(service) => vec![service.health()],
        }
    }

    /// Closes the channels' connections.
    pub async fn close(&self) {
        if let Self::Local { sms, .. } = self {
            sms.close().await;
        }
    }

    /// Built from the settings.
    pub fn new(config: &SendingConfig, queue: Queue, client: &HttpClient) -> Self {
        let capacity = queue.send_capacity().clone();
        let sender = match config {
            SendingConfig::Local { otp, sms } => {
                otp.warnings().iter().for_each(|warning| tracing::warn!("{warning}"));
                let channels = Sms::from_config(sms, client).paced(sms, RateLimiter::new(queue.clone()));
                Self::Local { codes: Arc::new(Codes::new(otp, queue)), sms: channels }
            }
            SendingConfig::Service(service) => Self::Service(Box::new(OtpService::new(service, client))),
        };
        sender.announce(&capacity);
        sender
    }
}
