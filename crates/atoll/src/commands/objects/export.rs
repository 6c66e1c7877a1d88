//! `atoll objects export`: to a file, or to standard output.

use std::io::{self, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{Stored, done, moment, named};
use crate::arguments::objects::Object;
use crate::control::{Answer, Operation};
use crate::error::Error;
use crate::{lines, terminal};

/// How often a long export says how far it is.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(250);
/// Stands for standard output.
const STANDARD_OUTPUT: &str = "-";

pub(super) async fn run(
    stored: &Stored,
    object: Object,
    output: Option<PathBuf>,
    at: Option<String>,
    force: bool,
    json: bool,
) -> Result<(), Error> {
    let output = output.unwrap_or_else(|| PathBuf::from(file_name(&object.name)));
    let operation = |to| {
        Ok::<_, Error>(Operation::Export {
            object: object.into(),
            at: at.as_deref().map(moment).transpose()?,
            to,
        })
    };
    if output.as_os_str() == STANDARD_OUTPUT {
        return to_output(stored, operation, json).await;
    }
    if output.is_dir() {
        return Err(Error::mistake(
            format_args!("{} is a folder", output.display()),
            "name a file",
        ));
    }
    if output.exists() && !force {
        return Err(Error::mistake(
            format_args!("there is a file {} already", output.display()),
            "name another one with --output, or replace it with --force",
        ));
    }
    let to = absolute(&output)?;
    let answer = write(stored, operation(to.clone())?, &to).await?;
    done(answer, json, |object| {
        format!("{} is in {}", named(object), output.display())
    })
}

fn absolute(path: &Path) -> Result<PathBuf, Error> {
    std::path::absolute(path).map_err(|error| Error::failed("cannot tell where the file is", error))
}

/// Has the file written, and tells people how far it is.
async fn write(stored: &Stored, operation: Operation, to: &Path) -> Result<Answer, Error> {
    let mut partial = to.as_os_str().to_owned();
    partial.push(".partial");
    let mut told = false;
    let is_shown = io::stderr().is_terminal();
    let work = stored.perform(operation);
    tokio::pin!(work);
    let answer = loop {
        tokio::select! {
            answer = &mut work => break answer,
            () = tokio::time::sleep(PROGRESS_INTERVAL), if is_shown => {
                if let Ok(file) = std::fs::metadata(&partial) {
                    terminal::progress(format_args!("{} written", lines::size(file.len())));
                    told = true;
                }
            }
        }
    };
    if told {
        terminal::progress(format_args!(""));
    }
    answer
}

/// A file that goes away with this.
struct Passing(PathBuf);

impl Drop for Passing {
    fn drop(&mut self) {
        // There is none when it was not written.
        let _ = std::fs::remove_file(&self.0);
    }
}

async fn to_output(
    stored: &Stored,
    operation: impl FnOnce(PathBuf) -> Result<Operation, Error>,
    json: bool,
) -> Result<(), Error> {
    if json {
        return Err(Error::mistake(
            "standard output cannot have both the object and JSON",
            "name a file with --output, or leave --json away",
        ));
    }
    if io::stdout().is_terminal() {
        return Err(Error::mistake(
            "an SQLite file is nothing to read on a terminal",
            "name a file with --output, or send standard output elsewhere: … -o - | gzip > object.sqlite.gz",
        ));
    }
    // Where a server can write it, whoever runs that.
    let name = format!("export-{}.sqlite", std::process::id());
    let file = Passing(absolute(&stored.folder.join(name))?);
    let answer = write(stored, operation(file.0.clone())?, &file.0).await?;
    let copied = std::fs::File::open(&file.0).and_then(|mut file| {
        let mut output = io::stdout().lock();
        io::copy(&mut file, &mut output)?;
        output.flush()
    });
    copied.map_err(|error| Error::failed("cannot write to standard output", error))?;
    done(answer, false, |object| {
        format!("{} is on standard output", named(object))
    })
}

/// A file for an object that is called so.
fn file_name(name: &str) -> String {
    const LONGEST: usize = 100;
    let is_plain = |letter: char| letter.is_alphanumeric() || "-_.@ ".contains(letter);
    let letters = name.trim_start_matches('.').chars().take(LONGEST);
    let plain: String = letters
        .map(|letter| if is_plain(letter) { letter } else { '-' })
        .collect();
    match plain.trim() {
        "" => "object.sqlite".to_owned(),
        plain => format!("{plain}.sqlite"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_files_are_harmless() {
        assert_eq!(file_name("lobby"), "lobby.sqlite");
        assert_eq!(file_name("../a/b"), "-a-b.sqlite");
        assert_eq!(file_name("..."), "object.sqlite");
        assert_eq!(file_name("Zürich 1"), "Zürich 1.sqlite");
    }
}
