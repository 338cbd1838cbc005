//! Steps 1 to 5 in order: all decisions based on the registry's answers, before any limit is counted and before
//! anything is sent. The job runs them, and `resendctl doctor` shows their result.

use chrono::{DateTime, Utc};
use shared::domain::UnreadableMember;
use shared::domain::message::Message;
use shared::domain::outcome::{Reason, Refusal};
use shared::domain::person::{MethodKind, Person};
use shared::domain::phone::PhoneNumber;
use shared::telemetry::{LogThrottle, metric};

use super::decide::{self, Phone, PhoneUnusable};
use super::lookup::{self, RegistryAnswers};
use super::step_exit::{StepExit, Stopped};
use crate::config::Countries;
use crate::registry::Registry;

/// The result of the checks.
pub(crate) struct Checked {
    /// Methods of the person that cannot be read. They count as absent.
    pub(crate) unreadable_methods: Vec<UnreadableMember>,
    /// Whether the code may be sent.
    pub(crate) decision: Result<Sendable, Stopped>,
}

/// A job whose code may be sent.
#[derive(Debug)]
pub(crate) struct Sendable {
    /// The phone.
    pub(crate) phone: PhoneNumber,
    /// The accepted authentication methods have other numbers by now. The approval's number is used all the same.
    pub(crate) is_former_phone: bool,
    /// JSON: what the client will see of the approval.
    pub(crate) result: String,
}

/// Reads the registry and decides.
pub(crate) async fn check(
    job: &Message,
    registry: &Registry,
    countries: &Countries,
    now: DateTime<Utc>,
) -> Checked {
    let answers = lookup::person_and_approval(job, registry).await;
    let person = answers.person.as_ref();
    let unreadable_methods = person.map_or_else(|_| Vec::new(), |it| it.unreadable_methods.clone());
    let decision = decide(job, answers, countries, now);
    Checked { unreadable_methods, decision }
}

fn decide(
    job: &Message,
    RegistryAnswers { person, approval }: RegistryAnswers,
    countries: &Countries,
    now: DateTime<Utc>,
) -> Result<Sendable, Stopped> {
    let person: Person = person?;
    decide::person_is_active(&person)?;

    let approval = approval?;
    decide::approval_is_the_patients(&approval, job)?;
    decide::approval_is_open(&approval, now)?;

    let methods = decide::otp_methods(&person, &approval, now)?;
    let Phone { number: phone, is_former: is_former_phone } =
        decide::phone(approval.phone_number(), &methods)?;
    decide::country_is_allowed(&phone, countries)?;

    let kind = match (approval.method(), &methods[..]) {
        (MethodKind::Other, [method, ..]) => method.kind,
        (noted, _) => noted,
    };
    let result = approval.response_data(kind, &phone).to_string();
    decide::result_fits(&result)?;
    Ok(Sendable { phone, is_former_phone, result })
}

impl Checked {
    /// The decision, after logging and counting what is unusual about it.
    pub(super) fn reported(self) -> Result<Sendable, StepExit> {
        static METHODS: LogThrottle = LogThrottle::new();
        static STOPS: LogThrottle = LogThrottle::new();
        if let Some(error) = self.unreadable_methods.first()
            && let Some(suppressed) = METHODS.allow()
        {
            tracing::warn!(%error, suppressed, "an authentication method counts as absent");
        }
        self.decision.map_err(|Stopped { exit, detail }| {
            if let Some(detail) = detail
                && let Some(suppressed) = STOPS.allow()
            {
                tracing::warn!(detail, suppressed, "the registry's data cannot be used");
            }
            if exit == StepExit::Refused(Refusal::CountryNotAllowed) {
                let limit = Reason::CountryNotAllowed.as_str();
                metrics::counter!(metric::LIMIT_HITS, "limit" => limit).increment(1);
            }
            exit
        })
    }
}

impl From<PhoneUnusable> for Stopped {
    fn from(rule: PhoneUnusable) -> Self {
        Self { exit: Refusal::PhoneUnusable.into(), detail: Some(rule.to_string().into()) }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use shared::domain::approval::Approval;

    use super::*;
    use crate::testing::{self, APPROVAL, PHONE, job};

    fn decision(person: &Value, approval: Result<&Value, Refusal>) -> Result<Sendable, StepExit> {
        let person = Ok(Person::from_registry(person).unwrap());
        let approval = approval.map(|data| Approval::from_registry(data.clone()).unwrap());
        let answers = RegistryAnswers { person, approval: approval.map_err(Stopped::from) };
        let countries = Countries::parse("380").unwrap();
        decide(&job(), answers, &countries, Utc::now()).map_err(|stopped| stopped.exit)
    }

    /// From the last rule to the first, each is broken in addition to those before it.
    #[test]
    fn every_rule_ends_the_job_and_of_several_the_first_one_is_named() {
        let mut person = testing::person(&json!({"type": "OTP", "phone_number": PHONE}));
        let mut approval = testing::approval(&json!({}));
        assert!(decision(&person, Ok(&approval)).is_ok());
        let to = |number: &str| json!({"type": "OTP", "phone_number": number});
        for (member, value, refusal) in [
            ("reason", json!("x".repeat(262_144)), Refusal::ApprovalTooLarge),
            ("urgent", to("+48501234567"), Refusal::CountryNotAllowed),
            ("urgent", to("0931234585"), Refusal::PhoneUnusable),
            ("authorize_with", json!("other"), Refusal::MethodUnusable),
            ("status", json!("active"), Refusal::ApprovalClosed { status: "active".into() }),
            ("patient_id", json!(APPROVAL), Refusal::ApprovalNotFound),
        ] {
            approval[member] = value;
            assert_eq!(decision(&person, Ok(&approval)).unwrap_err(), refusal.into(), "{member}");
        }
        person["status"] = json!("inactive");
        for approval in [Ok(&approval), Err(Refusal::ApprovalNotFound)] {
            assert_eq!(decision(&person, approval).unwrap_err(), Refusal::PersonInactive.into());
        }
    }

    #[test]
    fn the_client_sees_the_method_noted_on_creation_or_else_the_chosen_one() {
        let own = json!({"type": "OTP", "phone_number": PHONE});
        let person = testing::person(&json!({"type": "THIRD_PERSON", "third_person": own}));
        for (noted, shown) in [(json!("OTP"), "OTP"), (json!(null), "THIRD_PERSON")] {
            let urgent = json!({"type": noted, "phone_number": PHONE});
            let approval = testing::approval(&json!({"authorize_with": "m", "urgent": urgent}));
            let result = decision(&person, Ok(&approval)).unwrap().result;
            let result: Value = serde_json::from_str(&result).unwrap();
            assert_eq!(result["authentication_method_current"]["type"], shown);
        }
    }
}
