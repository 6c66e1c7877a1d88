//! `atoll.jsonc`: what only Atoll knows.

use std::path::{Path, PathBuf};

use super::document::{Document, Node, Value};
use super::egress::{self, EgressBinding, EgressPolicy, GlobalOutbound, LoaderSettings};
use super::reader::Reader;
use crate::error::{Diagnostic, Error};

/// Atoll's own settings of one worker; `None` leaves the default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// Bounds on each isolate.
    pub limits: Limits,
    /// How objects share processes.
    pub isolation: Option<Isolation>,
    /// How many isolate processes the worker gets.
    pub processes: Option<u32>,
    /// What becomes of objects' WebSockets when there is a new version of the worker, or their isolate ends.
    pub sockets: Option<Sockets>,
    /// For how many days an object can be taken back to a moment.
    pub retention_days: Option<u32>,
    /// How much one object may store, in MiB.
    pub object_quota_mb: Option<u64>,
    /// What programs get that the worker builds.
    pub builds: Builds,
    /// What requests may reach, by name.
    pub egress: Vec<EgressPolicy>,
    /// Properties of `env` that requests go through.
    pub bindings: Vec<EgressBinding>,
    /// What the worker's global `fetch()` reaches.
    pub global_outbound: GlobalOutbound,
    /// What Worker Loaders do beside running code.
    pub loaders: Vec<LoaderSettings>,
    /// What `env.AI` leads to.
    pub model: Option<Model>,
    /// How `env.BROWSER` runs its browsers.
    pub browser: Browser,
    /// The entry module of the code that browsers get.
    pub client: Option<PathBuf>,
}

/// `model` in `atoll.jsonc`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Model {
    /// A server that speaks OpenAI's API.
    Server {
        /// Up to and with the version: `https://api.openai.com/v1`.
        url: String,
        /// The key, or nothing where none is needed.
        key: Option<String>,
        /// The environment variable of this process that has the key.
        key_from: Option<String>,
        /// The model to ask for whatever the worker names.
        name: Option<String>,
        /// The same for what is not text.
        names: Box<ModelNames>,
    },
    /// The scripted model, with its script as JSON source.
    Scripted(String),
}

/// `model.names` in `atoll.jsonc`: the models to ask for whatever the worker names, by what they do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ModelNames {
    /// Embeddings, where `name` is not for them, too.
    pub embeddings: Option<String>,
    /// Images.
    pub images: Option<String>,
    /// Speech.
    pub speech: Option<String>,
    /// Transcription.
    pub transcription: Option<String>,
    /// Reranking.
    pub reranking: Option<String>,
    /// The voice of speech.
    pub voice: Option<String>,
}

/// `browser` in `atoll.jsonc`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Browser {
    /// The program, instead of the one that `PATH` has.
    pub path: Option<PathBuf>,
    /// The most sessions at a time.
    pub sessions: Option<u32>,
    /// After how many seconds without a command a session ends that does not say itself.
    pub idle_seconds: Option<u64>,
    /// Whether the browser keeps its own sandbox.
    pub sandbox: Option<bool>,
    /// The port of this machine where people look at sessions.
    pub view_port: Option<u16>,
}

/// `builds` in `atoll.jsonc`: what `@cloudflare/worker-bundler` may use.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Builds {
    /// Packages that programs may have: names, `@scope/*`, or `*`. `None` is all that need no credentials.
    pub packages: Option<Vec<String>>,
    /// Registries that programs may name, beside those of `.npmrc`.
    pub registries: Vec<String>,
}

/// `limits` in `atoll.jsonc`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// JavaScript heap of one isolate, in MiB.
    pub memory_mb: Option<u64>,
    /// CPU time of one event, in milliseconds.
    pub cpu_ms: Option<u64>,
    /// CPU time of the top level, in milliseconds.
    pub startup_cpu_ms: Option<u64>,
    /// Subrequests of one event.
    pub subrequests: Option<u64>,
}

/// `isolation` in `atoll.jsonc`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Isolation {
    /// Many objects share a process, as many processes as cores.
    Shared,
    /// Each object has its own process.
    Object,
}

/// `sockets` in `atoll.jsonc`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sockets {
    /// They stay open, and the next instance of the object finds them.
    Keep,
    /// They break, as with Workers.
    Drop,
}

/// The name of the settings file beside the wrangler configuration.
pub const SETTINGS_FILE: &str = "atoll.jsonc";

/// SQLite has at most 2^32 - 2 pages of 4 KiB; this stays below.
const MOST_OBJECT_QUOTA_MB: u64 = 15 * 1024 * 1024;

pub(crate) fn path_in(root: &Path) -> PathBuf {
    root.join(SETTINGS_FILE)
}

/// Reads the `atoll.jsonc` of a folder that need not have a worker in it.
///
/// # Errors
/// Every mistake in it at once, with its place.
pub fn read_settings(folder: &Path) -> Result<Settings, Error> {
    let mut diagnostics = Vec::new();
    let settings = read(folder, &mut diagnostics)?;
    if diagnostics.is_empty() {
        Ok(settings)
    } else {
        Err(Error { diagnostics })
    }
}

/// Reads `atoll.jsonc`; unknown keys are errors, for nobody else reads this file.
pub(crate) fn read(folder: &Path, diagnostics: &mut Vec<Diagnostic>) -> Result<Settings, Error> {
    let path = &path_in(folder);
    if !path.is_file() {
        return Ok(Settings::default());
    }
    let document = Document::read(path)?;
    let root = &document.root;
    let mut reader = Reader {
        document: &document,
        diagnostics,
    };
    reader.unknown_keys(
        root,
        "",
        &[
            "$schema",
            "limits",
            "isolation",
            "processes",
            "sockets",
            "retentionDays",
            "objectQuotaMb",
            "builds",
            "egress",
            "bindings",
            "globalOutbound",
            "loaders",
            "model",
            "browser",
            "client",
        ],
        true,
    );
    reader.object("limits", root.get("limits"));
    let mut limits = Limits::default();
    if let Some(value) = root.get("limits") {
        reader.unknown_keys(
            value,
            "limits.",
            &["memoryMb", "cpuMs", "startupCpuMs", "subrequests"],
            true,
        );
        let mut number =
            |key: &str, most| reader.whole_number(&format!("limits.{key}"), value.get(key), most);
        limits = Limits {
            memory_mb: number("memoryMb", 64 * 1024),
            cpu_ms: number("cpuMs", 3_600_000),
            startup_cpu_ms: number("startupCpuMs", 3_600_000),
            subrequests: number("subrequests", u64::from(u32::MAX)),
        };
    }
    let isolation = reader.choice(
        "isolation",
        root.get("isolation"),
        &[("shared", Isolation::Shared), ("object", Isolation::Object)],
    );
    let processes = reader
        .whole_number("processes", root.get("processes"), 1024)
        .map(|count| count as u32);
    let sockets = reader.choice(
        "sockets",
        root.get("sockets"),
        &[("keep", Sockets::Keep), ("drop", Sockets::Drop)],
    );
    let retention_days = reader
        .whole_number("retentionDays", root.get("retentionDays"), 36_500)
        .map(|days| days as u32);
    let object_quota_mb = reader.whole_number(
        "objectQuotaMb",
        root.get("objectQuotaMb"),
        MOST_OBJECT_QUOTA_MB,
    );
    if object_quota_mb == Some(0)
        && let Some(value) = root.get("objectQuotaMb")
    {
        let message = "`objectQuotaMb` must be at least 1: objects with tables need some room";
        reader.error(value.start, message.to_owned(), None);
    }
    let builds = builds(&mut reader, root.get("builds"));
    let policies = egress::policies(&mut reader, root.get("egress"));
    let bindings = egress::bindings(&mut reader, root.get("bindings"), &policies);
    let outbound = root.get("globalOutbound");
    let global_outbound = egress::global_outbound(&mut reader, outbound, &policies);
    let loaders = egress::loaders(&mut reader, root.get("loaders"));
    let model = root
        .get("model")
        .and_then(|value| model(&mut reader, value));
    let browser = browser(&mut reader, root.get("browser"), folder);
    let client = reader
        .string("client", root.get("client"))
        .map(|file| folder.join(file));
    if let (Some(file), Some(value)) = (&client, root.get("client"))
        && !file.is_file()
    {
        let message = format!(
            "the client's entry module does not exist: {}",
            file.display()
        );
        reader.error(value.start, message, None);
    }
    Ok(Settings {
        model,
        browser,
        client,
        limits,
        isolation,
        processes,
        sockets,
        retention_days,
        object_quota_mb,
        builds,
        egress: policies,
        bindings,
        global_outbound,
        loaders,
    })
}

fn browser(reader: &mut Reader<'_>, value: Option<&Value>, folder: &Path) -> Browser {
    reader.object("browser", value);
    let Some(value) = value else {
        return Browser::default();
    };
    let known = ["path", "sessions", "idleSeconds", "sandbox", "viewPort"];
    reader.unknown_keys(value, "browser.", &known, true);
    let path = reader.string("browser.path", value.get("path"));
    let sessions = reader.whole_number("browser.sessions", value.get("sessions"), 1000);
    let view_port = reader.whole_number("browser.viewPort", value.get("viewPort"), 65_535);
    Browser {
        path: path.map(|path| folder.join(path)),
        sessions: sessions.map(|count| count as u32),
        idle_seconds: reader.whole_number("browser.idleSeconds", value.get("idleSeconds"), 86_400),
        sandbox: reader.bool("browser.sandbox", value.get("sandbox")),
        view_port: view_port.map(|port| port as u16),
    }
}

fn builds(reader: &mut Reader<'_>, value: Option<&Value>) -> Builds {
    reader.object("builds", value);
    let Some(value) = value else {
        return Builds::default();
    };
    reader.unknown_keys(value, "builds.", &["packages", "registries"], true);
    let packages = value.get("packages");
    let registries = reader.strings("builds.registries", value.get("registries"));
    for url in &registries {
        if !url.starts_with("http://") && !url.starts_with("https://") {
            let hint = "it has the form https://registry.npmjs.org/".to_owned();
            let message = format!("`builds.registries` has something that is no URL: {url}");
            reader.error(value.start, message, Some(hint));
        }
    }
    Builds {
        packages: packages.map(|names| reader.strings("builds.packages", Some(names))),
        registries,
    }
}

fn model(reader: &mut Reader<'_>, value: &Value) -> Option<Model> {
    reader.object("model", Some(value));
    let known = ["url", "key", "keyFrom", "name", "names", "scripted"];
    reader.unknown_keys(value, "model.", &known, true);
    if let Some(script) = value.get("scripted") {
        return match &script.node {
            Node::Bool(true) => Some(Model::Scripted("{}".to_owned())),
            Node::Bool(false) => None,
            _ => {
                reader.object("model.scripted", Some(script));
                Some(Model::Scripted(script.to_json().to_string()))
            }
        };
    }
    let url = reader.required("model", value, "url")?;
    if !url.starts_with("http://") && !url.starts_with("https://") {
        let hint = "it has the form https://api.openai.com/v1".to_owned();
        reader.error(value.start, "`model.url` is no URL".to_owned(), Some(hint));
    }
    Some(Model::Server {
        url,
        key: reader.string("model.key", value.get("key")),
        key_from: reader.string("model.keyFrom", value.get("keyFrom")),
        name: reader.string("model.name", value.get("name")),
        names: Box::new(model_names(reader, value.get("names"))),
    })
}

fn model_names(reader: &mut Reader<'_>, value: Option<&Value>) -> ModelNames {
    let Some(value) = value else {
        return ModelNames::default();
    };
    reader.object("model.names", Some(value));
    let mut names = ModelNames::default();
    let all = [
        ("embeddings", &mut names.embeddings),
        ("images", &mut names.images),
        ("speech", &mut names.speech),
        ("transcription", &mut names.transcription),
        ("reranking", &mut names.reranking),
        ("voice", &mut names.voice),
    ];
    let known: Vec<&str> = all.iter().map(|(key, _)| *key).collect();
    reader.unknown_keys(value, "model.names.", &known, true);
    for (key, name) in all {
        *name = reader.string(&format!("model.names.{key}"), value.get(key));
    }
    names
}
