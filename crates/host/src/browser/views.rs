//! Addresses where a person looks at a tab of a session and takes part in it: the page of one file, and a WebSocket.
//!
//! An address is good for a few minutes, cannot be guessed, and is all that it takes. What comes from the person is checked
//! command by command: it looks, points, types and goes through the tab's history, and does nothing else of the protocol.

use std::collections::HashMap;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::Duration;

use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HOST, HeaderValue, ORIGIN,
    REFERRER_POLICY,
};
use http::{Method, StatusCode};
use serde_json::{Map, Value, json};
use tokio::time::Instant;

use super::Inner;
use super::routes::{Refused, dial};
use super::session::Session;
use crate::body::Body;
use crate::fetcher::{FetchError, Fetcher, Request, Response};
use crate::socket::{SocketEnd, SocketMessage};
use crate::wire::WantsSocket;

/// For how long an address is good at least: the SDK says five minutes.
const GOOD_FOR: Duration = Duration::from_secs(5 * 60);
/// An address is given again while it is good for long enough.
const KEPT_FOR: Duration = Duration::from_secs(10 * 60);
/// How many addresses are good at a time, of all sessions.
const MAX_VIEWS: usize = 1024;
/// The longest command.
const MAX_COMMAND_BYTES: usize = 64 * 1024;

const PAGE: &str = include_str!("view.html");
/// The page has its style and its script in it, and connects to where it comes from.
const POLICY: &str = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:; connect-src 'self'; \
                      base-uri 'none'; form-action 'none'";

/// What a person may tell a tab.
const COMMANDS: [&str; 13] = [
    "Page.enable",
    "Page.bringToFront",
    "Page.startScreencast",
    "Page.stopScreencast",
    "Page.screencastFrameAck",
    "Page.getNavigationHistory",
    "Page.navigateToHistoryEntry",
    "Page.navigate",
    "Page.reload",
    "Page.handleJavaScriptDialog",
    "Input.dispatchMouseEvent",
    "Input.dispatchKeyEvent",
    "Input.insertText",
];

/// What looks at tabs through this. Clones share their addresses.
#[derive(Clone, Default)]
pub struct Views(Arc<Shared>);

#[derive(Default)]
struct Shared {
    address: OnceLock<SocketAddr>,
    views: Mutex<HashMap<String, View>>,
}

/// What an address leads to.
#[derive(Clone)]
struct View {
    browsers: Weak<Inner>,
    session: Weak<Session>,
    target: String,
    until: Instant,
}

impl Views {
    /// Where this is served from now on. No address is made before.
    pub fn listen_at(&self, address: SocketAddr) {
        // Who says it twice has not moved.
        let _ = self.0.address.set(address);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, View>> {
        self.0.views.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An address of a tab, unless there are too many.
    pub(super) fn address_of(
        &self,
        browsers: &Arc<Inner>,
        session: &Arc<Session>,
        target: &str,
    ) -> Option<String> {
        let address = self.0.address.get()?;
        let now = Instant::now();
        let mut views = self.lock();
        views.retain(|_, view| view.until > now && view.session.strong_count() > 0);
        let known = views.iter().find(|(_, view)| {
            view.session.as_ptr() == Arc::as_ptr(session)
                && view.target == target
                && view.until >= now + GOOD_FOR
        });
        let token = match known {
            Some((token, _)) => token.clone(),
            None if views.len() >= MAX_VIEWS => return None,
            None => {
                let token = new_token();
                let view = View {
                    browsers: Arc::downgrade(browsers),
                    session: Arc::downgrade(session),
                    target: target.to_owned(),
                    until: now + KEPT_FOR,
                };
                views.insert(token.clone(), view);
                token
            }
        };
        Some(format!("http://{address}/{token}"))
    }

    /// The tab of a token, while that is good and the session runs.
    fn find(&self, token: &str) -> Option<(Arc<Inner>, Arc<Session>, String)> {
        let view = self.lock().get(token).cloned()?;
        let session = view.session.upgrade()?;
        let is_good = view.until > Instant::now() && !session.is_over();
        is_good.then_some((view.browsers.upgrade()?, session, view.target))
    }

    async fn answer(&self, request: Request) -> Result<Response, FetchError> {
        let path = request.uri().path().trim_start_matches('/').to_owned();
        let (token, wants_socket) = match path.split_once('/') {
            None => (&*path, false),
            Some((token, "socket")) => (token, true),
            Some(_) => return Ok(say(StatusCode::NOT_FOUND, "There is nothing here.")),
        };
        let Some((browsers, session, target)) = self.find(token) else {
            let text = "This address shows nothing any more: it was good for a few minutes, or the browser is gone. Ask for a new one.";
            return Ok(say(StatusCode::NOT_FOUND, text));
        };
        if !wants_socket {
            return Ok(match *request.method() {
                Method::GET | Method::HEAD => page(),
                _ => say(
                    StatusCode::METHOD_NOT_ALLOWED,
                    "This page is read with GET.",
                ),
            });
        }
        if request.extensions().get::<WantsSocket>().is_none() || !is_from_here(&request) {
            return Ok(say(StatusCode::FORBIDDEN, "The page itself connects here."));
        }
        let path = format!("/devtools/page/{target}");
        let tab = match dial(&browsers, &session, &path).await {
            Ok(tab) => tab,
            Err(Refused::Failed(error)) => return Err(error),
            Err(Refused::Answer(status, text)) => return Ok(say(status, text)),
        };
        let (near, far) = SocketEnd::pair();
        tokio::spawn(carry(near, tab, session));
        let mut made = Response::new(Body::empty());
        *made.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        far.attach(made.extensions_mut());
        Ok(made)
    }
}

impl Fetcher for Views {
    fn fetch(
        &self,
        request: Request,
    ) -> Pin<Box<dyn Future<Output = Result<Response, FetchError>> + Send + '_>> {
        Box::pin(self.answer(request))
    }

    fn describe(&self) -> String {
        "views of browsers".to_owned()
    }
}

/// Whether the page that connects came from here.
fn is_from_here(request: &Request) -> bool {
    let text = |name| {
        request
            .headers()
            .get(name)
            .and_then(|value| value.to_str().ok())
    };
    let host = text(HOST).or(request
        .uri()
        .authority()
        .map(|authority| authority.as_str()));
    match text(ORIGIN) {
        Some(origin) => origin.strip_prefix("http://") == host,
        None => true,
    }
}

fn say(status: StatusCode, text: impl Into<String>) -> Response {
    let mut response = Response::new(Body::full(text.into()));
    *response.status_mut() = status;
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, plain);
    response
}

fn page() -> Response {
    let mut response = Response::new(Body::full(PAGE));
    let headers = response.headers_mut();
    for (name, value) in [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (CACHE_CONTROL, "no-store"),
        (CONTENT_SECURITY_POLICY, POLICY),
        (REFERRER_POLICY, "no-referrer"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

/// Carries what a person does to a tab, and what the tab shows to the person. What is done keeps the session alive, as
/// what a worker says does; looking on does not.
async fn carry(mut person: SocketEnd, mut tab: SocketEnd, session: Arc<Session>) {
    loop {
        tokio::select! {
            message = person.incoming.recv() => {
                let command = match message {
                    Some(SocketMessage::Text(text)) => command(&text),
                    Some(SocketMessage::Binary(_)) => None,
                    Some(SocketMessage::Close(..) | SocketMessage::Broken(_) | SocketMessage::Refused(_)) | None => return,
                };
                let Some(command) = command else {
                    let farewell = "a view of a tab takes a few commands, and this is none of them";
                    // Who does not read need not know.
                    let _ = person.outgoing.try_send(SocketMessage::Close(Some(1008), farewell.to_owned()));
                    return;
                };
                if command.is_use {
                    session.touch();
                }
                if tab.outgoing.send(SocketMessage::Text(command.text.into())).await.is_err() {
                    return;
                }
            }
            message = tab.incoming.recv() => {
                let Some(message) = message else { return };
                if person.outgoing.send(message).await.is_err() {
                    return;
                }
            }
        }
    }
}

/// A command that may be passed on.
#[derive(Debug)]
struct Command {
    text: String,
    /// Somebody does something.
    is_use: bool,
}

/// The command in a text, made anew of what is known of it.
fn command(text: &str) -> Option<Command> {
    if text.len() > MAX_COMMAND_BYTES {
        return None;
    }
    let Ok(Value::Object(mut command)) = serde_json::from_str(text) else {
        return None;
    };
    let id = command.get("id")?.as_u64()?;
    let method = command.get("method")?.as_str()?;
    let method = COMMANDS.into_iter().find(|known| *known == method)?;
    let params = match command.remove("params") {
        Some(Value::Object(params)) => params,
        None => Map::new(),
        Some(_) => return None,
    };
    if method == "Page.navigate" {
        let url = params.get("url")?.as_str()?.to_ascii_lowercase();
        if !url.starts_with("https://") && !url.starts_with("http://") {
            return None;
        }
    }
    let is_use = method.starts_with("Input.") || method.starts_with("Page.navigate");
    let text = json!({ "id": id, "method": method, "params": params }).to_string();
    Some(Command { text, is_use })
}

/// 256 bits that nobody guesses.
fn new_token() -> String {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).expect("the kernel has random numbers");
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_points_types_and_goes_on() {
        let text =
            r#"{"id":1,"method":"Input.insertText","params":{"text":"a"},"sessionId":"other"}"#;
        let passed = command(text).expect("typing is allowed");
        assert!(passed.is_use);
        let passed: Value = serde_json::from_str(&passed.text).expect("JSON");
        let expected = json!({ "id": 1, "method": "Input.insertText", "params": { "text": "a" } });
        assert_eq!(passed, expected);
        let to = |url: &str| {
            let text = json!({ "id": 2, "method": "Page.navigate", "params": { "url": url } });
            command(&text.to_string())
        };
        assert!(to("https://example.com/").is_some());
        assert!(
            !command(r#"{"id":3,"method":"Page.enable"}"#)
                .expect("it needs nothing")
                .is_use
        );
        for url in [
            "file:///etc/passwd",
            "javascript:1",
            "chrome://version",
            "about:blank",
        ] {
            assert!(to(url).is_none(), "{url}");
        }
    }

    #[test]
    fn the_rest_of_the_protocol_is_not_for_people() {
        let others = [
            r#"{"id":1,"method":"Runtime.evaluate","params":{"expression":"1"}}"#,
            r#"{"id":1,"method":"Network.getAllCookies"}"#,
            r#"{"id":1,"method":"Target.createTarget","params":{"url":"file:///"}}"#,
            r#"{"id":1,"method":"page.enable"}"#,
            r#"{"id":"1","method":"Page.enable"}"#,
            r#"{"method":"Page.enable"}"#,
            r#"[{"id":1,"method":"Page.enable"}]"#,
            "",
        ];
        for text in others {
            assert!(command(text).is_none(), "{text}");
        }
        let long = json!({ "id": 1, "method": "Input.insertText", "params": { "text": "a".repeat(MAX_COMMAND_BYTES) } });
        assert!(command(&long.to_string()).is_none());
    }
}
