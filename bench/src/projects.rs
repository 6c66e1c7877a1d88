//! A project with the Agents SDK: how long its bundle takes, esbuild's own program beside it, and how long it takes until an
//! edit is there in `atoll dev`.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use bundle::{Builder, Mode};
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::ChildStderr;

use crate::bench::{Bench, median, within};
use crate::figure::{Figure, Side};
use crate::folder::{self, root};

/// How often each is done in a round.
const TIMES: usize = 5;
/// One round takes no longer, unless something hangs.
const ROUND_PATIENCE: Duration = Duration::from_secs(120);
/// Nothing takes as long as that unless it is lost.
const PATIENCE: Duration = Duration::from_secs(60);
/// Editors do not write all the time, and what is left of the last build shall be over.
const PAUSE: Duration = Duration::from_millis(400);

const WORKER: &str = "src/server.ts";
const CLIENT: &str = "src/client.tsx";

pub(crate) async fn report(bench: &mut Bench) {
    bench.part("A project with the Agents SDK");
    let bundled = Figure::less("bundle of a worker with the Agents SDK (ms)")
        .peer("esbuild")
        .times(1.0)
        .told();
    let edited = [
        (
            Figure::less("an edit of that worker until it is there (ms)")
                .most(300.0)
                .told(),
            WORKER,
        ),
        (
            Figure::less("an edit of its page's code until it is there (ms)").most(300.0),
            CLIENT,
        ),
    ];
    if !bench.wants(&bundled) && !edited.iter().any(|(figure, _)| bench.wants(figure)) {
        return;
    }
    let project = match Project::of_campfire() {
        Ok(project) => project,
        Err(error) => return bench.add(bundled, Side::failed(&error), None),
    };
    let rounds = bench.effort.rounds;
    if bench.wants(&bundled) {
        let esbuild = folder::esbuild();
        let (mut ours, mut theirs) = (Side::default(), esbuild.as_ref().map(|_| Side::default()));
        // Once for the files of the disk and for what is made when it is first needed.
        let first = bundle_once(project.path()).await;
        if let Err(error) = first {
            return bench.add(bundled, Side::failed(&error), None);
        }
        for _ in 0..rounds {
            let (mut our_times, mut their_times) = (Vec::new(), Vec::new());
            let round = async {
                for _ in 0..TIMES {
                    our_times.push(bundle_once(project.path()).await?);
                    if let Some(esbuild) = &esbuild {
                        their_times.push(esbuild_once(esbuild, project.path())?);
                    }
                }
                Ok(())
            };
            let done = within(ROUND_PATIENCE, round).await;
            ours.add(done.map(|()| median(our_times).into()));
            if let Some(theirs) = &mut theirs {
                theirs.add(Ok(median(their_times).into()));
            }
        }
        bench.add(bundled, ours, theirs);
    }
    for (figure, file) in edited {
        if !bench.wants(&figure) {
            continue;
        }
        let mut ours = Side::default();
        for _ in 0..rounds {
            let round = within(ROUND_PATIENCE, edits(&bench.atoll, project.path(), file)).await;
            ours.add(round.map(|times| median(times).into()));
        }
        bench.add(figure, ours, None);
    }
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
        let project = Self(folder);
        copy_all(&root().join("examples/campfire"), project.path())?;
        let packages = packages.canonicalize()?;
        std::os::unix::fs::symlink(packages, project.path().join("node_modules"))?;
        Ok(project)
    }

    fn path(&self) -> &Path {
        &self.0
    }
}

/// Copies a project, without what was installed or kept there.
fn copy_all(from: &Path, to: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from).with_context(|| format!("reading {}", from.display()))? {
        let entry = entry?;
        let name = entry.file_name();
        if name == "node_modules" || name == ".atoll" {
            continue;
        }
        let to = to.join(&name);
        match entry.file_type()?.is_dir() {
            true => copy_all(&entry.path(), &to)?,
            false => {
                std::fs::copy(entry.path(), to)?;
            }
        }
    }
    Ok(())
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
    within(PATIENCE, reading)
        .await
        .with_context(|| format!("waiting for `{wanted}`"))
}

fn ms(start: Instant) -> f64 {
    start.elapsed().as_secs_f64() * 1000.0
}
