//! `atoll:native/transform`: what `createWorker()` does without bundling, as long as it is small.

use rquickjs::{Ctx, Function, Object, Result, TypedArray, Value};

use super::bytes::with_bytes;
use crate::state;

pub(crate) fn exports<'js>(ctx: &Ctx<'js>) -> Result<Object<'js>> {
    let exports = Object::new(ctx.clone())?;
    exports.set("transform", Function::new(ctx.clone(), transform)?)?;
    Ok(exports)
}

/// `transform(request)`: the reply of the bundler, or undefined when the request is one for the host.
fn transform<'js>(ctx: Ctx<'js>, request: TypedArray<'js, u8>) -> Result<Value<'js>> {
    let transform = state::with(|state| state.transform);
    let request = with_bytes(&request, <[u8]>::to_vec);
    match transform.and_then(|transform| transform(request)) {
        Some(reply) => TypedArray::new_copy(ctx, reply).map(TypedArray::into_value),
        None => Ok(Value::new_undefined(ctx)),
    }
}
