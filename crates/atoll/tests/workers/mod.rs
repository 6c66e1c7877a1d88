//! Workers made of strings, run by the real host in real isolates.
#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "shared by test programs that each use a part of it; a test that cannot go on should stop"
)]

use std::future::Future;
use std::pin::Pin;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use host::{
    Body, BodyError, Cache, Capability, DeployError, Deployment, Egress, FetchError, Fetcher,
    Limits, LogRecord, Options, Request, Runtime, Worker,
};
use http_body::Frame;
use http_body_util::BodyExt;
use protocol::{Binding, BindingValue, Module, ModuleKind, Program};
use tokio::sync::{OnceCell, broadcast, mpsc};

/// No test waits longer than this for anything.
const TIMEOUT: Duration = Duration::from_secs(60);

static TOKIO: LazyLock<tokio::runtime::Runtime> = LazyLock::new(|| {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap()
});

/// Runs a test to its end, on the one executor that all tests of a program share.
pub(crate) fn run<F: Future>(test: F) -> F::Output {
    TOKIO.block_on(async {
        tokio::time::timeout(TIMEOUT, test)
            .await
            .expect("the test should not take that long")
    })
}

/// The one host of all tests of a program, with one isolate for each worker.
pub(crate) async fn runtime() -> &'static Runtime {
    static RUNTIME: OnceCell<Runtime> = OnceCell::const_new();
    RUNTIME.get_or_init(|| start(1)).await
}

/// A host with this many isolates for each worker.
pub(crate) async fn start(processes: usize) -> Runtime {
    let mut zygote = Command::new(env!("CARGO_BIN_EXE_atoll"));
    zygote.arg("--zygote");
    Runtime::start(Options { zygote, processes }).await.unwrap()
}

/// A worker to be.
pub(crate) struct App {
    program: Program,
    capabilities: Vec<Capability>,
    network: bool,
    outbound: Option<Arc<dyn Fetcher>>,
    cache: bool,
    limits: Limits,
    /// Names in `env`, and the workers and classes that they stand for.
    objects: Vec<[String; 3]>,
    object_isolates: bool,
    drops_sockets: bool,
    bundler: Option<Arc<dyn Fetcher>>,
    tails: Vec<Arc<dyn Fetcher>>,
}

impl App {
    /// A worker of one module, with the network and a cache of its own.
    pub(crate) fn new(source: &str) -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(1);
        let app = Self {
            program: Program {
                name: format!("worker-{}", NEXT.fetch_add(1, Ordering::Relaxed)),
                main: "index.js".to_owned(),
                compatibility_date: "2026-06-11".to_owned(),
                compatibility_flags: vec!["nodejs_compat".to_owned()],
                ..Program::default()
            },
            capabilities: Vec::new(),
            network: true,
            outbound: None,
            cache: true,
            limits: Limits::default(),
            objects: Vec::new(),
            object_isolates: false,
            drops_sockets: false,
            bundler: None,
            tails: Vec::new(),
        };
        app.module("index.js", ModuleKind::EsModule, source)
    }

    /// A worker of a whole program, with the same powers.
    pub(crate) fn of(program: Program) -> Self {
        let mut app = Self::new("");
        app.program = program;
        app
    }

    /// A worker whose `fetch` handler has this body, with `request`, `env` and `ctx` in reach.
    pub(crate) fn fetch(body: &str) -> Self {
        Self::new(&format!(
            "export default {{ async fetch(request, env, ctx) {{ {body} }} }}"
        ))
    }

    pub(crate) fn name(mut self, name: &str) -> Self {
        self.program.name = name.to_owned();
        self
    }

    /// The module whose exports are the worker's entrypoints.
    pub(crate) fn main(mut self, name: &str) -> Self {
        self.program.main = name.to_owned();
        self
    }

    pub(crate) fn without_modules(mut self) -> Self {
        self.program.modules.clear();
        self
    }

    pub(crate) fn module(
        mut self,
        name: &str,
        kind: ModuleKind,
        content: impl AsRef<[u8]>,
    ) -> Self {
        self.program.modules.push(Module {
            name: name.to_owned(),
            kind,
            content: content.as_ref().to_vec(),
        });
        self
    }

    pub(crate) fn bind(mut self, name: &str, value: BindingValue) -> Self {
        self.program.env.push(Binding {
            name: name.to_owned(),
            value,
        });
        self
    }

    pub(crate) fn service(mut self, name: &str, service: Arc<dyn Fetcher>) -> Self {
        let index = u32::try_from(self.capabilities.len()).unwrap();
        self.capabilities.push(Capability::Fetch(service));
        self.bind(name, BindingValue::Fetcher(index))
    }

    /// Binds what runs code from strings.
    pub(crate) fn loader(mut self, name: &str, loader: host::Loader) -> Self {
        let index = u32::try_from(self.capabilities.len()).unwrap();
        self.capabilities.push(Capability::Loader(loader));
        self.bind(name, BindingValue::Loader(index))
    }

    /// Binds language models.
    pub(crate) fn models(mut self, name: &str, models: Arc<dyn Fetcher>) -> Self {
        let index = u32::try_from(self.capabilities.len()).unwrap();
        self.capabilities.push(Capability::Fetch(models));
        self.bind(name, BindingValue::Ai(index))
    }

    /// Binds the objects of a class of its own. The host that it runs on has to have storage.
    pub(crate) fn objects(self, name: &str, class: &str) -> Self {
        let worker = self.program.name.clone();
        self.objects_of(name, &worker, class)
    }

    /// Binds the objects of a worker's class.
    pub(crate) fn objects_of(mut self, name: &str, worker: &str, class: &str) -> Self {
        self.objects.push([name, worker, class].map(str::to_owned));
        self
    }

    /// Gives each object an isolate of its own.
    pub(crate) fn isolates_for_objects(mut self) -> Self {
        self.object_isolates = true;
        self
    }

    /// Lets sockets of its objects break as with Workers.
    pub(crate) fn dropping_sockets(mut self) -> Self {
        self.drops_sockets = true;
        self
    }

    /// Gives it what builds programs.
    pub(crate) fn bundler(mut self, bundler: Arc<dyn Fetcher>) -> Self {
        self.bundler = Some(bundler);
        self
    }

    /// Somebody follows it.
    pub(crate) fn tail(mut self, follower: Arc<dyn Fetcher>) -> Self {
        self.tails.push(follower);
        self
    }

    pub(crate) fn limits(mut self, change: impl FnOnce(&mut Limits)) -> Self {
        change(&mut self.limits);
        self
    }

    /// Has its global `fetch()` go through this.
    pub(crate) fn outbound(mut self, outbound: Arc<dyn Fetcher>) -> Self {
        self.outbound = Some(outbound);
        self
    }

    pub(crate) fn without_powers(mut self) -> Self {
        self.network = false;
        self.cache = false;
        self
    }

    pub(crate) async fn try_deploy(self) -> Result<Worker, DeployError> {
        self.try_deploy_on(runtime().await).await
    }

    pub(crate) async fn try_deploy_on(mut self, runtime: &Runtime) -> Result<Worker, DeployError> {
        let mut add = |capability: Capability| {
            self.capabilities.push(capability);
            u32::try_from(self.capabilities.len() - 1).unwrap()
        };
        let global_fetch = self
            .network
            .then(|| self.outbound.unwrap_or_else(|| Arc::new(Egress::new())))
            .map(|outbound| add(Capability::Fetch(outbound)));
        let cache = self
            .cache
            .then(|| add(Capability::Cache(Arc::new(Cache::default()))));
        let bundler = self
            .bundler
            .take()
            .map(|bundler| add(Capability::Fetch(bundler)));
        for [name, worker, class] in &self.objects {
            let namespace = runtime.namespace(worker, class).unwrap();
            let key = namespace.key();
            let capability = add(Capability::Namespace(namespace));
            self.program.env.push(Binding {
                name: name.clone(),
                value: BindingValue::Namespace { capability, key },
            });
        }
        let own = self
            .objects
            .iter()
            .filter(|[_, worker, _]| *worker == self.program.name);
        let classes = own.map(|[_, _, class]| class.clone()).collect();
        runtime
            .deploy(Deployment {
                program: self.program,
                capabilities: self.capabilities,
                global_fetch,
                cache,
                bundler,
                limits: self.limits,
                classes,
                object_isolates: self.object_isolates,
                drops_sockets: self.drops_sockets,
                tails: self.tails,
            })
            .await
    }

    pub(crate) async fn deploy(self) -> Worker {
        match self.try_deploy().await {
            Ok(worker) => worker,
            Err(DeployError::Program(failure)) => panic!("{failure}\n{}", failure.stack),
            Err(error) => panic!("{error:?}"),
        }
    }

    /// The failure of a program that does not start.
    pub(crate) async fn refused(self) -> protocol::Failure {
        match self.try_deploy().await {
            Err(DeployError::Program(failure)) => failure,
            other => panic!("a failing program should be told so: {other:?}"),
        }
    }
}

/// A response with its whole body.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: http::HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body.to_vec()).unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> Option<String> {
        self.headers
            .get(name)
            .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
    }
}

pub(crate) fn request(method: &str, path: &str, body: Body) -> Request {
    http::Request::builder()
        .method(method)
        .uri(format!("http://worker.test{path}"))
        .body(body)
        .unwrap()
}

/// Sends a request and reads all of the answer.
pub(crate) async fn send(fetcher: &dyn Fetcher, request: Request) -> Result<Answer, FetchError> {
    let (parts, body) = fetcher.fetch(request).await?.into_parts();
    let body = body
        .collect()
        .await
        .map_err(|error| FetchError::Network(error.0))?
        .to_bytes();
    Ok(Answer {
        status: parts.status.as_u16(),
        headers: parts.headers,
        body,
    })
}

pub(crate) async fn get(fetcher: &dyn Fetcher, path: &str) -> Answer {
    match send(fetcher, request("GET", path, Body::empty())).await {
        Ok(answer) => answer,
        Err(error) => panic!("{path}: {}", explain(&error)),
    }
}

pub(crate) async fn post(fetcher: &dyn Fetcher, path: &str, body: Body) -> Answer {
    send(fetcher, request("POST", path, body)).await.unwrap()
}

/// The body of a GET that succeeds.
pub(crate) async fn text(fetcher: &dyn Fetcher, path: &str) -> String {
    let answer = get(fetcher, path).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.text()
}

/// The error of a GET that fails.
pub(crate) async fn failed(fetcher: &dyn Fetcher, path: &str) -> FetchError {
    send(fetcher, request("GET", path, Body::empty()))
        .await
        .expect_err("the request should fail")
}

/// The text of an error and what made it.
pub(crate) fn explain(error: &FetchError) -> String {
    match error {
        FetchError::Worker(failure) => format!("{failure}\n{}", failure.stack),
        other => other.to_string(),
    }
}

/// The failure of a worker's own code.
pub(crate) fn failure(error: FetchError) -> protocol::Failure {
    match error {
        FetchError::Worker(failure) => failure,
        other => panic!("the worker's code should have failed: {other:?}"),
    }
}

/// What is said of a limit, without the figure that says by how much it was passed: that has been looked at, as no two
/// runs have the same.
pub(crate) fn without_excess(message: &str) -> String {
    let Some((limit, excess)) = message.split_once("): ") else {
        return message.to_owned();
    };
    let figure = |text: &str| -> f64 {
        let mut figures = text.split(['(', ' ']).filter_map(|word| word.parse().ok());
        figures.next_back().unwrap()
    };
    if limit.ends_with(" ms") {
        assert!(figure(excess) > figure(limit), "{message}");
    } else {
        let words = excess.split_once("it used ").unwrap().1;
        assert!(words.contains(" and needed ") && words.ends_with(" more."));
    }
    format!("{limit}).")
}

/// A body that is fed while it is read.
pub(crate) fn channel(room: usize) -> (mpsc::Sender<Result<Bytes, BodyError>>, Body) {
    struct Channel(mpsc::Receiver<Result<Bytes, BodyError>>);
    impl http_body::Body for Channel {
        type Data = Bytes;
        type Error = BodyError;
        fn poll_frame(
            mut self: Pin<&mut Self>,
            context: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
            self.0
                .poll_recv(context)
                .map(|item| item.map(|bytes| bytes.map(Frame::data)))
        }
    }
    let (sender, receiver) = mpsc::channel(room);
    (sender, Body::wrap(Channel(receiver)))
}

/// The next bytes of a body.
pub(crate) async fn chunk(body: &mut Body) -> Option<Result<Bytes, BodyError>> {
    loop {
        match body.frame().await? {
            Ok(frame) => match frame.into_data() {
                Ok(bytes) if bytes.is_empty() => {}
                Ok(bytes) => return Some(Ok(bytes)),
                Err(_) => {}
            },
            Err(error) => return Some(Err(error)),
        }
    }
}

/// What a worker logs.
pub(crate) struct Log(broadcast::Receiver<LogRecord>, Arc<str>);

impl Log {
    /// The log of the worker of this name, from now on.
    pub(crate) async fn of(name: &str) -> Self {
        Self::on(runtime().await, name)
    }

    /// The log of a worker of this host, from now on.
    pub(crate) fn on(runtime: &Runtime, name: &str) -> Self {
        Self(runtime.logs(), name.into())
    }

    /// Waits for the next record.
    pub(crate) async fn next(&mut self) -> LogRecord {
        loop {
            let record = self.0.recv().await.unwrap();
            if record.worker == self.1 {
                return record;
            }
        }
    }
}
