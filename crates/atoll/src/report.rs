//! Errors in the two forms that developers read: lines in the terminal and a page in the browser.

use std::path::Path;

use bundle::{Diagnostic, Severity, SourceMap};
use gateway::{Excerpt, Report};
use owo_colors::{OwoColorize as _, Style};
use protocol::{Failure, FailureKind};

use crate::{hints, terminal};

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

/// A path as one would type it here. That of the folder where one is says nothing.
fn shown(path: &Path) -> Option<String> {
    let here = std::env::current_dir().ok();
    let relative = here.and_then(|here| path.strip_prefix(here).ok());
    let path = relative.unwrap_or(path).display().to_string();
    (!path.is_empty()).then_some(path)
}

fn place(diagnostic: &Diagnostic) -> Option<String> {
    let path = shown(diagnostic.path.as_ref()?)?;
    Some(match (diagnostic.line, diagnostic.column) {
        (Some(line), Some(column)) => format!("{path}:{line}:{column}"),
        (Some(line), None) => format!("{path}:{line}"),
        _ => path,
    })
}

fn excerpt_of(diagnostic: &Diagnostic) -> Option<Excerpt> {
    let path = shown(diagnostic.path.as_ref()?)?;
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
            .filter_map(|error| {
                let label = error.hint.clone().filter(|_| errors.len() > 1);
                Some(Excerpt {
                    label,
                    ..excerpt_of(error)?
                })
            })
            .collect(),
        stack: match errors[..] {
            [one] if one.excerpt.is_none() => place(one).unwrap_or_default(),
            _ => String::new(),
        },
        hint: match errors[..] {
            [one] => one.hint.clone(),
            _ => None,
        },
    }
}

/// The page for an error of a worker's code, its stack mapped to the developer's files.
pub(crate) fn of_failure(failure: &Failure, map: &SourceMap) -> Report {
    let import = BrokenImport::of(failure);
    let position = map
        .first_own_position(&failure.stack)
        .or_else(|| map.find(&import.as_ref()?.written()));
    // A loop at the top level of one of several files, as far as the engine can tell.
    let is_nowhere =
        failure.kind == FailureKind::Cpu && position.is_none() && failure.stack.contains(":1:1)");
    let excerpt = position.and_then(|position| {
        let excerpt = map.excerpt(&position.path, position.line, Some(position.column))?;
        Some(excerpt_at(position.path, excerpt))
    });
    let rest = excerpt.as_ref().and_then(|excerpt| {
        let line = excerpt
            .lines
            .get((excerpt.line - excerpt.first_line) as usize)?;
        Some(
            line.chars()
                .skip((excerpt.column - 1) as usize)
                .collect::<String>(),
        )
    });
    let name = match failure.name.as_str() {
        "" => "Error",
        name => name,
    };
    // What was thrown may be no error, and have no name.
    let thrown = failure.message.strip_prefix("Uncaught ");
    let title = match failure.kind {
        FailureKind::Exception if thrown.is_some() => "Uncaught".to_owned(),
        FailureKind::Exception => format!("Uncaught {name}"),
        FailureKind::Syntax => "The code does not load".to_owned(),
        FailureKind::Cpu => "Too much processor time".to_owned(),
        FailureKind::Memory => "Too much memory".to_owned(),
        FailureKind::WallTime => "Too much time".to_owned(),
        FailureKind::NoHandler => "Handler missing".to_owned(),
        FailureKind::Hung => "No answer".to_owned(),
        FailureKind::Reset | FailureKind::Blocked => "Durable Object reset".to_owned(),
    };
    let message = match &import {
        Some(BrokenImport {
            module,
            name: Some(name),
        }) => format!("\"{module}\" has no export named {name}"),
        _ if failure.message.is_empty() => name.to_owned(),
        _ => thrown.unwrap_or(&failure.message).to_owned(),
    };
    Report {
        title,
        message,
        excerpts: excerpt.into_iter().collect(),
        stack: match is_nowhere {
            true => String::new(),
            false => own_frames(&map.map_stack(&failure.stack), &failure.message),
        },
        hint: match &import {
            Some(import) => import.hint(),
            None if is_nowhere => Some(hints::for_endless_top_level(&map.own_files())),
            None => hints::for_failure(failure, rest.as_deref()),
        },
    }
}

/// An import from the runtime of what the runtime does not have. The engine does not say where it is written.
struct BrokenImport {
    module: String,
    /// The name that is not exported; none when there is no such module.
    name: Option<String>,
}

impl BrokenImport {
    fn of(failure: &Failure) -> Option<Self> {
        let message = failure.message.as_str();
        if let Some(rest) = message.strip_prefix("No such module \"") {
            let (module, _) = rest.split_once('"')?;
            return Some(Self {
                module: module.to_owned(),
                name: None,
            });
        }
        let rest = message.strip_prefix("Could not find export '")?;
        let (name, rest) = rest.split_once("' in module 'atoll:")?;
        let (scheme, file) = rest.strip_suffix(".js'")?.split_once('/')?;
        Some(Self {
            module: format!("{scheme}:{file}"),
            name: Some(name.to_owned()),
        })
    }

    /// How its module is written in an import.
    fn written(&self) -> Vec<String> {
        let bare = self.module.strip_prefix("node:").unwrap_or(&self.module);
        [self.module.as_str(), bare]
            .iter()
            .flat_map(|name| [format!("\"{name}\""), format!("'{name}'")])
            .collect()
    }

    fn hint(&self) -> Option<String> {
        if self.name.is_some() {
            return None;
        }
        // Of a URL, one of the slashes is gone.
        if self.module.starts_with("http:") || self.module.starts_with("https:") {
            return Some(
                "no module comes from the network: `atoll install NAME`, and import \"NAME\""
                    .to_owned(),
            );
        }
        let near = bundle::nearest_builtin(&self.module)?;
        Some(format!("did you mean \"{near}\"?"))
    }
}

/// The frames of a stack that are the developer's or their packages', not those of the runtime below, and that the message
/// does not have already.
fn own_frames(stack: &str, message: &str) -> String {
    let mut own: Vec<&str> = stack
        .lines()
        .filter(|line| !line.contains("atoll:") && !line.contains("(native)"))
        .filter(|line| !line.trim().is_empty())
        .filter(|line| !message.lines().any(|told| told.trim() == line.trim()))
        .collect();
    own.dedup();
    own.join("\n")
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
