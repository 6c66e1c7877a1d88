//! The bundler's own messages as this crate's diagnostics.

use std::path::Path;

use oxc::allocator::Allocator;
use oxc::parser::Parser;
use oxc::span::SourceType;
use rolldown_error::{BuildDiagnostic, DiagnosticOptions, EventKind, Severity};

use crate::config::nearest_file;
use crate::error::Diagnostic;
use crate::{specifier, text};

/// What to do about elements where there cannot be any.
const JSX: &str = "JSX needs a file whose name ends in .tsx or .jsx";

/// What the user should see of one message; `None` for those that Workers give no reason to show.
pub(crate) fn convert(diagnostic: &BuildDiagnostic, root: &Path) -> Option<Diagnostic> {
    let kind = diagnostic.kind();
    let is_error = matches!(diagnostic.severity(), Severity::Error);
    // A bare import that leads nowhere would only fail when the worker starts.
    let is_unresolved = matches!(kind, EventKind::UnresolvedImport | EventKind::ResolveError);
    if !is_error && !is_unresolved && !matters(kind) {
        return None;
    }
    let options = DiagnosticOptions {
        cwd: root.to_path_buf(),
    };
    let detail = diagnostic.to_diagnostic_with(&options);
    let rendered = detail.convert_to_string(false);
    let message = message(diagnostic, &options);
    let mut converted = if is_error || is_unresolved {
        Diagnostic::error(message)
    } else {
        Diagnostic::warning(message)
    };
    if let Some((file, line, column, _)) = detail.get_primary_location() {
        let path = root.join(file);
        let source = std::fs::read_to_string(&path).unwrap_or_default();
        if converted.message == "unexpected token" {
            converted.message = match token_at(&source, line, column) {
                Some(token) => format!("unexpected `{token}`"),
                None => "the file ends in the middle of something".to_owned(),
            };
        }
        // What an element's end is to a parser of TypeScript alone.
        let ends = [
            "unterminated regular expression",
            "expected `>` but found `/`",
        ];
        let extension = path.extension().and_then(|extension| extension.to_str());
        if matches!(extension, Some("ts" | "mts" | "cts"))
            && ends.contains(&converted.message.as_str())
        {
            converted.hint = Some(JSX.to_owned());
        }
        converted = converted.at_line(&path, &source, line as u32, column as u32 + 1);
    } else if let Some(id) = diagnostic.id().filter(|id| !id.starts_with('\0')) {
        converted = converted.path(Path::new(&id));
    }
    if is_unresolved && let Some(specifier) = diagnostic.exporter() {
        let reason = label(&rendered).filter(|reason| !reason.starts_with("Module not found"));
        converted.message = match reason {
            Some(reason) => format!("cannot resolve {specifier:?}: {}", lowercase_first(&reason)),
            None => format!("cannot resolve {specifier:?}"),
        };
        let importer = diagnostic.id();
        converted.hint = unresolved_hint(&specifier, importer.as_deref(), root);
    } else if matches!(kind, EventKind::MissingExportError) {
        let quoted: Vec<String> = converted.message.split('"').map(str::to_owned).collect();
        if let [_, name, _, file, ..] = &quoted[..] {
            converted.message = format!("{file:?} does not export {name:?}");
            converted.hint = missing_export_hint(name, &root.join(file));
        }
    } else if matches!(kind, EventKind::Eval) {
        converted.message = "`eval` throws here: no code is made from strings".to_owned();
    } else if let Some(help) = help(&rendered) {
        converted.hint = Some(match help.starts_with("JSX syntax is disabled") {
            true => JSX.to_owned(),
            false => help,
        });
    }
    Some(converted)
}

fn matters(kind: EventKind) -> bool {
    matches!(
        kind,
        EventKind::ImportIsUndefined | EventKind::CannotCallNamespace | EventKind::Eval
    )
}

fn message(diagnostic: &BuildDiagnostic, options: &DiagnosticOptions) -> String {
    let message = diagnostic.to_message_with(options);
    let message = message.lines().next().unwrap_or("the build failed");
    lowercase_first(&message.replace("but found `EOF`", "but the file ends here"))
}

fn lowercase_first(message: &str) -> String {
    let mut characters = message.chars();
    match (characters.next(), characters.clone().next()) {
        // `JSX …` and `'x' is …` keep their first letter.
        (Some(first), Some(second)) if first.is_uppercase() && second.is_lowercase() => {
            first.to_lowercase().chain(characters).collect()
        }
        _ => message.to_owned(),
    }
}

/// The text beside the mark in a rendered message.
fn label(rendered: &str) -> Option<String> {
    let (_, text) = rendered.split_once("─ ")?;
    let mut labels = rendered.lines().filter(|line| line.contains('╰'));
    labels
        .next()
        .and_then(|line| line.split_once("── ").map(|(_, label)| label.trim()))
        .or_else(|| text.lines().next().map(str::trim))
        .filter(|label| !label.is_empty())
        .map(str::to_owned)
}

fn help(rendered: &str) -> Option<String> {
    let line = rendered.lines().find(|line| line.contains("Help"))?;
    let (_, help) = line.split_once(':')?;
    Some(lowercase_first(help.trim())).filter(|help| !help.is_empty())
}

/// The word or sign at a place; none at the end.
fn token_at(source: &str, line: usize, column: usize) -> Option<String> {
    let line = source.lines().nth(line.checked_sub(1)?)?;
    let mut rest = line.chars().skip(column).peekable();
    let is_word = |sign: char| sign.is_alphanumeric() || sign == '_' || sign == '$';
    let first = rest.next()?;
    let mut token = String::from(first);
    while let Some(next) = rest.next_if(|next| is_word(first) && is_word(*next)) {
        token.push(next);
    }
    Some(token)
}

/// What a file exports in place of a name that it does not.
fn missing_export_hint(name: &str, file: &Path) -> Option<String> {
    const SHOWN: usize = 8;
    let source = std::fs::read_to_string(file).ok()?;
    let kind = SourceType::from_path(file).ok()?;
    let allocator = Allocator::default();
    let parsed = Parser::new(&allocator, &source, kind).parse();
    let mut names: Vec<&str> = parsed
        .module_record
        .exported_bindings
        .keys()
        .map(|name| name.as_str())
        .collect();
    names.sort_unstable();
    if let Some(near) = text::nearest(name, names.iter().copied()) {
        return Some(format!("did you mean {near:?}?"));
    }
    if names.is_empty() {
        return None;
    }
    let more = if names.len() > SHOWN { ", …" } else { "" };
    names.truncate(SHOWN);
    Some(format!("it exports {}{more}", names.join(", ")))
}

fn unresolved_hint(specifier: &str, importer: Option<&str>, root: &Path) -> Option<String> {
    let Some(package) = specifier::package_name(specifier) else {
        let folder = Path::new(importer?).parent()?;
        let path = folder.join(specifier);
        let near = nearest_file(&path)?;
        // Code is imported without its extension where the mistyped name has none.
        let near = match path.extension() {
            None => near.split('.').next().unwrap_or(&near).to_owned(),
            Some(_) => near,
        };
        let written = specifier.rsplit_once('/').map_or("", |(before, _)| before);
        return Some(format!("did you mean \"{written}/{near}\"?"));
    };
    let folder = importer.and_then(|importer| Path::new(importer).parent());
    let folders: Vec<_> = folder
        .unwrap_or(root)
        .ancestors()
        .map(|parent| parent.join("node_modules"))
        .filter(|modules| modules.is_dir())
        .collect();
    if let Some(installed) = folders.iter().map(|f| f.join(package)).find(|p| p.is_dir()) {
        let subpath = &specifier[package.len()..];
        return Some(format!(
            "{package} is installed in {} but does not provide {:?}",
            installed.display(),
            format!(".{subpath}")
        ));
    }
    let installed: Vec<String> = folders.iter().flat_map(|folder| packages(folder)).collect();
    let near = text::nearest(package, installed.iter().map(String::as_str));
    Some(match near {
        Some(near) => format!("did you mean {near:?}? Otherwise run `atoll install {package}`"),
        None if specifier.ends_with("/jsx-runtime") || specifier.ends_with("/jsx-dev-runtime") => {
            format!(
                "run `atoll install {package}`, or name another package for JSX: \"jsxImportSource\" in tsconfig.json"
            )
        }
        None => format!("run `atoll install {package}`"),
    })
}

fn packages(node_modules: &Path) -> Vec<String> {
    let names = |folder: &Path| -> Vec<String> {
        std::fs::read_dir(folder)
            .into_iter()
            .flatten()
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .collect()
    };
    names(node_modules)
        .into_iter()
        .flat_map(|name| match name.starts_with('@') {
            true => names(&node_modules.join(&name))
                .into_iter()
                .map(|inner| format!("{name}/{inner}"))
                .collect(),
            false => vec![name],
        })
        .collect()
}
