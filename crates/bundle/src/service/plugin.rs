//! How imports lead from file to file, and what each file is.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use oxc::span::SourceType;
use oxc_resolver::{ResolveError, ResolveOptions, ResolverGeneric, SideEffects};
use rolldown_common::side_effects::HookSideEffects;
use rolldown_common::{ImportKind, ModuleType};
use rolldown_plugin::{
    HookLoadArgs, HookLoadOutput, HookLoadReturn, HookResolveIdArgs, HookResolveIdOutput,
    HookResolveIdReturn, HookTransformArgs, HookTransformOutput, HookTransformReturn, HookUsage,
    Plugin, PluginContext, SharedLoadPluginContext, SharedTransformPluginContext,
};

use super::files::Files;
use super::reply::Kind;
use super::request::Options;
use super::styles;
use crate::bundler::{RUNTIME_ID, moved_map, outside, required_from_outside};
use crate::decorators;
use crate::error::Diagnostic;
use crate::specifier::{self, Builtin};

/// Modules that the caller wrote beside the files.
const VIRTUAL_PREFIX: &str = "\0virtual:";
/// What is required and is not there. It is missed when it is required, which often nobody does, or is prepared for.
const ABSENT_PREFIX: &str = "\0absent:";
/// What a package's `browser` field leaves out.
const IGNORED_ID: &str = "\0ignored";

/// What a build found while it ran.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) warnings: Vec<String>,
    /// Mistakes that a pass found in the source.
    pub(super) diagnostics: Vec<Diagnostic>,
    /// Style sheets by the module that imports stand for.
    pub(super) styles: BTreeMap<String, String>,
    /// Files that are modules of their own.
    pub(super) separate: BTreeMap<String, (Kind, Vec<u8>)>,
}

#[derive(Debug)]
pub(super) struct FilesPlugin {
    pub(super) files: Files,
    pub(super) options: Arc<Options>,
    pub(super) legacy_decorators: bool,
    pub(super) resolvers: Arc<Resolvers>,
    pub(super) found: Arc<Mutex<Found>>,
}

/// One resolver for `import` and one for `require()`.
#[derive(Debug)]
pub(super) struct Resolvers {
    import: ResolverGeneric<Files>,
    require: ResolverGeneric<Files>,
}

impl Resolvers {
    pub(super) fn new(files: &Files, conditions: &[String]) -> Self {
        let strings = |items: &[&str]| -> Vec<String> {
            items.iter().map(|item| (*item).to_owned()).collect()
        };
        let options = |kind: &str| {
            let mut names = conditions.to_vec();
            names.extend(strings(&[kind, "module", "default"]));
            let alias = |from: &str, to: &[&str]| (from.to_owned(), strings(to));
            ResolveOptions {
                cwd: Some(PathBuf::from("/")),
                condition_names: names,
                alias_fields: vec![strings(&["browser"])],
                main_fields: strings(&["browser", "module", "main"]),
                extensions: strings(&[
                    ".ts", ".tsx", ".js", ".jsx", ".mts", ".mjs", ".cjs", ".json",
                ]),
                extension_alias: vec![
                    alias(".js", &[".js", ".ts", ".tsx"]),
                    alias(".jsx", &[".jsx", ".tsx"]),
                    alias(".mjs", &[".mjs", ".mts"]),
                ],
                roots: vec![PathBuf::from("/")],
                symlinks: false,
                node_path: false,
                yarn_pnp: false,
                ..ResolveOptions::default()
            }
        };
        Self {
            import: ResolverGeneric::new_with_file_system(files.clone(), options("import")),
            require: ResolverGeneric::new_with_file_system(files.clone(), options("require")),
        }
    }

    /// The file that a specifier in `importer` means. `Ok(None)` for one that is left out on purpose.
    pub(super) fn find(
        &self,
        specifier: &str,
        importer: &str,
        requires: bool,
    ) -> Result<Option<(String, Option<bool>)>, ResolveError> {
        let resolver = if requires {
            &self.require
        } else {
            &self.import
        };
        let folder = Path::new(importer).parent().unwrap_or(Path::new("/"));
        match resolver.resolve(folder, specifier) {
            Ok(resolution) => {
                let path = resolution.path().to_string_lossy().into_owned();
                let package = resolution.package_json();
                let side_effects = package.and_then(|package| {
                    let below = path.strip_prefix(package.directory().to_str()?)?;
                    has_side_effects(package.side_effects()?, below.trim_start_matches('/'))
                });
                Ok(Some((path, side_effects)))
            }
            Err(ResolveError::Ignored(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// What a package says of one of its files.
fn has_side_effects(listed: SideEffects<'_>, file: &str) -> Option<bool> {
    let matches = |glob: &str| {
        let glob = glob.trim_start_matches("./");
        match glob.contains('/') {
            true => crate::glob::matches(glob, file),
            false => crate::glob::matches(&format!("**/{glob}"), file),
        }
    };
    Some(match listed {
        SideEffects::Bool(has) => has,
        SideEffects::String(glob) => matches(glob),
        SideEffects::Array(globs) => globs.into_iter().any(matches),
    })
}

/// Whether one of the names that the caller keeps outside starts the specifier.
pub(super) fn is_external(externals: &[String], specifier: &str) -> bool {
    specifier.starts_with("cloudflare:")
        || specifier == specifier::BUNDLER
        || externals
            .iter()
            .any(|external| !external.is_empty() && specifier.starts_with(external.as_str()))
}

impl FilesPlugin {
    fn found(&self) -> std::sync::MutexGuard<'_, Found> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the caller says of files with such an end; the longest end counts.
    fn override_of(&self, path: &str) -> Option<&str> {
        let overrides = self.options.loader.as_ref()?;
        let matching = overrides.iter().filter(|(end, _)| path.ends_with(*end));
        let longest = matching.max_by_key(|(end, _)| end.len())?;
        Some(longest.1)
    }

    /// The name of the module that a file is by itself, if it is one.
    fn separate(&self, path: &str) -> Option<String> {
        if self.override_of(path).is_some() {
            return None;
        }
        let kind = match Path::new(path).extension()?.to_str()? {
            "wasm" => Kind::Wasm,
            "bin" => Kind::Data,
            _ => return None,
        };
        let content = self.files.get(path)?.to_vec();
        let name = path[1..].to_owned();
        self.found().separate.insert(name.clone(), (kind, content));
        Some(format!("./{name}"))
    }

    fn unresolved(&self, specifier: &str, importer: &str, requires: bool, why: &ResolveError) {
        let importer = importer.trim_start_matches(['/', '\0']);
        let what_follows = match requires {
            true => "to require it throws",
            false => "it stays an import",
        };
        let mut text =
            format!("Could not resolve \"{specifier}\" (imported by {importer}): {what_follows}");
        if !matches!(why, ResolveError::NotFound(_)) {
            text.push_str(&format!(" ({why})"));
        }
        let mut found = self.found();
        if !found.warnings.contains(&text) {
            found.warnings.push(text);
        }
    }

    fn resolve(&self, args: &HookResolveIdArgs<'_>) -> HookResolveIdOutput {
        let specifier = args.specifier;
        let virtual_modules = self.options.virtual_modules.as_ref();
        if virtual_modules.is_some_and(|modules| modules.contains_key(specifier)) {
            return HookResolveIdOutput::from_id(format!("{VIRTUAL_PREFIX}{specifier}"));
        }
        let importer = args.importer.filter(|importer| importer.starts_with('/'));
        let importer = importer.unwrap_or("/index.js");
        let is_bare = !specifier.starts_with(['.', '/']);
        if is_bare && is_external(&self.options.externals, specifier) {
            return outside(specifier, args.kind);
        }
        let builtin = specifier::builtin(specifier);
        if builtin == Some(Builtin::Named) {
            return outside(specifier, args.kind);
        }
        let requires = args.kind == ImportKind::Require;
        match self.resolvers.find(specifier, importer, requires) {
            Ok(None) => HookResolveIdOutput::from_id(IGNORED_ID),
            Ok(Some((path, side_effects))) => {
                if let Some(name) = self.separate(&path) {
                    return outside(&name, args.kind);
                }
                HookResolveIdOutput {
                    id: path.into(),
                    side_effects: side_effects.map(|has| match has {
                        true => HookSideEffects::True,
                        false => HookSideEffects::False,
                    }),
                    ..Default::default()
                }
            }
            Err(why) => {
                if let Some(Builtin::Bare(id)) = builtin {
                    return outside(&id, args.kind);
                }
                self.unresolved(specifier, importer, requires, &why);
                match requires {
                    true => HookResolveIdOutput::from_id(format!("{ABSENT_PREFIX}{specifier}")),
                    false => outside(specifier, args.kind),
                }
            }
        }
    }

    /// A file's content as code, and what code it is.
    fn read(&self, id: &str) -> anyhow::Result<(String, ModuleType)> {
        let content = self.files.get(id);
        let content = content.ok_or_else(|| anyhow::anyhow!("File not found: {}", &id[1..]))?;
        let text = || {
            std::str::from_utf8(content)
                .map(str::to_owned)
                .map_err(|_| anyhow::anyhow!("{} is not text", &id[1..]))
        };
        let default = |value: String| Ok((format!("export default {value};\n"), ModuleType::Js));
        let kind = self.override_of(id).unwrap_or_else(|| usual(id));
        match kind {
            "js" => Ok((text()?, ModuleType::Js)),
            "jsx" => Ok((text()?, ModuleType::Jsx)),
            "ts" => Ok((text()?, ModuleType::Ts)),
            "tsx" => Ok((text()?, ModuleType::Tsx)),
            "json" => Ok((text()?, ModuleType::Json)),
            "css" => {
                let sheet = styles::inline_imports(&self.files, id, &text()?);
                self.found().styles.insert(id.to_owned(), sheet);
                default("{}".to_owned())
            }
            "text" => default(quote(&text()?)),
            "base64" => default(quote(&base64(content))),
            "dataurl" => default(quote(&data_url(id, content))),
            "binary" => default(format!(
                "Uint8Array.from(atob({}), (character) => character.charCodeAt(0))",
                quote(&base64(content))
            )),
            other => Err(anyhow::anyhow!("Invalid loader value: \"{other}\"")),
        }
    }
}

/// What a file is when nobody says otherwise.
fn usual(path: &str) -> &'static str {
    let name = path.rsplit('/').next().unwrap_or(path);
    match name.rsplit_once('.').map(|(_, extension)| extension) {
        Some("ts" | "mts" | "cts") => "ts",
        Some("tsx") => "tsx",
        // JSX is read in plain JavaScript too, where it means nothing else.
        Some("js" | "jsx" | "mjs") => "jsx",
        Some("json") => "json",
        Some("css") => "css",
        Some("txt" | "html" | "htm" | "md" | "sql" | "svg" | "xml" | "csv" | "yaml" | "yml") => {
            "text"
        }
        Some("png" | "jpg" | "jpeg" | "gif" | "webp" | "avif" | "ico" | "woff" | "woff2") => {
            "dataurl"
        }
        _ => "js",
    }
}

/// The shorter one of a data URL's two forms.
fn data_url(path: &str, content: &[u8]) -> String {
    let text = std::str::from_utf8(content).ok();
    let kind = match (content_type(path), text) {
        (Some(kind), _) => kind,
        (None, Some(_)) => "text/plain;charset=utf-8",
        (None, None) => "application/octet-stream",
    };
    let coded = format!("data:{kind};base64,{}", base64(content));
    let Some(text) = text else { return coded };
    let mut plain = format!("data:{kind},");
    for character in text.chars() {
        match character {
            '%' | '#' | '"' | '\0'..='\u{1f}' | '\u{7f}' => {
                plain.push_str(&format!("%{:02X}", u32::from(character)));
            }
            other => plain.push(other),
        }
    }
    match plain.len() < coded.len() && !text.ends_with(' ') {
        true => plain,
        false => coded,
    }
}

fn content_type(path: &str) -> Option<&'static str> {
    Some(match path.rsplit_once('.')?.1 {
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "gif" => "image/gif",
        "webp" => "image/webp",
        "avif" => "image/avif",
        "ico" => "image/x-icon",
        "woff" => "font/woff",
        "woff2" => "font/woff2",
        "css" => "text/css;charset=utf-8",
        "html" | "htm" => "text/html;charset=utf-8",
        "js" | "mjs" => "text/javascript;charset=utf-8",
        "json" => "application/json",
        "txt" => "text/plain;charset=utf-8",
        "wasm" => "application/wasm",
        _ => return None,
    })
}

/// A JavaScript string literal: JSON's form, which JavaScript reads the same way.
fn quote(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let byte = |index: usize| u32::from(chunk.get(index).copied().unwrap_or(0));
        let word = byte(0) << 16 | byte(1) << 8 | byte(2);
        for digit in 0..4 {
            if digit > chunk.len() {
                text.push('=');
            } else {
                text.push(DIGITS[(word >> (18 - 6 * digit)) as usize & 63] as char);
            }
        }
    }
    text
}

impl Plugin for FilesPlugin {
    fn name(&self) -> Cow<'static, str> {
        Cow::Borrowed("atoll:files")
    }

    async fn resolve_id(
        &self,
        _: &PluginContext,
        args: &HookResolveIdArgs<'_>,
    ) -> HookResolveIdReturn {
        if args.is_entry {
            return Ok(Some(HookResolveIdOutput::from_id(args.specifier)));
        }
        // What the bundler calls its own.
        if args.specifier.starts_with('\0') {
            return Ok(None);
        }
        if args.specifier == decorators::RUNTIME_SPECIFIER {
            return Ok(Some(HookResolveIdOutput::from_id(RUNTIME_ID)));
        }
        Ok(Some(self.resolve(args)))
    }

    async fn load(&self, _: SharedLoadPluginContext, args: &HookLoadArgs<'_>) -> HookLoadReturn {
        let module = |code: String, kind| {
            Ok(Some(HookLoadOutput {
                code: code.into(),
                module_type: Some(kind),
                ..Default::default()
            }))
        };
        if args.id == RUNTIME_ID {
            return module(decorators::RUNTIME_SOURCE.to_owned(), ModuleType::Js);
        }
        if args.id == IGNORED_ID {
            return module("export default {};".to_owned(), ModuleType::Js);
        }
        if let Some(specifier) = args.id.strip_prefix(ABSENT_PREFIX) {
            let message = quote(&format!("Cannot find module '{specifier}'"));
            let code = format!(
                "module.exports = (() => {{ throw Object.assign(new Error({message}), {{ code: \"MODULE_NOT_FOUND\" }}); }})();"
            );
            return module(code, ModuleType::Js);
        }
        if let Some(code) = required_from_outside(args.id) {
            return module(code, ModuleType::Js);
        }
        if let Some(name) = args.id.strip_prefix(VIRTUAL_PREFIX) {
            let modules = self.options.virtual_modules.as_ref();
            let code = modules.and_then(|modules| modules.get(name));
            return module(code.cloned().unwrap_or_default(), ModuleType::Js);
        }
        if !args.id.starts_with('/') {
            return Ok(None);
        }
        let (code, kind) = self.read(args.id)?;
        module(code, kind)
    }

    async fn transform(
        &self,
        _: SharedTransformPluginContext,
        args: &HookTransformArgs<'_>,
    ) -> HookTransformReturn {
        if self.legacy_decorators || !decorators::may_have_decorators(args.code) {
            return Ok(None);
        }
        let source_type = match args.module_type {
            ModuleType::Ts => SourceType::ts(),
            ModuleType::Tsx => SourceType::tsx(),
            ModuleType::Js | ModuleType::Jsx => SourceType::jsx().with_module(true),
            _ => return Ok(None),
        };
        match decorators::lower(args.code, source_type, decorators::RUNTIME_SPECIFIER) {
            Ok(None) => Ok(None),
            Ok(Some((code, moved))) => Ok(Some(HookTransformOutput {
                map: moved_map(args.id, args.code, &moved).into(),
                code: Some(code),
                ..Default::default()
            })),
            Err(mistake) => {
                let diagnostic = Diagnostic::error(mistake.message)
                    .at(Path::new(args.id), args.code, mistake.offset as usize)
                    .hint(mistake.hint);
                self.found().diagnostics.push(diagnostic);
                Err(anyhow::anyhow!("a decorator cannot be lowered"))
            }
        }
    }

    fn register_hook_usage(&self) -> HookUsage {
        HookUsage::ResolveId | HookUsage::Load | HookUsage::Transform
    }
}
