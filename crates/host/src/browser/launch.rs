//! Starting a browser.

use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{ChildStderr, Command};
use std::time::Duration;

use jail::{Companion, Exit};
use tokio::io::AsyncReadExt as _;
use tokio::net::unix::pipe;
use tokio::sync::oneshot;

use super::Options;
use super::profile::Profile;
use crate::egress::ReservedPort;

/// How long it may take until it listens.
const START_TIMEOUT: Duration = Duration::from_secs(60);
/// What is kept of what it says on its way.
const KEPT_BYTES: usize = 16 * 1024;
/// What it says when it listens, before the address.
const LISTENING: &str = "DevTools listening on ";
/// Lines of it that an error has.
const TOLD_LINES: usize = 4;

/// What Chromium is called, in the order of preference.
const NAMES: [&str; 6] = [
    "chromium",
    "chromium-browser",
    "google-chrome-stable",
    "google-chrome",
    "chrome",
    "chrome-headless-shell",
];

/// What a browser is told that a program drives: no windows, no questions, nothing that it does by itself, and nothing that
/// slows down what nobody looks at.
const FLAGS: [&str; 25] = [
    "--headless=new",
    "--remote-debugging-port=0",
    "--enable-automation",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-background-networking",
    "--disable-background-timer-throttling",
    "--disable-backgrounding-occluded-windows",
    "--disable-breakpad",
    "--disable-component-update",
    "--disable-default-apps",
    // Where containers have little shared memory, it takes files.
    "--disable-dev-shm-usage",
    "--disable-extensions",
    "--disable-features=MediaRouter,OptimizationHints,Translate",
    "--disable-hang-monitor",
    "--disable-ipc-flooding-protection",
    "--disable-popup-blocking",
    "--disable-prompt-on-repost",
    "--disable-renderer-backgrounding",
    "--disable-sync",
    "--force-color-profile=srgb",
    "--hide-scrollbars",
    "--metrics-recording-only",
    "--mute-audio",
    "--password-store=basic",
];

/// What a browser's environment has of the host's: the way to the network, and the time zone.
const VARIABLES: [&str; 9] = [
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "all_proxy",
    "PATH",
    "TZ",
];

/// A browser that listens.
pub(super) struct Launched {
    pub(super) companion: Companion,
    /// Resolves when it has ended.
    pub(super) ended: oneshot::Receiver<Exit>,
    pub(super) profile: Profile,
    pub(super) port: ReservedPort,
    /// The path of the connection to all of it.
    pub(super) path: String,
}

/// Why there is no browser. The text is for whoever runs the host.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    #[error(
        "there is no browser for env.BROWSER: install Chromium (apt install chromium) or Chrome, or name its program in \
         atoll.jsonc: \"browser\": {{ \"path\": \"/usr/bin/chromium\" }}"
    )]
    NotInstalled,
    #[error("there is no browser at {}: see `browser.path` in atoll.jsonc", .0.display())]
    NotThere(PathBuf),
    #[error("the browser {program} does not start: {why}")]
    Failed { program: String, why: String },
}

/// The browser that is taken where none is named: the first that `PATH` has.
#[must_use]
pub fn installed() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let mut candidates = NAMES
        .iter()
        .flat_map(|name| folders.iter().map(move |folder| folder.join(name)));
    candidates.find(|file| file.is_file())
}

/// Starts one and waits until it listens.
pub(super) async fn launch(options: &Options) -> Result<Launched, Error> {
    let program = match &options.program {
        Some(program) if program.is_file() => program.clone(),
        Some(program) => return Err(Error::NotThere(program.clone())),
        None => installed().ok_or(Error::NotInstalled)?,
    };
    let failed = |why: String| Error::Failed {
        program: program.display().to_string(),
        why,
    };
    let (sender, mut ended) = oneshot::channel();
    let sandbox = options.sandbox;
    let start = {
        let program = program.clone();
        move || {
            let user = jail::companion_user();
            let profile = Profile::make(user)?;
            let command = command(&program, profile.path(), sandbox);
            // Who asked may be gone.
            let tell = |exit| {
                let _ = sender.send(exit);
            };
            let (companion, errors) = Companion::start(command, user, tell)?;
            Ok((companion, errors, profile))
        }
    };
    let started: std::io::Result<_> = match tokio::task::spawn_blocking(start).await {
        Ok(started) => started,
        Err(error) => return Err(failed(error.to_string())),
    };
    let (companion, errors, profile) = started.map_err(|error| failed(error.to_string()))?;
    let mut said = Said::new(errors).map_err(|error| failed(error.to_string()))?;
    let address = tokio::time::timeout(START_TIMEOUT, said.address()).await;
    let Ok(Some((port, path))) = address else {
        companion.kill();
        let how = match (address, (&mut ended).await) {
            (Err(_), _) => format!("it said nothing within {} s", START_TIMEOUT.as_secs()),
            (_, Ok(Exit::Signal(9)) | Err(_)) => "it ended".to_owned(),
            (_, Ok(exit)) => format!("it {exit}"),
        };
        return Err(failed(said.explained(&how)));
    };
    let port = ReservedPort::new(port);
    tokio::spawn(said.forget());
    Ok(Launched {
        companion,
        ended,
        profile,
        port,
        path,
    })
}

fn command(program: &Path, profile: &Path, sandbox: bool) -> Command {
    let mut command = Command::new(program);
    command.env_clear();
    for name in VARIABLES {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    command
        .env("HOME", profile)
        .env("TMPDIR", profile)
        .env("LANG", "C.UTF-8")
        .current_dir(profile)
        .args(FLAGS)
        .arg(format!("--user-data-dir={}", profile.display()));
    if !sandbox {
        command.arg("--no-sandbox");
    }
    command.arg("about:blank");
    command
}

/// What a browser says on its standard error.
struct Said {
    pipe: pipe::Receiver,
    bytes: Vec<u8>,
}

impl Said {
    fn new(errors: ChildStderr) -> std::io::Result<Self> {
        Ok(Self {
            pipe: pipe::Receiver::from_owned_fd(OwnedFd::from(errors))?,
            bytes: Vec::new(),
        })
    }

    /// Reads until it says where it listens: the port, and the path of the connection to all of it.
    async fn address(&mut self) -> Option<(u16, String)> {
        loop {
            if let Some(found) = address_in(&String::from_utf8_lossy(&self.bytes)) {
                return Some(found);
            }
            let mut more = [0; 4096];
            let count = self.pipe.read(&mut more).await.ok()?;
            if count == 0 {
                return None;
            }
            self.bytes.extend_from_slice(&more[..count]);
            if self.bytes.len() > 2 * KEPT_BYTES {
                self.bytes.drain(..self.bytes.len() - KEPT_BYTES);
            }
        }
    }

    /// What went wrong, with its own last words.
    fn explained(&self, how: &str) -> String {
        let said = String::from_utf8_lossy(&self.bytes);
        let is_telling = |line: &&str| {
            // These are there always, on a machine without a desktop.
            !line.trim().is_empty()
                && !line.contains("dbus")
                && !line.contains("crashpad")
                && !line.contains("unexpected operator")
        };
        let lines: Vec<&str> = said.lines().filter(is_telling).collect();
        let last = lines[lines.len().saturating_sub(TOLD_LINES)..].join(" | ");
        let mut text = match last.is_empty() {
            true => how.to_owned(),
            false => format!("{how} and said: {last}"),
        };
        if said.contains("sandbox") {
            text.push_str(
                ". Its sandbox needs user namespaces, or its helper from the package chromium-sandbox; \
                 \"browser\": { \"sandbox\": false } in atoll.jsonc does without",
            );
        }
        text
    }

    /// Reads on, so that it never waits for a reader.
    async fn forget(mut self) {
        let mut more = [0; 4096];
        while self.pipe.read(&mut more).await.is_ok_and(|count| count > 0) {}
    }
}

fn address_in(said: &str) -> Option<(u16, String)> {
    let (_, rest) = said.split_once(LISTENING)?;
    let (address, _) = rest.split_once('\n')?;
    let uri: http::Uri = address.trim().parse().ok()?;
    Some((uri.port_u16()?, uri.path().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_read_when_its_line_is_whole() {
        let line = "noise\n\nDevTools listening on ws://127.0.0.1:40123/devtools/browser/a-b";
        assert_eq!(address_in(line), None);
        assert_eq!(
            address_in(&format!("{line}\nmore")),
            Some((40123, "/devtools/browser/a-b".to_owned()))
        );
    }
}
