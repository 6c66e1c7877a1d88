//! A worker version: its modules and what its `env` holds.

use serde::{Deserialize, Serialize};

use crate::message::{CapabilityId, EntrypointKind, Exports};
use crate::rpc::Given;

/// What a module's bytes mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ModuleKind {
    /// An ECMAScript module, ready for the engine: no TypeScript, no JSX, no decorators.
    EsModule,
    /// A CommonJS module; its `module.exports` becomes the default export.
    CommonJs,
    /// Its default export is the text as a string.
    Text,
    /// Its default export is an `ArrayBuffer`.
    Data,
    /// Its default export is the parsed value.
    Json,
    /// Its default export is a `WebAssembly.Module`.
    Wasm,
}

/// One module of a [`Program`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Module {
    /// The specifier that other modules import it by, relative to the program's root: `index.js`.
    pub name: String,
    /// What `content` means.
    pub kind: ModuleKind,
    /// The module's source or bytes.
    #[serde(with = "serde_bytes")]
    pub content: Vec<u8>,
}

/// Everything a template needs to evaluate one worker version.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Program {
    /// The worker's name, used in messages only.
    pub name: String,
    /// The name of the module whose exports are the worker's entrypoints.
    pub main: String,
    /// All modules, the main one included.
    pub modules: Vec<Module>,
    /// `YYYY-MM-DD`, as in `wrangler.jsonc`.
    pub compatibility_date: String,
    /// As in `wrangler.jsonc`: `nodejs_compat` and the like.
    pub compatibility_flags: Vec<String>,
    /// What `env` holds. Capabilities in it are indexes into the isolate's own table.
    pub env: Vec<Binding>,
    /// What `ctx.exports` holds beside the worker's entrypoints: its classes of Durable Objects.
    pub exports: Vec<Binding>,
    /// Its Workflows.
    pub workflows: Vec<Workflow>,
    /// A value whose properties `env` has beside these.
    pub environment: Option<Environment>,
    /// Its code is as its author wrote it: what a bundler does to code is left to the isolate.
    pub is_raw: bool,
}

/// Properties of `env` that another worker gave.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Environment {
    /// The object as bytes.
    #[serde(with = "serde_bytes")]
    pub value: Vec<u8>,
    /// What it refers to: entries of the isolate's own table.
    pub refers: Vec<Given>,
}

impl Exports {
    /// Whether something of this kind is exported under a name.
    #[must_use]
    pub fn has(&self, name: &str, kind: EntrypointKind) -> bool {
        let mut entrypoints = self.entrypoints.iter();
        entrypoints.any(|export| export.kind == kind && export.name == name)
    }
}

/// One property of `env`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Binding {
    /// The property's name.
    pub name: String,
    /// The property's value.
    pub value: BindingValue,
}

/// The value of a property of `env`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum BindingValue {
    /// A string: a text variable or a secret.
    Text(String),
    /// JSON source, parsed once when the template is made.
    Json(String),
    /// Bytes, given as an `ArrayBuffer`.
    Data(#[serde(with = "serde_bytes")] Vec<u8>),
    /// Something with `fetch()`: a service binding or the static assets.
    Fetcher(CapabilityId),
    /// Something that runs code from strings.
    Loader(CapabilityId),
    /// A Durable Object namespace.
    Namespace {
        /// Calls on its objects.
        capability: CapabilityId,
        /// What its ids are made with: see [`namespace_key`](crate::namespace_key).
        key: [u8; 32],
    },
    /// Language models.
    Ai(CapabilityId),
    /// Something that Atoll's own worker keeps, or that the host does.
    Service(ServiceKind, CapabilityId),
    /// A Workflow of this worker or of another one.
    Workflow {
        /// Its name.
        name: String,
        /// Calls on its instances.
        capability: CapabilityId,
        /// What the ids of their objects are made with.
        key: [u8; 32],
    },
}

/// What a binding to a service is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ServiceKind {
    /// A KV namespace.
    KeyValues,
    /// An R2 bucket.
    Bucket,
    /// What sends email.
    Email,
    /// Browsers of this machine.
    Browser,
}

/// A Workflow of a worker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Workflow {
    /// Its name.
    pub name: String,
    /// The class that the worker exports for it.
    pub class: String,
    /// How many steps an instance may take.
    pub steps: u32,
}

impl Workflow {
    /// What the class of objects is called that the instances of a Workflow of this name are. No export has such a name.
    #[must_use]
    pub fn instance_class(name: &str) -> String {
        format!("{WORKFLOW_PREFIX}{name}")
    }

    /// Whether a class of objects is that of the instances of some Workflow.
    #[must_use]
    pub fn is_instance_class(class: &str) -> bool {
        class.starts_with(WORKFLOW_PREFIX)
    }
}

const WORKFLOW_PREFIX: &str = "workflow~";
