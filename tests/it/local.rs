//! The local run with the settings shipped for ESOZ.

use std::time::Duration;

use tests::process::program;
use tokio::process::Command;
use tokio::time::timeout;

const ENDS_WITHIN: Duration = Duration::from_mins(1);

#[tokio::test]
async fn the_settings_for_esoz_carry_the_main_job_and_answer_a_refusal_at_once() {
    let mut command = Command::new(program("resend-local"));
    let run = command.args(["--once", "--profile", "esoz"]).kill_on_drop(true).output();
    let output = timeout(ENDS_WITHIN, run).await.unwrap().unwrap();
    let shown = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{shown}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(shown.contains("/jobs/") && shown.contains("409 Conflict"), "{shown}");
}
