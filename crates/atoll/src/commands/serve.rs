//! `atoll serve`: projects in production.

use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bundle::Mode;
use gateway::{Gateway, Target};
use host::{FetchError, Fetcher, Request, Response, Worker};

use super::{Stop, address, banner, install};
use crate::arguments::{AccessLog, LogLevel, Overrides, Serve};
use crate::cron::Trigger;
use crate::error::Error;
use crate::fleet::{Fleet, Maps};
use crate::metrics::Metrics;
use crate::objects::State;
use crate::operator::Operator;
use crate::{lines, report, terminal};

pub(crate) async fn run(arguments: Serve) -> Result<(), Error> {
    crate::told::begin(arguments.project.log_level);
    let stop = Stop::listen()?;
    let level = arguments.project.log_level;
    let members = Fleet::load(&arguments.project, &Overrides::default(), Mode::Production)?;
    install::complete(&members, true).await?;
    super::write_in_background()?;
    let mut triggers = Vec::new();
    for (index, member) in members.iter().enumerate() {
        for cron in &member.project().crons {
            triggers.push((index, Trigger::parse(cron)?));
        }
    }
    let mut options = gateway::Options::new(address(&arguments.listen, members[0].project())?);
    options.shutdown_grace = Duration::from_secs(arguments.grace);
    let (ip, port) = (options.address.ip(), options.address.port());
    let is_same = |other: IpAddr| ip == other || ip.is_unspecified() || other.is_unspecified();
    if port != 0 && arguments.metrics_port == Some(port) && is_same(arguments.metrics_ip) {
        return Err(Error::mistake(
            format_args!("requests and metrics cannot have the same port: {port}"),
            format_args!(
                "choose another one: --metrics-port {}",
                port.checked_add(1).unwrap_or(9787)
            ),
        ));
    }
    let metrics = Arc::new(Metrics::new());
    let operator = Operator::new(Arc::clone(&metrics));
    let operated_at = match arguments.metrics_port {
        Some(port) => Some(operator.listen(SocketAddr::new(arguments.metrics_ip, port))?),
        None => None,
    };
    let (counts, writes) = (
        operated_at.map(|_| Arc::clone(&metrics)),
        arguments.access_log == AccessLog::Json,
    );
    if writes || counts.is_some() {
        options.access_log = Some(Arc::new(move |record| {
            if let Some(counts) = &counts {
                counts.answered(&record);
            }
            if writes {
                lines::request_as_json(&record);
            }
        }));
    }
    let state = State::kept(
        arguments.project.persist_to.as_deref(),
        members[0].project(),
    );
    let mut fleet = Fleet::start(
        members,
        Mode::Production,
        state,
        arguments.project.key_file.as_deref(),
        Arc::clone(&metrics),
    )
    .await?;
    tokio::spawn(lines::follow(
        fleet.shared.runtime.logs(),
        fleet.maps.clone(),
        level,
        Some(Arc::clone(&fleet.shared.powers.console)),
    ));
    // The last first: a worker that another one calls is there before its caller.
    for index in (0..fleet.members.len()).rev() {
        fleet.deploy(index, None).await?;
    }
    super::give_back();
    let Some(first) = &fleet.first().running else {
        return Err(Error::Told);
    };
    let site = Arc::clone(&first.site);
    let name = fleet.first().project().name.clone();
    let gateway = Gateway::bind(
        options,
        Target {
            name: name.as_str().into(),
            fetcher: Arc::new(Observed {
                inner: site,
                name: name.clone(),
                maps: fleet.maps.clone(),
                level,
                metrics: Arc::clone(&metrics),
            }),
        },
    )?;
    banner(&fleet, gateway.address(), "serve");
    fleet.note_left_objects();
    fleet.warn_of_absent_entrypoints();
    if let Some(address) = operated_at {
        terminal::line(format_args!("  metrics and health on http://{address}\n"));
    }
    operator.ready(fleet.shared.runtime.clone(), gateway.handle());
    for (index, trigger) in triggers {
        let running = fleet.members[index].running.as_ref();
        if let Some(worker) = running.and_then(|running| running.worker.clone()) {
            let maps = fleet.maps.clone();
            tokio::spawn(run_on_time(trigger, worker, maps, Arc::clone(&metrics)));
        }
    }
    let mut loss = None;
    let stop = async {
        tokio::select! {
            () = stop.asked() => {}
            text = fleet.shared.runtime.loss() => loss = Some(text),
        }
        operator.stopping();
    };
    gateway.run(stop).await;
    Fleet::close(&fleet.shared).await?;
    loss.map_or(Ok(()), |text| Err(Error::loss(text)))
}

async fn run_on_time(trigger: Trigger, worker: Worker, maps: Maps, metrics: Arc<Metrics>) {
    let mut last = chrono::Utc::now();
    loop {
        last = trigger.wait(last).await;
        let (worker, maps, cron) = (worker.clone(), maps.clone(), trigger.text.clone());
        let metrics = Arc::clone(&metrics);
        let time_ms = last.timestamp_millis() as f64;
        // One that takes longer than the time to the next must not delay it.
        tokio::spawn(async move {
            let outcome = worker.scheduled(&cron, time_ms).await;
            metrics.scheduled(worker.name(), outcome.is_ok());
            if let Err(error) = outcome {
                tell(&error, worker.name(), &maps);
            }
        });
    }
}

fn tell(error: &FetchError, name: &str, maps: &Maps) {
    let report = match error {
        FetchError::Worker(failure) => report::of_failure(failure, &maps.get(name)),
        other => gateway::Report {
            title: "No response".to_owned(),
            message: other.to_string(),
            ..gateway::Report::default()
        },
    };
    report::tell(maps.prefix(name), &report);
}

/// Tells errors in the log on their way to the gateway, which tells clients nothing about them.
struct Observed {
    inner: Arc<dyn Fetcher>,
    name: String,
    maps: Maps,
    level: LogLevel,
    metrics: Arc<Metrics>,
}

impl Fetcher for Observed {
    fn fetch(
        &self,
        request: Request,
    ) -> Pin<Box<dyn Future<Output = Result<Response, FetchError>> + Send + '_>> {
        Box::pin(async move {
            let result = self.inner.fetch(request).await;
            if let Err(error) = &result {
                self.metrics.failed(error);
                if self.level >= LogLevel::Error {
                    tell(error, &self.name, &self.maps);
                }
            }
            result
        })
    }
}
