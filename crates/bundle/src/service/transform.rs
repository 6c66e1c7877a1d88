//! Modules that stay apart: types and JSX go, and imports name the modules that there are.

use std::collections::{BTreeMap, BTreeSet};

use oxc::allocator::Allocator;
use oxc::parser::Parser;
use oxc::span::SourceType;

use super::files::{Files, absolute};
use super::plugin::{Resolvers, is_external};
use super::reply::{Built, Kind};
use super::request::Options;
use crate::edits::Edits;
use crate::prepare;
use crate::specifier::{self, Builtin};

/// What `bundle: false` gives.
pub(super) fn transform(files: &Files, entry: &str, options: &Options) -> Built {
    let conditions = ["workerd", "worker", "browser"].map(str::to_owned);
    let mut work = Work {
        files,
        options,
        resolvers: Resolvers::new(files, &conditions),
        built: Built::default(),
        waiting: Vec::new(),
        seen: BTreeSet::new(),
    };
    work.add(entry.trim_start_matches("./"));
    while let Some(path) = work.waiting.pop() {
        work.module(&path);
    }
    let Work { mut built, .. } = work;
    built.main = output_path(entry.trim_start_matches("./"));
    built
}

struct Work<'a> {
    files: &'a Files,
    options: &'a Options,
    resolvers: Resolvers,
    built: Built,
    waiting: Vec<String>,
    seen: BTreeSet<String>,
}

impl Work<'_> {
    fn add(&mut self, path: &str) {
        if self.seen.insert(path.to_owned()) {
            self.waiting.push(path.to_owned());
        }
    }

    fn insert(&mut self, name: String, kind: Kind, content: impl Into<Vec<u8>>) {
        self.built.modules.insert(name, (kind, content.into()));
    }

    fn module(&mut self, path: &str) {
        let full = absolute(path).unwrap_or_default();
        let Some(content) = self.files.get(&full) else {
            self.built.warnings.push(format!("File not found: {path}"));
            return;
        };
        let extension = path.rsplit_once('.').map_or("", |(_, extension)| extension);
        let Ok(text) = std::str::from_utf8(content) else {
            let kind = if extension == "wasm" {
                Kind::Wasm
            } else {
                Kind::Data
            };
            self.insert(path.to_owned(), kind, content);
            return;
        };
        match extension {
            "js" | "jsx" | "ts" | "tsx" | "mjs" | "mts" => self.code(path, text),
            "json" => match serde_json::from_str::<serde_json::Value>(text) {
                Ok(_) => self.insert(path.to_owned(), Kind::Json, text),
                Err(_) => {
                    let warning = format!("Failed to parse JSON file: {path}");
                    self.built.warnings.push(warning);
                }
            },
            "cjs" => self.insert(path.to_owned(), Kind::Cjs, text),
            _ => self.insert(path.to_owned(), Kind::Text, text),
        }
    }

    fn code(&mut self, path: &str, source: &str) {
        let plain = match path.rsplit_once('.') {
            Some((_, "ts" | "tsx" | "mts" | "jsx")) => match prepare::to_javascript(path, source) {
                Ok(code) => Some(code),
                Err(error) => {
                    let warning = format!(
                        "Failed to transform {path}: {} ({}:{})",
                        error.message, error.line, error.column
                    );
                    self.built.warnings.push(warning);
                    return;
                }
            },
            _ => None,
        };
        let code = plain.as_deref().unwrap_or(source);
        let (code, is_module) = self.rewrite(path, code);
        let name = output_path(path);
        let kind = match is_module || !path.starts_with("node_modules/") {
            true => Kind::Esm,
            // The old format is common in packages only.
            false => Kind::Cjs,
        };
        self.insert(name, kind, code);
    }

    /// The code with imports of the modules that there are, and whether it is a module at all.
    fn rewrite(&mut self, path: &str, code: &str) -> (String, bool) {
        let allocator = Allocator::default();
        let parsed = Parser::new(&allocator, code, SourceType::mjs()).parse();
        let record = &parsed.module_record;
        let mut places: BTreeMap<(u32, u32), String> = BTreeMap::new();
        for (specifier, requests) in &record.requested_modules {
            for request in requests {
                let place = (request.span.start, request.span.end);
                places.insert(place, specifier.to_string());
            }
        }
        for import in &record.dynamic_imports {
            let (start, end) = (import.module_request.start, import.module_request.end);
            let literal = code.get(start as usize..end as usize).unwrap_or("");
            if let Some(specifier) = unquote(literal) {
                places.insert((start, end), specifier.to_owned());
            }
        }
        let mut edits = Edits::default();
        for ((start, end), specifier) in places {
            if let Some(target) = self.target(path, &specifier) {
                let quoted = serde_json::Value::from(target).to_string();
                edits.replace(start, end, 0, quoted);
            }
        }
        let is_module = record.has_module_syntax;
        (edits.apply(code).0, is_module)
    }

    /// What an import is to say, unless it may stay as it is.
    fn target(&mut self, importer: &str, specifier: &str) -> Option<String> {
        let is_bare = !specifier.starts_with(['.', '/']);
        if is_external(&self.options.externals, specifier)
            || specifier::builtin(specifier) == Some(Builtin::Named)
        {
            return None;
        }
        let found = self
            .resolvers
            .find(specifier, &format!("/{importer}"), false);
        let found = match found {
            Ok(found) => found?.0[1..].to_owned(),
            Err(_) if is_bare => return None,
            Err(_) => {
                self.built.warnings.push(format!(
                    "Failed to resolve '{specifier}' from {importer}: Cannot resolve relative import '{specifier}' from \
                     '{importer}'"
                ));
                return None;
            }
        };
        self.add(&found);
        let output = output_path(&found);
        match found.starts_with("node_modules/") {
            true => Some(format!("/{output}")),
            false => Some(relative(importer, &output)),
        }
    }
}

fn unquote(literal: &str) -> Option<&str> {
    let inner = literal
        .strip_prefix(['"', '\''])
        .and_then(|rest| rest.strip_suffix(['"', '\'']))?;
    (!inner.contains(['\\', '"', '\''])).then_some(inner)
}

/// `.ts` and `.tsx` become `.js`, `.mts` becomes `.mjs`.
fn output_path(path: &str) -> String {
    match path.rsplit_once('.') {
        Some((stem, "ts" | "tsx")) => format!("{stem}.js"),
        Some((stem, "mts")) => format!("{stem}.mjs"),
        _ => path.to_owned(),
    }
}

/// The way from one file to another.
fn relative(from: &str, to: &str) -> String {
    let from: Vec<&str> = from.split('/').collect();
    let to: Vec<&str> = to.split('/').collect();
    let shared = from[..from.len() - 1]
        .iter()
        .zip(&to[..to.len() - 1])
        .take_while(|(left, right)| left == right)
        .count();
    let up = match from.len() - 1 - shared {
        0 => "./".to_owned(),
        count => "../".repeat(count),
    };
    format!("{up}{}", to[shared..].join("/"))
}

/// The options that only mean something when there is a bundle, in one warning.
pub(super) fn ignored_options(options: &Options) -> Option<String> {
    let set = [
        ("jsx", options.jsx.is_some()),
        ("jsxImportSource", options.jsx_import_source.is_some()),
        ("define", options.define.is_some()),
        ("loader", options.loader.is_some()),
        ("conditions", options.conditions.is_some()),
        ("virtualModules", options.virtual_modules.is_some()),
        (
            "__dangerouslyUseEsBuildPluginsDoNotUseOrYouWillBeFired",
            options.has_plugins,
        ),
    ];
    let set: Vec<&str> = set
        .iter()
        .filter_map(|(name, is_set)| is_set.then_some(*name))
        .collect();
    let verb = match set.len() {
        0 => return None,
        1 => "is",
        _ => "are",
    };
    Some(format!(
        "{} {verb} ignored when `bundle: false` (transform-only mode does not run esbuild). Set `bundle: true` (the \
         default) to apply them.",
        set.join(", ")
    ))
}
