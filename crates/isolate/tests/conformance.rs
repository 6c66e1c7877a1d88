//! Runs every conformance case in an isolate of its own and compares what fails with the committed list, in both
//! directions: a case that fails must be listed, and one that passes must not be.
#![expect(clippy::print_stdout, reason = "the number of cases is worth a line")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use isolate::{Isolate, Sources, Turn};
use protocol::{
    CallError, Event, FrameBuffer, FromIsolate, Module, ModuleKind, Program, Settings, ToIsolate,
};

const LIST: &str = "expected_failures.txt";
/// More CPU time than any one file of cases should need.
const CPU_MS: u32 = 60_000;

#[test]
fn every_case_does_what_the_list_says() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance");
    let mut files = Vec::new();
    collect(&root, &mut files);
    files.sort();
    assert!(!files.is_empty(), "there are no cases");
    let queue = std::sync::Mutex::new(files.into_iter());
    let results = std::sync::Mutex::new((BTreeSet::new(), 0_usize));
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            // Each isolate needs a thread of its own, with the stack that a process would have.
            scope.spawn(|| {
                loop {
                    let Some(file) = queue.lock().unwrap().next() else {
                        return;
                    };
                    let area = file
                        .strip_prefix(&root)
                        .unwrap()
                        .with_extension("")
                        .display()
                        .to_string();
                    let (failed, passed) = std::thread::Builder::new()
                        .stack_size(8 * 1024 * 1024)
                        .spawn(move || run(&file))
                        .unwrap()
                        .join()
                        .unwrap_or_else(|_| {
                            (
                                vec![("the whole file".to_owned(), "panicked".to_owned())],
                                0,
                            )
                        });
                    let mut results = results.lock().unwrap();
                    results.1 += passed;
                    for (name, why) in failed {
                        results.0.insert((format!("{area}: {name}"), why));
                    }
                }
            });
        }
    });
    let (failed, passed) = results.into_inner().unwrap();
    let listed: BTreeSet<String> = std::fs::read_to_string(root.join(LIST))
        .unwrap_or_default()
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(str::to_owned)
        .collect();
    let names: BTreeSet<String> = failed.iter().map(|(name, _)| name.clone()).collect();
    let mut report = String::new();
    for (name, why) in failed.iter().filter(|(name, _)| !listed.contains(name)) {
        report.push_str(&format!("fails and is not listed: {name}\n    {why}\n"));
    }
    for name in listed.difference(&names) {
        report.push_str(&format!("is listed and passes (or is gone): {name}\n"));
    }
    println!(
        "{passed} cases pass, {} fail as listed",
        listed.intersection(&names).count()
    );
    assert!(
        report.is_empty(),
        "{LIST} does not say what is so:\n{report}"
    );
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "js") {
            files.push(path);
        }
    }
}

/// Runs one file. Gives the failed cases with their reasons, and the number of those that passed.
fn run(file: &Path) -> (Vec<(String, String)>, usize) {
    let whole = |why: String| (vec![("the whole file".to_owned(), why)], 0);
    let isolate = match Isolate::new(Sources::Embedded) {
        Ok(isolate) => isolate,
        Err(failure) => return whole(format!("the Workers API does not load: {failure}")),
    };
    let main = "export default { async test() { await import('cases.js'); await globalThis[Symbol.for('atoll.runTests')](); } };";
    let module = |name: &str, content: Vec<u8>| Module {
        name: name.to_owned(),
        kind: ModuleKind::EsModule,
        content,
    };
    let program = Program {
        name: "cases".to_owned(),
        main: "main.js".to_owned(),
        modules: vec![
            module("main.js", main.into()),
            module("cases.js", std::fs::read(file).unwrap()),
        ],
        compatibility_date: "2026-06-11".to_owned(),
        compatibility_flags: vec!["nodejs_compat".to_owned()],
        ..Program::default()
    };
    let settings = Settings {
        memory_bytes: protocol::limits::DEFAULT_MEMORY_BYTES,
        cpu_ms: CPU_MS,
        startup_cpu_ms: CPU_MS,
        global_fetch: Some(0),
        cache: Some(1),
        loopback: None,
        bundler: None,
        is_followed: false,
    };
    isolate.allow_test_storage();
    isolate.allow_test_compilation();
    if let Err(failure) = isolate.evaluate(program, settings) {
        return whole(failure.to_string());
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
    let (mut failed, mut passed, mut wake) = (Vec::new(), 0, None);
    let mut last_error = None;
    loop {
        let mut frames = FrameBuffer::default();
        frames.extend(&isolate.take_outbox());
        let mut refused = None;
        let mut over = false;
        while let Some(payload) = frames.next_frame().unwrap() {
            match protocol::decode::<FromIsolate<'_>>(payload).unwrap() {
                FromIsolate::Log { message, .. } => {
                    if let Some(name) = message.strip_prefix("not ok ") {
                        let (name, why) = name.split_once(": ").unwrap_or((name, ""));
                        failed.push((
                            name.to_owned(),
                            why.lines().next().unwrap_or_default().to_owned(),
                        ));
                    } else if message.starts_with("ok ") {
                        passed += 1;
                    }
                }
                FromIsolate::Wake(at) => wake = at,
                FromIsolate::Call { id, .. } => refused = Some(id),
                FromIsolate::Unhandled(_, failure) => last_error = Some(failure.to_string()),
                FromIsolate::Done { outcome, .. } => {
                    over = true;
                    if let Err(failure) = outcome {
                        last_error = Some(failure.to_string());
                    }
                }
                _ => {}
            }
        }
        if over || turn == Turn::Condemned {
            if failed.is_empty() && (passed == 0 || turn == Turn::Condemned) {
                return whole(last_error.unwrap_or_else(|| "no case ran".to_owned()));
            }
            return (failed, passed);
        }
        if let Some(call) = refused {
            let error = CallError {
                name: "Error".into(),
                message: "there is no host here".into(),
                ..CallError::default()
            };
            turn = isolate.receive(ToIsolate::Result {
                call,
                now_ms: now_ms(),
                result: Err(error),
            });
        } else if let Some(at) = wake.take() {
            // Nothing else can happen before the timer: waiting for it is waiting for the event.
            std::thread::sleep(Duration::from_secs_f64(((at - now_ms()) / 1000.0).max(0.0)));
            turn = isolate.receive(ToIsolate::Tick {
                now_ms: now_ms().max(at),
            });
        } else {
            return whole(last_error.unwrap_or_else(|| "nothing is left to wait for".to_owned()));
        }
    }
}

fn now_ms() -> f64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_millis() as f64
}
