//! Aligned columns.

use owo_colors::OwoColorize as _;

use crate::terminal;

/// The widest cell of what is stored, in letters; the rest of it is cut. An id fits.
const WIDEST: usize = 64;

/// A table for standard output.
pub(super) struct Table {
    columns: Vec<String>,
    rows: Vec<Vec<Cell>>,
}

/// One cell.
pub(super) struct Cell {
    text: String,
    is_number: bool,
}

impl Cell {
    /// Something that may be long.
    pub(super) fn text(text: impl Into<String>) -> Self {
        Self::whole(cut(text.into()))
    }

    /// Something that somebody may want to type.
    pub(super) fn whole(text: impl AsRef<str>) -> Self {
        Self {
            text: one_line(text.as_ref()),
            is_number: false,
        }
    }

    pub(super) fn number(text: impl Into<String>) -> Self {
        Self {
            is_number: true,
            ..Self::text(text)
        }
    }
}

/// What a terminal shows on one line, without what would steer it.
pub(super) fn one_line(text: &str) -> String {
    text.chars()
        .flat_map(|letter| match letter.is_control() {
            true => letter.escape_default().collect::<Vec<_>>(),
            false => vec![letter],
        })
        .collect()
}

fn cut(mut text: String) -> String {
    if let Some((end, _)) = text.char_indices().nth(WIDEST) {
        text.truncate(end);
        text.push('…');
    }
    text
}

impl Table {
    pub(super) fn new<C: AsRef<str>>(columns: impl IntoIterator<Item = C>) -> Self {
        let columns = columns.into_iter();
        Self {
            columns: columns
                .map(|column| Cell::text(column.as_ref()).text)
                .collect(),
            rows: Vec::new(),
        }
    }

    pub(super) fn row(&mut self, row: Vec<Cell>) {
        self.rows.push(row);
    }

    pub(super) fn print(&self) {
        let widths: Vec<usize> = (0..self.columns.len())
            .map(|index| {
                let cells = self.rows.iter().filter_map(|row| row.get(index));
                let widest = cells.map(|cell| cell.text.chars().count()).max();
                widest.unwrap_or(0).max(self.columns[index].chars().count())
            })
            .collect();
        // A column of numbers has its name above its last digit.
        let is_number = |index: usize| {
            let mut cells = self.rows.iter().filter_map(|row| row.get(index));
            !self.rows.is_empty() && cells.all(|cell| cell.is_number || cell.text.is_empty())
        };
        let line = |texts: Vec<(&str, bool)>| {
            let cells = texts.iter().zip(&widths).map(|((text, is_right), width)| {
                let room = " ".repeat(width - text.chars().count());
                match is_right {
                    true => format!("{room}{text}"),
                    false => format!("{text}{room}"),
                }
            });
            cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
        };
        let head = self.columns.iter().enumerate();
        let head = line(
            head.map(|(index, name)| (name.as_str(), is_number(index)))
                .collect(),
        );
        terminal::data(format_args!("{}", head.bold()));
        for row in &self.rows {
            let cells = row.iter().map(|cell| (cell.text.as_str(), cell.is_number));
            terminal::data(format_args!("{}", line(cells.collect())));
        }
    }
}
