//! Building a project, again and again.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use protocol::{Module, ModuleKind, Program};
use rolldown::{Bundler, BundlerOptions};
use rolldown_common::bundler_options as rolldown_options;
use rolldown_common::{ModuleType, Output, OutputChunk};

use super::diagnostics;
use super::plugin::{Found, WorkerPlugin};
use super::tsconfig::TsConfigs;
use super::verbatim;
use crate::config::Project;
use crate::error::{Diagnostic, Error, Severity};
use crate::exports;
use crate::rules;
use crate::source_map::{Mapping, ModuleMap, NO_NAME, SourceMap};

/// The name of the entry module in every bundled program.
const ENTRY_MODULE: &str = "index.js";
/// Where the bundler believes it writes to. Nothing is written.
const OUTPUT_FOLDER: &str = "dist";

/// What `process.env.NODE_ENV` is unless the environment or `define` says otherwise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// `atoll dev`.
    #[default]
    Development,
    /// `atoll serve`.
    Production,
}

/// A program, and what belongs to it on the host's side.
#[derive(Clone, Debug)]
pub struct Built {
    /// The module graph; `env` is empty, for bindings are the host's to make.
    pub program: Program,
    /// The way back to the user's files.
    pub source_map: SourceMap,
    /// The name of the entry module, as `program.main`.
    pub entry: String,
    /// Everything whose change asks for a new build: the configuration, the source files outside
    /// packages, `tsconfig.json` files. Absolute and sorted.
    pub watched: Vec<PathBuf>,
    /// Diagnostics of severity `Warning`.
    pub warnings: Vec<Diagnostic>,
    /// How long it took.
    pub timing: Timing,
}

/// Where a build's time went.
#[derive(Clone, Copy, Debug, Default)]
pub struct Timing {
    /// All of it.
    pub total: Duration,
    /// Reading, transforming and linking.
    pub bundle: Duration,
    /// The passes over the finished modules.
    pub passes: Duration,
}

/// Builds one project whenever it is asked to.
#[derive(Debug)]
pub struct Builder {
    project: Arc<Project>,
    mode: Mode,
    watched: Vec<PathBuf>,
}

impl Builder {
    /// A builder for `project`. It has to be made anew when the configuration changes.
    pub fn new(project: Project, mode: Mode) -> Self {
        Self {
            watched: project.watched.clone(),
            project: Arc::new(project),
            mode,
        }
    }

    /// The project.
    pub fn project(&self) -> &Project {
        &self.project
    }

    /// What to watch after the last build, also when it failed; see [`Built::watched`].
    pub fn watched(&self) -> &[PathBuf] {
        &self.watched
    }

    /// Builds the project as it is on disk now. Needs a tokio runtime.
    ///
    /// # Errors
    /// The mistakes in the user's files that make a program impossible.
    pub async fn build(&mut self) -> Result<Built, Error> {
        let started = Instant::now();
        let Some(main) = self.project.main.clone() else {
            return Err(Error::one(
                Diagnostic::error("the project has no code: its configuration names no `main`")
                    .path(&self.project.config_path),
            ));
        };
        let additional: BTreeMap<PathBuf, (String, ModuleKind)> =
            match self.project.find_additional_modules {
                true => verbatim::additional_modules(&self.project),
                false => BTreeMap::new(),
            };
        let found = Arc::new(Mutex::new(Found::default()));
        let result = if self.project.no_bundle {
            verbatim::build(&self.project, &main, &additional, &found)
        } else {
            self.bundle(&main, &additional, &found).await
        };
        let found = std::mem::take(&mut *found.lock().unwrap_or_else(PoisonError::into_inner));
        self.remember_watched(&main, &found, &additional);
        let mut built = result?;
        built.watched.clone_from(&self.watched);
        built.timing.total = started.elapsed();
        Ok(built)
    }

    fn remember_watched(
        &mut self,
        main: &Path,
        found: &Found,
        additional: &BTreeMap<PathBuf, (String, ModuleKind)>,
    ) {
        let in_package = |path: &&PathBuf| {
            let mut parts = path.components();
            !parts.any(|part| part.as_os_str() == "node_modules")
        };
        let tsconfigs = TsConfigs::new(self.project.tsconfig.as_deref());
        let mut watched = self.project.watched.clone();
        watched.push(main.to_path_buf());
        watched.extend(found.files.iter().filter(in_package).cloned());
        watched.extend(additional.keys().cloned());
        let configs: Vec<PathBuf> = watched
            .iter()
            .filter_map(|file| Some(tsconfigs.of(file)?.path.clone()))
            .collect();
        watched.extend(configs);
        watched.push(self.project.root.join("package.json"));
        // A build that failed may be mended by a file that did not exist.
        if found.files.is_empty() {
            watched.extend(self.watched.iter().cloned());
        }
        watched.sort();
        watched.dedup();
        self.watched = watched;
    }

    async fn bundle(
        &self,
        main: &Path,
        additional: &BTreeMap<PathBuf, (String, ModuleKind)>,
        found: &Arc<Mutex<Found>>,
    ) -> Result<Built, Error> {
        let started = Instant::now();
        let root = &self.project.root;
        let plugin = WorkerPlugin::new(
            Arc::clone(&self.project),
            additional.clone(),
            Arc::clone(found),
        );
        let failed = |errors: Vec<rolldown_error::BuildDiagnostic>| self.failure(&errors, found);
        let mut bundler = Bundler::with_plugins(self.options(main), vec![Arc::new(plugin)])
            .map_err(|errors| failed(errors.into_vec()))?;
        let output = bundler.generate().await;
        // Nothing is left to close but the plugins, and ours holds nothing open.
        let _ = bundler.close().await;
        let output = output.map_err(|errors| failed(errors.into_vec()))?;
        let (errors, mut warnings): (Vec<Diagnostic>, Vec<Diagnostic>) = output
            .warnings
            .iter()
            .filter_map(|warning| diagnostics::convert(warning, root))
            .partition(|diagnostic| diagnostic.severity == Severity::Error);
        if !errors.is_empty() {
            return Err(Error {
                diagnostics: errors,
            });
        }
        warnings.extend(TsConfigs::new(self.project.tsconfig.as_deref()).left_aside(main));
        let bundled = started.elapsed();

        let mut program = self.program();
        let mut maps = HashMap::new();
        for asset in output.assets {
            match asset {
                Output::Chunk(chunk) => {
                    let (module, map) = finish_chunk(&chunk, root);
                    maps.insert(module.name.clone(), map);
                    program.modules.push(module);
                }
                Output::Asset(asset) if asset.filename.ends_with(".map") => {}
                Output::Asset(asset) => warnings.push(Diagnostic::warning(format!(
                    "{} is not part of the program",
                    asset.filename
                ))),
            }
        }
        let mut separate = {
            let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
            warnings.append(&mut found.warnings);
            found.modules.clone()
        };
        for (path, (name, kind)) in additional {
            separate.insert(name.clone(), (path.clone(), *kind));
        }
        verbatim::add_modules(&self.project, &separate, &mut program, &mut maps)?;
        let total = started.elapsed();
        Ok(Built {
            program,
            source_map: SourceMap::new(maps),
            entry: ENTRY_MODULE.into(),
            watched: Vec::new(),
            warnings,
            timing: Timing {
                total,
                bundle: bundled,
                passes: total - bundled,
            },
        })
    }

    fn program(&self) -> Program {
        Program {
            name: self.project.name.clone(),
            main: ENTRY_MODULE.into(),
            modules: Vec::new(),
            compatibility_date: self.project.compatibility_date.clone(),
            compatibility_flags: self.project.compatibility_flags.clone(),
            ..Program::default()
        }
    }

    fn failure(&self, errors: &[rolldown_error::BuildDiagnostic], found: &Mutex<Found>) -> Error {
        let found = found.lock().unwrap_or_else(PoisonError::into_inner);
        // A pass that found a mistake stops the bundler, whose own message then says less.
        if !found.diagnostics.is_empty() {
            return Error {
                diagnostics: found.diagnostics.clone(),
            };
        }
        let root = &self.project.root;
        let mut diagnostics: Vec<Diagnostic> = errors
            .iter()
            .filter_map(|error| diagnostics::convert(error, root))
            .collect();
        if diagnostics.is_empty() {
            diagnostics.push(Diagnostic::error("the build failed without saying why"));
        }
        Error { diagnostics }
    }

    fn options(&self, main: &Path) -> BundlerOptions {
        let project = &self.project;
        let strings = |items: &[&str]| items.iter().map(|item| (*item).to_owned()).collect();
        let mut define = default_define(self.mode);
        define.extend(project.define.clone());
        // wrangler reads JSX in plain JavaScript too.
        let module_types = ["js", "mjs", "cjs"].map(|extension| (extension, ModuleType::Jsx));
        BundlerOptions {
            input: Some(vec![rolldown_options::InputItem {
                name: Some("index".into()),
                import: main.to_string_lossy().into_owned(),
            }]),
            cwd: Some(project.root.clone()),
            platform: Some(rolldown_options::Platform::Browser),
            format: Some(rolldown_options::OutputFormat::Esm),
            entry_filenames: Some("[name].js".to_owned().into()),
            chunk_filenames: Some("chunk-[name]-[hash].js".to_owned().into()),
            sourcemap: Some(rolldown_options::SourceMapType::Hidden),
            preserve_entry_signatures: Some(rolldown_options::PreserveEntrySignatures::Strict),
            keep_names: Some(project.keep_names),
            minify: minify(project.minify, self.mode),
            define: Some(define.into_iter().collect()),
            dir: Some(OUTPUT_FOLDER.into()),
            module_types: Some(
                module_types
                    .into_iter()
                    .map(|(extension, kind)| (extension.to_owned(), kind))
                    .collect(),
            ),
            resolve: Some(rolldown_options::ResolveOptions {
                condition_names: Some(strings(&["workerd", "worker", "browser"])),
                main_fields: Some(strings(&["browser", "module", "main"])),
                ..Default::default()
            }),
            transform: Some(rolldown_options::BundlerTransformOptions {
                jsx: self.jsx(main).map(rolldown_options::Either::Right),
                ..Default::default()
            }),
            tsconfig: Some(TsConfigs::new(project.tsconfig.as_deref()).for_rolldown(main)),
            ..Default::default()
        }
    }

    /// Only what `tsconfig.json` does not say better.
    fn jsx(&self, main: &Path) -> Option<rolldown_options::JsxOptions> {
        let project = &self.project;
        if project.jsx_factory.is_some() || project.jsx_fragment.is_some() {
            return Some(rolldown_options::JsxOptions {
                runtime: Some("classic".into()),
                pragma: project.jsx_factory.clone(),
                pragma_frag: project.jsx_fragment.clone(),
                ..Default::default()
            });
        }
        // `preserve` is meant for another tool; here nothing comes after.
        let tsconfig = TsConfigs::new(project.tsconfig.as_deref()).of(main)?;
        let preserved = tsconfig.compiler_options.jsx.as_deref() == Some("preserve");
        preserved.then(|| rolldown_options::JsxOptions {
            runtime: Some("automatic".into()),
            ..Default::default()
        })
    }
}

/// Without being told so, the bundler goes through the whole bundle once more to take out what is dead. Each module has been
/// gone through already, and who edits a file waits for it.
pub(super) fn minify(minified: bool, mode: Mode) -> Option<rolldown_options::RawMinifyOptions> {
    match (minified, mode) {
        (true, _) => Some(true.into()),
        (false, Mode::Development) => Some(false.into()),
        (false, Mode::Production) => None,
    }
}

/// What every worker's source may count on being replaced.
pub(super) fn default_define(mode: Mode) -> BTreeMap<String, String> {
    let mode = std::env::var("NODE_ENV").unwrap_or_else(|_| match mode {
        Mode::Development => "development".into(),
        Mode::Production => "production".into(),
    });
    let define = [
        ("process.env.NODE_ENV", format!("{mode:?}")),
        ("navigator.userAgent", "\"Cloudflare-Workers\"".into()),
    ];
    define
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

/// A chunk as a module of the program, with the way back to its sources.
fn finish_chunk(chunk: &OutputChunk, root: &Path) -> (Module, ModuleMap) {
    let name = chunk.filename.to_string();
    let mut map = ModuleMap::default();
    if let Some(source_map) = &chunk.map {
        let contents = source_map.get_source_contents();
        map.sources = source_map
            .get_sources()
            .zip(contents)
            .map(|(source, content)| (source_path(source, root), content.map(Arc::from)))
            .collect();
        map.names = source_map.get_names().map(str::to_owned).collect();
        map.mappings = source_map
            .get_tokens()
            .filter_map(|token| {
                Some(Mapping {
                    line: token.get_dst_line(),
                    column: token.get_dst_col(),
                    source: token.get_source_id()?,
                    source_line: token.get_src_line(),
                    source_column: token.get_src_col(),
                    name: token.get_name_id().unwrap_or(NO_NAME),
                })
            })
            .collect();
    }
    let mut code = super::passes::finish(&chunk.code, true, &mut map);
    if let Some(declarations) = exports::missing_declarations(&code) {
        code.push_str(&declarations);
    }
    let content = code.into_bytes();
    (
        Module {
            name,
            kind: ModuleKind::EsModule,
            content,
        },
        map,
    )
}

/// A source's path relative to the project; the bundler names it relative to its `dist` folder.
fn source_path(source: &str, root: &Path) -> String {
    let path = root.join(OUTPUT_FOLDER).join(source);
    let mut parts: Vec<std::path::Component<'_>> = Vec::new();
    for part in path.components() {
        match part {
            std::path::Component::ParentDir => drop(parts.pop()),
            std::path::Component::CurDir => {}
            part => parts.push(part),
        }
    }
    let path: PathBuf = parts.into_iter().collect();
    rules::relative_name(root, &path).unwrap_or_else(|| path.to_string_lossy().into_owned())
}
