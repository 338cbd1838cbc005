//! What a doctor sees who uses the public client, under each policy of the server. The client never polls after asking
//! for a code, so what it shows rests on the first answer alone. `CLIENT.md` holds the table, and this test keeps it true.

mod behaviour;

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use tests::client::Answer;
use tests::eventually::eventually;
use tests::sandbox::scenarios::{Scenario, scenarios};
use tests::stack::{Stack, StackBuilder};
use uuid::Uuid;

use behaviour::{DoctorSees, JobResult, job_id};

const POLICIES: [&str; 4] = ["prefer", "auto", "refusals", "never"];
const SOON: Duration = Duration::from_secs(15);

/// The cases in the order of the requests, each with what really happened.
const CASES: [(&str, &str); 12] = [
    ("the code is sent", "sent"),
    ("asked again within a minute", "not sent: 429"),
    ("the person is not in the registry", "not sent: 404"),
    ("the approval is not in the registry", "not sent: 404"),
    ("the approval is verified already", "not sent: 409"),
    ("the patient shows documents instead", "not sent: 409"),
    ("the number can not be used", "not sent: 409"),
    ("the token is not valid", "not sent: 401"),
    ("the token lacks the scope", "not sent: 403"),
    ("the patient's id is malformed", "not sent: 422"),
    ("the gateway does not answer", "perhaps sent: 502 or 504 in the job"),
    ("Redis is down", "not sent: 503"),
];

/// A doctor with the public client, with a server under one policy.
struct Doctor {
    stack: Stack,
}

impl Doctor {
    async fn under(policy: &str) -> Self {
        let stack =
            StackBuilder::new().set("RESEND_SYNC_POLICY", policy).set("RESEND_JOB_HREF", "/jobs/{id}");
        Self { stack: stack.set("RESEND_JOB_DEADLINE_SECONDS", 30).start().await }
    }

    /// Presses "send again": a PATCH with `[]`, like the client's.
    async fn asks(&self, token: &str, patient: &str, approval: Uuid) -> Answer {
        let path = format!("/api/patients/{patient}/approvals/{approval}/actions/resend");
        let client = self.stack.client().with_token(token);
        Answer::of(client.request(Method::PATCH, &path).json(&json!([]))).await
    }

    async fn sees(&self, name: &str) -> DoctorSees {
        let case = scenario(name);
        DoctorSees::of(&self.asks("mis-a-token", &case.patient_id.to_string(), case.approval_id).await)
    }

    /// All cases in their order.
    async fn sees_all(mut self) -> Vec<DoctorSees> {
        let plain = scenario("otp");
        let patient = plain.patient_id.to_string();
        let sent = self.asks("mis-a-token", &patient, plain.approval_id).await;
        let mut seen = vec![DoctorSees::of(&sent)];
        self.follows(&sent, &plain).await;
        for name in
            ["otp", "person-missing", "approval-missing", "approval-active", "offline", "phone-missing"]
        {
            seen.push(self.sees(name).await);
        }
        seen.push(DoctorSees::of(&self.asks("expired-token", &patient, plain.approval_id).await));
        seen.push(DoctorSees::of(&self.asks("no-scope-token", &patient, plain.approval_id).await));
        seen.push(DoctorSees::of(&self.asks("mis-a-token", "patient-1", plain.approval_id).await));
        self.stack.set_faults(json!([{"target": "sms", "action": {"hang": true}}])).await;
        seen.push(self.sees("both-models").await);
        self.stack.redis.kill().await;
        seen.push(self.sees("masked").await);
        seen
    }

    /// The job of an accepted request, as the client's job pages find and read it.
    async fn follows(&self, sent: &Answer, case: &Scenario) {
        let Some(id) = job_id(&sent.body) else { return assert_eq!(sent.status, 201) };
        let ended = eventually("the job ends", SOON, || async {
            let job = self.stack.client().get(&format!("/api/jobs/{id}")).await;
            Some(JobResult::of(&job)).filter(|result| *result != JobResult::Pending)
        });
        assert_eq!(ended.await, JobResult::Done(json!(case.approval_id)));
    }
}

fn scenario(name: &str) -> Scenario {
    scenarios().into_iter().find(|scenario| scenario.name == name).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_table_says_what_the_doctor_sees_under_each_policy() {
    let mut columns = Vec::new();
    for policy in POLICIES {
        columns.push(Doctor::under(policy).await.sees_all().await);
    }
    let mut table =
        format!("| case | what really happened | {} |\n|---|---|---|---|---|---|\n", POLICIES.join(" | "));
    for (row, (case, truth)) in CASES.into_iter().enumerate() {
        let cells: Vec<_> = columns.iter().map(|column| column[row].to_string()).collect();
        let _ = writeln!(table, "| {case} | {truth} | {} |", cells.join(" | "));
    }
    let place = Path::new(env!("CARGO_MANIFEST_DIR")).join("it/CLIENT.md");
    let text = std::fs::read_to_string(&place).unwrap();
    let start = text.find("| case |").unwrap();
    let end = text[start..].find("\n\n").map_or(text.len(), |end| start + end + 1);
    if std::env::var_os("UPDATE_CLIENT_TABLE").is_some() {
        std::fs::write(&place, format!("{}{table}{}", &text[..start], &text[end..])).unwrap();
    } else {
        assert_eq!(&text[start..end], table, "run this test with UPDATE_CLIENT_TABLE=1");
    }
}

/// The specification's own example has `/Jobs/`, where this client finds no job.
#[tokio::test(flavor = "multi_thread")]
async fn the_client_finds_jobs_only_where_the_link_is_in_lower_case() {
    let stack = Stack::start().await;
    let plain = scenario("otp");
    let accepted = stack.client().resend(plain.patient_id, plain.approval_id).await;
    assert_eq!((accepted.status.as_u16(), job_id(&accepted.body)), (202, None));
    stack.client().end_of(&accepted.location(), SOON).await;
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_client_reads_a_failed_jobs_own_message() {
    let stack = StackBuilder::new().set("RESEND_JOB_HREF", "/jobs/{id}").start().await;
    let missing = scenario("person-missing");
    let accepted = stack.client().resend(missing.patient_id, missing.approval_id).await;
    let id = job_id(&accepted.body).expect("a job");
    let ended = stack.client().end_of(&format!("/api/jobs/{id}"), SOON).await;
    assert_eq!(JobResult::of(&ended), JobResult::Failed("Person not found".to_owned()));
    let member = |name: &str| ended.body["data"][name].as_str().map(str::to_owned);
    assert!(member("eta").is_some() && member("status").is_some_and(|status| status == "failed"));
    assert_ne!(ended.body["data"]["status_code"], Value::Null);
    stack.stop().await;
}
