//! Building a project, again and again.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use protocol::{Module, ModuleKind, Program};
use rolldown::{BundleOutput, Bundler, BundlerOptions};
use rolldown_common::bundler_options as rolldown_options;
use rolldown_common::{ModuleType, Output, OutputChunk};

use super::diagnostics;
use super::kept::Kept;
use super::parts::Texts;
use super::plugin::{Found, WorkerPlugin};
use super::tsconfig::TsConfigs;
use super::verbatim;
use crate::config::Project;
use crate::error::{Diagnostic, Error, Severity};
use crate::exports;
use crate::rules;
use crate::source_map::{Mapping, ModuleMap, NO_NAME, SourceMap};
use crate::specifier;

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
    /// Modules that have nothing but code of packages, in an order in which they can be read. Only known where a project is
    /// built again and again: the first build is not cut.
    pub packages: Vec<String>,
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
    /// Whether only what changed was read and transformed.
    pub is_partial: bool,
}

/// Builds one project whenever it is asked to.
#[derive(Debug)]
pub struct Builder {
    project: Arc<Project>,
    mode: Mode,
    watched: Vec<PathBuf>,
    /// In development, what the next build may begin with.
    last: Option<Last>,
    texts: Texts,
    /// How many builds there were that gave something.
    builds: u32,
}

/// Starts the threads of whatever is computed in parallel, which would start with the first of it, and end the program where
/// they cannot.
fn start_threads() -> Result<(), Error> {
    static STARTED: OnceLock<Result<(), String>> = OnceLock::new();
    let started = STARTED.get_or_init(|| {
        let pool = rayon::ThreadPoolBuilder::new().build_global();
        // One that is there already does as well.
        let source = pool.as_ref().err().and_then(std::error::Error::source);
        match source {
            Some(cause) => Err(cause.to_string()),
            None => Ok(()),
        }
    });
    let Err(cause) = started else { return Ok(()) };
    let error = Diagnostic::error(format!("cannot start the threads that build: {cause}"));
    Err(Error::one(error.hint("allow this user more processes or memory: `ulimit -u` and `ulimit -v` say how much, TasksMax= and MemoryMax= of a service, the limits of a container")))
}

/// What a build leaves to the next one.
#[derive(Debug)]
struct Last {
    kept: Kept,
    found: Arc<Mutex<Found>>,
    additional: Additional,
}

/// Files that are modules of their own: their names in the program and their kinds.
type Additional = BTreeMap<PathBuf, (String, ModuleKind)>;

impl Builder {
    /// A builder for `project`. It has to be made anew when the configuration changes.
    pub fn new(project: Project, mode: Mode) -> Self {
        Self {
            watched: project.watched.clone(),
            project: Arc::new(project),
            mode,
            last: None,
            texts: Texts::default(),
            builds: 0,
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
        start_threads()?;
        let Some(main) = self.project.main.clone() else {
            return Err(Error::one(
                Diagnostic::error("the project has no code: its configuration names no `main`")
                    .path(&self.project.config_path),
            ));
        };
        let additional = match self.project.find_additional_modules {
            true => verbatim::additional_modules(&self.project),
            false => Additional::new(),
        };
        let mut found = Arc::new(Mutex::new(Found::default()));
        let result = if self.project.no_bundle {
            verbatim::build(&self.project, &main, &additional, &found)
        } else {
            self.bundle(&main, &additional, &mut found).await
        };
        let found = found.lock().unwrap_or_else(PoisonError::into_inner).clone();
        self.remember_watched(&main, &found, &additional);
        let mut built = result?;
        built.watched.clone_from(&self.watched);
        built.timing.total = started.elapsed();
        Ok(built)
    }

    fn remember_watched(&mut self, main: &Path, found: &Found, additional: &Additional) {
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
        &mut self,
        main: &Path,
        additional: &Additional,
        found: &mut Arc<Mutex<Found>>,
    ) -> Result<Built, Error> {
        let started = Instant::now();
        let again = self.bundle_again(additional, found).await;
        let is_partial = again.is_some();
        let output = match again {
            Some(output) => output,
            None => self.bundle_afresh(main, additional, found).await?,
        };
        let root = &self.project.root;
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
        let is_cut = self.mode == Mode::Development && self.builds > 0;
        let mut packages = readable_chunks(&output.assets, is_cut);
        for asset in output.assets {
            match asset {
                Output::Chunk(chunk) => {
                    let mut map = module_map(&chunk, root);
                    let is_readable = |source: &str| is_readable(source, &packages);
                    let cut = (is_cut && chunk.is_entry)
                        .then(|| {
                            self.texts
                                .cut(&chunk.filename, &chunk.code, &map, is_readable)
                        })
                        .flatten();
                    if let Some(cut) = cut {
                        packages.extend(cut.packages);
                        for (module, map) in cut.modules {
                            maps.insert(module.name.clone(), map);
                            program.modules.push(module);
                        }
                        continue;
                    }
                    let module = finish_chunk(&chunk, &mut map, &mut self.texts);
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
        self.texts.end_build();
        self.builds = self.builds.saturating_add(1);
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
            packages,
            watched: Vec::new(),
            warnings,
            timing: Timing {
                total,
                bundle: bundled,
                passes: total - bundled,
                is_partial,
            },
        })
    }

    /// With what the last build left, if that can be.
    async fn bundle_again(
        &mut self,
        additional: &Additional,
        found: &mut Arc<Mutex<Found>>,
    ) -> Option<BundleOutput> {
        let last = self.last.take()?;
        if last.additional != *additional {
            return None;
        }
        let (output, kept) = last.kept.again().await?;
        *found = Arc::clone(&last.found);
        self.last = Some(Last { kept, ..last });
        Some(output)
    }

    async fn bundle_afresh(
        &mut self,
        main: &Path,
        additional: &Additional,
        found: &Arc<Mutex<Found>>,
    ) -> Result<BundleOutput, Error> {
        let plugin = WorkerPlugin::new(
            Arc::clone(&self.project),
            additional.clone(),
            Arc::clone(found),
        );
        let failed = |errors: Vec<rolldown_error::BuildDiagnostic>| self.failure(&errors, found);
        let mut bundler = Bundler::with_plugins(self.options(main), vec![Arc::new(plugin)])
            .map_err(|errors| failed(errors.into_vec()))?;
        if self.mode == Mode::Development {
            let begun = Kept::begin(bundler, &self.project.root).await;
            let (output, kept) = begun.map_err(|errors| failed(errors.into_vec()))?;
            self.last = Some(Last {
                kept,
                found: Arc::clone(found),
                additional: additional.clone(),
            });
            return Ok(output);
        }
        let output = bundler.generate().await;
        // Nothing is left to close but the plugins, and ours holds nothing open.
        let _ = bundler.close().await;
        output.map_err(|errors| failed(errors.into_vec()))
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
            experimental: Some(incremental(self.mode)),
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

/// Who edits a file has the bundler keep what it knows of all others.
pub(super) fn incremental(mode: Mode) -> rolldown_options::ExperimentalOptions {
    rolldown_options::ExperimentalOptions {
        incremental_build: Some(mode == Mode::Development),
        ..Default::default()
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

/// The way from a chunk back to its sources, as the bundler left it.
fn module_map(chunk: &OutputChunk, root: &Path) -> ModuleMap {
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
    map
}

/// A chunk as a module of the program; `map` follows.
fn finish_chunk(chunk: &OutputChunk, map: &mut ModuleMap, texts: &mut Texts) -> Module {
    let mut code = texts.finish(&chunk.code, map);
    if let Some(declarations) = exports::missing_declarations(&code) {
        code.push_str(&declarations);
    }
    Module {
        name: chunk.filename.to_string(),
        kind: ModuleKind::EsModule,
        content: code.into_bytes(),
    }
}

/// Chunks of packages alone that import nothing but each other and what the runtime has.
fn readable_chunks(assets: &[Output], is_wanted: bool) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let in_package = |id: &str| id.contains("node_modules/") || !id.starts_with('/');
    loop {
        let before = found.len();
        for asset in assets.iter().filter(|_| is_wanted) {
            let Output::Chunk(chunk) = asset else {
                continue;
            };
            let name = chunk.filename.as_str();
            let is_new = !chunk.is_entry && !found.iter().any(|found| found == name);
            let of_packages = || chunk.module_ids.iter().all(|id| in_package(id.as_str()));
            let mut imports = chunk.imports.iter();
            if is_new && of_packages() && imports.all(|source| is_readable(source, &found)) {
                found.push(name.to_owned());
            }
        }
        if found.len() == before {
            return found;
        }
    }
}

/// Whether an import can be followed where there is nothing but the runtime and these modules.
fn is_readable(source: &str, modules: &[String]) -> bool {
    let name = source.strip_prefix("./").unwrap_or(source);
    specifier::builtin(source).is_some() || modules.iter().any(|module| module == name)
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
