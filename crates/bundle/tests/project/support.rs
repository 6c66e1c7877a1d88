//! Projects in temporary folders, and Node to run what comes out of them.
#![expect(clippy::unwrap_used, reason = "tests")]
#![expect(clippy::print_stderr, reason = "a skipped check says so")]

use std::path::Path;
use std::process::Command;

use bundle::{Builder, Built, Diagnostic, Error, Mode};
use tempfile::TempDir;

pub(crate) struct Folder(TempDir);

impl Folder {
    pub(crate) fn new(files: &[(&str, &str)]) -> Self {
        let folder = Self(TempDir::new().unwrap());
        for (name, content) in files {
            folder.write(name, content);
        }
        folder
    }

    /// A project with the usual configuration around `main`.
    pub(crate) fn worker(main: &str, files: &[(&str, &str)]) -> Self {
        let folder = Self::new(files);
        if !folder.path().join("wrangler.jsonc").exists() {
            let config = serde_json::json!({
                "name": "worker",
                "main": main,
                "compatibility_date": "2026-06-11",
                "compatibility_flags": ["nodejs_compat"],
            });
            folder.write("wrangler.jsonc", &config.to_string());
        }
        folder
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn write(&self, name: &str, content: &str) {
        let path = self.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    pub(crate) fn options(&self) -> bundle::config::Options {
        bundle::config::Options {
            folder: self.path().to_path_buf(),
            ..Default::default()
        }
    }

    /// Loads a `wrangler.jsonc` that must be wrong; gives its errors.
    pub(crate) fn config_errors(config: &str) -> Vec<Diagnostic> {
        let folder = Self::new(&[("wrangler.jsonc", config), ("src/index.ts", "")]);
        let error = folder.load().expect_err("the configuration is wrong");
        let mut diagnostics = error.diagnostics;
        diagnostics.retain(|diagnostic| diagnostic.severity == bundle::Severity::Error);
        diagnostics
    }

    pub(crate) fn load(&self) -> Result<bundle::config::Loaded, Error> {
        bundle::config::load(&self.options())
    }

    pub(crate) fn builder(&self) -> Result<Builder, Error> {
        Ok(Builder::new(self.load()?.project, Mode::Development))
    }

    pub(crate) fn build(&self) -> Result<Built, Error> {
        build(&mut self.builder()?)
    }

    /// The first error of a build that must fail.
    pub(crate) fn build_error(&self) -> Diagnostic {
        let error = self.build().expect_err("the build must fail");
        error.diagnostics.into_iter().next().unwrap()
    }
}

pub(crate) fn build(builder: &mut Builder) -> Result<Built, Error> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
        .block_on(builder.build())
}

pub(crate) fn text<'a>(built: &'a Built, module: &str) -> &'a str {
    let found = built.program.modules.iter().find(|m| m.name == module);
    let module = found.unwrap_or_else(|| panic!("no module {module}: {:?}", names(built)));
    std::str::from_utf8(&module.content).unwrap()
}

pub(crate) fn names(built: &Built) -> Vec<&str> {
    built
        .program
        .modules
        .iter()
        .map(|m| m.name.as_str())
        .collect()
}

/// Stands in for the runtime: a context that nothing keeps but the pass.
const PRELUDE: &str = r"
let current;
globalThis.__atoll_ctx_get = () => current;
globalThis.__atoll_ctx_set = (context, value) => { current = context; return value; };
globalThis.__atoll_ctx_wait = (value) => value;
globalThis.runWith = (value, callback) => {
  const before = current;
  current = value;
  try { return callback(); } finally { current = before; }
};
globalThis.store = () => current;
globalThis.lose = () => { current = 'lost'; };
";

/// What the entry module writes with `console.log`; `None` where there is no Node.
pub(crate) fn run_in_node(built: &Built) -> Option<String> {
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("package.json"), r#"{"type":"module"}"#).unwrap();
    for module in &built.program.modules {
        let path = folder.path().join(&module.name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, &module.content).unwrap();
    }
    run(folder.path(), &built.entry)
}

/// What a module that was not built writes.
pub(crate) fn run_source(source: &str) -> Option<String> {
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("plain.mjs"), source).unwrap();
    run(folder.path(), "plain.mjs")
}

fn run(folder: &Path, module: &str) -> Option<String> {
    let entry = folder.join("entry.mjs");
    let start = format!("{PRELUDE}\nawait import('./{module}');\n");
    std::fs::write(&entry, start).unwrap();
    let Ok(output) = Command::new("node").arg(&entry).output() else {
        eprintln!("skipped: there is no node to run the program with");
        return None;
    };
    let stderr = String::from_utf8_lossy(&output.stderr);
    let code = std::fs::read_to_string(folder.join(module)).unwrap();
    assert!(output.status.success(), "{stderr}\n{code}");
    Some(String::from_utf8(output.stdout).unwrap())
}

/// Timers and a console for the engine, which has neither.
const ENGINE_PRELUDE: &str = r"
globalThis.output = [];
globalThis.console = { log: (...values) => { output.push(values.map(String).join(' ')); } };
const timers = [];
globalThis.setTimeout = (callback) => { timers.push(callback); };
globalThis.tick = () => { const next = timers.shift(); next?.(); return next !== undefined; };
";

/// What the program's only module writes on the engine that isolates run.
pub(crate) fn run_in_engine(built: &Built) -> String {
    let runtime = rquickjs::Runtime::new().unwrap();
    let context = rquickjs::Context::full(&runtime).unwrap();
    context.with(|ctx| {
        ctx.eval::<(), _>(ENGINE_PRELUDE).unwrap();
        ctx.eval::<(), _>(PRELUDE).unwrap();
        let code = text(built, &built.entry);
        let started = rquickjs::Module::evaluate(ctx.clone(), "index.js", code);
        let promise = match rquickjs::CatchResultExt::catch(started, &ctx) {
            Ok(promise) => promise,
            Err(error) => panic!("{error}\n{code}"),
        };
        loop {
            while ctx.execute_pending_job() {}
            if !ctx.eval::<bool, _>("tick()").unwrap() {
                break;
            }
        }
        let result = promise.result::<rquickjs::Value<'_>>();
        let result = result.expect("the module's evaluation has ended");
        if let Err(error) = rquickjs::CatchResultExt::catch(result, &ctx) {
            panic!("{error}\n{code}");
        }
        ctx.eval("output.join('\\n')").unwrap()
    })
}

/// Builds `source` as a TypeScript worker and checks what it logs.
pub(crate) fn check(source: &str, expected: &str) {
    let folder = Folder::worker("index.ts", &[("index.ts", source)]);
    let built = folder.build().unwrap_or_else(|error| panic!("{error}"));
    let outputs = [Some(run_in_engine(&built)), run_in_node(&built)];
    for output in outputs.into_iter().flatten() {
        assert_eq!(
            output.trim(),
            expected.trim(),
            "{}",
            text(&built, "index.js")
        );
    }
}
