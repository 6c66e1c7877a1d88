//! A model without a model: it says what a script tells it to, always the same, at the speed that is wanted.

mod answer;
mod chat;
mod edit;
mod media;
mod picture;
mod question;
mod responses;
mod script;
mod sound;

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use host::{Body, BodyError, FetchError, Fetcher, Request, Response};
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::limits::MAX_CALLS_REMEMBERED;
use crate::models::whole;
use crate::pipe::{Writer, pipe};
use answer::Answer;
use edit::Edit;
use media::Heard;
use question::Question;
pub use script::{Script, ScriptError};

/// The scripted model, as a server that speaks OpenAI's API: chat completions, responses, embeddings, images and pictures to
/// draw them from, speech, transcription, and the reranking that other servers have.
///
/// `GET /calls` tells what it was asked and how many tokens it gave: what a real model would have been paid for.
#[derive(Clone, Debug)]
pub struct Scripted(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    script: Script,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    calls: VecDeque<Arc<Call>>,
    /// How often each rule was used.
    used: Vec<u32>,
}

/// One call that was made.
#[derive(Debug)]
struct Call {
    asked: Value,
    tokens: AtomicUsize,
    ended: AtomicBool,
}

impl Scripted {
    /// A model that follows this script.
    #[must_use]
    pub fn new(script: Script) -> Self {
        Self(Arc::new(Inner {
            state: Mutex::new(State {
                used: vec![0; script.rules.len()],
                ..State::default()
            }),
            script,
        }))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn answer(&self, request: Request) -> Result<Response, FetchError> {
        let path = request.uri().path().trim_end_matches('/').to_owned();
        let plain = path.strip_prefix("/v1").unwrap_or(&path);
        match (request.method(), plain) {
            (&Method::GET, "/calls") => Ok(json_response(StatusCode::OK, &self.calls())),
            (&Method::DELETE, "/calls") => {
                self.lock().calls.clear();
                Ok(json_response(StatusCode::OK, &json!([])))
            }
            (&Method::GET, "/models") => Ok(json_response(
                StatusCode::OK,
                &json!({ "object": "list", "data": [{ "id": "scripted", "object": "model", "owned_by": "atoll" }] }),
            )),
            (&Method::POST, "/chat/completions" | "/responses" | "/embeddings") => {
                let endpoint = plain.to_owned();
                self.ask(&endpoint, request).await
            }
            (&Method::POST, "/images/generations" | "/audio/speech" | "/rerank") => {
                let endpoint = plain.to_owned();
                self.make(&endpoint, request).await
            }
            (&Method::POST, "/images/edits") => {
                let endpoint = plain.to_owned();
                self.redraw(&endpoint, request).await
            }
            (&Method::POST, "/audio/transcriptions" | "/audio/translations") => {
                let endpoint = plain.to_owned();
                self.hear(&endpoint, request).await
            }
            _ => Ok(failure(
                StatusCode::NOT_FOUND,
                &format!("the scripted model has no {} {path}", request.method()),
            )),
        }
    }

    fn calls(&self) -> Value {
        let state = self.lock();
        let calls = state.calls.iter().map(|call| {
            let mut told = call.asked.clone();
            told["tokens"] = call.tokens.load(Ordering::Acquire).into();
            told["ended"] = call.ended.load(Ordering::Acquire).into();
            told
        });
        calls.collect()
    }

    /// What the script says to a question, which is remembered with these fields of it.
    fn follow(&self, endpoint: &str, question: &Question, fields: &Value) -> (Answer, Arc<Call>) {
        let mut state = self.lock();
        let answer = Answer::to(question, &self.0.script, &mut state.used);
        let mut asked = json!({
            "endpoint": endpoint.trim_start_matches('/'),
            "model": question.model,
            "stream": question.stream,
            "prompt": question.prompt,
            "partial": question.partial,
            "messages": question.messages,
        });
        if !fields.is_null() {
            asked["fields"] = fields.clone();
        }
        let call = Arc::new(Call {
            asked,
            tokens: AtomicUsize::new(0),
            ended: AtomicBool::new(false),
        });
        if state.calls.len() >= MAX_CALLS_REMEMBERED {
            state.calls.pop_front();
        }
        state.calls.push_back(Arc::clone(&call));
        (answer, call)
    }

    /// An answer that is no text: the script has its delay and its failures.
    async fn give(
        &self,
        endpoint: &str,
        (model, prompt, fields): (&str, &str, &Value),
        answer: impl FnOnce() -> Response,
    ) -> Response {
        let question = Question {
            model: model.to_owned(),
            prompt: prompt.to_owned(),
            ..Question::default()
        };
        let (manner, call) = self.follow(endpoint, &question, fields);
        tokio::time::sleep(manner.delay).await;
        if let Some(status) = manner.status {
            return failure(status, &format!("the script says so: {status}"));
        }
        let response = answer();
        call.ended.store(true, Ordering::Release);
        response
    }

    async fn make(&self, endpoint: &str, request: Request) -> Result<Response, FetchError> {
        let body: Value = match serde_json::from_slice(&whole(request).await?) {
            Ok(body) => body,
            Err(error) => return Ok(failure(StatusCode::BAD_REQUEST, &error.to_string())),
        };
        let (key, answer): (_, fn(&str, &Value) -> Response) = match endpoint {
            "/images/generations" => ("prompt", media::images),
            "/audio/speech" => ("input", media::speech),
            _ => ("query", media::ranking),
        };
        let Some(prompt) = body[key].as_str() else {
            let message = format!("`{key}` is a text");
            return Ok(failure(StatusCode::BAD_REQUEST, &message));
        };
        let model = body["model"].as_str().unwrap_or("scripted");
        let asked = (model, prompt, &body);
        Ok(self.give(endpoint, asked, || answer(prompt, &body)).await)
    }

    async fn redraw(&self, endpoint: &str, request: Request) -> Result<Response, FetchError> {
        let kind = kind_of(&request);
        let Some(edit) = Edit::of(&kind, &whole(request).await?) else {
            let message = "pictures to draw from come as multipart/form-data with a `prompt` and at least one `image`";
            return Ok(failure(StatusCode::BAD_REQUEST, message));
        };
        let asked = (&*edit.model, &*edit.prompt, &edit.asked);
        Ok(self.give(endpoint, asked, || edit.answer()).await)
    }

    async fn hear(&self, endpoint: &str, request: Request) -> Result<Response, FetchError> {
        let kind = kind_of(&request);
        let Some(heard) = Heard::of(&kind, &whole(request).await?) else {
            let message = "a recording comes as multipart/form-data with a `file`";
            return Ok(failure(StatusCode::BAD_REQUEST, message));
        };
        let asked = (&*heard.model, &*heard.text, &heard.asked);
        Ok(self.give(endpoint, asked, || heard.answer()).await)
    }

    async fn ask(&self, endpoint: &str, request: Request) -> Result<Response, FetchError> {
        let body: Value = match serde_json::from_slice(&whole(request).await?) {
            Ok(body) => body,
            Err(error) => return Ok(failure(StatusCode::BAD_REQUEST, &error.to_string())),
        };
        if endpoint == "/embeddings" {
            return Ok(json_response(StatusCode::OK, &answer::embeddings(&body)));
        }
        let is_chat = endpoint == "/chat/completions";
        let question = match is_chat {
            true => Question::of_chat(&body),
            false => Question::of_responses(&body),
        };
        let (answer, call) = self.follow(endpoint, &question, &Value::Null);
        tokio::time::sleep(answer.delay).await;
        if let Some(status) = answer.status {
            return Ok(failure(status, &format!("the script says so: {status}")));
        }
        let wire: Box<dyn Wire> = match is_chat {
            true => Box::new(chat::Chat::new(&question)),
            false => Box::new(responses::Responses::new(&question)),
        };
        if !question.stream {
            let pause = answer.pause * u32::try_from(answer.tokens.len()).unwrap_or(u32::MAX);
            tokio::time::sleep(pause).await;
            call.tokens.store(answer.tokens.len(), Ordering::Release);
            call.ended.store(true, Ordering::Release);
            return Ok(json_response(StatusCode::OK, &wire.whole(&answer)));
        }
        let (writer, body) = pipe();
        tokio::spawn(speak(answer, wire, writer, call));
        let mut response = Response::new(body);
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
        headers.insert("cache-control", HeaderValue::from_static("no-cache"));
        Ok(response)
    }
}

/// How an answer looks in one of OpenAI's two forms.
trait Wire: Send {
    /// All of it at once.
    fn whole(&self, answer: &Answer) -> Value;
    /// What comes before the first token.
    fn begin(&mut self, answer: &Answer) -> Vec<u8>;
    /// One token.
    fn token(&mut self, token: &str) -> Vec<u8>;
    /// What comes after the last.
    fn end(&mut self, answer: &Answer) -> Vec<u8>;
}

/// Says an answer as it is to be said, and stops when nobody listens, as servers do.
async fn speak(answer: Answer, mut wire: Box<dyn Wire>, writer: Writer, call: Arc<Call>) {
    let begin = wire.begin(&answer);
    if writer.send(Ok(Bytes::from(begin))).await.is_err() {
        return;
    }
    for (index, token) in answer.tokens.iter().enumerate() {
        if answer.break_after == Some(index) {
            let reason = "the script says that the connection breaks here";
            drop(writer.send(Err(BodyError(reason.to_owned()))).await);
            return;
        }
        if answer.pause > Duration::ZERO {
            tokio::select! {
                () = tokio::time::sleep(answer.pause) => {}
                () = writer.closed() => return,
            }
        }
        let bytes = Bytes::from(wire.token(token));
        if writer.send(Ok(bytes)).await.is_err() {
            return;
        }
        call.tokens.fetch_add(1, Ordering::AcqRel);
    }
    call.ended.store(true, Ordering::Release);
    drop(writer.send(Ok(Bytes::from(wire.end(&answer)))).await);
}

/// The media type of a body.
fn kind_of(request: &Request) -> String {
    let kind = request.headers().get(CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok());
    kind.unwrap_or_default().to_owned()
}

fn json_response(status: StatusCode, value: &Value) -> Response {
    let mut response = Response::new(Body::full(value.to_string()));
    *response.status_mut() = status;
    let kind = HeaderValue::from_static("application/json");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}

fn failure(status: StatusCode, message: &str) -> Response {
    let error =
        json!({ "error": { "message": message, "type": "scripted", "code": status.as_u16() } });
    json_response(status, &error)
}

impl Fetcher for Scripted {
    fn fetch(
        &self,
        request: Request,
    ) -> Pin<Box<dyn Future<Output = Result<Response, FetchError>> + Send + '_>> {
        Box::pin(self.answer(request))
    }
}
