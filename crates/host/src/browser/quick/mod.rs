//! Quick actions: a page is loaded, looked at and gone. Each has a browser of its own, for as long as it takes.
//!
//! What is made of a page is made in the page, by functions of ours that its own scripts do not reach: nothing here parses HTML.

mod actions;
mod capture;
mod extract;
mod load;
mod options;
mod rules;
mod tab;

use std::sync::Arc;
use std::time::{Duration, Instant};

use http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use http::{Method, StatusCode};
use http_body_util::{BodyExt as _, Limited};
use serde_json::{Map, Value, json};

use super::Inner;
use super::routes::{self, Refused};
use super::session::Session;
use crate::body::Body;
use crate::fetcher::{FetchError, Fetcher, Request, Response};

/// The most bytes of a request: the HTML of a page may be in it.
const MAX_OPTIONS_BYTES: usize = 8 * 1024 * 1024;
/// The most characters of what is read off a page.
const MAX_TEXT: usize = 8 * 1024 * 1024;
/// How long all of it may take, whatever the options say of its parts.
const WHOLE_TIMEOUT: Duration = Duration::from_secs(300);

const BROWSER_MS: HeaderName = HeaderName::from_static("x-browser-ms-used");

/// Why there is no result. What asked is answered so.
#[derive(Debug)]
struct Failed {
    status: StatusCode,
    message: String,
    code: Option<u32>,
    /// What a model said.
    raw: Option<String>,
}

impl Failed {
    fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self {
            status,
            message: message.into(),
            code: None,
            raw: None,
        }
    }

    /// The request cannot be.
    fn asked(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    /// The page is not as it has to be.
    fn page(message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, message)
    }

    /// The browser does not do as it should.
    fn browser(message: impl Into<String>) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, message)
    }

    fn respond(self) -> Response {
        let mut error = json!({ "message": self.message });
        if let Some(code) = self.code {
            error["code"] = json!(code);
        }
        let mut told = json!({ "success": false, "errors": [error] });
        if let Some(raw) = self.raw {
            told["rawAiResponse"] = json!(raw);
        }
        let mut response = routes::json_of(&told);
        *response.status_mut() = self.status;
        response
    }
}

impl From<Refused> for Failed {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Answer(status, text) => Self::new(status, text),
            Refused::Failed(FetchError::Refused(text)) => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, text)
            }
            Refused::Failed(error) => Self::browser(error.to_string()),
        }
    }
}

/// What an action gave.
enum Given {
    Json(Value),
    Bytes(String, Vec<u8>),
    Text(String),
}

impl Given {
    fn respond(self) -> Response {
        let (kind, body) = match self {
            Self::Json(value) => return routes::json_of(&value),
            Self::Bytes(kind, bytes) => (kind, Body::full(bytes)),
            Self::Text(text) => ("text/plain".to_owned(), Body::full(text)),
        };
        let mut response = Response::new(body);
        let kind = HeaderValue::from_str(&kind).expect("a content type is visible ASCII");
        response.headers_mut().insert(CONTENT_TYPE, kind);
        response
    }
}

/// Ends a session when nobody waits for it any more.
struct Lent(Arc<Session>);

impl Drop for Lent {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// Answers the request for an action. `model` is asked where an action needs one.
pub(super) async fn answer(
    inner: &Arc<Inner>,
    model: Option<&Arc<dyn Fetcher>>,
    action: &str,
    request: Request,
) -> Response {
    let began = Instant::now();
    let done = tokio::time::timeout(WHOLE_TIMEOUT, perform(inner, model, action, request)).await;
    let done = done.unwrap_or_else(|_| {
        let text = format!("it took longer than {} s", WHOLE_TIMEOUT.as_secs());
        Err(Failed::page(text))
    });
    let mut response = match done {
        Ok(given) => given.respond(),
        Err(failed) => failed.respond(),
    };
    if response.status() < StatusCode::INTERNAL_SERVER_ERROR {
        let used = HeaderValue::from(began.elapsed().as_millis() as u64);
        response.headers_mut().insert(BROWSER_MS, used);
    }
    response
}

async fn perform(
    inner: &Arc<Inner>,
    model: Option<&Arc<dyn Fetcher>>,
    action: &str,
    request: Request,
) -> Result<Given, Failed> {
    if request.method() != Method::POST {
        let text = "a quick action is asked for with POST";
        return Err(Failed::new(StatusCode::METHOD_NOT_ALLOWED, text));
    }
    let fields = read(request).await?;
    let (mut common, action) = actions::Action::read(action, fields)?;
    action.check(model.is_some())?;
    let mut page = load::Page::read(&mut common)?;
    let session = routes::start(inner, WHOLE_TIMEOUT).await?;
    let lent = Lent(Arc::clone(&session));
    let given = look(inner, &session, &mut page, &common, &action).await;
    drop(lent);
    // There is room for another one when this one is answered.
    session.ended().await;
    let given = given?;
    match model {
        Some(model) => action.finish(given, model).await,
        None => Ok(given),
    }
}

/// Loads the page in a session, and looks at it.
async fn look(
    inner: &Inner,
    session: &Arc<Session>,
    page: &mut load::Page,
    common: &options::Common,
    action: &actions::Action,
) -> Result<Given, Failed> {
    let socket = routes::dial(inner, session, &session.path).await?;
    let _connected = session.connect();
    let time = common.action_timeout()?;
    let mut tab = page.open(socket, common).await?;
    let looked = tokio::time::timeout(time, action.look(&mut tab, common)).await;
    looked.unwrap_or_else(|_| {
        let text = format!("actionTimeout: it took longer than {} ms", time.as_millis());
        Err(Failed::page(text))
    })
}

async fn read(request: Request) -> Result<Map<String, Value>, Failed> {
    let body = Limited::new(request.into_body(), MAX_OPTIONS_BYTES).collect();
    let body = body
        .await
        .map_err(
            |error| match error.downcast_ref::<http_body_util::LengthLimitError>() {
                Some(_) => Failed::new(
                    StatusCode::PAYLOAD_TOO_LARGE,
                    format!("the options have more than {MAX_OPTIONS_BYTES} bytes"),
                ),
                None => Failed::asked(error.to_string()),
            },
        )?
        .to_bytes();
    match serde_json::from_slice(&body) {
        Ok(Value::Object(fields)) => Ok(fields),
        Ok(_) => Err(Failed::asked("the options are no object")),
        Err(error) => Err(Failed::asked(format!("the options are no JSON: {error}"))),
    }
}
