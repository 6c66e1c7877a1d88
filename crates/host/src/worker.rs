//! One deployed version of a worker: its template and its isolates.

mod upkeep;

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use protocol::{CodeLimits, Event, EventId, Exports, ObjectId, ToIsolate};
use tokio::sync::{Notify, OwnedSemaphorePermit, oneshot};

use crate::fetcher::{Caller, FetchError, Fetcher, Request, Response, described};
use crate::figures::WorkerFigures;
use crate::link::{EventEntry, Link, LinkOptions, Receiver, lost, now_ms};
use crate::loss::Loss;
use crate::parcel::{MethodCall, Props};
use crate::routes::{Route, Routes};
use crate::tail::{Happening, TraceItem};

/// How long a request waits for an isolate when all have just died.
const REPLACEMENT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a request may have to wait, in microseconds, to be in the isolate where its object lives. It would take about
/// a tenth of a millisecond to reach that from another one.
const MAX_WAIT_US: u64 = 5_000;

/// A worker that runs. Clones are the same worker.
#[derive(Clone)]
pub struct Worker(Arc<Inner>);

/// What a worker is made of.
pub(crate) struct WorkerOptions {
    pub(crate) name: Arc<str>,
    pub(crate) exports: Exports,
    pub(crate) template: jail::Forker,
    pub(crate) limits: jail::Limits,
    pub(crate) link: Box<dyn Fn() -> LinkOptions + Send + Sync>,
    pub(crate) processes: usize,
    pub(crate) cpu_ms: u32,
    /// Objects do not share isolates.
    pub(crate) object_isolates: bool,
    /// Which isolates requests had better go to, for a worker that has objects.
    pub(crate) routes: Option<Arc<Routes>>,
    pub(crate) loss: Loss,
}

struct Inner {
    options: WorkerOptions,
    links: RwLock<Vec<Arc<Link>>>,
    /// Forked and started, waiting for another to die.
    spare: Mutex<Option<Arc<Link>>>,
    /// An isolate came or went.
    changed: Notify,
    retired: AtomicBool,
    /// Isolates that ended, those of the versions before included.
    ended: AtomicU64,
}

impl Worker {
    /// Starts the isolates of a new version.
    pub(crate) async fn start(options: WorkerOptions) -> Result<Self, jail::Error> {
        let worker = Self(Arc::new(Inner {
            options,
            links: RwLock::default(),
            spare: Mutex::default(),
            changed: Notify::new(),
            retired: AtomicBool::new(false),
            ended: AtomicU64::new(0),
        }));
        for _ in 0..worker.0.options.processes {
            let link = worker.fork().await?;
            worker.adopt(link);
        }
        worker.prepare_spare();
        worker.watch_template()?;
        Ok(worker)
    }

    /// The worker's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.options.name
    }

    /// Whether both are the same version.
    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// What its main module exports.
    #[must_use]
    pub fn exports(&self) -> &Exports {
        &self.0.options.exports
    }

    /// The processes of its isolates, for measuring.
    #[must_use]
    pub fn processes(&self) -> Vec<u32> {
        self.links()
            .iter()
            .map(|link| link.process().id())
            .collect()
    }

    /// What there is to say about it in numbers.
    pub(crate) fn figures(&self) -> WorkerFigures {
        let links = self.links();
        let spare = self.0.spare.lock().unwrap_or_else(PoisonError::into_inner);
        WorkerFigures {
            name: self.name().to_owned(),
            isolates: links.len(),
            spares: usize::from(spare.is_some()),
            events: links.iter().filter_map(|link| link.load()).sum(),
            isolates_ended: self.0.ended.load(Ordering::Relaxed),
        }
    }

    /// Takes over what was counted for the version before it.
    pub(crate) fn succeeds(&self, old: &Self) {
        let before = old.0.ended.load(Ordering::Relaxed);
        self.0.ended.fetch_add(before, Ordering::Relaxed);
    }

    /// An entrypoint as something that answers requests; `None` is the default export.
    #[must_use]
    pub fn entrypoint(&self, name: Option<&str>) -> Arc<dyn Fetcher> {
        self.target(name.map(Arc::from), None)
    }

    /// An entrypoint that sees `props` as its `ctx.props`.
    pub(crate) fn target(
        &self,
        entrypoint: Option<Arc<str>>,
        props: Option<Arc<Props>>,
    ) -> Arc<dyn Fetcher> {
        Arc::new(Target {
            worker: self.clone(),
            entrypoint,
            props,
        })
    }

    /// Runs the `scheduled` handler, and resolves when it is over.
    ///
    /// # Errors
    /// What the handler threw, or why it could not run.
    pub async fn scheduled(&self, cron: &str, scheduled_ms: f64) -> Result<(), FetchError> {
        self.run(Event::Scheduled {
            entrypoint: None,
            cron,
            scheduled_ms,
        })
        .await
    }

    /// Runs an entrypoint's `test` handler, and resolves when it is over.
    ///
    /// # Errors
    /// What the handler threw, or why it could not run.
    pub async fn test(&self, entrypoint: Option<&str>) -> Result<(), FetchError> {
        self.run(Event::Test { entrypoint }).await
    }

    async fn run(&self, event: Event<'_>) -> Result<(), FetchError> {
        let (sender, receiver) = oneshot::channel();
        let link = self.pick(false).await?;
        let happening = match event {
            Event::Scheduled {
                cron, scheduled_ms, ..
            } => Some(Happening::Scheduled(cron.to_owned(), scheduled_ms)),
            _ => None,
        };
        let following = happening.and_then(|happening| link.follow(|| happening, None, None, 0));
        let id = link.begin(EventEntry {
            done: Some(sender),
            following,
            ..EventEntry::default()
        })?;
        link.send(&ToIsolate::Event {
            id,
            now_ms: now_ms(),
            object: None,
            bounds: protocol::Bounds::default(),
            event,
        });
        receiver.await.unwrap_or_else(|_| Err(lost()))
    }

    async fn fetch_from(
        &self,
        entrypoint: Option<&str>,
        props: Option<&Props>,
        request: Request,
    ) -> Result<Response, FetchError> {
        let limits = CodeLimits::default();
        let routes = self.0.options.routes.as_ref();
        let caller = request.extensions().get::<Caller>();
        let for_dynamic = caller.is_some_and(|caller| caller.is_dynamic);
        // What dynamic workers ask for is kept off half of the isolates, wherever its objects are.
        let route = routes
            .filter(|_| !for_dynamic)
            .map(|routes| routes.of(request.uri().path()));
        let link = match self.routed(route) {
            Some(link) => link,
            None => self.pick(for_dynamic).await?,
        };
        let entry = EventEntry {
            route,
            ..EventEntry::default()
        };
        fetch_in(&link, entry, entrypoint, props, limits, request).await
    }

    /// The isolate with the object that requests like this one call, unless it has too much to do.
    fn routed(&self, route: Option<Route>) -> Option<Arc<Link>> {
        let process = self.0.options.routes.as_ref()?.find(route?)?;
        let links = self.0.links.read().unwrap_or_else(PoisonError::into_inner);
        let link = links.iter().find(|link| link.process().id() == process)?;
        link.load()?;
        (link.wait_us() <= MAX_WAIT_US).then(|| Arc::clone(link))
    }

    fn call_at(&self, entrypoint: Option<Arc<str>>, props: Option<Arc<Props>>, call: MethodCall) {
        let receiver = Receiver::Entrypoint(entrypoint, props, CodeLimits::default());
        let is_dynamic = call.is_dynamic;
        if let Some(link) = self.pick_now(is_dynamic) {
            link.begin_call(receiver, call);
            return;
        }
        let worker = self.clone();
        tokio::spawn(async move {
            match worker.pick(is_dynamic).await {
                Ok(link) => link.begin_call(receiver, call),
                Err(error) => call.returns.call(Err(error)),
            }
        });
    }

    /// Forks an isolate that no other request will use. It ends when it is dropped.
    ///
    /// # Errors
    /// When no process can be made.
    pub async fn isolate(&self) -> Result<SingleUse, jail::Error> {
        Ok(SingleUse(self.fork().await?))
    }

    pub(crate) fn links(&self) -> Vec<Arc<Link>> {
        self.0
            .links
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Each object has an isolate of its own, which ends when the object sleeps.
    pub(crate) fn has_an_isolate_for_each_object(&self) -> bool {
        self.0.options.object_isolates
    }

    /// The isolate in which an object lives when it wakes.
    pub(crate) async fn home_of(&self, id: &ObjectId) -> Result<Arc<Link>, FetchError> {
        if self.has_an_isolate_for_each_object() {
            let no_process = |_| FetchError::Overloaded("Durable Object is overloaded.".to_owned());
            let link = self.fork().await.map_err(no_process)?;
            let (watched, cpu_ms) = (Arc::clone(&link), self.0.options.cpu_ms);
            tokio::spawn(async move { crate::watchdog::watch(&watched, cpu_ms).await });
            return Ok(link);
        }
        // Ids are random already.
        let share = usize::from(id[0]) << 8 | usize::from(id[1]);
        self.wait_for(|worker| {
            let links = worker
                .0
                .links
                .read()
                .unwrap_or_else(PoisonError::into_inner);
            let live: Vec<_> = links.iter().filter(|link| link.load().is_some()).collect();
            Some(Arc::clone(live.get(share.checked_rem(live.len())?)?))
        })
        .await
    }

    /// The isolate with the least to do.
    pub(crate) async fn pick(&self, for_dynamic: bool) -> Result<Arc<Link>, FetchError> {
        self.wait_for(|worker| worker.pick_now(for_dynamic)).await
    }

    /// Waits for an isolate when all have just died.
    async fn wait_for(
        &self,
        choose: impl Fn(&Self) -> Option<Arc<Link>>,
    ) -> Result<Arc<Link>, FetchError> {
        if let Some(link) = choose(self) {
            return Ok(link);
        }
        let found = tokio::time::timeout(REPLACEMENT_TIMEOUT, async {
            loop {
                let changed = self.0.changed.notified();
                if let Some(link) = choose(self) {
                    return Ok(link);
                }
                if self.0.retired.load(Ordering::Relaxed) {
                    // Whoever tries again finds its successor.
                    return Err(lost());
                }
                changed.await;
            }
        });
        found.await.unwrap_or_else(|_| {
            let text = "Worker cannot be started at the moment.";
            Err(FetchError::Overloaded(text.to_owned()))
        })
    }

    /// Half of the isolates are left to others, however much dynamic workers ask for.
    fn pick_now(&self, for_dynamic: bool) -> Option<Arc<Link>> {
        let links = self.0.links.read().unwrap_or_else(PoisonError::into_inner);
        let first = if for_dynamic { links.len() / 2 } else { 0 };
        let mut best: Option<(usize, &Arc<Link>)> = None;
        for link in &links[first..] {
            match link.load() {
                Some(0) => return Some(Arc::clone(link)),
                Some(load) if best.is_none_or(|(least, _)| load < least) => {
                    best = Some((load, link))
                }
                _ => {}
            }
        }
        best.map(|(_, link)| Arc::clone(link))
    }
}

/// Has one isolate answer a request.
pub(crate) async fn fetch_in(
    link: &Arc<Link>,
    entry: EventEntry,
    entrypoint: Option<&str>,
    props: Option<&Props>,
    limits: CodeLimits,
    request: Request,
) -> Result<Response, FetchError> {
    let (sender, receiver) = oneshot::channel();
    let entry = EventEntry {
        respond: Some(sender),
        subrequest_limit: limits.subrequests,
        ..entry
    };
    let id = link.begin_fetch(entrypoint, props, limits.bounds(), entry, request)?;
    // From here on a caller that goes away cancels the event.
    let mut waiting = Waiting {
        link,
        id,
        answered: false,
    };
    let answer = receiver.await.unwrap_or_else(|_| Err(lost()));
    waiting.answered = true;
    answer
}

/// An isolate for one user only. Dropping it ends its process.
pub struct SingleUse(Arc<Link>);

impl SingleUse {
    /// The process, for measuring.
    #[must_use]
    pub fn process(&self) -> &jail::Process {
        self.0.process()
    }

    /// Has it answer a request for the default export.
    ///
    /// # Errors
    /// As any fetch.
    pub async fn fetch(&self, request: Request) -> Result<Response, FetchError> {
        let (entry, limits) = (EventEntry::default(), CodeLimits::default());
        fetch_in(&self.0, entry, None, None, limits, request).await
    }
}

impl Drop for SingleUse {
    fn drop(&mut self) {
        self.0.kill();
    }
}

impl std::fmt::Debug for SingleUse {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_tuple("SingleUse")
            .field(&self.process().id())
            .finish()
    }
}

impl std::fmt::Debug for Worker {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_tuple("Worker").field(&self.name()).finish()
    }
}

/// One entrypoint of a worker.
struct Target {
    worker: Worker,
    entrypoint: Option<Arc<str>>,
    props: Option<Arc<Props>>,
}

impl Fetcher for Target {
    fn fetch(
        &self,
        request: Request,
    ) -> Pin<Box<dyn Future<Output = Result<Response, FetchError>> + Send + '_>> {
        let (entrypoint, props) = (self.entrypoint.as_deref(), self.props.as_deref());
        Box::pin(self.worker.fetch_from(entrypoint, props, request))
    }

    fn describe(&self) -> String {
        described(self.worker.name(), self.entrypoint.as_deref())
    }

    fn call(&self, call: MethodCall) {
        self.worker
            .call_at(self.entrypoint.clone(), self.props.clone(), call);
    }

    fn tail(&self, item: Arc<TraceItem>, room: OwnedSemaphorePermit) {
        let (worker, entrypoint) = (self.worker.clone(), self.entrypoint.clone());
        let props = self.props.clone();
        tokio::spawn(async move {
            // Half of the isolates are kept free of what dynamic workers bring about.
            if let Ok(link) = worker.pick(true).await {
                link.begin_tail(
                    entrypoint.as_deref(),
                    props.as_deref(),
                    &item,
                    EventEntry::ending(room),
                );
            }
        });
    }
}

impl Fetcher for Worker {
    fn fetch(
        &self,
        request: Request,
    ) -> Pin<Box<dyn Future<Output = Result<Response, FetchError>> + Send + '_>> {
        Box::pin(self.fetch_from(None, None, request))
    }

    fn call(&self, call: MethodCall) {
        self.call_at(None, None, call);
    }
}

/// Cancels the event of a request that nobody waits for any more.
struct Waiting<'a> {
    link: &'a Link,
    id: EventId,
    answered: bool,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if !self.answered {
            self.link.cancel(self.id);
        }
    }
}
