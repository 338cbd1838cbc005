//! The profiles of a local run: the defaults, or the settings shipped for ESOZ.

use std::path::Path;

use crate::stack::service_settings;

/// A set of settings, and the form of the main job under it.
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
        // Settings in the file must come from the file.
        let decided = |name: &str| {
            name.starts_with("RESEND_AUTH_") || name.starts_with("RESEND_SMS_") || name == "RESEND_OTP_KEY"
        };
        let own = own.map(|(name, value)| (name.to_owned(), value));
        given.into_iter().filter(|(name, _)| !decided(name)).chain(own).collect()
    }

    /// The form of the main job under this profile and the user's own settings, which override it.
    pub(super) fn expectation(self, own: &[(String, String)]) -> Expectation {
        let set = |wanted: &str, default: &str| {
            let set = own.iter().rev().find(|(name, _)| name == wanted);
            set.map_or_else(|| default.to_owned(), |(_, value)| value.clone())
        };
        let (mode, href, policy) = match self {
            Self::Default => ("local", "/Jobs/{id}", "prefer"),
            Self::Esoz => ("service", "/jobs/{id}", "refusals"),
        };
        let is_platforms_code = set("RESEND_OTP_MODE", mode) == "service";
        let length = if is_platforms_code { 4 } else { set("RESEND_OTP_LENGTH", "6").parse().unwrap_or(6) };
        let job_link = set("RESEND_JOB_HREF", href).split("{id}").next().unwrap_or_default().to_owned();
        let policy = set("RESEND_SYNC_POLICY", policy);
        Expectation {
            job_link,
            code_length: length,
            is_platforms_code,
            may_wait: policy == "auto",
            refuses_at_once: policy == "refusals",
        }
    }
}

/// The form of the main job.
pub(super) struct Expectation {
    /// The part of a job's link before the id.
    pub(super) job_link: String,
    /// Digits of a code; the sandbox's OTP service sends four, like the platform's.
    pub(super) code_length: usize,
    /// The platform's OTP service makes and sends the code, and gives its messages no reference.
    pub(super) is_platforms_code: bool,
    /// The server may answer with the result if it is quick.
    pub(super) may_wait: bool,
    /// A refusal is the answer itself.
    pub(super) refuses_at_once: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn under(profile: Profile, own: &[(&str, &str)]) -> Expectation {
        let own: Vec<_> = own.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        profile.expectation(&own)
    }

    #[test]
    fn settings_of_ones_own_change_what_the_main_job_looks_like() {
        let plain = under(Profile::Default, &[]);
        assert_eq!(
            (plain.job_link.as_str(), plain.code_length, plain.is_platforms_code),
            ("/Jobs/", 6, false)
        );
        let service = under(Profile::Default, &[("RESEND_OTP_MODE", "service"), ("RESEND_OTP_LENGTH", "8")]);
        assert_eq!((service.code_length, service.is_platforms_code), (4, true));
        let esoz = under(Profile::Esoz, &[("RESEND_JOB_HREF", "/a/{id}"), ("RESEND_SYNC_POLICY", "auto")]);
        assert_eq!((esoz.job_link.as_str(), esoz.may_wait, esoz.refuses_at_once), ("/a/", true, false));
    }
}
