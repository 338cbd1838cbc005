//! Printing: tables for people, JSON for programs.

use std::io::{IsTerminal, Write};

use comfy_table::presets::NOTHING;
use comfy_table::{ColumnConstraint, ContentArrangement, Table};
use serde::Serialize;
use shared::runtime::cli::columns;

use super::arguments::Format;
use super::exit::CtlError;

/// Destination and format of answers.
#[derive(Debug, Clone, Copy)]
pub(super) struct Output {
    format: Format,
}

impl Output {
    pub(super) fn new(format: Format) -> Self {
        Self { format }
    }

    /// Whether the answer is for programs.
    pub(super) fn is_json(self) -> bool {
        self.format == Format::Json
    }

    /// Whether a person is looking at a terminal.
    pub(super) fn is_live(self) -> bool {
        !self.is_json() && std::io::stdout().is_terminal() && std::io::stdin().is_terminal()
    }

    /// Prints the value as JSON, or the text for people.
    pub(super) fn answer(
        self,
        value: &impl Serialize,
        words: impl FnOnce() -> String,
    ) -> Result<(), CtlError> {
        let text = if self.is_json() {
            serde_json::to_string_pretty(value).map_err(std::io::Error::from)?
        } else {
            words()
        };
        print(format!("{}\n", text.trim_end()).as_bytes())
    }
}

/// Width of the terminal; `None` if the answer goes elsewhere.
pub(super) fn width() -> Option<usize> {
    std::io::stdout().is_terminal().then(columns).flatten()
}

/// Whether colours are wanted.
pub(super) fn has_colours() -> bool {
    std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Prints one line of JSON.
pub(super) fn json_line(value: &impl Serialize) -> Result<(), CtlError> {
    let line = serde_json::to_string(value).map_err(std::io::Error::from)?;
    print(format!("{line}\n").as_bytes())
}

/// Prints bytes unchanged.
pub(super) fn print(bytes: &[u8]) -> Result<(), CtlError> {
    let mut stdout = std::io::stdout().lock();
    stdout.write_all(bytes)?;
    Ok(stdout.flush()?)
}

/// A table without lines, so that it can be copied; prints `none` if it has no rows.
pub(super) fn table(header: &[&str], rows: Vec<Vec<String>>, none: &str) -> String {
    if rows.is_empty() {
        return none.to_owned();
    }
    let mut table = Table::new();
    table.load_style(NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    // On a terminal, long cells are wrapped and empty columns left out; elsewhere each row is one line with every
    // column, for `grep` and `cut`.
    let (mut header, mut rows) = (header.to_vec(), rows);
    if let Some(columns) = width() {
        drop_empty_columns(&mut header, &mut rows);
        table.set_content_arrangement(ContentArrangement::Dynamic);
        table.set_width(u16::try_from(columns).unwrap_or(u16::MAX));
    }
    table.set_header(header);
    for row in rows {
        table.add_row(row);
    }
    for (at, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, 2));
        // The cell that names a row stays whole, because it is often copied.
        if at == 0 {
            column.set_constraint(ColumnConstraint::ContentWidth);
        }
    }
    table.lines().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>().join("\n")
}

fn drop_empty_columns(header: &mut Vec<&str>, rows: &mut [Vec<String>]) {
    for at in (0..header.len()).rev() {
        if !header[at].is_empty() && rows.iter().all(|row| row.get(at).is_none_or(String::is_empty)) {
            header.remove(at);
            rows.iter_mut().filter(|row| at < row.len()).for_each(|row| drop(row.remove(at)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_without_content_takes_no_room() {
        let mut header = vec!["job", "code", "worker"];
        let mut rows = [vec!["a".to_owned(), String::new(), "w".to_owned()], vec!["b".to_owned(); 3]];
        drop_empty_columns(&mut header, &mut rows);
        assert_eq!(header.len(), 3, "one row has a code");
        rows[1][1].clear();
        drop_empty_columns(&mut header, &mut rows);
        assert_eq!((header, rows[0].clone()), (vec!["job", "worker"], vec!["a".to_owned(), "w".to_owned()]));
    }
}
