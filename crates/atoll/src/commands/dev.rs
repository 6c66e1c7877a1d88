//! `atoll dev`: a project as it is being written.

use std::collections::HashSet;
use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bundle::Mode;
use gateway::{Diagnosed, Gateway, Handle, Report, Target};
use host::{Body, FetchError, Fetcher, Request, Response, Runtime, Worker};
use http::StatusCode;
use owo_colors::OwoColorize as _;

use services::mail::Mailbox;

use super::{Stop, address, banner, email, install};
use crate::arguments::{Dev, LogLevel};
use crate::error::Error;
use crate::fleet::{Fleet, Maps, Running};
use crate::objects::State;
use crate::watch::Watch;
use crate::{lines, report, stored, terminal, upstream};

/// Nobody waits long for a development server to end.
const GRACE: Duration = Duration::from_secs(1);

pub(crate) async fn run(arguments: Dev) -> Result<(), Error> {
    crate::told::begin(arguments.project.log_level);
    arguments.wrangler.check()?;
    if let Some(folder) = &arguments.cwd {
        std::env::set_current_dir(folder).map_err(|error| {
            Error::mistake(
                format_args!("cannot start in {}: {error}", folder.display()),
                "--cwd names a folder",
            )
        })?;
    }
    for told in arguments.wrangler.without_effect() {
        terminal::note(told);
    }
    let stop = Stop::listen()?;
    let level = arguments.project.log_level;
    let mut watch = Watch::new()?;
    let members = Fleet::load(&arguments.project, &arguments.overrides, Mode::Development)?;
    install::complete(&members, false).await?;
    super::write_in_background()?;
    watch.packages_are_there();
    let mut options = gateway::Options::new(address(&arguments.listen, members[0].project())?);
    options.shutdown_grace = GRACE;
    if level >= LogLevel::Log {
        options.access_log = Some(Arc::new(|record| lines::request(&record)));
    }
    let name: Arc<str> = members[0].project().name.as_str().into();
    let starting = Report {
        title: "Starting".to_owned(),
        message: "The first build is not finished yet. Reload in a moment.".to_owned(),
        ..Report::default()
    };
    let gateway = Gateway::bind(
        options,
        Target {
            name,
            fetcher: Arc::new(starting),
        },
    )?;
    let (at, handle) = (gateway.address(), gateway.handle());
    let state = State::kept(
        arguments.project.persist_to.as_deref(),
        members[0].project(),
    );
    let fleet = Fleet::start(
        members,
        Mode::Development,
        state,
        arguments.project.key_file.as_deref(),
        Arc::default(),
    )
    .await?;
    tokio::spawn(lines::follow(
        fleet.shared.runtime.logs(),
        fleet.maps.clone(),
        level,
        Some(Arc::clone(&fleet.shared.powers.console)),
    ));
    banner(&fleet, at, "dev");
    let shared = fleet.shared.clone();
    let mut session = Session {
        errors: fleet.members.iter().map(|_| None).collect(),
        fleet,
        handle,
        watch,
    };
    let all: Vec<usize> = (0..session.fleet.members.len()).collect();
    let mut loss = None;
    let stop = async {
        tokio::select! {
            () = stop.asked() => {}
            text = shared.runtime.loss() => loss = Some(text),
        }
    };
    let mut stop = Box::pin(stop);
    let ready = format!("Ready on http://localhost:{}", at.port());
    // Requests that come before the first build is done wait for it, unaccepted.
    let built = tokio::select! {
        () = session.build(&all, None, "ready in") => true,
        () = &mut stop => false,
    };
    if built {
        if session.errors.iter().all(Option::is_none) {
            // As wrangler says it, for scripts that wait for that.
            terminal::data(format_args!("{ready}"));
        }
        tokio::spawn(session.follow_changes());
        gateway.run(&mut stop).await;
    }
    drop(stop);
    Fleet::close(&shared).await?;
    loss.map_or(Ok(()), |text| Err(Error::loss(text)))
}

/// The workers, and what keeps them in step with their files.
struct Session {
    fleet: Fleet,
    handle: Handle,
    watch: Watch,
    /// What is wrong with each worker at the moment.
    errors: Vec<Option<Report>>,
}

impl Session {
    async fn follow_changes(mut self) {
        if self.errors.iter().all(Option::is_none) {
            self.fleet.warm_up().await;
        }
        loop {
            super::give_back();
            let (workers, changed) = self.watch.next().await;
            let mut is_known = true;
            for index in &workers {
                is_known &= self.errors[*index].is_none();
                self.reload_configuration(*index, &changed);
            }
            // After a mistake nobody knows what the parts were made of.
            let changed = is_known.then_some(&changed);
            self.build(&workers, changed, "rebuilt in").await;
        }
    }

    /// A change of the configuration makes a new project of the same worker.
    fn reload_configuration(&mut self, index: usize, changed: &HashSet<PathBuf>) {
        let member = &mut self.fleet.members[index];
        let touched = member
            .project()
            .watched
            .iter()
            .any(|file| changed.contains(file));
        if touched && let Err(error) = member.reload(Mode::Development) {
            error.tell();
            self.errors[index] = Some(error.report());
        } else {
            self.errors[index] = None;
        }
    }

    /// Builds and deploys these workers, tells what came of it, and shows it to browsers.
    async fn build(&mut self, workers: &[usize], changed: Option<&HashSet<PathBuf>>, done: &str) {
        let started = Instant::now();
        for &index in workers {
            if self.errors[index].is_none()
                && let Err(error) = self.fleet.deploy(index, changed).await
            {
                error.tell();
                self.errors[index] = Some(error.report());
            }
            let member = &self.fleet.members[index];
            let mut files = member.watched();
            if let Some(assets) = &member.project().assets {
                let rules = ["_headers", "_redirects", ".assetsignore"];
                files.extend(rules.map(|name| assets.directory.join(name)));
            }
            self.watch.set(index, &files, self.errors[index].is_none());
        }
        let errors: Vec<&Report> = self.errors.iter().flatten().collect();
        let Some(error) = errors.first() else {
            let time = lines::duration(started.elapsed());
            // Who reads that it is ready may ask at once.
            self.show_worker();
            terminal::line(format_args!("{} {}", done.green(), time.bold()));
            return;
        };
        self.show(Arc::new((*error).clone()));
        terminal::line(format_args!(
            "{}",
            "waiting for a change of the files".dimmed()
        ));
    }

    fn show_worker(&self) {
        let member = self.fleet.first();
        let Some(Running { worker, site, .. }) = member.running.clone() else {
            return;
        };
        let name = member.project().name.clone();
        let diagnosed = Diagnosed::new(site, describe(name, self.fleet.maps.clone()));
        let fetcher: Arc<dyn Fetcher> = match worker {
            Some(worker) => Arc::new(Triggers {
                worker,
                mailbox: stored::mailbox(self.fleet.state.folder()),
                runtime: self.fleet.shared.runtime.clone(),
                inner: diagnosed,
            }),
            None => Arc::new(diagnosed),
        };
        self.show(upstream::before(&member.project().dev, fetcher));
    }

    fn show(&self, fetcher: Arc<dyn Fetcher>) {
        self.handle.swap(Target {
            name: self.fleet.first().project().name.as_str().into(),
            fetcher,
        });
    }
}

/// The page of an error, which is told in the terminal as well.
fn describe(
    name: String,
    maps: Maps,
) -> impl Fn(&http::Method, &str, &FetchError) -> Report + Send + Sync + 'static {
    move |_, _, error| {
        let report = match error {
            FetchError::Worker(failure) => report::of_failure(failure, &maps.get(&name)),
            other => Report {
                title: "No response".to_owned(),
                message: other.to_string(),
                ..Report::default()
            },
        };
        report::tell(maps.prefix(&name), &report);
        report
    }
}

/// Lets a browser set off what otherwise a clock does.
struct Triggers {
    worker: Worker,
    mailbox: Mailbox,
    runtime: Runtime,
    inner: Diagnosed,
}

impl Triggers {
    async fn scheduled(&self, request: Request) -> Result<Response, FetchError> {
        let query = request.uri().query().unwrap_or_default();
        let cron = parameter(query, "cron").unwrap_or_default();
        let time_ms = parameter(query, "time")
            .and_then(|time| time.parse().ok())
            .unwrap_or_else(|| chrono::Utc::now().timestamp_millis() as f64);
        self.worker.scheduled(&cron, time_ms).await?;
        Ok(Response::new(Body::full("Ran scheduled event\n")))
    }

    /// Moves the workers' clock on: `to` a time, or `by` so many milliseconds.
    fn clock(&self, request: &Request) -> Response {
        let answer = |status, text: String| {
            let mut response = Response::new(Body::full(text));
            *response.status_mut() = status;
            response
        };
        if request.method() != http::Method::POST {
            return answer(
                StatusCode::METHOD_NOT_ALLOWED,
                "The clock is moved with POST\n".to_owned(),
            );
        }
        let query = request.uri().query().unwrap_or_default();
        let now_ms = self.runtime.now_ms();
        let to = parameter(query, "to").and_then(|to| moment(&to));
        let by = parameter(query, "by").and_then(|by| by.parse::<f64>().ok());
        let Some(by_ms) = to.map(|to| to - now_ms).or(by) else {
            let hint = "Say where to: ?to=2027-01-01T21:00:00Z or ?by=3600000\n";
            return answer(StatusCode::BAD_REQUEST, hint.to_owned());
        };
        if by_ms < 0.0 {
            return answer(
                StatusCode::BAD_REQUEST,
                "The clock does not go back\n".to_owned(),
            );
        }
        self.runtime.move_clock(by_ms as u64);
        answer(StatusCode::OK, format!("{}\n", self.runtime.now_ms()))
    }
}

/// A time in milliseconds since 1970: as a number, or as ISO 8601 has it.
fn moment(text: &str) -> Option<f64> {
    let date = || chrono::DateTime::parse_from_rfc3339(text).ok();
    let number = text.parse::<f64>().ok();
    number.or_else(|| Some(date()?.timestamp_millis() as f64))
}

impl Fetcher for Triggers {
    fn fetch(
        &self,
        request: Request,
    ) -> Pin<Box<dyn Future<Output = Result<Response, FetchError>> + Send + '_>> {
        match request.uri().path() {
            "/cdn-cgi/handler/scheduled" | "/__scheduled" => Box::pin(async move {
                let (method, url) = (request.method().clone(), request.uri().to_string());
                let headers = request.headers().clone();
                match self.scheduled(request).await {
                    Ok(response) => Ok(response),
                    Err(error) => Ok(self.inner.report(&method, &url, &error).respond(&headers)),
                }
            }),
            "/cdn-cgi/handler/email" => Box::pin(async move {
                let (method, url) = (request.method().clone(), request.uri().to_string());
                let headers = request.headers().clone();
                match email::receive(&self.worker, &self.mailbox, request).await {
                    Ok(response) => Ok(response),
                    Err(error) => Ok(self.inner.report(&method, &url, &error).respond(&headers)),
                }
            }),
            "/cdn-cgi/handler/clock" => Box::pin(std::future::ready(Ok(self.clock(&request)))),
            _ => self.inner.fetch(request),
        }
    }
}

/// A parameter of a query; `+` and `%20` are blanks.
pub(super) fn parameter(query: &str, name: &str) -> Option<String> {
    let (_, value) = query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .find(|(key, _)| *key == name)?;
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.as_bytes();
    while let Some((byte, tail)) = rest.split_first() {
        let escaped = tail
            .get(..2)
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match (byte, escaped) {
            (b'%', Some(escaped)) => {
                bytes.push(escaped);
                rest = &tail[2..];
            }
            (b'+', _) => {
                bytes.push(b' ');
                rest = tail;
            }
            _ => {
                bytes.push(*byte);
                rest = tail;
            }
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_decoded() {
        let query = "a=1&cron=*/5+*%20*+*+*&time=7";
        assert_eq!(parameter(query, "cron").as_deref(), Some("*/5 * * * *"));
        assert_eq!(parameter(query, "time").as_deref(), Some("7"));
        assert_eq!(parameter(query, "none"), None);
    }

    #[test]
    fn moments_are_numbers_or_dates() {
        assert_eq!(moment("1500"), Some(1500.0));
        assert_eq!(moment("1970-01-01T00:00:02Z"), Some(2000.0));
        assert_eq!(moment("Friday"), None);
    }
}
