//! What the runtime's own code asks of headers.
#![expect(unsafe_code, reason = "as for the class")]

use std::ffi::{CStr, c_int};

use rquickjs::{Ctx, Object, Result, qjs};

use super::list::List;
use super::{Kind, Name, function, list_of, make, native, receiver};
use crate::clone::Engine;
use crate::engine_text::Utf8;

pub(super) fn export<'js>(ctx: &Ctx<'js>, exports: &Object<'js>) -> Result<()> {
    let export = |name: &CStr, length, run| {
        let function = function(ctx, name, length, Kind::Plain, run)?;
        exports.set(&*name.to_string_lossy(), function)
    };
    export(c"isHeaders", 1, is_headers)?;
    export(c"fromWire", 2, from_wire)?;
    export(c"toWire", 1, to_wire)?;
    export(c"copy", 2, copy)?;
    export(c"freeze", 1, freeze)?;
    export(c"setDefault", 3, set_default)?;
    export(c"list", 1, flat)?;
    export(c"sorted", 1, sorted)?;
    export(c"keepSorted", 2, keep_sorted)
}

unsafe extern "C" fn is_headers(
    _ctx: *mut qjs::JSContext,
    _this: qjs::JSValue,
    count: c_int,
    arguments: *mut qjs::JSValue,
) -> qjs::JSValue {
    // SAFETY: the engine gives as many as the function was made for, at least.
    let is_headers = count > 0 && unsafe { list_of(*arguments) }.is_some();
    qjs::JS_MKVAL(qjs::JS_TAG_BOOL, i32::from(is_headers))
}

/// `fromWire(text, isImmutable)`
unsafe extern "C" fn from_wire(
    ctx: *mut qjs::JSContext,
    _this: qjs::JSValue,
    count: c_int,
    arguments: *mut qjs::JSValue,
) -> qjs::JSValue {
    // SAFETY: they are the engine's.
    unsafe {
        native(ctx, count, arguments, |engine, arguments| {
            let is_immutable = qjs::JS_ToBool(ctx, arguments.at(1)) == 1;
            let text = arguments.at(0);
            let is_empty = Utf8::of(engine, text)?.bytes().is_empty();
            let text = match is_empty {
                true => qjs::JS_UNDEFINED,
                false => engine.duplicate(text).into_raw(),
            };
            make(engine, List::of_wire(text, is_immutable))
        })
    }
}

/// `copy(headers, keepsGuard)`
unsafe extern "C" fn copy(
    ctx: *mut qjs::JSContext,
    _this: qjs::JSValue,
    count: c_int,
    arguments: *mut qjs::JSValue,
) -> qjs::JSValue {
    // SAFETY: they are the engine's.
    unsafe {
        native(ctx, count, arguments, |engine, arguments| {
            let keeps_guard = qjs::JS_ToBool(ctx, arguments.at(1)) == 1;
            let list = receiver(engine, arguments.at(0))?.copy(engine, keeps_guard)?;
            make(engine, list)
        })
    }
}

/// `setDefault(headers, name, value)`
unsafe extern "C" fn set_default(
    ctx: *mut qjs::JSContext,
    _this: qjs::JSValue,
    count: c_int,
    arguments: *mut qjs::JSValue,
) -> qjs::JSValue {
    // SAFETY: they are the engine's.
    unsafe {
        native(ctx, count, arguments, |engine, arguments| {
            let name = Name::of(engine, arguments.at(1))?;
            let list = receiver(engine, arguments.at(0))?;
            list.change(engine)?;
            if !list.has(name.atom) {
                let value = engine.duplicate(arguments.at(2)).into_raw();
                list.push(engine, name.into_raw(), value)?;
            }
            Ok(qjs::JS_UNDEFINED)
        })
    }
}

/// `keepSorted(headers, sorted)`: gives what is to be kept.
unsafe extern "C" fn keep_sorted(
    ctx: *mut qjs::JSContext,
    _this: qjs::JSValue,
    count: c_int,
    arguments: *mut qjs::JSValue,
) -> qjs::JSValue {
    // SAFETY: they are the engine's.
    unsafe {
        native(ctx, count, arguments, |engine, arguments| {
            let sorted = arguments.at(1);
            receiver(engine, arguments.at(0))?.keep_sorted(engine, sorted)?;
            Ok(engine.duplicate(sorted).into_raw())
        })
    }
}

/// What is asked of headers alone.
///
/// # Safety
/// As for [`native`].
unsafe fn ask(
    ctx: *mut qjs::JSContext,
    count: c_int,
    arguments: *mut qjs::JSValue,
    answer: impl FnOnce(&Engine, &mut List) -> Result<qjs::JSValue>,
) -> qjs::JSValue {
    // SAFETY: they are the engine's.
    unsafe {
        native(ctx, count, arguments, |engine, arguments| {
            answer(engine, receiver(engine, arguments.at(0))?)
        })
    }
}

unsafe extern "C" fn to_wire(
    ctx: *mut qjs::JSContext,
    _this: qjs::JSValue,
    count: c_int,
    arguments: *mut qjs::JSValue,
) -> qjs::JSValue {
    // SAFETY: they are the engine's.
    unsafe { ask(ctx, count, arguments, |engine, list| list.to_wire(engine)) }
}

unsafe extern "C" fn freeze(
    ctx: *mut qjs::JSContext,
    _this: qjs::JSValue,
    count: c_int,
    arguments: *mut qjs::JSValue,
) -> qjs::JSValue {
    // SAFETY: they are the engine's.
    unsafe {
        ask(ctx, count, arguments, |_, list| {
            list.is_immutable = true;
            Ok(qjs::JS_UNDEFINED)
        })
    }
}

unsafe extern "C" fn flat(
    ctx: *mut qjs::JSContext,
    _this: qjs::JSValue,
    count: c_int,
    arguments: *mut qjs::JSValue,
) -> qjs::JSValue {
    // SAFETY: they are the engine's.
    unsafe {
        ask(ctx, count, arguments, |engine, list| {
            list.read(engine)?;
            list.flat(engine)
        })
    }
}

unsafe extern "C" fn sorted(
    ctx: *mut qjs::JSContext,
    _this: qjs::JSValue,
    count: c_int,
    arguments: *mut qjs::JSValue,
) -> qjs::JSValue {
    // SAFETY: they are the engine's.
    unsafe {
        ask(
            ctx,
            count,
            arguments,
            |engine, list| Ok(list.sorted(engine)),
        )
    }
}
