//! Settings that every program reads.

use super::Kind::{Choice, HttpUrl, Number, Other};
use super::{Variable, secret, setting};

pub(super) const SETTINGS: &[Variable] = &[
    setting("RESEND_CONFIG", "", Other("a path"), "TOML file with settings; the environment wins"),
    setting(
        "RESEND_REDIS_URL",
        "redis://127.0.0.1:6379/0",
        Other(
            "redis://, rediss:// or unix:// URLs, separated by commas where the mode is cluster or sentinel",
        ),
        "where Redis is; with sentinels their addresses, and the master's user, password and database",
    ),
    setting(
        "RESEND_REDIS_MODE",
        "single",
        Choice(&["single", "cluster", "sentinel"]),
        "what the addresses are",
    ),
    setting(
        "RESEND_REDIS_SENTINEL_MASTER",
        "",
        Other("the name of the master the sentinels watch"),
        "name of the master the sentinels watch",
    ),
    setting(
        "RESEND_REDIS_SENTINEL_USER",
        "",
        Other("a name"),
        "user at the sentinels, where they have users",
    ),
    secret("RESEND_REDIS_SENTINEL_PASSWORD", "a password", "password at the sentinels, where they have one"),
    setting(
        "RESEND_REDIS_MIN_REPLICAS",
        "0",
        Number("replicas", 0..=16),
        "replicas that must confirm a write before a 202",
    ),
    setting(
        "RESEND_QUEUE_NAME",
        "resend",
        Other("1 to 32 characters of a-z, A-Z, 0-9, _, - and ."),
        "hash tag of every key; in a cluster a queue lives on one shard",
    ),
    setting(
        "RESEND_JOB_DEADLINE_SECONDS",
        "300",
        Number("seconds", 1..=86_400),
        "no SMS starts later than this after the PATCH; at most RESEND_OTP_TTL_SECONDS",
    ),
    setting(
        "RESEND_JOB_RETENTION_SECONDS",
        "86400",
        Number("seconds", 1..=2_592_000),
        "how long an ended job can be read",
    ),
    setting(
        "RESEND_LEASE_SECONDS",
        "30",
        Number("seconds", 2..=3_600),
        "a job whose worker is silent for so long is taken over",
    ),
    setting(
        "RESEND_MAX_DELIVERIES",
        "3",
        Number("deliveries", 1..=100),
        "after so many deliveries without an end a job is quarantined",
    ),
    setting(
        "RESEND_OTP_MODE",
        "local",
        Choice(&["local", "service"]),
        "local: codes are made and checked here; service: by the platform's OTP service",
    ),
    secret(
        "RESEND_OTP_KEY",
        "at least 32 random bytes in base64, as of openssl rand -base64 32; two different ones, comma-separated, \
         newest first, while rotating",
        "what codes are made under; two, comma-separated, newest first, while rotating",
    ),
    setting(
        "RESEND_OTP_LENGTH",
        "6",
        Number("digits", 4..=8),
        "digits of a code; fewer than 6 are warned about",
    ),
    setting(
        "RESEND_OTP_TTL_SECONDS",
        "300",
        Number("seconds", 30..=3_600),
        "lifetime of a code; more than 600 s is warned about",
    ),
    setting("RESEND_OTP_MAX_GUESSES", "5", Number("guesses", 1..=100), "guesses at each code"),
    setting(
        "RESEND_LIMIT_COOLDOWN_SECONDS",
        "60",
        Number("seconds", 0..=3_600),
        "between two messages for one approval; 0 switches a limit off, here and below",
    ),
    setting(
        "RESEND_LIMIT_PER_APPROVAL_HOUR",
        "4",
        Number("messages", 0..=1_000),
        "messages for one approval",
    ),
    setting("RESEND_LIMIT_PER_PHONE_HOUR", "5", Number("messages", 0..=1_000), "messages to one phone"),
    setting("RESEND_LIMIT_PER_PHONE_DAY", "10", Number("messages", 0..=10_000), "messages to one phone"),
    setting("RESEND_LIMIT_PER_PATIENT_DAY", "10", Number("messages", 0..=10_000), "messages for one patient"),
    setting(
        "RESEND_LIMIT_PER_CLIENT_MINUTE",
        "600",
        Number("messages", 0..=100_000),
        "messages of one client; of its requests twice as many are accepted, at least 1000",
    ),
    setting(
        "RESEND_LIMIT_TOTAL_MINUTE",
        "0",
        Number("messages", 0..=100_000),
        "messages of the whole fleet: a breaker on cost",
    ),
    setting(
        "RESEND_STRICT",
        "false",
        Choice(&["true", "false"]),
        "true: refuse to accept jobs while Redis would lose or evict them",
    ),
    setting(
        "RESEND_LOG",
        "info",
        Other("a filter such as info or info,shared=debug"),
        "what to log, as in tracing's filters",
    ),
    setting("RESEND_LOG_FORMAT", "", Choice(&["text", "json"]), "shape of a log line; json off a terminal"),
    setting(
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        "",
        HttpUrl,
        "base URL of an OpenTelemetry collector; spans go to /v1/traces under it",
    ),
];
