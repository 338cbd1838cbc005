//! `reason`: the stable name of each cause of an error, for programs. Messages are for people.

use serde::{Deserialize, Serialize};

macro_rules! reasons {
    ($($(#[$doc:meta])+ $name:ident = $word:literal,)+) => {
        /// Why a request or a job failed (section 5 of the contract). Words are never renamed or reused.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum Reason {
            $($(#[$doc])+ #[serde(rename = $word)] $name,)+
        }

        impl Reason {
            /// Every reason, in the order of the contract.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// Its name in `error.reason` and in metric labels.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $word,)+ }
            }
        }
    };
}

reasons! {
    /// There is no valid access token.
    TokenInvalid = "token_invalid",
    /// The token service requires the caller's API key, and the request has none.
    ApiKeyMissing = "api_key_missing",
    /// The token service refuses the caller's API key.
    ApiKeyInvalid = "api_key_invalid",
    /// The token lacks the scope.
    ScopeMissing = "scope_missing",
    /// There is no such route.
    RouteUnknown = "route_unknown",
    /// The route does not have this method.
    MethodUnsupported = "method_unsupported",
    /// An id, a header or the body is malformed.
    RequestInvalid = "request_invalid",
    /// The idempotency key was used for another request.
    KeyReused = "key_reused",
    /// The body is over the limit.
    BodyTooLarge = "body_too_large",
    /// The request line or the headers are over the limit.
    HeadTooLarge = "head_too_large",
    /// There is no job of this id that the client may read.
    JobNotFound = "job_not_found",
    /// The registry knows no such person.
    PersonNotFound = "person_not_found",
    /// The person is not active.
    PersonInactive = "person_inactive",
    /// The registry knows no such approval of this patient.
    ApprovalNotFound = "approval_not_found",
    /// The approval is verified, ended or expired.
    ApprovalClosed = "approval_closed",
    /// The authentication method is not one an SMS is sent for.
    MethodNotOtp = "method_not_otp",
    /// `authorize_with` names a method that the person does not have or that is not in force.
    MethodUnusable = "method_unusable",
    /// The approval's number is not E.164, or its mask does not match exactly one number.
    PhoneUnusable = "phone_unusable",
    /// No messages are sent to the number's country.
    CountryNotAllowed = "country_not_allowed",
    /// Another client's job for this approval is live.
    LiveJob = "live_job",
    /// The last message of this approval is too recent.
    Cooldown = "cooldown",
    /// Messages of one approval in an hour.
    ApprovalHour = "approval_hour",
    /// Messages to one phone in an hour.
    PhoneHour = "phone_hour",
    /// Messages to one phone in a day.
    PhoneDay = "phone_day",
    /// Messages for one patient in a day.
    PatientDay = "patient_day",
    /// Messages of one client in a minute.
    ClientMinute = "client_minute",
    /// Jobs of one client in a minute.
    ClientJobs = "client_jobs",
    /// Failed code checks of one client in a minute.
    ClientChecks = "client_checks",
    /// Messages of the whole fleet in a minute.
    TotalMinute = "total_minute",
    /// The platform's OTP service has reached a limit of its own.
    OtpServiceLimit = "otp_service_limit",
    /// The code is not the one that was sent.
    CodeInvalid = "code_invalid",
    /// The code is too old.
    CodeExpired = "code_expired",
    /// Too many guesses were made at the code.
    CodeAttempts = "code_attempts",
    /// The service has more work than it can do in time.
    Overloaded = "overloaded",
    /// Redis cannot store or read jobs.
    RedisUnavailable = "redis_unavailable",
    /// The token service does not answer.
    AuthUnavailable = "auth_unavailable",
    /// An upstream service failed or refused for good.
    UpstreamFailed = "upstream_failed",
    /// An upstream service did not answer in time.
    UpstreamSilent = "upstream_silent",
    /// The message may have been sent, but that was not confirmed.
    DeliveryUnknown = "delivery_unknown",
    /// The approval is too large to be kept as a result.
    ApprovalTooLarge = "approval_too_large",
    /// The job was delivered `RESEND_MAX_DELIVERIES` times and never ended.
    Quarantined = "quarantined",
    /// An operator cancelled the job.
    Cancelled = "cancelled",
    /// A fault of this service.
    Internal = "internal",
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Section 5 of the contract, word for word.
    const CONTRACT: &str = "token_invalid api_key_missing api_key_invalid scope_missing route_unknown method_unsupported \
        request_invalid key_reused body_too_large head_too_large job_not_found person_not_found person_inactive \
        approval_not_found approval_closed method_not_otp method_unusable phone_unusable country_not_allowed live_job \
        cooldown approval_hour phone_hour phone_day patient_day client_minute client_jobs client_checks total_minute \
        otp_service_limit code_invalid code_expired code_attempts overloaded redis_unavailable auth_unavailable \
        upstream_failed upstream_silent delivery_unknown approval_too_large quarantined cancelled internal";

    #[test]
    fn the_set_is_the_contracts() {
        let words: Vec<_> = Reason::ALL.iter().map(|reason| reason.as_str()).collect();
        assert_eq!(words.join(" "), CONTRACT);
    }

    #[test]
    fn a_reason_is_its_word_in_json() {
        for reason in Reason::ALL {
            let json = serde_json::to_string(reason).unwrap();
            assert_eq!(json, format!("\"{}\"", reason.as_str()));
            assert_eq!(serde_json::from_str::<Reason>(&json).unwrap(), *reason);
        }
    }
}
