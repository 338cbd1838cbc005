//! Who makes the code and sends it: this service, or the platform's OTP service.

use shared::otp::Codes;
use shared::queue::Queue;

use crate::config::SendingConfig;
use crate::otp_service::OtpService;
use crate::sms::Sms;

/// The way a code goes (`RESEND_OTP_MODE`).
pub enum CodeSender {
    /// It is made here and goes out through a channel of ours.
    Local {
        /// Makes codes and keeps what checking them needs.
        codes: Box<Codes>,
        /// Sends them.
        sms: Sms,
    },
    /// The platform's OTP service does both.
    Service(OtpService),
}

impl CodeSender {
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
                Self::Local { codes: Box::new(Codes::new(otp, queue)), sms: Sms::from_config(sms)? }
            }
            SendingConfig::Service(service) => Self::Service(OtpService::new(service)?),
        })
    }
}
