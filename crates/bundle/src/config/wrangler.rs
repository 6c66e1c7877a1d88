//! From the keys of a wrangler configuration to a [`Project`].

use std::path::{Path, PathBuf};

use protocol::ModuleKind;

use super::document::{Document, Node, Value};
use super::keys::{INHERITED, PER_ENVIRONMENT, TOP_LEVEL, UNSUPPORTED_BINDINGS, WITHOUT_EFFECT};
use super::project::{
    Assets, Dev, HtmlHandling, NotFoundHandling, Project, Rule, RunWorkerFirst, Service, Variable,
    VariableValue,
};
use super::reader::Reader;
use super::{Options, bindings, compatibility, nearest_file, objects, secrets, settings};
use crate::error::{Diagnostic, Error};
use crate::text;

/// What wrangler makes of imports when the project's rules say nothing.
const DEFAULT_RULES: [(ModuleKind, &[&str]); 3] = [
    (ModuleKind::Text, &["**/*.txt", "**/*.html", "**/*.sql"]),
    (ModuleKind::Data, &["**/*.bin"]),
    (ModuleKind::Wasm, &["**/*.wasm", "**/*.wasm?module"]),
];

/// Where Cloudflare's plugin for Vite puts what it builds for browsers.
const BUILT_BY_VITE: &str = "dist/client";

pub(super) fn read(
    path: &Path,
    options: &Options,
    diagnostics: &mut Vec<Diagnostic>,
) -> Result<Option<Project>, Error> {
    let document = match &options.otherwise {
        Some(text) if !path.is_file() => Document::parse(path, text.clone())?,
        _ => Document::read(path)?,
    };
    let root_folder = path.parent().unwrap_or(Path::new("/")).to_path_buf();
    let mut reader = Reader {
        document: &document,
        diagnostics,
    };
    let Some(scope) = Scope::choose(&mut reader, options.environment.as_deref()) else {
        return Ok(None);
    };
    scope.check_keys(&mut reader);

    let name = scope.name(&mut reader, &root_folder);
    let assets = assets(&mut reader, &scope, &root_folder);
    let main = main(&mut reader, &scope, &root_folder, assets.is_some());
    let base_dir = reader
        .string("base_dir", scope.get("base_dir"))
        .map(|folder| root_folder.join(folder))
        .or_else(|| Some(main.as_ref()?.parent()?.to_path_buf()))
        .unwrap_or_else(|| root_folder.clone());
    let compatibility_date = compatibility::date(&mut reader, scope.get("compatibility_date"));
    let compatibility_flags = compatibility::flags(&mut reader, scope.get("compatibility_flags"));
    let services = services(&mut reader, &scope);
    let mut vars = vars(&mut reader, &scope);
    let taken: Vec<&str> = vars
        .iter()
        .map(|variable| variable.name.as_str())
        .chain(services.iter().map(|service| service.binding.as_str()))
        .chain(assets.iter().filter_map(|assets| assets.binding.as_deref()))
        .collect();
    let objects = objects::read(
        &mut reader,
        &name,
        &taken,
        scope.get("durable_objects"),
        scope.get("migrations"),
    );
    let bindings = bindings::read(&mut reader, |key| scope.get(key));
    let no_bundle = reader
        .bool("no_bundle", scope.get("no_bundle"))
        .unwrap_or(false);
    let find_additional_modules = reader
        .bool(
            "find_additional_modules",
            scope.get("find_additional_modules"),
        )
        .unwrap_or(no_bundle);
    let secrets = scope.get("secrets");
    reader.object("secrets", secrets);
    let required = secrets.and_then(|secrets| secrets.get("required"));
    let required_secrets = reader.strings("secrets.required", required);
    let limits = scope.get("limits");
    reader.object("limits", limits);
    let triggers = scope.get("triggers");
    reader.object("triggers", triggers);
    if let Some(command) = scope.get("build").and_then(|build| build.get("command")) {
        reader.warn(
            command.start,
            "`build.command` is not run by atoll".into(),
            Some("run it yourself before `atoll dev`".into()),
        );
    }
    let project = Project {
        name,
        environment: options.environment.clone(),
        config_path: path.to_path_buf(),
        main,
        base_dir,
        compatibility_date,
        compatibility_flags,
        loaders: bindings.loaders,
        ai: bindings.ai,
        browser: bindings.browser,
        tail_consumers: bindings.tail_consumers,
        key_values: bindings.key_values,
        buckets: bindings.buckets,
        workflows: bindings.workflows,
        emails: bindings.emails,
        services,
        objects: objects.bindings,
        object_classes: objects.classes,
        migrations: objects.migrations,
        assets,
        crons: reader.strings("triggers.crons", triggers.and_then(|t| t.get("crons"))),
        rules: rules(&mut reader, &scope),
        no_bundle,
        find_additional_modules,
        define: reader.string_map("define", scope.get("define")),
        alias: reader.string_map("alias", scope.get("alias")),
        minify: reader.bool("minify", scope.get("minify")).unwrap_or(false),
        keep_names: reader
            .bool("keep_names", scope.get("keep_names"))
            .unwrap_or(true),
        tsconfig: reader
            .string("tsconfig", scope.get("tsconfig"))
            .map(|file| root_folder.join(file)),
        jsx_factory: reader.string("jsx_factory", scope.get("jsx_factory")),
        jsx_fragment: reader.string("jsx_fragment", scope.get("jsx_fragment")),
        cpu_limit_ms: reader.whole_number(
            "limits.cpu_ms",
            limits.and_then(|limits| limits.get("cpu_ms")),
            3_600_000,
        ),
        subrequest_limit: reader.whole_number(
            "limits.subrequests",
            limits.and_then(|limits| limits.get("subrequests")),
            u64::from(u32::MAX),
        ),
        dev: dev(&mut reader, &scope),
        unsupported: bindings.unsupported,
        vars: Vec::new(),
        absent_secrets: Vec::new(),
        settings: settings::read(&root_folder, diagnostics)?,
        watched: watched(path, &root_folder, options),
        root: root_folder,
    };
    let secrets = secrets::read(&project.root, options);
    diagnostics.extend(secrets.diagnostics);
    for (name, value) in secrets.values {
        set(&mut vars, name, VariableValue::Secret(value));
    }
    for (name, value) in &options.vars {
        set(&mut vars, name.clone(), VariableValue::Text(value.clone()));
    }
    let is_absent = |name: &String| !vars.iter().any(|variable| variable.name == *name);
    let absent_secrets = required_secrets.into_iter().filter(is_absent).collect();
    bindings::check(&project, &document, &vars, diagnostics);
    Ok(Some(Project {
        vars,
        absent_secrets,
        ..project
    }))
}

fn watched(path: &Path, root: &Path, options: &Options) -> Vec<PathBuf> {
    let mut files = vec![path.to_path_buf(), settings::path_in(root)];
    files.extend(secrets::candidates(root, options));
    files
}

fn set(vars: &mut Vec<Variable>, name: String, value: VariableValue) {
    match vars.iter_mut().find(|variable| variable.name == name) {
        Some(variable) => variable.value = value,
        None => vars.push(Variable { name, value }),
    }
}

/// The top level, and the environment that overrides it.
struct Scope<'a> {
    top: &'a Value,
    environment: Option<(&'a str, &'a Value)>,
}

impl<'a> Scope<'a> {
    fn choose(reader: &mut Reader<'a>, environment: Option<&'a str>) -> Option<Self> {
        let top = &reader.document.root;
        let Some(name) = environment.filter(|name| !name.is_empty()) else {
            return Some(Self {
                top,
                environment: None,
            });
        };
        let environments = reader.object("env", top.get("env"));
        let Some(entry) = environments.iter().find(|entry| entry.key == name) else {
            let names: Vec<&str> = environments
                .iter()
                .map(|entry| entry.key.as_str())
                .collect();
            let hint = match text::nearest(name, names.iter().copied()) {
                Some(near) => format!("did you mean `--env {near}`?"),
                None if names.is_empty() => "the configuration has no `env`".to_owned(),
                None => format!("it has {}", names.join(", ")),
            };
            let at = top.entry("env").map_or(0, |entry| entry.start);
            reader.error(at, format!("there is no environment `{name}`"), Some(hint));
            return None;
        };
        reader.object(&format!("env.{name}"), Some(&entry.value));
        Some(Self {
            top,
            environment: Some((name, &entry.value)),
        })
    }

    fn is_top_level_only(key: &str) -> bool {
        TOP_LEVEL.contains(&key)
    }

    fn get(&self, key: &str) -> Option<&'a Value> {
        match self.environment {
            Some((_, environment)) if !Self::is_top_level_only(key) => environment
                .get(key)
                .or_else(|| self.top.get(key).filter(|_| INHERITED.contains(&key))),
            _ => self.top.get(key),
        }
    }

    fn check_keys(&self, reader: &mut Reader<'_>) {
        let bindings = UNSUPPORTED_BINDINGS.iter().map(|(key, _, _)| *key);
        let per_environment: Vec<&str> = PER_ENVIRONMENT.iter().copied().chain(bindings).collect();
        let in_environment = [INHERITED, &per_environment].concat();
        let known = [&in_environment[..], TOP_LEVEL].concat();
        reader.unknown_keys(self.top, "", &known, false);
        reader.repeated_keys(self.top, "");
        for (key, hint) in WITHOUT_EFFECT {
            let entry = match self.environment {
                Some((_, environment)) => environment.entry(key),
                None => self.top.entry(key),
            };
            let is_empty = |value: &Value| match &value.node {
                Node::Array(items) => items.is_empty(),
                Node::Object(entries) => entries.is_empty(),
                _ => false,
            };
            if let Some(entry) = entry.filter(|entry| !is_empty(&entry.value)) {
                let message = format!("`{key}` has no effect");
                reader.warn(entry.start, message, Some((*hint).to_owned()));
            }
        }
        let Some((name, environment)) = self.environment else {
            return;
        };
        reader.unknown_keys(environment, &format!("env.{name}."), &in_environment, false);
        for key in per_environment {
            let Some(entry) = self.top.entry(key) else {
                continue;
            };
            if environment.get(key).is_none() && !entry.value.entries().is_empty() {
                reader.warn(
                    entry.start,
                    format!("`{key}` is not inherited by environments"),
                    Some(format!(
                        "repeat it in `env.{name}` if the worker needs it there"
                    )),
                );
            }
        }
    }

    fn name(&self, reader: &mut Reader<'_>, root: &Path) -> String {
        let own = self
            .environment
            .and_then(|(_, environment)| environment.get("name"));
        if let Some(name) = reader.string("name", own) {
            return name;
        }
        let top = self.top.get("name");
        let folder = || {
            root.file_name()
                .map(|name| name.to_string_lossy().into_owned())
        };
        let name = reader
            .string("name", top)
            .or_else(folder)
            .unwrap_or_else(|| "worker".into());
        let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_".contains(c);
        if let Some(top) = top.filter(|_| !name.chars().all(is_plain) || name.is_empty()) {
            let message = format!("{name:?} cannot be a worker's name");
            let hint = "use lowercase letters, digits, dashes and underscores";
            reader.error(top.start, message, Some(hint.into()));
        }
        match self.environment {
            Some((environment, _)) => format!("{name}-{environment}"),
            None => name,
        }
    }
}

fn main(
    reader: &mut Reader<'_>,
    scope: &Scope<'_>,
    root: &Path,
    has_assets: bool,
) -> Option<PathBuf> {
    let Some(value) = scope.get("main") else {
        if !has_assets {
            let hint = match misplaced(scope.top, "main") {
                Some(table) => format!("it stands in [{table}]: put it above the first of those"),
                None => {
                    let line = reader.document.setting("main", "src/index.ts");
                    format!("add {line}, or `assets` for a worker without code")
                }
            };
            reader.error(0, "the configuration has no `main`".into(), Some(hint));
        }
        return None;
    };
    let main = reader.string("main", Some(value))?;
    let path = root.join(&main);
    if path.is_file() {
        let extension = path.extension().and_then(|extension| extension.to_str());
        if let Some(extension @ ("html" | "htm" | "css" | "json" | "md")) = extension {
            let message = format!("`main` is no code: {main}");
            let hint = match extension {
                "html" | "htm" | "css" => "files for browsers are served by `assets`",
                _ => "name a file of TypeScript or JavaScript",
            };
            reader.error(value.start, message, Some(hint.to_owned()));
            return None;
        }
        return Some(std::path::absolute(&path).unwrap_or(path));
    }
    let message = if path.is_dir() {
        format!("`main` is a folder: {main}")
    } else {
        format!("`main` names a file that does not exist: {main}")
    };
    let hint = nearest_main(root, &main).map(|near| format!("did you mean {near:?}?"));
    reader.error(value.start, message, hint);
    None
}

/// The table that a key of the top level has got into, as it does in TOML when it stands below the table's name.
fn misplaced<'a>(top: &'a Value, key: &str) -> Option<&'a str> {
    let mut tables = top.entries().iter();
    let table = tables.find(|table| table.value.get(key).is_some_and(Value::is_string))?;
    Some(&table.key)
}

/// A file near a missing `main`: in its folder by name, or where entry modules usually are.
fn nearest_main(root: &Path, main: &str) -> Option<String> {
    let parent = Path::new(main).parent().unwrap_or(Path::new(""));
    let in_folder = |folder: &Path| {
        let file = Path::new(main).file_name()?;
        let near = nearest_file(&root.join(folder).join(file))?;
        let near = folder.join(near);
        root.join(&near)
            .is_file()
            .then(|| near.display().to_string())
    };
    in_folder(parent)
        .or_else(|| in_folder(Path::new("src")))
        .or_else(|| in_folder(Path::new("")))
        .or_else(|| {
            let extensions = ["ts", "tsx", "js", "jsx", "mjs"];
            let stems = ["src/index", "src/worker", "src/main", "index", "worker"];
            let names = stems
                .iter()
                .flat_map(|stem| extensions.iter().map(move |ext| format!("{stem}.{ext}")));
            names.into_iter().find(|name| root.join(name).is_file())
        })
}

fn vars(reader: &mut Reader<'_>, scope: &Scope<'_>) -> Vec<Variable> {
    reader
        .object("vars", scope.get("vars"))
        .iter()
        .map(|entry| Variable {
            name: entry.key.clone(),
            value: match &entry.value.node {
                Node::String(text) => VariableValue::Text(text.clone()),
                _ => VariableValue::Json(entry.value.to_json().to_string()),
            },
        })
        .collect()
}

fn services(reader: &mut Reader<'_>, scope: &Scope<'_>) -> Vec<Service> {
    let items = reader.array("services", scope.get("services"));
    items
        .iter()
        .filter_map(|item| {
            Some(Service {
                binding: reader.required("services", item, "binding")?,
                service: reader.required("services", item, "service")?,
                entrypoint: reader.string("services[].entrypoint", item.get("entrypoint")),
                props: item.get("props").map(|props| props.to_json().to_string()),
            })
        })
        .collect()
}

fn assets(reader: &mut Reader<'_>, scope: &Scope<'_>, root: &Path) -> Option<Assets> {
    let value = scope.get("assets")?;
    if let Node::String(folder) = &value.node {
        let hint = format!("write {{ \"directory\": {folder:?} }}");
        let message = "`assets` must be an object, not a string".to_owned();
        reader.error(value.start, message, Some(hint));
        return None;
    }
    if !matches!(value.node, Node::Object(_)) {
        // Says what it should be.
        reader.object("assets", Some(value));
        return None;
    }
    reader.unknown_keys(
        value,
        "assets.",
        &[
            "directory",
            "binding",
            "html_handling",
            "not_found_handling",
            "run_worker_first",
        ],
        false,
    );
    let directory = match value.get("directory") {
        // The plugin that builds pages with Vite names the folder where it puts them.
        None if root.join(BUILT_BY_VITE).is_dir() => root.join(BUILT_BY_VITE),
        None => {
            let message = "`assets` names no `directory`: no files are served".to_owned();
            let hint = format!(
                "Cloudflare's plugin for Vite fills it in; what `vite build` puts into {BUILT_BY_VITE} is served"
            );
            reader.warn(value.start, message, Some(hint));
            return None;
        }
        // Without `.` in the middle, since people are told of it.
        Some(_) => root
            .join(reader.required("assets", value, "directory")?)
            .components()
            .collect(),
    };
    if let Some(at) = value.get("directory").filter(|_| !directory.is_dir()) {
        let is_file = directory.is_file();
        let fault = if is_file {
            "is a file"
        } else {
            "does not exist"
        };
        let message = format!("the assets folder {fault}: {}", directory.display());
        let hint = match nearest_file(&directory).filter(|_| !is_file) {
            Some(near) => format!("did you mean {near:?}?"),
            None if is_file => "name the folder that it is in".to_owned(),
            None => "build what goes into it first, or make the folder".to_owned(),
        };
        reader.error(at.start, message, Some(hint));
    }
    let is_limited = directory.join(".assetsignore").is_file();
    if let Some(at) = value
        .get("directory")
        .filter(|_| root.starts_with(&directory) && !is_limited)
    {
        let message = "the assets folder is that of the project: everybody can read what is in it";
        let hint =
            "make a folder of its own for what browsers get, or name the rest in .assetsignore";
        reader.warn(at.start, message.to_owned(), Some(hint.to_owned()));
    }
    let run_worker_first = match value.get("run_worker_first") {
        Some(list) if matches!(list.node, Node::Array(_)) => {
            RunWorkerFirst::Patterns(reader.strings("assets.run_worker_first", Some(list)))
        }
        flag => RunWorkerFirst::Always(
            reader
                .bool("assets.run_worker_first", flag)
                .unwrap_or(false),
        ),
    };
    Some(Assets {
        directory,
        binding: reader.string("assets.binding", value.get("binding")),
        html_handling: reader
            .choice(
                "assets.html_handling",
                value.get("html_handling"),
                &[
                    ("auto-trailing-slash", HtmlHandling::AutoTrailingSlash),
                    ("force-trailing-slash", HtmlHandling::ForceTrailingSlash),
                    ("drop-trailing-slash", HtmlHandling::DropTrailingSlash),
                    ("none", HtmlHandling::None),
                ],
            )
            .unwrap_or_default(),
        not_found_handling: reader
            .choice(
                "assets.not_found_handling",
                value.get("not_found_handling"),
                &[
                    ("none", NotFoundHandling::None),
                    ("404-page", NotFoundHandling::NotFoundPage),
                    (
                        "single-page-application",
                        NotFoundHandling::SinglePageApplication,
                    ),
                ],
            )
            .unwrap_or_default(),
        run_worker_first,
    })
}

/// The project's rules before the defaults. A rule without `fallthrough` ends the list for its
/// kind, so that a project can take `.txt` away from Text, say.
fn rules(reader: &mut Reader<'_>, scope: &Scope<'_>) -> Vec<Rule> {
    let kinds = [
        ("ESModule", ModuleKind::EsModule),
        ("CommonJS", ModuleKind::CommonJs),
        ("CompiledWasm", ModuleKind::Wasm),
        ("Text", ModuleKind::Text),
        ("Data", ModuleKind::Data),
    ];
    let mut rules = Vec::new();
    let mut closed = Vec::new();
    for item in reader.array("rules", scope.get("rules")) {
        let Some(kind) = reader.choice("rules[].type", item.get("type"), &kinds) else {
            if item.get("type").is_none() {
                reader.error(item.start, "an entry of `rules` has no `type`".into(), None);
            }
            continue;
        };
        let globs = reader.strings("rules[].globs", item.get("globs"));
        if globs.is_empty() {
            reader.error(
                item.start,
                "an entry of `rules` has no `globs`".into(),
                None,
            );
        }
        if !closed.contains(&kind) {
            rules.push(Rule { kind, globs });
        }
        if !reader
            .bool("rules[].fallthrough", item.get("fallthrough"))
            .unwrap_or(false)
        {
            closed.push(kind);
        }
    }
    for (kind, globs) in DEFAULT_RULES {
        if !closed.contains(&kind) {
            let globs = globs.iter().map(|glob| (*glob).to_owned()).collect();
            rules.push(Rule { kind, globs });
        }
    }
    rules
}

fn dev(reader: &mut Reader<'_>, scope: &Scope<'_>) -> Dev {
    let value = scope.get("dev");
    reader.object("dev", value);
    let get = |key: &str| value.and_then(|value| value.get(key));
    let port = |port: Option<u64>| port.map(|port| port as u16);
    let most = u64::from(u16::MAX);
    Dev {
        ip: reader.string("dev.ip", get("ip")),
        port: port(reader.whole_number("dev.port", get("port"), most)),
        inspector_port: port(reader.whole_number(
            "dev.inspector_port",
            get("inspector_port"),
            most,
        )),
        local_protocol: reader.string("dev.local_protocol", get("local_protocol")),
        host: reader.string("dev.host", get("host")),
        upstream_protocol: reader.choice(
            "dev.upstream_protocol",
            get("upstream_protocol"),
            &[("http", "http"), ("https", "https")],
        ),
    }
}
