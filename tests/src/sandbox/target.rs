//! The foreign systems the sandbox stands in for; faults and call counts are kept for each.

use serde::{Deserialize, Serialize};

/// One of the systems the service talks to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Target {
    /// `POST /oauth/introspect`.
    Introspection,
    /// `GET /registry/persons/…`.
    Persons,
    /// `GET /registry/patients/…/approvals/…`.
    Approvals,
    /// `POST /sms/messages`.
    Sms,
    /// `/otp/…`.
    Otp,
    /// `POST /turbosms/message/send.json`.
    TurboSms,
    /// `POST /twilio/2010-04-01/Accounts/{Sid}/Messages.json`.
    Twilio,
    /// `GET /oauth/jwks`.
    Jwks,
    /// `GET /mithril/…`.
    Mithril,
}

impl Target {
    /// All of them, in the order of their `index`.
    pub const ALL: [Self; 9] = [
        Self::Introspection,
        Self::Persons,
        Self::Approvals,
        Self::Sms,
        Self::Otp,
        Self::TurboSms,
        Self::Twilio,
        Self::Jwks,
        Self::Mithril,
    ];

    /// The name used in faults and in `/sandbox/calls`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Introspection => "introspection",
            Self::Persons => "persons",
            Self::Approvals => "approvals",
            Self::Sms => "sms",
            Self::Otp => "otp",
            Self::TurboSms => "turbosms",
            Self::Twilio => "twilio",
            Self::Jwks => "jwks",
            Self::Mithril => "mithril",
        }
    }

    /// Position in [`Target::ALL`].
    pub(crate) fn index(self) -> usize {
        self as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn index_is_the_position_in_all_and_the_name_is_the_serialised_one() {
        for (position, target) in Target::ALL.into_iter().enumerate() {
            assert_eq!(target.index(), position);
            assert_eq!(serde_json::to_value(target).unwrap(), target.name());
        }
    }
}
