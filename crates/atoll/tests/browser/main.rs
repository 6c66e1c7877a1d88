//! `env.BROWSER`: a real worker drives the browser that this machine has.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]
#![expect(clippy::print_stdout, reason = "a test that did not run has to say so")]

mod quick;
#[path = "../support/mod.rs"]
mod support;

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use support::process::{exists, signal, tree};
use support::{Project, Server};

const CONFIGURATION: &str = r#"{ "name": "w", "main": "index.js", "compatibility_date": "2026-06-11",
    "browser": { "binding": "BROWSER", "remote": true } }"#;

fn project(settings: &str) -> Project {
    Project::new(&[
        ("wrangler.json", CONFIGURATION),
        ("index.js", include_str!("worker.js")),
        ("atoll.jsonc", settings),
    ])
}

/// A project whose worker can have a browser, unless this machine has none.
fn with_browser(settings: &str) -> Option<Project> {
    if host::browser::installed().is_none() {
        println!("skipped: there is no Chromium to drive");
        return None;
    }
    Some(project(settings))
}

fn ask(server: &Server, what: &str) -> Value {
    let (status, answer) = server.get(what);
    assert_eq!(status, 200, "{answer}");
    serde_json::from_str(&answer).unwrap()
}

/// A site of one page on this machine. Gives its address.
fn site() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            std::thread::spawn(move || {
                let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
                let Some(Ok(first)) = lines.next() else {
                    return;
                };
                for line in lines {
                    if line.unwrap_or_default().is_empty() {
                        break;
                    }
                }
                let body = match first.contains("/data") {
                    true => "from the site",
                    false => "<!doctype html><title>A page</title><p>hello",
                };
                let length = body.len();
                // A browser that is closed does not read on.
                let _ = write!(
                    stream,
                    "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
                );
            });
        }
    });
    address
}

/// The browsers of a server, each with its profile.
fn browsers(server: u32) -> Vec<(u32, PathBuf)> {
    let profile = |process: &u32| {
        let line = fs::read(format!("/proc/{process}/cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&line).into_owned();
        let (_, rest) = line.split_once("--user-data-dir=")?;
        // What a browser has started itself names other things.
        let is_first = !line.contains("--type=");
        is_first.then(|| PathBuf::from(rest.split('\0').next().unwrap()))
    };
    let all = tree(server);
    all.iter()
        .filter_map(|process| Some((*process, profile(process)?)))
        .collect()
}

/// What there is in the end, within a minute.
fn eventually<T>(what: &str, look: impl Fn() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(began.elapsed() < Duration::from_secs(60), "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A browser of this server that listens, and its profile.
fn listening(server: u32) -> (u32, PathBuf) {
    let listens = |(_, profile): &(u32, PathBuf)| profile.join("DevToolsActivePort").is_file();
    eventually("no browser listens", || {
        browsers(server).into_iter().find(listens)
    })
}

/// Waits until none of these runs any more, nor anything that speaks of a profile.
fn wait_until_gone(processes: &[u32], profile: &Path) {
    let name = profile.file_name().unwrap().to_str().unwrap();
    let speaks = |line: Vec<u8>| String::from_utf8_lossy(&line).contains(name);
    eventually("the browser goes on", || {
        let mut others = fs::read_dir("/proc").unwrap().flatten();
        let is_there = processes.iter().any(|process| exists(*process))
            || others.any(|other| fs::read(other.path().join("cmdline")).is_ok_and(speaks));
        (!is_there).then_some(())
    });
}

#[test]
fn a_page_is_opened_asked_looked_at_and_closed() {
    let Some(project) = with_browser("{}") else {
        return;
    };
    let server = project.start(&["dev"], "ready in");
    let banner = server.banner();
    assert!(banner.contains("env.BROWSER  browser /"), "{banner}");
    assert!(
        banner.contains("`browser.remote` has no effect"),
        "{banner}"
    );
    assert!(browsers(server.id()).is_empty());
    assert_eq!(
        ask(&server, &format!("/page?url={}", site())),
        json!({
            "title": "A page", "sum": "from the site", "png": [137, 80, 78, 71], "isConnected": true,
            "status": { "status": "closed" }, "after": 410, "last": "NormalClosure",
            "sessions": { "sessions": [] },
        })
    );
    assert!(browsers(server.id()).is_empty());
    assert_eq!(server.stop().0, Some(0));
}

#[test]
fn sessions_are_apart_and_bounded() {
    let Some(project) = with_browser(r#"{ "browser": { "sessions": 2 } }"#) else {
        return;
    };
    let server = project.start(&["dev"], "ready in");
    let mut told = ask(&server, &format!("/two?url={}", site()));
    let wait = told["limits"]["timeUntilNextAllowedBrowserAcquisition"].take();
    assert!((1..=60_000).contains(&wait.as_u64().unwrap()), "{wait}");
    assert_eq!(
        told,
        json!({
            "third": 429,
            "limits": { "activeSessions": 2, "maxConcurrentSessions": 2, "allowedBrowserAcquisitions": 0,
                "timeUntilNextAllowedBrowserAcquisition": null },
            "cookies": ["of=one", ""], "type": "page", "view": true, "ownAddress": true, "answer": 42,
            "version": "1.3", "hasPages": true, "after": 0,
        })
    );
    assert_eq!(server.stop().0, Some(0));
}

#[test]
fn clients_from_before_are_understood() {
    let Some(project) = with_browser("{}") else {
        return;
    };
    let server = project.start(&["dev"], "ready in");
    assert_eq!(
        ask(&server, "/older"),
        json!({ "named": true, "again": 409, "whole": true, "largest": 1_048_575 })
    );
    assert_eq!(
        ask(&server, "/bound"),
        json!({ "product": "Chrome", "before": 1, "after": 0 })
    );
    assert_eq!(server.stop().0, Some(0));
}

#[test]
fn a_session_that_is_told_nothing_ends() {
    // On a slow machine it may take a while to connect to it.
    let Some(project) = with_browser(r#"{ "browser": { "idleSeconds": 3 } }"#) else {
        return;
    };
    let server = project.start(&["dev"], "ready in");
    assert_eq!(
        ask(&server, "/idle"),
        json!({ "over": 410, "after": 410, "reason": "BrowserIdle" })
    );
    assert_eq!(server.stop().0, Some(0));
}

#[test]
fn what_a_binding_has_not_is_refused() {
    let project = project("{}");
    let server = project.start(&["dev"], "ready in");
    let told = ask(&server, "/refused");
    let route = "a browser binding has no GET /v1/nothing";
    assert_eq!(told["route"], json!([404, route]));
    assert_eq!(told["session"][0], 404);
    assert_eq!(told["recording"][0], 400);
    assert_eq!(told["guardrails"][0], 400);
    assert_eq!(told["time"][0], 400);
    assert_eq!(told["upgrade"][0], 426);
    // The SDK takes this for a binding that has `fetch` alone.
    let none = "The RPC receiver does not implement the method \"acquire\".";
    assert_eq!(told["method"], json!(["TypeError", none]));
    assert_eq!(server.stop().0, Some(0));
}

#[test]
fn where_there_is_no_browser_it_says_what_to_do() {
    let project = project("{}");
    let nowhere = [("PATH", "/nowhere")];
    let mut server = project.start_with(&["dev"], &nowhere, "ready in");
    let banner = server.banner();
    assert!(
        banner.contains("no browser: Chromium is not installed"),
        "{banner}"
    );
    let told = ask(&server, "/idle");
    let error = told["error"].as_str().unwrap();
    assert!(error.contains("install Chromium"), "{error}");
    assert!(error.contains("\"browser\": { \"path\""), "{error}");
    server.wait_for("there is no browser for env.BROWSER");
    assert_eq!(server.stop().0, Some(0));

    project.write("atoll.jsonc", r#"{ "browser": { "path": "browser.sh" } }"#);
    let server = project.start(&["dev"], "ready in");
    let told = ask(&server, "/idle");
    let error = told["error"].as_str().unwrap();
    assert!(error.contains("there is no browser at"), "{error}");
    assert_eq!(server.stop().0, Some(0));
}

#[test]
fn a_browser_that_does_not_start_is_explained() {
    let project = project(r#"{ "browser": { "path": "/bin/false" } }"#);
    let server = project.start(&["dev"], "ready in");
    let told = ask(&server, "/idle");
    assert_eq!(
        told["error"],
        "TypeError: the browser /bin/false does not start: it exited with status 1"
    );
    assert_eq!(server.stop().0, Some(0));
}

#[test]
fn a_browser_is_nobody_elses_and_may_crash() {
    let Some(project) = with_browser("{}") else {
        return;
    };
    let server = project.start(&["dev"], "ready in");
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| ask(&server, "/wait"));
        let (first, profile) = listening(server.id());
        // As root, it is another user, whom no other file belongs to.
        let status = fs::read_to_string(format!("/proc/{first}/status")).unwrap();
        assert!(!status.contains("\nUid:\t0\t"), "{status}");
        let port = fs::read_to_string(profile.join("DevToolsActivePort")).unwrap();
        let port = port.lines().next().unwrap();
        eventually("the session does not begin", || {
            let told = ask(&server, "/sessions");
            (told["connected"] == 1).then_some(())
        });
        for host in ["127.0.0.1", "localhost", "0.0.0.0", "[::ffff:127.0.0.1]"] {
            let told = ask(&server, &format!("/port?url=http://{host}:{port}"));
            let told = told.as_str().unwrap();
            assert!(
                told.contains("where a browser of this host listens"),
                "{host}: {told}"
            );
        }
        let all = tree(first);
        signal("-KILL", first);
        let told = waiting.join().unwrap();
        // The end of its only connection, with which the session ends, may be noticed before its own.
        let reason = told["reason"].as_str();
        assert!(
            matches!(reason, Some("BrowserCrashed" | "NormalClosure")),
            "{told}"
        );
        wait_until_gone(&all, &profile);
        assert!(!profile.exists());
    });
    assert_eq!(server.stop().0, Some(0));
}

#[test]
fn a_browser_ends_with_its_host_however_that_ends() {
    let Some(project) = with_browser("{}") else {
        return;
    };
    let run = |end: &str| {
        let mut server = project.start(&["dev"], "ready in");
        let client = server.begin("/wait");
        let (first, profile) = listening(server.id());
        server.wait_for("session runs");
        let all = tree(first);
        signal(end, server.id());
        wait_until_gone(&all, &profile);
        server.wait();
        drop(client);
        profile
    };
    assert!(!run("-TERM").exists());
    let left = run("-KILL");
    assert!(left.exists());
    // The next host that starts a browser takes away what was left.
    let server = project.start(&["dev"], "ready in");
    ask(&server, &format!("/page?url={}", site()));
    assert!(!left.exists());
    assert_eq!(server.stop().0, Some(0));
}
