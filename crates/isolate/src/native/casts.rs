//! What is sent on sockets that the host keeps for objects. Most of it is the same text for many of them, one after another.
#![expect(
    unsafe_code,
    reason = "a room says a text to everybody in it, so this is a function of the engine's C API"
)]

use std::cell::Cell;

use rquickjs::{Ctx, Object, Result, qjs};

use super::function::{self, Arguments, entry};
use super::io::check_message;
use crate::clone::Engine;
use crate::engine_text::{Utf8, well_formed};
use crate::state;

thread_local! {
    /// The text that was sent last in this turn: whoever sends it again need not have it read again. Owned.
    static SAID: Cell<qjs::JSValue> = const { Cell::new(qjs::JS_UNDEFINED) };
}

pub(super) fn export<'js>(ctx: &Ctx<'js>, exports: &Object<'js>) -> Result<()> {
    function::export(ctx, exports, entry!(cast_text), c"castText", 3)
}

/// `castText(object, socket, text)`.
fn cast_text(
    engine: &Engine,
    _this: qjs::JSValue,
    arguments: &Arguments<'_>,
) -> Result<qjs::JSValue> {
    // Numbers of objects and sockets are whole ones of 32 bits.
    let number = |index| Engine::number(arguments.at(index)) as u32;
    let (object, socket, text) = (number(0), number(1), arguments.at(2));
    if is_said(text) && state::cast_again(object, socket) {
        return Ok(qjs::JS_UNDEFINED);
    }
    let utf8 = Utf8::of(engine, text)?;
    let utf8 = well_formed(utf8.bytes());
    check_message(&engine.context()?, utf8.len())?;
    state::cast(object, socket, true, &utf8);
    release(engine, SAID.replace(engine.duplicate(text).into_raw()));
    Ok(qjs::JS_UNDEFINED)
}

/// The turn is over.
pub(crate) fn let_go(ctx: &Ctx<'_>) {
    let said = SAID.replace(qjs::JS_UNDEFINED);
    release(&Engine::bare(ctx.as_raw().as_ptr()), said);
}

fn release(engine: &Engine, value: qjs::JSValue) {
    // SAFETY: the value was owned, and is not any more.
    unsafe { qjs::JS_FreeValue(engine.ctx, value) };
}

/// Whether it is the very text, not one that reads the same.
fn is_said(text: qjs::JSValue) -> bool {
    let said = SAID.get();
    // SAFETY: both are alive, and what has a pointer is asked for it.
    unsafe {
        qjs::JS_VALUE_HAS_REF_COUNT(said)
            && qjs::JS_VALUE_GET_TAG(said) == qjs::JS_VALUE_GET_TAG(text)
            && qjs::JS_VALUE_GET_PTR(said) == qjs::JS_VALUE_GET_PTR(text)
    }
}
