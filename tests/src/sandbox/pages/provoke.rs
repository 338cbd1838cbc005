//! Every answer an integrator must handle, and how to have the service give it.

/// One answer.
pub(super) struct Answer {
    /// Status, and `reason` where there is one.
    pub(super) status: &'static str,
    /// What the client should make of it.
    pub(super) meaning: &'static str,
    /// Scenarios whose job ends so.
    pub(super) scenarios: &'static [&'static str],
    /// What else provokes it; `{base}` is the sandbox.
    pub(super) how: &'static str,
}

const fn by_scenario(
    status: &'static str,
    meaning: &'static str,
    scenarios: &'static [&'static str],
) -> Answer {
    Answer { status, meaning, scenarios, how: "" }
}

const fn by(status: &'static str, meaning: &'static str, how: &'static str) -> Answer {
    Answer { status, meaning, scenarios: &[], how }
}

/// Of the PATCH, and of the job it makes: with `Prefer: wait=10` the PATCH itself answers what the job came to.
pub(super) const ANSWERS: [Answer; 19] = [
    by_scenario(
        "202, job 200",
        "the code is on its way; read the job at its link",
        &["otp", "third-person-default", "masked"],
    ),
    by(
        "202, slow",
        "the job stays pending: go on polling, at most every Retry-After",
        r#"curl -X POST {base}/sandbox/faults -d '{"target":"sms","action":{"delay_ms":8000}}'"#,
    ),
    by(
        "202, double click",
        "the same link twice: the second request got the job of the first",
        "send the PATCH twice while the gateway is slow, as above",
    ),
    by("401 token_invalid", "get a new token", "use the token expired-token, or none"),
    by("403 scope_missing", "this client may not do it", "use the token no-scope-token"),
    by_scenario("404 person_not_found", "the patient is not in the registry", &["person-missing"]),
    by_scenario(
        "404 approval_not_found",
        "no such approval of this patient",
        &["approval-missing", "approval-of-another"],
    ),
    by_scenario("409 person_inactive", "nothing can be done for this patient", &["person-inactive"]),
    by_scenario(
        "409 approval_closed",
        "verified, ended or expired: make a new approval",
        &["approval-active", "expired-epoch", "expired-iso"],
    ),
    by_scenario(
        "409 method_not_otp",
        "this patient confirms in another way",
        &["offline", "third-person-default-offline"],
    ),
    by_scenario(
        "409 method_unusable",
        "the chosen method ended or is another person's",
        &["authorized-ended", "authorized-missing"],
    ),
    by_scenario(
        "409 phone_unusable",
        "no number can be sent to: correct the person's method",
        &["phone-missing", "masked-twice", "masked-changed"],
    ),
    by_scenario("409 country_not_allowed", "messages do not go to that country", &["phone-abroad"]),
    by("422 request_invalid", "an id is not a UUID: the client is wrong", "put patient-1 into the path"),
    by(
        "429 cooldown, live_job",
        "wait for Retry-After; the message names the time",
        "ask for the same approval again within a minute; with mis-b-token while the job of mis-a-token is pending",
    ),
    by_scenario(
        "502 upstream_failed, approval_too_large",
        "not the client's fault: say so, try later",
        &["without-patient", "too-large"],
    ),
    by(
        "502 after the deadline",
        "a proxy's 404 or any 5xx of the registry is no missing person",
        r#"curl -X POST {base}/sandbox/faults -d '{"target":"persons","action":{"status":404,"body":"<html>","content_type":"text/html"}}'"#,
    ),
    by(
        "503 redis_unavailable, auth_unavailable",
        "nothing was stored: ask again after Retry-After",
        r#"stop Redis; or curl -X POST {base}/sandbox/faults -d '{"target":"introspection","action":{"hang":true}}'"#,
    ),
    by(
        "504 upstream_silent, delivery_unknown",
        "the message may have been sent: say so, try later",
        r#"curl -X POST {base}/sandbox/faults -d '{"target":"sms","action":{"hang":true}}', with RESEND_JOB_DEADLINE_SECONDS=15"#,
    ),
];
