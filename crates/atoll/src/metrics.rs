//! What is counted for those who operate a server, and the text in which Prometheus reads it.

use std::collections::BTreeMap;
use std::fmt::{self, Display, Write as _};
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use gateway::AccessRecord;
use host::{FetchError, Fetcher, Figures, MethodCall, Request, Response};
use protocol::FailureKind;

/// Upper bounds of the buckets of durations, in seconds.
const BUCKETS: [f64; 12] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0,
];
/// How a use of the network ends.
const OUTCOMES: [&str; 3] = ["answered", "refused", "failed"];

/// What is counted while it happens.
pub(crate) struct Metrics {
    started: SystemTime,
    /// Requests by the status of their answer.
    requests: Mutex<BTreeMap<u16, u64>>,
    /// Requests without an answer of the worker, by the reason.
    errors: Mutex<BTreeMap<&'static str, u64>>,
    /// Runs of scheduled handlers, by worker and outcome.
    scheduled: Mutex<BTreeMap<(String, bool), u64>>,
    durations: Durations,
    sent_bytes: AtomicU64,
    egress: Mutex<BTreeMap<(String, String), Arc<Outcomes>>>,
}

/// Uses of the network, by [outcome](OUTCOMES).
type Outcomes = [AtomicU64; OUTCOMES.len()];

#[derive(Default)]
struct Durations {
    /// One more than there are bounds: the last is for what takes longer.
    buckets: [AtomicU64; BUCKETS.len() + 1],
    sum_us: AtomicU64,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    pub(crate) fn new() -> Self {
        Self {
            started: SystemTime::now(),
            requests: Mutex::default(),
            errors: Mutex::default(),
            scheduled: Mutex::default(),
            durations: Durations::default(),
            sent_bytes: AtomicU64::new(0),
            egress: Mutex::default(),
        }
    }

    /// A request was answered.
    pub(crate) fn answered(&self, record: &AccessRecord) {
        let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        *requests.entry(record.status.as_u16()).or_default() += 1;
        drop(requests);
        self.durations.add(record.duration);
        self.sent_bytes.fetch_add(record.bytes, Ordering::Relaxed);
    }

    /// A request got no answer from its worker.
    pub(crate) fn failed(&self, error: &FetchError) {
        let reason = match error {
            FetchError::Worker(failure) => match failure.kind {
                FailureKind::Exception | FailureKind::Syntax => "exception",
                FailureKind::Cpu => "cpu_limit",
                FailureKind::Memory => "memory_limit",
                FailureKind::WallTime => "wall_time_limit",
                FailureKind::NoHandler => "no_handler",
                FailureKind::Hung => "hung",
                FailureKind::Reset | FailureKind::Blocked => "object_reset",
            },
            FetchError::Lost { .. } => "isolate_lost",
            FetchError::Overloaded(_) => "overloaded",
            FetchError::Network(_) => "network",
            FetchError::Refused(_) => "refused",
        };
        let mut errors = self.errors.lock().unwrap_or_else(PoisonError::into_inner);
        *errors.entry(reason).or_default() += 1;
    }

    /// A cron trigger's handler is over.
    pub(crate) fn scheduled(&self, worker: &str, is_ok: bool) {
        let mut scheduled = self
            .scheduled
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *scheduled.entry((worker.to_owned(), is_ok)).or_default() += 1;
    }

    /// The same way out, and what passes through it is counted.
    pub(crate) fn counted(
        &self,
        worker: &str,
        through: &str,
        inner: Arc<dyn Fetcher>,
    ) -> Arc<dyn Fetcher> {
        let mut egress = self.egress.lock().unwrap_or_else(PoisonError::into_inner);
        let outcomes = egress.entry((worker.to_owned(), through.to_owned()));
        Arc::new(Counted {
            inner,
            outcomes: Arc::clone(outcomes.or_default()),
        })
    }

    /// Everything, in Prometheus' text format.
    pub(crate) fn text(&self, figures: &Figures, connections: usize) -> String {
        let mut page = Page(String::with_capacity(8 * 1024));
        self.of_requests(&mut page, connections);
        self.of_triggers(&mut page);
        of_isolates(&mut page, figures);
        of_objects(&mut page, figures);
        page.counter(
            "atoll_builds_total",
            "Programs built from files for workers.",
            [
                (labels([("outcome", "done")]), figures.builds.done),
                (labels([("outcome", "failed")]), figures.builds.failed),
            ],
        );
        page.gauge(
            "atoll_builds_running",
            "Builds under way.",
            [(String::new(), figures.builds.running)],
        );
        let egress = self.egress.lock().unwrap_or_else(PoisonError::into_inner);
        let rows = egress.iter().flat_map(|((worker, through), outcomes)| {
            OUTCOMES
                .iter()
                .zip(outcomes.iter())
                .map(move |(outcome, count)| {
                    let pairs = [
                        ("worker", &**worker),
                        ("through", through),
                        ("outcome", outcome),
                    ];
                    (labels(pairs), count.load(Ordering::Relaxed))
                })
        });
        page.counter(
            "atoll_egress_requests_total",
            "Requests that workers sent out, through the open network or an egress policy.",
            rows,
        );
        self.of_process(&mut page);
        page.0
    }

    fn of_requests(&self, page: &mut Page, connections: usize) {
        let requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        page.counter(
            "atoll_requests_total",
            "Answered requests, by status; 499 is a client that left first.",
            requests
                .iter()
                .map(|(status, count)| (labels([("status", &status.to_string())]), *count)),
        );
        drop(requests);
        let errors = self.errors.lock().unwrap_or_else(PoisonError::into_inner);
        page.counter(
            "atoll_request_errors_total",
            "Requests that their worker did not answer, by reason.",
            errors
                .iter()
                .map(|(reason, count)| (labels([("reason", reason)]), *count)),
        );
        drop(errors);
        self.durations.write(page);
        page.counter(
            "atoll_response_bytes_total",
            "Bytes of the bodies of responses.",
            [(String::new(), self.sent_bytes.load(Ordering::Relaxed))],
        );
        page.gauge(
            "atoll_connections",
            "Open connections from clients, WebSockets included.",
            [(String::new(), connections)],
        );
    }

    fn of_triggers(&self, page: &mut Page) {
        let scheduled = self
            .scheduled
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let rows = scheduled.iter().map(|((worker, is_ok), count)| {
            let outcome = if *is_ok { "ok" } else { "failed" };
            (labels([("worker", worker), ("outcome", outcome)]), *count)
        });
        page.counter(
            "atoll_scheduled_total",
            "Runs of scheduled handlers by the clock.",
            rows,
        );
    }

    fn of_process(&self, page: &mut Page) {
        page.gauge(
            "atoll_build_info",
            "The version that runs.",
            [(labels([("version", env!("CARGO_PKG_VERSION"))]), 1)],
        );
        let started = self.started.duration_since(UNIX_EPOCH).unwrap_or_default();
        page.gauge(
            "process_start_time_seconds",
            "When the host started, in seconds since 1970.",
            [(String::new(), started.as_secs_f64())],
        );
        if let Ok(status) = std::fs::read_to_string("/proc/self/status")
            && let Some(kilobytes) = resident_kilobytes(&status)
        {
            page.gauge(
                "process_resident_memory_bytes",
                "Memory of the host process alone; the service's cgroup counts its isolates too.",
                [(String::new(), kilobytes * 1024)],
            );
        }
        if let Ok(entries) = std::fs::read_dir("/proc/self/fd") {
            page.gauge(
                "process_open_fds",
                "Descriptors that the host process has open.",
                [(String::new(), entries.count())],
            );
        }
    }
}

fn resident_kilobytes(status: &str) -> Option<u64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}

fn of_isolates(page: &mut Page, figures: &Figures) {
    let of_workers = |value: fn(&host::WorkerFigures) -> usize| {
        let rows = figures.workers.iter();
        rows.map(move |worker| (labels([("worker", &worker.name)]), value(worker)))
    };
    page.gauge(
        "atoll_isolates",
        "Isolates of deployed workers.",
        of_workers(|worker| worker.isolates),
    );
    page.gauge(
        "atoll_spare_isolates",
        "Isolates that wait to take the place of another.",
        of_workers(|worker| worker.spares),
    );
    page.gauge(
        "atoll_events_running",
        "Events under way in the isolates of deployed workers.",
        of_workers(|worker| worker.events),
    );
    page.counter(
        "atoll_isolates_ended_total",
        "Isolates that crashed or that a limit ended, and that were replaced.",
        figures
            .workers
            .iter()
            .map(|worker| (labels([("worker", &worker.name)]), worker.isolates_ended)),
    );
    page.gauge(
        "atoll_dynamic_workers",
        "Dynamic workers that have a process.",
        [(String::new(), figures.dynamic_workers)],
    );
    page.gauge(
        "atoll_dynamic_spares",
        "Processes that wait for code from strings.",
        [(String::new(), figures.dynamic_spares)],
    );
}

fn of_objects(page: &mut Page, figures: &Figures) {
    let Some(objects) = &figures.objects else {
        return;
    };
    let storage = &objects.storage;
    page.gauge(
        "atoll_objects_awake",
        "Durable Objects, facets included, that live in an isolate.",
        [(String::new(), objects.awake)],
    );
    page.gauge(
        "atoll_object_sockets",
        "WebSockets that are kept for Durable Objects, asleep or not.",
        [(String::new(), objects.sockets)],
    );
    page.counter(
        "atoll_commits_total",
        "Turns of Durable Objects whose writes were taken into the log.",
        [(String::new(), storage.commits)],
    );
    page.counter(
        "atoll_log_syncs_total",
        "Batches of commits that were written to the log and synced.",
        [(String::new(), storage.syncs)],
    );
    page.counter(
        "atoll_log_sync_seconds_total",
        "How long writing and syncing these batches took.",
        [(String::new(), storage.sync_time.as_secs_f64())],
    );
    page.gauge(
        "atoll_log_bytes",
        "Size of the log, with the history that is kept.",
        [(String::new(), storage.log_bytes)],
    );
    page.gauge(
        "atoll_log_behind_bytes",
        "Bytes of the log that are not yet safe in the objects' own files.",
        [(String::new(), storage.behind_bytes)],
    );
    page.gauge(
        "atoll_storage_up",
        "1 while writes are stored, 0 after the disk has failed.",
        [(String::new(), u8::from(storage.failure.is_none()))],
    );
}

impl Durations {
    fn add(&self, duration: Duration) {
        let seconds = duration.as_secs_f64();
        let bucket = BUCKETS.iter().position(|bound| seconds <= *bound);
        self.buckets[bucket.unwrap_or(BUCKETS.len())].fetch_add(1, Ordering::Relaxed);
        let us = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        self.sum_us.fetch_add(us, Ordering::Relaxed);
    }

    fn write(&self, page: &mut Page) {
        let name = "atoll_request_duration_seconds";
        page.begin(
            name,
            "histogram",
            "From the head of a request to the end of its response.",
        );
        let mut sum = 0;
        for (index, count) in self.buckets.iter().enumerate() {
            sum += count.load(Ordering::Relaxed);
            let bound = BUCKETS.get(index).map_or("+Inf".to_owned(), f64::to_string);
            page.row(&format!("{name}_bucket"), &labels([("le", &bound)]), sum);
        }
        let seconds = self.sum_us.load(Ordering::Relaxed) as f64 / 1e6;
        page.row(&format!("{name}_sum"), "", seconds);
        page.row(&format!("{name}_count"), "", sum);
    }
}

/// A page in the making.
struct Page(String);

impl Page {
    fn begin(&mut self, name: &str, kind: &str, help: &str) {
        self.push(format_args!("# HELP {name} {help}\n# TYPE {name} {kind}\n"));
    }

    fn row(&mut self, name: &str, labels: &str, value: impl Display) {
        self.push(format_args!("{name}{labels} {value}\n"));
    }

    fn counter<V: Display>(
        &mut self,
        name: &str,
        help: &str,
        rows: impl IntoIterator<Item = (String, V)>,
    ) {
        self.rows(name, "counter", help, rows);
    }

    fn gauge<V: Display>(
        &mut self,
        name: &str,
        help: &str,
        rows: impl IntoIterator<Item = (String, V)>,
    ) {
        self.rows(name, "gauge", help, rows);
    }

    fn rows<V: Display>(
        &mut self,
        name: &str,
        kind: &str,
        help: &str,
        rows: impl IntoIterator<Item = (String, V)>,
    ) {
        self.begin(name, kind, help);
        for (labels, value) in rows {
            self.row(name, &labels, value);
        }
    }

    fn push(&mut self, text: fmt::Arguments<'_>) {
        self.0
            .write_fmt(text)
            .expect("a string takes all that is written");
    }
}

/// Labels with their values in quotes.
fn labels<const N: usize>(pairs: [(&str, &str); N]) -> String {
    let pairs = pairs.map(|(name, value)| {
        let value = value
            .replace('\\', "\\\\")
            .replace('"', "\\\"")
            .replace('\n', "\\n");
        format!("{name}=\"{value}\"")
    });
    format!("{{{}}}", pairs.join(","))
}

/// A way out whose uses are counted.
struct Counted {
    inner: Arc<dyn Fetcher>,
    outcomes: Arc<Outcomes>,
}

impl Fetcher for Counted {
    fn fetch(
        &self,
        request: Request,
    ) -> Pin<Box<dyn Future<Output = Result<Response, FetchError>> + Send + '_>> {
        Box::pin(async move {
            let result = self.inner.fetch(request).await;
            let outcome = match &result {
                Ok(_) => 0,
                Err(FetchError::Refused(_)) => 1,
                Err(_) => 2,
            };
            self.outcomes[outcome].fetch_add(1, Ordering::Relaxed);
            result
        })
    }

    fn call(&self, call: MethodCall) {
        self.inner.call(call);
    }

    fn describe(&self) -> String {
        self.inner.describe()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_escaped() {
        assert_eq!(labels([("a", "x\"y\\z\n")]), r#"{a="x\"y\\z\n"}"#);
    }

    #[test]
    fn durations_fall_into_the_bucket_that_holds_them() {
        let durations = Durations::default();
        durations.add(Duration::from_millis(1));
        durations.add(Duration::from_secs(3));
        durations.add(Duration::from_secs(30));
        let mut page = Page(String::new());
        durations.write(&mut page);
        let value = |row: &str| {
            let line = page.0.lines().find(|line| line.starts_with(row));
            line.and_then(|line| line.rsplit_once(' '))
                .map(|(_, value)| value.to_owned())
        };
        let bucket = |le: &str| {
            value(&format!(
                "atoll_request_duration_seconds_bucket{{le=\"{le}\"}}"
            ))
        };
        assert_eq!(bucket("0.001").as_deref(), Some("1"));
        assert_eq!(bucket("2.5").as_deref(), Some("1"));
        assert_eq!(bucket("10").as_deref(), Some("2"));
        assert_eq!(bucket("+Inf").as_deref(), Some("3"));
        assert_eq!(
            value("atoll_request_duration_seconds_sum").as_deref(),
            Some("33.001")
        );
    }

    #[test]
    fn memory_is_read_from_what_the_kernel_says() {
        assert_eq!(
            resident_kilobytes("VmHWM:\t 9 kB\nVmRSS:\t  5120 kB\n"),
            Some(5120)
        );
    }
}
