//! What a project's configuration says, with every path absolute and every default filled in.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::objects::{Migration, ObjectBinding};
use super::settings::Settings;

/// One worker project, read from its wrangler configuration and the files beside it.
#[derive(Clone, Debug)]
pub struct Project {
    /// The worker's name; with an environment, `name-environment` unless that names itself.
    pub name: String,
    /// The environment that was chosen.
    pub environment: Option<String>,
    /// The configuration file.
    pub config_path: PathBuf,
    /// The folder that the configuration's relative paths start from.
    pub root: PathBuf,
    /// The entry module; `None` for a worker that only has static assets.
    pub main: Option<PathBuf>,
    /// Where module names start from when nothing is bundled.
    pub base_dir: PathBuf,
    /// `YYYY-MM-DD`.
    pub compatibility_date: String,
    /// As written.
    pub compatibility_flags: Vec<String>,
    /// Variables and secrets, in the order they were found; names are unique.
    pub vars: Vec<Variable>,
    /// Secrets that the configuration requires and that no file gives.
    pub absent_secrets: Vec<String>,
    /// Bindings to other workers.
    pub services: Vec<Service>,
    /// The workers that are told of this one's events.
    pub tail_consumers: Vec<String>,
    /// Properties of `env` that run code from strings.
    pub loaders: Vec<String>,
    /// Bindings to KV namespaces.
    pub key_values: Vec<KeyValueBinding>,
    /// Bindings to R2 buckets.
    pub buckets: Vec<BucketBinding>,
    /// Bindings to Workflows, of this worker and of others.
    pub workflows: Vec<WorkflowBinding>,
    /// Bindings that send email.
    pub emails: Vec<EmailBinding>,
    /// The property of `env` that leads to language models.
    pub ai: Option<String>,
    /// The property of `env` that leads to a browser.
    pub browser: Option<String>,
    /// Bindings to Durable Objects, of this worker and of others.
    pub objects: Vec<ObjectBinding>,
    /// The names of this worker's own object classes, in alphabetical order.
    pub object_classes: Vec<String>,
    /// What became of this worker's object classes, oldest first.
    pub migrations: Vec<Migration>,
    /// Static assets.
    pub assets: Option<Assets>,
    /// `triggers.crons`.
    pub crons: Vec<String>,
    /// What imported files that are not code become: the project's own rules, then the defaults.
    pub rules: Vec<Rule>,
    /// Take the modules as they are.
    pub no_bundle: bool,
    /// Also take every file below `base_dir` that a rule matches; on by default with `no_bundle`.
    pub find_additional_modules: bool,
    /// Names in the source that are replaced by expressions.
    pub define: BTreeMap<String, String>,
    /// Imports that are replaced by others.
    pub alias: BTreeMap<String, String>,
    /// Make the code small.
    pub minify: bool,
    /// Keep the `name` of functions and classes when they are renamed.
    pub keep_names: bool,
    /// The TypeScript configuration, when it is not the nearest `tsconfig.json`.
    pub tsconfig: Option<PathBuf>,
    /// The function that JSX elements become.
    pub jsx_factory: Option<String>,
    /// What JSX fragments become.
    pub jsx_fragment: Option<String>,
    /// `limits.cpu_ms`.
    pub cpu_limit_ms: Option<u64>,
    /// `limits.subrequests`.
    pub subrequest_limit: Option<u64>,
    /// `dev`.
    pub dev: Dev,
    /// Bindings that the configuration asks for and that Atoll does not have yet.
    pub unsupported: Vec<UnsupportedBinding>,
    /// `atoll.jsonc`.
    pub settings: Settings,
    /// Files that the project was read from or would be read from if they existed.
    pub watched: Vec<PathBuf>,
}

impl Project {
    /// The properties of `env` that lead to what Atoll keeps for workers.
    pub fn stored_bindings(&self) -> impl Iterator<Item = &str> {
        let key_values = self.key_values.iter().map(|binding| &binding.binding);
        let buckets = self.buckets.iter().map(|binding| &binding.binding);
        let workflows = self.workflows.iter().map(|binding| &binding.binding);
        let all = key_values.chain(buckets).chain(workflows);
        all.map(String::as_str)
    }

    /// Whether a worker of Atoll's own has to run for some binding.
    pub fn needs_services(&self) -> bool {
        !self.key_values.is_empty() || !self.buckets.is_empty()
    }
}

/// One property of `env` whose value stands in the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variable {
    /// The property's name.
    pub name: String,
    /// The property's value.
    pub value: VariableValue,
}

/// Where a variable came from and what it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VariableValue {
    /// A string of `vars` or of `--var`.
    Text(String),
    /// Anything else of `vars`, as JSON source.
    Json(String),
    /// A line of `.dev.vars` or `.env`: never shown.
    Secret(String),
}

/// A binding to another worker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// The property of `env`.
    pub binding: String,
    /// The other worker's name.
    pub service: String,
    /// The other worker's named entrypoint; `None` is its default export.
    pub entrypoint: Option<String>,
    /// `ctx.props` of the calls made through this binding, as JSON source.
    pub props: Option<String>,
}

/// A binding to a KV namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyValueBinding {
    /// The property of `env`.
    pub binding: String,
    /// Which namespace: workers that name the same one share it.
    pub namespace: String,
}

/// A binding to an R2 bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BucketBinding {
    /// The property of `env`.
    pub binding: String,
    /// Which bucket: workers that name the same one share it.
    pub bucket: String,
}

/// A binding to a Workflow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkflowBinding {
    /// The property of `env`.
    pub binding: String,
    /// The Workflow's name.
    pub name: String,
    /// The class.
    pub class: String,
    /// The worker that has it; `None` is this one.
    pub script: Option<String>,
    /// How many steps an instance may take.
    pub steps: u32,
}

/// A binding that sends email.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EmailBinding {
    /// The property of `env`.
    pub binding: String,
    /// `destination_address`: the only recipient.
    pub destination: Option<String>,
    /// `allowed_destination_addresses`.
    pub destinations: Option<Vec<String>>,
    /// `allowed_sender_addresses`.
    pub senders: Option<Vec<String>>,
}

/// `assets`: static files served before or beside the worker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assets {
    /// The folder, absolute.
    pub directory: PathBuf,
    /// The property of `env`, when the worker wants one.
    pub binding: Option<String>,
    /// How `.html` files answer.
    pub html_handling: HtmlHandling,
    /// What answers when no file does.
    pub not_found_handling: NotFoundHandling,
    /// Which requests go to the worker first.
    pub run_worker_first: RunWorkerFirst,
}

impl Assets {
    /// Those of a folder, with nothing else said.
    #[must_use]
    pub fn of(directory: PathBuf) -> Self {
        Self {
            directory,
            binding: None,
            html_handling: HtmlHandling::default(),
            not_found_handling: NotFoundHandling::default(),
            run_worker_first: RunWorkerFirst::Always(false),
        }
    }
}

/// `assets.html_handling`, see Cloudflare's "HTML handling" page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HtmlHandling {
    /// `/about.html` is at `/about`, `/blog/index.html` is at `/blog/`.
    #[default]
    AutoTrailingSlash,
    /// Both are at a path with a slash at its end.
    ForceTrailingSlash,
    /// Both are at a path without.
    DropTrailingSlash,
    /// Files answer at their own names only.
    None,
}

/// `assets.not_found_handling`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NotFoundHandling {
    /// The worker, or an empty 404.
    #[default]
    None,
    /// The nearest `404.html`.
    NotFoundPage,
    /// `/index.html` with status 200.
    SinglePageApplication,
}

/// `assets.run_worker_first`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RunWorkerFirst {
    /// All requests (`true`) or none.
    Always(bool),
    /// Requests whose path matches; a pattern after `!` takes back.
    Patterns(Vec<String>),
}

/// What files that match `globs` are when they are imported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// The kind of module.
    pub kind: protocol::ModuleKind,
    /// Patterns relative to the project's folder.
    pub globs: Vec<String>,
}

/// `dev`: what `atoll dev` does unless its flags say otherwise.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dev {
    /// The address to listen on.
    pub ip: Option<String>,
    /// The port to listen on.
    pub port: Option<u16>,
    /// The inspector's port; Atoll has no inspector yet.
    pub inspector_port: Option<u16>,
    /// `http` or `https`.
    pub local_protocol: Option<String>,
    /// The host that the worker sees in its requests.
    pub host: Option<String>,
    /// The protocol that it sees in them: `http` or `https`.
    pub upstream_protocol: Option<&'static str>,
}

/// A binding that is configured but would be `undefined`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnsupportedBinding {
    /// The key in the configuration: `kv_namespaces`.
    pub kind: String,
    /// The property of `env`.
    pub name: String,
}
