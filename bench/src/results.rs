//! The file with all figures, and the part of it that README tells.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, bail};

use crate::bench::{Bench, Effort};
use crate::folder::root;
use crate::{figure, table};

/// Around what README tells, there and in the file.
const BEGIN: &str = "<!-- figures -->\n";
const END: &str = "<!-- /figures -->\n";

/// What is known before anything was measured.
pub(crate) struct Before {
    begun: Instant,
    load: String,
}

impl Before {
    pub(crate) fn look() -> Self {
        let load = read("/proc/loadavg");
        Self {
            begun: Instant::now(),
            load: load.split(' ').next().unwrap_or_default().to_owned(),
        }
    }
}

/// Writes `bench/RESULTS.md`, and what README tells of it into README.
pub(crate) fn write(bench: &Bench, before: &Before) -> anyhow::Result<()> {
    let rows = bench.parts.iter().flat_map(|(_, rows)| rows);
    let mut told = table::summary(rows.clone());
    let _ = writeln!(told, "\n{}", conditions(bench, before));
    let mut text = format!(
        "# Figures\n\nMade by `cargo run --release -p bench`, which measures Atoll and its peers in turn on the same machine and \
         writes this file. The figure is the round in the middle, the spread goes from the least to the most of all rounds. \
         The ratio says how many times better Atoll is. MB is what all processes of a server keep at the end of a round, \
         Atoll's before its peer's.\n\n{BEGIN}{told}{END}"
    );
    let (reached, missed) = reached(rows);
    let _ = writeln!(text, "\n{reached} targets reached, {missed} missed.");
    for (title, rows) in &bench.parts {
        text += &table::markdown(title, rows);
    }
    fs::write(root().join("bench/RESULTS.md"), text)?;
    let readme = root().join("README.md");
    let page = fs::read_to_string(&readme)?;
    fs::write(readme, replaced(&page, &told)?)?;
    Ok(())
}

fn reached<'a>(rows: impl Iterator<Item = &'a figure::Row>) -> (usize, usize) {
    let all: Vec<bool> = rows.filter_map(figure::Row::reached).collect();
    let reached = all.iter().filter(|reached| **reached).count();
    (reached, all.len() - reached)
}

/// The page with another text between the marks.
fn replaced(page: &str, told: &str) -> anyhow::Result<String> {
    let Some((head, rest)) = page.split_once(BEGIN) else {
        bail!("README has no {}", BEGIN.trim());
    };
    let (_, tail) = rest
        .split_once(END)
        .context("README's figures do not end")?;
    Ok(format!("{head}{BEGIN}{told}{END}{tail}"))
}

/// The machine and what ran on it.
fn conditions(bench: &Bench, before: &Before) -> String {
    let cpu = read("/proc/cpuinfo");
    let model = field(&cpu, "model name").unwrap_or("an unknown processor");
    let memory = read("/proc/meminfo");
    let kilobytes: f64 = field(&memory, "MemTotal")
        .and_then(|text| text.split(' ').next()?.parse().ok())
        .unwrap_or(0.0);
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let workerd = match &bench.workerd {
        Some(program) => said(program, &["--version"]),
        None => "no workerd".to_owned(),
    };
    let effort = match bench.effort.round == Effort::FULL.round {
        true => "",
        false => " with fewer and shorter rounds than usual (`--quick`)",
    };
    format!(
        "Measured on {} within {} minutes{effort}: {cores} cores of {model}, {:.0} GB, Linux {}, load {} before; \
         {} at {}, {workerd}.",
        said("date".as_ref(), &["-u", "+%Y-%m-%d"]),
        before.begun.elapsed().as_secs().div_ceil(60),
        kilobytes / 1e6,
        read("/proc/sys/kernel/osrelease").trim(),
        before.load,
        said(&bench.atoll, &["--version"]),
        said("git".as_ref(), &["rev-parse", "--short", "HEAD"]),
    )
}

fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim())
}

/// The first line that a program says.
fn said(program: &Path, arguments: &[&str]) -> String {
    let output = Command::new(program)
        .args(arguments)
        .current_dir(root())
        .output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    let text = text.unwrap_or_default();
    text.lines().next().unwrap_or("unknown").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_between_the_marks_is_replaced() {
        let page = format!("before\n{BEGIN}old\n{END}after\n");
        let expected = format!("before\n{BEGIN}new\n{END}after\n");
        assert_eq!(replaced(&page, "new\n").unwrap(), expected);
        assert!(replaced("nothing", "new\n").is_err());
    }
}
