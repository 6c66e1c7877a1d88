//! A worker's files in a folder of their own, and the packages that the bench needs.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};

/// A temporary folder with the files of one worker, gone when dropped.
pub(crate) struct Folder {
    path: PathBuf,
    /// Names of its modules; the first is the main one.
    pub(crate) modules: Vec<String>,
}

impl Folder {
    /// The files of one of the Workers in `bench/workers`: itself, and Hono's where it uses Hono.
    pub(crate) fn of(worker: &str) -> anyhow::Result<Self> {
        let stamp = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)?
            .as_nanos();
        let path = std::env::temp_dir().join(format!("atoll-bench-{}-{stamp}", std::process::id()));
        std::fs::create_dir_all(&path)?;
        let mut folder = Self {
            path,
            modules: Vec::new(),
        };
        folder.add(&root().join("bench/workers").join(worker), "index.js")?;
        if worker == "hono.js" {
            let package = root().join("examples/hono/node_modules/hono/dist");
            folder.add_all(&package, "hono")?;
        }
        if worker == "agents.js" {
            folder.link("tests/sdk", "agents")?;
        }
        if worker == "builds.js" {
            install_hono()?;
            let mut listed = String::new();
            let package = root().join("examples/hono/node_modules/hono");
            list_package(&package, "node_modules/hono", &mut listed)?;
            let module = format!("export default {{\n{listed}}};\n");
            std::fs::write(folder.path.join("hono_files.js"), module)?;
            folder.modules.push("hono_files.js".to_owned());
        }
        Ok(folder)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Puts the npm package `@cloudflare/worker-bundler` into the modules, as plain ones.
    pub(crate) async fn bundle_with_package(&mut self) -> anyhow::Result<()> {
        self.link("tests/oracle", "@cloudflare/worker-bundler")?;
        self.bundle(r#", "alias": { "@cloudflare/worker-bundler": "./node_modules/@cloudflare/worker-bundler/dist/index.js" }"#)
            .await
    }

    /// Bundles a worker whose packages import `cloudflare:email`, which workerd by itself does not have.
    pub(crate) async fn bundle_without_email(&mut self) -> anyhow::Result<()> {
        std::fs::write(self.path.join("email.js"), "export class EmailMessage {}")?;
        self.bundle(r#", "alias": { "cloudflare:email": "./email.js" }"#)
            .await
    }

    /// Gives the worker the packages that are installed there, or are now if this one is not.
    fn link(&self, home: &str, package: &str) -> anyhow::Result<()> {
        let home = root().join(home);
        if !home.join("node_modules").join(package).exists() {
            install(&home)?;
        }
        let packages = home.join("node_modules").canonicalize()?;
        std::os::unix::fs::symlink(packages, self.path.join("node_modules"))?;
        Ok(())
    }

    /// Makes plain modules of the worker and its packages, with these further fields of a configuration.
    pub(crate) async fn bundle(&mut self, fields: &str) -> anyhow::Result<()> {
        let configuration = format!(
            r#"{{ "name": "w", "main": "index.js", "compatibility_date": "2026-06-11",
            "compatibility_flags": ["nodejs_compat"]{fields} }}"#
        );
        std::fs::write(self.path.join("wrangler.json"), configuration)?;
        let options = bundle::config::Options {
            folder: self.path.clone(),
            ..Default::default()
        };
        let project = bundle::config::load(&options)?.project;
        let mut builder = bundle::Builder::new(project, bundle::Mode::Production);
        let program = builder.build().await?.program;
        // Our bundler keeps the asynchronous context by calls that workerd does not have.
        let shim = "globalThis.__atoll_ctx_get = () => undefined; globalThis.__atoll_ctx_set = (_, value) => value; \
                    globalThis.__atoll_ctx_wait = (value) => value;";
        std::fs::write(self.path.join("shim.js"), shim)?;
        let main = "import './shim.js'; export * from './bundled/index.js'; export { default } from './bundled/index.js';";
        std::fs::write(self.path.join("main.js"), main)?;
        self.modules = vec!["main.js".to_owned(), "shim.js".to_owned()];
        for module in program.modules {
            let name = format!("bundled/{}", module.name);
            let file = self.path.join(&name);
            std::fs::create_dir_all(file.parent().context("every module is in a folder")?)?;
            std::fs::write(file, module.content)?;
            self.modules.push(name);
        }
        Ok(())
    }

    fn add(&mut self, file: &Path, name: &str) -> anyhow::Result<()> {
        let to = self.path.join(name);
        if let Some(parent) = to.parent() {
            std::fs::create_dir_all(parent)?;
        }
        std::fs::copy(file, to).with_context(|| format!("copying {}", file.display()))?;
        self.modules.push(name.to_owned());
        Ok(())
    }

    fn add_all(&mut self, from: &Path, name: &str) -> anyhow::Result<()> {
        for entry in std::fs::read_dir(from)? {
            let entry = entry?;
            let file_name = entry.file_name().to_string_lossy().into_owned();
            let name = format!("{name}/{file_name}");
            // Hono for other platforms, and in another form.
            let is_other = ["adapter", "cjs", "types"].contains(&file_name.as_str());
            if entry.file_type()?.is_dir() && !is_other {
                self.add_all(&entry.path(), &name)?;
            } else if name.ends_with(".js") {
                self.add(&entry.path(), &name)?;
            }
        }
        Ok(())
    }
}

/// An empty temporary folder, gone when dropped.
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    pub(crate) fn new(name: &str) -> anyhow::Result<Self> {
        let name = format!("atoll-bench-{}-{name}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&folder)?;
        Ok(Self(folder))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What is left in the temporary folder harms nobody.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Adds the scripts and manifests of a package as properties: their paths and texts.
fn list_package(from: &Path, name: &str, listed: &mut String) -> anyhow::Result<()> {
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let name = format!("{name}/{}", entry.file_name().to_string_lossy());
        if entry.file_type()?.is_dir() {
            list_package(&entry.path(), &name, listed)?;
        } else if name.ends_with(".js") || name.ends_with("package.json") {
            let text = std::fs::read_to_string(entry.path())?;
            let quoted = text
                .replace('\\', "\\\\")
                .replace('`', "\\`")
                .replace("${", "\\${");
            listed.push_str(&format!("{name:?}: `{quoted}`,\n"));
        }
    }
    Ok(())
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What is left in the temporary folder harms nobody.
        let _ = std::fs::remove_dir_all(&self.path);
    }
}

/// Where npm workerd is: as `WORKERD` says, else where the differential tests have it, installed now if need be.
pub(crate) fn workerd() -> Option<PathBuf> {
    if let Some(named) = std::env::var_os("WORKERD") {
        return Some(PathBuf::from(named));
    }
    let package = match std::env::consts::ARCH {
        "x86_64" => "workerd-linux-64",
        "aarch64" => "workerd-linux-arm64",
        _ => return None,
    };
    let home = root().join("tests/oracle");
    let program = home
        .join("node_modules/@cloudflare")
        .join(package)
        .join("bin/workerd");
    let package = home.join("node_modules/@cloudflare/worker-bundler");
    if !program.exists() || !package.exists() {
        // Without it Atoll is measured alone.
        install(&home).ok()?;
    }
    program.canonicalize().ok()
}

/// Installs Hono where the example has it.
pub(crate) fn install_hono() -> anyhow::Result<()> {
    let home = root().join("examples/hono");
    match home.join("node_modules/hono").exists() {
        true => Ok(()),
        false => install(&home),
    }
}

/// esbuild's own program, installed now if need be. None where npm cannot install it.
pub(crate) fn esbuild() -> Option<PathBuf> {
    let package = match std::env::consts::ARCH {
        "x86_64" => "linux-x64",
        "aarch64" => "linux-arm64",
        _ => return None,
    };
    let home = root().join("target/esbuild");
    let program = home.join("node_modules/@esbuild").join(package);
    let program = program.join("bin/esbuild");
    if !program.exists() {
        let mut npm = Command::new("npm");
        npm.args(["install", "--ignore-scripts", "--no-audit", "--no-fund"]);
        npm.arg("--prefix").arg(&home).arg("esbuild@0.28.1");
        let installed = npm.stdout(std::process::Stdio::null()).status();
        if !installed.is_ok_and(|status| status.success()) {
            eprintln!("npm cannot install esbuild: measuring Atoll alone");
            return None;
        }
    }
    program.canonicalize().ok()
}

/// Builds `atoll` beside this program.
pub(crate) fn build_atoll() -> anyhow::Result<PathBuf> {
    if let Some(named) = std::env::var_os("ATOLL") {
        return Ok(PathBuf::from(named));
    }
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let built = Command::new(cargo)
        .args(["build", "--release", "--workspace", "--bins"])
        .current_dir(root())
        .status()
        .context("starting cargo")?;
    let binary = std::env::current_exe()?.with_file_name("atoll");
    if !built.success() || !binary.exists() {
        bail!("{} could not be built", binary.display());
    }
    Ok(binary)
}

fn install(folder: &Path) -> anyhow::Result<()> {
    let status = Command::new("npm")
        .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"])
        .current_dir(folder)
        .stdout(std::process::Stdio::null())
        .status()
        .context("starting npm")?;
    if !status.success() {
        bail!("npm ci in {} failed", folder.display());
    }
    Ok(())
}

/// The repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}
