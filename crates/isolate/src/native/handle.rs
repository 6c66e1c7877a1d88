//! Rust values that JavaScript holds without seeing into them.

use rquickjs::class::{JsClass, Trace, Tracer, Writable};
use rquickjs::function::Constructor;
use rquickjs::{Class, Ctx, JsLifetime, Object, Result};

/// A Rust value as an object without properties, prototype or constructor.
pub(crate) struct Handle<T>(pub(crate) T);

impl<'js, T: 'static> Trace<'js> for Handle<T> {
    fn trace<'a>(&self, _tracer: Tracer<'a, 'js>) {}
}

#[expect(unsafe_code, reason = "the engine's lifetime marker")]
// SAFETY: `T: 'static` holds nothing with the engine's lifetime.
unsafe impl<'js, T: 'static> JsLifetime<'js> for Handle<T> {
    type Changed<'to> = Self;
}

impl<'js, T: 'static> JsClass<'js> for Handle<T> {
    const NAME: &'static str = "Handle";
    type Mutable = Writable;

    fn prototype(_ctx: &Ctx<'js>) -> Result<Option<Object<'js>>> {
        Ok(None)
    }

    fn constructor(_ctx: &Ctx<'js>) -> Result<Option<Constructor<'js>>> {
        Ok(None)
    }
}

impl<T: 'static> Handle<T> {
    /// Hands `value` to JavaScript, whose garbage collector drops it.
    pub(crate) fn give<'js>(ctx: &Ctx<'js>, value: T) -> Result<Class<'js, Handle<T>>> {
        Class::instance(ctx.clone(), Handle(value))
    }
}
