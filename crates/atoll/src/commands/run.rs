//! `atoll run`: one script in a jail, its result as JSON.

use std::io::Read as _;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use bundle::Mode;
use bundle::config::{EgressPolicy, Settings, read_settings};
use host::{Fetcher, LogRecord, Runtime, Script, ScriptError};
use protocol::{CodeLimits, Failure, FailureKind};
use serde_json::Value;

use crate::arguments::LogLevel;
use crate::arguments::run::Run;
use crate::error::Error;
use crate::fleet::{Maps, zygote};
use crate::objects::state_folder;
use crate::powers::{Powers, reading};
use crate::{lines, terminal};

/// Something that a script is given, and its name.
type Given = (String, Arc<dyn Fetcher>);

/// The name that stands for the global `fetch()`.
const GLOBAL: &str = "fetch";

/// How a script ends that has no result.
const FAILED: u8 = 1;
const LIMIT: u8 = 3;
const FAULT: u8 = 70;

pub(crate) async fn run(arguments: Run) -> Result<ExitCode, Error> {
    let input = match &arguments.input {
        Some(text) => serde_json::from_str(text).map_err(|error| {
            Error::mistake(
                format_args!("--input is no JSON: {error}"),
                "such as --input '{\"a\": 1}'",
            )
        })?,
        None => Value::Null,
    };
    let (name, source) = read(&arguments.file)?;
    let limits = CodeLimits {
        cpu_ms: Some(arguments.cpu_ms),
        memory_bytes: Some(arguments.memory_mb * 1024 * 1024),
        wall_ms: arguments.wall_ms,
        subrequests: None,
    };
    let mut script = Script::new(source).file(&name).limits(limits);
    let mut powers = None;
    if arguments.audit || !arguments.allow.is_empty() {
        let opened = open(&arguments)?;
        for (name, policy) in policies(&arguments, &opened)? {
            script = if name == GLOBAL {
                script.outbound(policy)
            } else {
                script.allow(&name, policy)
            };
        }
        if arguments.audit {
            script = script.audit(opened.auditor());
        }
        powers = Some(opened);
    }
    let runtime = Runtime::start(host::Options {
        zygote: zygote()?,
        processes: 1,
    })
    .await?;
    let mut logs = runtime.logs();
    let outcome = tokio::select! {
        outcome = script.run(&runtime, &input) => outcome,
        () = tell(&mut logs) => Err(ScriptError::Host("the log ended early".to_owned())),
    };
    while let Ok(record) = logs.try_recv() {
        lines::log(&record, &Maps::default(), LogLevel::Debug);
    }
    let code = match outcome {
        Ok(value) => {
            terminal::data(format_args!("{value}"));
            ExitCode::SUCCESS
        }
        Err(error) => fail(&error),
    };
    runtime.stop();
    if let Some(powers) = powers {
        powers.audit.flush();
    }
    Ok(code)
}

/// The script's name and text.
fn read(file: &Path) -> Result<(String, String), Error> {
    if file == Path::new("-") {
        let mut source = String::new();
        std::io::stdin()
            .read_to_string(&mut source)
            .map_err(|error| Error::failed("cannot read standard input", error))?;
        return Ok(("stdin.ts".to_owned(), source));
    }
    let source = std::fs::read_to_string(file).map_err(|error| {
        Error::mistake(
            format_args!("cannot read {}: {error}", file.display()),
            "name a file of TypeScript or JavaScript, or - for standard input",
        )
    })?;
    let name = file
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let known = ["ts", "mts", "tsx", "js", "mjs", "jsx"];
    let extension = file.extension().and_then(|extension| extension.to_str());
    if extension.is_some_and(|extension| known.contains(&extension)) {
        Ok((name, source))
    } else {
        Ok((format!("{name}.ts"), source))
    }
}

fn open(arguments: &Run) -> Result<Powers, Error> {
    let config = arguments.config.as_deref();
    let named = arguments.persist_to.as_deref();
    let state = match (named, config) {
        (None, Some(folder)) if folder.is_dir() => folder.join(".atoll").join("state"),
        _ => state_folder(named, config)?,
    };
    Powers::open(
        &state,
        &state,
        arguments.key_file.as_deref(),
        Mode::Production,
    )
}

/// What the script is given, by name.
fn policies(arguments: &Run, powers: &Powers) -> Result<Vec<Given>, Error> {
    let folder = match &arguments.config {
        Some(config) if config.is_dir() => config.clone(),
        Some(config) => config.parent().unwrap_or(Path::new("")).to_owned(),
        None => std::env::current_dir()
            .map_err(|error| Error::failed("cannot tell the current folder", error))?,
    };
    let settings = read_settings(&folder)?;
    let mut given: Vec<Given> = Vec::new();
    for (name, wanted) in &arguments.allow {
        let policy = if wanted.contains("://") {
            EgressPolicy {
                audit: arguments.audit,
                ..reading(name, wanted)?
            }
        } else {
            named(&settings, wanted)?.clone()
        };
        let only = Settings {
            egress: vec![policy],
            ..Settings::default()
        };
        for policy in powers.policies(&only)?.into_values() {
            given.push((name.clone(), Arc::new(policy)));
        }
    }
    Ok(given)
}

fn named<'a>(settings: &'a Settings, wanted: &str) -> Result<&'a EgressPolicy, Error> {
    let mut policies = settings.egress.iter();
    policies.find(|policy| policy.name == wanted).ok_or_else(|| {
        let names: Vec<&str> = settings.egress.iter().map(|policy| policy.name.as_str()).collect();
        let hint = if names.is_empty() {
            "name one under `egress` in atoll.jsonc, or write a URL: --allow NAME=https://example.com/".to_owned()
        } else {
            format!("atoll.jsonc has {}", names.join(", "))
        };
        Error::mistake(format_args!("there is no egress policy {wanted}"), hint)
    })
}

/// Tells what the script logs, without end.
async fn tell(logs: &mut tokio::sync::broadcast::Receiver<LogRecord>) {
    use tokio::sync::broadcast::error::RecvError;
    loop {
        match logs.recv().await {
            Ok(record) => lines::log(&record, &Maps::default(), LogLevel::Debug),
            Err(RecvError::Lagged(count)) => {
                terminal::warning(format_args!("{count} lines of the log were dropped"));
            }
            Err(RecvError::Closed) => return,
        }
    }
}

/// Says why there is no result.
fn fail(error: &ScriptError) -> ExitCode {
    let show = |failure: &Failure| {
        if failure.kind == FailureKind::Hung {
            return terminal::error("the script waits for something that never comes");
        }
        // Nobody here knows that it is a Worker.
        let text = failure.to_string();
        let plain = text.rsplit_once("Failed to start Worker:\nUncaught ");
        terminal::error(plain.map_or(text.as_str(), |(_, plain)| plain));
        let is_ours = |line: &str| line.contains("runner.js") || line.contains("(atoll:");
        for line in failure
            .stack
            .lines()
            .filter(|line| plain.is_none() && !is_ours(line))
        {
            terminal::line(format_args!("{line}"));
        }
    };
    match error {
        ScriptError::Failed(failure) => {
            show(failure);
            ExitCode::from(FAILED)
        }
        ScriptError::Limit(failure) => {
            terminal::error(&failure.message);
            terminal::hint("--cpu-ms, --memory-mb and --wall-ms set the limits");
            ExitCode::from(LIMIT)
        }
        ScriptError::Host(message) => {
            terminal::error(message);
            terminal::hint("that is a fault of Atoll, not of the script");
            ExitCode::from(FAULT)
        }
    }
}
