//! What can be typed. Flags that `wrangler dev` has keep their names and meaning.

pub(crate) mod logs;
pub(crate) mod objects;
pub(crate) mod run;
pub(crate) mod secret;
pub(crate) mod wrangler;

use std::net::IpAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use http::uri::Authority;

use wrangler::Wrangler;

const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  it failed while it ran: a test did not pass, the port is in use, a file cannot be written
  2  what was asked for cannot be: wrong arguments, a mistake in the configuration or in the code";

const INSTALL_HELP: &str = "\
It reads package.json with its workspaces and overrides, and package-lock.json or pnpm-lock.yaml. It writes \
node_modules as npm does, and package-lock.json where something changed. Install scripts are never run. Registries, \
tokens and proxies are those of .npmrc and of npm_config_* variables. Packages are kept in ~/.cache/atoll for all \
projects; ATOLL_CACHE names another folder.

Exit codes:
  0  everything is there
  1  the registry cannot be reached or refuses, or a file cannot be written
  2  what was asked for cannot be: a mistake in package.json, or what does not fit its lock file

Examples:
  atoll install
  atoll install hono zod@4             # adds them to package.json
  atoll install --frozen --omit-dev    # on a server";

const DEV_HELP: &str = "\
Exit codes:
  0  done
  1  it failed while it ran: the port is in use, a file cannot be written
  2  what was asked for cannot be: wrong arguments, a mistake in the configuration or in the code

Examples:
  atoll dev
  atoll dev -c site/wrangler.jsonc -c auth/wrangler.jsonc --port 3000
  curl 'localhost:8787/cdn-cgi/handler/scheduled?cron=0+*+*+*+*'    # what a cron trigger does
  curl -X POST 'localhost:8787/cdn-cgi/handler/clock?by=3600000'    # an hour later";

const SERVE_HELP: &str = "\
Exit codes:
  0  it was asked to end, by SIGTERM, SIGINT or SIGHUP
  1  it failed while it ran: the port is in use, a file cannot be written
  2  what was asked for cannot be: wrong arguments, a mistake in the configuration or in the code

Examples:
  atoll serve -c site/wrangler.jsonc --ip 0.0.0.0 --port 80
  atoll serve --persist-to /var/lib/atoll/state --metrics-port 9787 --access-log json";

const TEST_HELP: &str = "\
Every export with a handler test(controller, env, ctx) is called. It passes unless it throws, or rejects. State is for this \
run only, unless --persist-to names a folder.

Exit codes:
  0  all passed
  1  one did not pass
  2  there are none, or a mistake in the configuration or in the code

Examples:
  atoll test
  atoll test -c site/wrangler.jsonc --var MODE:test";

const MODEL_HELP: &str = "\
It answers /v1/chat/completions, /v1/responses and /v1/embeddings, streamed or not, and always the same to the same. GET \
/calls tells what was asked, DELETE /calls forgets it.

Examples:
  atoll model --rate 25
  atoll model --script rules.json --port 8788";

const NEW_HELP: &str = "\
Examples:
  atoll new my-worker && cd my-worker && atoll dev
  atoll new my-agent --template agent";

/// A home for Workers on your own machine.
#[derive(Debug, Parser)]
#[command(name = "atoll", version, after_help = EXIT_CODES, max_term_width = 100)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run a project while you write it: rebuilds, reloads, explains errors
    #[command(after_help = DEV_HELP)]
    Dev(Box<Dev>),
    /// Run projects in production
    #[command(after_help = SERVE_HELP)]
    Serve(Serve),
    /// Run the exported `test()` handlers of a project
    #[command(after_help = TEST_HELP)]
    Test(Test),
    /// Install the npm packages of a project, without Node; `dev`, `serve` and `test` do it by themselves
    #[command(after_help = INSTALL_HELP)]
    Install(Install),
    /// Serve a scripted model that speaks OpenAI's API, for examples and tests
    #[command(after_help = MODEL_HELP)]
    Model(Model),
    /// Make a small project that runs at once
    #[command(after_help = NEW_HELP)]
    New(New),
    /// Run one script in a jail and print its result as JSON
    #[command(after_help = run::HELP)]
    Run(run::Run),
    /// Keep, list and delete what egress policies send along
    #[command(after_help = secret::HELP)]
    Secret(secret::Secret),
    /// Show what workers logged and what they used
    #[command(after_help = logs::HELP)]
    Logs(logs::Logs),
    /// Look into stored Durable Objects; export, import, restore, copy and delete them
    #[command(after_help = objects::HELP)]
    Objects(objects::Objects),
}

#[derive(Args, Debug)]
pub(crate) struct Project {
    /// A wrangler.jsonc, .json or .toml, or its folder. Several make several workers; requests go to the first
    #[arg(short, long, value_name = "FILE")]
    pub(crate) config: Vec<PathBuf>,
    /// The environment of the configuration
    #[arg(short, long, value_name = "NAME")]
    pub(crate) env: Option<String>,
    /// A variable for `env`, above those of the configuration
    #[arg(long, value_name = "NAME:VALUE", value_parser = variable)]
    pub(crate) var: Vec<(String, String)>,
    /// How much is told
    #[arg(long, value_enum, default_value = "log", value_name = "LEVEL")]
    pub(crate) log_level: LogLevel,
    /// The folder of state, for Durable Objects, secrets and logs [default: .atoll/state beside the first configuration]
    #[arg(long, value_name = "FOLDER")]
    pub(crate) persist_to: Option<PathBuf>,
    /// The file with the key of the secrets [default: $ATOLL_KEY_FILE, or $XDG_CONFIG_HOME/atoll/key]
    #[arg(long, value_name = "FILE")]
    pub(crate) key_file: Option<PathBuf>,
}

#[derive(Args, Debug)]
pub(crate) struct Listen {
    /// The address to listen on [default: 127.0.0.1, or `dev.ip` of the configuration]
    #[arg(long, value_name = "ADDRESS", value_parser = address)]
    pub(crate) ip: Option<IpAddr>,
    /// The port to listen on; 0 takes any free one [default: 8787, or `dev.port` of the configuration]
    #[arg(long)]
    pub(crate) port: Option<u16>,
    /// The protocol to listen for
    #[arg(long, value_enum, value_name = "PROTOCOL")]
    pub(crate) local_protocol: Option<Protocol>,
    /// Accepted for wrangler's sake: there is no inspector yet, so it does nothing
    #[arg(long, value_name = "PORT")]
    pub(crate) inspector_port: Option<u16>,
}

#[derive(Args, Debug)]
pub(crate) struct Dev {
    /// The folder to start in, as if the command were typed there
    #[arg(long, value_name = "FOLDER")]
    pub(crate) cwd: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) project: Project,
    #[command(flatten)]
    pub(crate) listen: Listen,
    #[command(flatten)]
    pub(crate) overrides: Overrides,
    #[command(flatten)]
    pub(crate) wrangler: Wrangler,
}

/// What the command line says of the first worker instead of its configuration.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct Overrides {
    /// The entry module, instead of the configuration's `main`; alone, it needs no configuration
    #[arg(value_name = "SCRIPT")]
    pub(crate) script: Option<PathBuf>,
    /// The name of the worker
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// One more compatibility flag
    #[arg(long, alias = "compatibility-flag", value_name = "FLAG")]
    pub(crate) compatibility_flags: Vec<String>,
    /// A file of secrets (NAME=value), instead of .dev.vars and .env; several go one over the other
    #[arg(long, value_name = "FILE")]
    pub(crate) env_file: Vec<PathBuf>,
    /// The folder of static assets, instead of the configuration's
    #[arg(long, value_name = "FOLDER")]
    pub(crate) assets: Option<PathBuf>,
    /// A name in the source that is replaced by an expression
    #[arg(long, value_name = "NAME:VALUE", value_parser = variable)]
    pub(crate) define: Vec<(String, String)>,
    /// An import that is replaced by another one
    #[arg(long, value_name = "NAME:VALUE", value_parser = variable)]
    pub(crate) alias: Vec<(String, String)>,
    /// Make the code small
    #[arg(long, num_args = 0..=1, default_missing_value = "true", require_equals = true, hide_possible_values = true, value_name = "BOOL")]
    pub(crate) minify: Option<bool>,
    #[arg(long, hide = true, conflicts_with = "minify")]
    pub(crate) no_minify: bool,
    /// Take the modules as they are
    #[arg(long)]
    pub(crate) no_bundle: bool,
    #[arg(long, hide = true, conflicts_with = "no_bundle", num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    pub(crate) bundle: Option<bool>,
    /// The function that JSX elements become, instead of the configuration's `jsx_factory`
    #[arg(long, value_name = "NAME")]
    pub(crate) jsx_factory: Option<String>,
    /// What JSX fragments become, instead of the configuration's `jsx_fragment`
    #[arg(long, value_name = "NAME")]
    pub(crate) jsx_fragment: Option<String>,
    /// The TypeScript configuration, instead of the nearest tsconfig.json
    #[arg(long, value_name = "FILE")]
    pub(crate) tsconfig: Option<PathBuf>,
    /// The host that the worker sees in its requests, instead of the one that was asked [default: `dev.host` of the configuration]
    #[arg(long, value_name = "HOST", value_parser = crate::upstream::host)]
    pub(crate) host: Option<Authority>,
    /// The same as --host, which goes first
    #[arg(long, value_name = "HOST", value_parser = crate::upstream::host)]
    pub(crate) local_upstream: Option<Authority>,
    /// The protocol that the worker sees in its requests [default: http, or `dev.upstream_protocol` of the configuration]
    #[arg(long, value_enum, value_name = "PROTOCOL")]
    pub(crate) upstream_protocol: Option<Protocol>,
}

#[derive(Args, Debug)]
pub(crate) struct Serve {
    #[command(flatten)]
    pub(crate) project: Project,
    #[command(flatten)]
    pub(crate) listen: Listen,
    /// Tell how the server is on a port of its own: /metrics for Prometheus, /healthz and /readyz
    #[arg(long, value_name = "PORT")]
    pub(crate) metrics_port: Option<u16>,
    /// The address of that port
    #[arg(long, value_name = "ADDRESS", value_parser = address, default_value = "127.0.0.1", requires = "metrics_port")]
    pub(crate) metrics_ip: IpAddr,
    /// Write a line for each request to standard output
    #[arg(long, value_enum, default_value = "none", value_name = "FORM")]
    pub(crate) access_log: AccessLog,
    /// How many seconds requests in flight may take to finish at the end
    #[arg(long, default_value_t = 10, value_name = "SECONDS")]
    pub(crate) grace: u64,
}

#[derive(Args, Debug)]
pub(crate) struct Test {
    #[command(flatten)]
    pub(crate) project: Project,
}

#[derive(Args, Debug)]
pub(crate) struct Install {
    /// Packages to add to package.json: NAME, or NAME@ with a version, a range or a tag
    #[arg(value_name = "NAME", conflicts_with = "frozen")]
    pub(crate) names: Vec<String>,
    /// Add them to devDependencies
    #[arg(short = 'D', long, requires = "names")]
    pub(crate) save_dev: bool,
    /// The project's folder, or its wrangler configuration [default: here, or the nearest package.json above]
    #[arg(short, long, value_name = "FOLDER")]
    pub(crate) config: Option<PathBuf>,
    /// Take what the lock file says, leave it as it is, and fail when it does not fit package.json, as `npm ci` does
    #[arg(long)]
    pub(crate) frozen: bool,
    /// Leave out devDependencies
    #[arg(long)]
    pub(crate) omit_dev: bool,
    /// Never ask the registry: everything has to be in the cache
    #[arg(long)]
    pub(crate) offline: bool,
    /// Ask the registry only for what is not in the cache
    #[arg(long, conflicts_with = "offline")]
    pub(crate) prefer_offline: bool,
}

#[derive(Args, Debug)]
pub(crate) struct Model {
    /// What the model says: a JSON file with rules. Without one it tells stories and calls the tools that it is told to
    #[arg(long, value_name = "FILE")]
    pub(crate) script: Option<PathBuf>,
    /// Tokens a second, instead of the script's; 0 is as fast as it goes
    #[arg(long)]
    pub(crate) rate: Option<f64>,
    /// The address to listen on [default: 127.0.0.1]
    #[arg(long, value_name = "ADDRESS", value_parser = address)]
    pub(crate) ip: Option<IpAddr>,
    /// The port to listen on; 0 takes any free one [default: 8788]
    #[arg(long)]
    pub(crate) port: Option<u16>,
}

#[derive(Args, Debug)]
pub(crate) struct New {
    /// The folder to make; its name becomes the worker's
    pub(crate) name: PathBuf,
    /// What to begin with
    #[arg(long, value_enum, default_value = "hello")]
    pub(crate) template: Template,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum LogLevel {
    /// Nothing
    None,
    /// Errors
    Error,
    /// And warnings
    Warn,
    /// And information
    Info,
    /// And logs and requests
    Log,
    /// And what helps to find faults in Atoll
    Debug,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Protocol {
    Http,
    Https,
}

impl Protocol {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum AccessLog {
    /// No lines
    None,
    /// A JSON object a line
    Json,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Template {
    /// A page, a JSON API and a test, without any package
    Hello,
    /// The same with Hono and JSX
    Hono,
    /// An agent with state, methods and reminders, and a page that follows it, made with the Agents SDK
    Agent,
}

fn variable(text: &str) -> Result<(String, String), String> {
    match text.split_once(':') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("it has the form NAME:VALUE".to_owned()),
    }
}

fn address(text: &str) -> Result<IpAddr, String> {
    match text {
        "localhost" => Ok(IpAddr::from([127, 0, 0, 1])),
        "*" => Ok(IpAddr::from([0, 0, 0, 0])),
        _ => text
            .parse()
            .map_err(|_| "it is an IP address, `localhost`, or `*` for all".to_owned()),
    }
}
