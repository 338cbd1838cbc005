//! The incident of the runbook in its short form: the gateway refuses for longer than a job lives, then comes back.

use tests::incident::{Course, play};

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_refuses_for_a_while_costs_no_job_its_end_and_no_patient_a_second_message() {
    let finding = play(Course::SHORT, |line| println!("{line}")).await;
    assert!(finding.wrong.is_empty(), "{:#?}\nseen {:#?}", finding.wrong, finding.seen);
}
