//! The two pages for people: what the sandbox offers, and the inbox.

use std::fmt::Write;

use axum::{
    http::{HeaderMap, header},
    response::Html,
};

use super::{
    introspection::{CLIENT_ID, CLIENT_SECRET},
    registry,
    scenarios::{Expected, Scenario, scenarios},
    sms,
    tokens::{BUILT_IN, BuiltIn},
};

const START: &str = include_str!("pages/start.html");
const INBOX: &str = include_str!("pages/inbox.html");

/// `GET /inbox`: filled by `/inbox/events`.
pub(crate) async fn inbox() -> Html<&'static str> {
    Html(INBOX)
}

/// `GET /`: written for the address it was asked under, so that its lines can be copied as they are.
pub(crate) async fn start(headers: HeaderMap) -> Html<String> {
    let all = scenarios();
    let tokens: String = BUILT_IN.iter().map(token_row).collect();
    let rows: String = all.iter().map(scenario_row).collect();
    let mut page = START
        .replace("{{environment}}", &environment(&base(&headers)))
        .replace("{{base}}", &base(&headers))
        .replace("{{tokens}}", &tokens)
        .replace("{{scenarios}}", &rows);
    if let Some(plain) = all.first() {
        page = page
            .replace("{{patient_id}}", &plain.patient_id.to_string())
            .replace("{{approval_id}}", &plain.approval_id.to_string());
    }
    Html(page)
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

fn token_row(token: &BuiltIn) -> String {
    let note = token.note();
    let BuiltIn { token, scope, client_id, .. } = token;
    format!("<tr><td><code>{token}</code></td><td>{scope}</td><td>{client_id}</td><td>{note}</td></tr>\n")
}

fn scenario_row(scenario: &Scenario) -> String {
    let Scenario { name, about, method, patient_id, approval_id, expected, .. } = scenario;
    let mut row = format!("<tr><td><b>{name}</b><br>{about}</td><td>{method}</td>");
    let outcome = match expected {
        Expected::Sent { to } => format!("<span class=ok>200</span> one SMS to {to}"),
        Expected::Refused { status_code, reason, message, .. } => {
            format!("<span class=no>{status_code}</span> {reason}<br>{message}")
        }
    };
    // Writing to a string does not fail.
    let _ =
        writeln!(row, "<td class=ids><code>{patient_id}<br>{approval_id}</code></td><td>{outcome}</td></tr>");
    row
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_start_page_leaves_no_blank_unfilled_and_needs_no_other_place() {
        let Html(page) = start(HeaderMap::new()).await;
        assert!(!page.contains("{{"));
        for scenario in scenarios() {
            assert!(page.contains(&scenario.patient_id.to_string()), "{}", scenario.name);
        }
        assert!(!page.contains("https://") && !INBOX.contains("https://"));
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
