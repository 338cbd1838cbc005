//! `pause` and `resume`.

use serde_json::json;
use shared::queue::Queue;

use super::confirm::confirm;
use super::exit::CtlError;
use super::operator;
use super::output::Output;

pub(super) async fn pause(queue: &Queue, because: &str, yes: bool, output: Output) -> Result<(), CtlError> {
    confirm("Workers will take no new jobs, and waiting jobs fail at their deadline. Pause?", yes)?;
    let began = queue.operator().pause().await?;
    if began {
        operator::record(queue, "pause", "", because).await;
    }
    output.answer(&json!({"paused": true, "changed": began}), || {
        let what = if began { "Paused." } else { "It was paused already." };
        format!("{what} Workers stop taking jobs within two seconds; `resendctl resume` lets them continue.")
    })
}

pub(super) async fn resume(queue: &Queue, because: &str, output: Output) -> Result<(), CtlError> {
    let ended = queue.operator().resume().await?;
    if ended {
        operator::record(queue, "resume", "", because).await;
    }
    output.answer(&json!({"paused": false, "changed": ended}), || {
        let what = if ended { "Resumed: workers take jobs within a second." } else { "It was not paused." };
        what.to_owned()
    })
}
