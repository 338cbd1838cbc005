//! Who is at the command line, and the record of their actions.

use shared::queue::{Queue, QueueError};

/// Longest name that is recorded, and longest reason.
const LONGEST_NAME: usize = 64;
const LONGEST_REASON: usize = 200;

/// Records an action that was done, and by whom. If that fails, the action stays done, and a message says so.
pub(super) async fn record(queue: &Queue, action: &str, subject: &str, because: &str) {
    let because = short(because, LONGEST_REASON);
    if let Err(error) = try_record(queue, action, subject, &because).await {
        eprintln!("resendctl: done, but not recorded in `activity`: {error}");
    }
}

async fn try_record(queue: &Queue, action: &str, subject: &str, because: &str) -> Result<(), QueueError> {
    queue.operator().record_action(&who(), action, subject, because).await
}

/// `user@host`; under sudo, the user who called it.
fn who() -> String {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let user = variable("SUDO_USER").or_else(|| variable("USER")).or_else(|| variable("LOGNAME"));
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let user = user.unwrap_or_else(|| "unknown".to_owned());
    format!("{}@{}", short(&user, LONGEST_NAME), short(host.trim(), LONGEST_NAME))
}

/// Removes characters that would disturb a terminal or a page, and limits the length.
fn short(text: &str, longest: usize) -> String {
    text.chars().filter(|c| !c.is_control()).take(longest).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_bounded_and_moves_no_cursor() {
        assert_eq!(short("gateway\x1b[2J\nmaintenance", 14), "gateway[2Jmain");
    }
}
