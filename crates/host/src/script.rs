//! One piece of code run by a Rust program: what it is granted, what it is asked, and what it gives back.
//!
//! ```no_run
//! # async fn example(runtime: host::Runtime) -> Result<(), host::ScriptError> {
//! use serde_json::json;
//!
//! let script = host::Script::new("export default async (input, env) => await env.double(input) + 1")
//!     .grant("double", |arguments| async move { Ok(json!(arguments[0].as_f64().unwrap_or(0.0) * 2.0)) });
//! assert_eq!(script.run(&runtime, &json!(20.5)).await?, json!(42));
//! # Ok(())
//! # }
//! ```

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use http::{Method, Request as HttpRequest};
use http_body_util::{BodyExt as _, Limited};
use protocol::limits::{DEFAULT_SUBREQUESTS, MAX_RPC_BYTES};
use protocol::{Binding, BindingValue, CodeLimits, Failure, Module, ModuleKind, Program};
use serde_json::Value;

use crate::audit::Audit;
use crate::body::Body;
use crate::capability::{Capability, Entrypoints};
use crate::fetcher::{FetchError, Fetcher, Request, Response};
use crate::loader::{Made, single};
use crate::runtime::Runtime;

/// What the code is taken to be written for.
const COMPATIBILITY_DATE: &str = "2026-06-11";

/// Code that is run once for each input, each time in a process of its own that has what was granted and nothing else:
/// no network, no files, no clock that runs.
///
/// It is an ES module. If its default export (or its export `run`) is a function, that is called with `(input, env)`
/// and may be asynchronous; any other default export is the result itself. Results are what JSON can hold.
pub struct Script {
    file: String,
    source: String,
    grants: Vec<(String, Arc<dyn Fetcher>)>,
    functions: Vec<String>,
    outbound: Option<Arc<dyn Fetcher>>,
    limits: CodeLimits,
    audit: Option<Audit>,
}

/// Why a script has no result.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ScriptError {
    /// Its code does not parse, does not start, threw, or never ends.
    #[error("{0}")]
    Failed(Failure),
    /// It passed a limit.
    #[error("{0}")]
    Limit(Failure),
    /// It could not be run.
    #[error("{0}")]
    Host(String),
}

impl Script {
    /// A script of one module in TypeScript or JavaScript.
    pub fn new(source: impl Into<String>) -> Self {
        Self {
            file: "script.ts".to_owned(),
            source: source.into(),
            grants: Vec::new(),
            functions: Vec::new(),
            outbound: None,
            limits: CodeLimits::default(),
            audit: None,
        }
    }

    /// The name of its module, which errors have; how it ends says what it is written in (`.ts`, `.tsx`, `.js`, `.jsx`).
    #[must_use]
    pub fn file(mut self, name: &str) -> Self {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        self.file = name
            .chars()
            .map(|c| if is_plain(c) { c } else { '_' })
            .collect();
        self
    }

    /// Gives it a function, as `env.NAME`. Its arguments and its result are JSON; an `Err` is thrown where it is called.
    #[must_use]
    pub fn grant<F, R>(mut self, name: &str, function: F) -> Self
    where
        F: Fn(Vec<Value>) -> R + Send + Sync + 'static,
        R: Future<Output = Result<Value, String>> + Send + 'static,
    {
        let function = Function {
            name: name.to_owned(),
            function: Box::new(move |arguments| Box::pin(function(arguments))),
        };
        self.functions.push(name.to_owned());
        self.allow(name, Arc::new(function))
    }

    /// Gives it something that answers requests, as `env.NAME.fetch()`: an egress policy, a worker.
    #[must_use]
    pub fn allow(mut self, name: &str, fetcher: Arc<dyn Fetcher>) -> Self {
        self.grants.push((name.to_owned(), fetcher));
        self
    }

    /// Has its global `fetch()` go through this. Without, it throws.
    #[must_use]
    pub fn outbound(mut self, fetcher: Arc<dyn Fetcher>) -> Self {
        self.outbound = Some(fetcher);
        self
    }

    /// Bounds what it may use.
    #[must_use]
    pub fn limits(mut self, limits: CodeLimits) -> Self {
        self.limits = limits;
        self
    }

    /// Writes down what it uses.
    #[must_use]
    pub fn audit(mut self, audit: Audit) -> Self {
        self.audit = Some(audit);
        self
    }

    /// Runs it.
    ///
    /// # Errors
    /// When there is no result.
    pub async fn run(&self, runtime: &Runtime, input: &Value) -> Result<Value, ScriptError> {
        let worker = single(runtime, &self.file, self.made(), self.audit.clone());
        let asked = serde_json::json!({ "input": input, "functions": self.functions });
        let mut request = HttpRequest::new(Body::full(asked.to_string()));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = http::Uri::from_static("http://script/");
        let entrypoint = worker.entrypoint(None, None, self.limits);
        let response = entrypoint.fetch(request).await.map_err(ScriptError::of)?;
        let broken = |error: &dyn std::fmt::Display| {
            let text = format!("The result cannot be read: {error}");
            ScriptError::of(FetchError::Refused(text))
        };
        let body = Limited::new(response.into_body(), MAX_RPC_BYTES)
            .collect()
            .await;
        let bytes = body.map_err(|error| broken(&error))?.to_bytes();
        serde_json::from_slice(&bytes).map_err(|error| broken(&error))
    }

    fn made(&self) -> Made {
        let mut capabilities = Vec::new();
        let mut add = |fetcher: &Arc<dyn Fetcher>| {
            capabilities.push(Capability::Fetch(Arc::clone(fetcher)));
            u32::try_from(capabilities.len() - 1).unwrap_or(u32::MAX)
        };
        let env = self.grants.iter().map(|(name, fetcher)| Binding {
            name: name.clone(),
            value: BindingValue::Fetcher(add(fetcher)),
        });
        let env = env.collect();
        let global_fetch = self.outbound.as_ref().map(add);
        let module = |name: &str, content: String| Module {
            name: name.to_owned(),
            kind: ModuleKind::EsModule,
            content: content.into_bytes(),
        };
        let runner = include_str!("script/runner.js").replace("SCRIPT", &self.file);
        Made {
            program: Program {
                main: "runner.js".to_owned(),
                modules: vec![
                    module("runner.js", runner),
                    module(&self.file, self.source.clone()),
                ],
                compatibility_date: COMPATIBILITY_DATE.to_owned(),
                compatibility_flags: vec!["nodejs_compat".to_owned()],
                env,
                is_raw: true,
                ..Program::default()
            },
            capabilities,
            global_fetch,
            limits: self.limits,
            tails: Vec::new(),
            subrequests: DEFAULT_SUBREQUESTS,
        }
    }
}

impl std::fmt::Debug for Script {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Script")
            .field("file", &self.file)
            .finish_non_exhaustive()
    }
}

impl ScriptError {
    fn of(error: FetchError) -> Self {
        match error {
            FetchError::Worker(failure) if failure.kind.is_limit() => Self::Limit(failure),
            FetchError::Worker(failure) => Self::Failed(failure),
            FetchError::Refused(message) => Self::Failed(Failure {
                name: "Error".to_owned(),
                message,
                ..Failure::default()
            }),
            other => Self::Host(other.to_string()),
        }
    }
}

type Answer = Pin<Box<dyn Future<Output = Result<Value, String>> + Send>>;

/// A Rust function that a script calls.
struct Function {
    name: String,
    function: Box<dyn Fn(Vec<Value>) -> Answer + Send + Sync>,
}

impl Function {
    async fn answer(&self, request: Request) -> Result<Response, FetchError> {
        let refused = |error: &dyn std::fmt::Display| {
            FetchError::Refused(format!(
                "The arguments of {} cannot be read: {error}",
                self.name
            ))
        };
        let body = Limited::new(request.into_body(), MAX_RPC_BYTES)
            .collect()
            .await;
        let bytes = body.map_err(|error| refused(&error))?.to_bytes();
        let arguments = serde_json::from_slice(&bytes).map_err(|error| refused(&error))?;
        let answer = match (self.function)(arguments).await {
            Ok(value) => serde_json::json!({ "value": value }),
            Err(error) => serde_json::json!({ "error": error }),
        };
        Ok(Response::new(Body::full(answer.to_string())))
    }
}

impl Fetcher for Function {
    fn fetch(
        &self,
        request: Request,
    ) -> Pin<Box<dyn Future<Output = Result<Response, FetchError>> + Send + '_>> {
        Box::pin(self.answer(request))
    }

    fn describe(&self) -> String {
        format!("function {}", self.name)
    }
}
