//! What a local run is set up as: the defaults, or what is shipped for ESOZ.

use std::path::Path;

use crate::stack::service_settings;

/// A set of settings, and what the main job looks like under it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Profile {
    /// Tokens by introspection, codes made here, an SMS gateway.
    Default,
    /// `deploy/esoz.toml`: the platform's token and OTP services, refusals answered at once, job links in lower case.
    Esoz,
}

impl Profile {
    /// The settings of the programs.
    pub(super) fn settings(self, redis: &str, sandbox: &str) -> Vec<(String, String)> {
        let given = service_settings(redis, sandbox);
        let Self::Esoz = self else { return given };
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/esoz.toml");
        let own = [
            ("RESEND_CONFIG", file.display().to_string()),
            ("RESEND_AUTH_URL", format!("{sandbox}/mithril/admin/tokens/{{access_token}}/verify")),
            ("RESEND_OTP_URL", format!("{sandbox}/otp")),
        ];
        // What the file decides must come from the file.
        let decided = |name: &str| {
            name.starts_with("RESEND_AUTH_") || name.starts_with("RESEND_SMS_") || name == "RESEND_OTP_KEY"
        };
        let own = own.map(|(name, value)| (name.to_owned(), value));
        given.into_iter().filter(|(name, _)| !decided(name)).chain(own).collect()
    }

    /// What stands before the id in the link to a job.
    pub(super) fn job_link(self) -> &'static str {
        match self {
            Self::Default => "/Jobs/",
            Self::Esoz => "/jobs/",
        }
    }

    /// Digits of a code.
    pub(super) fn code_length(self) -> usize {
        match self {
            Self::Default => 6,
            Self::Esoz => 4,
        }
    }
}
