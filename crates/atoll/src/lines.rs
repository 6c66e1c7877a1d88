//! What a running worker has to say: its requests, its logs, its errors.

use std::sync::Arc;
use std::time::Duration;

use gateway::AccessRecord;
use host::journal::Journal;
use host::{LogKind, LogRecord};
use owo_colors::{OwoColorize as _, Style};
use protocol::LogLevel as Console;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use crate::arguments::LogLevel;
use crate::fleet::Maps;
use crate::{report, terminal};

/// How much of one message is kept, in bytes.
const MAX_KEPT_BYTES: usize = 8 * 1024;

/// A request and its answer.
pub(crate) fn request(record: &AccessRecord) {
    let status = record.status.as_u16();
    let style = match status {
        0..=299 => Style::new().green(),
        300..=399 => Style::new().cyan(),
        400..=499 => Style::new().yellow(),
        _ => Style::new().red().bold(),
    };
    terminal::line(format_args!(
        "{} {:<5} {} {}",
        status.style(style),
        record.method.as_str(),
        record.path,
        duration(record.duration).dimmed()
    ));
}

/// A request and its answer as a line of JSON.
pub(crate) fn request_as_json(record: &AccessRecord) {
    let value = serde_json::json!({
        "time": chrono::Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Millis, true),
        "worker": &*record.worker,
        "method": record.method.as_str(),
        "path": record.path,
        "status": record.status.as_u16(),
        "bytes": record.bytes,
        "duration_ms": (record.duration.as_secs_f64() * 1e6).round() / 1e3,
    });
    terminal::data(format_args!("{value}"));
}

/// A number of bytes as a person reads it.
pub(crate) fn size(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["kB", "MB", "GB", "TB"];
    let mut amount = bytes as f64;
    let mut unit = "B";
    for larger in UNITS {
        if amount < 1000.0 {
            break;
        }
        amount /= 1000.0;
        unit = larger;
    }
    match unit {
        "B" => format!("{bytes} B"),
        _ if amount < 10.0 => format!("{amount:.1} {unit}"),
        _ => format!("{amount:.0} {unit}"),
    }
}

/// Three digits are enough for people.
pub(crate) fn duration(duration: Duration) -> String {
    let ms = duration.as_secs_f64() * 1e3;
    match ms {
        0.0..1.0 => format!("{ms:.2} ms"),
        1.0..10.0 => format!("{ms:.1} ms"),
        10.0..10_000.0 => format!("{ms:.0} ms"),
        _ => format!("{:.1} s", ms / 1e3),
    }
}

/// Tells the logs of all workers until the runtime is gone.
pub(crate) async fn follow(
    mut logs: Receiver<LogRecord>,
    maps: Maps,
    level: LogLevel,
    journal: Option<Arc<Journal>>,
) {
    loop {
        match logs.recv().await {
            Ok(record) => {
                if let Some(journal) = &journal {
                    keep(journal, &record, &maps);
                }
                log(&record, &maps, level);
            }
            Err(RecvError::Lagged(count)) => {
                terminal::warning(format_args!("{count} lines of the log were dropped"));
            }
            Err(RecvError::Closed) => return,
        }
    }
}

/// Writes a line down for `atoll logs`.
fn keep(journal: &Journal, record: &LogRecord, maps: &Maps) {
    let (kind, level) = match &record.kind {
        LogKind::Uncaught(_) => ("error", "error"),
        LogKind::Console(Console::Error) => ("log", "error"),
        LogKind::Console(Console::Warn) => ("log", "warn"),
        LogKind::Console(Console::Info) => ("log", "info"),
        LogKind::Console(Console::Log) => ("log", "log"),
        LogKind::Console(Console::Debug) => ("log", "debug"),
    };
    let mut message = maps
        .get(&record.worker)
        .map_stack(&record.message)
        .to_string();
    if message.len() > MAX_KEPT_BYTES {
        message.truncate(message.floor_char_boundary(MAX_KEPT_BYTES));
        message.push('…');
    }
    let value = serde_json::json!({
        "time": chrono::Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Millis, true),
        "kind": kind,
        "worker": &*record.worker,
        "level": level,
        "message": message,
    });
    journal.write(value.to_string());
}

pub(crate) fn log(record: &LogRecord, maps: &Maps, level: LogLevel) {
    let map = maps.get(&record.worker);
    let prefix = maps.prefix(&record.worker);
    match &record.kind {
        LogKind::Uncaught(failure) => {
            if level >= LogLevel::Error {
                report::tell(prefix, &report::of_failure(failure, &map));
            }
        }
        LogKind::Console(console) => {
            let (needed, style) = match console {
                Console::Error => (LogLevel::Error, Style::new().red()),
                Console::Warn => (LogLevel::Warn, Style::new().yellow()),
                Console::Info => (LogLevel::Info, Style::new()),
                Console::Log => (LogLevel::Log, Style::new()),
                Console::Debug => (LogLevel::Debug, Style::new().dimmed()),
            };
            if level >= needed {
                let text = map.map_stack(&record.message);
                if prefix.is_empty() {
                    terminal::line(format_args!("{}", text.style(style)));
                } else {
                    terminal::line(format_args!("{} {}", prefix.dimmed(), text.style(style)));
                }
            }
        }
    }
}
