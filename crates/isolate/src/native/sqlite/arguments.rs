//! Arguments of `exec`: from JavaScript values to what SQLite binds.
#![expect(
    unsafe_code,
    reason = "values are read through the engine's own functions, strings and buffers without a copy"
)]

use std::ffi::CStr;

use rquickjs::qjs;
use sqlite::{SQLITE_STATIC, SQLITE_TRANSIENT};

use super::cursor::throw_type;
use super::error::Error;
use super::statement::Statement;

/// An argument of `exec`, before it is bound.
enum Bound {
    Null,
    Number(f64),
    /// From `JS_ToCStringLen2`; to be given back.
    Text(*const std::ffi::c_char, usize),
    /// An object with bytes: which ones is only looked up when no more code can run.
    Bytes(qjs::JSValue),
    /// A DataView, which the engine only shows through properties.
    Copy(Vec<u8>),
}

pub(crate) struct Arguments {
    ctx: *mut qjs::JSContext,
    list: Vec<Bound>,
}

impl Drop for Arguments {
    fn drop(&mut self) {
        for bound in &self.list {
            if let Bound::Text(text, _) = bound {
                // SAFETY: each text is given back once.
                unsafe { qjs::JS_FreeCString(self.ctx, *text) };
            }
        }
    }
}

impl Arguments {
    /// Converts as Workers do. An error has been thrown.
    ///
    /// # Safety
    /// `values` shows `count` values.
    pub(crate) unsafe fn read(
        ctx: *mut qjs::JSContext,
        count: usize,
        values: *const qjs::JSValue,
    ) -> Result<Self, ()> {
        let mut arguments = Self {
            ctx,
            list: Vec::with_capacity(count),
        };
        for index in 0..count {
            // SAFETY: as the caller promised; the tags say which of the engine's readers fits.
            let bound = unsafe {
                let value = *values.add(index);
                match qjs::JS_VALUE_GET_NORM_TAG(value) {
                    qjs::JS_TAG_NULL | qjs::JS_TAG_UNDEFINED => Bound::Null,
                    qjs::JS_TAG_INT => Bound::Number(f64::from(qjs::JS_VALUE_GET_INT(value))),
                    qjs::JS_TAG_FLOAT64 => Bound::Number(qjs::JS_VALUE_GET_FLOAT64(value)),
                    qjs::JS_TAG_BIG_INT | qjs::JS_TAG_SHORT_BIG_INT => {
                        throw_type(ctx, c"Cannot convert a BigInt value to a number");
                        return Err(());
                    }
                    qjs::JS_TAG_SYMBOL => {
                        throw_type(ctx, c"Cannot convert a Symbol value to a string");
                        return Err(());
                    }
                    qjs::JS_TAG_OBJECT if has_bytes(value) => Bound::Bytes(value),
                    qjs::JS_TAG_OBJECT if qjs::JS_IsDataView(value) => {
                        Bound::Copy(data_view(ctx, value)?)
                    }
                    _ => {
                        let mut bytes = 0;
                        let text = qjs::JS_ToCStringLen2(ctx, &raw mut bytes, value, false);
                        if text.is_null() {
                            return Err(());
                        }
                        Bound::Text(text, bytes as usize)
                    }
                }
            };
            arguments.list.push(bound);
        }
        Ok(arguments)
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.list.len()
    }

    /// Binds everything. What is bound stays as long as this, if `stays`.
    pub(crate) fn bind(&self, statement: &Statement, stays: bool) -> Result<(), Error> {
        let lifetime = if stays {
            SQLITE_STATIC
        } else {
            SQLITE_TRANSIENT
        };
        for (index, bound) in self.list.iter().enumerate() {
            match *bound {
                Bound::Null => statement.bind_null(index)?,
                Bound::Number(value) => statement.bind_number(index, value)?,
                Bound::Copy(ref bytes) => statement.bind_bytes(index, bytes)?,
                // SAFETY: the texts live as long as `self`; bytes of buffers stay while no JavaScript runs, and none
                // runs in a statement.
                Bound::Text(text, bytes) => unsafe {
                    statement.bind_text_raw(index, text.cast(), bytes, lifetime)?;
                },
                Bound::Bytes(object) => unsafe {
                    let (bytes, count) = bytes_of(self.ctx, object);
                    statement.bind_bytes_raw(index, bytes, count, lifetime)?;
                },
            }
        }
        Ok(())
    }
}

/// Whether an object is an ArrayBuffer or a typed array.
fn has_bytes(object: qjs::JSValue) -> bool {
    // SAFETY: both only look at the object's class.
    unsafe { qjs::JS_IsArrayBuffer(object) || is_typed_array(object) }
}

/// # Safety
/// `object` is an object.
unsafe fn is_typed_array(object: qjs::JSValue) -> bool {
    // SAFETY: as the caller promised. Below the first type come other classes.
    let index = unsafe { qjs::JS_GetTypedArrayType(object) };
    index >= 0
}

/// The bytes that a DataView shows. An error has been thrown.
fn data_view(ctx: *mut qjs::JSContext, view: qjs::JSValue) -> Result<Vec<u8>, ()> {
    // SAFETY: the context is alive, and each value that is made is dropped.
    unsafe {
        let number = |name: &CStr| {
            let value = qjs::JS_GetPropertyStr(ctx, view, name.as_ptr());
            let mut number = 0.0;
            let failed =
                qjs::JS_IsException(value) || qjs::JS_ToFloat64(ctx, &raw mut number, value) != 0;
            qjs::JS_FreeValue(ctx, value);
            if failed { Err(()) } else { Ok(number as usize) }
        };
        let (start, length) = (number(c"byteOffset")?, number(c"byteLength")?);
        let buffer = qjs::JS_GetPropertyStr(ctx, view, c"buffer".as_ptr());
        let mut count = 0;
        let bytes = qjs::JS_GetArrayBuffer(ctx, &raw mut count, buffer);
        qjs::JS_FreeValue(ctx, buffer);
        if bytes.is_null() {
            return Err(());
        }
        let all = std::slice::from_raw_parts(bytes, count as usize);
        let shown = all.get(start..start.saturating_add(length));
        Ok(shown.unwrap_or_default().to_vec())
    }
}

/// The bytes of such an object, as they are now; none when its buffer is detached.
fn bytes_of(ctx: *mut qjs::JSContext, object: qjs::JSValue) -> (*const u8, usize) {
    let none = (std::ptr::NonNull::<u8>::dangling().as_ptr().cast_const(), 0);
    // SAFETY: the object is an ArrayBuffer or a view; the exception of a detached one is dropped.
    unsafe {
        let (mut count, mut start, mut length, mut element) = (0, 0, 0, 0);
        if qjs::JS_IsArrayBuffer(object) {
            let bytes = qjs::JS_GetArrayBuffer(ctx, &raw mut count, object);
            if bytes.is_null() {
                qjs::JS_FreeValue(ctx, qjs::JS_GetException(ctx));
                return none;
            }
            return (bytes, count as usize);
        }
        let buffer = qjs::JS_GetTypedArrayBuffer(
            ctx,
            object,
            &raw mut start,
            &raw mut length,
            &raw mut element,
        );
        if qjs::JS_IsException(buffer) {
            qjs::JS_FreeValue(ctx, qjs::JS_GetException(ctx));
            return none;
        }
        let bytes = qjs::JS_GetArrayBuffer(ctx, &raw mut count, buffer);
        qjs::JS_FreeValue(ctx, buffer);
        if bytes.is_null() || start + length > count {
            qjs::JS_FreeValue(ctx, qjs::JS_GetException(ctx));
            return none;
        }
        (bytes.add(start as usize), length as usize)
    }
}
