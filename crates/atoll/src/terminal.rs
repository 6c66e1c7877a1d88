//! Words for people, on standard error; data for programs, on standard output.
//!
//! Colours go in as escape codes and are taken out again where they are not wanted: no terminal, `NO_COLOR`.

use std::fmt::{Arguments, Display};
use std::io::Write as _;

use owo_colors::OwoColorize as _;

/// A line for people.
pub(crate) fn line(text: Arguments<'_>) {
    // When nobody can read it any more, there is nobody to tell.
    let _ = writeln!(anstream::stderr().lock(), "{text}");
}

/// A line of data.
pub(crate) fn data(text: Arguments<'_>) {
    let _ = writeln!(anstream::stdout().lock(), "{text}");
}

/// A question for a person, who answers on the same line.
pub(crate) fn ask(text: Arguments<'_>) {
    let mut stream = anstream::stderr().lock();
    let _ = write!(stream, "{text}").and_then(|()| stream.flush());
}

/// How far something is, in place of what was told before. Nothing clears the line.
pub(crate) fn progress(text: Arguments<'_>) {
    let mut stream = anstream::stderr().lock();
    let _ = write!(stream, "\r\x1b[K{text}").and_then(|()| stream.flush());
}

pub(crate) fn error(text: impl Display) {
    line(format_args!("{} {text}", "error:".red().bold()));
}

pub(crate) fn warning(text: impl Display) {
    line(format_args!("{} {text}", "warning:".yellow().bold()));
}

pub(crate) fn note(text: impl Display) {
    line(format_args!("{} {text}", "note:".cyan().bold()));
}

pub(crate) fn hint(text: impl Display) {
    line(format_args!("  {} {text}", "hint:".green().bold()));
}
