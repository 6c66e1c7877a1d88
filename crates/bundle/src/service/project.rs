//! Where a project starts, by what its files say.

use serde_json::Value;

use super::files::Files;
use super::reply::{Failure, WranglerConfig};

/// Looked for in this order when nothing else says where to start.
const ENTRY_POINTS: [&str; 9] = [
    "src/index.ts",
    "src/index.js",
    "src/index.mts",
    "src/index.mjs",
    "index.ts",
    "index.js",
    "index.py",
    "src/worker.ts",
    "src/worker.js",
];

/// Own files that an error lists.
const LISTED_FILES: usize = 10;

/// What an entry point is for, in messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    Worker,
    Server,
    Client,
}

/// What the wrangler configuration among the files says, if there is one. One that cannot be read says nothing.
pub(super) fn wrangler_config(files: &Files) -> Option<WranglerConfig> {
    let read = |name: &str| files.text(name).filter(|text| !text.is_empty());
    let value = if let Some(text) = read("wrangler.toml") {
        toml::from_str::<Value>(text).ok()
    } else if let Some(text) = read("wrangler.json") {
        serde_json::from_str(text).ok()
    } else if let Some(text) = read("wrangler.jsonc") {
        jsonc_parser::parse_to_serde_value(text, &jsonc_parser::ParseOptions::default())
            .ok()
            .flatten()
    } else {
        return None;
    };
    let value = value.unwrap_or_default();
    let either = |snake: &str, camel: &str| value.get(snake).or_else(|| value.get(camel));
    let text = |value: &Value| value.as_str().map(str::to_owned);
    Some(WranglerConfig {
        main: value.get("main").and_then(text),
        compatibility_date: either("compatibility_date", "compatibilityDate").and_then(text),
        compatibility_flags: either("compatibility_flags", "compatibilityFlags")
            .and_then(Value::as_array)
            .and_then(|flags| flags.iter().map(text).collect()),
    })
}

/// The file to start from: what is asked for, else what the files say.
pub(super) fn entry_point(
    files: &Files,
    asked: Option<&str>,
    config: Option<&WranglerConfig>,
    purpose: Purpose,
) -> Result<String, Failure> {
    let found = match asked {
        Some(asked) => Some(asked.to_owned()),
        None => detect(files, config),
    };
    let Some(found) = found else {
        let (what, function, option) = match purpose {
            Purpose::Server => ("server entry point", "createApp", "server"),
            _ => ("entry point", "createWorker", "entryPoint"),
        };
        return Err(Failure::new(format!(
            "Could not determine {what} for {function}. Tried (in order): the `{option}` option, `main` in wrangler \
             config, `exports`/`module`/`main` in package.json, and the defaults {}. Pass `{option}` explicitly or add \
             one of those files.",
            ENTRY_POINTS.join(", ")
        )));
    };
    if files.text(&found).is_none() {
        let what = match purpose {
            Purpose::Worker => "Entry point",
            Purpose::Server => "Server entry point",
            Purpose::Client => "Client entry point",
        };
        return Err(Failure::new(format!(
            "{what} \"{found}\" was not found in `files`. Available files: {}.",
            listed(files)
        )));
    }
    Ok(found)
}

fn detect(files: &Files, config: Option<&WranglerConfig>) -> Option<String> {
    let plain = |path: &str| path.strip_prefix("./").unwrap_or(path).to_owned();
    if let Some(main) = config.and_then(|config| config.main.as_deref()) {
        return Some(plain(main));
    }
    let package = files.text("package.json");
    let package: Option<Value> = package.and_then(|text| serde_json::from_str(text).ok());
    if let Some(package) = package {
        let root = match package.get("exports") {
            Some(exports @ Value::String(_)) => Some(exports),
            Some(exports) => exports.get("."),
            None => None,
        };
        let conditional = |name: &str| root.and_then(|root| root.get(name));
        let candidates = [
            root,
            conditional("import")
                .or_else(|| conditional("default"))
                .or_else(|| conditional("module")),
            package.get("module"),
            package.get("main"),
        ];
        let mut named = candidates.into_iter().flatten().filter_map(Value::as_str);
        if let Some(path) = named.find(|path| !path.is_empty()) {
            return Some(plain(path));
        }
    }
    let mut defaults = ENTRY_POINTS.into_iter();
    defaults
        .find(|path| files.text(path).is_some())
        .map(str::to_owned)
}

fn listed(files: &Files) -> String {
    let own = files.own();
    if own.is_empty() {
        return "(none — `files` is empty or only contains node_modules entries)".to_owned();
    }
    let shown = own[..own.len().min(LISTED_FILES)].join(", ");
    match own.len().saturating_sub(LISTED_FILES) {
        0 => shown,
        more => format!("{shown}, … (+{more} more)"),
    }
}

/// How JSX and decorators are meant, as `tsconfig.json` says.
#[derive(Debug, Default)]
pub(super) struct TsConfig {
    pub(super) jsx: Option<String>,
    pub(super) jsx_import_source: Option<String>,
    pub(super) jsx_factory: Option<String>,
    pub(super) jsx_fragment_factory: Option<String>,
    pub(super) legacy_decorators: bool,
}

impl TsConfig {
    /// The one at the root. One that cannot be read says nothing.
    pub(super) fn read(files: &Files) -> Self {
        let parse = |text: &str| {
            jsonc_parser::parse_to_serde_value(text, &jsonc_parser::ParseOptions::default()).ok()
        };
        let value: Value = files
            .text("tsconfig.json")
            .and_then(parse)
            .flatten()
            .unwrap_or_default();
        let options = value.get("compilerOptions").unwrap_or(&Value::Null);
        let text = |name: &str| options.get(name).and_then(Value::as_str).map(str::to_owned);
        Self {
            jsx: text("jsx"),
            jsx_import_source: text("jsxImportSource"),
            jsx_factory: text("jsxFactory"),
            jsx_fragment_factory: text("jsxFragmentFactory"),
            legacy_decorators: options
                .get("experimentalDecorators")
                .and_then(Value::as_bool)
                .unwrap_or(false),
        }
    }
}
