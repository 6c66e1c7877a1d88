//! All workers of one command: read, built, deployed, and deployed again.

mod notes;

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use bundle::config::{self, Loaded};
use bundle::{Builder, Built, Client, ClientBuilder, Mode, Project, SourceMap};
use gateway::BuiltFiles;
use gateway::assets::Assets;
use host::{Cache, DeployError, Deployment, Egress, Fetcher, Limits, Runtime, Worker};

use protocol::{Entrypoint, EntrypointKind};

use self::notes::warn_of_absent_services;
use crate::arguments::Overrides;
use crate::bindings::{self, Shared};
use crate::browsers::AllBrowsers;
use crate::error::{self, Error};
use crate::metrics::Metrics;
use crate::models::AllModels;
use crate::objects::{self, State, keep_out_of_version_control};
use crate::packages::Bundlers;
use crate::powers::Powers;
use crate::{ZYGOTE, arguments, report, stored, terminal};

/// The way back from each worker's program to its sources, as last deployed.
#[derive(Clone, Default)]
pub(crate) struct Maps(Arc<RwLock<HashMap<String, SourceMap>>>);

impl Maps {
    pub(crate) fn get(&self, worker: &str) -> SourceMap {
        self.0
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(worker)
            .cloned()
            .unwrap_or_default()
    }

    fn set(&self, worker: &str, map: SourceMap) {
        self.0
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(worker.to_owned(), map);
    }

    /// The worker's name where it has to be told from others, nothing where there is one only.
    pub(crate) fn prefix<'a>(&self, worker: &'a str) -> &'a str {
        let several = self.0.read().unwrap_or_else(PoisonError::into_inner).len() > 1;
        if several { worker } else { "" }
    }
}

/// One worker of the fleet.
pub(crate) struct Member {
    options: config::Options,
    overrides: Overrides,
    pub(crate) builder: Builder,
    /// The code for browsers, as it was built last.
    client: Option<Client>,
    client_builder: ClientBuilder,
    /// What its last deployment gave.
    pub(crate) running: Option<Running>,
}

/// A worker that is deployed.
#[derive(Clone)]
pub(crate) struct Running {
    /// The worker; none for a project of static assets alone.
    pub(crate) worker: Option<Worker>,
    /// What answers requests from outside: the worker, with its assets before it.
    pub(crate) site: Arc<dyn Fetcher>,
    /// The same without the code for browsers.
    inner: Arc<dyn Fetcher>,
}

/// Which parts of a project are built anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Parts {
    All,
    Worker,
    Client,
}

/// All workers.
pub(crate) struct Fleet {
    pub(crate) members: Vec<Member>,
    pub(crate) shared: Shared,
    pub(crate) maps: Maps,
    mode: Mode,
    pub(crate) state: State,
}

impl Fleet {
    /// Reads the configurations that the command line names.
    pub(crate) fn load(
        arguments: &arguments::Project,
        overrides: &Overrides,
        mode: Mode,
    ) -> Result<Vec<Member>, Error> {
        let folder = std::env::current_dir()
            .map_err(|error| Error::failed("cannot tell the current folder", error))?;
        overrides.check(&folder)?;
        let configs: Vec<Option<PathBuf>> = if arguments.config.is_empty() {
            vec![None]
        } else {
            arguments.config.iter().cloned().map(Some).collect()
        };
        let mut members: Vec<Member> = Vec::new();
        for config in configs {
            let options = config::Options {
                folder: folder.clone(),
                config,
                environment: arguments.env.clone(),
                vars: arguments.var.clone(),
                secret_files: overrides.env_file.clone(),
                otherwise: overrides.as_configuration(),
            };
            let overrides = match members.is_empty() {
                true => overrides.clone(),
                false => Overrides::default(),
            };
            let project = read(&options, &overrides)?;
            if let Some(same) = members
                .iter()
                .find(|member| member.project().name == project.name)
            {
                return Err(Error::mistake(
                    format_args!("two workers are named {}", project.name),
                    format_args!(
                        "change `name` in {} or in {}",
                        same.project().config_path.display(),
                        project.config_path.display()
                    ),
                ));
            }
            members.push(Member {
                options,
                overrides,
                builder: Builder::new(project, mode),
                client: None,
                client_builder: ClientBuilder::default(),
                running: None,
            });
        }
        warn_of_absent_services(&members);
        Ok(members)
    }

    /// Starts the process that isolates are forked from.
    pub(crate) async fn start(
        members: Vec<Member>,
        mode: Mode,
        state: State,
        key_file: Option<&Path>,
        metrics: Arc<Metrics>,
    ) -> Result<Self, Error> {
        keep_out_of_version_control(state.folder());
        let beside = State::kept(None, members[0].project());
        let secrets = if state.is_kept() { &state } else { &beside };
        let powers = Powers::open(state.folder(), secrets.folder(), key_file, mode)?;
        let zygote = zygote()?;
        let wanted = members
            .iter()
            .filter_map(|member| member.project().settings.processes)
            .max();
        let processes = match wanted {
            Some(wanted) => usize::try_from(wanted).unwrap_or(usize::MAX),
            // One, as with `wrangler dev`: what a module keeps is seen by all requests.
            None if matches!(mode, Mode::Development) => 1,
            None => std::thread::available_parallelism().map_or(1, usize::from),
        };
        let runtime = Runtime::start(host::Options { zygote, processes }).await?;
        Ok(Self {
            members,
            shared: Shared {
                runtime,
                egress: Egress::new(),
                cache: Arc::new(Cache::default()),
                powers,
                bundlers: Bundlers::default(),
                metrics,
                models: AllModels::default(),
                browsers: AllBrowsers::default(),
            },
            maps: Maps::default(),
            mode,
            state,
        })
    }

    /// Ends all workers and puts away what they keep.
    pub(crate) async fn close(shared: &Shared) -> Result<(), Error> {
        let Shared {
            runtime,
            powers,
            browsers,
            ..
        } = shared;
        browsers.close().await;
        powers.audit.flush();
        powers.console.flush();
        runtime
            .close()
            .await
            .map_err(|error| Error::Failed {
                error: anyhow::Error::new(error).context("storage was not closed as it should be"),
                hint: Some(
                    "nothing is lost that was answered: the log has it, and the next start brings it to the objects' files"
                        .to_owned(),
                ),
            })
    }

    /// Builds and deploys one worker as its files are now. The version before goes on if that fails. Where it is known what
    /// `changed` since the last time, parts that have nothing of it stay as they are.
    pub(crate) async fn deploy(
        &mut self,
        index: usize,
        changed: Option<&HashSet<PathBuf>>,
    ) -> Result<(), Error> {
        let mut gave_way = Vec::new();
        let outcome = self.deploy_one(index, changed, &mut gave_way).await;
        let name = self.members[index].project().name.clone();
        let is_bound = |project: &Project| {
            let mut objects = project.objects.iter();
            objects.any(|object| {
                object.script.as_ref() == Some(&name) && gave_way.contains(&object.class)
            })
        };
        for other in 0..self.members.len() {
            let member = &self.members[other];
            if other == index || member.running.is_none() || !is_bound(member.project()) {
                continue;
            }
            // Its own mistakes are not this worker's.
            if let Err(error) = self.deploy_one(other, None, &mut Vec::new()).await {
                error.tell();
            }
        }
        outcome
    }

    async fn deploy_one(
        &mut self,
        index: usize,
        changed: Option<&HashSet<PathBuf>>,
        gave_way: &mut Vec<String>,
    ) -> Result<(), Error> {
        let settings = self.members.iter().map(|member| &member.project().settings);
        let bounds = objects::Bounds::of(settings);
        let member = &mut self.members[index];
        let project = member.project().clone();
        let parts = changed.map_or(Parts::All, |changed| member.parts(changed));
        if let (Parts::Client, Some(running)) = (parts, member.running.clone()) {
            let client = member.client_builder.build(&project, self.mode).await?;
            member.run(running.inner, running.worker, client);
            return Ok(());
        }
        let assets = bindings::open_assets(&project, self.mode == Mode::Development)?;
        if let Some(assets) = &assets {
            report_assets(assets);
        }
        let before = member.client.take().filter(|_| parts == Parts::Worker);
        let (builder, client_builder) = (&mut member.builder, &mut member.client_builder);
        let worker = async {
            if project.main.is_none() {
                return Ok(None);
            }
            let built = builder.build().await?;
            error::warn(&built.warnings);
            let runtime = &self.shared.runtime;
            objects::prepare(&project, runtime, &self.state, bounds, gave_way).await?;
            // What it logs while it starts leads to its files as well.
            self.maps.set(&project.name, built.source_map.clone());
            let is_old_syntax = listens_for_fetch(&built.program, &built.packages);
            let worker = start(
                &project,
                built,
                &self.shared,
                assets.as_ref(),
                self.state.folder(),
            )
            .await?;
            if index == 0 {
                warn_of_no_default(&worker, is_old_syntax);
            }
            Ok::<_, Error>(Some(worker))
        };
        let client = async {
            match before {
                Some(client) => Ok(Some(client)),
                None => client_builder.build(&project, self.mode).await,
            }
        };
        // While the worker starts, the client can be built.
        let (worker, client) = tokio::join!(worker, client);
        let client = client.map_err(Error::from);
        // Its files are watched also when the other part is what does not build.
        member.client = client.as_ref().ok().cloned().flatten();
        let worker = worker?;
        let target = worker.as_ref().map(|worker| worker.entrypoint(None));
        let inner = bindings::site(&project, target, assets)?;
        member.run(inner, worker, client?);
        Ok(())
    }

    /// Builds workers once more that are as their files are, so that what stays the same is known when one of those files
    /// changes.
    pub(crate) async fn warm_up(&mut self) {
        for index in 0..self.members.len() {
            let member = &mut self.members[index];
            let (Some(running), true) = (&member.running, member.project().main.is_some()) else {
                continue;
            };
            // A mistake that came meanwhile is told when the change is noticed.
            if let (Some(worker), Ok(built)) =
                (running.worker.clone(), member.builder.build().await)
            {
                let limits = limits(member.project());
                let runtime = &self.shared.runtime;
                runtime.read_ahead(worker.name(), &built.program, &built.packages, limits);
            }
        }
    }

    /// The worker that requests from outside go to.
    pub(crate) fn first(&self) -> &Member {
        &self.members[0]
    }
}

/// This program as the process that isolates are forked from.
pub(crate) fn zygote() -> Result<std::process::Command, Error> {
    let program = std::env::current_exe()
        .map_err(|error| Error::failed("cannot find this program's own file", error))?;
    let mut zygote = std::process::Command::new(program);
    zygote.arg(ZYGOTE);
    Ok(zygote)
}

impl Member {
    pub(crate) fn project(&self) -> &Project {
        self.builder.project()
    }

    /// Which parts have something of what changed.
    fn parts(&self, changed: &HashSet<PathBuf>) -> Parts {
        let configuration = &self.project().watched;
        let client = self.client.iter().flat_map(|client| &client.watched);
        let client: HashSet<&PathBuf> = client.collect();
        let worker: HashSet<&PathBuf> = self.builder.watched().iter().collect();
        let all: HashSet<PathBuf> = self.watched().into_iter().collect();
        let assets = self.project().assets.as_ref();
        let assets = assets.map(|assets| assets.directory.as_path());
        if changed.iter().any(|file| file.parent() == assets) {
            return Parts::All;
        }
        let mut parts = None;
        for file in changed.iter().filter(|file| all.contains(*file)) {
            let part = match (worker.contains(file), client.contains(file)) {
                _ if configuration.contains(file) => Parts::All,
                (true, false) => Parts::Worker,
                (false, true) => Parts::Client,
                _ => Parts::All,
            };
            parts = match parts {
                None => Some(part),
                Some(before) if before == part => Some(part),
                Some(_) => Some(Parts::All),
            };
        }
        // Something else that belongs to it, such as the rules of its assets.
        parts.unwrap_or(Parts::All)
    }

    /// Puts the code for browsers before everything else, and remembers all of it.
    fn run(&mut self, inner: Arc<dyn Fetcher>, worker: Option<Worker>, client: Option<Client>) {
        let mut site = Arc::clone(&inner);
        if let Some(client) = &client {
            error::warn(&client.warnings);
            site = Arc::new(BuiltFiles::new(client.files.clone(), site));
        }
        self.client = client;
        self.running = Some(Running {
            worker,
            site,
            inner,
        });
    }

    /// The files whose change asks for a new build.
    pub(crate) fn watched(&self) -> Vec<PathBuf> {
        let mut files = self.builder.watched().to_vec();
        files.extend(self.project().settings.client.clone());
        let client = self.client.iter().flat_map(|client| &client.watched);
        files.extend(client.cloned());
        files
    }

    /// Reads the configuration again.
    pub(crate) fn reload(&mut self, mode: Mode) -> Result<(), Error> {
        self.builder = Builder::new(read(&self.options, &self.overrides)?, mode);
        self.client_builder = ClientBuilder::default();
        Ok(())
    }
}

fn read(options: &config::Options, overrides: &Overrides) -> Result<Project, Error> {
    let Loaded {
        mut project,
        warnings,
    } = config::load(options)?;
    error::warn(&warnings);
    overrides.apply(&mut project, &options.folder)?;
    for service in &project.services {
        let props = service.props.as_deref().unwrap_or("{}");
        if !props.starts_with('{') {
            return Err(Error::mistake(
                format_args!(
                    "`props` of the service {} is not an object",
                    service.binding
                ),
                format_args!("it is what `ctx.props` will be: write {{ \"name\": value }}"),
            ));
        }
    }
    Ok(project)
}

/// Whether a program answers requests as workers did before there were modules.
fn listens_for_fetch(program: &protocol::Program, packages: &[String]) -> bool {
    const CALLS: [&[u8]; 2] = [b"addEventListener(\"fetch\"", b"addEventListener('fetch'"];
    let has = |content: &[u8], text: &[u8]| content.windows(text.len()).any(|part| part == text);
    let own = |module: &&protocol::Module| !packages.contains(&module.name);
    let mut modules = program.modules.iter().filter(own);
    modules.any(|module| CALLS.iter().any(|call| has(&module.content, call)))
}

/// Says at the start what otherwise every request would say. Tests need no default export.
fn warn_of_no_default(worker: &Worker, is_old_syntax: bool) {
    let entrypoints = &worker.exports().entrypoints;
    let default = entrypoints
        .iter()
        .find(|entrypoint| entrypoint.name == "default");
    let is_tested = |entrypoint: &Entrypoint| entrypoint.handlers.iter().any(|name| name == "test");
    let is_empty = |default: &Entrypoint| {
        default.kind == EntrypointKind::Handlers && default.handlers.is_empty()
    };
    if default.is_some_and(|default| !is_empty(default)) || entrypoints.iter().any(is_tested) {
        return;
    }
    terminal::warning(match default {
        Some(_) => "no request will be answered: the default export has no fetch()",
        None => {
            "no request will be answered: the main module's default export is missing, or neither an object nor a class"
        }
    });
    terminal::hint(if is_old_syntax {
        "this is the syntax from before modules; now it is export default { async fetch(request, env, ctx) { … } }"
    } else {
        "export default { async fetch(request, env, ctx) { return new Response(\"hi\") } }"
    });
}

fn report_assets(assets: &Assets) {
    for warning in assets.warnings() {
        terminal::warning(format_args!(
            "{}:{}: {}",
            warning.file, warning.line, warning.message
        ));
    }
}

async fn start(
    project: &Project,
    built: Built,
    shared: &Shared,
    assets: Option<&Arc<Assets>>,
    state: &Path,
) -> Result<Worker, Error> {
    let (mut program, map) = (built.program, &built.source_map);
    let services = stored::services(project, shared, state).await?;
    let places = bindings::Places {
        assets,
        state,
        services: services.as_ref(),
    };
    let bound = bindings::bind(project, &program, shared, places)?;
    program.env = bound.env;
    program.exports = bound.exports;
    program.workflows = stored::own_workflows(project);
    let deployment = Deployment {
        program,
        capabilities: bound.capabilities,
        global_fetch: bound.global_fetch,
        cache: bound.cache,
        bundler: bound.bundler,
        limits: limits(project),
        classes: project.object_classes.clone(),
        object_isolates: project.settings.isolation == Some(config::Isolation::Object),
        drops_sockets: project.settings.sockets == Some(config::Sockets::Drop),
        tails: project
            .tail_consumers
            .iter()
            .map(|worker| shared.runtime.service(worker, None))
            .collect(),
    };
    shared
        .runtime
        .deploy_upon(deployment, &built.packages)
        .await
        .map_err(|error| match error {
            DeployError::Program(failure) => Error::Start {
                worker: String::new(),
                report: Box::new(report::of_failure(&failure, map)),
            },
            DeployError::Classes(exports) => bindings::missing_class(project, &exports),
            error => Error::failed("the worker does not start", error),
        })
}

/// The bounds that the two configuration files set; `atoll.jsonc` is the more particular one.
fn limits(project: &Project) -> Limits {
    let own = &project.settings.limits;
    let default = Limits::default();
    let narrow = |value: u64| u32::try_from(value).unwrap_or(u32::MAX);
    Limits {
        memory_bytes: own
            .memory_mb
            .map_or(default.memory_bytes, |mb| mb.saturating_mul(1024 * 1024)),
        cpu_ms: own
            .cpu_ms
            .or(project.cpu_limit_ms)
            .map_or(default.cpu_ms, narrow),
        startup_cpu_ms: own.startup_cpu_ms.map_or(default.startup_cpu_ms, narrow),
        subrequests: own
            .subrequests
            .or(project.subrequest_limit)
            .map_or(default.subrequests, narrow),
    }
}
