//! Steps 1 to 5 in their order: everything that is decided from the registry's answers, before any limit is counted and
//! before anything is sent. The job runs them, and `resendctl doctor` shows what they come to.

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
    /// Methods of the person that can not be read. They count as absent.
    pub(crate) unreadable_methods: Vec<UnreadableMember>,
    /// Whether the code may be sent.
    pub(crate) decision: Result<Sendable, Stopped>,
}

/// A job whose code may be sent.
#[derive(Debug)]
pub(crate) struct Sendable {
    /// Where to.
    pub(crate) phone: PhoneNumber,
    /// The accepted authentication methods have other numbers by now. The approval's is followed all the same.
    pub(crate) is_former_phone: bool,
    /// JSON: what the client will see of the approval.
    pub(crate) result: String,
}

/// Asks the registry and decides.
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
    /// The decision, once the log and the metrics know what is particular about it.
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
