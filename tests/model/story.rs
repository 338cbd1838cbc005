//! Prints a trace as readable text.

use crate::action::Action;
use crate::explore::{Bounds, Violation, replay};

/// The trace as text, from the beginning.
pub(crate) async fn tell(bounds: &Bounds, found: &Violation) -> String {
    let mut lines = Vec::new();
    replay(bounds, &found.trace, |world, action, next| {
        let heard = if next.heard { "" } else { " — the reply is lost" };
        let answer = if next.answer.is_empty() { String::new() } else { format!(": {}", next.answer) };
        let at = world.now_ms / 1_000;
        lines.push(format!("{:>4} {at:>4} s  {action}{answer}{heard}", lines.len() + 1));
        if action == Action::Tick {
            lines.push(String::new());
        }
    })
    .await;
    lines.push(format!("     => {}", found.description));
    lines.join("\n")
}
