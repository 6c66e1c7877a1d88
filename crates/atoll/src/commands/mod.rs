//! One file a command.

pub(crate) mod dev;
mod email;
pub(crate) mod install;
pub(crate) mod logs;
pub(crate) mod model;
pub(crate) mod new;
pub(crate) mod objects;
pub(crate) mod run;
pub(crate) mod secret;
pub(crate) mod serve;
pub(crate) mod test;

use std::net::{IpAddr, SocketAddr};

use bundle::Project;
use owo_colors::OwoColorize as _;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::arguments::{Listen, Protocol};
use crate::error::Error;
use crate::fleet::Fleet;
use crate::terminal;

const DEFAULT_PORT: u16 = 8787;

/// Where to listen: the command line, else the configuration, else wrangler's port on this machine alone.
fn address(listen: &Listen, project: &Project) -> Result<SocketAddr, Error> {
    let https = match listen.local_protocol {
        Some(protocol) => protocol == Protocol::Https,
        None => project.dev.local_protocol.as_deref() == Some("https"),
    };
    if https {
        return Err(Error::mistake(
            "https is not there yet",
            "listen for http, and put a proxy that speaks TLS before it",
        ));
    }
    if listen.inspector_port.is_some() || project.dev.inspector_port.is_some() {
        terminal::note("there is no inspector yet: --inspector-port does nothing");
    }
    let ip = match (&listen.ip, &project.dev.ip) {
        (Some(ip), _) => *ip,
        (None, Some(ip)) if ip == "localhost" => IpAddr::from([127, 0, 0, 1]),
        (None, Some(ip)) if ip == "*" => IpAddr::from([0, 0, 0, 0]),
        (None, Some(ip)) => ip.parse().map_err(|_| {
            Error::mistake(
                format_args!("`{ip}` is no IP address"),
                format_args!("see `dev.ip` in {}", project.config_path.display()),
            )
        })?,
        (None, None) => IpAddr::from([127, 0, 0, 1]),
    };
    let port = listen.port.or(project.dev.port).unwrap_or(DEFAULT_PORT);
    Ok(SocketAddr::new(ip, port))
}

/// A server does not wait for whoever reads what it says.
fn write_in_background() -> Result<(), Error> {
    terminal::write_in_background()
        .map_err(|error| Error::failed("cannot write in the background", error))
}

/// Gives the system back the memory that building took, beside everything else.
fn give_back() {
    tokio::task::spawn_blocking(isolate::trim);
}

/// What is running, where, and with what.
fn banner(fleet: &Fleet, address: SocketAddr, command: &str) {
    terminal::line(format_args!(
        "\n  {} {} {}\n",
        "atoll".cyan().bold(),
        command.bold(),
        env!("CARGO_PKG_VERSION").dimmed()
    ));
    for (index, member) in fleet.members.iter().enumerate() {
        let project = member.project();
        let place = if index == 0 {
            format!("{}", url(address).cyan().underline())
        } else {
            format!("{}", "through service bindings".dimmed())
        };
        terminal::line(format_args!("  {}  {place}", project.name.bold()));
        let width = rows(project)
            .iter()
            .map(|(name, _)| name.len())
            .max()
            .unwrap_or_default();
        for (name, what) in rows(project) {
            terminal::line(format_args!("    {name:<width$}  {}", what.dimmed()));
        }
    }
    terminal::line(format_args!(
        "\n  {} {}\n",
        "isolates are held by".dimmed(),
        fleet.shared.runtime.protection().dimmed()
    ));
}

fn url(address: SocketAddr) -> String {
    let host = match address.ip() {
        ip if ip.is_unspecified() => "localhost".to_owned(),
        IpAddr::V6(ip) => format!("[{ip}]"),
        IpAddr::V4(ip) => ip.to_string(),
    };
    format!("http://{host}:{}", address.port())
}

/// The bindings of a worker. Values of secrets are not shown.
fn rows(project: &Project) -> Vec<(String, String)> {
    use bundle::config::{GlobalOutbound, VariableValue};
    const SHOWN: usize = 48;
    let short = |text: &str| {
        let mut text = text.replace('\n', " ");
        if let Some((end, _)) = text.char_indices().nth(SHOWN) {
            text.truncate(end);
            text.push('…');
        }
        text
    };
    let mut rows = Vec::new();
    for variable in &project.vars {
        let what = match &variable.value {
            VariableValue::Text(text) => format!("\"{}\"", short(text)),
            VariableValue::Json(source) => short(source),
            VariableValue::Secret(_) => "secret".to_owned(),
        };
        rows.push((format!("env.{}", variable.name), what));
    }
    for service in &project.services {
        let entrypoint = service
            .entrypoint
            .as_ref()
            .map(|name| format!("#{name}"))
            .unwrap_or_default();
        rows.push((
            format!("env.{}", service.binding),
            format!("worker {}{entrypoint}", service.service),
        ));
    }
    for binding in &project.settings.bindings {
        let mut policies = project.settings.egress.iter();
        let policy = policies.find(|policy| policy.name == binding.policy);
        let mut allowed = policy.map_or(&[][..], |policy| &policy.allow).iter();
        let first = allowed.next().map(|rule| rule.target.text.as_str());
        let more = if allowed.next().is_some() {
            ", …"
        } else {
            ""
        };
        rows.push((
            format!("env.{}", binding.binding),
            format!(
                "egress {}: {}{more}",
                binding.policy,
                short(first.unwrap_or_default())
            ),
        ));
    }
    for loader in &project.loaders {
        rows.push((format!("env.{loader}"), "runs code from strings".to_owned()));
    }
    if let Some(name) = &project.ai {
        use bundle::config::Model;
        let what = match &project.settings.model {
            Some(Model::Server { url, .. }) => format!("models of {url}"),
            Some(Model::Scripted(_)) => "the scripted model".to_owned(),
            None => "no model: atoll.jsonc names none".to_owned(),
        };
        rows.push((format!("env.{name}"), what));
    }
    rows.extend(crate::browsers::row(project));
    for object in &project.objects {
        let of = match &object.script {
            Some(script) => format!(" of worker {script}"),
            None => String::new(),
        };
        rows.push((
            format!("env.{}", object.binding),
            format!("objects of class {}{of}", object.class),
        ));
    }
    rows.extend(crate::stored::rows(project));
    if let Some(assets) = &project.assets {
        let directory = assets.directory.strip_prefix(&project.root);
        let directory = directory.unwrap_or(&assets.directory);
        let directory = match directory.as_os_str().is_empty() {
            true => std::path::Path::new("."),
            false => directory,
        };
        let directory = directory.display();
        let name = assets
            .binding
            .as_ref()
            .map_or_else(|| "assets".to_owned(), |name| format!("env.{name}"));
        rows.push((name, format!("files of {directory}")));
    }
    match &project.settings.global_outbound {
        GlobalOutbound::Everything => {}
        GlobalOutbound::Nothing => rows.push(("fetch()".to_owned(), "refused".to_owned())),
        GlobalOutbound::Policy(name) => rows.push(("fetch()".to_owned(), format!("egress {name}"))),
    }
    for cron in &project.crons {
        rows.push(("scheduled".to_owned(), cron.clone()));
    }
    rows
}

/// Signals that ask the program to end: SIGTERM, SIGINT, and SIGHUP where nobody had it ignored, as `nohup` does.
#[derive(Debug)]
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Option<Signal>,
}

impl Signals {
    /// From now on none of these ends the program by itself. In a container, where this may be process 1, none would have.
    fn take() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hang_up: match is_hang_up_ignored() {
                true => None,
                false => Some(signal(SignalKind::hangup())?),
            },
        })
    }

    /// Waits for the next one, and tells whether it is SIGINT.
    async fn next(&mut self) -> bool {
        let hang_up = async {
            match &mut self.hang_up {
                Some(signal) => signal.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = self.terminate.recv() => false,
            _ = self.interrupt.recv() => true,
            _ = hang_up => false,
        }
    }
}

fn is_hang_up_ignored() -> bool {
    const BIT: u64 = 1 << 0;
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .is_some_and(|mask| mask & BIT != 0)
}

/// How a command that serves learns that it is to end.
#[derive(Debug)]
struct Stop {
    serving: tokio::sync::oneshot::Sender<()>,
    asked: tokio::sync::oneshot::Receiver<()>,
}

impl Stop {
    /// Until it is waited for, being asked to end ends the program at once: nothing was begun that has to be finished.
    fn listen() -> Result<Self, Error> {
        let mut signals =
            Signals::take().map_err(|error| Error::failed("cannot take signals", error))?;
        let (serving, mut is_serving) = tokio::sync::oneshot::channel();
        let (ask, asked) = tokio::sync::oneshot::channel();
        tokio::spawn(async move {
            signals.next().await;
            if is_serving.try_recv().is_err() {
                terminal::finish();
                std::process::exit(0);
            }
            let _ = ask.send(());
            // A person who is asked to wait, and does not.
            while !signals.next().await {}
            std::process::exit(130);
        });
        Ok(Self { serving, asked })
    }

    /// Resolves when the program is asked to end. A second time, by SIGINT, ends it at once.
    async fn asked(self) {
        let _ = self.serving.send(());
        let _ = self.asked.await;
    }
}
