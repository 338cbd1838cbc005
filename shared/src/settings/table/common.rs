//! Settings that every program reads.

use super::Kind::{Choice, HttpUrl, Number, Other};
use super::{Variable, secret, setting};

pub(super) const SETTINGS: &[Variable] = &[
    setting("RESEND_CONFIG", "", Other("a path"), "TOML file with settings; the environment wins"),
    setting(
        "RESEND_REDIS_URL",
        "redis://127.0.0.1:6379/0",
        Other(
            "a redis://, rediss:// or unix:// URL; several, comma-separated, in modes cluster and sentinel",
        ),
        "address of Redis; in mode sentinel those of the sentinels, with the master's user, password and database",
    ),
    setting(
        "RESEND_REDIS_MODE",
        "single",
        Choice(&["single", "cluster", "sentinel"]),
        "what RESEND_REDIS_URL points at",
    ),
    setting(
        "RESEND_REDIS_SENTINEL_MASTER",
        "",
        Other("the name of the master the sentinels watch"),
        "name under which the sentinels know the master",
    ),
    setting(
        "RESEND_REDIS_SENTINEL_USER",
        "",
        Other("a name"),
        "user name at the sentinels, if they have users",
    ),
    secret("RESEND_REDIS_SENTINEL_PASSWORD", "a password", "password at the sentinels, if they have one"),
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
        "name of the queue, and hash tag of all its keys; in a cluster a queue lives on one shard",
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
        "how long a worker may be silent before its jobs are taken over",
    ),
    setting(
        "RESEND_MAX_DELIVERIES",
        "3",
        Number("deliveries", 1..=100),
        "deliveries without an end after which a job is quarantined",
    ),
    setting(
        "RESEND_OTP_MODE",
        "local",
        Choice(&["local", "service"]),
        "local: codes are made and checked here; service: by the platform's OTP service",
    ),
    secret(
        "RESEND_OTP_KEY",
        "at least 32 random bytes in base64, as from openssl rand -base64 32; two different ones, comma-separated, \
         newest first, while rotating",
        "secret that codes are derived from; two, comma-separated, newest first, while rotating: the runbook has the steps",
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
    setting("RESEND_OTP_MAX_GUESSES", "5", Number("guesses", 1..=100), "guesses allowed for each code"),
    setting(
        "RESEND_LIMIT_COOLDOWN_SECONDS",
        "60",
        Number("seconds", 0..=3_600),
        "least time between two messages for one approval; 0 switches off this limit, or any below",
    ),
    setting(
        "RESEND_LIMIT_PER_APPROVAL_HOUR",
        "4",
        Number("messages", 0..=1_000),
        "messages for one approval in an hour",
    ),
    setting(
        "RESEND_LIMIT_PER_PHONE_HOUR",
        "5",
        Number("messages", 0..=1_000),
        "messages to one phone in an hour",
    ),
    setting(
        "RESEND_LIMIT_PER_PHONE_DAY",
        "10",
        Number("messages", 0..=10_000),
        "messages to one phone in a day",
    ),
    setting(
        "RESEND_LIMIT_PER_PATIENT_DAY",
        "10",
        Number("messages", 0..=10_000),
        "messages for one patient in a day",
    ),
    setting(
        "RESEND_LIMIT_PER_CLIENT_MINUTE",
        "600",
        Number("messages", 0..=100_000),
        "messages of one client in a minute; twice as many of its requests are accepted, at least 1000",
    ),
    setting(
        "RESEND_LIMIT_TOTAL_MINUTE",
        "0",
        Number("messages", 0..=100_000),
        "messages of the whole fleet in a minute, to limit their cost",
    ),
    setting(
        "RESEND_STRICT",
        "false",
        Choice(&["true", "false"]),
        "true: accept no jobs while Redis is configured so that it could lose or evict them",
    ),
    setting(
        "RESEND_LOG",
        "info",
        Other("a filter such as info or info,shared=debug"),
        "what to log, by level and module",
    ),
    setting(
        "RESEND_LOG_FORMAT",
        "",
        Choice(&["text", "json"]),
        "format of log lines; if not set, text on a terminal and json elsewhere",
    ),
    setting(
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        "",
        HttpUrl,
        "base URL of an OpenTelemetry collector; spans go to /v1/traces under it",
    ),
];
