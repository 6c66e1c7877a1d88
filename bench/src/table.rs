//! Figures as lines: on the terminal while they come, and as a table of Markdown.

use std::fmt::Write as _;

use crate::figure::{Row, Side, Target};

/// Shows what the next figures are about.
pub(crate) fn show_title(title: &str) {
    println!(
        "\n{title:<50} {:>12} {:>12} {:>8} {:>14} {:>15}",
        "atoll", "peer", "ratio", "target", "MB"
    );
}

/// Shows a figure.
pub(crate) fn show(row: &Row) {
    let theirs = row.theirs.as_ref();
    println!(
        "{:<50} {:>12} {:>12} {:>8} {:>14} {:>15}",
        row.figure.name,
        cell(&row.ours),
        theirs.map_or_else(nothing, cell),
        ratio(row),
        target(row),
        memory(row),
    );
    for (name, side) in [("atoll", Some(&row.ours)), (row.figure.peer, theirs)] {
        if let Some(failure) = side.and_then(|side| side.failure.as_ref()) {
            println!("    {name}: {failure}");
        }
    }
}

/// All figures of a part.
pub(crate) fn markdown(title: &str, rows: &[Row]) -> String {
    let mut text = format!(
        "\n## {title}\n\n| | Atoll | spread | workerd | spread | ratio | target | MB | besides |\n\
         | --- | ---: | ---: | ---: | ---: | ---: | --- | ---: | --- |\n"
    );
    for row in rows {
        let theirs = row.theirs.as_ref();
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {} | {} | {} | {} | {} |",
            row.figure.name,
            cell(&row.ours),
            spread(&row.ours),
            theirs.map_or_else(nothing, |side| peer(row, side)),
            theirs.map_or_else(nothing, spread),
            ratio(row),
            target(row),
            memory(row),
            besides(row),
        );
    }
    text
}

/// The figures that README tells.
pub(crate) fn summary<'a>(rows: impl Iterator<Item = &'a Row>) -> String {
    let mut text =
        "| | Atoll | workerd | ratio | target |\n| --- | ---: | ---: | ---: | --- |\n".to_owned();
    for row in rows.filter(|row| row.figure.told) {
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {} |",
            row.figure.name,
            cell(&row.ours),
            row.theirs
                .as_ref()
                .map_or_else(nothing, |side| peer(row, side)),
            ratio(row),
            target(row),
        );
    }
    text
}

fn nothing() -> String {
    "-".to_owned()
}

fn cell(side: &Side) -> String {
    match (side.median(), &side.failure) {
        (Some(value), _) => number(value),
        (None, Some(_)) => "failed".to_owned(),
        (None, None) => nothing(),
    }
}

/// A peer that is not workerd has its name beside its figure.
fn peer(row: &Row, side: &Side) -> String {
    match row.figure.peer {
        "workerd" => cell(side),
        name => format!("{} ({name})", cell(side)),
    }
}

fn spread(side: &Side) -> String {
    match side.spread() {
        Some((least, most)) => format!("{}–{}", number(least), number(most)),
        None => nothing(),
    }
}

fn ratio(row: &Row) -> String {
    match row.ratio() {
        Some(ratio) if ratio < 0.1 => format!("{ratio:.3}x"),
        Some(ratio) => format!("{ratio:.2}x"),
        None => nothing(),
    }
}

fn target(row: &Row) -> String {
    let Some(target) = row.figure.target else {
        return nothing();
    };
    let wanted = match target {
        Target::Times(times) => format!("{times}x"),
        Target::Within(times) => format!("≤ {times}x as long"),
        Target::Most(most) => format!("≤ {most}"),
    };
    match row.reached() {
        Some(true) => format!("{wanted} reached"),
        Some(false) => format!("{wanted} missed"),
        None => format!("{wanted} unknown"),
    }
}

/// Only root may look into processes that are held as Atoll's are.
fn memory(row: &Row) -> String {
    let of = |side: Option<&Side>| {
        let sample = side.and_then(Side::middle);
        sample
            .and_then(|sample| sample.memory_mb)
            .map_or_else(nothing, |mb| format!("{mb:.0}"))
    };
    match (of(Some(&row.ours)), of(row.theirs.as_ref())) {
        (ours, theirs) if ours == "-" && theirs == "-" => nothing(),
        (ours, theirs) => format!("{ours} / {theirs}"),
    }
}

fn besides(row: &Row) -> String {
    let mut all = Vec::new();
    for (name, side) in [
        ("Atoll", Some(&row.ours)),
        (row.figure.peer, row.theirs.as_ref()),
    ] {
        let Some(side) = side else { continue };
        let note = side.middle().and_then(|sample| sample.note.as_ref());
        for text in note.into_iter().chain(&side.failure) {
            let line = text.lines().next().unwrap_or_default();
            all.push(format!("{name}: {}", line.replace('|', " ")));
        }
    }
    all.join("; ")
}

/// Three digits that count, and thousands apart.
fn number(value: f64) -> String {
    let text = match value.abs() {
        small if small < 10.0 => return format!("{value:.2}"),
        medium if medium < 100.0 => return format!("{value:.1}"),
        _ => format!("{value:.0}"),
    };
    let digits = text.trim_start_matches('-');
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    format!("{}{grouped}", &text[..text.len() - digits.len()])
}

#[cfg(test)]
mod tests {
    use super::number;

    #[test]
    fn numbers_have_the_digits_that_count() {
        let shown: Vec<String> = [1.984, 19.84, 198.4, 51_584.2, -1_234_567.0]
            .map(number)
            .into();
        assert_eq!(shown, ["1.98", "19.8", "198", "51,584", "-1,234,567"]);
    }
}
