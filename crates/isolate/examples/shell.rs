//! Runs one JavaScript file with the Workers API and no host: timers run, logs are printed, everything else is refused.
//!
//! `shell [--js FOLDER] [--test] FILE.js`
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "printing is what this program is for"
)]

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use isolate::{Isolate, Sources, Turn};
use protocol::{
    CallError, Event, FrameBuffer, FromIsolate, LogLevel, Module, ModuleKind, Program, Settings,
    ToIsolate,
};

fn main() {
    let mut sources = Sources::Embedded;
    let mut file = None;
    let mut arguments = std::env::args_os().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.to_str() {
            Some("--js") => {
                sources = Sources::Folder(PathBuf::from(arguments.next().unwrap_or_default()))
            }
            Some("--test") => {}
            _ => file = Some(PathBuf::from(argument)),
        }
    }
    let Some(file) = file else {
        eprintln!("usage: shell [--js FOLDER] [--test] FILE.js");
        std::process::exit(2);
    };
    std::process::exit(run(sources, &file));
}

fn run(sources: Sources, file: &Path) -> i32 {
    let isolate = match Isolate::new(sources) {
        Ok(isolate) => isolate,
        Err(failure) => {
            eprintln!(
                "the Workers API does not load: {}: {}\n{}",
                failure.name, failure.message, failure.stack
            );
            return 1;
        }
    };
    let name = file
        .file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default();
    let content = match std::fs::read(file) {
        Ok(content) => content,
        Err(error) => {
            eprintln!("cannot read {}: {error}", file.display());
            return 2;
        }
    };
    let wrapper = format!(
        "export default {{ async test() {{ await import({name:?}); await globalThis[Symbol.for('atoll.runTests')]?.(); }} }};"
    );
    let program = Program {
        name: name.clone(),
        main: "shell-main.js".to_owned(),
        modules: vec![
            Module {
                name: "shell-main.js".to_owned(),
                kind: ModuleKind::EsModule,
                content: wrapper.into_bytes(),
            },
            Module {
                name,
                kind: ModuleKind::EsModule,
                content,
            },
        ],
        compatibility_date: "2026-06-11".to_owned(),
        compatibility_flags: vec!["nodejs_compat".to_owned()],
        ..Program::default()
    };
    let settings = Settings {
        memory_bytes: protocol::limits::DEFAULT_MEMORY_BYTES,
        cpu_ms: protocol::limits::DEFAULT_CPU_MS,
        startup_cpu_ms: protocol::limits::DEFAULT_CPU_MS,
        global_fetch: Some(0),
        cache: Some(1),
        loopback: None,
        bundler: None,
        is_followed: false,
    };
    isolate.allow_test_storage();
    isolate.allow_test_compilation();
    if let Err(failure) = isolate.evaluate(program, settings) {
        eprintln!("{}: {}\n{}", failure.name, failure.message, failure.stack);
        return 1;
    }
    isolate.receive(ToIsolate::Start {
        seed: [7; 32],
        now_ms: now_ms(),
    });
    let mut turn = isolate.receive(ToIsolate::Event {
        id: 1,
        now_ms: now_ms(),
        object: None,
        bounds: protocol::Bounds::default(),
        event: Event::Test { entrypoint: None },
    });
    let mut status = None;
    let mut wake = None;
    loop {
        let mut frames = FrameBuffer::default();
        frames.extend(&isolate.take_outbox());
        let mut calls = Vec::new();
        while let Ok(Some(payload)) = frames.next_frame() {
            match protocol::decode::<FromIsolate<'_>>(payload) {
                Ok(FromIsolate::Log {
                    level: LogLevel::Error | LogLevel::Warn,
                    message,
                    ..
                }) => eprintln!("{message}"),
                Ok(FromIsolate::Log { message, .. }) => println!("{message}"),
                Ok(FromIsolate::Wake(at)) => wake = at,
                Ok(FromIsolate::Call { id, .. }) => calls.push(id),
                Ok(FromIsolate::Unhandled(_, failure)) => {
                    eprintln!(
                        "Unhandled {}: {}\n{}",
                        failure.name, failure.message, failure.stack
                    );
                    status = Some(1);
                }
                Ok(FromIsolate::Done { outcome, .. }) => match outcome {
                    Ok(()) => status = status.or(Some(0)),
                    Err(failure) => {
                        eprintln!("{}: {}\n{}", failure.name, failure.message, failure.stack);
                        status = Some(1);
                    }
                },
                Ok(_) => {}
                Err(error) => {
                    eprintln!("the isolate sent a bad frame: {error}");
                    return 1;
                }
            }
        }
        if turn == Turn::Condemned {
            return 1;
        }
        if let Some(status) = status {
            return status;
        }
        if let Some(call) = calls.first() {
            let error = CallError {
                name: "Error".into(),
                message: "there is no host here".into(),
                ..CallError::default()
            };
            turn = isolate.receive(ToIsolate::Result {
                call: *call,
                now_ms: now_ms(),
                result: Err(error),
            });
            continue;
        }
        let Some(at) = wake.take() else {
            eprintln!("nothing is left to wait for, and the script has not ended");
            return 1;
        };
        std::thread::sleep(Duration::from_secs_f64(((at - now_ms()) / 1000.0).max(0.0)));
        turn = isolate.receive(ToIsolate::Tick {
            now_ms: now_ms().max(at),
        });
    }
}

fn now_ms() -> f64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0.0, |elapsed| elapsed.as_secs_f64() * 1000.0)
        .floor()
}
