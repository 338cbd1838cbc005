//! Who may see the board.

use secrecy::{ExposeSecret, SecretString};
use shared::settings::{ConfigError, Settings};

/// Shortest token: it is guessed over HTTP, and nothing counts the guesses.
const SHORTEST: usize = 16;

/// `RESEND_BOARD_TOKEN`; none: there is no board.
pub(super) fn token(settings: &Settings) -> Result<Option<SecretString>, ConfigError> {
    let name = "RESEND_BOARD_TOKEN";
    let Some(token) = settings.secret(name) else { return Ok(None) };
    let fits = |text: &str| text.len() >= SHORTEST && text.bytes().all(|byte| byte.is_ascii_graphic());
    if fits(token.expose_secret()) { Ok(Some(token)) } else { Err(settings.invalid(name)) }
}
