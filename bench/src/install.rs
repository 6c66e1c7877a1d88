//! What `atoll install --frozen` takes for the packages of the Agents SDK, and `npm ci` beside it: the same lock file, each from its
//! own warm cache.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use tokio::process::Command;

use crate::bench::{Bench, within};
use crate::figure::{Figure, Side};
use crate::folder::root;

/// One installation takes no longer, unless the registry does not answer.
const PATIENCE: Duration = Duration::from_secs(180);

pub(crate) async fn report(bench: &mut Bench) {
    bench.part("npm packages");
    let figure = Figure::less("packages of the Agents SDK, installed from a warm cache (s)")
        .peer("npm ci")
        .times(1.0)
        .told();
    if !bench.wants(&figure) {
        return;
    }
    let (mut ours, mut theirs) = (Side::default(), Side::default());
    for round in 0..=bench.effort.rounds {
        let mut atoll = Command::new(&bench.atoll);
        atoll.args(["install", "--frozen"]);
        let mut npm = Command::new("npm");
        npm.args([
            "ci",
            "--ignore-scripts",
            "--no-audit",
            "--no-fund",
            "--prefer-offline",
        ]);
        for (command, side) in [(atoll, &mut ours), (npm, &mut theirs)] {
            let took = within(PATIENCE, install(command)).await;
            // The first round fills the caches.
            if round > 0 || took.is_err() {
                side.add(took.map(Into::into));
            }
        }
    }
    bench.add(figure, ours, Some(theirs));
}

/// Seconds of an installation in a folder of its own.
async fn install(mut command: Command) -> anyhow::Result<f64> {
    let project = Project::of_sdk()?;
    let start = Instant::now();
    let output = command
        .current_dir(&project.0)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await?;
    let took = start.elapsed().as_secs_f64();
    let told = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.success(),
        "{}",
        told.lines().last().unwrap_or("it failed")
    );
    Ok(took)
}

/// A folder with the manifest and the lock file of `tests/sdk`, gone when dropped.
struct Project(PathBuf);

impl Project {
    fn of_sdk() -> anyhow::Result<Self> {
        let folder =
            std::env::temp_dir().join(format!("atoll-bench-{}-install", std::process::id()));
        std::fs::create_dir_all(&folder)?;
        let project = Self(folder);
        let from: &Path = &root().join("tests/sdk");
        for file in ["package.json", "package-lock.json"] {
            std::fs::copy(from.join(file), project.0.join(file))
                .with_context(|| format!("copying {file}"))?;
        }
        Ok(project)
    }
}

impl Drop for Project {
    fn drop(&mut self) {
        // What is left in the temporary folder harms nobody.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
