//! Ownership: every client with every patient, approval and job. Nobody sees another client's job, and no message is
//! sent for an approval under another patient.

use std::time::Duration;

use reqwest::StatusCode;
use tests::sandbox::scenarios::{Expected, scenarios};
use tests::stack::StackBuilder;

#[tokio::test(flavor = "multi_thread")]
async fn only_the_right_pair_is_sent_and_only_its_client_reads_the_job() {
    let stack = StackBuilder::new().set("RESEND_LIMIT_COOLDOWN_SECONDS", 0).start().await;
    let sendable: Vec<_> =
        scenarios().into_iter().filter(|case| matches!(case.expected, Expected::Sent { .. })).collect();
    let clients = ["mis-a-token", "mis-b-token"].map(|token| stack.client().with_token(token));
    for (number, client) in clients.iter().enumerate() {
        let other = &clients[1 - number];
        for patient in &sendable[..3] {
            for approval in &sendable[..3] {
                let accepted = client.resend(patient.patient_id, approval.approval_id).await;
                assert_eq!(accepted.status, StatusCode::ACCEPTED, "{}", accepted.body);
                let href = accepted.location();
                let ended = client.end_of(&href, Duration::from_secs(20)).await;
                let wanted = if patient.name == approval.name { 200 } else { 404 };
                assert_eq!(
                    ended.body["data"]["status_code"], wanted,
                    "{} with {}",
                    patient.name, approval.name
                );
                for path in ["/Jobs/", "/jobs/", "/api/jobs/"] {
                    let job = href.replace("/Jobs/", path);
                    assert_eq!(other.get(&job).await.status, StatusCode::NOT_FOUND);
                    assert_eq!(other.get(&format!("{job}/events")).await.status, StatusCode::NOT_FOUND);
                    assert_eq!(client.get(&job).await.status, StatusCode::OK);
                }
            }
        }
    }
    assert_eq!(stack.ledger().len(), 2 * 3, "a message for each right pair of each client");
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subject_does_not_read_the_jobs_of_the_client_of_the_same_name() {
    let stack = StackBuilder::new().workers(0).start().await;
    let patient =
        scenarios().into_iter().find(|case| matches!(case.expected, Expected::Sent { .. })).unwrap();
    let (client, subject) = (stack.client(), stack.client().with_token("subject-token"));
    let job = client.resend(patient.patient_id, patient.approval_id).await.location();
    assert_eq!(client.get(&job).await.status, StatusCode::OK);
    assert_eq!(subject.get(&job).await.status, StatusCode::NOT_FOUND);
}
