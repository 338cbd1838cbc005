//! Every Redis key of the service, made here and nowhere else. The keys of one partition share a hash tag, so that a
//! script may touch them together in a cluster: `resend:{0}:stream`.

use std::fmt::{self, Write};

use crate::domain::ids::{ApprovalId, ClientId, JobId};

/// One stream with everything around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Partition(pub u16);

impl fmt::Display for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Makes keys.
#[derive(Debug, Clone)]
pub struct Keys {
    name: String,
    partitions: u16,
}

impl Keys {
    /// Keys under this prefix, over this many partitions.
    pub fn new(name: &str, partitions: u16) -> Self {
        Self { name: name.to_owned(), partitions: partitions.max(1) }
    }

    /// Every partition.
    pub fn partitions(&self) -> impl Iterator<Item = Partition> + use<> {
        (0..self.partitions).map(Partition)
    }

    /// Where the jobs of an approval live: all of them together, so that one script sees whether one is live.
    pub fn partition_of_approval(&self, approval: &ApprovalId) -> Partition {
        self.partition_of(approval.0.as_bytes())
    }

    /// Where a job lives. `new_job_id` makes ids for which this agrees with the approval's partition.
    pub fn partition_of_job(&self, job: &JobId) -> Partition {
        self.partition_of(job.as_str().as_bytes())
    }

    /// A fresh id that leads to this partition: drawn until it does, so it stays as unguessable as its length allows.
    pub fn new_job_id(&self, partition: Partition) -> JobId {
        loop {
            let job = JobId::generate();
            if self.partition_of_job(&job) == partition {
                return job;
            }
        }
    }

    /// Stream: entries that wait or are in a worker's hands. Fields `m` (message) and `at` (accepted, ms).
    pub fn stream(&self, partition: Partition) -> String {
        self.key(partition, "stream")
    }

    /// Sorted set: messages put back, by due time in ms.
    pub fn scheduled(&self, partition: Partition) -> String {
        self.key(partition, "scheduled")
    }

    /// Stream: entries set aside, with the reason.
    pub fn quarantine(&self, partition: Partition) -> String {
        self.key(partition, "quarantine")
    }

    /// Hash: patient/approval → its live job. The pair, not the approval alone: somebody who asks under a wrong patient
    /// must neither be given nor hold up the job of the right one.
    pub fn live(&self, partition: Partition) -> String {
        self.key(partition, "live")
    }

    /// Hash: what the prediction of a job's end rests on.
    pub fn eta(&self, partition: Partition) -> String {
        self.key(partition, "eta")
    }

    /// Sorted set: `consumer|slots` of live workers, by when they last said so, in ms.
    pub fn workers(&self, partition: Partition) -> String {
        self.key(partition, "workers")
    }

    /// Hash: status code → jobs ended with it since the queue was made.
    pub fn counts(&self, partition: Partition) -> String {
        self.key(partition, "counts")
    }

    /// List: the newest failed jobs, newest first.
    pub fn failures(&self, partition: Partition) -> String {
        self.key(partition, "failures")
    }

    /// String: there while an operator has the workers fetch nothing; when that began, in ms.
    pub fn paused(&self, partition: Partition) -> String {
        self.key(partition, "paused")
    }

    /// String: where the audit of live jobs goes on.
    pub fn audit_cursor(&self, partition: Partition) -> String {
        self.key(partition, "audit:cursor")
    }

    /// String: there while a worker has its turn at the audit.
    pub fn audit_turn(&self, partition: Partition) -> String {
        self.key(partition, "audit:turn")
    }

    /// Prefix of the job records.
    pub fn job_prefix(&self, partition: Partition) -> String {
        self.key(partition, "job:")
    }

    /// Hash: the record of a job.
    pub fn job(&self, partition: Partition, job: &JobId) -> String {
        self.key(partition, format_args!("job:{job}"))
    }

    /// Prefix of the results.
    pub fn result_prefix(&self, partition: Partition) -> String {
        self.key(partition, "result:")
    }

    /// String: the result of an ended job, JSON. A key of its own: inside the record it would turn Redis' compact
    /// encoding into one three times the size.
    pub fn result(&self, partition: Partition, job: &JobId) -> String {
        self.key(partition, format_args!("result:{job}"))
    }

    /// List: times in ms at which sends for an approval began.
    pub fn sends(&self, partition: Partition, approval: &ApprovalId) -> String {
        self.key(partition, format_args!("sends:{approval}"))
    }

    /// Hash: how many jobs of a client were accepted in its present minute.
    pub fn client_jobs(&self, partition: Partition, client: &ClientId) -> String {
        self.key(partition, format_args!("client:{client}"))
    }

    /// String: what an idempotency key stands for. `digest` covers client and key, and tells them apart.
    pub fn idempotency(&self, partition: Partition, digest: &str) -> String {
        self.key(partition, format_args!("idempotency:{digest}"))
    }

    /// Where an idempotency key is at home, whatever approval it comes with.
    pub fn partition_of_idempotency_key(&self, digest: &str) -> Partition {
        self.partition_of(digest.as_bytes())
    }

    /// String: the path an idempotency key was first used for.
    pub fn idempotency_claim(&self, partition: Partition, digest: &str) -> String {
        self.key(partition, format_args!("idempotency-path:{digest}"))
    }

    /// Channel on which the ids of ended jobs are published.
    pub fn ended(&self, partition: Partition) -> String {
        self.key(partition, "ended")
    }

    /// Hash: the codes sent to a phone. `digest` is keyed, so that the number cannot be found from the name.
    pub fn otp(&self, digest: &str) -> String {
        format!("{}:{{{digest}}}:otp", self.name)
    }

    /// String: there once the code of a job was used. Beside the phone's record, so that one script sees both.
    pub fn otp_used(&self, digest: &str, job: &JobId) -> String {
        format!("{}:{{{digest}}}:otp-used:{job}", self.name)
    }

    /// Sorted set: messages that count against the limits of one subject (`phone`, `patient`, `client`, `total`). Each
    /// subject is on a hash tag of its own. A phone's name is keyed.
    pub fn limit(&self, subject: &str, name: &str) -> String {
        // Braces of a foreign name would move the hash tag, which does no harm to a key that stands alone.
        let (before, after) = self.limit_parts(subject);
        format!("{before}{name}{after}")
    }

    /// What goes before and after the name in such a key, for scripts that learn the name themselves.
    pub(crate) fn limit_parts(&self, subject: &str) -> (String, &'static str) {
        (format!("{}:{{{subject}:", self.name), "}:limit")
    }

    /// Hash: what a gateway said of a message it took, by its own name for it.
    pub fn message(&self, channel: &str, message_id: &str) -> String {
        format!("{}:{{message:{channel}:{message_id}}}:state", self.name)
    }

    /// String: when a channel may be handed the next message, microseconds since the epoch by Redis' clock.
    pub fn pace(&self, channel: &str) -> String {
        format!("{}:{{channel:{channel}}}:pace", self.name)
    }

    fn key(&self, partition: Partition, what: impl fmt::Display) -> String {
        // Room for an id at once: a job takes half a dozen of them, and each would grow three times.
        let mut key = String::with_capacity(self.name.len() + 56);
        let _ = write!(key, "{}:{{{partition}}}:{what}", self.name);
        key
    }

    fn partition_of(&self, bytes: &[u8]) -> Partition {
        Partition(u16::try_from(fnv1a(bytes) % u64::from(self.partitions)).unwrap_or(0))
    }
}

/// FNV-1a, 64 bit: where a key lives must not change with a library's version.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_fnv_1a() {
        // Test vectors of the FNV reference, draft-eastlake-fnv.
        assert_eq!(fnv1a(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv1a(b"foobar"), 0x8594_4171_f739_67e8);
    }

    #[test]
    fn a_job_and_its_approval_live_together() {
        let keys = Keys::new("resend", 16);
        for partition in keys.partitions() {
            let job = keys.new_job_id(partition);
            assert_eq!(keys.partition_of_job(&job), partition);
            let tag = format!("resend:{{{partition}}}:");
            assert!(keys.job(partition, &job).starts_with(&tag) && keys.stream(partition).starts_with(&tag));
        }
    }

    #[test]
    fn approvals_spread_over_the_partitions() {
        let keys = Keys::new("resend", 4);
        let mut counts = [0_u32; 4];
        for _ in 0..4_000 {
            let approval = ApprovalId(uuid::Uuid::new_v4());
            counts[usize::from(keys.partition_of_approval(&approval).0)] += 1;
        }
        assert!(counts.iter().all(|count| (800..1_200).contains(count)), "{counts:?}");
    }
}
