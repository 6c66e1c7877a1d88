//! Mistakes of those who operate a server, and what their machines do to them.

use std::fs;
use std::io::{Seek as _, SeekFrom, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use super::Case;
use super::support::Project;
use super::support::process::Process;
use super::told::{Running, ask, run, serve, with};

const OBJECTS: &str = r#""durable_objects": { "bindings": [{ "name": "ROOM", "class_name": "Room" }] },
    "migrations": [{ "tag": "v1", "new_sqlite_classes": ["Room"] }]"#;

const CODE: &str = r#"import { DurableObject } from "cloudflare:workers";
export class Room extends DurableObject {
  add() {
    const n = (this.ctx.storage.kv.get("n") ?? 0) + 1;
    this.ctx.storage.kv.put("n", n);
    return n;
  }
  fill() {
    for (let n = 0; n < 40; n++) this.ctx.storage.kv.put("f" + n, crypto.getRandomValues(new Uint8Array(65536)).toString());
    return "filled";
  }
}
export default {
  async fetch(request, env) {
    const room = env.ROOM.getByName("lobby");
    const { pathname } = new URL(request.url);
    return new Response(await (pathname === "/fill" ? room.fill() : room.add()));
  },
};
"#;

const EGRESS: &str = r#"{
  "egress": { "api": { "allow": [{ "url": "https://api.test/", "headers": { "x": "{{secret:TOKEN}}" } }] } },
  "bindings": { "API": { "egress": "api" } }
}"#;

/// A project with objects.
fn rooms() -> Project {
    with(OBJECTS, CODE)
}

/// One whose policy sends a secret, which the file `key` opens.
fn with_secret() -> Project {
    let project = with("", "export default { fetch() {} };\n");
    project.write("atoll.jsonc", EGRESS);
    project.write("value", "secret");
    let put = ["secret", "put", "TOKEN", "--file", "value"];
    project.run(&[&put[..], &["--key-file", "key"]].concat());
    project
}

/// One that has run, and has stored something.
fn stored() -> Project {
    let project = rooms();
    let running = Running::start(&project, &["serve"]);
    running.get("/");
    running.stop();
    project
}

/// The same, after a crash: what is stored is in the log alone.
fn crashed() -> Project {
    let project = rooms();
    let running = Running::start(&project, &["serve"]);
    for _ in 0..3 {
        running.get("/");
    }
    running.kill();
    project
}

fn state(project: &Project) -> PathBuf {
    project.path().join(".atoll/state")
}

fn replace_bytes(path: &PathBuf, at: u64, bytes: &[u8]) {
    let mut file = fs::OpenOptions::new().write(true).open(path).unwrap();
    file.seek(SeekFrom::Start(at)).unwrap();
    file.write_all(bytes).unwrap();
}

/// The first segment of the log.
fn segment(project: &Project) -> PathBuf {
    let entries = fs::read_dir(state(project).join("log")).unwrap();
    let mut segments: Vec<PathBuf> = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|end| end == "seg"))
        .collect();
    segments.sort();
    segments.remove(0)
}

/// A server on which a system call fails, as where a container forbids it. `None` where that cannot be had.
fn without<'a>(project: &'a Project, call: &str) -> Option<Running<'a>> {
    let strace = |rest: &[&str]| {
        let mut strace = Command::new("strace");
        strace
            .args(["-f", "-qq", "-o", "/dev/null"])
            .args(rest)
            .current_dir(project.path())
            .stdin(Stdio::null());
        strace
    };
    let can = strace(&["true"]).stderr(Stdio::null()).status();
    if !can.is_ok_and(|status| status.success()) {
        return None;
    }
    let (trace, inject) = (
        format!("trace={call}"),
        format!("inject={call}:error=EPERM"),
    );
    let atoll = env!("CARGO_BIN_EXE_atoll");
    let command = strace(&["-e", &trace, "-e", &inject, atoll, "serve"]);
    Some(Running::of(project, command))
}

const HI: &str = "export default { fetch() { return new Response(\"hi\") } };\n";

/// Atoll as another user. `None` where this one may not start programs as others.
fn as_another(project: &Project, user: u32) -> Option<Command> {
    // The binary may be in a folder of this user's own.
    let binary = project.path().join("atoll");
    fs::copy(env!("CARGO_BIN_EXE_atoll"), &binary).unwrap();
    let cache = project.path().join("cache");
    fs::create_dir(&cache).unwrap();
    fs::set_permissions(&cache, fs::Permissions::from_mode(0o777)).unwrap();
    fs::set_permissions(project.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let mut command = Command::new("setpriv");
    command
        .args([format!("--reuid={user}"), format!("--regid={user}")])
        .arg("--clear-groups")
        .arg(&binary)
        .env("HOME", &cache)
        .env("ATOLL_CACHE", &cache)
        .current_dir(project.path())
        .stdin(Stdio::null());
    let can = Command::new("setpriv")
        .args(command.get_args())
        .arg("--version")
        .current_dir(project.path())
        .output();
    can.is_ok_and(|output| output.status.success())
        .then_some(command)
}

pub(crate) const CASES: &[Case] = &[
    ("the port is taken", || {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = taken.local_addr().unwrap().port();
        let project = with("", "export default { fetch() {} };\n");
        let told = run(&project, &["serve", "--port", &port.to_string()]);
        let next = port.checked_add(1).unwrap_or(8787).to_string();
        Some(
            told.replace(&next, "NEXT")
                .replace(&port.to_string(), "PORT"),
        )
    }),
    ("the port for metrics is taken", || {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = taken.local_addr().unwrap().port();
        let project = with("", "export default { fetch() {} };\n");
        let told = run(&project, &["serve", "--metrics-port", &port.to_string()]);
        let next = port.checked_add(1).unwrap_or(8787).to_string();
        Some(
            told.replace(&next, "NEXT")
                .replace(&port.to_string(), "PORT"),
        )
    }),
    ("an address of another machine", || {
        let project = with("", "export default { fetch() {} };\n");
        Some(run(
            &project,
            &["serve", "--ip", "203.0.113.7", "--port", "0"],
        ))
    }),
    ("TLS", || {
        let project = with("", "export default { fetch() {} };\n");
        Some(run(&project, &["serve", "--local-protocol", "https"]))
    }),
    ("two workers of one name", || {
        let worker =
            r#"{ "name": "same", "main": "../index.js", "compatibility_date": "2026-06-11" }"#;
        let project = Project::new(&[
            ("a/wrangler.json", worker),
            ("b/wrangler.json", worker),
            ("index.js", "export default {};\n"),
        ]);
        Some(run(&project, &["serve", "-c", "a", "-c", "b"]))
    }),
    ("a worker that is not started", || {
        let project = with(
            r#""services": [{ "binding": "AUTH", "service": "auth" }]"#,
            "export default {\n  async fetch(request, env) {\n    return env.AUTH.fetch(request);\n  },\n};\n",
        );
        ask(&project, "Uncaught")
    }),
    ("the folder of state is in use", || {
        let project = rooms();
        let running = Running::start(&project, &["serve"]);
        let told = run(&project, &["serve", "--port", "0"]);
        running.stop();
        let (before, rest) = told.split_once("in use by process ")?;
        let rest = rest.trim_start_matches(|sign: char| sign.is_ascii_digit());
        Some(format!("{before}in use by process N{rest}"))
    }),
    ("a folder of state that cannot be made", || {
        Some(run(
            &rooms(),
            &["serve", "--port", "0", "--persist-to", "/proc/atoll"],
        ))
    }),
    ("a file in place of the folder of state", || {
        let project = rooms();
        project.write("state", "");
        Some(run(
            &project,
            &["serve", "--port", "0", "--persist-to", "state"],
        ))
    }),
    ("state of a newer version", || {
        let project = stored();
        let path = state(&project).join("format");
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, text.replacen("storage 1", "storage 9", 1)).unwrap();
        serve(&project)
    }),
    ("a folder of something else", || {
        let project = rooms();
        project.write("other/format", "PNG");
        Some(run(
            &project,
            &["serve", "--port", "0", "--persist-to", "other"],
        ))
    }),
    ("the log was deleted", || {
        let project = stored();
        fs::remove_dir_all(state(&project).join("log")).unwrap();
        serve(&project)
    }),
    ("the log is damaged", || {
        let project = crashed();
        replace_bytes(&segment(&project), 120, b"scratched");
        let told = serve(&project)?;
        let (before, rest) = told.split_once("at byte ")?;
        let rest = rest.trim_start_matches(|sign: char| sign.is_ascii_digit());
        Some(format!("{before}at byte N{rest}"))
    }),
    ("an object's file was deleted", || {
        let project = stored();
        fs::remove_dir_all(state(&project).join("objects")).unwrap();
        ask(&project, "Internal error")
    }),
    ("the list of migrations is damaged", || {
        let project = stored();
        fs::write(state(&project).join("migrations.json"), "{").unwrap();
        serve(&project)
    }),
    ("killed at work, and started again", || {
        let project = crashed();
        ask(&project, "isolates are held by")
    }),
    ("a worker got another name", || {
        let project = stored();
        let text = fs::read_to_string(project.path().join("wrangler.json")).unwrap();
        project.write("wrangler.json", &text.replacen("\"w\"", "\"v\"", 1));
        let mut running = Running::start(&project, &["serve"]);
        running.wait_for("isolates are held by");
        let told = running.stop();
        let own = told.lines().filter(|line| !line.starts_with("  v  "));
        Some(own.map(|line| format!("{line}\n")).collect())
    }),
    ("the disk is full", || {
        let project = rooms();
        let state = project.path().join("small");
        fs::create_dir(&state).unwrap();
        let script = "mount -t tmpfs -o size=150m tmpfs small && exec \"$0\" serve --persist-to small \"$@\"";
        let shell = |script: &str| {
            let mut unshare = Command::new("unshare");
            unshare
                .args(["--user", "--map-root-user", "--mount", "sh", "-c", script])
                .arg(env!("CARGO_BIN_EXE_atoll"))
                .current_dir(project.path())
                .stdin(Stdio::null());
            unshare
        };
        let can = shell("mount -t tmpfs tmpfs small")
            .stderr(Stdio::null())
            .status();
        if !can.is_ok_and(|status| status.success()) {
            return None;
        }
        let mut running = Running::of(&project, shell(script));
        let mut told = running.get("/");
        for _ in 0..30 {
            let answer = running.get("/fill");
            if !answer.contains("200 filled") {
                told += &answer;
                break;
            }
        }
        // What else it says depends on what was under way, and where.
        let reason = "Internal error in Durable Object storage";
        running.wait_for(reason);
        let said = running.stop();
        let line = said.lines().find_map(|line| line.split_once(reason));
        Some(format!(
            "$ atoll serve\n{told}{reason}{}\n",
            line.map_or("", |(_, rest)| rest)
        ))
    }),
    ("no descriptors are left", || {
        let project = with(
            "",
            "export default { fetch() { return new Response(\"hi\") } };\n",
        );
        let mut limited = Command::new("sh");
        limited
            .args(["-c", "ulimit -n 48 && exec \"$0\" serve \"$@\""])
            .arg(env!("CARGO_BIN_EXE_atoll"))
            .current_dir(project.path())
            .stdin(Stdio::null());
        let mut running = Running::of(&project, limited);
        let many: Vec<TcpStream> = (0..64)
            .map(|_| TcpStream::connect(&running.address).unwrap())
            .collect();
        running.wait_for("cannot accept");
        drop(many);
        let answer = running.get("/");
        Some(format!("$ atoll serve\n{answer}{}", running.stop()))
    }),
    ("namespaces are forbidden", || {
        let project = rooms();
        let running = without(&project, "unshare")?;
        let held = running.said();
        let held = held
            .lines()
            .find(|line| line.contains("isolates are held by"))?;
        assert!(held.contains("seccomp, limits"), "{held}");
        assert!(!held.contains("network namespace"), "{held}");
        Some(format!("$ atoll serve\n{}", running.get("/")))
    }),
    ("system call filters are forbidden", || {
        let project = rooms();
        // It ends by itself, which is what is to be seen.
        let said = without(&project, "seccomp")?.said();
        Some(format!("$ atoll serve\n{}", project.mask(&said)))
    }),
    ("processes are hidden", || {
        let project = rooms();
        // Another user writes its state.
        let everybody = fs::Permissions::from_mode(0o777);
        fs::set_permissions(project.path(), everybody).unwrap();
        // The binary may be in a folder of another user's own.
        let binary = project.path().join("atoll");
        fs::copy(env!("CARGO_BIN_EXE_atoll"), &binary).unwrap();
        let mut command = Command::new("unshare");
        command
            .args(["--mount", "--propagation", "private", "sh", "-c"])
            .arg("mount -t proc proc /proc -o hidepid=ptraceable && exec setpriv --reuid=4242 --regid=4242 --clear-groups \"$@\"")
            .arg("sh")
            .current_dir(project.path());
        let can = Command::new("unshare")
            .args(command.get_args())
            .arg(&binary)
            .arg("--version")
            .output();
        if !can.is_ok_and(|output| output.status.success()) {
            return None;
        }
        command.arg(&binary).arg("serve");
        let said = Running::of(&project, command).said();
        Some(format!("$ atoll serve\n{}", project.mask(&said)))
    }),
    ("a request that is too large", || {
        let project = with(
            "",
            "export default {\n  async fetch(request) {\n    await request.text();\n    return new Response(\"hi\");\n  },\n};\n",
        );
        let running = Running::start(&project, &["serve"]);
        let head = "POST / HTTP/1.1\r\nHost: test\r\nConnection: close\r\n";
        let long = "a".repeat(140_000);
        let mut told = String::from("$ atoll serve\n");
        for (what, request) in [
            (
                "a long body",
                format!("{head}Content-Length: 200000000\r\n\r\n"),
            ),
            ("long headers", format!("{head}X-Long: {long}\r\n\r\n")),
            (
                "a long URL",
                format!(
                    "GET /{} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n",
                    &long[..20_000]
                ),
            ),
            (
                "no host",
                "GET / HTTP/1.1\r\nConnection: close\r\n\r\n".to_owned(),
            ),
            ("no HTTP", "HELO test\r\n\r\n".to_owned()),
        ] {
            told += &format!("> {what}\n{}", running.send(request.as_bytes()));
        }
        Some(told + &running.stop())
    }),
    ("a secret that is not set", || {
        let project = with("", "export default { fetch() {} };\n");
        project.write("atoll.jsonc", EGRESS);
        Some(run(&project, &["serve", "--key-file", "key"]))
    }),
    ("a key that others can read", || {
        let project = with_secret();
        let chmod = Command::new("chmod")
            .args(["644", "key"])
            .current_dir(project.path())
            .status();
        assert!(chmod.unwrap().success());
        Some(run(&project, &["serve", "--key-file", "key"]))
    }),
    ("a key that is lost", || {
        let project = with_secret();
        fs::remove_file(project.path().join("key")).unwrap();
        Some(run(&project, &["serve", "--key-file", "key"]))
    }),
    ("objects of another folder", || {
        Some(run(&Project::new(&[]), &["objects", "list"]))
    }),
    ("objects of a configuration that is not there", || {
        let project = stored();
        Some(run(&project, &["objects", "list", "-c", "wrangler.jsn"]))
    }),
    ("objects of a folder that can only be read", || {
        let project = stored();
        let mut list = as_another(&project, 4242)?;
        let output = list.args(["objects", "list"]).output().unwrap();
        let told = project.mask(&String::from_utf8_lossy(&output.stderr));
        let code = output.status.code().unwrap();
        Some(format!("$ atoll objects list\n{told}exit code {code}\n"))
    }),
    ("logs of which nothing matches", || {
        let project = with("", HI);
        let lines = |project: &Project| run(project, &["logs", "--worker", "other"]);
        let mut told = lines(&project);
        let line = r#"{"time":"2026-06-11T00:00:00.000Z","kind":"log","worker":"w","level":"log","message":"hi"}"#;
        for lines_kept in [1, 2] {
            let kept = format!("{line}\n").repeat(lines_kept);
            project.write(".atoll/state/logs/console.jsonl", &kept);
            told += &lines(&project);
        }
        Some(told)
    }),
    ("an object whose name is misspelt", || {
        let project = stored();
        Some(
            run(&project, &["objects", "show", "Rom", "lobby"])
                + &run(&project, &["objects", "show", "Room", "loby"])
                + &run(
                    &project,
                    &["objects", "restore", "Room", "lobby", "--to", "yesterday"],
                ),
        )
    }),
    ("one port for requests and metrics", || {
        let project = with("", HI);
        let port = ["--port", "9787", "--metrics-port", "9787"];
        Some(run(&project, &[&["serve"][..], &port].concat()))
    }),
    ("a folder without a configuration", || {
        let project = with("", HI);
        fs::create_dir(project.path().join("site")).unwrap();
        Some(run(&project, &["serve", "-c", "site"]))
    }),
    ("a folder of state that leads nowhere", || {
        let project = rooms();
        std::os::unix::fs::symlink("gone", project.path().join("state")).unwrap();
        let told = ["serve", "--port", "0", "--persist-to", "state"];
        Some(run(&project, &told))
    }),
    ("packages of a project that can only be read", || {
        let project = with("", HI);
        project.write("package.json", r#"{ "dependencies": { "hono": "^4" } }"#);
        // Nobody is asked for them: there is no registry.
        project.write(".npmrc", "registry=http://127.0.0.1:9/\nfetch-retries=0\n");
        let mut serve = as_another(&project, 4242)?;
        let output = serve.arg("serve").output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        let code = output.status.code().unwrap();
        let told = project.mask(&told);
        Some(format!("$ atoll serve\n{told}exit code {code}\n"))
    }),
    ("as nobody", || {
        let project = rooms();
        let mut serve = as_another(&project, 65_534)?;
        let everybody = fs::Permissions::from_mode(0o777);
        fs::set_permissions(project.path(), everybody).unwrap();
        serve.arg("serve");
        let running = Running::of(&project, serve);
        Some(format!("$ atoll serve\n{}", running.get("/")))
    }),
    ("asked to end while it starts", || {
        let project = with("", "for (;;) {}\n");
        project.write("atoll.jsonc", r#"{ "limits": { "startupCpuMs": 30000 } }"#);
        let mut serve = project.command(&["serve", "--port", "0"]);
        let mut process = Process::start(&mut serve);
        // What a container asks before that does nothing, as for every first process of one.
        let listens = || {
            let status = fs::read_to_string(format!("/proc/{}/status", process.id())).unwrap();
            let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
            let caught = u64::from_str_radix(caught.unwrap().trim(), 16).unwrap();
            caught & (1 << 14) != 0
        };
        while !listens() {
            std::thread::sleep(Duration::from_millis(1));
        }
        process.signal("-TERM");
        let code = process.wait().code();
        Some(format!(
            "$ atoll serve\n(SIGTERM)\nexit code {}\n",
            code.unwrap()
        ))
    }),
    ("the terminal was closed", || {
        let project = rooms();
        let mut told = String::new();
        // Whoever runs this may ignore the signal, and what is started would inherit that.
        for program in [&["env", "--default-signal=HUP"][..], &["nohup"]] {
            let is_kept = program[0] == "nohup";
            let atoll = env!("CARGO_BIN_EXE_atoll");
            let words = [program, &[atoll, "serve"]].concat();
            let mut command = Command::new(words[0]);
            command.args(&words[1..]).current_dir(project.path());
            command.stdin(Stdio::null());
            let running = Running::of(&project, command);
            running.signal("-HUP");
            let answer = match is_kept {
                true => running.get("/"),
                false => String::new(),
            };
            told += &format!(
                "$ {}atoll serve\n(SIGHUP)\n{answer}",
                if is_kept { "nohup " } else { "" }
            );
            if is_kept {
                running.signal("-TERM");
            }
            told += &format!("exit code {}\n", running.end());
        }
        Some(told)
    }),
];
