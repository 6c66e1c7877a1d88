//! `atoll:native/inspect`: what only the engine knows of a value.
#![expect(
    unsafe_code,
    reason = "the engine tells an object's class, a proxy's target and a promise's result through its C API alone"
)]

use rquickjs::{Array, Ctx, Function, Object, Result, Value, qjs};

pub(crate) fn exports<'js>(ctx: &Ctx<'js>) -> Result<Object<'js>> {
    let exports = Object::new(ctx.clone())?;
    exports.set("engineClass", Function::new(ctx.clone(), engine_class)?)?;
    exports.set("proxyDetails", Function::new(ctx.clone(), proxy_details)?)?;
    exports.set(
        "promiseDetails",
        Function::new(ctx.clone(), promise_details)?,
    )?;
    Ok(exports)
}

/// `engineClass(value)`: the name of the class that the engine made the object with, whatever its prototype says:
/// "Object", "Map", "Map Iterator", "Proxy", …; "" for a primitive.
fn engine_class<'js>(ctx: Ctx<'js>, value: Value<'js>) -> Result<Value<'js>> {
    if !value.is_object() {
        return rquickjs::String::from_str(ctx, "").map(rquickjs::String::into_value);
    }
    // SAFETY: the value is alive; the atom's one reference is released after its text was taken.
    unsafe {
        let raw = ctx.as_raw().as_ptr();
        let class = qjs::JS_GetClassID(value.as_raw());
        let atom = qjs::JS_GetClassName(qjs::JS_GetRuntime(raw), class);
        let name = qjs::JS_AtomToString(raw, atom);
        qjs::JS_FreeAtom(raw, atom);
        Ok(Value::from_raw(ctx.clone(), name))
    }
}

/// `proxyDetails(value)`: undefined for what is no proxy, null for a revoked one, else `[target, handler]`.
fn proxy_details<'js>(ctx: Ctx<'js>, value: Value<'js>) -> Result<Value<'js>> {
    // SAFETY: reads a tag and a class.
    if !unsafe { qjs::JS_IsProxy(value.as_raw()) } {
        return Ok(Value::new_undefined(ctx));
    }
    let raw = ctx.as_raw().as_ptr();
    // SAFETY: the value is a live proxy; both results own their references, and a revoked proxy's error is taken.
    let (target, handler) = unsafe {
        let target = qjs::JS_GetProxyTarget(raw, value.as_raw());
        if qjs::JS_IsException(target) {
            drop(ctx.catch());
            return Ok(Value::new_null(ctx));
        }
        let handler = qjs::JS_GetProxyHandler(raw, value.as_raw());
        (
            Value::from_raw(ctx.clone(), target),
            Value::from_raw(ctx.clone(), handler),
        )
    };
    if target.is_null() || target.is_undefined() {
        return Ok(Value::new_null(ctx));
    }
    let details = Array::new(ctx)?;
    details.set(0, target)?;
    details.set(1, handler)?;
    Ok(details.into_value())
}

/// `promiseDetails(promise)`: `[state, result]`.
fn promise_details<'js>(ctx: Ctx<'js>, value: Value<'js>) -> Result<Array<'js>> {
    let raw = ctx.as_raw().as_ptr();
    let details = Array::new(ctx.clone())?;
    // SAFETY: the engine answers for any value; the result owns its reference.
    unsafe {
        let state = match qjs::JS_PromiseState(raw, value.as_raw()) {
            qjs::JSPromiseStateEnum_JS_PROMISE_FULFILLED => "fulfilled",
            qjs::JSPromiseStateEnum_JS_PROMISE_REJECTED => "rejected",
            _ => "pending",
        };
        details.set(0, state)?;
        if state != "pending" {
            let result = qjs::JS_PromiseResult(raw, value.as_raw());
            details.set(1, Value::from_raw(ctx, result))?;
        }
    }
    Ok(details)
}
