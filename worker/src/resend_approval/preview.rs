//! The worker's decision about an approval now, for people who set up a registry. Nothing is sent or counted.

use chrono::Utc;
use shared::domain::UnreadableMember;
use shared::domain::ids::{ApprovalId, JobId, PatientId, RequestId};
use shared::domain::message::Message;
use shared::domain::outcome::Refusal;
use shared::domain::phone::PhoneNumber;

use super::checks::{self, Checked};
use super::step_exit::{StepExit, Stopped};
use crate::config::Countries;
use crate::registry::Registry;

/// The decision, and anything unusual in the registry's answers.
#[derive(Debug)]
pub struct Preview {
    /// What the worker would do.
    pub decision: Decision,
    /// What the worker would log about it.
    pub detail: Option<String>,
    /// Authentication methods of the person that count as absent.
    pub unreadable_methods: Vec<UnreadableMember>,
}

/// The worker's next step.
#[derive(Debug)]
pub enum Decision {
    /// Send the code, if the limits on messages allow it.
    Send {
        /// The phone.
        phone: PhoneNumber,
        /// The person's methods have other numbers by now.
        is_former_phone: bool,
    },
    /// End the job.
    Refuse(Refusal),
    /// Try again until the deadline, then end the job like this.
    Retry {
        /// What went wrong.
        cause: &'static str,
        /// How the job would end.
        otherwise: Refusal,
    },
}

/// Reads the registry and decides as a job does.
pub async fn preview(
    patient: PatientId,
    approval: ApprovalId,
    registry: &Registry,
    countries: &Countries,
) -> Preview {
    let (job, request) = (JobId::generate(), RequestId::generate());
    let job = Message { job, patient, approval, request, client: None, trace: None };
    let Checked { unreadable_methods, decision } = checks::check(&job, registry, countries, Utc::now()).await;
    let (decision, detail) = match decision {
        Ok(sendable) => {
            let (phone, is_former_phone) = (sendable.phone, sendable.is_former_phone);
            (Decision::Send { phone, is_former_phone }, None)
        }
        Err(Stopped { exit: StepExit::Refused(refusal), detail }) => (Decision::Refuse(refusal), detail),
        Err(Stopped { exit: StepExit::Retry(later), detail }) => {
            (Decision::Retry { cause: later.cause, otherwise: later.otherwise }, detail)
        }
        // Only a delivery can be lost, and here there is none.
        Err(Stopped { exit: StepExit::Lost, detail }) => (Decision::Refuse(Refusal::Cancelled), detail),
    };
    Preview { decision, detail: detail.map(String::from), unreadable_methods }
}
