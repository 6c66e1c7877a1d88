//! Words for people, on standard error; data for programs, on standard output.
//!
//! Colours go in as escape codes and are taken out again where they are not wanted: no terminal, `NO_COLOR`.

use std::fmt::{Arguments, Display};
use std::io::Write as _;

use anstream::stream::RawStream;
use anstream::{AutoStream, ColorChoice};
use owo_colors::OwoColorize as _;

/// A line for people.
pub(crate) fn line(text: Arguments<'_>) {
    write(std::io::stderr().lock(), text);
}

/// A line of data.
pub(crate) fn data(text: Arguments<'_>) {
    write(std::io::stdout().lock(), text);
}

/// Writes a line at once, so that whoever reads along never has half of one.
fn write(mut stream: impl RawStream, text: Arguments<'_>) {
    let mut line = format!("{text}\n");
    if AutoStream::choice(&stream) == ColorChoice::Never {
        line = anstream::adapter::strip_str(&line).to_string();
    }
    // When nobody can read it any more, there is nobody to tell.
    let _ = stream.write_all(line.as_bytes());
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
