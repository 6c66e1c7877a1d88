//! `atoll test`: the exported `test()` handlers, inside the runtime.

use std::time::Instant;

use bundle::Mode;
use host::FetchError;
use owo_colors::OwoColorize as _;

use super::install;
use crate::arguments::{Overrides, Test};
use crate::error::Error;
use crate::fleet::Fleet;
use crate::objects::State;
use crate::{lines, report, terminal};

const DEFAULT_EXPORT: &str = "default";

pub(crate) async fn run(arguments: Test) -> Result<(), Error> {
    crate::told::begin(arguments.project.log_level);
    let members = Fleet::load(&arguments.project, &Overrides::default(), Mode::Development)?;
    install::complete(&members, false).await?;
    let state = State::passing(arguments.project.persist_to.as_deref())?;
    let mut fleet = Fleet::start(
        members,
        Mode::Development,
        state,
        arguments.project.key_file.as_deref(),
        Default::default(),
    )
    .await?;
    tokio::spawn(lines::follow(
        fleet.shared.runtime.logs(),
        fleet.maps.clone(),
        arguments.project.log_level,
        None,
    ));
    // All are deployed before any runs: tests may call other workers.
    for index in (0..fleet.members.len()).rev() {
        fleet.deploy(index, None).await?;
    }
    let (mut passed, mut failed) = (0_u32, 0_u32);
    for member in &fleet.members {
        let Some(worker) = member.running.as_ref().and_then(|run| run.worker.clone()) else {
            continue;
        };
        for entrypoint in &worker.exports().entrypoints {
            if !entrypoint.handlers.iter().any(|handler| handler == "test") {
                continue;
            }
            let name = Some(entrypoint.name.as_str()).filter(|name| *name != DEFAULT_EXPORT);
            let started = Instant::now();
            let outcome = worker.test(name).await;
            let time = lines::duration(started.elapsed());
            let label = format!("{} › {}", worker.name(), entrypoint.name);
            match outcome {
                Ok(()) => {
                    passed += 1;
                    terminal::data(format_args!("{} {label} {}", "✓".green(), time.dimmed()));
                }
                Err(error) => {
                    failed += 1;
                    terminal::data(format_args!("{} {label} {}", "✗".red(), time.dimmed()));
                    tell(&error, worker.name(), &fleet);
                }
            }
        }
    }
    Fleet::close(&fleet.shared).await?;
    if passed + failed == 0 {
        return Err(Error::mistake(
            "no test() handler is exported",
            "export const arithmetic = { test(controller, env, ctx) { … } }, which passes unless it throws",
        ));
    }
    terminal::data(format_args!("{passed} passed, {failed} failed"));
    if failed > 0 {
        return Err(Error::Told);
    }
    Ok(())
}

fn tell(error: &FetchError, worker: &str, fleet: &Fleet) {
    let report = match error {
        FetchError::Worker(failure) => report::of_failure(failure, &fleet.maps.get(worker)),
        other => gateway::Report {
            title: "Not finished".to_owned(),
            message: other.to_string(),
            ..gateway::Report::default()
        },
    };
    report::tell("", &report);
}
