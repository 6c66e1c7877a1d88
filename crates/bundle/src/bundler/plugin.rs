//! How imports resolve where Workers differ from a browser, and the source passes before bundling.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use oxc::span::SourceType;
use oxc_sourcemap::{SourceMap, Token};
use protocol::ModuleKind;
use rolldown_common::{ImportKind, ModuleType};
use rolldown_plugin::{
    HookLoadArgs, HookLoadOutput, HookLoadReturn, HookResolveIdArgs, HookResolveIdOutput,
    HookResolveIdReturn, HookTransformArgs, HookTransformOutput, HookTransformReturn, HookUsage,
    Plugin, PluginContext, PluginContextResolveOptions, SharedLoadPluginContext,
    SharedTransformPluginContext,
};

use super::skills::{self, Skills};
use super::tsconfig::TsConfigs;
use super::vite;
use crate::config::Project;
use crate::decorators;
use crate::edits::Moved;
use crate::error::Diagnostic;
use crate::rules;
use crate::source_map;
use crate::specifier::{self, Builtin};

/// `require()` of something outside the bundle: a module that imports it and hands it over.
const REQUIRE_PREFIX: &str = "\0atoll:require:";

/// What lowered decorators run on.
pub(crate) const RUNTIME_ID: &str = "\0atoll:decorators";

/// An import of what stays outside the bundle under the name `id`.
pub(crate) fn outside(id: &str, kind: ImportKind) -> HookResolveIdOutput {
    if kind == ImportKind::Require {
        return HookResolveIdOutput::from_id(format!("{REQUIRE_PREFIX}{id}"));
    }
    HookResolveIdOutput {
        id: id.into(),
        external: Some(true.into()),
        normalize_external_id: Some(false),
        ..Default::default()
    }
}

/// The code of a module that stands for a `require()` of something outside; `None` for any other module.
pub(crate) fn required_from_outside(module: &str) -> Option<String> {
    let id = module.strip_prefix(REQUIRE_PREFIX)?;
    Some(format!(
        "import * as namespace from {id:?};\n\
         const value = namespace.default ?? namespace;\n\
         export {{ value as \"module.exports\" }};\n"
    ))
}

/// What one build found while it ran.
#[derive(Clone, Debug, Default)]
pub(super) struct Found {
    /// Files that imports of non-code lead to: the module's name, the file and its kind.
    pub(super) modules: BTreeMap<String, (PathBuf, ModuleKind)>,
    /// Files that were read.
    pub(super) files: BTreeSet<PathBuf>,
    /// Mistakes that a pass found in the user's source.
    pub(super) diagnostics: Vec<Diagnostic>,
    /// What is odd about folders of skills.
    pub(super) warnings: Vec<Diagnostic>,
}

#[derive(Debug)]
pub(super) struct WorkerPlugin {
    project: Arc<Project>,
    /// Files that are modules of their own because `find_additional_modules` says so.
    additional: BTreeMap<PathBuf, (String, ModuleKind)>,
    tsconfigs: TsConfigs,
    found: Arc<Mutex<Found>>,
}

impl WorkerPlugin {
    pub(super) fn new(
        project: Arc<Project>,
        additional: BTreeMap<PathBuf, (String, ModuleKind)>,
        found: Arc<Mutex<Found>>,
    ) -> Self {
        let tsconfigs = TsConfigs::new(project.tsconfig.as_deref());
        Self {
            project,
            additional,
            tsconfigs,
            found,
        }
    }

    fn found(&self) -> std::sync::MutexGuard<'_, Found> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn builtin(
        &self,
        context: &PluginContext,
        args: &HookResolveIdArgs<'_>,
    ) -> anyhow::Result<Option<HookResolveIdOutput>> {
        match specifier::builtin(args.specifier) {
            None => Ok(None),
            Some(Builtin::Named) => Ok(Some(outside(args.specifier, args.kind))),
            Some(Builtin::Bare(id)) => {
                let has_node = self
                    .project
                    .compatibility_flags
                    .iter()
                    .any(|flag| flag.starts_with("nodejs_compat"));
                // Without Node's API a package of the same name is what the import means.
                if !has_node && resolve(context, args, args.specifier).await?.is_some() {
                    return Ok(None);
                }
                Ok(Some(outside(&id, args.kind)))
            }
        }
    }

    /// An import of a file that becomes a module of its own, by the rules.
    async fn separate(
        &self,
        context: &PluginContext,
        args: &HookResolveIdArgs<'_>,
    ) -> anyhow::Result<Option<HookResolveIdOutput>> {
        let (plain, query) = match args.specifier.split_once('?') {
            Some((plain, query)) => (plain, Some(query)),
            None => (args.specifier, None),
        };
        if !self.additional.is_empty()
            && let Some(path) = resolve(context, args, plain).await?
            && let Some((name, _)) = self.additional.get(&path)
        {
            return Ok(Some(outside(&format!("./{name}"), args.kind)));
        }
        if query == Some("raw")
            && let Some(path) = resolve(context, args, plain).await?
        {
            let name = format!("{}?raw", self.module_name(&path));
            let kind = rules::kind_of(&self.project.rules, &name).unwrap_or(ModuleKind::Text);
            let mut found = self.found();
            found.files.insert(path.clone());
            found.modules.insert(name.clone(), (path, kind));
            return Ok(Some(outside(&format!("./{name}"), args.kind)));
        }
        let kind = rules::kind_of(&self.project.rules, args.specifier.trim_start_matches("./"))
            .or_else(|| rules::kind_of(&self.project.rules, plain.trim_start_matches("./")));
        // Rules name files by their place in the project, so a pattern such as `src/**/*.md` needs
        // the resolved path; only files that bundling cannot read are worth resolving for that.
        let resolved = match kind {
            Some(_) => resolve(context, args, plain).await?,
            None if is_code(plain) => return Ok(None),
            None => resolve(context, args, plain).await?,
        };
        let Some(path) = resolved else {
            return Ok(None);
        };
        let name = self.module_name(&path);
        let with_query = |query: &str| format!("{name}?{query}");
        let kind = query
            .and_then(|query| rules::kind_of(&self.project.rules, &with_query(query)))
            .or_else(|| rules::kind_of(&self.project.rules, &name))
            .or(kind);
        let Some(
            kind @ (ModuleKind::Text | ModuleKind::Data | ModuleKind::Json | ModuleKind::Wasm),
        ) = kind
        else {
            return match is_code(&name) {
                true => Ok(None),
                false => Err(self.refuse(&name, args.importer)),
            };
        };
        let mut found = self.found();
        found.files.insert(path.clone());
        found.modules.insert(name.clone(), (path, kind));
        Ok(Some(outside(&format!("./{name}"), args.kind)))
    }

    /// An import of something that would be read as code and is none.
    fn refuse(&self, name: &str, importer: Option<&str>) -> anyhow::Error {
        let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
        let rule = format!(
            "{{ \"type\": \"Text\", \"globs\": [\"**/*.{extension}\"], \"fallthrough\": true }}"
        );
        let message = format!("no rule says what {name} is when it is imported");
        let mut diagnostic =
            Diagnostic::error(message).hint(format!("add {rule} (or \"Data\") to `rules`"));
        diagnostic.path = importer.map(PathBuf::from);
        self.found().diagnostics.push(diagnostic);
        anyhow::anyhow!("a file without a rule is imported")
    }

    /// An import of a folder of skills.
    fn skills(&self, folder: &Path, importer: Option<&str>) -> HookResolveIdReturn {
        let mut diagnostic = if let Some(version) = importer.and_then(skills::without_them) {
            let message = format!("`agents` {version} has no \"agents:skills\" any more");
            Diagnostic::error(message).hint(
                "getSkills() returns `skills.manifest()`, `skills.workspace()` or `skills.r2()` instead",
            )
        } else if folder.is_dir() {
            let id = skills::module_id(folder);
            return Ok(Some(HookResolveIdOutput::from_id(id)));
        } else {
            let message = format!("there is no folder of skills: {}", folder.display());
            Diagnostic::error(message).hint(
                "\"agents:skills\" means the folder `skills` beside the file that imports it, \"agents:skills/NAME\" the folder `NAME`",
            )
        };
        diagnostic.path = importer.map(PathBuf::from);
        self.found().diagnostics.push(diagnostic);
        Err(anyhow::anyhow!("skills cannot be imported"))
    }

    /// The file's path below the project; one that lies elsewhere is named by its path's hash.
    fn module_name(&self, path: &Path) -> String {
        rules::relative_name(&self.project.root, path).unwrap_or_else(|| {
            let hash = path
                .to_string_lossy()
                .bytes()
                .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
                    (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)
                });
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            format!("outside/{hash:016x}-{name}")
        })
    }
}

/// Files that the bundler reads itself whatever the rules say, told by their names.
fn is_code(specifier: &str) -> bool {
    match specifier
        .rsplit('/')
        .next()
        .and_then(|name| name.rsplit_once('.'))
    {
        None => true,
        Some((_, extension)) => {
            ["js", "mjs", "cjs", "jsx", "ts", "mts", "cts", "tsx", "json"].contains(&extension)
        }
    }
}

async fn resolve(
    context: &PluginContext,
    args: &HookResolveIdArgs<'_>,
    specifier: &str,
) -> anyhow::Result<Option<PathBuf>> {
    let options = PluginContextResolveOptions {
        import_kind: args.kind,
        is_entry: args.is_entry,
        skip_self: true,
        custom: Arc::clone(&args.custom),
    };
    let resolved = context
        .resolve(specifier, args.importer, Some(options))
        .await?;
    Ok(resolved
        .ok()
        .filter(|id| !id.external.is_external())
        .map(|id| PathBuf::from(id.id.as_str())))
}

impl Plugin for WorkerPlugin {
    fn name(&self) -> Cow<'static, str> {
        Cow::Borrowed("atoll")
    }

    async fn resolve_id(
        &self,
        context: &PluginContext,
        args: &HookResolveIdArgs<'_>,
    ) -> HookResolveIdReturn {
        if args.is_entry || args.specifier.starts_with('\0') {
            return Ok(None);
        }
        if args.specifier == decorators::RUNTIME_SPECIFIER {
            return Ok(Some(HookResolveIdOutput::from_id(RUNTIME_ID)));
        }
        if let Some(target) = self.project.alias.get(args.specifier) {
            if let Some(Builtin::Bare(id)) = specifier::builtin(target) {
                return Ok(Some(outside(&id, args.kind)));
            }
            if specifier::builtin(target).is_some() {
                return Ok(Some(outside(target, args.kind)));
            }
            // An alias is written in the configuration, so it starts from the project's folder.
            let from_root = self.project.root.join("package.json");
            let options = PluginContextResolveOptions {
                import_kind: args.kind,
                ..Default::default()
            };
            let resolved = context
                .resolve(target, from_root.to_str(), Some(options))
                .await?;
            return Ok(resolved.ok().map(HookResolveIdOutput::from_resolved_id));
        }
        if args.specifier == specifier::BUNDLER {
            return Ok(Some(outside(args.specifier, args.kind)));
        }
        if let Some(folder) = skills::folder(args.specifier, args.importer) {
            return self.skills(&folder, args.importer);
        }
        if let Some(output) = self.builtin(context, args).await? {
            return Ok(Some(output));
        }
        self.separate(context, args).await
    }

    async fn load(&self, _: SharedLoadPluginContext, args: &HookLoadArgs<'_>) -> HookLoadReturn {
        if args.id == RUNTIME_ID {
            return Ok(Some(HookLoadOutput {
                code: decorators::RUNTIME_SOURCE.into(),
                module_type: Some(ModuleType::Js),
                ..Default::default()
            }));
        }
        if let Some(folder) = skills::folder_of(args.id) {
            let skills = Skills::read(&folder).await?;
            let mut found = self.found();
            found.files.extend(skills.files);
            found.warnings.extend(skills.warnings);
            return Ok(Some(HookLoadOutput {
                code: skills.code.into(),
                module_type: Some(ModuleType::Js),
                ..Default::default()
            }));
        }
        let Some(code) = required_from_outside(args.id) else {
            if Path::new(args.id).is_absolute() {
                let path = args.id.split('?').next().unwrap_or(args.id);
                self.found().files.insert(PathBuf::from(path));
            }
            return Ok(None);
        };
        Ok(Some(HookLoadOutput {
            code: code.into(),
            module_type: Some(ModuleType::Js),
            ..Default::default()
        }))
    }

    async fn transform(
        &self,
        _: SharedTransformPluginContext,
        args: &HookTransformArgs<'_>,
    ) -> HookTransformReturn {
        let path = Path::new(args.id.split('?').next().unwrap_or(args.id));
        let source_type = match args.module_type {
            ModuleType::Ts => SourceType::ts(),
            ModuleType::Tsx => SourceType::tsx(),
            ModuleType::Js | ModuleType::Jsx => SourceType::jsx().with_module(true),
            _ => return Ok(None),
        };
        let whole = match self.project.main.as_deref() == Some(path) {
            true => vite::entry(&self.project.root, args.code, source_type),
            false => None,
        };
        let code: &str = whole.as_deref().unwrap_or(args.code);
        let unlowered = || {
            whole.clone().map(|code| HookTransformOutput {
                code: Some(code),
                ..Default::default()
            })
        };
        if !decorators::may_have_decorators(code) || self.tsconfigs.has_legacy_decorators(path) {
            return Ok(unlowered());
        }
        match decorators::lower(code, source_type, decorators::RUNTIME_SPECIFIER) {
            Ok(None) => Ok(unlowered()),
            Ok(Some((lowered, moved))) => Ok(Some(HookTransformOutput {
                map: moved_map(args.id, code, &moved).into(),
                code: Some(lowered),
                ..Default::default()
            })),
            Err(mistake) => {
                let diagnostic = Diagnostic::error(mistake.message)
                    .at(path, code, mistake.offset as usize)
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

/// The way back through the changes of a pass.
pub(crate) fn moved_map(path: &str, source: &str, moved: &Moved) -> SourceMap<'static> {
    let mut cursor = moved.cursor();
    let tokens: Vec<Token> = source_map::identity(source)
        .into_iter()
        .map(|mapping| {
            let column = cursor.column(mapping.line, mapping.column);
            let (line, from) = (mapping.source_line, mapping.source_column);
            Token::new(mapping.line, column, line, from, Some(0), None)
        })
        .collect();
    SourceMap::new(
        None,
        Vec::new(),
        None,
        vec![Cow::Owned(path.to_owned())],
        vec![Some(Cow::Owned(source.to_owned()))],
        tokens.into_boxed_slice(),
        None,
    )
}
