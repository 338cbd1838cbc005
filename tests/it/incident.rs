//! The incidents of the runbook in their short form: the promises during each, and what each tool reports about the
//! cause.

use tests::incident::causes::{self, Cause};
use tests::incident::{Timeline, play};

/// A lease that ends during the test, and not before the tools were read.
const LEASE: u64 = 15;

fn say(line: &str) {
    println!("{line}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_refuses_for_a_while_costs_no_job_its_end_and_no_patient_a_second_message() {
    let result = play(Timeline::SHORT, say).await;
    assert!(result.wrong.is_empty(), "{:#?}\nseen {:#?}", result.wrong, result.seen);
}

async fn every_tool_names(cause: Cause) {
    let result = causes::name(cause, LEASE, say).await;
    assert!(result.wrong.is_empty(), "{:#?}\nseen {:#?}", result.wrong, result.seen);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_tool_names_a_gateway_that_refuses_our_token_within_ten_seconds() {
    every_tool_names(Cause::TokenRefused).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_tool_names_a_frozen_registry_within_ten_seconds() {
    every_tool_names(Cause::RegistryFrozen).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_tool_names_a_dead_worker_within_ten_seconds() {
    every_tool_names(Cause::WorkerDead).await;
}
