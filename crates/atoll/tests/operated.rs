//! What those who operate a server see of it: health, metrics, and what is packaged for them.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::ops::Range;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{ChildStderr, Command, Stdio};
use std::time::{Duration, Instant};

use support::process::{Process, address_in, children, signal};
use support::{Project, get_from};

const CODE: &str = r#"
import { DurableObject } from "cloudflare:workers";
export class Counter extends DurableObject {
  add() { const n = (this.ctx.storage.kv.get("n") ?? 0) + 1; this.ctx.storage.kv.put("n", n); return n; }
}
export default {
  async fetch(request, env) {
    const { pathname } = new URL(request.url);
    if (pathname === "/boom") throw new Error("boom");
    if (pathname === "/spin") for (;;);
    if (pathname === "/out") return new Response(await fetch("http://127.0.0.1:1/").then(() => "there", () => "nobody"));
    if (pathname === "/count") return new Response(await env.COUNTER.getByName("one").add());
    return new Response("the worker's " + pathname);
  },
};
"#;

/// Nothing takes as long as that unless it does not come.
const PATIENCE: Duration = Duration::from_secs(20);

fn project() -> Project {
    Project::new(&[
        (
            "wrangler.json",
            r#"{ "name": "w", "main": "index.js", "compatibility_date": "2026-06-11", "limits": { "cpu_ms": 50 },
                 "durable_objects": { "bindings": [{ "name": "COUNTER", "class_name": "Counter" }] },
                 "migrations": [{ "tag": "v1", "new_sqlite_classes": ["Counter"] }] }"#,
        ),
        ("index.js", CODE),
    ])
}

/// The value of one row of a page of metrics.
fn value(page: &str, row: &str) -> Option<f64> {
    let line = page
        .lines()
        .find(|line| line.rsplit_once(' ').is_some_and(|(name, _)| name == row))?;
    line.rsplit_once(' ')?.1.parse().ok()
}

#[test]
fn an_operator_sees_how_a_server_is_on_a_port_of_its_own() {
    let project = project();
    let mut server = project.start(
        &["serve", "--metrics-port", "0"],
        "metrics and health on http://",
    );
    let banner = server.banner().to_owned();
    let (_, address) = banner.split_once("metrics and health on http://").unwrap();
    let operated = address.split_whitespace().next().unwrap();
    let page = |path: &str| get_from(operated, path);

    assert_eq!(page("/healthz"), (200, "ok\n".to_owned()));
    // It says where it will listen before it listens: a request that is answered is later than that.
    assert_eq!(server.get("/x").0, 200);
    assert_eq!(page("/readyz"), (200, "ready\n".to_owned()));
    assert_eq!(page("/").0, 404);
    for path in ["/metrics", "/healthz", "/readyz"] {
        let answer = server.get(path);
        assert_eq!(answer, (200, format!("the worker's {path}")));
    }
    assert_eq!(server.get("/count"), (200, "1".to_owned()));
    assert_eq!(server.get("/count"), (200, "2".to_owned()));
    assert_eq!(server.get("/out"), (200, "nobody".to_owned()));
    assert_eq!(server.get("/boom").0, 500);
    server.wait_for("Uncaught Error: boom");
    assert!(server.get("/spin").0 >= 500);
    server.wait_for("CPU");

    let (status, metrics) = page("/metrics");
    assert_eq!(status, 200);
    let row = |name: &str| value(&metrics, name).unwrap_or_else(|| panic!("{name} in\n{metrics}"));
    assert_eq!(row("atoll_requests_total{status=\"200\"}"), 7.0);
    assert_eq!(row("atoll_requests_total{status=\"500\"}"), 1.0);
    assert_eq!(row("atoll_request_errors_total{reason=\"exception\"}"), 1.0);
    assert_eq!(row("atoll_request_errors_total{reason=\"cpu_limit\"}"), 1.0);
    assert_eq!(
        row("atoll_egress_requests_total{worker=\"w\",through=\"network\",outcome=\"failed\"}"),
        1.0
    );
    assert_eq!(row("atoll_objects_awake"), 1.0);
    assert!(row("atoll_commits_total") >= 2.0);
    assert!(row("atoll_log_syncs_total") >= 1.0);
    assert!(row("atoll_log_sync_seconds_total") > 0.0);
    assert!(row("atoll_log_bytes") > 0.0);
    assert_eq!(row("atoll_storage_up"), 1.0);
    assert_eq!(row("atoll_object_sockets"), 0.0);
    assert!(row("atoll_isolates{worker=\"w\"}") >= 1.0);
    assert_eq!(
        row("atoll_request_duration_seconds_count"),
        row("atoll_request_duration_seconds_bucket{le=\"+Inf\"}")
    );
    // Every series has its kind and its words, once.
    for line in metrics.lines().filter(|line| !line.starts_with('#')) {
        let name = line.split(['{', ' ']).next().unwrap();
        let base = ["_bucket", "_sum", "_count"]
            .iter()
            .find_map(|end| name.strip_suffix(end))
            .unwrap_or(name);
        let kind = format!("# TYPE {base} ");
        assert_eq!(metrics.matches(&kind).count(), 1, "{name}");
    }
    assert_eq!(server.stop().0, Some(0));
}

#[test]
fn a_service_manager_is_told_when_it_is_ready_and_when_it_stops() {
    let project = project();
    let path = project.path().join("notify");
    let manager = UnixDatagram::bind(&path).unwrap();
    let server = project.start_with(
        &["serve"],
        &[("NOTIFY_SOCKET", path.to_str().unwrap())],
        "isolates are held by",
    );
    let mut buffer = [0; 64];
    let mut told = || {
        let length = manager.recv(&mut buffer).unwrap();
        String::from_utf8(buffer[..length].to_vec()).unwrap()
    };
    assert_eq!(told(), "READY=1");
    assert_eq!(server.get("/x").0, 200);
    assert_eq!(server.stop().0, Some(0));
    assert_eq!(told(), "STOPPING=1");
}

#[test]
fn a_server_that_has_nothing_to_fork_from_any_more_ends_with_an_error() {
    for command in ["serve", "dev"] {
        for depth in [1, 2] {
            let project = project();
            let mut server = project.start(&[command], "http://");
            assert_eq!(server.get("/count").0, 200);
            let forkers = (0..depth).fold(vec![server.id()], |above, _| {
                above.into_iter().flat_map(children).collect()
            });
            for forker in forkers {
                signal("-KILL", forker);
            }
            // What is forked from the first ends with it, and may be noticed before.
            let said = ["are forked from", "isolates of `w` are forked from"];
            server.wait_for(said[depth - 1]);
            server.wait_for("hint");
            assert_eq!(server.wait().code(), Some(1), "{command}");
        }
    }
}

/// Kilobytes that a process shares with nobody. `None` where this user may not look.
fn private(process: u32) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{process}/smaps_rollup")).ok()?;
    let lines = text.lines().filter(|line| line.starts_with("Private_"));
    lines
        .map(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok())
        .sum()
}

#[test]
#[expect(clippy::print_stderr, reason = "who shows nothing says so")]
fn workers_that_have_nothing_to_do_give_back_what_they_share_with_others() {
    const BUSY: u32 = 40;
    let project = Project::new(&[
        (
            "wrangler.json",
            r#"{ "name": "w", "main": "index.js", "compatibility_date": "2026-06-11",
                 "worker_loaders": [{ "binding": "LOADER" }] }"#,
        ),
        (
            "index.js",
            r#"export default {
                async fetch(request, env) {
                  const names = Array.from({ length: 20 }, (_, index) => `kept ${index}`);
                  const modules = { "main.js": `let n = 0; export default { fetch() { return new Response(String(n += 1)); } };` };
                  const code = () => ({ compatibilityDate: "2026-06-11", mainModule: "main.js", modules });
                  const answers = names.map(async (name) => {
                    const answer = await env.LOADER.get(name, code).getEntrypoint().fetch("http://dynamic/");
                    return answer.text();
                  });
                  return new Response((await Promise.all(answers)).join(" "));
                },
              };"#,
        ),
    ]);
    let server = project.start(&["serve"], "http://");
    let answered = |count: u32| (200, [count.to_string().as_str(); 20].join(" "));
    // However much there was to do, without a pause.
    for count in 1..=BUSY {
        assert_eq!(server.get("/"), answered(count));
    }
    let zygote = children(server.id())[0];
    let at_once: Option<Vec<(u32, u64)>> = children(zygote)
        .into_iter()
        .map(|process| Some((process, private(process)?)))
        .collect();
    let Some(at_once) = at_once else {
        eprintln!("skipped: the memory of these processes cannot be looked at");
        return;
    };
    let has_given_back = |(process, before): &&(u32, u64)| {
        private(*process).is_some_and(|now| 10 * now < 9 * before)
    };
    let began = Instant::now();
    // Some may have done so before they were looked at.
    while at_once.iter().filter(has_given_back).count() < 5 {
        assert!(began.elapsed() < PATIENCE, "all stay as they are");
        std::thread::yield_now();
    }
    // They are none the worse.
    assert_eq!(server.get("/"), answered(BUSY + 1));
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn packaged(name: &str) -> String {
    std::fs::read_to_string(root().join("packaging").join(name)).unwrap()
}

/// Every flag of a command line that is packaged is one that `atoll serve` has.
fn assert_flags_exist(name: &str, line: &str) {
    let (_, help, _) = Project::new(&[]).run(&["serve", "--help"]);
    let flags: Vec<&str> = line
        .split(|sign: char| sign.is_whitespace() || "\",=".contains(sign))
        .filter(|word| word.starts_with("--"))
        .collect();
    assert!(flags.len() >= 3, "{name} starts nothing: {line}");
    for flag in flags {
        let is_there = help.split([' ', ',']).any(|word| word.trim() == flag);
        assert!(
            is_there,
            "{name} uses {flag}, which `atoll serve` does not have"
        );
    }
}

#[test]
fn the_service_is_one_that_systemd_takes_and_atoll_has() {
    let unit = packaged("atoll.service");
    let start = unit
        .lines()
        .find(|line| line.starts_with("ExecStart="))
        .unwrap();
    assert_flags_exist("atoll.service", start);
    // It looks whether the programs that it is to start are there.
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("atoll.service");
    let ours = unit.replace("/usr/local/bin/atoll", env!("CARGO_BIN_EXE_atoll"));
    std::fs::write(&path, ours).unwrap();
    let Ok(output) = Command::new("systemd-analyze")
        .arg("verify")
        .arg(&path)
        .output()
    else {
        return;
    };
    let said = String::from_utf8_lossy(&output.stderr);
    let about_it: Vec<&str> = said
        .lines()
        .filter(|line| line.contains("atoll.service"))
        .collect();
    assert!(about_it.is_empty(), "{said}");
}

#[test]
fn the_container_is_made_of_what_is_here_and_starts_what_atoll_has() {
    let text = packaged("Containerfile");
    let start = text.lines().find(|line| line.starts_with("CMD ")).unwrap();
    assert_flags_exist("Containerfile", start);
    let (_, crate_path) = text.split_once("--path ").unwrap();
    let crate_path = crate_path.split_whitespace().next().unwrap();
    assert!(root().join(crate_path).join("Cargo.toml").exists());
    let manifest = std::fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let (_, version) = manifest.split_once("rust-version = \"").unwrap();
    let version = version.split('"').next().unwrap();
    assert!(
        text.contains(&format!("library/rust:{version}")),
        "{version}"
    );
}

/// Says which request it answers, at some length.
const TALKS: &str = r#"
export default { fetch(request) {
  const number = new URL(request.url).pathname.split("/")[1];
  console.log(`request ${number} ${"-".repeat(400)}`);
  return new Response("answered");
} };
"#;
/// More than pipes and queues hold of what is said about it.
const FLOOD: usize = 5000;

/// A server whose standard error is a pipe that is read as far as the line that says where it listens.
fn talking() -> (Project, Process, BufReader<ChildStderr>, String) {
    let project = Project::of(TALKS);
    let mut command = project.command(&["serve", "--port", "0"]);
    let mut process = Process::start(command.stdout(Stdio::null()).stderr(Stdio::piped()));
    let mut errors = BufReader::new(process.errors());
    let mut line = String::new();
    let address = loop {
        assert_ne!(errors.read_line(&mut line).unwrap(), 0, "it ended: {line}");
        if let Some(address) = address_in(&line) {
            break address;
        }
    };
    (project, process, errors, address)
}

fn flood(address: &str, requests: Range<usize>) {
    for number in requests {
        let answer = get_from(address, &format!("/{number}/{}", "-".repeat(300)));
        assert_eq!(answer, (200, "answered".to_owned()));
    }
}

#[test]
fn a_server_answers_also_while_nobody_reads_what_it_says() {
    let (_project, mut process, errors, address) = talking();
    flood(&address, 0..FLOOD);
    // What it said in the meantime comes in order, as far as there was room, and then it says how much is missing. What came
    // last may have found room again.
    let mut lines = errors.lines().map(Result::unwrap);
    let (mut told, mut lost) = (0, 0);
    while told + lost < FLOOD {
        let line = lines.next().unwrap();
        if let Some((_, rest)) = line.split_once("request ") {
            let next = told + lost;
            assert!(rest.starts_with(&format!("{next} ")), "{next}: {line}");
            told += 1;
        } else if let Some((start, _)) = line.split_once(" lines were dropped: standard error") {
            lost += start.rsplit_once(' ').unwrap().1.parse::<usize>().unwrap();
        }
    }
    assert!(told > 0 && lost > 0, "{told} and {lost}");
    flood(&address, FLOOD..FLOOD + 1);
    let next = lines.next().unwrap();
    assert!(next.contains(&format!("request {FLOOD} ")), "{next}");
    process.signal("-TERM");
    assert_eq!(process.wait().code(), Some(0));
}

#[test]
fn a_server_ends_although_nobody_reads_what_it_says() {
    let (_project, mut process, errors, address) = talking();
    flood(&address, 0..FLOOD);
    process.signal("-TERM");
    assert_eq!(process.wait().code(), Some(0));
    drop(errors);
}

#[test]
fn a_server_answers_also_when_nobody_can_read_what_it_says() {
    let (_project, mut process, errors, address) = talking();
    drop(errors);
    flood(&address, 0..10);
    process.signal("-TERM");
    assert_eq!(process.wait().code(), Some(0));
}

#[test]
fn an_access_log_that_nobody_reads_holds_up_nothing() {
    let project = Project::of(TALKS);
    let mut server = project.start(&["serve", "--access-log", "json"], "http://");
    for number in 0..FLOOD {
        let path = format!("/{number}/{}", "-".repeat(300));
        assert_eq!(server.get(&path), (200, "answered".to_owned()));
    }
    server.wait_for(&format!("request {} ", FLOOD - 1));
    let (code, output) = server.stop();
    assert_eq!(code, Some(0));
    for (number, line) in output.lines().enumerate() {
        assert!(line.contains(&format!("\"path\":\"/{number}/")), "{line}");
    }
}
