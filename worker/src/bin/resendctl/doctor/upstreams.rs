//! Whether the configured services can be reached from here. Their health is reported by the processes that call them.

use std::error::Error;
use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Client, Url};
use shared::settings::Settings;
use shared::telemetry::connect_failure;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::Check;

const AREA: &str = "upstream";

/// Longest a service may take for any answer.
const LIMIT: Duration = Duration::from_secs(3);

/// The settings that name services; several belong to one channel only.
const VARIABLES: [&str; 8] = [
    "RESEND_AUTH_URL",
    "RESEND_REGISTRY_URL",
    "RESEND_OTP_URL",
    "RESEND_SMS_URL",
    "RESEND_SMS_HTTP_URL",
    "RESEND_SMS_SMPP_URL",
    "RESEND_SMS_TURBOSMS_URL",
    "RESEND_SMS_TWILIO_URL",
];

pub(super) async fn check(settings: &Settings) -> Vec<Check> {
    let mut checks = Vec::new();
    for variable in VARIABLES {
        // Braces of a template are not part of the host.
        let url = settings.text(variable).and_then(|url| Url::parse(&url.replace(['{', '}'], "")).ok());
        if let Some(url) = url {
            checks.push(judge(variable, &url, reach(&url).await));
        }
    }
    checks
}

fn judge(variable: &str, url: &Url, reached: Result<(), String>) -> Check {
    // Never show the whole URL: it may contain credentials.
    let host = url.host_str().unwrap_or("no host");
    let port = url.port_or_known_default().map(|port| format!(":{port}")).unwrap_or_default();
    let place = format!("{variable}: {host}{port}");
    match reached {
        Ok(()) => Check::ok(AREA, format!("{place} can be reached from this machine")),
        Err(why) => Check::problem(
            AREA,
            format!("{place} {why}, from this machine"),
            "check name, firewall and certificate; jobs are retried until their deadline meanwhile",
        ),
    }
}

async fn reach(url: &Url) -> Result<(), String> {
    if !matches!(url.scheme(), "http" | "https") {
        let address = (url.host_str().unwrap_or_default(), url.port().unwrap_or(2_775));
        let connected = timeout(LIMIT, TcpStream::connect(address)).await;
        return match connected {
            Ok(connected) => connected.map(drop).map_err(|error| unreachable(&error)),
            Err(_) => Err("does not answer".to_owned()),
        };
    }
    let client = Client::builder().no_proxy().redirect(Policy::none()).timeout(LIMIT).build();
    let client = client.map_err(|error| format!("cannot be asked: {}", connect_failure(&error)))?;
    let root = url.join("/").map_err(|_| "is no address".to_owned())?;
    match client.head(root).send().await {
        Ok(_) => Ok(()),
        Err(error) if error.is_timeout() => Err("does not answer".to_owned()),
        Err(error) => Err(unreachable(&error)),
    }
}

fn unreachable(error: &(dyn Error + 'static)) -> String {
    format!("cannot be reached ({})", connect_failure(error))
}
