//! Errors in the two forms that developers read: lines in the terminal and a page in the browser.

use std::path::Path;

use bundle::{Diagnostic, Severity, SourceMap};
use gateway::{Excerpt, Report};
use owo_colors::{OwoColorize as _, Style};
use protocol::{Failure, FailureKind};

use crate::terminal;

/// Tells one message of a build or a configuration.
pub(crate) fn diagnostic(diagnostic: &Diagnostic) {
    match diagnostic.severity {
        Severity::Error => terminal::error(&diagnostic.message),
        Severity::Warning => terminal::warning(&diagnostic.message),
    }
    match (place(diagnostic), excerpt_of(diagnostic)) {
        (_, Some(excerpt)) => tell_excerpt(&excerpt),
        (Some(place), None) => terminal::line(format_args!("  {}", place.cyan())),
        (None, None) => {}
    }
    if let Some(hint) = &diagnostic.hint {
        terminal::hint(hint);
    }
}

/// A path as one would type it here.
fn shown(path: &Path) -> String {
    let here = std::env::current_dir().ok();
    let relative = here.and_then(|here| path.strip_prefix(here).ok());
    match relative {
        Some(relative) if relative.as_os_str().is_empty() => ".".to_owned(),
        Some(relative) => relative.display().to_string(),
        None => path.display().to_string(),
    }
}

fn place(diagnostic: &Diagnostic) -> Option<String> {
    let path = shown(diagnostic.path.as_ref()?);
    Some(match (diagnostic.line, diagnostic.column) {
        (Some(line), Some(column)) => format!("{path}:{line}:{column}"),
        (Some(line), None) => format!("{path}:{line}"),
        _ => path,
    })
}

fn excerpt_of(diagnostic: &Diagnostic) -> Option<Excerpt> {
    let path = shown(diagnostic.path.as_ref()?);
    let excerpt = diagnostic.excerpt.clone()?;
    Some(excerpt_at(path, excerpt))
}

fn excerpt_at(file: String, excerpt: bundle::Excerpt) -> Excerpt {
    Excerpt {
        file,
        line: excerpt.line,
        column: excerpt.column.unwrap_or(1),
        label: None,
        first_line: excerpt.first_line,
        lines: excerpt.lines,
    }
}

/// The page for a project that does not build.
pub(crate) fn of_build(error: &bundle::Error) -> Report {
    let errors: Vec<&Diagnostic> = error
        .diagnostics
        .iter()
        .filter(|diagnostic| diagnostic.severity == Severity::Error)
        .collect();
    let message = match errors[..] {
        [one] => one.message.clone(),
        _ => errors
            .iter()
            .map(|diagnostic| match place(diagnostic) {
                Some(place) => format!("{} ({place})", diagnostic.message),
                None => diagnostic.message.clone(),
            })
            .collect::<Vec<_>>()
            .join("\n"),
    };
    Report {
        title: "Build failed".to_owned(),
        message,
        excerpts: errors
            .iter()
            .filter_map(|error| excerpt_of(error))
            .collect(),
        stack: match errors[..] {
            [one] if one.excerpt.is_none() => place(one).unwrap_or_default(),
            _ => String::new(),
        },
        hint: errors.iter().find_map(|error| error.hint.clone()),
    }
}

/// The page for an error of a worker's code, its stack mapped to the developer's files.
pub(crate) fn of_failure(failure: &Failure, map: &SourceMap) -> Report {
    let excerpt = map.first_own_position(&failure.stack).and_then(|position| {
        let excerpt = map.excerpt(&position.path, position.line, Some(position.column))?;
        Some(excerpt_at(position.path, excerpt))
    });
    let name = match failure.name.as_str() {
        "" => "Error",
        name => name,
    };
    let title = match failure.kind {
        FailureKind::Exception => format!("Uncaught {name}"),
        FailureKind::Syntax => "The code does not load".to_owned(),
        FailureKind::Cpu => "Too much processor time".to_owned(),
        FailureKind::Memory => "Too much memory".to_owned(),
        FailureKind::NoHandler => "Handler missing".to_owned(),
        FailureKind::Hung => "No answer".to_owned(),
        FailureKind::Reset => "Durable Object reset".to_owned(),
    };
    Report {
        title,
        message: if failure.message.is_empty() {
            name.to_owned()
        } else {
            failure.message.clone()
        },
        excerpts: excerpt.into_iter().collect(),
        stack: own_frames(&map.map_stack(&failure.stack)),
        hint: hint(failure),
    }
}

/// The frames of a stack that are the developer's or their packages', not those of the runtime below.
fn own_frames(stack: &str) -> String {
    let own: Vec<&str> = stack
        .lines()
        .filter(|line| !line.contains("atoll:") && !line.contains("(native)"))
        .filter(|line| !line.trim().is_empty())
        .collect();
    own.join("\n")
}

fn hint(failure: &Failure) -> Option<String> {
    let text = match failure.kind {
        FailureKind::NoHandler => {
            "export default { async fetch(request, env, ctx) { return new Response(\"hi\") } }"
        }
        FailureKind::Cpu => {
            "`limits.cpu_ms` in wrangler.jsonc sets how much an event may use, `limits.startup_cpu_ms` in atoll.jsonc how much the top level may"
        }
        FailureKind::Hung => {
            "the promise that the handler returned can never resolve: something is awaited that nothing completes"
        }
        _ => return None,
    };
    Some(text.to_owned())
}

/// Tells an error of a worker's code.
pub(crate) fn tell(worker: &str, report: &Report) {
    terminal::error(format_args!(
        "{}{} {}",
        prefix(worker),
        format_args!("{}:", report.title).red(),
        report.message
    ));
    for excerpt in &report.excerpts {
        tell_excerpt(excerpt);
    }
    for frame in report.stack.lines() {
        terminal::line(format_args!("  {}", frame.trim_start().dimmed()));
    }
    if let Some(hint) = &report.hint {
        terminal::hint(hint);
    }
}

/// Which worker a line is about, when there are several.
fn prefix(worker: &str) -> String {
    if worker.is_empty() {
        String::new()
    } else {
        format!("[{worker}] ")
    }
}

fn tell_excerpt(excerpt: &Excerpt) {
    terminal::line(format_args!(
        "  {}:{}:{}",
        excerpt.file.cyan(),
        excerpt.line,
        excerpt.column
    ));
    for (number, text) in (excerpt.first_line..).zip(&excerpt.lines) {
        let gutter = format!("{number:>5} │");
        let here = number == excerpt.line;
        let style = if here {
            Style::new().red()
        } else {
            Style::new().dimmed()
        };
        let blank = if text.is_empty() { "" } else { " " };
        terminal::line(format_args!("{}{blank}{text}", gutter.style(style)));
        if !here {
            continue;
        }
        let indent: String = text
            .chars()
            .take(excerpt.column.saturating_sub(1) as usize)
            .map(|sign| if sign == '\t' { '\t' } else { ' ' })
            .collect();
        terminal::line(format_args!("{} {indent}{}", "      │".dimmed(), "^".red()));
    }
}
