//! Words for people, on standard error; data for programs, on standard output.
//!
//! Colours go in as escape codes and are taken out again where they are not wanted: no terminal, `NO_COLOR`.

mod background;

use std::backtrace::{Backtrace, BacktraceStatus};
use std::fmt::{Arguments, Display};
use std::io::{self, Write};
use std::sync::OnceLock;

use anstream::stream::RawStream;
use anstream::{AutoStream, ColorChoice};
use owo_colors::OwoColorize as _;

use background::{Background, Stream};

static BACKGROUND: OnceLock<Background> = OnceLock::new();

/// From now on nobody who says something waits until it is written.
pub(crate) fn write_in_background() -> io::Result<()> {
    let background = Background::begin()?;
    // Another command of the same process has begun.
    let _ = BACKGROUND.set(background);
    std::panic::set_hook(Box::new(|panic| {
        error(panic);
        let backtrace = Backtrace::capture();
        if backtrace.status() == BacktraceStatus::Captured {
            line(format_args!("{backtrace}"));
        }
    }));
    Ok(())
}

/// Waits for what is to be written in the background, but not for somebody who does not read it. To be called before the
/// program ends.
pub(crate) fn finish() {
    if let Some(background) = BACKGROUND.get() {
        background.finish();
    }
}

/// A line for people.
pub(crate) fn line(text: Arguments<'_>) {
    write(Stream::Errors, io::stderr(), text);
}

/// A line of data.
pub(crate) fn data(text: Arguments<'_>) {
    write(Stream::Output, io::stdout(), text);
}

/// Writes a line at once, so that whoever reads along never has half of one.
fn write(stream: Stream, to: impl RawStream, text: Arguments<'_>) {
    let line = bytes(&to, text);
    write_bytes(stream, to, line);
}

/// A line as this stream is to have it.
fn bytes(to: &impl RawStream, text: Arguments<'_>) -> Vec<u8> {
    let mut line = format!("{text}\n");
    if AutoStream::choice(to) == ColorChoice::Never {
        line = anstream::adapter::strip_str(&line).to_string();
    }
    line.into_bytes()
}

fn write_bytes(stream: Stream, mut to: impl Write, line: Vec<u8>) {
    match BACKGROUND.get() {
        Some(background) => background.add(stream, line),
        // When nobody can read it any more, there is nobody to tell.
        None => drop(to.write_all(&line)),
    }
}

/// Takes lines for people as others made them, each at once.
#[derive(Debug)]
pub(crate) struct Raw;

impl Write for Raw {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        write_bytes(Stream::Errors, io::stderr(), bytes.to_vec());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
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
