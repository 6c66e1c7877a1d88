//! The routes of the binding: those of Cloudflare's API, older and newer ones.

use std::sync::Arc;
use std::time::Duration;

use http::header::{CONTENT_TYPE, HeaderValue};
use http::{HeaderName, Method, StatusCode, Uri};
use http_body_util::{BodyExt as _, Limited};
use serde_json::{Value, json};

use super::session::{Ended, Session};
use super::tunnel::{self, Framing};
use super::{Inner, KEEP_ALIVE_MS, launch, profile, quick};
use crate::body::Body;
use crate::fetcher::{FetchError, Fetcher, Request, Response};
use crate::socket::SocketEnd;
use crate::wire::WantsSocket;

/// The most bytes of a request's body.
const MAX_REQUEST_BYTES: usize = 64 * 1024;
/// The most bytes of an answer of a browser that is read: the description of its protocol has two million.
const MAX_ANSWER_BYTES: usize = 32 * 1024 * 1024;

/// Where the binding's own `quickAction()` asks.
const QUICK: &str = "v1/quick/";

/// Bounds on what pages reach, in requests that have no body.
const GUARDRAILS: HeaderName = HeaderName::from_static("cf-brapi-guardrails");
const SESSION_ID: HeaderName = HeaderName::from_static("cf-browser-session-id");

/// Why something is not done.
pub(super) enum Refused {
    /// The request is answered so.
    Answer(StatusCode, String),
    /// There is no answer.
    Failed(FetchError),
}

impl From<FetchError> for Refused {
    fn from(error: FetchError) -> Self {
        Self::Failed(error)
    }
}

fn refuse(status: StatusCode, text: impl Into<String>) -> Refused {
    Refused::Answer(status, text.into())
}

/// Answers a request to the binding.
pub(super) async fn answer(
    inner: &Arc<Inner>,
    model: Option<&Arc<dyn Fetcher>>,
    request: Request,
) -> Result<Response, FetchError> {
    let path = request.uri().path().trim_matches('/');
    if let Some(action) = path.strip_prefix(QUICK) {
        let action = action.to_owned();
        return Ok(quick::answer(inner, model, &action, request).await);
    }
    match route(inner, request).await {
        Ok(response) => Ok(response),
        Err(Refused::Failed(error)) => Err(error),
        Err(Refused::Answer(status, text)) => {
            let mut response = Response::new(Body::full(text));
            *response.status_mut() = status;
            let plain = HeaderValue::from_static("text/plain; charset=utf-8");
            response.headers_mut().insert(CONTENT_TYPE, plain);
            Ok(response)
        }
    }
}

async fn route(inner: &Arc<Inner>, request: Request) -> Result<Response, Refused> {
    let uri = request.uri().clone();
    let method = request.method().clone();
    let query = uri.query().unwrap_or_default();
    let wants_socket = request.extensions().get::<WantsSocket>().is_some();
    let segments: Vec<&str> = uri.path().trim_matches('/').split('/').collect();
    let ["v1", segments @ ..] = &segments[..] else {
        return Err(no_route(&method, &uri));
    };
    let known = |id: &str| inner.session(id).ok_or_else(|| no_session(inner, id));
    let running = |id: &str| match known(id)? {
        session if session.is_over() => Err(gone(id)),
        session => Ok(session),
    };
    match (&method, segments) {
        (&Method::GET, ["sessions"]) => Ok(json_of(&json!({ "sessions": sessions(inner) }))),
        (&Method::GET, ["devtools", "session"]) => Ok(json_of(&json!(sessions(inner)))),
        (&Method::GET, ["devtools", "session", id]) => Ok(json_of(&running(id)?.to_json())),
        (&Method::GET, ["limits"]) => Ok(json_of(&limits(inner))),
        (&Method::GET, ["history"]) => Ok(json_of(&json!({ "history": history(inner) }))),
        (&Method::GET, ["acquire"]) => {
            let session = acquire(inner, query).await?;
            Ok(json_of(&json!({ "sessionId": session.id })))
        }
        (&Method::POST, ["devtools", "browser"]) => {
            check_wishes(request).await?;
            let session = acquire(inner, query).await?;
            let mut made = json!({ "sessionId": session.id });
            if parameter(query, "targets").as_deref() == Some("true") {
                made["targets"] = ask(inner, &session, Method::GET, "/json/list").await?;
            }
            Ok(json_of(&made))
        }
        (&Method::GET, ["connectDevtools"]) => {
            let id = parameter(query, "browser_session")
                .ok_or_else(|| refuse(StatusCode::BAD_REQUEST, "browser_session must be set"))?;
            let session = running(&id)?;
            if session.is_connected() {
                let text = "the session has a connection already";
                return Err(refuse(StatusCode::CONFLICT, text));
            }
            let path = session.path.clone();
            connect(inner, wants_socket, session, &path, Framing::Chunks).await
        }
        (&Method::GET, ["devtools", "browser"]) => {
            check_upgrade(wants_socket)?;
            if request.headers().contains_key(GUARDRAILS) {
                return Err(no_guardrails());
            }
            let session = acquire(inner, query).await?;
            let path = session.path.clone();
            let connected = connect(
                inner,
                wants_socket,
                Arc::clone(&session),
                &path,
                Framing::Plain,
            );
            let response = connected.await.inspect_err(|_| session.close())?;
            if parameter(query, "browser").is_some_and(|engine| engine == "kitesurf") {
                // That engine's sessions are their connections.
                session.close_when_unconnected();
            }
            Ok(response)
        }
        (&Method::GET, ["devtools", "browser", id]) => {
            let session = running(id)?;
            let path = session.path.clone();
            connect(inner, wants_socket, session, &path, Framing::Plain).await
        }
        (&Method::DELETE, ["devtools", "browser", id]) => {
            let session = known(id)?;
            session.close();
            session.ended().await;
            Ok(json_of(&json!({ "status": "closed" })))
        }
        (&Method::GET, ["devtools", "browser", id, "page", page]) => {
            let path = format!("/devtools/page/{page}");
            connect(inner, wants_socket, running(id)?, &path, Framing::Plain).await
        }
        (method, ["devtools", "browser", id, "json", rest @ ..]) => {
            let path = match (method, rest) {
                (&Method::GET, []) => "/json/list".to_owned(),
                (&Method::GET, [what @ ("version" | "list" | "protocol")]) => {
                    format!("/json/{what}")
                }
                (&Method::GET, [what @ ("activate" | "close"), target]) => {
                    format!("/json/{what}/{target}")
                }
                // A browser takes the whole query for the page's address.
                (&Method::PUT, ["new"]) => {
                    let page = query.split('&').find_map(|pair| pair.strip_prefix("url="));
                    format!("/json/new?{}", page.unwrap_or("about:blank"))
                }
                _ => return Err(no_route(method, &uri)),
            };
            let session = running(id)?;
            Ok(json_of(&ask(inner, &session, method.clone(), &path).await?))
        }
        _ => Err(no_route(&method, &uri)),
    }
}

fn no_route(method: &Method, uri: &Uri) -> Refused {
    let text = format!("a browser binding has no {method} {}", uri.path());
    refuse(StatusCode::NOT_FOUND, text)
}

/// One that is over is gone; of others nobody has heard.
fn no_session(inner: &Inner, id: &str) -> Refused {
    let is_over = inner.table().ended.iter().any(|ended| ended.id == id);
    if is_over {
        return gone(id);
    }
    let text = format!("there is no browser session {id}");
    refuse(StatusCode::NOT_FOUND, text)
}

fn gone(id: &str) -> Refused {
    let text = format!("the browser session {id} is over");
    refuse(StatusCode::GONE, text)
}

fn sessions(inner: &Inner) -> Vec<Value> {
    let table = inner.table();
    let running = table.running.values();
    let running = running.filter(|session| !session.is_over());
    running.map(|session| session.to_json()).collect()
}

/// The running ones, those that are about to end among them, and then those that are over, the last first.
fn history(inner: &Inner) -> Vec<Value> {
    let table = inner.table();
    let running = table.running.values().map(|session| session.to_json());
    let ended = table.ended.iter().rev().map(Ended::to_json);
    running.chain(ended).collect()
}

fn limits(inner: &Inner) -> Value {
    let table = inner.table();
    let free = inner.room.available_permits();
    let running = table.running.values();
    let active: Vec<Value> = running
        .clone()
        .map(|session| json!({ "id": session.id }))
        .collect();
    let wait = match free {
        0 => running
            .map(|session| session.left())
            .min()
            .unwrap_or_default(),
        _ => Duration::ZERO,
    };
    json!({
        "activeSessions": active,
        "maxConcurrentSessions": inner.options.sessions,
        "allowedBrowserAcquisitions": free.min(1),
        "timeUntilNextAllowedBrowserAcquisition": wait.as_millis() as u64,
    })
}

/// What a session is asked to have that none has here. To leave it out without a word would be worse than to refuse.
async fn check_wishes(request: Request) -> Result<(), Refused> {
    let body = Limited::new(request.into_body(), MAX_REQUEST_BYTES).collect();
    let body = body
        .await
        .map_err(|error| refuse(StatusCode::BAD_REQUEST, error.to_string()))?
        .to_bytes();
    if body.is_empty() {
        return Ok(());
    }
    let wishes: Value = serde_json::from_slice(&body).map_err(|error| {
        refuse(
            StatusCode::BAD_REQUEST,
            format!("the body is no JSON: {error}"),
        )
    })?;
    match wishes.get("guardrails") {
        Some(guardrails) if !guardrails.is_null() => Err(no_guardrails()),
        _ => Ok(()),
    }
}

fn no_guardrails() -> Refused {
    let text = "this browser binding has no guardrails: leave them out";
    refuse(StatusCode::BAD_REQUEST, text)
}

/// Starts a session.
async fn acquire(inner: &Arc<Inner>, query: &str) -> Result<Arc<Session>, Refused> {
    if parameter(query, "recording").is_some_and(|wish| wish == "true") {
        let text = "this browser binding records no sessions: leave `recording` out";
        return Err(refuse(StatusCode::BAD_REQUEST, text));
    }
    let keep_alive = match parameter(query, "keep_alive") {
        Some(text) => {
            let wish = text.parse::<f64>().ok().filter(|wish| *wish >= 0.0);
            let wish = wish.ok_or_else(|| {
                let text = format!("keep_alive is a time in milliseconds, and not {text}");
                refuse(StatusCode::BAD_REQUEST, text)
            })?;
            let (least, most) = KEEP_ALIVE_MS.into_inner();
            Duration::from_millis((wish as u64).clamp(least, most))
        }
        None => inner.options.idle,
    };
    start(inner, keep_alive).await
}

/// Starts a session that ends when it is told nothing for so long.
pub(super) async fn start(
    inner: &Arc<Inner>,
    keep_alive: Duration,
) -> Result<Arc<Session>, Refused> {
    let permit = Arc::clone(&inner.room).try_acquire_owned().map_err(|_| {
        let text = format!(
            "there are {} browser sessions already: `browser.sessions` in atoll.jsonc is how many there may be",
            inner.options.sessions
        );
        refuse(StatusCode::TOO_MANY_REQUESTS, text)
    })?;
    inner
        .swept
        .get_or_init(|| async {
            // What stays takes room and does no other harm.
            let _ = tokio::task::spawn_blocking(profile::sweep).await;
        })
        .await;
    let launched = launch::launch(&inner.options).await.map_err(|error| {
        tracing::warn!("{error}");
        FetchError::Refused(error.to_string())
    })?;
    // Should it end at once, it is forgotten after it was known.
    let mut table = inner.table();
    let session = Session::begin(launched, keep_alive, permit, Arc::downgrade(inner));
    table
        .running
        .insert(session.id.clone(), Arc::clone(&session));
    Ok(session)
}

fn check_upgrade(wants_socket: bool) -> Result<(), Refused> {
    match wants_socket {
        true => Ok(()),
        false => Err(refuse(
            StatusCode::UPGRADE_REQUIRED,
            "this is a WebSocket: send the header `Upgrade: websocket`",
        )),
    }
}

/// Opens a WebSocket to something in a session.
async fn connect(
    inner: &Inner,
    wants_socket: bool,
    session: Arc<Session>,
    path: &str,
    framing: Framing,
) -> Result<Response, Refused> {
    check_upgrade(wants_socket)?;
    let browser = dial(inner, &session, path).await?;
    let (near, far) = SocketEnd::pair();
    let id = HeaderValue::from_str(&session.id).expect("a UUID is visible ASCII");
    tokio::spawn(tunnel::carry(near, browser, framing, session.connect()));
    let mut made = Response::new(Body::empty());
    *made.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    made.headers_mut().insert(SESSION_ID, id);
    far.attach(made.extensions_mut());
    Ok(made)
}

/// Connects to something in a session.
pub(super) async fn dial(
    inner: &Inner,
    session: &Session,
    path: &str,
) -> Result<SocketEnd, Refused> {
    session.touch();
    let mut asked = Request::new(Body::empty());
    *asked.uri_mut() = url(session, path)?;
    asked.extensions_mut().insert(WantsSocket);
    let mut response = Fetcher::fetch(&inner.network, asked).await?;
    SocketEnd::detach(response.extensions_mut()).ok_or_else(|| {
        let text = "the browser has nothing of that name";
        refuse(StatusCode::NOT_FOUND, text)
    })
}

/// Asks a browser beside its connections.
async fn ask(
    inner: &Arc<Inner>,
    session: &Arc<Session>,
    method: Method,
    path: &str,
) -> Result<Value, Refused> {
    session.touch();
    let mut asked = Request::new(Body::empty());
    *asked.method_mut() = method;
    *asked.uri_mut() = url(session, path)?;
    let response = Fetcher::fetch(&inner.network, asked).await?;
    let (head, body) = response.into_parts();
    let body = Limited::new(body, MAX_ANSWER_BYTES).collect();
    let body = body
        .await
        .map_err(|error| FetchError::Network(error.to_string()))?
        .to_bytes();
    let text = String::from_utf8_lossy(&body);
    if !head.status.is_success() {
        return Err(refuse(head.status, text));
    }
    // To some requests it answers with a sentence.
    let mut value = serde_json::from_str(&text).unwrap_or_else(|_| json!({ "message": text }));
    match &mut value {
        Value::Array(targets) => targets
            .iter_mut()
            .for_each(|target| lead_here(target, inner, session)),
        value => lead_here(value, inner, session),
    }
    Ok(value)
}

/// Addresses that a browser gives lead to a port that is nobody else's. Here are the binding's own in their place, and that
/// of a page which shows the tab to people.
fn lead_here(target: &mut Value, inner: &Arc<Inner>, session: &Arc<Session>) {
    let Some(target) = target.as_object_mut() else {
        return;
    };
    target.remove("devtoolsFrontendUrl");
    let text = |key| target.get(key).and_then(Value::as_str);
    if let (Some("page"), Some(id)) = (text("type"), text("id"))
        && let Some(address) = inner.views.address_of(inner, session, id)
    {
        target.insert("devtoolsFrontendUrl".to_owned(), address.into());
    }
    if let Some(address) = target.get_mut("webSocketDebuggerUrl") {
        let id = &session.id;
        let given = address.as_str().unwrap_or_default();
        *address = match given.split_once("/devtools/page/") {
            Some((_, page)) => json!(format!(
                "ws://localhost/v1/devtools/browser/{id}/page/{page}"
            )),
            None => json!(format!("ws://localhost/v1/devtools/browser/{id}")),
        };
    }
}

fn url(session: &Session, path: &str) -> Result<Uri, Refused> {
    session
        .url(path)
        .parse()
        .map_err(|error| refuse(StatusCode::BAD_REQUEST, format!("{path}: {error}")))
}

pub(super) fn json_of(value: &Value) -> Response {
    let mut response = Response::new(Body::full(value.to_string()));
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(CONTENT_TYPE, json);
    response
}

/// A parameter of a query. Those that mean something here are plain words and numbers.
fn parameter(query: &str, name: &str) -> Option<String> {
    let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    let (_, value) = pairs.find(|(key, _)| *key == name)?;
    Some(value.to_owned())
}
