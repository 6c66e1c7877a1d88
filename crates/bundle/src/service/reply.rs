//! What became of a build, as it leaves.

use std::collections::BTreeMap;

use serde::Serialize;

use super::request::encode;
use crate::error::Diagnostic;

/// What a module is to the loader.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Kind {
    /// An ES module, told by its name.
    Esm,
    Cjs,
    Text,
    Data,
    Json,
    Wasm,
}

/// The parts of a wrangler configuration that a loader needs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct WranglerConfig {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) main: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) compatibility_date: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) compatibility_flags: Option<Vec<String>>,
}

/// A worker, and what browsers get.
#[derive(Debug, Default)]
pub(super) struct Built {
    pub(super) main: String,
    pub(super) modules: BTreeMap<String, (Kind, Vec<u8>)>,
    pub(super) wrangler_config: Option<WranglerConfig>,
    pub(super) warnings: Vec<String>,
    /// Scripts for browsers by their paths, in the order that they were asked for.
    pub(super) clients: Vec<(String, String)>,
    /// Style sheets that these import.
    pub(super) styles: Vec<(String, String)>,
}

/// Why there is nothing.
#[derive(Debug, Serialize)]
pub(super) struct Failure {
    pub(super) message: String,
    /// Mistakes in the source, as esbuild lists them.
    errors: Vec<Mistake>,
}

#[derive(Debug, Serialize)]
struct Mistake {
    text: String,
    location: Option<Location>,
}

#[derive(Debug, Serialize)]
struct Location {
    file: String,
    line: u32,
    /// Counted from 0.
    column: u32,
}

impl Failure {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            errors: Vec::new(),
        }
    }

    /// In the form that esbuild gives a list of mistakes.
    pub(super) fn of_source(diagnostics: &[Diagnostic]) -> Self {
        let errors: Vec<Mistake> = diagnostics.iter().map(mistake).collect();
        let count = match errors.len() {
            1 => "1 error".to_owned(),
            count => format!("{count} errors"),
        };
        let mut message = format!("Build failed with {count}:");
        for Mistake { text, location } in &errors {
            message.push('\n');
            if let Some(Location { file, line, column }) = location {
                message.push_str(&format!("{file}:{line}:{column}: "));
            }
            message.push_str(&format!("ERROR: {text}"));
        }
        Self { message, errors }
    }
}

fn mistake(diagnostic: &Diagnostic) -> Mistake {
    let mut text = diagnostic.message.clone();
    if let Some(hint) = &diagnostic.hint {
        text.push_str(&format!(" ({hint})"));
    }
    Mistake {
        text,
        location: diagnostic.path.as_ref().map(|path| Location {
            file: path.to_string_lossy().trim_start_matches('/').to_owned(),
            line: diagnostic.line.unwrap_or(1),
            column: diagnostic.column.unwrap_or(1).saturating_sub(1),
        }),
    }
}

/// What goes back.
#[derive(Debug)]
pub(super) enum Reply {
    Built(Built),
    Failed(Failure),
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Header<'a> {
    main_module: &'a str,
    modules: Vec<(&'a str, Kind, usize)>,
    wrangler_config: &'a Option<WranglerConfig>,
    warnings: &'a [String],
    clients: Vec<(&'a str, usize)>,
    styles: Vec<(&'a str, usize)>,
}

#[derive(Serialize)]
struct FailedHeader<'a> {
    error: &'a Failure,
}

impl Reply {
    pub(super) fn encode(&self) -> Vec<u8> {
        let (header, contents) = match self {
            Self::Failed(failure) => (
                serde_json::to_string(&FailedHeader { error: failure }),
                Vec::new(),
            ),
            Self::Built(built) => {
                let mut contents = Vec::new();
                let modules = built.modules.iter().map(|(name, (kind, content))| {
                    contents.extend_from_slice(content);
                    (name.as_str(), *kind, content.len())
                });
                let modules = modules.collect();
                let mut texts = |files: &'_ [(String, String)]| -> Vec<usize> {
                    let sizes = files.iter().map(|(_, content)| {
                        contents.extend_from_slice(content.as_bytes());
                        content.len()
                    });
                    sizes.collect()
                };
                let (clients, styles) = (texts(&built.clients), texts(&built.styles));
                let header = Header {
                    main_module: &built.main,
                    modules,
                    wrangler_config: &built.wrangler_config,
                    warnings: &built.warnings,
                    clients: named(&built.clients, clients),
                    styles: named(&built.styles, styles),
                };
                (serde_json::to_string(&header), contents)
            }
        };
        encode(
            &header.expect("names and numbers always have a JSON form"),
            &contents,
        )
    }
}

fn named(files: &[(String, String)], sizes: Vec<usize>) -> Vec<(&str, usize)> {
    files
        .iter()
        .map(|(name, _)| name.as_str())
        .zip(sizes)
        .collect()
}
