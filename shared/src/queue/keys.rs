//! Every Redis key of the service, made here and nowhere else. All keys share the queue's name as hash tag,
//! `{resend}:stream`, so that one script may touch any of them together, in a cluster as on one server.

use std::fmt::{self, Write};

use crate::domain::ids::{ClientId, JobId, PatientId};

/// The consumer group all workers read through.
pub const GROUP: &str = "workers";

/// Makes keys.
#[derive(Debug, Clone)]
pub struct Keys {
    name: String,
}

impl Keys {
    /// Keys of the queue of this name.
    pub fn new(name: &str) -> Self {
        Self { name: name.to_owned() }
    }

    /// Stream: entries that wait or are in a worker's hands. Fields `m` (message) and `at` (accepted, ms).
    pub fn stream(&self) -> String {
        self.key("stream")
    }

    /// Sorted set: messages put back, by due time in ms.
    pub fn scheduled(&self) -> String {
        self.key("scheduled")
    }

    /// Stream: entries set aside, with the reason.
    pub fn quarantine(&self) -> String {
        self.key("quarantine")
    }

    /// Hash: patient/approval → its live job. The pair, not the approval alone: somebody who asks under a wrong patient
    /// must neither be given nor hold up the job of the right one.
    pub fn live(&self) -> String {
        self.key("live")
    }

    /// Hash: what the prediction of a job's end rests on.
    pub fn eta(&self) -> String {
        self.key("eta")
    }

    /// Sorted set: `consumer|slots` of live workers, by when they last said so, in ms.
    pub fn workers(&self) -> String {
        self.key("workers")
    }

    /// Hash: status code → jobs ended with it since the queue was made.
    pub fn counts(&self) -> String {
        self.key("counts")
    }

    /// List: the newest failed jobs, newest first.
    pub fn failures(&self) -> String {
        self.key("failures")
    }

    /// Hash: minute → the totals of then, for an hour.
    pub fn history(&self) -> String {
        self.key("history")
    }

    /// Hash: process → what it says of the upstreams it calls.
    pub fn upstreams(&self) -> String {
        self.key("upstreams")
    }

    /// Stream: what operators did.
    pub fn activity(&self) -> String {
        self.key("activity")
    }

    /// String: there while an operator has the workers fetch nothing; when that began, in ms.
    pub fn paused(&self) -> String {
        self.key("paused")
    }

    /// String: where the audit of live jobs goes on.
    pub fn audit_cursor(&self) -> String {
        self.key("audit:cursor")
    }

    /// String: there while no other worker is to audit.
    pub fn audit_lock(&self) -> String {
        self.key("audit:lock")
    }

    /// Prefix of the job records.
    pub fn job_prefix(&self) -> String {
        self.key("job:")
    }

    /// Hash: the record of a job, its result included once it has ended.
    pub fn job(&self, job: &JobId) -> String {
        self.key(format_args!("job:{job}"))
    }

    /// Hash: how many jobs of a client were accepted in its present minute.
    pub fn client_jobs(&self, client: &ClientId) -> String {
        self.key(format_args!("client:{client}"))
    }

    /// String: what an idempotency key stands for. `digest` covers client and key, and tells them apart.
    pub fn idempotency(&self, digest: &str) -> String {
        self.key(format_args!("idempotency:{digest}"))
    }

    /// Channel on which the ids of ended jobs are published.
    pub fn ended(&self) -> String {
        self.key("ended")
    }

    /// String: what was sent to a phone, its codes and failed checks. The name is keyed, so that the number cannot be found
    /// from it.
    pub fn phone(&self, name: &str) -> String {
        self.key(format_args!("phone:{name}"))
    }

    /// String: the messages of a patient's approvals.
    pub fn patient(&self, patient: &PatientId) -> String {
        self.key(format_args!("patient:{patient}"))
    }

    /// String: the messages of a client in the last minute; with no name, the prefix of these keys.
    pub fn client_messages(&self, client: &str) -> String {
        self.key(format_args!("messages:client:{client}"))
    }

    /// String: the messages of everybody in the last minute.
    pub fn total_messages(&self) -> String {
        self.key("messages:total")
    }

    /// String: the failed checks of a client in the last minute.
    pub fn client_checks(&self, client: &ClientId) -> String {
        self.key(format_args!("checks:{client}"))
    }

    /// String: when a channel may be handed the next message, microseconds since the epoch by Redis' clock.
    pub fn rate(&self, channel: &str) -> String {
        self.key(format_args!("rate:{channel}"))
    }

    fn key(&self, what: impl fmt::Display) -> String {
        // Reserves room for an id: a job takes half a dozen keys, and each would grow three times.
        let mut key = String::with_capacity(self.name.len() + 56);
        let _ = write!(key, "{{{}}}:{what}", self.name);
        key
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_has_the_queues_name_as_hash_tag() {
        let (keys, job) = (Keys::new("resend"), JobId::generate());
        let patient = PatientId(uuid::Uuid::from_u128(1));
        let client: ClientId = "{foreign}".parse().unwrap();
        let made = [
            keys.stream(),
            keys.job(&job),
            keys.client_jobs(&client),
            keys.idempotency("a b"),
            keys.phone("name"),
            keys.patient(&patient),
            keys.client_messages(client.as_str()),
            keys.total_messages(),
            keys.client_checks(&client),
            keys.rate("http"),
        ];
        for key in made {
            assert!(key.starts_with("{resend}:"), "{key}");
        }
        assert_eq!(keys.stream(), "{resend}:stream");
        assert_eq!(keys.job(&job), format!("{{resend}}:job:{job}"));
    }
}
