//! The two pages for people: what the sandbox offers, and the inbox.

mod provoke;
mod start;

use axum::{
    http::{HeaderMap, header},
    response::Html,
};

use super::{
    introspection::{CLIENT_ID, CLIENT_SECRET},
    registry,
    scenarios::scenarios,
    sms,
};

const INBOX: &str = include_str!("pages/inbox.html");

/// `GET /inbox`: filled by `/inbox/events`.
pub(crate) async fn inbox() -> Html<&'static str> {
    Html(INBOX)
}

/// `GET /`: written for the address it was asked under, so that its lines can be copied as they are.
pub(crate) async fn start(headers: HeaderMap) -> Html<String> {
    Html(start::page(&base(&headers), &scenarios()).into_string())
}

/// The lines that point the service at a sandbox.
pub fn environment(base: &str) -> String {
    format!(
        "RESEND_AUTH_MODE=introspection\n\
         RESEND_AUTH_URL={base}/oauth/introspect\n\
         RESEND_AUTH_CLIENT_ID={CLIENT_ID}\n\
         RESEND_AUTH_CLIENT_SECRET={CLIENT_SECRET}\n\
         RESEND_REGISTRY_URL={base}/registry\n\
         RESEND_REGISTRY_TOKEN={}\n\
         RESEND_SMS_URL={base}/sms/messages\n\
         RESEND_SMS_TOKEN={}\n\
         RESEND_OTP_URL={base}/otp\n",
        registry::TOKEN,
        sms::TOKEN,
    )
}

fn base(headers: &HeaderMap) -> String {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    // The host goes into the page: nothing but what a host may hold.
    let plain =
        |host: &&str| host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte));
    format!("http://{}", host.filter(plain).unwrap_or("127.0.0.1:7070"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::scenarios::Expected;

    #[tokio::test]
    async fn the_start_page_shows_every_scenario_and_needs_no_other_place() {
        let Html(page) = start(HeaderMap::new()).await;
        for scenario in scenarios() {
            assert!(page.contains(&scenario.patient_id.to_string()), "{}", scenario.name);
        }
        assert!(!page.contains("https://") && !INBOX.contains("https://"));
    }

    /// The scenarios named for an answer exist, and end with that answer's status and reason.
    #[test]
    fn every_answer_names_scenarios_that_give_it() {
        for answer in &provoke::ANSWERS {
            assert!(answer.scenarios.is_empty() != answer.how.is_empty(), "{}", answer.status);
            for name in answer.scenarios {
                let known = scenarios().into_iter().find(|scenario| scenario.name == *name);
                let (status, reason) = match known.expect(name).expected {
                    Expected::Sent { .. } => (200, ""),
                    Expected::Refused { status_code, reason, .. } => (status_code, reason),
                };
                assert!(answer.status.contains(&status.to_string()), "{name}: {}", answer.status);
                assert!(answer.status.contains(reason), "{name}: {}", answer.status);
            }
        }
    }

    #[test]
    fn every_refusal_of_a_scenario_is_explained() {
        let explained = provoke::ANSWERS.map(|answer| answer.status).join(" ");
        for scenario in scenarios() {
            if let Expected::Refused { reason, .. } = scenario.expected {
                assert!(explained.contains(reason), "{reason}");
            }
        }
    }

    #[test]
    fn a_host_with_markup_is_not_repeated() {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, "sandbox:7070".parse().unwrap());
        assert_eq!(base(&headers), "http://sandbox:7070");
        headers.insert(header::HOST, "<script>".parse().unwrap());
        assert_eq!(base(&headers), "http://127.0.0.1:7070");
    }
}
