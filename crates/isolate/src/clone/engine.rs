//! The engine's C API, as far as the codec needs it, with references that are released.
#![expect(
    unsafe_code,
    reason = "the codec is on the hot path of every call between isolates, so it uses the engine's C API"
)]

use std::cell::Cell;
use std::ptr::NonNull;

use rquickjs::{Array, Ctx, Error, Result, Value, qjs};

use super::{Complaint, Helper};

/// A value with one owned reference.
pub(crate) struct Owned<'a> {
    engine: &'a Engine,
    value: qjs::JSValue,
}

impl Owned<'_> {
    pub(crate) fn raw(&self) -> qjs::JSValue {
        self.value
    }

    /// Gives the reference away.
    pub(crate) fn into_raw(self) -> qjs::JSValue {
        let value = self.value;
        std::mem::forget(self);
        value
    }

    /// The same for code that knows no raw values, in the same context.
    pub(crate) fn into_value<'js>(self, ctx: &Ctx<'js>) -> Value<'js> {
        // SAFETY: the one reference is given away.
        unsafe { Value::from_raw(ctx.clone(), self.into_raw()) }
    }
}

impl Drop for Owned<'_> {
    fn drop(&mut self) {
        // SAFETY: one reference is owned, and this is its end.
        unsafe { qjs::JS_FreeValue(self.engine.ctx, self.value) };
    }
}

/// A context, the codec's functions, and the caller's session object.
pub(crate) struct Engine {
    pub(crate) ctx: *mut qjs::JSContext,
    codec: qjs::JSValue,
    session: qjs::JSValue,
}

impl Engine {
    /// Borrows the three for the time of one call into Rust, in which their owners keep them alive.
    pub(crate) fn new(ctx: &Ctx<'_>, codec: &Array<'_>, session: &Value<'_>) -> Self {
        Self {
            ctx: ctx.as_raw().as_ptr(),
            codec: codec.as_raw(),
            session: session.as_raw(),
        }
    }

    /// A context alone, for what needs none of the codec's functions.
    pub(crate) fn bare(ctx: *mut qjs::JSContext) -> Self {
        Self {
            ctx,
            codec: qjs::JS_UNDEFINED,
            session: qjs::JS_UNDEFINED,
        }
    }

    /// Takes over one reference, or the pending exception.
    pub(crate) fn own(&self, value: qjs::JSValue) -> Result<Owned<'_>> {
        // SAFETY: reads the tag.
        if unsafe { qjs::JS_IsException(value) } {
            return Err(Error::Exception);
        }
        Ok(Owned {
            engine: self,
            value,
        })
    }

    /// Lets go of the exception that is pending.
    pub(crate) fn forget(&self) {
        // SAFETY: the context is alive, and what it gives is owned.
        drop(Owned {
            engine: self,
            value: unsafe { qjs::JS_GetException(self.ctx) },
        });
    }

    /// A second reference to a live value.
    pub(crate) fn duplicate(&self, value: qjs::JSValue) -> Owned<'_> {
        Owned {
            engine: self,
            // SAFETY: the value is alive.
            value: unsafe { qjs::JS_DupValue(self.ctx, value) },
        }
    }

    pub(crate) fn session(&self) -> qjs::JSValue {
        self.session
    }

    /// The context, for code that knows no raw values. May be had while its code runs.
    pub(crate) fn context(&self) -> Result<Ctx<'_>> {
        let context = NonNull::new(self.ctx).ok_or(Error::Unknown)?;
        // SAFETY: the context is alive while its code runs.
        Ok(unsafe { Ctx::from_raw(context) })
    }

    /// Calls one of the codec's functions.
    pub(super) fn call(&self, helper: Helper, arguments: &mut [qjs::JSValue]) -> Result<Owned<'_>> {
        // SAFETY: the codec array is alive and never handed to user code; arguments are borrowed by the engine.
        unsafe {
            let function = self.own(qjs::JS_GetPropertyUint32(
                self.ctx,
                self.codec,
                helper as u32,
            ))?;
            let count = i32::try_from(arguments.len()).unwrap_or(0);
            self.own(qjs::JS_Call(
                self.ctx,
                function.raw(),
                qjs::JS_UNDEFINED,
                count,
                arguments.as_mut_ptr(),
            ))
        }
    }

    /// Throws what the codec throws for `complaint`.
    pub(super) fn complain(&self, complaint: Complaint, value: qjs::JSValue) -> Error {
        let kind = qjs::JS_MKVAL(qjs::JS_TAG_INT, complaint as i32);
        match self.call(Helper::Complain, &mut [kind, value]) {
            Err(error) => error,
            Ok(_) => Error::Unknown,
        }
    }

    /// Element `index` of an array.
    pub(crate) fn element(&self, array: qjs::JSValue, index: u32) -> Result<Owned<'_>> {
        // SAFETY: `array` is alive; the result owns its reference.
        self.own(unsafe { qjs::JS_GetPropertyUint32(self.ctx, array, index) })
    }

    /// The length of an array or a text.
    pub(crate) fn length(&self, array: qjs::JSValue) -> Result<u64> {
        let mut length = 0;
        // SAFETY: `array` is alive and `length` is valid for writing.
        if unsafe { qjs::JS_GetLength(self.ctx, array, &raw mut length) } < 0 {
            return Err(Error::Exception);
        }
        Ok(u64::try_from(length).unwrap_or(0))
    }

    /// A number as a number; anything else as NaN.
    pub(crate) fn number(value: qjs::JSValue) -> f64 {
        // SAFETY: the tag says which part of the value to read.
        unsafe {
            let tag = qjs::JS_VALUE_GET_TAG(value);
            if tag == qjs::JS_TAG_INT {
                f64::from(qjs::JS_VALUE_GET_INT(value))
            } else if qjs::JS_TAG_IS_FLOAT64(tag) {
                qjs::JS_VALUE_GET_FLOAT64(value)
            } else {
                f64::NAN
            }
        }
    }

    /// A number, as an owned value like others.
    pub(crate) fn number_value(&self, number: f64) -> Owned<'_> {
        Owned {
            engine: self,
            value: self.new_number(number),
        }
    }

    /// A copy of a text.
    pub(crate) fn text(&self, text: &str) -> Result<Owned<'_>> {
        // SAFETY: so many bytes are there, and they are copied.
        self.own(unsafe { qjs::JS_NewStringLen(self.ctx, text.as_ptr().cast(), text.len() as _) })
    }

    /// A new array of these.
    pub(crate) fn array<const N: usize>(&self, values: [Owned<'_>; N]) -> Result<Owned<'_>> {
        let values = values.map(Owned::into_raw);
        // SAFETY: so many values are there, and the array takes them over whatever comes of it.
        self.own(unsafe { qjs::JS_NewArrayFrom(self.ctx, N as i32, values.as_ptr()) })
    }

    pub(crate) fn new_number(&self, number: f64) -> qjs::JSValue {
        // SAFETY: numbers own nothing.
        unsafe { qjs::JS_NewNumber(self.ctx, number) }
    }
}

/// The kinds of object that the engine itself knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Object,
    Array,
    Error,
    Boxed,
    Date,
    RegExp,
    Map,
    Set,
    Buffer,
    View,
    Other,
}

const KINDS: [Kind; 10] = [
    Kind::Object,
    Kind::Array,
    Kind::Error,
    Kind::Boxed,
    Kind::Date,
    Kind::RegExp,
    Kind::Map,
    Kind::Set,
    Kind::Buffer,
    Kind::View,
];
const CLASS_COUNT: usize = 128;

thread_local! {
    /// Kind of each of the engine's class numbers.
    static CLASSES: Cell<[Kind; CLASS_COUNT]> = const { Cell::new([Kind::Other; CLASS_COUNT]) };
}

/// Learns the engine's class numbers from samples: `[[kind, object], …]` with kinds in the order of [`Kind`].
pub(crate) fn learn_classes<'js>(samples: Array<'js>) -> Result<()> {
    let mut classes = [Kind::Other; CLASS_COUNT];
    for sample in samples.iter::<Array<'js>>() {
        let sample = sample?;
        let kind: usize = sample.get(0)?;
        let object: Value<'js> = sample.get(1)?;
        // SAFETY: the object is alive.
        let class = unsafe { qjs::JS_GetClassID(object.as_raw()) };
        if let (Some(kind), Some(slot)) = (KINDS.get(kind), classes.get_mut(class as usize)) {
            *slot = *kind;
        }
    }
    CLASSES.set(classes);
    Ok(())
}

/// The table that [`learn_classes`] filled.
pub(crate) fn classes() -> [Kind; CLASS_COUNT] {
    CLASSES.get()
}

/// Looks up a live object's kind.
pub(crate) fn kind_of(classes: &[Kind; CLASS_COUNT], object: qjs::JSValue) -> Kind {
    // SAFETY: the object is alive.
    let class = unsafe { qjs::JS_GetClassID(object) };
    classes.get(class as usize).copied().unwrap_or(Kind::Other)
}
