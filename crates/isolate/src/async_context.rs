//! The current asynchronous context: one JavaScript value per thread of execution.
//!
//! The engine has no hook around continuations of `await`. Every job therefore starts with no context, and code that
//! continues something sets its own: `then` callbacks and timers by wrapping, `await` by a pass of the bundler that
//! surrounds it with `get` and `set`, and what it waits for with `wait`.
#![expect(
    unsafe_code,
    reason = "a raw engine value lives across calls, and C function pointers cost least here"
)]

use std::cell::Cell;

use rquickjs::{Ctx, Object, Result, Value, qjs};

use crate::native::function::export;

thread_local! {
    /// Owned: one reference is held for as long as the value is in the slot.
    static SLOT: Cell<qjs::JSValue> = const { Cell::new(qjs::JS_UNDEFINED) };
    /// What handlers of proxies inherit from that stand for the promise which they have as `promise`. Owned.
    static STAND_INS: Cell<qjs::JSValue> = const { Cell::new(qjs::JS_UNDEFINED) };
}

/// Puts the functions on `target`.
pub(crate) fn install<'js>(ctx: &Ctx<'js>, target: &Object<'js>) -> Result<()> {
    export(ctx, target, get, c"get", 0)?;
    export(ctx, target, set, c"set", 2)?;
    export(ctx, target, wait, c"wait", 1)?;
    export(ctx, target, stand_ins, c"standIns", 1)?;
    export(ctx, target, then, c"then", 3)
}

/// Makes `context`, a live value, the current context.
pub(crate) fn enter(ctx: *mut qjs::JSContext, context: qjs::JSValue) {
    // SAFETY: the slot gets a reference of its own, and its old one, made in the same runtime, is released after that.
    unsafe {
        let old = SLOT.replace(qjs::JS_DupValue(ctx, context));
        qjs::JS_FreeValue(ctx, old);
    }
}

/// Forgets the current context. Called before every job.
pub(crate) fn clear(ctx: &Ctx<'_>) {
    let old = SLOT.replace(qjs::JS_UNDEFINED);
    // SAFETY: the slot owned one reference to `old`, made in the same runtime.
    unsafe { qjs::JS_FreeValue(ctx.as_raw().as_ptr(), old) };
}

/// The current context.
pub(crate) fn current<'js>(ctx: &Ctx<'js>) -> Value<'js> {
    // SAFETY: the slot's value belongs to this thread's only runtime; the copy owns its own reference.
    unsafe {
        Value::from_raw(
            ctx.clone(),
            qjs::JS_DupValue(ctx.as_raw().as_ptr(), SLOT.get()),
        )
    }
}

/// `get()`: the current context.
unsafe extern "C" fn get(
    ctx: *mut qjs::JSContext,
    _this: qjs::JSValue,
    _count: i32,
    _arguments: *mut qjs::JSValue,
) -> qjs::JSValue {
    // SAFETY: the engine gives a live context; the result owns its own reference.
    unsafe { qjs::JS_DupValue(ctx, SLOT.get()) }
}

/// `set(context, value)`: makes `context` current and returns `value`.
unsafe extern "C" fn set(
    ctx: *mut qjs::JSContext,
    _this: qjs::JSValue,
    count: i32,
    arguments: *mut qjs::JSValue,
) -> qjs::JSValue {
    // SAFETY: the engine pads `arguments` to the declared length of two; both are borrowed, so what is kept or returned
    // gets its own reference, and the slot's old reference is released after the new value is in place.
    unsafe {
        let context = *arguments;
        let old = SLOT.replace(qjs::JS_DupValue(ctx, context));
        qjs::JS_FreeValue(ctx, old);
        if count < 2 {
            qjs::JS_UNDEFINED
        } else {
            qjs::JS_DupValue(ctx, *arguments.add(1))
        }
    }
}

/// `then(promise, onFulfilled, onRejected)`: the engine's own `Promise.prototype.then`.
unsafe extern "C" fn then(
    ctx: *mut qjs::JSContext,
    _this: qjs::JSValue,
    _count: i32,
    arguments: *mut qjs::JSValue,
) -> qjs::JSValue {
    // SAFETY: the engine pads `arguments` to the declared length, and they are borrowed.
    unsafe { qjs::JS_PromiseThen(ctx, *arguments, *arguments.add(1), *arguments.add(2)) }
}

/// `standIns(prototype)`: says what the handlers inherit from that `wait` looks behind.
unsafe extern "C" fn stand_ins(
    ctx: *mut qjs::JSContext,
    _this: qjs::JSValue,
    _count: i32,
    arguments: *mut qjs::JSValue,
) -> qjs::JSValue {
    // SAFETY: the engine pads `arguments` to the declared length; what is kept gets its own reference, and the old one
    // is released.
    unsafe {
        let old = STAND_INS.replace(qjs::JS_DupValue(ctx, *arguments));
        qjs::JS_FreeValue(ctx, old);
    }
    qjs::JS_UNDEFINED
}

/// `wait(value)`: the promise that `value` stands for, and anything else as it is. Without it, the engine would ask the
/// stand-in for `then`, and call that in a job of its own.
unsafe extern "C" fn wait(
    ctx: *mut qjs::JSContext,
    _this: qjs::JSValue,
    _count: i32,
    arguments: *mut qjs::JSValue,
) -> qjs::JSValue {
    // SAFETY: the engine pads `arguments` to the declared length. The handler and its prototype come with references of
    // their own, which are released. No code of the program runs: a handler that is a proxy is not asked for anything,
    // and `promise` is a plain property of the others.
    unsafe {
        let value = *arguments;
        if !qjs::JS_IsProxy(value) {
            return qjs::JS_DupValue(ctx, value);
        }
        let handler = qjs::JS_GetProxyHandler(ctx, value);
        let mut found = qjs::JS_UNDEFINED;
        if qjs::JS_IsObject(handler) && !qjs::JS_IsProxy(handler) {
            let prototype = qjs::JS_GetPrototype(ctx, handler);
            if qjs::JS_IsStrictEqual(ctx, prototype, STAND_INS.get()) {
                found = qjs::JS_GetPropertyStr(ctx, handler, c"promise".as_ptr());
            }
            qjs::JS_FreeValue(ctx, prototype);
        }
        qjs::JS_FreeValue(ctx, handler);
        if qjs::JS_IsUndefined(found) {
            return qjs::JS_DupValue(ctx, value);
        }
        found
    }
}
