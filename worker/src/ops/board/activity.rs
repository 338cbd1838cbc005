//! Actions of operators.

use axum::extract::State;
use maud::html;
use shared::queue::OperatorAction;

use super::layout::{Page, page, table, when};
use super::{Board, Unavailable};

/// Actions shown.
const SHOWN: usize = 100;

/// `GET /board/activity`.
pub(super) async fn show(State(board): State<Board>) -> Result<Page, Unavailable> {
    let actions = board.queue.operator().actions(SHOWN).await?;
    let sample = board.sampler.sample().await;
    let row = |action: &OperatorAction| {
        vec![
            when(action.at_ms),
            html! { (action.who) },
            html! { (action.action) },
            html! { code { (action.subject) } },
            html! { (action.because) },
        ]
    };
    let rows: Vec<_> = actions.iter().map(row).collect();
    let body = html! {
        h1 { "Who did what" }
        (table(&["when", "who", "what", "on", "because"], &[], &rows, "No operator has done anything yet."))
    };
    Ok(page("/board/activity", &sample, None, &body))
}
