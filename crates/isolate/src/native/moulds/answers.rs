//! The answer that most handlers give: text with the headers that text has.
#![expect(
    unsafe_code,
    reason = "most requests end here, so these are functions of the engine's C API"
)]

use std::cell::{Cell, RefCell};

use protocol::{EventId, FromIsolate, Headers, Response};
use rquickjs::{Ctx, Error, Function, Object, Result, Value, qjs};

use super::{Kind, NAMED, of, put};
use crate::clone::{Engine, Owned};
use crate::engine_text::Utf8;
use crate::native::function::{self, Arguments, entry};
use crate::state::send;

/// Bytes of text that are an answer here, at most: so much always fits in a frame.
const MAX_TEXT_BYTES: usize = 16 * 1024;

/// Headers that are an answer's as often as not: the text by which JavaScript knows them, and what they are.
struct Usual {
    text: qjs::JSValue,
    pairs: Vec<(String, String)>,
}

thread_local! {
    /// The first ones are those of text.
    static USUAL: RefCell<Vec<Usual>> = const { RefCell::new(Vec::new()) };
    /// The source of a body that was used. Owned.
    static USED: Cell<qjs::JSValue> = const { Cell::new(qjs::JS_UNDEFINED) };
}

pub(super) fn export<'js>(ctx: &Ctx<'js>, exports: &Object<'js>) -> Result<()> {
    // What an engine before this one had went with it.
    USUAL.take();
    USED.set(qjs::JS_UNDEFINED);
    exports.set("usualHeaders", Function::new(ctx.clone(), usual_headers)?)?;
    exports.set("usedUp", Function::new(ctx.clone(), used_up)?)?;
    exports.set("NO_RESPONSE", Answer::NoResponse as u8)?;
    exports.set("ANSWERED", Answer::Answered as u8)?;
    function::export(ctx, exports, entry!(text_response), c"textResponse", 1)?;
    function::export(ctx, exports, entry!(answer_text), c"answerText", 2)
}

/// `usualHeaders(text)`: responses that were given no headers have these, as names and values with line feeds between them.
fn usual_headers<'js>(ctx: Ctx<'js>, text: Value<'js>) -> Result<()> {
    let lines: String = text.get()?;
    let mut lines = lines.split('\n').map(str::to_owned);
    let mut pairs = Vec::new();
    while let (Some(name), Some(value)) = (lines.next(), lines.next()) {
        pairs.push((name, value));
    }
    // SAFETY: the value is alive.
    let text = unsafe { qjs::JS_DupValue(ctx.as_raw().as_ptr(), text.as_raw()) };
    USUAL.with_borrow_mut(|usual| usual.push(Usual { text, pairs }));
    Ok(())
}

/// `usedUp(source)`: what the source of a body becomes that was sent.
fn used_up<'js>(ctx: Ctx<'js>, source: Value<'js>) {
    // SAFETY: the value is alive.
    USED.set(unsafe { qjs::JS_DupValue(ctx.as_raw().as_ptr(), source.as_raw()) });
}

/// `textResponse(text)`: what `new Response(text)` makes.
fn text_response(
    engine: &Engine,
    _this: qjs::JSValue,
    arguments: &Arguments<'_>,
) -> Result<qjs::JSValue> {
    let headers = USUAL.with_borrow(|usual| usual.first().map(|usual| usual.text));
    let headers = engine.duplicate(headers.ok_or(Error::Unknown)?);
    let parts = of(Kind::ResponseParts)?.make(engine, [engine.number_value(200.0), headers])?;
    let body = engine.duplicate(arguments.at(0));
    of(Kind::Response)?
        .make(engine, [body, parts])
        .map(Owned::into_raw)
}

/// What came of an answer.
#[derive(Clone, Copy)]
enum Answer {
    /// The handler gave something else, such as a promise.
    NoResponse,
    /// A response that takes more than this.
    Other,
    Answered,
}

/// `answerText(response, event)`: answers a fetch event, and uses the response's body up, if it is a response of text that was
/// given no headers.
fn answer_text(
    engine: &Engine,
    _this: qjs::JSValue,
    arguments: &Arguments<'_>,
) -> Result<qjs::JSValue> {
    let response = arguments.at(0);
    let event = Engine::number(arguments.at(1)) as EventId;
    let outcome = match parts_of(engine, response) {
        None => Answer::NoResponse,
        Some(parts) => match answer(engine, response, &parts, event) {
            None => Answer::Other,
            Some(()) => Answer::Answered,
        },
    };
    Ok(qjs::JS_MKVAL(qjs::JS_TAG_INT, outcome as i32))
}

/// What a response has beside its body.
fn parts_of(engine: &Engine, response: qjs::JSValue) -> Option<Owned<'_>> {
    let mould = of(Kind::Response).ok()?;
    mould.own(engine, response, mould.names[1])
}

fn answer(
    engine: &Engine,
    response: qjs::JSValue,
    parts: &Owned<'_>,
    event: EventId,
) -> Option<()> {
    let (mould, parts_mould) = (of(Kind::Response).ok()?, of(Kind::ResponseParts).ok()?);
    let source = mould.names[0];
    let [status, headers, ..] = parts_mould.names;
    let status = parts_mould.own(engine, parts.raw(), status)?;
    let headers = parts_mould.own(engine, parts.raw(), headers)?;
    let named = NAMED.get();
    let has = |name| parts_mould.own(engine, parts.raw(), name).is_some();
    if has(named.status_text) || has(named.web_socket) {
        return None;
    }
    let body = mould.own(engine, response, source)?;
    let status = Engine::number(status.raw()) as u16;
    // SAFETY: it looks at the tags.
    let are_texts = unsafe { qjs::JS_IsString(body.raw()) && qjs::JS_IsString(headers.raw()) };
    // No character takes less than a byte: what is longer need not be made bytes of to find that out.
    if status < 200 || !are_texts || engine.length(body.raw()).ok()? > MAX_TEXT_BYTES as u64 {
        return None;
    }
    match Utf8::of(engine, body.raw()) {
        Ok(text) => send_text(engine, event, status, headers.raw(), text.bytes())?,
        Err(_) => {
            engine.forget();
            return None;
        }
    }
    // SAFETY: a response is a plain object. The property is there already: were there no memory, the answer would have left
    // all the same.
    if unsafe { put(engine, response, source, engine.duplicate(USED.get())) }.is_err() {
        engine.forget();
    }
    Some(())
}

fn send_text(
    engine: &Engine,
    event: EventId,
    status: u16,
    headers: qjs::JSValue,
    bytes: &[u8],
) -> Option<()> {
    // Half of a pair is no text that could be sent.
    if bytes.len() > MAX_TEXT_BYTES || std::str::from_utf8(bytes).is_err() {
        return None;
    }
    USUAL.with_borrow(|usual| {
        // SAFETY: both are alive texts.
        let is_same =
            |usual: &&Usual| unsafe { qjs::JS_IsStrictEqual(engine.ctx, usual.text, headers) };
        let pairs = &usual.iter().find(is_same)?.pairs;
        let pairs = pairs
            .iter()
            .map(|(name, value)| (name.as_bytes(), value.as_bytes()));
        send(&FromIsolate::Respond(
            event,
            Response {
                status,
                status_text: "",
                headers: Headers(pairs.collect()),
                body: protocol::Body::Inline(bytes),
                url: "",
                redirected: false,
                socket: None,
            },
        ));
        Some(())
    })
}
