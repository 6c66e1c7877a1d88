//! A project with the Agents SDK: how long its bundle takes, esbuild's own program beside it, and how long it takes until an
//! edit is there in `atoll dev`.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use bundle::{Builder, Mode};
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::ChildStderr;

use crate::folder::{self, root};

/// How often each is done; the median counts.
const TIMES: usize = 11;
/// Nothing takes as long as that unless it is lost.
const PATIENCE: Duration = Duration::from_secs(60);
/// Editors do not write all the time, and what is left of the last build shall be over.
const PAUSE: Duration = Duration::from_millis(400);

const WORKER: &str = "src/server.ts";
const CLIENT: &str = "src/client.tsx";

/// Measures and prints.
pub(crate) async fn report(atoll: &Path) -> anyhow::Result<()> {
    let project = Project::of_campfire()?;
    let esbuild = folder::esbuild();
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    // Once for the files of the disk and for what is made when it is first needed.
    bundle_once(project.path()).await?;
    for _ in 0..TIMES {
        ours.push(bundle_once(project.path()).await?);
        if let Some(esbuild) = &esbuild {
            theirs.push(esbuild_once(esbuild, project.path())?);
        }
    }
    println!(
        "\n{:<42} {:>12} {:>12} {:>8}",
        "examples/campfire, medians (ms)", "atoll", "esbuild", "ratio"
    );
    let (ours, theirs) = (median(ours), median(theirs));
    let ratio = theirs / ours;
    println!(
        "{:<42} {ours:>12.0} {theirs:>12.0} {ratio:>7.1}x",
        "bundle of the worker, with `agents`"
    );
    for (name, file) in [
        ("an edit of the worker until it is there", WORKER),
        ("an edit of the page's code", CLIENT),
    ] {
        let times = edits(atoll, project.path(), file).await?;
        println!("{name:<42} {:>12.0}", median(times));
    }
    Ok(())
}

/// The example in a folder of its own, with the packages of `tests/sdk`.
struct Project(PathBuf);

impl Project {
    fn of_campfire() -> anyhow::Result<Self> {
        let packages = root().join("tests/sdk/node_modules");
        if !packages.join("agents").exists() {
            bail!(
                "`npm ci --prefix tests/sdk --ignore-scripts` installs what examples/campfire needs"
            );
        }
        let name = format!("atoll-bench-{}-campfire", std::process::id());
        let folder = std::env::temp_dir().join(name);
        for file in [
            "wrangler.jsonc",
            "atoll.jsonc",
            "package.json",
            "tsconfig.json",
            WORKER,
            CLIENT,
            "src/shared.ts",
            "public/index.html",
        ] {
            let to = folder.join(file);
            std::fs::create_dir_all(to.parent().context("a file is in a folder")?)?;
            std::fs::copy(root().join("examples/campfire").join(file), to)
                .with_context(|| format!("copying {file}"))?;
        }
        let packages = packages.canonicalize()?;
        std::os::unix::fs::symlink(packages, folder.join("node_modules"))?;
        Ok(Self(folder))
    }

    fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Project {
    fn drop(&mut self) {
        // What is left in the temporary folder harms nobody.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// From reading the configuration to the finished program, as `atoll dev` has it.
async fn bundle_once(folder: &Path) -> anyhow::Result<f64> {
    let options = bundle::config::Options {
        folder: folder.to_owned(),
        ..Default::default()
    };
    let start = Instant::now();
    let project = bundle::config::load(&options)?.project;
    Builder::new(project, Mode::Development).build().await?;
    Ok(ms(start))
}

/// The same with esbuild: its process from start to end, with a map of the source as ours has.
fn esbuild_once(esbuild: &Path, folder: &Path) -> anyhow::Result<f64> {
    let start = Instant::now();
    let status = Command::new(esbuild)
        .current_dir(folder)
        .args([WORKER, "--bundle", "--format=esm", "--platform=neutral"])
        .args(["--main-fields=browser,module,main", "--sourcemap=external"])
        .args(["--conditions=workerd,worker,browser", "--external:path"])
        .args(["--external:cloudflare:*", "--external:node:*"])
        .args(["--outfile=bundled.js", "--log-level=error"])
        .arg("--define:process.env.NODE_ENV=\"development\"")
        .status()
        .context("starting esbuild")?;
    if !status.success() {
        bail!("esbuild could not bundle examples/campfire");
    }
    Ok(ms(start))
}

/// From writing a file of a project that runs in `atoll dev` to the moment when requests go to what was made of it.
async fn edits(atoll: &Path, folder: &Path, file: &str) -> anyhow::Result<Vec<f64>> {
    let mut server = tokio::process::Command::new(atoll)
        .args(["dev", "--port", "0", "-c"])
        .arg(folder)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .context("starting atoll dev")?;
    let errors = server.stderr.take().context("it has a standard error")?;
    let mut lines = BufReader::new(errors).lines();
    until(&mut lines, "ready in").await?;
    let path = folder.join(file);
    let text = std::fs::read_to_string(&path)?;
    let mut times = Vec::new();
    for number in 0..=TIMES {
        tokio::time::sleep(PAUSE).await;
        let start = Instant::now();
        std::fs::write(&path, format!("{text}\nexport const edit = {number};\n"))?;
        until(&mut lines, "rebuilt in").await?;
        times.push(ms(start));
    }
    // The first one warms up.
    times.remove(0);
    std::fs::write(&path, text)?;
    server.kill().await?;
    Ok(times)
}

async fn until(lines: &mut Lines<BufReader<ChildStderr>>, wanted: &str) -> anyhow::Result<()> {
    let reading = async {
        while let Some(line) = lines.next_line().await? {
            if line.contains(wanted) {
                return Ok(());
            }
        }
        bail!("atoll dev ended before it was `{wanted}`")
    };
    tokio::time::timeout(PATIENCE, reading).await?
}

fn ms(start: Instant) -> f64 {
    start.elapsed().as_secs_f64() * 1000.0
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
