//! What went wrong, where, and what to do about it. Nothing here prints.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::text;

/// Lines of source shown on each side of the faulty one.
const EXCERPT_CONTEXT_LINES: u32 = 2;
/// Longer lines are cut in excerpts: a minified file must not fill a terminal.
const EXCERPT_LINE_CHARS: usize = 160;

/// Why a project could not be read or built: at least one [`Diagnostic`] of severity `Error`,
/// and the warnings found on the way.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{}", .diagnostics.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
pub struct Error {
    /// In the order they were found.
    pub diagnostics: Vec<Diagnostic>,
}

impl Error {
    pub(crate) fn one(diagnostic: Diagnostic) -> Self {
        Self {
            diagnostics: vec![diagnostic],
        }
    }
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The build goes on.
    Warning,
    /// The build stops.
    Error,
}

/// One message for the user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong, as a lowercase fragment.
    pub message: String,
    /// The file it is about: absolute, or relative to the project where the bundler says it so.
    pub path: Option<PathBuf>,
    /// Counted from 1.
    pub line: Option<u32>,
    /// In characters, counted from 1.
    pub column: Option<u32>,
    /// The source around the place.
    pub excerpt: Option<Excerpt>,
    /// What to do about it.
    pub hint: Option<String>,
}

impl Diagnostic {
    pub(crate) fn error(message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            message: message.into(),
            path: None,
            line: None,
            column: None,
            excerpt: None,
            hint: None,
        }
    }

    pub(crate) fn warning(message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Warning,
            ..Self::error(message)
        }
    }

    pub(crate) fn path(mut self, path: &Path) -> Self {
        self.path = Some(path.to_path_buf());
        self
    }

    /// Points at the byte `offset` of `source`, which is what `path` holds.
    pub(crate) fn at(self, path: &Path, source: &str, offset: usize) -> Self {
        let (line, column) = text::line_and_column(source, offset);
        self.at_line(path, source, line, column)
    }

    pub(crate) fn at_line(mut self, path: &Path, source: &str, line: u32, column: u32) -> Self {
        self.path = Some(path.to_path_buf());
        self.line = Some(line);
        self.column = Some(column);
        self.excerpt = Excerpt::of(source, line, Some(column));
        self
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Warning => "warning",
            Severity::Error => "error",
        };
        write!(f, "{severity}: {}", self.message)?;
        if let Some(path) = &self.path {
            write!(f, "\n  --> {}", path.display())?;
            if let Some(line) = self.line {
                write!(f, ":{line}:{}", self.column.unwrap_or(1))?;
            }
        }
        if let Some(excerpt) = &self.excerpt {
            write!(f, "\n{excerpt}")?;
        }
        if let Some(hint) = &self.hint {
            write!(f, "\n  hint: {hint}")?;
        }
        Ok(())
    }
}

/// A few lines of source around a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Excerpt {
    /// The number of the first line in `lines`, counted from 1.
    pub first_line: u32,
    /// The lines, without their ends.
    pub lines: Vec<String>,
    /// The line that is meant, counted from 1.
    pub line: u32,
    /// The column that is meant, in characters, counted from 1.
    pub column: Option<u32>,
}

impl Excerpt {
    /// The lines of `source` around `line`; `None` when it has no such line.
    pub fn of(source: &str, line: u32, column: Option<u32>) -> Option<Self> {
        let first_line = line.saturating_sub(EXCERPT_CONTEXT_LINES).max(1);
        let lines: Vec<String> = source
            .lines()
            .skip(first_line as usize - 1)
            .take((line - first_line + 1 + EXCERPT_CONTEXT_LINES) as usize)
            .map(|text| text.chars().take(EXCERPT_LINE_CHARS).collect())
            .collect();
        (lines.len() as u32 > line - first_line).then_some(Self {
            first_line,
            lines,
            line,
            column,
        })
    }
}

impl fmt::Display for Excerpt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let last = self.first_line + self.lines.len() as u32;
        let width = last.to_string().len();
        for (number, text) in (self.first_line..).zip(&self.lines) {
            let mark = if number == self.line { '>' } else { ' ' };
            if number != self.first_line {
                writeln!(f)?;
            }
            write!(f, "{mark} {number:width$} | {text}")?;
            let Some(column) = self.column.filter(|_| number == self.line) else {
                continue;
            };
            // Tabs are kept so that the caret stays under its character.
            let indent: String = text
                .chars()
                .take(column as usize - 1)
                .map(|character| if character == '\t' { '\t' } else { ' ' })
                .collect();
            if (column as usize) <= EXCERPT_LINE_CHARS {
                write!(f, "\n  {:width$} | {indent}^", "")?;
            }
        }
        Ok(())
    }
}
