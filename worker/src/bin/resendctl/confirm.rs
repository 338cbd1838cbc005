//! Asks for confirmation before an action that cannot be undone.

use std::io::{IsTerminal, Write};

use super::exit::CtlError;

/// Continues only after a yes. Without a terminal nobody can answer, so `--yes` is required.
pub(super) fn confirm(question: &str, yes: bool) -> Result<(), CtlError> {
    if yes {
        return Ok(());
    }
    if !std::io::stdin().is_terminal() {
        return Err(CtlError::Refused(format!("{question} There is no terminal to ask at: use --yes")));
    }
    eprint!("{question} [y/N] ");
    std::io::stderr().flush()?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    match answer.trim().to_ascii_lowercase().as_str() {
        "y" | "yes" => Ok(()),
        _ => Err(CtlError::Refused("nothing was done".to_owned())),
    }
}
