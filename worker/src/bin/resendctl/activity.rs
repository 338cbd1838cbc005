//! `activity`: what operators have done.

use serde::Serialize;
use shared::domain::clock;
use shared::queue::{OperatorAction, Queue};

use super::exit::CtlError;
use super::output::{Output, table};

#[derive(Serialize)]
struct Row<'a> {
    at: String,
    who: &'a str,
    action: &'a str,
    subject: &'a str,
    because: &'a str,
}

pub(super) async fn list(queue: &Queue, limit: usize, output: Output) -> Result<(), CtlError> {
    let actions = queue.operator().actions(limit).await?;
    output.answer(&actions.iter().map(row).collect::<Vec<_>>(), || words(&actions))
}

fn row(action: &OperatorAction) -> Row<'_> {
    let OperatorAction { at_ms, who, action, subject, because } = action;
    Row { at: clock::iso(*at_ms), who, action, subject, because }
}

fn words(actions: &[OperatorAction]) -> String {
    let cells = |of: &OperatorAction| {
        let Row { at, who, action, subject, because } = row(of);
        vec![at, who.to_owned(), action.to_owned(), subject.to_owned(), because.to_owned()]
    };
    let rows = actions.iter().map(cells).collect();
    table(&["when", "who", "what", "on", "because"], rows, "No operator has done anything yet.")
}
