//! What the rows of `objects.js` cost a program in C: the same SQLite, in a file of its own, with a write-ahead log and a
//! sync at the end, as workerd has it.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, ensure};

use crate::folder::root;

/// Milliseconds from the first statement to the last row, in each round. `how` is what the program is told to do.
pub(crate) fn from_c(how: &str, rounds: usize) -> anyhow::Result<Vec<f64>> {
    let folder = std::env::temp_dir().join(format!("atoll-bench-rows-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let times = measure(&folder, how, rounds);
    std::fs::remove_dir_all(&folder)?;
    times
}

fn measure(folder: &Path, how: &str, rounds: usize) -> anyhow::Result<Vec<f64>> {
    let program = folder.join("rows");
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
        .arg(&program)
        .arg("-lm")
        .status()
        .context("starting cc")?;
    ensure!(built.success(), "it cannot be compiled");
    (0..rounds)
        .map(|round| {
            let ran = Command::new(&program)
                .arg(folder.join(format!("{round}.sqlite")))
                .arg(how)
                .output()?;
            ensure!(ran.status.success(), "it failed");
            Ok(String::from_utf8(ran.stdout)?.trim().parse()?)
        })
        .collect()
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
