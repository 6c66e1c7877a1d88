//! Modules that are taken as they are: files behind rules, and whole projects with `no_bundle`.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use oxc::span::SourceType;
use protocol::{Module, ModuleKind, Program};

use super::builder::{Built, Timing};
use super::passes;
use super::plugin::Found;
use crate::config::{Project, Rule};
use crate::decorators;
use crate::error::{Diagnostic, Error};
use crate::rules;
use crate::source_map::{self, ModuleMap, SourceMap};

/// What lowered decorators run on in a project that is not bundled.
const DECORATORS_MODULE: &str = "__atoll_decorators.js";

/// What files are in a project that is not bundled, after its own rules.
const CODE_RULES: [(ModuleKind, &[&str]); 3] = [
    (ModuleKind::EsModule, &["**/*.js", "**/*.mjs"]),
    (ModuleKind::CommonJs, &["**/*.cjs"]),
    (ModuleKind::Json, &["**/*.json"]),
];

/// The files of `find_additional_modules`, by path: their module names and kinds.
pub(super) fn additional_modules(project: &Project) -> BTreeMap<PathBuf, (String, ModuleKind)> {
    let mut all_rules = project.rules.clone();
    if project.no_bundle {
        all_rules.extend(CODE_RULES.map(|(kind, globs)| Rule {
            kind,
            globs: globs.iter().map(|glob| (*glob).to_owned()).collect(),
        }));
    }
    let main = project.main.as_deref();
    rules::find(&project.base_dir, &all_rules)
        .into_iter()
        .filter(|(path, _, _)| Some(path.as_path()) != main)
        .map(|(path, name, kind)| (path, (name, kind)))
        .collect()
}

/// A project that is not bundled: its entry module and the modules beside it.
pub(super) fn build(
    project: &Project,
    main: &Path,
    additional: &BTreeMap<PathBuf, (String, ModuleKind)>,
    found: &Mutex<Found>,
) -> Result<Built, Error> {
    if let Some(extension) = main.extension().and_then(|extension| extension.to_str())
        && !matches!(extension, "js" | "mjs" | "cjs")
    {
        return Err(Error::one(
            Diagnostic::error(format!("`no_bundle` takes JavaScript, not .{extension}"))
                .path(main)
                .hint("compile it first, or remove `no_bundle`"),
        ));
    }
    let entry = rules::relative_name(&project.base_dir, main).ok_or_else(|| {
        Error::one(
            Diagnostic::error("`main` is not below `base_dir`")
                .path(main)
                .hint(format!("`base_dir` is {}", project.base_dir.display())),
        )
    })?;
    let kind = match main.extension() {
        Some(extension) if extension == "cjs" => ModuleKind::CommonJs,
        _ => ModuleKind::EsModule,
    };
    let mut modules = BTreeMap::from([(entry.clone(), (main.to_path_buf(), kind))]);
    for (path, (name, kind)) in additional {
        modules.insert(name.clone(), (path.clone(), *kind));
    }
    let mut program = Program {
        name: project.name.clone(),
        main: entry.clone(),
        modules: Vec::new(),
        compatibility_date: project.compatibility_date.clone(),
        compatibility_flags: project.compatibility_flags.clone(),
        ..Program::default()
    };
    let mut maps = HashMap::new();
    add_modules(project, &modules, &mut program, &mut maps)?;
    let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
    found
        .files
        .extend(modules.into_values().map(|(path, _)| path));
    Ok(Built {
        program,
        source_map: SourceMap::new(maps),
        entry,
        packages: Vec::new(),
        watched: Vec::new(),
        warnings: Vec::new(),
        timing: Timing::default(),
    })
}

/// Reads files into modules of `program`; code goes through the same passes as bundled code.
pub(super) fn add_modules(
    project: &Project,
    modules: &BTreeMap<String, (PathBuf, ModuleKind)>,
    program: &mut Program,
    maps: &mut HashMap<String, ModuleMap>,
) -> Result<(), Error> {
    let mut needs_runtime = false;
    for (name, (path, kind)) in modules {
        let content = std::fs::read(path).map_err(|error| {
            Error::one(Diagnostic::error(format!("cannot read a module: {error}")).path(path))
        })?;
        let content = match kind {
            ModuleKind::EsModule | ModuleKind::CommonJs => {
                let source = String::from_utf8(content).map_err(|_| {
                    Error::one(Diagnostic::error("the module is not UTF-8 text").path(path))
                })?;
                let shown = rules::relative_name(&project.root, path)
                    .unwrap_or_else(|| path.to_string_lossy().into_owned());
                let is_module = *kind == ModuleKind::EsModule;
                let mut map = ModuleMap {
                    mappings: source_map::identity(&source),
                    sources: vec![(shown, Some(Arc::from(source.as_str())))],
                    names: Vec::new(),
                };
                let lowered = if is_module && decorators::may_have_decorators(&source) {
                    lower_decorators(path, name, &source, &mut map)?
                } else {
                    None
                };
                needs_runtime |= lowered.is_some();
                let code = lowered.as_deref().unwrap_or(&source);
                let code = passes::finish(code, is_module, &mut map);
                maps.insert(name.clone(), map);
                code.into_bytes()
            }
            ModuleKind::Text | ModuleKind::Json if std::str::from_utf8(&content).is_err() => {
                return Err(Error::one(
                    Diagnostic::error("the module is not UTF-8 text")
                        .path(path)
                        .hint("import it as Data with a rule"),
                ));
            }
            ModuleKind::Json => {
                if let Err(error) = serde_json::from_slice::<serde_json::Value>(&content) {
                    let source = String::from_utf8_lossy(&content).into_owned();
                    let (line, column) = (error.line() as u32, error.column() as u32);
                    return Err(Error::one(
                        Diagnostic::error(format!("broken JSON: {error}"))
                            .at_line(path, &source, line, column),
                    ));
                }
                content
            }
            ModuleKind::Text | ModuleKind::Data | ModuleKind::Wasm => content,
        };
        program.modules.push(Module {
            name: name.clone(),
            kind: *kind,
            content,
        });
    }
    if needs_runtime {
        program.modules.push(Module {
            name: DECORATORS_MODULE.into(),
            kind: ModuleKind::EsModule,
            content: decorators::RUNTIME_SOURCE.into(),
        });
    }
    Ok(())
}

/// `source` of the module `name` without decorators; `None` when it has none.
fn lower_decorators(
    path: &Path,
    name: &str,
    source: &str,
    map: &mut ModuleMap,
) -> Result<Option<String>, Error> {
    let up = "../".repeat(name.matches('/').count());
    let up = if up.is_empty() { "./" } else { &up };
    let runtime = format!("{up}{DECORATORS_MODULE}");
    match decorators::lower(source, SourceType::mjs(), &runtime) {
        Ok(None) => Ok(None),
        Ok(Some((code, moved))) => {
            passes::follow(map, &moved);
            Ok(Some(code))
        }
        Err(mistake) => Err(Error::one(
            Diagnostic::error(mistake.message)
                .at(path, source, mistake.offset as usize)
                .hint(mistake.hint),
        )),
    }
}
