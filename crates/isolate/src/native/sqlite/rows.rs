//! Rows of SQLite as JavaScript values.
#![expect(
    unsafe_code,
    reason = "rows become objects through the engine's own functions, without a call for each value"
)]

use std::ffi::c_int;

use rquickjs::qjs;

use super::statement::{Columns, Datum};

/// Own and enumerable, as if assigned.
const PLAIN: c_int = qjs::JS_PROP_C_W_E as c_int;

/// A string of any bytes.
pub(crate) fn string(ctx: *mut qjs::JSContext, text: &[u8]) -> qjs::JSValue {
    // SAFETY: the engine copies the bytes, and takes any.
    unsafe { qjs::JS_NewStringLen(ctx, text.as_ptr().cast(), text.len() as _) }
}

/// A string of any bytes.
pub(crate) fn text<'js>(ctx: &rquickjs::Ctx<'js>, text: &[u8]) -> rquickjs::Value<'js> {
    // SAFETY: the one reference that is made goes to the value.
    unsafe { rquickjs::Value::from_raw(ctx.clone(), string(ctx.as_raw().as_ptr(), text)) }
}

/// One value for JavaScript.
pub(crate) fn value(ctx: *mut qjs::JSContext, datum: Datum<'_>) -> qjs::JSValue {
    match datum {
        Datum::Null => qjs::JS_NULL,
        Datum::Integer(value) => match i32::try_from(value) {
            Ok(small) => qjs::JS_MKVAL(qjs::JS_TAG_INT, small),
            Err(_) => qjs::JS_NewFloat64(value as f64),
        },
        Datum::Number(value) => qjs::JS_NewFloat64(value),
        Datum::Text(text) => string(ctx, text),
        // SAFETY: the engine copies the bytes.
        Datum::Bytes(bytes) => unsafe {
            qjs::JS_NewArrayBufferCopy(ctx, bytes.as_ptr(), bytes.len() as _)
        },
    }
}

/// One row for JavaScript. An error has been thrown.
pub(crate) fn build<'a>(
    ctx: *mut qjs::JSContext,
    columns: &Columns,
    raw: bool,
    get: impl Fn(usize) -> Datum<'a>,
) -> Result<qjs::JSValue, ()> {
    if raw {
        return build_array(ctx, columns.atoms.len(), get);
    }
    // SAFETY: the context is alive. References to values go to the row, which is dropped when one cannot be made.
    unsafe {
        let row = qjs::JS_NewObject(ctx);
        if qjs::JS_IsException(row) {
            return Err(());
        }
        for (index, atom) in columns.atoms.iter().enumerate() {
            let value = value(ctx, get(index));
            if qjs::JS_IsException(value)
                || qjs::JS_DefinePropertyValue(ctx, row, *atom, value, PLAIN) < 0
            {
                qjs::JS_FreeValue(ctx, row);
                return Err(());
            }
        }
        Ok(row)
    }
}

fn build_array<'a>(
    ctx: *mut qjs::JSContext,
    count: usize,
    get: impl Fn(usize) -> Datum<'a>,
) -> Result<qjs::JSValue, ()> {
    let (mut few, mut many) = ([qjs::JS_UNDEFINED; 16], Vec::new());
    let values = if count <= few.len() {
        &mut few[..count]
    } else {
        many.resize(count, qjs::JS_UNDEFINED);
        &mut many[..]
    };
    for (index, place) in values.iter_mut().enumerate() {
        *place = value(ctx, get(index));
    }
    // SAFETY: the context is alive. The array takes over the values, or each is dropped here.
    unsafe {
        if values.iter().any(|value| qjs::JS_IsException(*value)) {
            for value in values {
                qjs::JS_FreeValue(ctx, *value);
            }
            return Err(());
        }
        let array = qjs::JS_NewArrayFrom(ctx, c_int::try_from(count).unwrap_or(0), values.as_ptr());
        if qjs::JS_IsException(array) {
            return Err(());
        }
        Ok(array)
    }
}
