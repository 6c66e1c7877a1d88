//! Dynamic workers: code from strings, each in a process of its own that has what it was handed and nothing else.
//!
//! A process is forked from the zygote ahead of time. Code is sent to it together with the first thing that happens to
//! it, so that a new worker costs one message and the time to evaluate it.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use protocol::limits::{DEFAULT_CPU_MS, DEFAULT_MEMORY_BYTES, MAX_NAMED_WORKERS, STARTUP_CPU_MS};
use protocol::{CapabilityId, CodeLimits, Failure, Program, Settings, ToIsolate, compatibility};
use tokio::sync::OwnedSemaphorePermit;

use crate::audit::Audit;
use crate::capability::{Capability, Entrypoints};
use crate::class::{Class, Source};
use crate::fetcher::{FetchError, Fetcher, Gone, Request, Response, described};
use crate::link::{EventEntry, Link, LinkOptions, Receiver, lost};
use crate::memory;
use crate::parcel::{MethodCall, Props};
use crate::runtime::Inner as Runtime;
use crate::spares::Counted;
use crate::tail::{Tails, TraceItem};
use crate::wall_time::{end_late, in_time};
use crate::worker::fetch_in;

/// How long a dynamic worker that nothing happens to keeps its process.
const IDLE: Duration = Duration::from_secs(10);
/// How often to look for such.
const SWEEP: Duration = Duration::from_secs(1);
/// How often to look for such among those with names, and whether memory is short: it goes fast where there is little.
const SWEEP_NAMED: Duration = Duration::from_millis(250);
/// How often to look whether a worker that nobody holds is done.
const LOOK: Duration = Duration::from_millis(20);

const TOO_MANY: &str = "Too many Dynamic Workers are running on this host.";

/// What runs code for the worker that it is bound to.
#[derive(Clone)]
pub struct Loader(Arc<Inner>);

/// Workers by name, and when each was last asked for.
type Named = HashMap<Box<str>, (Arc<Loaded>, Instant)>;

struct Inner {
    runtime: Weak<Runtime>,
    audit: Option<Audit>,
    named: Mutex<Named>,
}

/// What a dynamic worker is made of, as the host keeps it.
pub(crate) struct Made {
    pub(crate) program: Program,
    pub(crate) capabilities: Vec<Capability>,
    pub(crate) global_fetch: Option<CapabilityId>,
    pub(crate) limits: CodeLimits,
    /// Who follows it.
    pub(crate) tails: Vec<Capability>,
    /// Calls of one event that the one who made it may do.
    pub(crate) subrequests: u32,
}

/// One dynamic worker. It has a process as long as something happens to it, and for a while after that.
pub(crate) struct Loaded {
    this: Weak<Self>,
    runtime: Weak<Runtime>,
    name: Arc<str>,
    audit: Option<(Audit, Arc<str>)>,
    /// The frame that makes a process this worker.
    evaluate: Arc<[u8]>,
    capabilities: Arc<[Capability]>,
    settings: Settings,
    limits: CodeLimits,
    subrequests: u32,
    tails: Option<Arc<Tails>>,
    /// Why it never starts.
    refused: Option<Failure>,
    running: Mutex<Option<Running>>,
    starting: tokio::sync::Mutex<()>,
}

struct Running {
    link: Arc<Link>,
    _counted: Counted,
}

impl Loader {
    pub(crate) fn new(runtime: &Arc<Runtime>, audit: Option<Audit>) -> Self {
        let loader = Self(Arc::new(Inner {
            runtime: Arc::downgrade(runtime),
            audit,
            named: Mutex::default(),
        }));
        runtime.refill_spares();
        let inner = Arc::downgrade(&loader.0);
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(SWEEP_NAMED).await;
                let Some(inner) = inner.upgrade() else { return };
                inner.forget_idle(IDLE);
                if !inner.named().is_empty() && memory::is_short() {
                    let ended = inner.let_go();
                    if ended > 0 {
                        tracing::warn!(
                            ended,
                            "memory is short: dynamic workers that were idle end"
                        );
                    }
                }
            }
        });
        loader
    }

    /// Ends the workers with names to which nothing happens, as it does by itself when memory is short. Who asks for one
    /// again makes it anew.
    pub fn let_go(&self) {
        self.0.let_go();
    }

    /// The worker of this name, if it is there.
    pub(crate) fn find(&self, id: &str) -> Option<Capability> {
        let mut named = self.0.named();
        let (loaded, used) = named.get_mut(id)?;
        *used = Instant::now();
        Some(Capability::Worker(Arc::new(Handle(Arc::clone(loaded)))))
    }

    pub(crate) fn load(&self, id: Option<&str>, made: Made) -> Capability {
        let audit = self.0.audit.clone();
        let loaded = Loaded::new(Weak::clone(&self.0.runtime), id, made, audit);
        if let Some(id) = id {
            let mut gone = Vec::new();
            let mut named = self.0.named();
            if named.len() >= MAX_NAMED_WORKERS {
                let oldest = named
                    .iter()
                    .min_by_key(|(_, (_, used))| *used)
                    .map(|(id, _)| id.clone());
                gone.extend(oldest.and_then(|oldest| named.remove(&oldest)));
            }
            gone.extend(named.insert(id.into(), (Arc::clone(&loaded), Instant::now())));
            drop(named);
        }
        Capability::Worker(Arc::new(Handle(loaded)))
    }
}

impl std::fmt::Debug for Loader {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Loader").finish_non_exhaustive()
    }
}

impl Inner {
    fn named(&self) -> MutexGuard<'_, Named> {
        self.named.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets those that nobody has asked for so long. Gives them.
    fn forget_idle(&self, idle: Duration) -> Vec<Arc<Loaded>> {
        let mut gone = Vec::new();
        self.named().retain(|_, (loaded, used)| {
            let stays = used.elapsed() < idle || loaded.is_busy();
            if !stays {
                gone.push(Arc::clone(loaded));
            }
            stays
        });
        gone
    }

    /// Says how many processes end.
    fn let_go(&self) -> usize {
        let mut ended = 0;
        for loaded in self.forget_idle(Duration::ZERO) {
            // Whoever still holds it starts it again.
            let running = loaded.running().take();
            if let Some(running) = running {
                running.end_when_done();
                ended += 1;
            }
        }
        ended
    }
}

impl Loaded {
    fn new(
        runtime: Weak<Runtime>,
        id: Option<&str>,
        made: Made,
        audit: Option<Audit>,
    ) -> Arc<Self> {
        let Made {
            mut program,
            mut capabilities,
            global_fetch,
            limits,
            tails,
            subrequests,
        } = made;
        let tails = Tails::new(id, tails);
        let name: Arc<str> = match id {
            Some(id) => format!("dynamic worker \"{id}\"").into(),
            None => "dynamic worker".into(),
        };
        program.name = name.to_string();
        let refused =
            compatibility::mistake(&program.compatibility_flags).map(|(_, message)| Failure {
                name: "Error".to_owned(),
                message,
                ..Failure::default()
            });
        let audit = audit.map(|audit| (audit, crate::audit::hash(&program)));
        let loopback = CapabilityId::try_from(capabilities.len()).ok();
        let settings = Settings {
            memory_bytes: limits.memory_bytes.unwrap_or(DEFAULT_MEMORY_BYTES),
            cpu_ms: limits
                .cpu_ms
                .map_or(DEFAULT_CPU_MS, |cpu_ms| cpu_ms.min(DEFAULT_CPU_MS)),
            startup_cpu_ms: STARTUP_CPU_MS,
            global_fetch,
            cache: None,
            loopback,
            bundler: None,
            is_followed: tails.is_some(),
        };
        let mut evaluate = Vec::new();
        protocol::encode_into(
            &ToIsolate::Evaluate(Box::new(program), settings),
            &mut evaluate,
        );
        Arc::new_cyclic(|this: &Weak<Self>| {
            capabilities.push(Capability::Worker(Arc::new(Itself(Weak::clone(this)))));
            Self {
                this: Weak::clone(this),
                runtime,
                name,
                audit,
                evaluate: evaluate.into(),
                capabilities: capabilities.into(),
                settings,
                subrequests: limits
                    .subrequests
                    .map_or(subrequests, |limit| limit.min(subrequests)),
                limits,
                tails,
                refused,
                running: Mutex::default(),
                starting: tokio::sync::Mutex::default(),
            }
        })
    }

    pub(crate) fn limits(&self) -> CodeLimits {
        self.limits
    }

    fn running(&self) -> MutexGuard<'_, Option<Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_busy(&self) -> bool {
        let running = self.running();
        running
            .as_ref()
            .is_some_and(|running| running.link.load().is_some_and(|load| load > 0))
    }

    /// Where it runs, if it does.
    fn link_now(&self) -> Option<Arc<Link>> {
        live(self.running().as_ref())
    }

    /// Where it runs. It is started when it does not.
    pub(crate) async fn link(&self) -> Result<Arc<Link>, FetchError> {
        if let Some(link) = self.link_now() {
            return Ok(link);
        }
        if let Some(link) = self.start_now()? {
            return Ok(link);
        }
        let _starting = self.starting.lock().await;
        if let Some(link) = self.link_now() {
            return Ok(link);
        }
        let runtime = self.runtime.upgrade().ok_or_else(lost)?;
        let counted = runtime.spares.count().ok_or_else(too_many)?;
        let memory_bytes = self.settings.memory_bytes;
        let forking = Arc::clone(&runtime);
        let child = tokio::task::spawn_blocking(move || forking.fork_plain(memory_bytes))
            .await
            .map_err(|_| lost())?
            .map_err(|_| too_many())?;
        let mut running = self.running();
        // One that was waiting may have taken its place meanwhile.
        if let Some(link) = live(running.as_ref()) {
            return Ok(link);
        }
        self.run_in(&runtime, child, counted, &mut running)
    }

    /// Starts it at once, if a process waits for that. Of several that ask at a time, one starts it for all.
    fn start_now(&self) -> Result<Option<Arc<Link>>, FetchError> {
        if let Some(failure) = &self.refused {
            return Err(FetchError::Worker(failure.clone()));
        }
        if self.settings.memory_bytes > DEFAULT_MEMORY_BYTES {
            return Ok(None);
        }
        let runtime = self.runtime.upgrade().ok_or_else(lost)?;
        let mut running = self.running();
        if let Some(link) = live(running.as_ref()) {
            return Ok(Some(link));
        }
        let Some(child) = runtime.spares.take() else {
            return Ok(None);
        };
        runtime.refill_spares();
        let counted = runtime.spares.count().ok_or_else(too_many)?;
        self.run_in(&runtime, child, counted, &mut running)
            .map(Some)
    }

    fn run_in(
        &self,
        runtime: &Runtime,
        child: jail::Child,
        counted: Counted,
        place: &mut Option<Running>,
    ) -> Result<Arc<Link>, FetchError> {
        let options = LinkOptions {
            capabilities: Arc::clone(&self.capabilities),
            worker: Arc::clone(&self.name),
            logs: runtime.logs.clone(),
            subrequests: self.subrequests,
            global_fetch: self.settings.global_fetch,
            audit: self.audit.clone(),
            evaluate: Some(Arc::clone(&self.evaluate)),
            objects: runtime.objects().cloned(),
            drops_sockets: false,
            tails: self.tails.clone(),
            routes: None,
        };
        let link = Link::start(child, options).map_err(|_| lost())?;
        let (watched, cpu_ms) = (Arc::clone(&link), self.settings.cpu_ms);
        tokio::spawn(async move { crate::watchdog::watch(&watched, cpu_ms).await });
        *place = Some(Running {
            link: Arc::clone(&link),
            _counted: counted,
        });
        self.end_when_idle(&link);
        Ok(link)
    }

    /// Gives the process back once nothing has happened for a while.
    fn end_when_idle(&self, link: &Arc<Link>) {
        let (this, link) = (Weak::clone(&self.this), Arc::downgrade(link));
        tokio::spawn(async move {
            let mut idle_since = Instant::now();
            loop {
                tokio::time::sleep(SWEEP).await;
                let (Some(this), Some(link)) = (this.upgrade(), link.upgrade()) else {
                    return;
                };
                match link.load() {
                    None => return,
                    Some(0) if idle_since.elapsed() >= IDLE && !link.is_needed() => {
                        let ended = this
                            .running()
                            .take_if(|running| Arc::ptr_eq(&running.link, &link));
                        // Whoever has just found it here may still begin something.
                        tokio::time::sleep(LOOK).await;
                        match ended {
                            Some(running) => running.end_when_done(),
                            None => link.kill(),
                        }
                        return;
                    }
                    Some(0) => {}
                    Some(_) => idle_since = Instant::now(),
                }
            }
        });
    }
}

/// Where a worker runs, unless it has ended.
fn live(running: Option<&Running>) -> Option<Arc<Link>> {
    let link = &running?.link;
    link.load().is_some().then(|| Arc::clone(link))
}

impl Drop for Loaded {
    fn drop(&mut self) {
        if let Some(running) = self.running().take() {
            running.end_when_done();
        }
    }
}

impl Running {
    /// Nobody can make anything new happen to it, so it ends with what still happens.
    fn end_when_done(self) {
        let is_done = |link: &Link| link.load().is_none_or(|load| load == 0) && !link.is_needed();
        if is_done(&self.link) {
            self.link.kill();
            return;
        }
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            self.link.kill();
            return;
        };
        runtime.spawn(async move {
            while !is_done(&self.link) {
                tokio::time::sleep(LOOK).await;
            }
            self.link.kill();
        });
    }
}

/// A worker that nobody can ask for by name. It has its process as long as this is held.
pub(crate) fn single(
    runtime: &crate::Runtime,
    name: &str,
    made: Made,
    audit: Option<Audit>,
) -> impl Entrypoints + use<> {
    Handle(Loaded::new(
        Arc::downgrade(&runtime.0),
        Some(name),
        made,
        audit,
    ))
}

fn too_many() -> FetchError {
    FetchError::Overloaded(TOO_MANY.to_owned())
}

/// A dynamic worker as others hold it.
struct Handle(Arc<Loaded>);

impl Entrypoints for Handle {
    fn entrypoint(
        &self,
        name: Option<&str>,
        props: Option<Arc<Props>>,
        limits: CodeLimits,
    ) -> Arc<dyn Fetcher> {
        Arc::new(Target {
            loaded: Arc::clone(&self.0),
            entrypoint: name.map(Arc::from),
            props,
            limits,
        })
    }

    fn class(
        &self,
        name: Option<&str>,
        props: Option<Arc<Props>>,
        limits: CodeLimits,
    ) -> Arc<Class> {
        Class::new(Source::Loaded(Arc::clone(&self.0)), name, props, limits)
    }
}

/// A dynamic worker as it holds itself: that does not keep it.
struct Itself(Weak<Loaded>);

impl Entrypoints for Itself {
    fn entrypoint(
        &self,
        name: Option<&str>,
        props: Option<Arc<Props>>,
        limits: CodeLimits,
    ) -> Arc<dyn Fetcher> {
        match self.0.upgrade() {
            Some(loaded) => Handle(loaded).entrypoint(name, props, limits),
            None => Arc::new(Gone),
        }
    }

    fn class(
        &self,
        name: Option<&str>,
        props: Option<Arc<Props>>,
        limits: CodeLimits,
    ) -> Arc<Class> {
        Class::new(Source::Itself(Weak::clone(&self.0)), name, props, limits)
    }
}

/// One entrypoint of a dynamic worker.
struct Target {
    loaded: Arc<Loaded>,
    entrypoint: Option<Arc<str>>,
    props: Option<Arc<Props>>,
    limits: CodeLimits,
}

impl Target {
    /// The narrower one of its own bound and the worker's.
    fn wall_ms(&self) -> Option<u32> {
        let bounds = [self.limits.wall_ms, self.loaded.limits.wall_ms];
        bounds.into_iter().flatten().min()
    }
}

impl Fetcher for Target {
    fn fetch(
        &self,
        request: Request,
    ) -> Pin<Box<dyn Future<Output = Result<Response, FetchError>> + Send + '_>> {
        Box::pin(async move {
            let link = self.loaded.link().await?;
            let (entrypoint, props) = (self.entrypoint.as_deref(), self.props.as_deref());
            let entry = EventEntry::default();
            let answer = fetch_in(&link, entry, entrypoint, props, self.limits, request);
            let Some(wall_ms) = self.wall_ms() else {
                return answer.await;
            };
            let limit = Duration::from_millis(u64::from(wall_ms));
            let began = Instant::now();
            match tokio::time::timeout(limit, answer).await {
                Ok(answer) => answer,
                Err(_) => Err(end_late(&link, wall_ms, began)),
            }
        })
    }

    fn describe(&self) -> String {
        described(&self.loaded.name, self.entrypoint.as_deref())
    }

    fn call(&self, call: MethodCall) {
        let wall_ms = self.wall_ms();
        let receiver =
            Receiver::Entrypoint(self.entrypoint.clone(), self.props.clone(), self.limits);
        let begin = move |link: &Arc<Link>, mut call: MethodCall| {
            if let Some(wall_ms) = wall_ms {
                call.returns = in_time(link, wall_ms, call.returns);
            }
            link.begin_call(receiver, call);
        };
        if let Some(link) = self.loaded.link_now() {
            return begin(&link, call);
        }
        match self.loaded.start_now() {
            Ok(Some(link)) => return begin(&link, call),
            Ok(None) => {}
            Err(error) => return call.returns.call(Err(error)),
        }
        let loaded = Arc::clone(&self.loaded);
        tokio::spawn(async move {
            match loaded.link().await {
                Ok(link) => begin(&link, call),
                Err(error) => call.returns.call(Err(error)),
            }
        });
    }

    fn tail(&self, item: Arc<TraceItem>, room: OwnedSemaphorePermit) {
        let (loaded, entrypoint) = (Arc::clone(&self.loaded), self.entrypoint.clone());
        let props = self.props.clone();
        tokio::spawn(async move {
            if let Ok(link) = loaded.link().await {
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
