//! Deployments: from programs to running workers.

use std::collections::HashMap;
use std::process::Command;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use std::time::Duration;

use protocol::limits::{
    DEFAULT_CPU_MS, DEFAULT_MEMORY_BYTES, DEFAULT_SUBREQUESTS, DEPLOYED_STARTUP_CPU_MS,
    MAX_OBJECTS_PER_ISOLATE,
};
use protocol::{CapabilityId, CodeLimits, EntrypointKind, Exports, Failure, Program, Settings};
use tokio::sync::broadcast;

use crate::audit::Audit;
use crate::bases::{Bases, Lasting};
use crate::builds::{Building, Builds};
use crate::capability::{Capability, Entrypoints};
use crate::fetcher::Fetcher;
use crate::figures::BuildCounts;
use crate::link::LinkOptions;
use crate::loader::Loader;
use crate::logs::{LogRecord, Logs};
use crate::loss::Loss;
use crate::objects::{Namespace, Objects, StorageOptions};
use crate::parcel::Props;
use crate::routes::Routes;
use crate::services::Services;
use crate::spares::Spares;
use crate::tail::Tails;
use crate::template::evaluate;
use crate::worker::{Worker, WorkerOptions};

/// Memory of an isolate's process beyond its JavaScript heap, in bytes: frames, bodies, native state.
pub(crate) const NATIVE_BYTES: u64 = 96 * 1024 * 1024;
/// What an isolate may have open: the files of its objects that are awake, and what it starts with.
pub(crate) const DESCRIPTORS: u32 = MAX_OBJECTS_PER_ISOLATE as u32 + 64;
/// An isolate that is told nothing for so long has nothing to do, and gives back what it need not have.
pub(crate) const QUIET: Duration = Duration::from_millis(100);

/// How the runtime is to run.
#[derive(Debug)]
pub struct Options {
    /// The program that becomes the zygote: this binary in its hidden mode.
    pub zygote: Command,
    /// Isolates of each worker; as many as there are cores unless set.
    pub processes: usize,
}

impl Default for Options {
    /// This program, started a second time: its `main` has to begin with `isolate::zygote_if_asked()`.
    fn default() -> Self {
        // What the kernel calls this program, wherever its file is by now.
        let mut zygote = Command::new("/proc/self/exe");
        zygote.arg(protocol::ZYGOTE_ARGUMENT);
        let processes = std::thread::available_parallelism().map_or(1, usize::from);
        Self { zygote, processes }
    }
}

/// What cannot be.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The zygote does not start.
    #[error("cannot start the process that isolates are forked from")]
    Zygote(#[source] jail::Error),
    /// What objects keep cannot be opened, or not be put away.
    #[error(transparent)]
    Storage(#[from] storage::Error),
    /// There is no place where objects could keep anything.
    #[error("this host has no storage for Durable Objects")]
    NoStorage,
}

/// Why a worker does not run.
#[derive(Debug, thiserror::Error)]
pub enum DeployError {
    /// Its code does not parse, link or start.
    #[error("{0}")]
    Program(Failure),
    /// No process can be made.
    #[error("cannot start an isolate")]
    Jail(#[from] jail::Error),
    /// Its main module does not export all classes of its objects, only this.
    #[error("the main module does not export every class of Durable Objects")]
    Classes(Exports),
    /// The template broke off.
    #[error("the template process ended unexpectedly: {0}")]
    Template(String),
}

/// Bounds of one worker.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// JavaScript heap of each isolate, in bytes.
    pub memory_bytes: u64,
    /// Processor time of an event, in milliseconds.
    pub cpu_ms: u32,
    /// Processor time of the top level, in milliseconds.
    pub startup_cpu_ms: u32,
    /// Calls of one event.
    pub subrequests: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory_bytes: DEFAULT_MEMORY_BYTES,
            cpu_ms: DEFAULT_CPU_MS,
            startup_cpu_ms: DEPLOYED_STARTUP_CPU_MS,
            subrequests: DEFAULT_SUBREQUESTS,
        }
    }
}

/// A worker to be run.
pub struct Deployment {
    /// Its modules and `env`. Capabilities in it are indexes into `capabilities`.
    pub program: Program,
    /// What its isolates may do.
    pub capabilities: Vec<Capability>,
    /// Which of them the global `fetch()` uses.
    pub global_fetch: Option<CapabilityId>,
    /// Which of them `caches` uses.
    pub cache: Option<CapabilityId>,
    /// Which of them builds programs.
    pub bundler: Option<CapabilityId>,
    /// Its bounds.
    pub limits: Limits,
    /// The classes of its Durable Objects. Its main module has to export them.
    pub classes: Vec<String>,
    /// Each of its Durable Objects has an isolate of its own.
    pub object_isolates: bool,
    /// WebSockets of its Durable Objects break when their isolate ends or a new version takes over, as with Workers.
    pub drops_sockets: bool,
    /// Who follows it: each is told of its events once they are over.
    pub tails: Vec<Arc<dyn Fetcher>>,
}

/// The host of all workers. Clones are the same host.
#[derive(Clone)]
pub struct Runtime(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) zygote: jail::Forker,
    processes: usize,
    pub(crate) workers: RwLock<HashMap<Arc<str>, Worker>>,
    pub(crate) logs: Logs,
    objects: OnceLock<Arc<Objects>>,
    pub(crate) spares: Spares,
    pub(crate) bases: Bases,
    pub(crate) builds: Arc<BuildCounts>,
    loss: Loss,
}

impl Runtime {
    /// Starts the zygote.
    ///
    /// # Errors
    /// When it does not start.
    pub async fn start(options: Options) -> Result<Self, Error> {
        let Options { zygote, processes } = options;
        let zygote = tokio::task::spawn_blocking(move || {
            jail::Zygote::spawn(zygote, &jail::Settings::default())
        })
        .await
        .unwrap_or(Err(jail::Error::Gone))
        .map_err(Error::Zygote)?;
        let loss = Loss::default();
        loss.watch(zygote.process(), "all isolates".to_owned(), || true)
            .map_err(Error::Zygote)?;
        Ok(Self(Arc::new(Inner {
            zygote,
            processes: processes.max(1),
            workers: RwLock::default(),
            logs: Logs::new(),
            objects: OnceLock::new(),
            spares: Spares::default(),
            bases: Bases::default(),
            builds: Arc::default(),
            loss,
        })))
    }

    /// Resolves, with what happened, if a process ends that workers cannot go on without: the kernel ends some when memory is
    /// short, these last of all. Nothing brings it back but another start.
    pub async fn loss(&self) -> String {
        let loss = self.0.loss.clone();
        loss.happened().await
    }

    /// Opens the folder where Durable Objects keep their state, unless one is open. Without it there are none.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub async fn open_storage(&self, options: &StorageOptions) -> Result<(), Error> {
        if self.0.objects.get().is_none() {
            let objects = Objects::open(options, Arc::downgrade(&self.0)).await?;
            // Another one has locked the folder if there was one meanwhile.
            let _ = self.0.objects.set(objects);
        }
        Ok(())
    }

    /// Moves the clock of all workers on, and rings the alarms that are due then. There is no way back.
    pub fn move_clock(&self, by_ms: u64) {
        crate::clock::move_on(by_ms);
        if let Some(objects) = self.0.objects.get() {
            objects.look_at_alarms();
        }
    }

    /// What time it is for workers, in milliseconds since 1970.
    #[must_use]
    pub fn now_ms(&self) -> f64 {
        crate::clock::now_ms()
    }

    /// The Durable Objects of a worker's class, whether the worker runs yet or not.
    ///
    /// # Errors
    /// When this host has no storage, or it does not work.
    pub fn namespace(&self, worker: &str, class: &str) -> Result<Namespace, Error> {
        let objects = self.0.objects.get().ok_or(Error::NoStorage)?;
        Ok(objects.namespace(worker, class)?)
    }

    /// One Durable Object, as something that answers requests and has methods.
    ///
    /// # Errors
    /// When this host has no storage, or it does not work.
    pub fn object(&self, worker: &str, class: &str, name: &str) -> Result<Arc<dyn Fetcher>, Error> {
        Ok(self.namespace(worker, class)?.named(name))
    }

    /// Something that runs code from strings for one worker.
    #[must_use]
    pub fn loader(&self) -> Loader {
        Loader::new(&self.0, None)
    }

    /// The same, and what the code uses is written down.
    #[must_use]
    pub fn audited_loader(&self, audit: Audit) -> Loader {
        Loader::new(&self.0, Some(audit))
    }

    /// What builds programs from files.
    #[must_use]
    pub fn bundler(&self, building: Building) -> Arc<dyn Fetcher> {
        Arc::new(Builds::new(
            self.0.zygote.clone(),
            building,
            Arc::clone(&self.0.builds),
        ))
    }

    /// What objects keep, for looking into it.
    #[must_use]
    pub fn store(&self) -> Option<Arc<storage::Store>> {
        self.0
            .objects
            .get()
            .map(|objects| Arc::clone(objects.store()))
    }

    /// Takes an object away from where it runs, for instance to change what it keeps. Its callers are told `reason`.
    /// Resolves when no instance of it runs that ran before; the next event starts another one.
    pub async fn evict(
        &self,
        namespace: &storage::Namespace,
        id: protocol::ObjectId,
        reason: &str,
    ) {
        if let Some(objects) = self.0.objects.get() {
            objects.evict(namespace, id, reason).await;
        }
    }

    /// Deletes an object for good, with all its facets. Its callers are told `reason`.
    ///
    /// # Errors
    /// When there is no such object, or the disk refuses.
    pub async fn delete_object(
        &self,
        namespace: &storage::Namespace,
        id: protocol::ObjectId,
        reason: &str,
    ) -> Result<(), storage::Error> {
        match self.0.objects.get() {
            Some(objects) => objects.delete(namespace, id, reason).await,
            None => Err(storage::Error::Closed),
        }
    }

    /// How many facets an object has in the store, theirs included.
    #[must_use]
    pub fn stored_facets(&self, namespace: &storage::Namespace, id: protocol::ObjectId) -> usize {
        let objects = self.0.objects.get();
        objects.map_or(0, |objects| objects.stored_facets_of(namespace, &id).len())
    }

    /// What holds the isolates beside what always does.
    #[must_use]
    pub fn protection(&self) -> jail::Protection {
        self.0.zygote.protection()
    }

    /// What workers log from now on.
    #[must_use]
    pub fn logs(&self) -> broadcast::Receiver<LogRecord> {
        self.0.logs.subscribe()
    }

    /// Evaluates a program and runs it, in place of the worker that had its name. Requests under way are finished by
    /// the old version.
    ///
    /// # Errors
    /// When the program does not start; the old version goes on.
    pub async fn deploy(&self, deployment: Deployment) -> Result<Worker, DeployError> {
        self.deploy_upon(deployment, &[]).await
    }

    /// The same for a worker that is deployed again and again, of whose modules these stay the same: they are read once,
    /// after they came for the first time. What they do, they do each time.
    ///
    /// # Errors
    /// When the program does not start; the old version goes on.
    pub async fn deploy_upon(
        &self,
        deployment: Deployment,
        lasting: &[String],
    ) -> Result<Worker, DeployError> {
        let Deployment {
            mut program,
            mut capabilities,
            global_fetch,
            cache,
            bundler,
            limits,
            classes,
            object_isolates,
            drops_sockets,
            tails,
        } = deployment;
        let name: Arc<str> = program.name.as_str().into();
        let workflows = program.workflows.iter();
        let workflows: Vec<String> = workflows.map(|workflow| workflow.class.clone()).collect();
        let tails = Tails::of_worker(&name, tails);
        let loopback = CapabilityId::try_from(capabilities.len()).ok();
        capabilities.push(Capability::Worker(Arc::new(self.services(&name))));
        let settings = Settings {
            memory_bytes: limits.memory_bytes,
            cpu_ms: limits.cpu_ms,
            startup_cpu_ms: limits.startup_cpu_ms,
            global_fetch,
            cache,
            loopback,
            bundler,
            is_followed: tails.is_some(),
        };
        let process_limits = limits_of_process(limits);
        let lasting = Lasting::of(&program, lasting);
        let base = match &lasting {
            Some(lasting) => self.0.bases.find(&name, lasting).await,
            None => None,
        };
        let (template, exports) = {
            let zygote = self.0.zygote.clone();
            let (base, lasting) = (base.clone(), lasting.clone());
            let process_limits = process_limits.clone();
            let (name, logs) = (Arc::clone(&name), self.0.logs.clone());
            tokio::task::spawn_blocking(move || {
                let based =
                    base.and_then(|base| base.fork(jail::Role::Template, &process_limits).ok());
                let child = match (based, lasting) {
                    (Some(child), Some(lasting)) => {
                        lasting.take_from(&mut program);
                        child
                    }
                    _ => zygote.fork(jail::Role::Template, &process_limits)?,
                };
                evaluate(child, program, settings, &name, &logs)
            })
            .await
            .map_err(|error| DeployError::Template(error.to_string()))??
        };
        let are_exported = |classes: &[String], kind| {
            let is_there = |class: &String| exports.has(class, kind);
            classes.iter().all(is_there)
        };
        if !are_exported(&classes, EntrypointKind::Object)
            || !are_exported(&workflows, EntrypointKind::Workflow)
        {
            return Err(DeployError::Classes(exports));
        }
        let capabilities: Arc<[Capability]> = capabilities.into();
        let routes = (!classes.is_empty() && !object_isolates).then(|| Arc::new(Routes::new()));
        let link = {
            let (name, logs, routes) = (Arc::clone(&name), self.0.logs.clone(), routes.clone());
            let objects = self.0.objects.get().cloned();
            Box::new(move || LinkOptions {
                capabilities: Arc::clone(&capabilities),
                worker: Arc::clone(&name),
                logs: logs.clone(),
                subrequests: limits.subrequests,
                global_fetch,
                audit: None,
                evaluate: None,
                objects: objects.clone(),
                drops_sockets,
                tails: tails.clone(),
                routes: routes.clone(),
            })
        };
        let ahead_limits = process_limits.clone();
        let worker = Worker::start(WorkerOptions {
            name: Arc::clone(&name),
            exports,
            template,
            limits: process_limits,
            link,
            processes: self.0.processes,
            cpu_ms: limits.cpu_ms,
            object_isolates,
            routes,
            loss: self.0.loss.clone(),
        })
        .await?;
        let workers = self.0.workers.write();
        let mut workers = workers.unwrap_or_else(PoisonError::into_inner);
        let old = workers.insert(name, worker.clone());
        drop(workers);
        if let Some(objects) = self.0.objects.get() {
            objects.deployed();
        }
        if let (Some(lasting), None) = (lasting, base) {
            self.0
                .read_ahead(worker.name().into(), lasting, ahead_limits);
        }
        if let Some(old) = old {
            worker.succeeds(&old);
            if let Some(objects) = self.0.objects.get() {
                objects.retire(&worker);
            }
            old.retire();
        }
        Ok(worker)
    }

    /// Reads modules ahead that the next version of a worker will have, see [`Runtime::deploy_upon`].
    pub fn read_ahead(&self, worker: &str, program: &Program, lasting: &[String], limits: Limits) {
        if let Some(lasting) = Lasting::of(program, lasting) {
            let limits = limits_of_process(limits);
            self.0.read_ahead(worker.into(), lasting, limits);
        }
    }

    /// Whatever version of a worker is deployed at the time of each request, which may be none yet.
    #[must_use]
    pub fn service(&self, name: &str, entrypoint: Option<&str>) -> Arc<dyn Fetcher> {
        self.services(name)
            .entrypoint(entrypoint, None, CodeLimits::default())
    }

    /// The same, for a caller that the entrypoint sees as its `ctx.props`: a JSON object.
    #[must_use]
    pub fn service_with_props(
        &self,
        name: &str,
        entrypoint: Option<&str>,
        props: &str,
    ) -> Arc<dyn Fetcher> {
        let props = Arc::new(Props::from_json(props));
        self.services(name)
            .entrypoint(entrypoint, Some(props), CodeLimits::default())
    }

    /// The same for all its entrypoints.
    pub(crate) fn services(&self, name: &str) -> Services {
        Services {
            runtime: Arc::downgrade(&self.0),
            name: name.into(),
        }
    }

    /// A deployed worker.
    #[must_use]
    pub fn worker(&self, name: &str) -> Option<Worker> {
        self.0.worker(name)
    }

    /// Ends all isolates, and brings everything that objects keep to their files.
    ///
    /// # Errors
    /// When the disk refuses. What was answered is in the log nevertheless.
    pub async fn close(&self) -> Result<(), Error> {
        self.stop();
        match self.0.objects.get() {
            Some(objects) => Ok(objects.close().await?),
            None => Ok(()),
        }
    }

    /// Ends all isolates.
    pub fn stop(&self) {
        self.0.spares.clear();
        self.0.bases.clear();
        let workers = self.0.workers.write();
        let mut workers = workers.unwrap_or_else(PoisonError::into_inner);
        for (_, worker) in workers.drain() {
            worker.kill();
        }
    }
}

impl Inner {
    pub(crate) fn objects(&self) -> Option<&Arc<Objects>> {
        self.objects.get()
    }

    pub(crate) fn worker(&self, name: &str) -> Option<Worker> {
        self.workers
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(name)
            .cloned()
    }
}

impl std::fmt::Debug for Runtime {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Runtime").finish_non_exhaustive()
    }
}

fn limits_of_process(limits: Limits) -> jail::Limits {
    jail::Limits {
        memory_bytes: limits.memory_bytes + NATIVE_BYTES,
        descriptors: DESCRIPTORS,
        quiet: Some(QUIET),
        ..jail::Limits::default()
    }
}
