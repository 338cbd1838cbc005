//! Every setting there is: one table for `--help`, `--check-config`, the check of misspelt names and the README.

/// One environment variable.
#[derive(Debug, Clone, Copy)]
pub struct Variable {
    /// Its name.
    pub name: &'static str,
    /// Its value when not set; empty where there is none.
    pub default: &'static str,
    /// Whether its value may be shown.
    pub secret: bool,
    /// What it does, for `--help`.
    pub meaning: &'static str,
}

const fn open(name: &'static str, default: &'static str, meaning: &'static str) -> Variable {
    Variable { name, default, secret: false, meaning }
}

const fn secret(name: &'static str, meaning: &'static str) -> Variable {
    Variable { name, default: "", secret: true, meaning }
}

/// All settings, in the order of the contract.
pub const KNOWN: &[Variable] = &[
    open("RESEND_CONFIG", "", "TOML file with settings; the environment wins"),
    open(
        "RESEND_REDIS_URL",
        "redis://127.0.0.1:6379/0",
        "redis://, rediss:// or unix://; comma-separated for cluster and sentinel (addresses of sentinels; user, \
         password and database are the master's)",
    ),
    open("RESEND_REDIS_MODE", "single", "single, cluster or sentinel"),
    open("RESEND_REDIS_SENTINEL_MASTER", "", "name of the master the sentinels watch"),
    open("RESEND_REDIS_SENTINEL_USER", "", "user at the sentinels, where they have users"),
    secret("RESEND_REDIS_SENTINEL_PASSWORD", "password at the sentinels, where they have one"),
    open("RESEND_REDIS_MIN_REPLICAS", "0", "replicas that must confirm before a 202"),
    open("RESEND_QUEUE_NAME", "resend", "prefix of every key"),
    open("RESEND_API_LISTEN", "127.0.0.1:8080", "address and port of the API"),
    open(
        "RESEND_API_ADMIN_LISTEN",
        "",
        "address and port for /metrics, /readyz and /healthz of the API; when set they are served there only",
    ),
    open(
        "RESEND_API_TRUSTED_PROXIES",
        "",
        "addresses of proxies before the API (CIDR, comma-separated), whose Forwarded headers are believed",
    ),
    open("RESEND_API_KEEP_ALIVE_SECONDS", "90", "idle limit of a connection; longer than the proxy's"),
    open("RESEND_API_STOP_DELAY_SECONDS", "1", "between turning not ready and closing the port"),
    open("RESEND_WORKER_LISTEN", "127.0.0.1:9090", "address and port of the worker's health and metrics"),
    open("RESEND_API_PUBLIC_URL", "", "scheme and host clients see, for meta.url"),
    open("RESEND_JOB_HREF", "/Jobs/{id}", "template of the link to a job"),
    open("RESEND_AUTH_MODE", "", "introspection, jwt, mithril or gateway; must be set for the API"),
    open("RESEND_AUTH_URL", "", "introspection endpoint, JWKS URL or Mithril template with {access_token}"),
    open("RESEND_AUTH_CLIENT_ID", "", "user name of the introspection call"),
    secret("RESEND_AUTH_CLIENT_SECRET", "password of the introspection call"),
    open("RESEND_AUTH_ISSUER", "", "issuer a token must name; required for jwt"),
    open("RESEND_AUTH_AUDIENCE", "", "audience a token must name; required for jwt"),
    open(
        "RESEND_AUTH_CACHE_SECONDS",
        "",
        "upper bound of trust in a token's last check; 5 for writes and 30 for reads when not set",
    ),
    open("RESEND_SYNC_POLICY", "prefer", "prefer, auto, refusals or never: when a PATCH waits for its job"),
    open("RESEND_SYNC_MAX_WAIT_MS", "2000", "longest such wait"),
    open("RESEND_REGISTRY_URL", "", "persons and approvals; must be set for the worker"),
    secret("RESEND_REGISTRY_TOKEN", "bearer token of the registry"),
    open("RESEND_OTP_MODE", "local", "local: codes are made here; service: by the platform's OTP service"),
    open("RESEND_OTP_URL", "", "base URL of the OTP service"),
    secret(
        "RESEND_OTP_KEY",
        "secret of at least 32 bytes in base64; two, comma-separated, newest first, while rotating",
    ),
    open("RESEND_OTP_LENGTH", "6", "digits of a code"),
    open("RESEND_OTP_TTL_SECONDS", "300", "life of a code"),
    open("RESEND_OTP_MAX_GUESSES", "5", "guesses at a code"),
    open(
        "RESEND_SMS_CHANNEL",
        "http",
        "http, smpp, turbosms, twilio; a comma-separated list is an order of fallback",
    ),
    open("RESEND_SMS_URL", "", "where messages go"),
    secret("RESEND_SMS_TOKEN", "bearer token of the gateway"),
    open("RESEND_SMS_SENDER", "eHealth", "sender shown on the phone"),
    open("RESEND_SMS_TEXT", "Код авторизації дій в системі eHealth: {code}", "message text with {code}"),
    open("RESEND_SMS_PER_SECOND", "", "most messages a second to a channel, by all workers together"),
    open("RESEND_SMS_HTTP_URL", "", "as RESEND_SMS_URL, for this channel"),
    secret("RESEND_SMS_HTTP_TOKEN", "as RESEND_SMS_TOKEN, for this channel"),
    open("RESEND_SMS_HTTP_SENDER", "", "as RESEND_SMS_SENDER, for this channel"),
    open("RESEND_SMS_HTTP_PER_SECOND", "", "as RESEND_SMS_PER_SECOND, for this channel"),
    secret("RESEND_SMS_SMPP_URL", "smpp://system_id:password@host:port"),
    secret("RESEND_SMS_SMPP_TOKEN", "not used: the password stands in RESEND_SMS_SMPP_URL"),
    open("RESEND_SMS_SMPP_SENDER", "", "as RESEND_SMS_SENDER, for this channel"),
    open("RESEND_SMS_SMPP_PER_SECOND", "", "as RESEND_SMS_PER_SECOND, for this channel"),
    open("RESEND_SMS_SMPP_WINDOW", "10", "submits without an answer at a time; jobs beyond it wait"),
    open("RESEND_SMS_SMPP_VALIDITY_PERIOD", "true", "messages tell the SMSC how long their code is good"),
    open("RESEND_SMS_TURBOSMS_URL", "", "as RESEND_SMS_URL, for this channel"),
    secret("RESEND_SMS_TURBOSMS_TOKEN", "as RESEND_SMS_TOKEN, for this channel"),
    open("RESEND_SMS_TURBOSMS_SENDER", "", "as RESEND_SMS_SENDER, for this channel"),
    open("RESEND_SMS_TURBOSMS_PER_SECOND", "", "as RESEND_SMS_PER_SECOND, for this channel"),
    open("RESEND_SMS_TWILIO_URL", "", "as RESEND_SMS_URL, for this channel"),
    secret("RESEND_SMS_TWILIO_TOKEN", "as RESEND_SMS_TOKEN, for this channel"),
    open("RESEND_SMS_TWILIO_SENDER", "", "as RESEND_SMS_SENDER, for this channel"),
    open("RESEND_SMS_TWILIO_PER_SECOND", "", "as RESEND_SMS_PER_SECOND, for this channel"),
    open("RESEND_WORKER_CONCURRENCY", "64", "jobs in flight per worker"),
    open("RESEND_JOB_DEADLINE_SECONDS", "300", "no SMS starts later than this after the PATCH"),
    open("RESEND_JOB_RETENTION_SECONDS", "86400", "how long an ended job can be read"),
    open("RESEND_LEASE_SECONDS", "30", "a job silent for so long is taken over"),
    open("RESEND_MAX_DELIVERIES", "3", "after so many deliveries without an end a job is quarantined"),
    open(
        "RESEND_LIMIT_COOLDOWN_SECONDS",
        "60",
        "between two messages for one approval; 0 switches a limit off, here and below",
    ),
    open("RESEND_LIMIT_PER_APPROVAL_HOUR", "4", "messages for one approval"),
    open("RESEND_LIMIT_PER_PHONE_HOUR", "5", "messages to one phone"),
    open("RESEND_LIMIT_PER_PHONE_DAY", "10", "messages to one phone"),
    open("RESEND_LIMIT_PER_PATIENT_DAY", "10", "messages for one patient"),
    open(
        "RESEND_LIMIT_PER_CLIENT_MINUTE",
        "600",
        "messages of one client; of its requests twice as many are accepted, at least 1000",
    ),
    open("RESEND_LIMIT_COUNTRIES", "380", "allowed country codes, comma-separated"),
    open("RESEND_LIMIT_TOTAL_MINUTE", "0", "messages of the whole fleet"),
    secret("RESEND_BOARD_TOKEN", "when set, the worker serves the board behind this token"),
    open("RESEND_STRICT", "false", "true: refuse to accept jobs while Redis would lose or evict them"),
    open("RESEND_LOG", "info", "what to log, as in tracing's filters"),
    open("RESEND_LOG_FORMAT", "", "text or json; json off a terminal"),
    open(
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        "",
        "base URL of an OpenTelemetry collector; spans go to /v1/traces under it",
    ),
];

/// The entry of a name.
pub(super) fn find(name: &str) -> Option<&'static Variable> {
    KNOWN.iter().find(|variable| variable.name == name)
}
