//! The mode `mithril`: the URL of the platform's token service.

use reqwest::Url;
use shared::settings::{ConfigError, Settings};

const PLACE: &str = "{access_token}";

/// `RESEND_AUTH_URL` (no default): a URL with a placeholder for the token in its path or query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MithrilUrl {
    before: String,
    after: String,
    /// How many segments the path of a call has.
    steps: usize,
}

impl MithrilUrl {
    /// Parses the template.
    pub fn from_settings(settings: &Settings) -> Result<Self, ConfigError> {
        const NAME: &str = "RESEND_AUTH_URL";
        Self::parse(settings.required(NAME)?).ok_or_else(|| settings.invalid(NAME))
    }

    fn parse(template: &str) -> Option<Self> {
        let (before, after) = template.split_once(PLACE)?;
        // The part before the placeholder must be a whole URL, so that a token can never become part of the host.
        let url: Url = before.parse().ok()?;
        let (scheme, rest) = before.split_once("://")?;
        let bare = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
        let fits = matches!(scheme, "http" | "https") && rest.contains('/') && !after.contains(PLACE);
        let question: Url = [before, "token", after].concat().parse().ok()?;
        let steps = steps(&question);
        (bare && fits).then(|| Self { before: before.to_owned(), after: after.to_owned(), steps })
    }

    /// The URL to ask about this token. `None` for `.` and `..` if the token has a path segment to itself: they are
    /// steps in the path however they are escaped (WHATWG URL, 4.1: `%2E` is a dot there), so the call would go to
    /// another address.
    pub fn of(&self, token: &str) -> Option<Url> {
        let escaped = super::percent_encoded(token);
        let question: Url = [&self.before, escaped.as_str(), &self.after].concat().parse().ok()?;
        (steps(&question) == self.steps).then_some(question)
    }
}

fn steps(url: &Url) -> usize {
    url.path().split('/').filter(|step| !step.is_empty()).count()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn template() -> MithrilUrl {
        MithrilUrl::parse("http://mithril/admin/tokens/{access_token}/verify").unwrap()
    }

    #[test]
    fn the_token_takes_its_place() {
        assert_eq!(template().of("d368").unwrap().as_str(), "http://mithril/admin/tokens/d368/verify");
        let in_query = MithrilUrl::parse("https://mithril/verify?token={access_token}").unwrap();
        assert_eq!(in_query.of("a+b/c==").unwrap().as_str(), "https://mithril/verify?token=a%2Bb%2Fc%3D%3D");
    }

    #[test]
    fn a_template_without_one_place_behind_a_host_is_refused() {
        for bad in [
            "http://mithril/verify",
            "http://{access_token}/verify",
            "http://mithril.{access_token}/verify",
            "http://mithril/{access_token}/{access_token}",
            "http://u:p@mithril/{access_token}",
            "http://mithril/#{access_token}",
            "ftp://mithril/{access_token}",
            "/admin/tokens/{access_token}",
        ] {
            assert_eq!(MithrilUrl::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_token_that_is_a_step_in_the_path_cannot_be_asked_about() {
        let last = MithrilUrl::parse("http://mithril/admin/tokens/{access_token}").unwrap();
        for step in [".", ".."] {
            assert_eq!((template().of(step), last.of(step)), (None, None), "{step}");
        }
        assert_eq!(template().of("...").unwrap().as_str(), "http://mithril/admin/tokens/.../verify");
        assert_eq!(last.of("..=").unwrap().as_str(), "http://mithril/admin/tokens/..%3D");
        let in_query = MithrilUrl::parse("https://mithril/verify?token={access_token}").unwrap();
        assert_eq!(in_query.of("..").unwrap().as_str(), "https://mithril/verify?token=..");
    }

    proptest! {
        #[test]
        fn no_token_leads_anywhere_else(token in "[A-Za-z0-9._~+/-]{1,40}={0,2}|[.]{1,3}") {
            let Some(url) = template().of(&token) else {
                prop_assert!(matches!(token.as_str(), "." | ".."), "no question for {token}");
                return Ok(());
            };
            prop_assert_eq!(url.host_str(), Some("mithril"));
            let segments: Vec<_> = url.path().split('/').collect();
            prop_assert_eq!((segments.len(), segments[4]), (5, "verify"));
            prop_assert_eq!(url.query(), None);
        }
    }
}
