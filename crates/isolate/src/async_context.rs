//! The current asynchronous context: one JavaScript value per thread of execution.
//!
//! The engine has no hook around continuations of `await`. Every job therefore starts with no context, and code that
//! continues something sets its own: `then` callbacks and timers by wrapping, `await` by a pass of the bundler that
//! surrounds it with these two functions.
#![expect(
    unsafe_code,
    reason = "a raw engine value lives across calls, and C function pointers cost least here"
)]

use std::cell::Cell;

use rquickjs::{Ctx, Object, Result, Value, qjs};

thread_local! {
    /// Owned: one reference is held for as long as the value is in the slot.
    static SLOT: Cell<qjs::JSValue> = const { Cell::new(qjs::JS_UNDEFINED) };
}

/// Puts the getter and the setter on `target` as `get` and `set`.
pub(crate) fn install<'js>(ctx: &Ctx<'js>, target: &Object<'js>) -> Result<()> {
    target.set("get", function(ctx, get, c"get", 0))?;
    target.set("set", function(ctx, set, c"set", 2))
}

fn function<'js>(
    ctx: &Ctx<'js>,
    callback: unsafe extern "C" fn(
        *mut qjs::JSContext,
        qjs::JSValue,
        i32,
        *mut qjs::JSValue,
    ) -> qjs::JSValue,
    name: &std::ffi::CStr,
    length: i32,
) -> Value<'js> {
    // SAFETY: the context is alive, `callback` has the engine's generic signature, and `from_js_value` takes over the
    // one reference that `JS_NewCFunction2` returns.
    unsafe {
        let value = qjs::JS_NewCFunction2(
            ctx.as_raw().as_ptr(),
            Some(callback),
            name.as_ptr(),
            length,
            qjs::JSCFunctionEnum_JS_CFUNC_generic,
            0,
        );
        Value::from_raw(ctx.clone(), value)
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
