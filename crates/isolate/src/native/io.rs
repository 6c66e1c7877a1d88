//! `atoll:native/io`: what leaves an isolate, as frames in its outbox.

use protocol::limits::{MAX_CHUNK_BYTES, MAX_INLINE_BODY_BYTES, MAX_LOG_BYTES};
use protocol::{
    Body, Call, CallId, CapabilityId, EventId, Failure, FailureKind, Flow, FromIsolate, Headers,
    LogLevel, Redirect, Request, Response, SocketPart, SocketRef, StreamPart,
};
use rquickjs::function::Opt;
use rquickjs::{Ctx, Exception, Function, Object, Result, TypedArray, Value};

use crate::cpu;
use crate::native::bytes::with_bytes;
use crate::state::{self, send};
use crate::values::usv_string;

pub(crate) fn exports<'js>(ctx: &Ctx<'js>) -> Result<Object<'js>> {
    let exports = Object::new(ctx.clone())?;
    macro_rules! export {
        ($($name:literal => $function:expr),+ $(,)?) => {
            $(exports.set($name, Function::new(ctx.clone(), $function)?.with_name($name)?)?;)+
        };
    }
    export! {
        "now" => || state::with(|state| state.now_ms),
        "inGlobalScope" => || state::with(|state| state.global_scope),
        "globalFetchCapability" => || state::with(|state| state.global_fetch),
        "cacheCapability" => || state::with(|state| state.cache),
        "bundlerCapability" => || state::with(|state| state.bundler),
        "respond" => respond,
        "done" => done,
        "handled" => handled,
        "unhandled" => unhandled,
        "isFollowed" => || state::with(|state| state.is_followed),
        "callFetch" => call_fetch,
        "callCache" => call_cache,
        "cancelCall" => |call: u32| {
            state::with(|state| state.calls.remove(&call));
            send(&FromIsolate::CancelCall(call));
        },
        "streamData" => stream_data,
        "streamEnd" => |id: u32| send(&FromIsolate::Stream(id, StreamPart::End)),
        "streamAbort" => |id: u32, reason: String| send(&FromIsolate::Stream(id, StreamPart::Abort(&reason))),
        "grant" => |id: u32, bytes: u32| send(&FromIsolate::Flow(id, Flow::Grant(bytes))),
        "cancelStream" => |id: u32| send(&FromIsolate::Flow(id, Flow::Cancel)),
        "socketSend" => socket_send,
        "socketClose" => socket_close,
        "socketBreak" => |of_host: bool, id: u32| {
            send(&FromIsolate::Socket(socket_ref(of_host, id), SocketPart::Broken(LOST)));
        },
        "socketListen" => |socket: u32| send(&FromIsolate::Listen(socket)),
        "log" => log,
        "wake" => |at_ms: Option<f64>| send(&FromIsolate::Wake(at_ms)),
    }
    Ok(exports)
}

/// Headers as JavaScript gives them: one text of names and values with line feeds between them, each character a byte.
struct HeaderText(Vec<u8>);

impl HeaderText {
    fn new(text: String) -> Self {
        if text.is_ascii() {
            return Self(text.into_bytes());
        }
        let bytes = text
            .chars()
            .map(|character| u8::try_from(u32::from(character)).unwrap_or(b'?'))
            .collect();
        Self(bytes)
    }

    fn headers(&self) -> Headers<'_> {
        let mut pairs = Vec::new();
        let mut parts = self.0.split(|byte| *byte == b'\n');
        while let (Some(name), Some(value)) = (parts.next(), parts.next()) {
            pairs.push((name, value));
        }
        Headers(pairs)
    }
}

/// A body as JavaScript gives it: its kind, its bytes or number, and its length.
struct BodyArgument<'js> {
    kind: u8,
    value: Value<'js>,
    length: f64,
}

impl<'js> BodyArgument<'js> {
    const INLINE: u8 = 1;
    const STREAM: u8 = 2;
    const FORWARD: u8 = 3;
    const TEXT: u8 = 4;

    fn bytes(&self) -> Option<TypedArray<'js, u8>> {
        (self.kind == Self::INLINE)
            .then(|| TypedArray::from_value(self.value.clone()).ok())
            .flatten()
    }

    fn number(&self) -> u32 {
        self.value.as_number().map_or(0, |number| number as u32)
    }

    fn to_body<'a>(&self, ctx: &Ctx<'_>, bytes: Option<&'a [u8]>) -> Result<Body<'a>> {
        Ok(match self.kind {
            Self::INLINE | Self::TEXT => {
                let bytes = bytes.unwrap_or_default();
                if bytes.len() > MAX_INLINE_BODY_BYTES {
                    return Err(Exception::throw_range(
                        ctx,
                        "body is too long to travel inside its frame",
                    ));
                }
                Body::Inline(bytes)
            }
            Self::STREAM => {
                let length = (self.length >= 0.0).then_some(self.length as u64);
                Body::Stream {
                    id: self.number(),
                    length,
                }
            }
            Self::FORWARD => Body::Forward(self.number()),
            _ => Body::None,
        })
    }
}

/// Runs `work` with the body's bytes borrowed for just that long.
fn with_body<'js, R>(
    ctx: &Ctx<'js>,
    argument: &BodyArgument<'js>,
    work: impl FnOnce(Body<'_>) -> Result<R>,
) -> Result<R> {
    if let Some(text) = argument.value.as_string() {
        let text = usv_string(text)?;
        return work(argument.to_body(ctx, Some(text.as_bytes()))?);
    }
    match argument.bytes() {
        Some(array) => with_bytes(&array, |bytes| work(argument.to_body(ctx, Some(bytes))?)),
        None => work(argument.to_body(ctx, None)?),
    }
}

/// `respond(event, status, statusText, headers, body, socket)`: all requests end here, so it takes no object apart.
fn respond<'js>(
    ctx: Ctx<'js>,
    event: EventId,
    status: u16,
    status_text: String,
    headers: String,
    body: Value<'js>,
    socket: Option<f64>,
) -> Result<()> {
    let headers = HeaderText::new(headers);
    with_body(&ctx, &body_argument(body)?, |body| {
        let response = Response {
            status,
            status_text: &status_text,
            headers: headers.headers(),
            body,
            url: "",
            redirected: false,
            socket: socket.map(given_socket),
        };
        send(&FromIsolate::Respond(event, response));
        Ok(())
    })
}

fn with_response<'js, R>(
    ctx: &Ctx<'js>,
    wire: &Object<'js>,
    work: impl FnOnce(Response<'_>) -> Result<R>,
) -> Result<R> {
    let status_text: String = wire.get("statusText")?;
    let headers = HeaderText::new(wire.get("headers")?);
    let status: u16 = wire.get("status")?;
    let socket: Option<f64> = wire.get("socket")?;
    with_body(ctx, &body_argument(wire.get("body")?)?, |body| {
        work(Response {
            status,
            status_text: &status_text,
            headers: headers.headers(),
            body,
            url: "",
            redirected: false,
            socket: socket.map(given_socket),
        })
    })
}

pub(crate) fn with_request<'js, R>(
    ctx: &Ctx<'js>,
    wire: &Object<'js>,
    work: impl FnOnce(Request<'_>) -> Result<R>,
) -> Result<R> {
    let method: String = wire.get("method")?;
    let url: String = wire.get("url")?;
    let headers = HeaderText::new(wire.get("headers")?);
    let cf: Option<String> = wire.get("cf")?;
    let redirect: Option<String> = wire.get("redirect")?;
    let websocket: Option<bool> = wire.get("websocket")?;
    with_body(ctx, &body_argument(wire.get("body")?)?, |body| {
        work(Request {
            method: &method,
            url: &url,
            headers: headers.headers(),
            body,
            cf: cf.as_deref(),
            redirect: match redirect.as_deref() {
                Some("manual") => Redirect::Manual,
                Some("error") => Redirect::Error,
                _ => Redirect::Follow,
            },
            websocket: websocket.unwrap_or(false),
        })
    })
}

/// `null | string | Uint8Array | {stream, length} | {forward}`.
fn body_argument(value: Value<'_>) -> Result<BodyArgument<'_>> {
    if value.is_string() {
        return Ok(BodyArgument {
            kind: BodyArgument::TEXT,
            value,
            length: -1.0,
        });
    }
    let Some(object) = value.as_object().cloned() else {
        return Ok(BodyArgument {
            kind: 0,
            value,
            length: -1.0,
        });
    };
    if TypedArray::<u8>::from_object(object.clone()).is_ok() {
        return Ok(BodyArgument {
            kind: BodyArgument::INLINE,
            value,
            length: -1.0,
        });
    }
    let forward: Value<'_> = object.get("forward")?;
    if forward.is_number() {
        return Ok(BodyArgument {
            kind: BodyArgument::FORWARD,
            value: forward,
            length: -1.0,
        });
    }
    let length: Option<f64> = object.get("length")?;
    Ok(BodyArgument {
        kind: BodyArgument::STREAM,
        value: object.get("stream")?,
        length: length.unwrap_or(-1.0),
    })
}

pub(crate) fn failure(kind: &str, name: String, message: String, stack: String) -> Failure {
    let kind = match kind {
        "nohandler" => FailureKind::NoHandler,
        "hung" => FailureKind::Hung,
        "reset" => FailureKind::Reset,
        "blocked" => FailureKind::Blocked,
        _ if state::is_out_of_memory(&name, &message) => return state::out_of_memory(),
        _ => FailureKind::Exception,
    };
    Failure {
        kind,
        name,
        message,
        stack,
    }
}

/// `done(event)` or `done(event, kind, name, message, stack)`. The event loop adds the processor time.
fn done(
    id: EventId,
    kind: Opt<String>,
    name: Opt<String>,
    message: Opt<String>,
    stack: Opt<String>,
) {
    let outcome = match kind.0 {
        None => Ok(()),
        Some(kind) => Err(failure(
            &kind,
            name.0.unwrap_or_default(),
            message.0.unwrap_or_default(),
            stack.0.unwrap_or_default(),
        )),
    };
    let before = state::with(|state| {
        state.event_bounds.remove(&id);
        state.event_cpu_us.remove(&id)
    });
    let cpu_us = before.unwrap_or(0) + cpu::turn_us();
    send(&FromIsolate::Done {
        id,
        outcome,
        cpu_us,
    });
}

fn handled(id: EventId) {
    send(&FromIsolate::Handled(id));
}

/// `unhandled(event | null, name, message, stack)`.
fn unhandled(event: Option<EventId>, name: String, message: String, stack: String) {
    send(&FromIsolate::Unhandled(
        event,
        failure("", name, message, stack),
    ));
}

pub(crate) fn send_call(
    id: CallId,
    capability: CapabilityId,
    event: Option<EventId>,
    call: Call<'_>,
) {
    let cpu_us = state::with(|state| {
        let event = event?;
        state.calls.insert(id, event);
        state.used_us(event)
    });
    send(&FromIsolate::Call {
        id,
        capability,
        event,
        cpu_us: cpu_us.unwrap_or(0),
        call,
    });
}

/// `callFetch(call, capability, event | null, wire)`.
fn call_fetch<'js>(
    ctx: Ctx<'js>,
    id: u32,
    capability: u32,
    event: Option<EventId>,
    wire: Object<'js>,
) -> Result<()> {
    with_request(&ctx, &wire, |request| {
        send_call(id, capability, event, Call::Fetch(request));
        Ok(())
    })
}

/// `callCache(call, capability, event | null, { action, cache, request, response, ignoreMethod })` with an action of
/// `match`, `put` or `delete`.
fn call_cache<'js>(
    ctx: Ctx<'js>,
    id: u32,
    capability: u32,
    event: Option<EventId>,
    operation: Object<'js>,
) -> Result<()> {
    let action: String = operation.get("action")?;
    let cache: Option<String> = operation.get("cache")?;
    let request: Object<'js> = operation.get("request")?;
    let response: Option<Object<'js>> = operation.get("response")?;
    let ignore_method = operation
        .get::<_, Option<bool>>("ignoreMethod")?
        .unwrap_or(false);
    let cache = cache.as_deref();
    with_request(&ctx, &request, |request| {
        let emit = |call: Call<'_>| send_call(id, capability, event, call);
        match (action.as_str(), &response) {
            ("put", Some(response)) => with_response(&ctx, response, |response| {
                emit(Call::CachePut {
                    cache,
                    request,
                    response,
                });
                Ok(())
            })?,
            ("delete", _) => emit(Call::CacheDelete {
                cache,
                request,
                ignore_method,
            }),
            _ => emit(Call::CacheMatch {
                cache,
                request,
                ignore_method,
            }),
        }
        Ok(())
    })
}

/// `streamData(id, Uint8Array)`, cut to what fits in a frame.
fn stream_data(id: u32, bytes: TypedArray<'_, u8>) {
    with_bytes(&bytes, |bytes| {
        for chunk in bytes.chunks(MAX_CHUNK_BYTES) {
            send(&FromIsolate::Stream(id, StreamPart::Data(chunk)));
        }
    });
}

fn socket_ref(of_host: bool, id: u32) -> SocketRef {
    if of_host {
        SocketRef::Host(id)
    } else {
        SocketRef::Isolate(id)
    }
}

/// A socket that a response gives away: a number of ours, or the host's as a negative one.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "numbers of sockets have 32 bits, and `as` takes the nearest"
)]
fn given_socket(number: f64) -> SocketRef {
    socket_ref(number < 0.0, number.abs() as u32)
}

/// `socketSend(ofHost, id, string | Uint8Array)`.
fn socket_send<'js>(ctx: Ctx<'js>, of_host: bool, id: u32, data: Value<'js>) -> Result<()> {
    let socket = socket_ref(of_host, id);
    if let Some(text) = data.as_string() {
        let text = text.to_string()?;
        check_message(&ctx, text.len())?;
        send(&FromIsolate::Socket(socket, SocketPart::Text(&text)));
    } else {
        let array = TypedArray::<u8>::from_value(data)?;
        check_message(&ctx, array.len())?;
        with_bytes(&array, |bytes| {
            send(&FromIsolate::Socket(socket, SocketPart::Binary(bytes)))
        });
    }
    Ok(())
}

pub(crate) fn check_message(ctx: &Ctx<'_>, length: usize) -> Result<()> {
    if length > protocol::limits::MAX_SOCKET_MESSAGE_BYTES {
        return Err(Exception::throw_range(
            ctx,
            "WebSocket message is longer than 32 MiB",
        ));
    }
    Ok(())
}

/// What the other side of a WebSocket sees whose object is no more.
const LOST: &str = "WebSocket disconnected without sending Close frame.";

/// `socketClose(ofHost, id, code | null, reason)`.
fn socket_close(of_host: bool, id: u32, code: Option<u16>, reason: String) {
    send(&FromIsolate::Socket(
        socket_ref(of_host, id),
        SocketPart::Close {
            code,
            reason: &reason,
        },
    ));
}

/// `log(level, text, JSON | undefined)`: for the event that the current context belongs to.
fn log(ctx: Ctx<'_>, level: String, message: String, arguments: Opt<Option<String>>) {
    let level = match level.as_str() {
        "debug" => LogLevel::Debug,
        "info" => LogLevel::Info,
        "warn" => LogLevel::Warn,
        "error" => LogLevel::Error,
        _ => LogLevel::Log,
    };
    let mut end = message.len().min(MAX_LOG_BYTES);
    while !message.is_char_boundary(end) {
        end -= 1;
    }
    let context = crate::async_context::current(&ctx);
    let event = context
        .as_object()
        .and_then(|context| context.get::<_, Object<'_>>("event").ok())
        .and_then(|event| event.get::<_, u32>("id").ok());
    send(&FromIsolate::Log {
        event,
        level,
        message: &message[..end],
        arguments: arguments
            .0
            .as_ref()
            .and_then(|arguments| arguments.as_deref())
            .filter(|arguments| arguments.len() <= MAX_LOG_BYTES),
    });
}
