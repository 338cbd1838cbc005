//! Who makes the code and sends it: this service, or the platform's OTP service.

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
    Service(Box<OtpService>),
}

impl CodeSender {
    /// Waits for a slot where channels have rates, in the order of asking and however long it takes.
    pub async fn reserve(&self) -> Slot {
        match self {
            Self::Local { sms, .. } => sms.reserve().await,
            Self::Service(_) => Slot::none(),
        }
    }

    /// Waits until a message of a job with this history may go, perhaps in the reserved slot. The error is how long none
    /// may.
    pub async fn slot(&self, history: &SendHistory, reserved: Slot) -> Result<Slot, Duration> {
        match self {
            Self::Local { sms, .. } => sms.slot(history, reserved).await,
            Self::Service(service) => service.may_go(history).map(|()| Slot::none()),
        }
    }

    /// Announces what can be sent now, so that predictions count with it.
    pub fn announce(&self, capacity: &SendCapacity) {
        match self {
            Self::Local { sms, .. } => sms.announce(capacity),
            Self::Service(service) => capacity.set_closed(!service.takes_messages()),
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

    /// The way the settings have it.
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
