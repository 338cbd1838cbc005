//! Access to the board.

use secrecy::{ExposeSecret, SecretString};
use shared::settings::{ConfigError, Settings};

/// Shortest token: it can be guessed over HTTP, where guesses are not limited in number.
const SHORTEST: usize = 16;

/// `RESEND_BOARD_TOKEN`; `None`: no board.
pub(super) fn token(settings: &Settings) -> Result<Option<SecretString>, ConfigError> {
    let name = "RESEND_BOARD_TOKEN";
    let Some(token) = settings.secret(name) else { return Ok(None) };
    let fits = |text: &str| text.len() >= SHORTEST && text.bytes().all(|byte| byte.is_ascii_graphic());
    if fits(token.expose_secret()) { Ok(Some(token)) } else { Err(settings.invalid(name)) }
}
