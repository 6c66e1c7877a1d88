//! What the rows of `objects.js` cost a program in C: the same SQLite, in a file of its own, with a write-ahead log and a
//! sync at the end, as workerd has it.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, ensure};

use crate::folder::root;

/// The program, and the folder that its files are in, which goes with it.
pub(crate) struct Program {
    folder: PathBuf,
    /// What it is told to do.
    how: &'static str,
}

impl Program {
    pub(crate) fn build(how: &'static str) -> anyhow::Result<Self> {
        let folder = std::env::temp_dir().join(format!("atoll-bench-rows-{}", std::process::id()));
        std::fs::create_dir_all(&folder)?;
        let program = Self { folder, how };
        let built = Command::new("cc")
            .args([
                "-O3",
                "-DSQLITE_THREADSAFE=0",
                "-DSQLITE_DEFAULT_MEMSTATUS=0",
                "-I",
            ])
            .arg(source()?)
            .arg(root().join("bench/workers/rows.c"))
            .arg("-o")
            .arg(program.path())
            .arg("-lm")
            .status()
            .context("starting cc")?;
        ensure!(built.success(), "it cannot be compiled");
        Ok(program)
    }

    fn path(&self) -> PathBuf {
        self.folder.join("rows")
    }

    /// Milliseconds from the first statement to the last row, in a new file.
    pub(crate) fn run(&self) -> anyhow::Result<f64> {
        let files = self.folder.join("files");
        std::fs::create_dir(&files)?;
        let ran = Command::new(self.path())
            .arg(files.join("rows.sqlite"))
            .arg(self.how)
            .output()?;
        std::fs::remove_dir_all(&files)?;
        ensure!(ran.status.success(), "it failed");
        Ok(String::from_utf8(ran.stdout)?.trim().parse()?)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // What is left is in a folder for what is temporary.
        std::fs::remove_dir_all(&self.folder).ok();
    }
}

/// The folder with the source of SQLite that Atoll is built from.
fn source() -> anyhow::Result<PathBuf> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let told = Command::new(cargo)
        .args([
            "metadata",
            "--format-version",
            "1",
            "--locked",
            "--filter-platform",
        ])
        .arg(format!("{}-unknown-linux-gnu", std::env::consts::ARCH))
        .current_dir(root())
        .output()
        .context("starting cargo")?;
    let told = String::from_utf8(told.stdout)?;
    let mut paths = told.split('"').filter(|text| text.ends_with("Cargo.toml"));
    let manifest = paths
        .find(|path| path.contains("/libsqlite3-sys-"))
        .context("cargo does not know where the source of SQLite is")?;
    Ok(Path::new(manifest).with_file_name("sqlite3"))
}
