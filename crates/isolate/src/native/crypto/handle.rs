//! Rust values that JavaScript holds without seeing into them.

use rquickjs::class::{JsClass, Trace, Tracer, Writable};
use rquickjs::function::Constructor;
use rquickjs::{Class, Ctx, JsLifetime, Object, Result};

/// An object without properties around a Rust value: no constructor and no prototype leads to it.
pub(super) struct Handle<T>(pub(super) T);

impl<'js, T: 'static> Trace<'js> for Handle<T> {
    fn trace<'a>(&self, _tracer: Tracer<'a, 'js>) {}
}

#[expect(unsafe_code, reason = "the engine's lifetime marker")]
// SAFETY: `T: 'static` has nothing of the engine's lifetime in it.
unsafe impl<'js, T: 'static> JsLifetime<'js> for Handle<T> {
    type Changed<'to> = Self;
}

impl<'js, T: 'static> JsClass<'js> for Handle<T> {
    const NAME: &'static str = "NativeHandle";
    type Mutable = Writable;

    fn prototype(_ctx: &Ctx<'js>) -> Result<Option<Object<'js>>> {
        Ok(None)
    }

    fn constructor(_ctx: &Ctx<'js>) -> Result<Option<Constructor<'js>>> {
        Ok(None)
    }
}

/// Hands `value` to JavaScript.
pub(super) fn handle<'js, T: 'static>(ctx: &Ctx<'js>, value: T) -> Result<Class<'js, Handle<T>>> {
    Class::instance(ctx.clone(), Handle(value))
}
