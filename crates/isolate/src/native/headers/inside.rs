//! What the runtime's own code asks of headers.
#![expect(unsafe_code, reason = "as for the class")]

use std::ffi::CStr;

use rquickjs::{Ctx, Object, Result, qjs};

use super::list::List;
use super::{Kind, Name, boolean, function, list_of, make, receiver};
use crate::clone::Engine;
use crate::engine_text::Utf8;
use crate::native::function::{Arguments, entry};

pub(super) fn export<'js>(ctx: &Ctx<'js>, exports: &Object<'js>) -> Result<()> {
    let export = |name: &CStr, length, run| {
        let function = function(ctx, name, length, Kind::Plain, run)?;
        exports.set(&*name.to_string_lossy(), function)
    };
    export(c"isHeaders", 1, entry!(is_headers))?;
    export(c"fromWire", 2, entry!(from_wire))?;
    export(c"toWire", 1, entry!(to_wire))?;
    export(c"copy", 2, entry!(copy))?;
    export(c"freeze", 1, entry!(freeze))?;
    export(c"setDefault", 3, entry!(set_default))?;
    export(c"list", 1, entry!(flat))?;
    export(c"sorted", 1, entry!(sorted))?;
    export(c"keepSorted", 2, entry!(keep_sorted))
}

fn is_headers(_: &Engine, _: qjs::JSValue, arguments: &Arguments<'_>) -> Result<qjs::JSValue> {
    Ok(boolean(list_of(arguments.at(0)).is_some()))
}

/// `fromWire(text, isImmutable)`
fn from_wire(engine: &Engine, _: qjs::JSValue, arguments: &Arguments<'_>) -> Result<qjs::JSValue> {
    let text = arguments.at(0);
    let text = match Utf8::of(engine, text)?.bytes() {
        [] => qjs::JS_UNDEFINED,
        _ => engine.duplicate(text).into_raw(),
    };
    make(
        engine,
        List::of_wire(text, is_true(engine, arguments.at(1))),
    )
}

/// `copy(headers, keepsGuard)`
fn copy(engine: &Engine, _: qjs::JSValue, arguments: &Arguments<'_>) -> Result<qjs::JSValue> {
    let keeps_guard = is_true(engine, arguments.at(1));
    let list = receiver(engine, arguments.at(0))?.copy(engine, keeps_guard)?;
    make(engine, list)
}

/// `setDefault(headers, name, value)`
fn set_default(
    engine: &Engine,
    _: qjs::JSValue,
    arguments: &Arguments<'_>,
) -> Result<qjs::JSValue> {
    let name = Name::of(engine, arguments.at(1))?;
    let list = receiver(engine, arguments.at(0))?;
    list.change(engine)?;
    if !list.has(name.atom) {
        let value = engine.duplicate(arguments.at(2)).into_raw();
        list.push(engine, name.into_raw(), value)?;
    }
    Ok(qjs::JS_UNDEFINED)
}

fn to_wire(engine: &Engine, _: qjs::JSValue, arguments: &Arguments<'_>) -> Result<qjs::JSValue> {
    receiver(engine, arguments.at(0))?.to_wire(engine)
}

fn freeze(engine: &Engine, _: qjs::JSValue, arguments: &Arguments<'_>) -> Result<qjs::JSValue> {
    receiver(engine, arguments.at(0))?.is_immutable = true;
    Ok(qjs::JS_UNDEFINED)
}

fn flat(engine: &Engine, _: qjs::JSValue, arguments: &Arguments<'_>) -> Result<qjs::JSValue> {
    let list = receiver(engine, arguments.at(0))?;
    list.read(engine)?;
    list.flat(engine)
}

fn sorted(engine: &Engine, _: qjs::JSValue, arguments: &Arguments<'_>) -> Result<qjs::JSValue> {
    Ok(receiver(engine, arguments.at(0))?.sorted(engine))
}

/// `keepSorted(headers, sorted)`: gives what is to be kept.
fn keep_sorted(
    engine: &Engine,
    _: qjs::JSValue,
    arguments: &Arguments<'_>,
) -> Result<qjs::JSValue> {
    let sorted = arguments.at(1);
    receiver(engine, arguments.at(0))?.keep_sorted(engine, sorted)?;
    Ok(engine.duplicate(sorted).into_raw())
}

fn is_true(engine: &Engine, value: qjs::JSValue) -> bool {
    // SAFETY: the value is alive.
    unsafe { qjs::JS_ToBool(engine.ctx, value) == 1 }
}
