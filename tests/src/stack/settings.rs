//! The settings every program of a test is started with.

/// A key for codes; nothing outside the tests uses it.
const OTP_KEY: &str = "dGVzdHMtb25seS1rZXktMzItYnl0ZXMtbG9uZy1hYmNk";

/// What the programs need to find Redis and the sandbox, on ports of the system's choice.
pub fn service_settings(redis: &str, sandbox: &str) -> Vec<(String, String)> {
    [
        ("RESEND_REDIS_URL", redis.to_owned()),
        ("RESEND_API_LISTEN", "127.0.0.1:0".to_owned()),
        ("RESEND_WORKER_LISTEN", "127.0.0.1:0".to_owned()),
        ("RESEND_AUTH_MODE", "introspection".to_owned()),
        ("RESEND_AUTH_URL", format!("{sandbox}/oauth/introspect")),
        ("RESEND_AUTH_CLIENT_ID", "resend-api".to_owned()),
        ("RESEND_AUTH_CLIENT_SECRET", "sandbox-secret".to_owned()),
        ("RESEND_REGISTRY_URL", format!("{sandbox}/registry")),
        ("RESEND_REGISTRY_TOKEN", "registry-token".to_owned()),
        ("RESEND_OTP_KEY", OTP_KEY.to_owned()),
        ("RESEND_SMS_URL", format!("{sandbox}/sms/messages")),
        ("RESEND_SMS_TOKEN", "sms-token".to_owned()),
        ("RESEND_LOG_FORMAT", "json".to_owned()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .to_vec()
}
