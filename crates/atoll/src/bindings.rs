//! From what a project's configuration binds to what its worker holds: `env` and capabilities.

use std::path::Path;
use std::sync::Arc;

use bundle::Project;
use bundle::config::{GlobalOutbound, VariableValue};
use gateway::assets::{Assets, Config, HtmlHandling, NotFoundHandling};
use gateway::{RunWorkerFirst, Site};
use host::{Cache, Capability, Egress, Fetcher, Runtime};
use protocol::{
    Binding, BindingValue, CapabilityId, EntrypointKind, Exports, Program, ServiceKind,
};
use services::Services;

use crate::browsers::AllBrowsers;
use crate::error::Error;
use crate::metrics::Metrics;
use crate::models::AllModels;
use crate::packages::Bundlers;
use crate::powers::Powers;
use crate::stored;

/// What a worker's own `fetch()` goes through when nothing else is configured, as operators are told.
const NETWORK: &str = "network";

/// What workers share.
#[derive(Clone)]
pub(crate) struct Shared {
    pub(crate) runtime: Runtime,
    pub(crate) egress: Egress,
    pub(crate) cache: Arc<Cache>,
    pub(crate) models: AllModels,
    pub(crate) browsers: AllBrowsers,
    pub(crate) powers: Powers,
    pub(crate) metrics: Arc<Metrics>,
    /// What builds programs for workers.
    pub(crate) bundlers: Bundlers,
}

/// Whether a program imports the npm package whose place the host's bundler takes.
fn wants_bundler(program: &Program) -> bool {
    const NAME: &[u8] = b"@cloudflare/worker-bundler";
    let mut modules = program.modules.iter();
    modules.any(|module| module.content.windows(NAME.len()).any(|text| text == NAME))
}

/// A worker's `env` and the capabilities that it mentions by number.
pub(crate) struct Bound {
    pub(crate) env: Vec<Binding>,
    pub(crate) exports: Vec<Binding>,
    pub(crate) capabilities: Vec<Capability>,
    pub(crate) global_fetch: Option<CapabilityId>,
    pub(crate) cache: Option<CapabilityId>,
    pub(crate) bundler: Option<CapabilityId>,
}

/// The capabilities of a worker, as they are numbered.
pub(crate) struct Table(Vec<Capability>);

impl Table {
    pub(crate) fn add(&mut self, capability: Capability) -> CapabilityId {
        self.0.push(capability);
        CapabilityId::try_from(self.0.len() - 1).expect("a configuration has no 4 billion bindings")
    }
}

/// Where a worker's bindings lead to beside what all workers share.
#[derive(Clone, Copy)]
pub(crate) struct Places<'a> {
    pub(crate) assets: Option<&'a Arc<Assets>>,
    /// The folder of state.
    pub(crate) state: &'a Path,
    pub(crate) services: Option<&'a Services>,
}

pub(crate) fn bind(
    project: &Project,
    program: &Program,
    shared: &Shared,
    places: Places<'_>,
) -> Result<Bound, Error> {
    let Places {
        assets,
        state,
        services,
    } = places;
    let mut table = Table(Vec::new());
    let policies = shared.powers.policies(&project.settings)?;
    let counted = |through: &str, way| shared.metrics.counted(&project.name, through, way);
    let policy = |name: &str| -> Option<Arc<dyn Fetcher>> {
        let policy = policies.get(name)?;
        Some(counted(name, Arc::new(policy.clone())))
    };
    let outbound: Option<Arc<dyn Fetcher>> = match &project.settings.global_outbound {
        GlobalOutbound::Everything => Some(counted(NETWORK, Arc::new(shared.egress.clone()))),
        GlobalOutbound::Nothing => None,
        GlobalOutbound::Policy(name) => policy(name),
    };
    let global_fetch = outbound.map(|outbound| table.add(Capability::Fetch(outbound)));
    let cache = table.add(Capability::Cache(shared.cache.clone()));
    let mut env: Vec<Binding> = project
        .vars
        .iter()
        .map(|variable| Binding {
            name: variable.name.clone(),
            value: match &variable.value {
                VariableValue::Text(text) | VariableValue::Secret(text) => {
                    BindingValue::Text(text.clone())
                }
                VariableValue::Json(source) => BindingValue::Json(source.clone()),
            },
        })
        .collect();
    for name in &project.absent_secrets {
        if let Some(value) = shared.powers.required(name)? {
            env.push(Binding {
                name: name.clone(),
                value: BindingValue::Text(value),
            });
        }
    }
    let mut fetcher = |name: &str, fetcher: Arc<dyn Fetcher>| {
        let id = table.add(Capability::Fetch(fetcher));
        env.push(Binding {
            name: name.to_owned(),
            value: BindingValue::Fetcher(id),
        });
    };
    for service in &project.services {
        let (name, entrypoint) = (&service.service, service.entrypoint.as_deref());
        let target = match &service.props {
            Some(props) => shared.runtime.service_with_props(name, entrypoint, props),
            None => shared.runtime.service(name, entrypoint),
        };
        fetcher(&service.binding, target);
    }
    let binding = project
        .assets
        .as_ref()
        .and_then(|assets| assets.binding.as_ref());
    if let (Some(name), Some(assets)) = (binding, assets) {
        fetcher(name, assets.clone());
    }
    for binding in &project.settings.bindings {
        if let Some(policy) = policy(&binding.policy) {
            fetcher(&binding.binding, policy);
        }
    }
    for name in &project.loaders {
        let mut settings = project.settings.loaders.iter();
        let is_audited = settings.any(|loader| loader.binding == *name && loader.audit);
        let loader = if is_audited {
            shared.runtime.audited_loader(shared.powers.auditor())
        } else {
            shared.runtime.loader()
        };
        let loader = table.add(Capability::Loader(loader));
        env.push(Binding {
            name: name.clone(),
            value: BindingValue::Loader(loader),
        });
    }
    if let Some(name) = &project.ai {
        let models = shared.models.of(project, &shared.egress, state)?;
        env.push(Binding {
            name: name.clone(),
            value: BindingValue::Ai(table.add(Capability::Fetch(models))),
        });
    }
    if let Some(name) = &project.browser {
        let mut browsers = shared.browsers.of(project)?;
        if project.settings.model.is_some() {
            browsers = browsers.with_model(shared.models.of(project, &shared.egress, state)?);
        }
        let capability = table.add(Capability::Fetch(Arc::new(browsers)));
        env.push(Binding {
            name: name.clone(),
            value: BindingValue::Service(ServiceKind::Browser, capability),
        });
    }
    env.extend(stored::bind(project, shared, services, state, &mut table)?);
    let mut namespace = |name: &str, worker: &str, class: &str| {
        let namespace = shared
            .runtime
            .namespace(worker, class)
            .map_err(|error| Error::failed("cannot reach stored objects", error))?;
        let key = namespace.key();
        let capability = table.add(Capability::Namespace(namespace));
        Ok::<_, Error>(Binding {
            name: name.to_owned(),
            value: BindingValue::Namespace { capability, key },
        })
    };
    for object in &project.objects {
        let worker = object.script.as_deref().unwrap_or(&project.name);
        env.push(namespace(&object.binding, worker, &object.class)?);
    }
    let mut exports = Vec::new();
    for class in &project.object_classes {
        exports.push(namespace(class, &project.name, class)?);
    }
    let mut bundler = None;
    if wants_bundler(program) {
        let building = shared.bundlers.of(&shared.runtime, project)?;
        bundler = Some(table.add(Capability::Fetch(building)));
    }
    Ok(Bound {
        env,
        exports,
        capabilities: table.0,
        global_fetch,
        cache: Some(cache),
        bundler,
    })
}

/// Why a worker does not run that lacks a class of Durable Objects that its configuration speaks of.
pub(crate) fn missing_class(project: &Project, exports: &Exports) -> Error {
    let mut workflows = project
        .workflows
        .iter()
        .filter(|workflow| workflow.script.is_none());
    let missing =
        workflows.find(|workflow| !exports.has(&workflow.class, EntrypointKind::Workflow));
    if let Some(missing) = missing {
        let class = &missing.class;
        return Error::mistake(
            format_args!(
                "the worker exports no Workflow `{class}`, which env.{} is bound to",
                missing.binding
            ),
            format_args!("add `export class {class} extends WorkflowEntrypoint {{ … }}`"),
        );
    }
    let mut classes = project.object_classes.iter();
    let class = classes.find(|class| !exports.has(class, EntrypointKind::Object));
    let class = class.map_or("", String::as_str);
    let bound = project
        .objects
        .iter()
        .find(|object| object.script.is_none() && object.class == class);
    let why = match bound {
        Some(object) => format!("which env.{} is bound to", object.binding),
        None => "which its migrations create".to_owned(),
    };
    let others: Vec<String> = exports
        .entrypoints
        .iter()
        .map(|entrypoint| match entrypoint.kind {
            EntrypointKind::Object => entrypoint.name.clone(),
            EntrypointKind::Worker => format!("{} (a WorkerEntrypoint)", entrypoint.name),
            EntrypointKind::Workflow => format!("{} (a WorkflowEntrypoint)", entrypoint.name),
            EntrypointKind::Handlers => format!("{} (an object)", entrypoint.name),
        })
        .collect();
    let what = match &others[..] {
        [] => "the entry module exports nothing".to_owned(),
        others => format!("the entry module exports {}", others.join(", ")),
    };
    Error::mistake(
        format_args!("the worker exports no class `{class}`, {why}"),
        format_args!("{what}; add `export class {class} extends DurableObject {{ … }}`"),
    )
}

/// Opens the static assets of a project, if it has some.
pub(crate) fn open_assets(project: &Project, fresh: bool) -> Result<Option<Arc<Assets>>, Error> {
    use bundle::config;
    let Some(assets) = &project.assets else {
        return Ok(None);
    };
    let opened = Assets::open(&Config {
        directory: assets.directory.clone(),
        html_handling: match assets.html_handling {
            config::HtmlHandling::AutoTrailingSlash => HtmlHandling::AutoTrailingSlash,
            config::HtmlHandling::ForceTrailingSlash => HtmlHandling::ForceTrailingSlash,
            config::HtmlHandling::DropTrailingSlash => HtmlHandling::DropTrailingSlash,
            config::HtmlHandling::None => HtmlHandling::None,
        },
        not_found_handling: match assets.not_found_handling {
            config::NotFoundHandling::None => NotFoundHandling::None,
            config::NotFoundHandling::NotFoundPage => NotFoundHandling::NotFoundPage,
            config::NotFoundHandling::SinglePageApplication => {
                NotFoundHandling::SinglePageApplication
            }
        },
        fresh,
    });
    opened
        .map(|assets| Some(Arc::new(assets)))
        .map_err(|error| {
            Error::mistake(
                error,
                format_args!(
                    "see `assets.directory` in {}",
                    project.config_path.display()
                ),
            )
        })
}

/// A worker with its assets before it, as the configuration wants it.
pub(crate) fn site(
    project: &Project,
    worker: Option<Arc<dyn Fetcher>>,
    assets: Option<Arc<Assets>>,
) -> Result<Arc<dyn Fetcher>, Error> {
    use bundle::config;
    match (worker, assets, &project.assets) {
        (worker, Some(assets), Some(config)) => {
            let run_worker_first = match &config.run_worker_first {
                config::RunWorkerFirst::Always(true) => RunWorkerFirst::Always,
                config::RunWorkerFirst::Always(false) => RunWorkerFirst::Never,
                config::RunWorkerFirst::Patterns(patterns) => RunWorkerFirst::patterns(patterns)
                    .map_err(|error| Error::mistake(error, "see `assets.run_worker_first`"))?,
            };
            Ok(Arc::new(Site {
                assets,
                worker,
                run_worker_first,
            }))
        }
        (Some(worker), _, _) => Ok(worker),
        (None, _, _) => Err(Error::mistake(
            format_args!("{} has neither code nor assets", project.name),
            format_args!(
                "name the entry module with `main` in {}",
                project.config_path.display()
            ),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::Entrypoint;

    #[test]
    fn a_class_that_is_not_exported_is_named_with_its_binding_and_what_is() {
        let folder = tempfile::TempDir::new().expect("a temporary folder");
        let write = |name: &str, content: &str| {
            std::fs::write(folder.path().join(name), content).expect("a file");
        };
        write("index.js", "");
        write(
            "wrangler.jsonc",
            r#"{ "main": "index.js", "durable_objects": { "bindings": [{ "name": "ROOM", "class_name": "Room" }] },
              "migrations": [{ "tag": "v1", "new_sqlite_classes": ["Room", "User"] }] }"#,
        );
        let project = bundle::config::load(&bundle::config::Options {
            folder: folder.path().to_owned(),
            ..Default::default()
        })
        .expect("a project")
        .project;
        let exports = |names: &[(&str, EntrypointKind)]| Exports {
            entrypoints: names
                .iter()
                .map(|(name, kind)| Entrypoint {
                    name: (*name).to_owned(),
                    kind: *kind,
                    handlers: Vec::new(),
                })
                .collect(),
        };
        let refused =
            |names: &[(&str, EntrypointKind)]| match missing_class(&project, &exports(names)) {
                Error::Mistake { message, hint } => (message, hint.unwrap_or_default()),
                other => panic!("{other:?}"),
            };
        let all = [
            ("Room", EntrypointKind::Object),
            ("User", EntrypointKind::Object),
        ];
        let (message, hint) = refused(&[
            ("Rom", EntrypointKind::Object),
            ("Room", EntrypointKind::Worker),
        ]);
        assert_eq!(
            message,
            "the worker exports no class `Room`, which env.ROOM is bound to"
        );
        assert!(
            hint.starts_with("the entry module exports Rom, Room (a WorkerEntrypoint);"),
            "{hint}"
        );
        let (message, _) = refused(&all[..1]);
        assert_eq!(
            message,
            "the worker exports no class `User`, which its migrations create"
        );
    }
}
