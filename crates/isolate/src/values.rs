//! Frames' content as JavaScript values.

use protocol::{
    Body, CallError, Entrypoint, EntrypointKind, Exports, Failure, Given, Headers, Invocation,
    Parcel, Reply, Response, SocketRef,
};
use rquickjs::{
    Array, ArrayBuffer, Ctx, FromJs, IntoJs, Object, Result, String as Text, TypedArray, Value,
};

use crate::clone::Engine;
use crate::engine_text::{Utf8, well_formed};
use crate::failure::caught;

/// A text in which each half of a surrogate pair is U+FFFD.
pub(crate) fn usv_string(text: &Text<'_>) -> Result<String> {
    let engine = Engine::bare(text.ctx().as_raw().as_ptr());
    let text = Utf8::of(&engine, text.as_raw())?;
    Ok(String::from_utf8_lossy(&well_formed(text.bytes())).into_owned())
}

/// Headers as one text: names and values with line feeds between them, each character a byte.
pub(crate) fn headers_value<'js>(ctx: &Ctx<'js>, headers: &Headers<'_>) -> Result<Value<'js>> {
    let length = headers
        .0
        .iter()
        .map(|(name, value)| name.len() + value.len() + 2)
        .sum();
    let mut bytes = Vec::with_capacity(length);
    for (name, value) in &headers.0 {
        if !bytes.is_empty() {
            bytes.push(b'\n');
        }
        bytes.extend_from_slice(name);
        bytes.push(b'\n');
        bytes.extend_from_slice(value);
    }
    match String::from_utf8(bytes) {
        Ok(text) if text.is_ascii() => text.into_js(ctx),
        Ok(text) => latin_text(text.as_bytes()).into_js(ctx),
        Err(error) => latin_text(error.as_bytes()).into_js(ctx),
    }
}

fn latin_text(bytes: &[u8]) -> String {
    bytes.iter().copied().map(char::from).collect()
}

/// A body as `js/io.js` takes it: kind, bytes or number, length.
pub(crate) fn body_value<'js>(ctx: &Ctx<'js>, body: &Body<'_>) -> Result<(u8, Value<'js>, f64)> {
    Ok(match body {
        Body::None | Body::Forward(_) => (0, Value::new_null(ctx.clone()), -1.0),
        Body::Inline(bytes) => (
            1,
            ArrayBuffer::new_copy(ctx.clone(), bytes)?.into_value(),
            bytes.len() as f64,
        ),
        Body::Stream { id, length } => (
            2,
            id.into_js(ctx)?,
            length.map_or(-1.0, |length| length as f64),
        ),
    })
}

pub(crate) fn response_value<'js>(ctx: &Ctx<'js>, response: &Response<'_>) -> Result<Value<'js>> {
    let wire = Object::new(ctx.clone())?;
    wire.set("status", response.status)?;
    wire.set("statusText", response.status_text)?;
    wire.set("headers", headers_value(ctx, &response.headers)?)?;
    let (kind, value, length) = body_value(ctx, &response.body)?;
    wire.set("bodyKind", kind)?;
    wire.set("bodyValue", value)?;
    wire.set("bodyLength", length)?;
    wire.set("url", response.url)?;
    wire.set("redirected", response.redirected)?;
    let socket = response.socket.map(|socket| match socket {
        SocketRef::Host(id) | SocketRef::Isolate(id) => id,
    });
    wire.set("socket", socket)?;
    Ok(wire.into_value())
}

pub(crate) fn reply_value<'js>(ctx: &Ctx<'js>, reply: &Reply<'_>) -> Result<Value<'js>> {
    match reply {
        Reply::Response(response) => response_value(ctx, response),
        Reply::Nothing => Ok(Value::new_undefined(ctx.clone())),
        Reply::Flag(flag) => flag.into_js(ctx),
        Reply::Text(text) => text.into_js(ctx),
        Reply::Capability(capability) => capability.into_js(ctx),
        Reply::Returned(parcel) => parcel_value(ctx, parcel),
        Reply::Thrown(bytes) => bytes_in(ctx, "thrown", bytes),
    }
}

/// `{ value: ArrayBuffer, refers: […] | undefined }`. What it refers to is `[0, capability]` for a stub,
/// `[1, capability]` for a fetcher, `[2, capability, key]` for a namespace, `[3, capability, id, name]` for an object,
/// `[4, stream, length | -1]`, `[5]` for what cannot be had, `[6, capability]` for a loader, and `[7, capability]` for a
/// class of objects.
pub(crate) fn parcel_value<'js>(ctx: &Ctx<'js>, parcel: &Parcel<'_, Given>) -> Result<Value<'js>> {
    given_with(ctx, parcel.value, &parcel.refers)
}

pub(crate) fn given_with<'js>(
    ctx: &Ctx<'js>,
    bytes: &[u8],
    refers: &[Given],
) -> Result<Value<'js>> {
    let value = Object::new(ctx.clone())?;
    value.set("value", ArrayBuffer::new_copy(ctx.clone(), bytes)?)?;
    if !refers.is_empty() {
        let list = Array::new(ctx.clone())?;
        for (index, given) in refers.iter().enumerate() {
            list.set(index, given_value(ctx, given)?)?;
        }
        value.set("refers", list)?;
    }
    Ok(value.into_value())
}

fn given_value<'js>(ctx: &Ctx<'js>, given: &Given) -> Result<Array<'js>> {
    let entry = Array::new(ctx.clone())?;
    let bytes = |bytes: &[u8; 32]| TypedArray::<u8>::new_copy(ctx.clone(), bytes);
    match given {
        Given::Stub(capability) => {
            entry.set(0, 0)?;
            entry.set(1, *capability)?;
        }
        Given::Fetcher(capability) => {
            entry.set(0, 1)?;
            entry.set(1, *capability)?;
        }
        Given::Namespace { capability, key } => {
            entry.set(0, 2)?;
            entry.set(1, *capability)?;
            entry.set(2, bytes(key)?)?;
        }
        Given::Object {
            capability,
            id,
            name,
        } => {
            entry.set(0, 3)?;
            entry.set(1, *capability)?;
            entry.set(2, bytes(id)?)?;
            entry.set(3, name.as_deref())?;
        }
        Given::Stream { id, length } => {
            entry.set(0, 4)?;
            entry.set(1, *id)?;
            entry.set(2, length.map_or(-1.0, |length| length as f64))?;
        }
        Given::Nothing => entry.set(0, 5)?,
        Given::Class(capability) => {
            entry.set(0, 7)?;
            entry.set(1, *capability)?;
        }
        Given::Loader(capability) => {
            entry.set(0, 6)?;
            entry.set(1, *capability)?;
        }
    }
    Ok(entry)
}

/// The arguments of a call, or undefined for a property that is read.
pub(crate) fn invocation_value<'js>(
    ctx: &Ctx<'js>,
    invocation: &Invocation<'_, Given>,
) -> Result<Value<'js>> {
    match &invocation.arguments {
        Some(arguments) => parcel_value(ctx, arguments),
        None => Ok(Value::new_undefined(ctx.clone())),
    }
}

/// `{ [name]: ArrayBuffer }`
fn bytes_in<'js>(ctx: &Ctx<'js>, name: &str, bytes: &[u8]) -> Result<Value<'js>> {
    let value = Object::new(ctx.clone())?;
    value.set(name, ArrayBuffer::new_copy(ctx.clone(), bytes)?)?;
    Ok(value.into_value())
}

pub(crate) fn error_value<'js>(ctx: &Ctx<'js>, error: &CallError) -> Result<Object<'js>> {
    let value = Object::new(ctx.clone())?;
    value.set("name", error.name.as_str())?;
    value.set("message", error.message.as_str())?;
    value.set("stack", error.stack.as_deref())?;
    value.set("remote", error.remote)?;
    value.set("retryable", error.retryable)?;
    value.set("overloaded", error.overloaded)?;
    value.set("durableObjectReset", error.durable_object_reset)?;
    Ok(value)
}

/// The exports as `install()` lists them: `[name, kind, handlers]`.
pub(crate) fn read_exports<'js>(
    ctx: &Ctx<'js>,
    listed: Value<'js>,
) -> std::result::Result<Exports, Failure> {
    let read = || -> Result<Exports> {
        let mut entrypoints = Vec::new();
        for entry in Array::from_js(ctx, listed.clone())?.iter::<Array<'js>>() {
            let entry = entry?;
            entrypoints.push(Entrypoint {
                name: entry.get(0)?,
                kind: match entry.get::<String>(1)?.as_str() {
                    "worker" => EntrypointKind::Worker,
                    "object" => EntrypointKind::Object,
                    "workflow" => EntrypointKind::Workflow,
                    _ => EntrypointKind::Handlers,
                },
                handlers: entry.get(2)?,
            });
        }
        Ok(Exports { entrypoints })
    };
    read().map_err(|error| caught(ctx, error, false))
}
