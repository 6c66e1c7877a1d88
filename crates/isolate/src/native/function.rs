//! Functions that the engine calls without conversions, for what happens all the time.
#![expect(unsafe_code, reason = "these are functions of the engine's C API")]

use std::ffi::{CStr, c_int};

use rquickjs::{Ctx, Object, Result, Value, qjs};

use crate::clone::Engine;

pub(crate) type Native = unsafe extern "C" fn(
    *mut qjs::JSContext,
    qjs::JSValue,
    c_int,
    *mut qjs::JSValue,
) -> qjs::JSValue;

/// What the engine calls for a [`Work`].
macro_rules! entry {
    ($work:path) => {{
        unsafe extern "C" fn entry(
            ctx: *mut qjs::JSContext,
            this: qjs::JSValue,
            count: std::ffi::c_int,
            arguments: *mut qjs::JSValue,
        ) -> qjs::JSValue {
            // SAFETY: they are the engine's.
            unsafe { $crate::native::function::native(ctx, this, count, arguments, $work) }
        }
        entry
    }};
}
pub(crate) use entry;

/// The arguments of a call, as many as were given.
pub(crate) struct Arguments<'a>(pub(crate) &'a [qjs::JSValue]);

impl Arguments<'_> {
    pub(crate) fn at(&self, index: usize) -> qjs::JSValue {
        self.0.get(index).copied().unwrap_or(qjs::JS_UNDEFINED)
    }
}

/// What a function does with its receiver and its arguments.
pub(crate) type Work = fn(&Engine, qjs::JSValue, &Arguments<'_>) -> Result<qjs::JSValue>;

/// Runs what a function does, and throws what goes wrong.
///
/// # Safety
/// The arguments have to be those that the engine called the function with.
pub(crate) unsafe fn native(
    ctx: *mut qjs::JSContext,
    this: qjs::JSValue,
    count: c_int,
    arguments: *mut qjs::JSValue,
    work: Work,
) -> qjs::JSValue {
    let engine = Engine::bare(ctx);
    let arguments = match usize::try_from(count) {
        // SAFETY: the engine gives so many, which live while the function runs.
        Ok(count @ 1..) => unsafe { std::slice::from_raw_parts(arguments, count) },
        _ => &[],
    };
    work(&engine, this, &Arguments(arguments)).unwrap_or(qjs::JS_EXCEPTION)
}

/// Puts a function on `target` that the engine calls without conversions. It gets at least `length` arguments.
pub(crate) fn export<'js>(
    ctx: &Ctx<'js>,
    target: &Object<'js>,
    callback: Native,
    name: &CStr,
    length: i32,
) -> Result<()> {
    // SAFETY: the context is alive, `callback` has the engine's generic signature, and `from_js_value` takes over the
    // one reference that `JS_NewCFunction2` returns.
    let function = unsafe {
        let value = qjs::JS_NewCFunction2(
            ctx.as_raw().as_ptr(),
            Some(callback),
            name.as_ptr(),
            length,
            qjs::JSCFunctionEnum_JS_CFUNC_generic,
            0,
        );
        Value::from_raw(ctx.clone(), value)
    };
    target.set(&*name.to_string_lossy(), function)
}
