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
        Ok(folder)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
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
    if !program.exists() {
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

/// Builds `atoll` beside this program.
pub(crate) fn build_atoll() -> anyhow::Result<PathBuf> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let built = Command::new(cargo)
        .args(["build", "--release", "-p", "atoll", "-p", "bench"])
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
