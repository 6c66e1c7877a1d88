//! `atoll logs`: what workers logged and used, from the journals in the folder of state.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Seek as _, SeekFrom};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use host::journal::{JournalOptions, files};
use owo_colors::{OwoColorize as _, Style};
use serde_json::Value;

use crate::arguments::logs::Logs;
use crate::error::Error;
use crate::objects::state_folder;
use crate::powers::{audit_path, console_path};
use crate::{lines, terminal};

/// How often to look for more.
const LOOK: Duration = Duration::from_millis(200);

pub(crate) async fn run(arguments: Logs) -> Result<(), Error> {
    let folder = state_folder(arguments.persist_to.as_deref(), arguments.config.as_deref())?;
    let mut journals = vec![audit_path(&folder)];
    if !arguments.audit {
        journals.push(console_path(&folder));
    }
    let options = JournalOptions::default();
    let mut found: Vec<(String, Value)> = Vec::new();
    let mut kept = 0;
    let mut places = Vec::new();
    for journal in &journals {
        let mut place = Place::default();
        for file in files(journal, options) {
            place = Place::default();
            for line in place.read(&file).map_err(unreadable)? {
                let Some(value) = read(&line) else { continue };
                kept += 1;
                if arguments.wants(&value) {
                    found.push((line, value));
                }
            }
        }
        places.push(place);
    }
    if found.is_empty() && !arguments.follow {
        let folder = folder.display();
        match kept {
            0 => terminal::line(format_args!("nothing of that is kept in {folder}")),
            1 => terminal::line(format_args!(
                "the one line that is kept in {folder} does not match"
            )),
            _ => terminal::line(format_args!(
                "none of the {kept} lines that are kept in {folder} match"
            )),
        }
    }
    found.sort_by(|(_, one), (_, other)| time(one).cmp(time(other)));
    for (line, value) in &found[found.len().saturating_sub(arguments.lines)..] {
        show(line, value, arguments.json);
    }
    if !arguments.follow {
        return Ok(());
    }
    loop {
        tokio::time::sleep(LOOK).await;
        for (journal, place) in journals.iter().zip(&mut places) {
            for line in place.more(journal).map_err(unreadable)? {
                if let Some(value) = read(&line).filter(|line| arguments.wants(line)) {
                    show(&line, &value, arguments.json);
                }
            }
        }
    }
}

fn unreadable(error: std::io::Error) -> Error {
    Error::failed("cannot read a journal", error)
}

fn read(line: &str) -> Option<Value> {
    serde_json::from_str(line).ok()
}

/// How far a journal has been read.
#[derive(Debug, Default)]
struct Place {
    /// Which file.
    inode: u64,
    offset: u64,
}

impl Place {
    /// Whole lines that have come since; none when there is no file.
    fn read(&mut self, path: &Path) -> std::io::Result<Vec<String>> {
        let mut file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        self.inode = file.metadata()?.ino();
        file.seek(SeekFrom::Start(self.offset))?;
        let (mut reader, mut lines) = (BufReader::new(file), Vec::new());
        loop {
            let mut line = String::new();
            let length = reader.read_line(&mut line)?;
            // A line without its end is still being written.
            let Some(whole) = line.strip_suffix('\n') else {
                return Ok(lines);
            };
            self.offset += length as u64;
            lines.push(whole.to_owned());
        }
    }

    /// The same across the change to a new file.
    fn more(&mut self, path: &Path) -> std::io::Result<Vec<String>> {
        let inode = std::fs::metadata(path).map_or(self.inode, |file| file.ino());
        let mut lines = Vec::new();
        if self.inode != 0 && inode != self.inode {
            let old: PathBuf = path.with_extension("1.jsonl");
            if std::fs::metadata(&old).is_ok_and(|file| file.ino() == self.inode) {
                lines = self.read(&old)?;
            }
            *self = Self::default();
        }
        lines.extend(self.read(path)?);
        Ok(lines)
    }
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn time(value: &Value) -> &str {
    text(value, "time")
}

impl Logs {
    fn wants(&self, value: &Value) -> bool {
        let has = |wanted: &Option<String>, key: &str| {
            wanted
                .as_ref()
                .is_none_or(|wanted| text(value, key).contains(wanted.as_str()))
        };
        has(&self.worker, "worker")
            && has(&self.capability, "capability")
            && self
                .outcome
                .as_ref()
                .is_none_or(|wanted| text(value, "outcome") == wanted)
            && self
                .code
                .as_ref()
                .is_none_or(|wanted| text(value, "code").starts_with(wanted.as_str()))
    }
}

fn show(line: &str, value: &Value, json: bool) {
    if json {
        terminal::data(format_args!("{line}"));
        return;
    }
    // The date is in the JSON; who reads along wants the time.
    let local = chrono::DateTime::parse_from_rfc3339(time(value))
        .map(|time| {
            time.with_timezone(&chrono::Local)
                .format("%m-%d %H:%M:%S%.3f")
                .to_string()
        })
        .unwrap_or_default();
    let (kind, worker) = (text(value, "kind"), plain(text(value, "worker")));
    let start = format!("{} {kind:<6}", local.dimmed());
    let number = |key: &str| value.get(key).and_then(Value::as_f64).unwrap_or(0.0);
    match kind {
        "log" | "error" => {
            let message = plain(text(value, "message"));
            terminal::data(format_args!("{start} {}  {message}", worker.bold()));
        }
        "dropped" => terminal::data(format_args!("{start} {} lines of a flood", number("lines"))),
        _ => {
            let outcome = text(value, "outcome");
            let style = if outcome == "ok" {
                Style::new().green()
            } else {
                Style::new().red()
            };
            let status = value
                .get("status")
                .map(|status| format!(" {status}"))
                .unwrap_or_default();
            let reason = match text(value, "reason") {
                "" => String::new(),
                reason => format!("  {}", plain(reason)),
            };
            let cpu = value.get("cpuMs").and_then(Value::as_f64);
            let cpu = cpu
                .map(|cpu| format!(", cpu {cpu:.1} ms"))
                .unwrap_or_default();
            let took = lines::duration(Duration::from_secs_f64(number("ms").max(0.0) / 1e3));
            let code = text(value, "code");
            let code = code.get(..8).unwrap_or(code);
            terminal::data(format_args!(
                "{start} {} {}  {}  {}  {}{status}  {}{reason}",
                worker.bold(),
                code.dimmed(),
                text(value, "capability"),
                plain(text(value, "target")),
                outcome.style(style),
                format_args!(
                    "{took}{cpu}, {} out, {} in",
                    lines::size(number("sent") as u64),
                    lines::size(number("received") as u64)
                )
                .dimmed(),
            ));
        }
    }
}

/// Text of a worker's making must not steer a terminal.
fn plain(text: &str) -> String {
    let shown = |c: char| {
        if c.is_control() && c != '\t' {
            '\u{fffd}'
        } else {
            c
        }
    };
    text.replace('\n', " ⏎ ").chars().map(shown).collect()
}
