//! Every Redis key of the service is made here and nowhere else. All keys have the queue's name as hash tag,
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

    /// Stream: entries that wait or are held by a worker. Fields `m` (message) and `at` (accepted, ms).
    pub fn stream(&self) -> String {
        self.key("stream")
    }

    /// Sorted set: scheduled messages, by due time in ms.
    pub fn scheduled(&self) -> String {
        self.key("scheduled")
    }

    /// Stream: quarantined entries, with the reason.
    pub fn quarantine(&self) -> String {
        self.key("quarantine")
    }

    /// Hash: patient/approval → its live job. Keyed by the pair: a request with a wrong patient must neither get nor
    /// block the job of the right one.
    pub fn live(&self) -> String {
        self.key("live")
    }

    /// Hash: what the prediction of a job's end uses.
    pub fn eta(&self) -> String {
        self.key("eta")
    }

    /// Sorted set: `consumer|slots` of live workers, by the time of their last announcement, ms.
    pub fn workers(&self) -> String {
        self.key("workers")
    }

    /// Hash: status code → jobs that ended with it since the queue was created.
    pub fn counts(&self) -> String {
        self.key("counts")
    }

    /// List: the newest failed jobs, newest first.
    pub fn failures(&self) -> String {
        self.key("failures")
    }

    /// Hash: minute → the totals at that time, for an hour.
    pub fn history(&self) -> String {
        self.key("history")
    }

    /// Hash: process → its report on the upstreams it calls.
    pub fn upstreams(&self) -> String {
        self.key("upstreams")
    }

    /// Stream: actions of operators.
    pub fn activity(&self) -> String {
        self.key("activity")
    }

    /// String: exists while the queue is paused; since when, in ms.
    pub fn paused(&self) -> String {
        self.key("paused")
    }

    /// String: where the next audit of live jobs continues.
    pub fn audit_cursor(&self) -> String {
        self.key("audit:cursor")
    }

    /// String: exists while no other worker may audit.
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

    /// Hash: how many jobs of a client were accepted in its current minute.
    pub fn client_jobs(&self, client: &ClientId) -> String {
        self.key(format_args!("client:{client}"))
    }

    /// String: what an idempotency key replays. `digest` covers client and key, and is unique to the pair.
    pub fn idempotency(&self, digest: &str) -> String {
        self.key(format_args!("idempotency:{digest}"))
    }

    /// Channel on which the ids of ended jobs are published.
    pub fn ended(&self) -> String {
        self.key("ended")
    }

    /// String: what was sent to a phone, its codes and failed checks. The name is a keyed hash, so that it does not
    /// reveal the number.
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
        // Reserves room for an id: a job has half a dozen keys, and each would grow three times.
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
