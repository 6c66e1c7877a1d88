//! Answers, as people and programs read them.

use std::io::IsTerminal as _;

use chrono::{DateTime, Utc};
use owo_colors::OwoColorize as _;
use serde::Serialize;
use serde_json::Value;

use super::table::{Cell, Table, one_line};
use super::{local, unexpected};
use crate::control::{Answer, Listed, Shown};
use crate::error::Error;
use crate::{lines, terminal};

pub(super) fn json(value: &impl Serialize) -> Result<(), Error> {
    let text = if std::io::stdout().is_terminal() {
        serde_json::to_string_pretty(value)
    } else {
        serde_json::to_string(value)
    };
    let text = text.map_err(|error| Error::failed("cannot write JSON", error))?;
    terminal::data(format_args!("{text}"));
    Ok(())
}

pub(super) fn list(answer: Answer, as_json: bool) -> Result<(), Error> {
    let Answer::Objects(objects) = answer else {
        return Err(unexpected());
    };
    if as_json {
        return json(&objects);
    }
    if objects.is_empty() {
        terminal::line(format_args!("no objects are stored"));
        return Ok(());
    }
    let now = Utc::now();
    // Most programs have none.
    let has_jurisdictions = objects.iter().any(|object| object.jurisdiction.is_some());
    let mut columns = vec!["CLASS", "NAME OR ID", "SIZE", "ALARM", "CHANGED", "STATE"];
    if has_jurisdictions {
        columns.push("JURISDICTION");
    }
    let mut table = Table::new(columns);
    for object in &objects {
        let mut row = vec![
            Cell::whole(object.class_label()),
            Cell::whole(object.name_or_id()),
            Cell::number(lines::size(object.bytes)),
            Cell::text(
                object
                    .alarm_ms
                    .map_or(String::new(), |at| distance(at, now)),
            ),
            Cell::text(distance(object.changed_ms, now)),
            Cell::text(if object.awake { "awake" } else { "asleep" }),
        ];
        if has_jurisdictions {
            row.push(Cell::text(called(object).unwrap_or_default()));
        }
        table.row(row);
    }
    table.print();
    Ok(())
}

/// The jurisdiction of an object, with the name that it has there.
fn called(object: &Listed) -> Option<String> {
    let jurisdiction = object.jurisdiction.as_ref()?;
    Some(match &object.name {
        Some(name) if object.by_id => format!("{jurisdiction}: {name}"),
        _ => jurisdiction.clone(),
    })
}

pub(super) fn object(answer: Answer, as_json: bool) -> Result<(), Error> {
    let Answer::Shown(shown) = answer else {
        return Err(unexpected());
    };
    if as_json {
        return json(&shown);
    }
    let Shown {
        object,
        bookmark,
        facets,
        content,
    } = *shown;
    let now = Utc::now();
    let line = |name: &str, value: &dyn std::fmt::Display| {
        terminal::data(format_args!("{}{value}", format!("{name:<10}").dimmed()));
    };
    let title = format!("{} {}", object.class_label(), one_line(object.name_or_id()));
    terminal::data(format_args!("{}", title.bold()));
    line("worker", &object.worker);
    line("id", &object.id);
    if let Some(name) = object.name.as_ref().filter(|_| object.by_id) {
        line("name", &one_line(name));
    }
    if let Some(jurisdiction) = &object.jurisdiction {
        line("stored in", jurisdiction);
    }
    if let Some(class) = object.facet.as_ref().and_then(|facet| facet.class.as_ref()) {
        line(
            "facet of",
            &format_args!("{}, class {class}", object.class_label()),
        );
    }
    if facets > 0 {
        line("facets", &facets);
    }
    line("size", &lines::size(object.bytes));
    let changed = object.changed_ms;
    line(
        "changed",
        &format_args!("{} ({})", at(changed), distance(changed, now)),
    );
    match object.alarm_ms {
        Some(alarm) => line(
            "alarm",
            &format_args!("{} ({})", at(alarm), distance(alarm, now)),
        ),
        None => line("alarm", &"none"),
    }
    line("state", &if object.awake { "awake" } else { "asleep" });
    line("bookmark", &bookmark);
    if !content.tables.is_empty() {
        terminal::data(format_args!(""));
        let mut table = Table::new(["TABLE", "ROWS"]);
        for found in &content.tables {
            let rows = found.rows.map_or("?".to_owned(), |rows| rows.to_string());
            table.row(vec![Cell::text(&found.name), Cell::number(rows)]);
        }
        table.print();
    }
    if let Some(trouble) = &content.trouble {
        terminal::warning(format_args!("not all keys are shown: {trouble}"));
    }
    if content.keys > 0 {
        terminal::data(format_args!(""));
        let mut table = Table::new(["KEY", "VALUE"]);
        for (key, value) in &content.first_keys {
            table.row(vec![Cell::text(key), Cell::text(value)]);
        }
        table.print();
        let more = content.keys.saturating_sub(content.first_keys.len() as u64);
        if more > 0 {
            terminal::data(format_args!("{}", format_args!("and {more} more").dimmed()));
        }
    }
    if content.tables.is_empty() && content.keys == 0 && content.trouble.is_none() {
        line("content", &"nothing");
    }
    Ok(())
}

pub(super) fn rows(answer: Answer, as_json: bool, limit: u64) -> Result<(), Error> {
    let Answer::Rows(result) = answer else {
        return Err(unexpected());
    };
    if as_json {
        json(&result)?;
    } else if !result.columns.is_empty() {
        let mut table = Table::new(&result.columns);
        for row in &result.rows {
            table.row(row.iter().map(cell).collect());
        }
        table.print();
    }
    if result.more {
        terminal::note(format_args!(
            "there are more than {limit} rows: --limit 0 shows all"
        ));
    }
    Ok(())
}

fn cell(value: &Value) -> Cell {
    match value {
        Value::Null => Cell::text("NULL"),
        Value::Number(number) => Cell::number(number.to_string()),
        Value::String(text) => Cell::text(text),
        Value::Object(bytes) => match bytes.get("hex").and_then(Value::as_str) {
            Some(hex) => Cell::text(format!("x'{hex}'")),
            None => Cell::text(value.to_string()),
        },
        other => Cell::text(other.to_string()),
    }
}

fn at(time_ms: u64) -> String {
    let time = i64::try_from(time_ms)
        .ok()
        .and_then(DateTime::from_timestamp_millis);
    time.map_or_else(|| "?".to_owned(), local)
}

/// How far a time is from now: `5m ago`, `in 2h`.
fn distance(time_ms: u64, now: DateTime<Utc>) -> String {
    let seconds = (time_ms as f64 - now.timestamp_millis() as f64) / 1000.0;
    let away = seconds.abs();
    let amount = match away {
        ..60.0 => format!("{}s", away.floor()),
        60.0..3_600.0 => format!("{}m", (away / 60.0).floor()),
        3_600.0..172_800.0 => format!("{}h", (away / 3_600.0).floor()),
        _ => format!("{}d", (away / 86_400.0).floor()),
    };
    match seconds {
        0.0.. => format!("in {amount}"),
        _ => format!("{amount} ago"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_have_one_unit() {
        let now = DateTime::from_timestamp_millis(1_000_000_000_000).expect("a time");
        let check = |milliseconds: i64, expected: &str| {
            assert_eq!(
                distance((1_000_000_000_000_i64 + milliseconds).cast_unsigned(), now),
                expected
            );
        };
        check(-500, "0s ago");
        check(-59_000, "59s ago");
        check(-61_000, "1m ago");
        check(7_300_000, "in 2h");
        check(-300_000_000, "3d ago");
    }
}
