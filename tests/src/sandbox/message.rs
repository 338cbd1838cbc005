//! One message that the gateway took; with the same members in the ledger, in `/inbox.json` and on the inbox page.

use std::sync::atomic::{AtomicU64, Ordering};

use chrono::Utc;
use serde::{Deserialize, Serialize};

/// A message that was accepted and, as far as the service can know, delivered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// When it was accepted, in milliseconds since the epoch.
    pub ts: i64,
    /// The gateway's id, as answered.
    pub message_id: String,
    /// `sms` for the generic JSON gateway, `otp` for the platform's OTP service, `turbosms` and `twilio` for
    /// gateways of these dialects.
    pub channel: String,
    /// The phone, E.164.
    pub to: String,
    /// The sender's name.
    pub from: String,
    /// The text with the code.
    pub text: String,
    /// The sender's own reference.
    pub reference: Option<String>,
    /// The `Idempotency-Key` header.
    pub idempotency_key: Option<String>,
    /// The `X-Request-Id` header.
    pub request_id: Option<String>,
}

/// Makes message ids that do not repeat within a ledger, also when the sandbox was restarted.
pub(crate) struct MessageIds {
    run: u32,
    next: AtomicU64,
}

impl MessageIds {
    pub(crate) fn new(run: u32) -> Self {
        Self { run, next: AtomicU64::new(1) }
    }

    pub(crate) fn next(&self) -> String {
        format!("msg-{:08x}-{}", self.run, self.next.fetch_add(1, Ordering::Relaxed))
    }
}

/// The clock of ledger and inbox: milliseconds since the epoch.
pub(crate) fn now() -> i64 {
    Utc::now().timestamp_millis()
}
