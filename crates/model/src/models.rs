//! What `env.AI` leads to: any server that speaks OpenAI's API, and the answers of it that are kept.

use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use host::{Body, FetchError, Fetcher, Life, Request, Response};
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue};
use http::{Method, StatusCode};
use http_body_util::{BodyExt, Limited};
use serde_json::{Value, json};

use crate::form::Form;
use crate::limits::MAX_REQUEST_BYTES;
use crate::originals;
use crate::recording::Recording;
use crate::run::{Asked, End, Head, Run};
use crate::runs::{Rest, Runs};
use crate::tail::tail;

/// The header that names the answer, as AI Gateway has it.
const RUN_ID: HeaderName = HeaderName::from_static("cf-aig-run-id");

/// What servers are asked with JSON; of the rest of OpenAI's API there are transcriptions, pictures drawn from pictures and the
/// list of models.
const ENDPOINTS: [&str; 6] = [
    "chat/completions",
    "responses",
    "embeddings",
    "images/generations",
    "audio/speech",
    "rerank",
];

/// Pictures that are drawn from others.
const EDITS: &str = "images/edits";

/// Those whose streamed answers are kept.
const KEPT: [&str; 2] = ["chat/completions", "responses"];

/// Where models are.
pub struct Options {
    /// Up to and with the version: `https://api.openai.com/v1`.
    pub url: String,
    /// Sent as a bearer token. No isolate sees it.
    pub key: Option<String>,
    /// What to ask for, whatever the worker names.
    pub names: Names,
    /// The way to the server.
    pub network: Arc<dyn Fetcher>,
    /// Where answers are kept, so that they outlive this process.
    pub folder: Option<PathBuf>,
    /// Whose answers these are: the worker's name.
    pub worker: String,
}

/// The models to ask for in place of those that a worker names, by what they do.
#[derive(Clone, Debug, Default)]
pub struct Names {
    /// Text, and embeddings if they have none of their own.
    pub text: Option<String>,
    /// Embeddings.
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

impl Names {
    /// The model for an endpoint of OpenAI's API.
    fn of(&self, endpoint: &str) -> Option<&str> {
        let name = match endpoint {
            "embeddings" => self.embeddings.as_ref().or(self.text.as_ref()),
            "images/generations" | EDITS => self.images.as_ref(),
            "audio/speech" => self.speech.as_ref(),
            "audio/transcriptions" | "audio/translations" => self.transcription.as_ref(),
            "rerank" => self.reranking.as_ref(),
            _ => self.text.as_ref(),
        };
        name.map(String::as_str)
    }
}

impl std::fmt::Debug for Options {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut fields = formatter.debug_struct("Options");
        fields.field("url", &self.url).finish_non_exhaustive()
    }
}

/// The models of one worker.
#[derive(Clone, Debug)]
pub struct Models(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    options: Options,
    runs: Runs,
}

impl Models {
    /// Finds what an earlier process kept in the folder.
    ///
    /// # Errors
    /// The folder cannot be made or read.
    pub fn new(options: Options) -> std::io::Result<Self> {
        let runs = Runs::open(options.folder.as_deref())?;
        Ok(Self(Arc::new(Inner { options, runs })))
    }

    async fn answer(&self, request: Request) -> Result<Response, FetchError> {
        let path = request.uri().path().to_owned();
        let caller = request.extensions().get::<Life>().cloned();
        let caller = caller.unwrap_or_default();
        let segments: Vec<&str> = path.trim_matches('/').split('/').collect();
        match segments[..] {
            ["ai-gateway", "gateways", _, "run", id, "resume"] => {
                Ok(self.resume(id, request.uri().query(), &caller))
            }
            ["ai-gateway", "gateways", _, "run", id, "cancel"] => {
                if let Some(run) = self.own_run(id, &caller) {
                    run.cancel();
                }
                Ok(Response::new(Body::empty()))
            }
            ["ai-gateway", "gateways", _, provider, ..] => {
                let endpoint = segments[4..].join("/");
                let endpoint = endpoint.strip_prefix("v1/").unwrap_or(&endpoint).to_owned();
                if !ENDPOINTS.contains(&endpoint.as_str()) {
                    return Ok(refuse(
                        StatusCode::NOT_FOUND,
                        &format!(
                            "Atoll asks a server that speaks OpenAI's API, which has no {endpoint} of {provider}."
                        ),
                    ));
                }
                self.ask(&endpoint, request, &caller).await
            }
            ["v1", ..] if ENDPOINTS.contains(&segments[1..].join("/").as_str()) => {
                let endpoint = segments[1..].join("/");
                self.ask(&endpoint, request, &caller).await
            }
            ["v1", "audio", what @ ("transcriptions" | "translations")] => {
                self.hear(&format!("audio/{what}"), request).await
            }
            ["v1", "images", "edits"] => self.edit(request).await,
            ["v1", "models"] => self.list(request.method()).await,
            _ => Ok(refuse(
                StatusCode::NOT_FOUND,
                &format!("There is nothing at {path}."),
            )),
        }
    }

    fn scope(&self, caller: &Life) -> String {
        format!("{}/{}", self.0.options.worker, caller.object)
    }

    fn own_run(&self, id: &str, caller: &Life) -> Option<Arc<Run>> {
        let run = self.0.runs.get(id)?;
        (run.asked.scope == self.scope(caller)).then_some(run)
    }

    /// An answer from one of its events on.
    fn resume(&self, id: &str, query: Option<&str>, caller: &Life) -> Response {
        let from = query.and_then(|query| {
            let from = query.split('&').find_map(|pair| pair.strip_prefix("from="));
            from.map_or(Some(0), |from| from.parse::<usize>().ok())
        });
        let Some(from) = from.or(query.is_none().then_some(0)) else {
            return refuse(StatusCode::BAD_REQUEST, "`from` is a number of events.");
        };
        let Some(run) = self.own_run(id, caller) else {
            return refuse(StatusCode::NOT_FOUND, "This answer is not kept any more.");
        };
        let at = {
            let kept = run.lock();
            match from {
                0 => Some(0),
                from => kept.events.get(from - 1).copied(),
            }
        };
        match at {
            Some(at) => respond(&run, caller.number, None, at),
            None => refuse(
                StatusCode::RANGE_NOT_SATISFIABLE,
                "The answer has no event of this number yet.",
            ),
        }
    }

    async fn ask(
        &self,
        endpoint: &str,
        request: Request,
        caller: &Life,
    ) -> Result<Response, FetchError> {
        if request.method() != Method::POST {
            return Ok(refuse(
                StatusCode::METHOD_NOT_ALLOWED,
                "Models are asked with POST.",
            ));
        }
        let body = whole(request).await?;
        let Ok(Value::Object(mut question)) = serde_json::from_slice(&body) else {
            return Ok(refuse(
                StatusCode::BAD_REQUEST,
                "The request to the model is no JSON object.",
            ));
        };
        let names = &self.0.options.names;
        if let Some(model) = names.of(endpoint) {
            question.insert("model".to_owned(), model.into());
        }
        if let ("audio/speech", Some(voice)) = (endpoint, &names.voice) {
            question.insert("voice".to_owned(), voice.as_str().into());
        }
        let streamed =
            KEPT.contains(&endpoint) && question.get("stream") == Some(&Value::Bool(true));
        let question = Value::Object(question);
        if !streamed {
            return self.send(endpoint, &question).await;
        }
        let scope = self.scope(caller);
        if let Some(rest) = self.0.runs.rest(&scope, endpoint, &question, caller.number) {
            return self.go_on(rest, question, caller).await;
        }
        let asked = Asked {
            scope,
            endpoint: endpoint.to_owned(),
            request: question.clone(),
        };
        self.begin(asked, question, caller.number, Vec::new()).await
    }

    /// The rest of an answer that is here; of one that broke off, the model is asked for what is missing.
    async fn go_on(
        &self,
        rest: Rest,
        question: Value,
        caller: &Life,
    ) -> Result<Response, FetchError> {
        let Rest { run, first, at } = rest;
        let is_broken = matches!(run.lock().end, Some(End::Broken(_)));
        if !is_broken {
            return Ok(respond(&run, caller.number, first, at));
        }
        let asked = Asked {
            scope: run.asked.scope.clone(),
            endpoint: run.asked.endpoint.clone(),
            request: run.asked.request.clone(),
        };
        let mut extended = asked.request.clone();
        let text = run.text();
        let messages = extended.get_mut("messages").and_then(Value::as_array_mut);
        let (Some(text), Some(messages)) = (text, messages) else {
            // More than text: the agent's own request says best what is wanted.
            self.0.runs.forget(&run);
            let asked = Asked {
                request: question.clone(),
                ..asked
            };
            return self.begin(asked, question, caller.number, Vec::new()).await;
        };
        if !text.is_empty() {
            messages.push(json!({ "role": "assistant", "content": text }));
        }
        // All of the old answer, so that the next one who comes back finds its place in the new one.
        let before = {
            let kept = run.lock();
            let whole = kept.events.last().copied().unwrap_or(0);
            kept.bytes[..whole].to_vec()
        };
        let next = self
            .begin_at(asked, extended, caller.number, before, (first, at))
            .await;
        if next.is_ok() {
            self.0.runs.forget(&run);
        }
        next
    }

    async fn begin(
        &self,
        asked: Asked,
        question: Value,
        life: u64,
        before: Vec<u8>,
    ) -> Result<Response, FetchError> {
        self.begin_at(asked, question, life, before, (None, 0))
            .await
    }

    /// Asks the model, reads its answer whatever becomes of who asked, and gives that from a place on.
    async fn begin_at(
        &self,
        asked: Asked,
        question: Value,
        life: u64,
        before: Vec<u8>,
        (first, at): (Option<Vec<u8>>, usize),
    ) -> Result<Response, FetchError> {
        let endpoint = asked.endpoint.clone();
        let run = self
            .0
            .runs
            .begin(asked, life)
            .map_err(FetchError::Overloaded)?;
        if !before.is_empty() {
            run.push(&before).map_err(FetchError::Network)?;
        }
        let mut changes = run.watch();
        let (models, reading) = (self.clone(), Arc::clone(&run));
        let (failed, failure) = tokio::sync::oneshot::channel();
        let task = tokio::spawn(async move {
            match models.send(&endpoint, &question).await {
                Err(error) => {
                    models.0.runs.forget(&reading);
                    reading.finish(End::Broken(error.to_string()));
                    drop(failed.send(Err(error)));
                }
                Ok(response) if !is_stream(&response) => {
                    models.0.runs.forget(&reading);
                    reading.finish(End::Canceled);
                    drop(failed.send(Ok(response)));
                }
                Ok(response) => {
                    drop(failed);
                    read(&reading, response).await;
                }
            }
        });
        {
            let mut kept = run.lock();
            if kept.end.is_none() {
                kept.task = Some(task.abort_handle());
            }
        }
        // Who goes away while the model has not begun to answer has abandoned the answer, too.
        let mut abandoned = Abandoned(Some(Arc::clone(&run)), life);
        if let Ok(other) = failure.await {
            return other;
        }
        while run.lock().head.is_none() && run.lock().end.is_none() {
            if changes.changed().await.is_err() {
                break;
            }
        }
        let response = respond(&run, life, first, at);
        abandoned.0 = None;
        Ok(response)
    }

    /// What is said in a recording: the body, with the form's other fields in the query.
    async fn hear(&self, endpoint: &str, request: Request) -> Result<Response, FetchError> {
        if request.method() != Method::POST {
            return Ok(refuse(
                StatusCode::METHOD_NOT_ALLOWED,
                "Models are asked with POST.",
            ));
        }
        let name = self.0.options.names.of(endpoint);
        let fields = match Recording::fields(request.uri().query().unwrap_or_default(), name) {
            Ok(fields) => fields,
            Err(reason) => return Ok(refuse(StatusCode::BAD_REQUEST, &reason)),
        };
        let kind = request.headers().get(CONTENT_TYPE);
        let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let kind = kind.to_owned();
        let form = Recording {
            kind: &kind,
            audio: &whole(request).await?,
        }
        .form(&fields);
        self.deliver(Method::POST, endpoint, form).await
    }

    /// A picture from others.
    async fn edit(&self, request: Request) -> Result<Response, FetchError> {
        if request.method() != Method::POST {
            return Ok(refuse(
                StatusCode::METHOD_NOT_ALLOWED,
                "Models are asked with POST.",
            ));
        }
        let body = whole(request).await?;
        match originals::form(&body, self.0.options.names.of(EDITS)) {
            Ok(form) => self.deliver(Method::POST, EDITS, form).await,
            Err(reason) => Ok(refuse(StatusCode::BAD_REQUEST, &reason)),
        }
    }

    /// The models that the server has.
    async fn list(&self, method: &Method) -> Result<Response, FetchError> {
        if method != Method::GET {
            return Ok(refuse(
                StatusCode::METHOD_NOT_ALLOWED,
                "Models are listed with GET.",
            ));
        }
        self.deliver(Method::GET, "models", Form::default()).await
    }

    /// One question to the server.
    async fn send(&self, endpoint: &str, question: &Value) -> Result<Response, FetchError> {
        let form = Form {
            kind: Some(HeaderValue::from_static("application/json")),
            bytes: Bytes::from(question.to_string()),
        };
        self.deliver(Method::POST, endpoint, form).await
    }

    /// One request to the server, with the key.
    async fn deliver(
        &self,
        method: Method,
        endpoint: &str,
        form: Form,
    ) -> Result<Response, FetchError> {
        let options = &self.0.options;
        let url = format!("{}/{endpoint}", options.url.trim_end_matches('/'));
        let mut request = Request::new(Body::full(form.bytes));
        *request.method_mut() = method;
        *request.uri_mut() = url
            .parse()
            .map_err(|_| FetchError::Refused(format!("Fetch API cannot load: {url}")))?;
        let headers = request.headers_mut();
        if let Some(kind) = form.kind {
            headers.insert(CONTENT_TYPE, kind);
        }
        if let Some(key) = &options.key {
            let value = HeaderValue::from_str(&format!("Bearer {key}"));
            let mut value = value.map_err(|_| {
                FetchError::Refused("The key of the model server is no header value.".to_owned())
            })?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        options.network.fetch(request).await
    }
}

/// Marks an answer as abandoned when the request for it is dropped.
struct Abandoned(Option<Arc<Run>>, u64);

impl Drop for Abandoned {
    fn drop(&mut self) {
        let Some(run) = &self.0 else { return };
        let mut kept = run.lock();
        if kept.reader == Some(self.1) {
            kept.reader = None;
            kept.abandoned_at = Some(std::time::Instant::now());
        }
    }
}

/// The body of a request, as far as one may be.
pub(crate) async fn whole(request: Request) -> Result<Bytes, FetchError> {
    let body = Limited::new(request.into_body(), MAX_REQUEST_BYTES);
    let body = body.collect().await;
    Ok(body
        .map_err(|error| FetchError::Network(error.to_string()))?
        .to_bytes())
}

fn is_stream(response: &Response) -> bool {
    let kind = response.headers().get(CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    response.status().is_success() && kind.starts_with("text/event-stream")
}

async fn read(run: &Arc<Run>, response: Response) {
    let (parts, mut body) = response.into_parts();
    let mut headers = parts.headers;
    headers.remove(http::header::CONTENT_LENGTH);
    run.answered(Head {
        status: parts.status,
        headers,
    });
    let end = loop {
        match body.frame().await {
            None => break End::Whole,
            Some(Err(error)) => break End::Broken(error.to_string()),
            Some(Ok(frame)) => {
                let Some(data) = frame.data_ref() else {
                    continue;
                };
                if let Err(reason) = run.push(data) {
                    break End::Broken(reason);
                }
            }
        }
    };
    run.finish(end);
}

fn respond(run: &Arc<Run>, life: u64, first: Option<Vec<u8>>, at: usize) -> Response {
    let head = run.lock().head.clone();
    let mut response = Response::new(tail(run, life, first, at));
    if let Some(head) = head {
        *response.status_mut() = head.status;
        *response.headers_mut() = head.headers;
    }
    let id = HeaderValue::from_str(&run.id).expect("an id is hexadecimal");
    response.headers_mut().insert(RUN_ID, id);
    response
}

/// An error as AI Gateway words its own.
fn refuse(status: StatusCode, message: &str) -> Response {
    let error = json!({
        "success": false,
        "name": "AiGatewayError",
        "result": null,
        "error": [{ "code": status.as_u16(), "message": message }],
    });
    let mut response = Response::new(Body::full(error.to_string()));
    *response.status_mut() = status;
    let kind = HeaderValue::from_static("application/json");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}

impl Fetcher for Models {
    fn fetch(
        &self,
        request: Request,
    ) -> Pin<Box<dyn Future<Output = Result<Response, FetchError>> + Send + '_>> {
        Box::pin(self.answer(request))
    }
}
