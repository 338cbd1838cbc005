//! Settings of the API.

use super::Kind::{Address, Choice, Number, Other};
use super::{Variable, secret, setting};

pub(super) const SETTINGS: &[Variable] = &[
    setting("RESEND_API_LISTEN", "127.0.0.1:8080", Address, "address and port of the API"),
    setting(
        "RESEND_API_ADMIN_LISTEN",
        "",
        Address,
        "address and port for /metrics, /readyz and /healthz of the API; when set they are served there only",
    ),
    setting(
        "RESEND_API_TRUSTED_PROXIES",
        "",
        Other("networks such as 10.0.0.0/8,fd00::/8, or single addresses"),
        "addresses of proxies in front of the API (CIDR, comma-separated), whose Forwarded headers are believed",
    ),
    setting(
        "RESEND_API_KEEP_ALIVE_SECONDS",
        "90",
        Number("seconds", 5..=3_600),
        "how long a connection may be idle; set it longer than the proxy's",
    ),
    setting(
        "RESEND_API_STOP_DELAY_SECONDS",
        "1",
        Number("seconds", 0..=20),
        "at a stop, time between turning unready and closing the port",
    ),
    setting(
        "RESEND_API_PUBLIC_URL",
        "",
        Other("scheme and host only, such as https://api.example.com"),
        "scheme and host that clients see, used in meta.url",
    ),
    setting(
        "RESEND_JOB_HREF",
        "/Jobs/{id}",
        Other("/Jobs/{id}, /jobs/{id} or /api/jobs/{id}, or an http(s) URL that ends in one of them"),
        "template of the link to a job",
    ),
    setting(
        "RESEND_AUTH_MODE",
        "",
        Choice(&["introspection", "jwt", "mithril", "gateway"]),
        "how access tokens are checked; must be set",
    ),
    setting(
        "RESEND_AUTH_URL",
        "",
        Other(
            "an http:// or https:// URL without user and password; in mode mithril with {access_token} in it once",
        ),
        "introspection endpoint, JWKS URL or Mithril template with {access_token}",
    ),
    setting(
        "RESEND_AUTH_CLIENT_ID",
        "",
        Other("the user name of the introspection call"),
        "user name of the introspection call",
    ),
    secret(
        "RESEND_AUTH_CLIENT_SECRET",
        "the password of the introspection call",
        "password of the introspection call",
    ),
    setting(
        "RESEND_AUTH_ISSUER",
        "",
        Other("the issuer every token must name"),
        "issuer every token must name; required for jwt",
    ),
    setting(
        "RESEND_AUTH_AUDIENCE",
        "",
        Other("the audience every token must name"),
        "audience every token must name; required for jwt",
    ),
    setting(
        "RESEND_AUTH_CACHE_SECONDS",
        "",
        Number("seconds", 0..=300),
        "longest time the result of a token check is cached; if not set, 5 for writes and 30 for reads",
    ),
    setting(
        "RESEND_SYNC_POLICY",
        "prefer",
        Choice(&["prefer", "auto", "refusals", "never"]),
        "when a PATCH waits for its job",
    ),
    setting(
        "RESEND_SYNC_MAX_WAIT_MS",
        "2000",
        Number("milliseconds", 1..=30_000),
        "longest time a PATCH waits",
    ),
];
