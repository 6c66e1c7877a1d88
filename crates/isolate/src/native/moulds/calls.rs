//! What calls of methods are made with: stubs, the proxies of methods and results, and promises.
#![expect(
    unsafe_code,
    reason = "these are called for each call of a method, so they are functions of the engine's C API"
)]

use std::cell::Cell;
use std::ffi::c_int;

use rquickjs::{Ctx, Function, Object, Result, Value, qjs};

use super::{Kind, NAMED, of, put};
use crate::async_context;
use crate::clone::{Engine, Owned};

thread_local! {
    /// The target of proxies. Owned.
    static TARGET: Cell<qjs::JSValue> = const { Cell::new(qjs::JS_UNDEFINED) };
}

pub(super) fn export<'js>(ctx: &Ctx<'js>, exports: &Object<'js>) -> Result<()> {
    // What an engine before this one had went with it.
    TARGET.set(qjs::JS_UNDEFINED);
    exports.set("proxyTarget", Function::new(ctx.clone(), proxy_target)?)?;
    async_context::export(ctx, exports, linked_params, c"linkedParams", 2)?;
    async_context::export(ctx, exports, object_stub, c"objectStub", 3)?;
    async_context::export(ctx, exports, stub_methods, c"stubMethods", 1)?;
    async_context::export(ctx, exports, method_proxy, c"methodProxy", 2)?;
    async_context::export(ctx, exports, promise_proxy, c"promiseProxy", 1)?;
    async_context::export(ctx, exports, promised, c"promised", 1)
}

/// `proxyTarget(function)`: what proxies of methods have as their target.
fn proxy_target<'js>(ctx: Ctx<'js>, target: Value<'js>) {
    // SAFETY: the value is alive.
    TARGET.set(unsafe { qjs::JS_DupValue(ctx.as_raw().as_ptr(), target.as_raw()) });
}

/// `linkedParams(list, record)`: the parameters of a URL with this record.
unsafe extern "C" fn linked_params(
    ctx: *mut qjs::JSContext,
    _this: qjs::JSValue,
    _count: c_int,
    arguments: *mut qjs::JSValue,
) -> qjs::JSValue {
    // SAFETY: the engine pads the arguments to the declared length.
    unsafe { made_of::<2>(ctx, Kind::Params, arguments) }
}

/// `objectStub(methods, name, id)`: a stub of a Durable Object.
unsafe extern "C" fn object_stub(
    ctx: *mut qjs::JSContext,
    _this: qjs::JSValue,
    _count: c_int,
    arguments: *mut qjs::JSValue,
) -> qjs::JSValue {
    // SAFETY: as above.
    unsafe { made_of::<3>(ctx, Kind::Stub, arguments) }
}

/// An object with these properties.
///
/// # Safety
/// So many arguments have to be there.
unsafe fn made_of<const N: usize>(
    ctx: *mut qjs::JSContext,
    kind: Kind,
    arguments: *mut qjs::JSValue,
) -> qjs::JSValue {
    let engine = Engine::bare(ctx);
    // SAFETY: as above.
    let values = std::array::from_fn::<_, N, _>(|index| unsafe { *arguments.add(index) });
    let values = values.map(|value| engine.duplicate(value));
    let made = of(kind).and_then(|mould| mould.make(&engine, values));
    made.map_or(qjs::JS_EXCEPTION, Owned::into_raw)
}

/// `stubMethods(value)`: where calls of a Durable Object's stub go; undefined for what is none.
unsafe extern "C" fn stub_methods(
    ctx: *mut qjs::JSContext,
    _this: qjs::JSValue,
    _count: c_int,
    arguments: *mut qjs::JSValue,
) -> qjs::JSValue {
    let engine = Engine::bare(ctx);
    // SAFETY: the engine pads the arguments to the declared length.
    let value = unsafe { *arguments };
    let mould = of(Kind::Stub).ok();
    let methods = mould.and_then(|mould| mould.own(&engine, value, mould.names[0]));
    methods.map_or(qjs::JS_UNDEFINED, Owned::into_raw)
}

/// `methodProxy(source, key)`: a method or property of what is behind `source`, not asked for yet.
unsafe extern "C" fn method_proxy(
    ctx: *mut qjs::JSContext,
    _this: qjs::JSValue,
    _count: c_int,
    arguments: *mut qjs::JSValue,
) -> qjs::JSValue {
    let engine = Engine::bare(ctx);
    // SAFETY: the engine pads the arguments to the declared length.
    let [source, key] =
        unsafe { [*arguments, *arguments.add(1)] }.map(|value| engine.duplicate(value));
    let path = engine.array([key]);
    let made = path.and_then(|path| of(Kind::PropertyHandler)?.make(&engine, [source, path]));
    proxy(&engine, made)
}

/// `promiseProxy(promise)`: what a call gives.
unsafe extern "C" fn promise_proxy(
    ctx: *mut qjs::JSContext,
    _this: qjs::JSValue,
    _count: c_int,
    arguments: *mut qjs::JSValue,
) -> qjs::JSValue {
    let engine = Engine::bare(ctx);
    // SAFETY: the engine pads the arguments to the declared length.
    let promise = engine.duplicate(unsafe { *arguments });
    let made = of(Kind::PromiseHandler).and_then(|mould| mould.make(&engine, [promise]));
    proxy(&engine, made)
}

fn proxy(engine: &Engine, handler: Result<Owned<'_>>) -> qjs::JSValue {
    match handler {
        // SAFETY: both are alive; the proxy has references of its own.
        Ok(handler) => unsafe { qjs::JS_NewProxy(engine.ctx, TARGET.get(), handler.raw()) },
        Err(_) => qjs::JS_EXCEPTION,
    }
}

/// `promised(pending)`: a promise that `pending.settle` and `pending.fail` settle from now on.
unsafe extern "C" fn promised(
    ctx: *mut qjs::JSContext,
    _this: qjs::JSValue,
    _count: c_int,
    arguments: *mut qjs::JSValue,
) -> qjs::JSValue {
    let engine = Engine::bare(ctx);
    let mut functions = [qjs::JS_UNDEFINED; 2];
    // SAFETY: the engine pads the arguments to the declared length, and it gives two functions with the promise.
    unsafe {
        let Ok(promise) = engine.own(qjs::JS_NewPromiseCapability(ctx, functions.as_mut_ptr()))
        else {
            return qjs::JS_EXCEPTION;
        };
        let [Ok(settle), Ok(fail)] = functions.map(|function| engine.own(function)) else {
            return qjs::JS_EXCEPTION;
        };
        let named = NAMED.get();
        let put = |name, function| put(&engine, *arguments, name, function);
        match put(named.settle, settle).and_then(|()| put(named.fail, fail)) {
            Ok(()) => promise.into_raw(),
            Err(_) => qjs::JS_EXCEPTION,
        }
    }
}
