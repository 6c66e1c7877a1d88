//! What calls of methods are made with: stubs, the proxies of methods and results, and promises.
#![expect(
    unsafe_code,
    reason = "these are called for each call of a method, so they are functions of the engine's C API"
)]

use std::cell::Cell;

use rquickjs::{Ctx, Function, Object, Result, Value, qjs};

use super::{Kind, NAMED, of, put};
use crate::clone::{Engine, Owned};
use crate::native::function::{self, Arguments, entry};

thread_local! {
    /// The target of proxies. Owned.
    static TARGET: Cell<qjs::JSValue> = const { Cell::new(qjs::JS_UNDEFINED) };
}

pub(super) fn export<'js>(ctx: &Ctx<'js>, exports: &Object<'js>) -> Result<()> {
    // What an engine before this one had went with it.
    TARGET.set(qjs::JS_UNDEFINED);
    exports.set("proxyTarget", Function::new(ctx.clone(), proxy_target)?)?;
    function::export(ctx, exports, entry!(stub_methods), c"stubMethods", 1)?;
    function::export(ctx, exports, entry!(method_proxy), c"methodProxy", 2)?;
    function::export(ctx, exports, entry!(promise_proxy), c"promiseProxy", 1)?;
    function::export(ctx, exports, entry!(promised), c"promised", 1)
}

/// `proxyTarget(function)`: what proxies of methods have as their target.
fn proxy_target<'js>(ctx: Ctx<'js>, target: Value<'js>) {
    // SAFETY: the value is alive.
    TARGET.set(unsafe { qjs::JS_DupValue(ctx.as_raw().as_ptr(), target.as_raw()) });
}

/// `stubMethods(value)`: where calls of a Durable Object's stub go; undefined for what is none.
fn stub_methods(
    engine: &Engine,
    _this: qjs::JSValue,
    arguments: &Arguments<'_>,
) -> Result<qjs::JSValue> {
    let mould = of(Kind::Stub)?;
    let methods = mould.own(engine, arguments.at(0), mould.names[0]);
    Ok(methods.map_or(qjs::JS_UNDEFINED, Owned::into_raw))
}

/// `methodProxy(source, key)`: a method or property of what is behind `source`, not asked for yet.
fn method_proxy(
    engine: &Engine,
    _this: qjs::JSValue,
    arguments: &Arguments<'_>,
) -> Result<qjs::JSValue> {
    let source = engine.duplicate(arguments.at(0));
    let path = engine.array([engine.duplicate(arguments.at(1))])?;
    proxy(
        engine,
        &of(Kind::PropertyHandler)?.make(engine, [source, path])?,
    )
}

/// `promiseProxy(promise)`: what a call gives.
fn promise_proxy(
    engine: &Engine,
    _this: qjs::JSValue,
    arguments: &Arguments<'_>,
) -> Result<qjs::JSValue> {
    let promise = engine.duplicate(arguments.at(0));
    proxy(engine, &of(Kind::PromiseHandler)?.make(engine, [promise])?)
}

fn proxy(engine: &Engine, handler: &Owned<'_>) -> Result<qjs::JSValue> {
    // SAFETY: both are alive; the proxy has references of its own.
    let made = unsafe { qjs::JS_NewProxy(engine.ctx, TARGET.get(), handler.raw()) };
    engine.own(made).map(Owned::into_raw)
}

/// `promised(pending)`: a promise that `pending.settle` and `pending.fail` settle from now on.
fn promised(
    engine: &Engine,
    _this: qjs::JSValue,
    arguments: &Arguments<'_>,
) -> Result<qjs::JSValue> {
    let mut functions = [qjs::JS_UNDEFINED; 2];
    // SAFETY: the engine gives two functions with the promise, and what they are given to is a plain object.
    unsafe {
        let made = qjs::JS_NewPromiseCapability(engine.ctx, functions.as_mut_ptr());
        let promise = engine.own(made)?;
        let [settle, fail] = functions.map(|function| engine.own(function));
        let named = NAMED.get();
        put(engine, arguments.at(0), named.settle, settle?)?;
        put(engine, arguments.at(0), named.fail, fail?)?;
        Ok(promise.into_raw())
    }
}
