//! The terminal while the live view has it. Whatever ends the view, the terminal is given back as it was.

use std::io::{Write, stdout};
use std::time::Duration;

use crossterm::event::{Event, KeyCode, KeyModifiers};
use crossterm::{cursor, event, execute, terminal};
use tokio::sync::mpsc;

use super::screen::{Line, Screen, Tone};

/// How often the keyboard thread looks whether it is still wanted.
const KEYBOARD_LOOK: Duration = Duration::from_millis(100);

/// What somebody at the terminal did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Key {
    End,
    Resized,
    /// Nothing, for as long as a look lasts.
    Time,
}

/// A screen of our own.
pub(super) struct Terminal {
    keys: mpsc::UnboundedReceiver<Key>,
    colours: bool,
}

impl Terminal {
    pub(super) fn take() -> std::io::Result<Self> {
        terminal::enable_raw_mode()?;
        let (sender, keys) = mpsc::unbounded_channel();
        // From here on dropping it gives the terminal back.
        let taken = Self { keys, colours: std::env::var_os("NO_COLOR").is_none() };
        execute!(stdout(), terminal::EnterAlternateScreen, cursor::Hide)?;
        std::thread::spawn(move || read_keys(&sender));
        Ok(taken)
    }

    /// Draws over what is there in one write: each line to its end, then the rest is cleared. Nothing flickers, as
    /// nothing is cleared before it is drawn.
    pub(super) fn draw(&mut self, screen: &Screen<'_>) -> std::io::Result<()> {
        let (columns, rows) = terminal::size()?;
        let lines = screen.lines();
        let mut frame = String::from("\x1b[H");
        for (row, line) in lines.iter().take(rows.into()).enumerate() {
            if row > 0 {
                frame.push_str("\r\n");
            }
            frame.push_str(&self.styled(line, columns.into()));
            frame.push_str("\x1b[K");
        }
        frame.push_str("\x1b[J");
        let mut out = stdout().lock();
        out.write_all(frame.as_bytes())?;
        out.flush()
    }

    /// The next thing done at the terminal.
    pub(super) async fn key(&mut self) -> Option<Key> {
        match self.keys.recv().await {
            // The keyboard is gone, and with it whoever looked.
            None => Some(Key::End),
            key => key,
        }
    }

    fn styled(&self, (tone, text): &Line, columns: usize) -> String {
        let text: String = text.chars().take(columns).collect();
        let style = match tone {
            Tone::Plain => return text,
            Tone::Faint => "2",
            Tone::Title => "1",
            Tone::Alarm => "1;31",
        };
        if self.colours { format!("\x1b[{style}m{text}\x1b[0m") } else { text }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = execute!(stdout(), cursor::Show, terminal::LeaveAlternateScreen);
        let _ = terminal::disable_raw_mode();
    }
}

/// Reads until nobody listens.
fn read_keys(keys: &mpsc::UnboundedSender<Key>) {
    while !keys.is_closed() {
        let happened = match event::poll(KEYBOARD_LOOK) {
            Ok(false) => continue,
            Ok(true) => event::read(),
            Err(error) => Err(error),
        };
        let key = match happened {
            Ok(event) => meaning(&event),
            Err(_) => return,
        };
        if key.is_some_and(|key| keys.send(key).is_err()) {
            return;
        }
    }
}

fn meaning(event: &Event) -> Option<Key> {
    match event {
        Event::Resize(..) => Some(Key::Resized),
        Event::Key(key) => {
            let interrupt = key.code == KeyCode::Char('c') && key.modifiers.contains(KeyModifiers::CONTROL);
            let quit = matches!(key.code, KeyCode::Char('q' | 'Q') | KeyCode::Esc);
            (interrupt || quit).then_some(Key::End)
        }
        _ => None,
    }
}
